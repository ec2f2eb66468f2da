# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""cyclictest's cycles against timer responses."""

import collections

import account
from harness import check

LOOPS = 300
INTERVAL_US = 10000
# A cycle that begins late finds its timer expired and does not sleep: tracefs tells how many do sleep.
LATE = LOOPS // 20
# Sleeps of the thread before its first and after its last cycle.
TOLERANCE = 2


def _cycles(g, *policy):
    trace = account.Trace(g, {'sched/sched_switch': 'prev_comm == "cyclictest" && prev_state != 0'})
    w = g.watch('--until', 'run', '--timer', '--over', '1us',
                command=['cyclictest', '-m', '-t1', '-q', '-i', INTERVAL_US, '-l', LOOPS, *policy])
    r = w.wait(120)
    check(r.status == 0, 'status %d: %s' % (r.status, r.errors))
    check(r.lost() == 0, r.losses())
    threads = collections.Counter(s['target']['tid'] for s in r.slow if s['target']['tid'] != s['target']['pid'])
    check(threads, 'no response of a thread of cyclictest, %d others' % len(r.slow))
    tid, count = threads.most_common(1)[0]
    mine = [s for s in r.slow if s['target']['tid'] == tid]
    check({(s['stimulus']['kind'], s['stimulus']['name']) for s in mine} == {('timer', 'CLOCK_MONOTONIC')},
          'stimuli: %s' % {(s['stimulus']['kind'], s['stimulus']['name']) for s in mine})
    check({s['end']['kind'] for s in mine} == {'run'}, 'ends: %s' % {s['end']['kind'] for s in mine})
    slept = account.blocked(trace.events(), tid)
    figures = '%d responses of %d cycles, slept %d times; %s' % (count, LOOPS, slept, r.losses())
    check(abs(count - slept) <= TOLERANCE and LOOPS - LATE <= count <= LOOPS + TOLERANCE, figures)
    return figures, mine


def _ordered(kinds):
    """Timer first, then the interrupt that noticed it, then the wake-up, and nothing ran yet."""
    head = [k for k in kinds if k in ('timer_slack', 'timer_delay')]
    rest = kinds[len(head):]
    return kinds[:len(head)] == head and rest[:1] == ['irq'] and rest[-1] == 'wakeup' and 'running' not in rest


def guest_timer_fifo(g):
    """Each cycle of cyclictest with SCHED_FIFO is one response with stimulus timer"""
    figures, mine = _cycles(g, '-p', 80)
    bad = [tuple(x['kind'] for x in s['segments']) for s in mine if not _ordered([x['kind'] for x in s['segments']])]
    check(len(bad) <= TOLERANCE, 'paths: %s' % collections.Counter(bad).most_common(3))
    check(all(s['budget'].get('timer_slack', 0) <= 1000 for s in mine), 'timer slack with SCHED_FIFO')
    return figures


def guest_timer_normal(g):
    """The same without a real-time policy: with timer slack, on RT by way of the thread ktimers"""
    figures, mine = _cycles(g)
    slack = sum(1 for s in mine if s['budget'].get('timer_slack', 0) > 0)
    check(slack > LOOPS / 2, '%d with timer slack; %s' % (slack, figures))
    return '%s, %d with timer slack' % (figures, slack)
