# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Direct I/O on a disk with an interrupt line, against /proc/diskstats."""

import collections

import account
from harness import check

READS = 100
# A read may be complete before its reader sleeps: there is no response; tracefs tells how many slept.
LEAST = READS // 4
TOLERANCE = 2  # interrupt and switch on two CPUs at a time


def _reads(g):
    """Reads that the disk has completed."""
    return int(g.run("awk '$3 == \"vda\" { print $4 }' /proc/diskstats"))


def path_problem(kinds, threaded):
    """irq, [its thread], [softirq or the reader's own CPU], wake-up."""
    if kinds[0] != 'irq' or kinds[-1] != 'wakeup':
        return 'begins with %s, ends with %s' % (kinds[0], kinds[-1])
    middle = [k for k in kinds[1:-1] if k not in ('interrupted', 'preempted')]
    if threaded and middle[:2] != ['wakeup', 'running']:
        return 'no thread of the line after irq: %s' % middle
    if not threaded and set(middle) - {'softirq_delay', 'softirq', 'irq'}:
        return 'between irq and wakeup: %s' % middle
    return None


def _slept(events):
    """Interrupts that found the reader asleep: each followed by its wake-up, after it was switched out."""
    count, asleep, interrupt = 0, False, False
    for e in events:
        if e.name == 'irq_handler_entry':
            interrupt = True
        elif e.name == 'sched_waking':
            count += asleep and interrupt
            asleep = interrupt = False
        elif e.field('prev_comm') == 'dd':
            asleep = e.field('prev_state')[0] == 'D'
    return count


def guest_disk(g):
    """Each direct read is one response (until run): irq, its thread or softirq, the reader"""
    line, before = account.disk_line(g), _reads(g)
    trace = account.Trace(g, {'irq/irq_handler_entry': 'irq == %d' % line.nr, 'sched/sched_waking': 'comm == "dd"',
                              'sched/sched_switch': 'prev_comm == "dd"'})
    w = g.watch('--until', 'run', '--over', '1us', command=['dd', 'if=/dev/vda', 'of=/dev/null', 'bs=4k', 'iflag=direct',
                                                          'count=%d' % READS])
    r = w.wait(90)
    check(r.status == 0, 'status %d: %s' % (r.status, r.errors))
    reads = _reads(g) - before
    check(reads == READS, 'the disk says %d reads' % reads)
    mine = [s for s in r.slow if s['stimulus']['kind'] == 'irq' and s['stimulus']['name'] == line.name]
    other = collections.Counter((s['stimulus']['kind'], s['stimulus']['name']) for s in r.slow)
    slept = _slept(trace.events())
    figures = '%d responses of %d reads, %d slept, irq %d %s; stimuli %s, %s' % (
        len(mine), reads, slept, line.nr, line.name, dict(other), r.losses())
    check(abs(len(mine) - slept) <= TOLERANCE and LEAST <= len(mine) <= reads, figures)
    check({s['stimulus']['nr'] for s in mine} == {line.nr}, figures)
    wrong = [p for p in (path_problem([x['kind'] for x in s['segments']], g.config.threaded) for s in mine) if p]
    check(len(wrong) <= TOLERANCE, 'paths: %s; %s' % (collections.Counter(wrong).most_common(3), figures))
    return figures
