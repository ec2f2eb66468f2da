# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
Requests that come from the host by a network card, against the client's count, /proc/interrupts and
the events of tracefs.
"""

import bisect
import collections

import account
from harness import check, end_ts, stim_ts

REQUESTS = 120
# Longer than the server needs to fall asleep again, in a guest that shares its host: one thread
# emulates both CPUs, the other CPU may have it for 100 ms. With less, a request finds the server awake.
THINK_US = 60000
# One in 50: a request that came too early all the same, or whose wake-up came before the sleep.
TOLERANCE = REQUESTS // 50
CONNECTION = 1  # its end wakes the worker, too
# By the clock of the same guest, from the tracefs event to ours at the same tracepoint. The emulator
# may stop a CPU in between; distances are only used to find the event that belongs to a response.
NEAR_NS = 3 * 10 ** 6

# What may lie between two steps: the one who works is preempted, interrupted or waits for a lock.
IN_WORK = {'running', 'preempted', 'interrupted', 'lock', 'task', 'wakeup', 'steal'}


def path_problem(segments, line, threaded):
    """What is wrong with a response's segments, or None: irq, [its thread], NET_RX, task."""
    kinds = [x['kind'] for x in segments]
    at = [kinds.index(k) if k in kinds else -1 for k in ('irq', 'softirq')]
    if kinds[0] != 'irq' or at[1] < 0:
        return 'no irq first, or no softirq'
    thread = [k for k in kinds[1:at[1]] if k != 'softirq_delay']
    if threaded and (thread[:1] != ['wakeup'] or 'running' not in thread):
        return 'the thread of the line is not between irq and softirq'
    if not threaded and thread:
        return 'something between irq and softirq'
    names = {(x.get('culprit') or {}).get('comm', '') for x in segments[1:at[1]] if x['kind'] == 'running'}
    if any(not name.startswith('irq/%d-' % line.nr) for name in names):
        return 'work between irq and softirq is said to be of %s' % names
    if set(thread) - IN_WORK:
        return 'in the thread: %s' % set(thread)
    work = [k for k in kinds[at[1] + 1:] if k not in ('interrupted', 'preempted')]
    if work[:1] == ['running'] and threaded and 'wakeup' in work:  # the thread had more to do before it passed on
        work = work[work.index('wakeup'):]
    if work[:1] != ['wakeup'] or 'running' not in work:
        return 'the worker was not woken by the softirq, and ran'
    return None


def own_events(g, line, tid):
    """What tracefs is to record: this line, NET_RX, this thread."""
    return {'irq/irq_handler_entry': 'irq == %d' % line.nr,
            'irq/softirq_raise': 'vec == 3', 'irq/softirq_entry': 'vec == 3', 'irq/softirq_exit': 'vec == 3',
            'sched/sched_waking': 'pid == %d' % tid, 'sched/sched_switch': 'prev_pid == %d || next_pid == %d' % (tid, tid)}


class Truth:
    """tracefs' account of one thread's wake-ups by one line."""

    def __init__(self, events, tid):
        self.by = collections.defaultdict(list)
        for e in events:
            self.by[e.name].append(e)
        self.tid = tid
        self.taken = set()

    def _after(self, name, ns, wanted=lambda e: True):
        events = self.by[name]
        for e in events[bisect.bisect_left([e.ns for e in events], ns):]:
            if wanted(e):
                return e
        return None

    def _nearest(self, name, ns):
        return min(self.by[name], key=lambda e: abs(e.ns - ns), default=None)

    def problem(self, s):
        """Why a response does not fit to it, or None."""
        entry = self._nearest('irq_handler_entry', stim_ts(s))
        if entry is None or abs(entry.ns - stim_ts(s)) > NEAR_NS:
            return 'no interrupt at its stimulus'
        if entry.cpu != s['stimulus']['cpu']:
            return 'interrupt on cpu%d, stimulus on cpu%d' % (entry.cpu, s['stimulus']['cpu'])
        if entry in self.taken:
            return 'two responses for one interrupt'
        self.taken.add(entry)
        softirq = self._after('softirq_entry', entry.ns)
        waking = self._after('sched_waking', softirq.ns if softirq else 1 << 62)
        runs = self._after('sched_switch', waking.ns if waking else 1 << 62, lambda e: e.field('next_pid') == str(self.tid))
        leaves = self._after('sched_switch', runs.ns if runs else 1 << 62,
                             lambda e: e.field('prev_pid') == str(self.tid) and not e.field('prev_state').startswith('R'))
        if not leaves:
            return 'not followed by softirq, wake-up, switch in, switch out'
        if s['end']['kind'] == 'idle' and abs(leaves.ns - end_ts(s)) > NEAR_NS:
            return 'its end is not where the thread blocks next'
        return None

    def excuse(self, s, line):
        """
        Why a response need not have the interrupt as its stimulus, or None: the thread itself took
        the packet from its socket's backlog, or the NET_RX that found it was raised by something else
        than the line: by NET_RX itself, another line, an IPI.
        """
        ns, cpu = stim_ts(s), s['stimulus']['cpu']
        entry, out = self._before('softirq_entry', ns + NEAR_NS, cpu), self._before('softirq_exit', ns, cpu)
        inside = entry and (not out or out.ns < entry.ns)
        if not inside and self._has_cpu(ns, cpu):
            return 'backlog'
        raised = entry and self._before('softirq_raise', entry.ns, cpu)
        return 'raised otherwise' if raised and not self._is_by_line(raised, line) else None

    def _is_by_line(self, raised, line):
        """Was it raised in the line's handler, or in its thread?"""
        if raised.comm.strip().startswith('irq/%d-' % line.nr):
            return True
        before = [self._before(name, raised.ns, raised.cpu) for name in ('irq_handler_entry', 'softirq_entry', 'softirq_exit')]
        last = max((e for e in before if e), key=lambda e: e.ns, default=None)
        return last is not None and last.name == 'irq_handler_entry'

    def _before(self, name, ns, cpu):
        return max((e for e in self.by[name] if e.ns < ns and e.cpu == cpu), key=lambda e: e.ns, default=None)

    def _has_cpu(self, ns, cpu):
        last = max((e for e in self.by['sched_switch'] if e.ns <= ns), key=lambda e: e.ns, default=None)
        return last is None or (last.cpu == cpu and last.field('next_pid') == str(self.tid))


def _worker(g, pid):
    found = [t for t, name in account.threads(g, pid).items() if name == 'mc-worker']
    check(len(found) == 1, 'threads: %s' % account.threads(g, pid))
    return found[0]


def _say(problems):
    return '%d: %s' % (len(problems), '; '.join('%s x%d' % p for p in collections.Counter(problems).most_common(4)))


def _brief(s):
    """Segments, with who is named in them."""
    return ' '.join('%s%s' % (x['kind'], '(%s)' % x['culprit'].get('comm') if x.get('culprit') else '') for x in s['segments'])


def guest_network(g):
    """Each request to memcached is one response: irq, its thread if it has one, NET_RX, worker, idle"""
    pid, port = g.memcached(1)
    tid, client = _worker(g, pid), g.client(port, REQUESTS, THINK_US)
    line = account.nic_line(g)
    trace = account.Trace(g, own_events(g, line, tid))
    w = g.watch('-p', pid, '--over', '1us')
    n = g.requests(client)
    g.run('sleep 0.3')
    r = w.stop()
    truth = Truth(trace.events(), tid)
    interrupts = account.nic_line(g).total() - line.total()
    check(n == REQUESTS, '%d requests were answered' % n)
    mine = [s for s in r.slow if s['target']['tid'] == tid]
    irq = [s for s in mine if s['stimulus']['kind'] == 'irq']
    stimuli = collections.Counter((s['stimulus']['kind'], s['stimulus']['nr'], s['stimulus']['name']) for s in mine)
    figures = '%d responses of %d requests, %d by irq %d %s; %d interrupts, stimuli %s, %s' % (
        len(mine), n, len(irq), line.nr, line.name, interrupts, dict(stimuli), r.losses())
    check(len(irq) >= 0.9 * n, figures)
    check(n - TOLERANCE <= len(mine) <= n + CONNECTION + TOLERANCE, figures)
    excuses = [truth.excuse(s, line) for s in mine if s['stimulus']['kind'] != 'irq']
    figures += ', excused %s' % dict(collections.Counter(excuses))
    check(None not in excuses, 'a stimulus other than irq, and no reason for it; ' + figures)
    check(all(s['stimulus']['nr'] == line.nr and s['stimulus']['name'] == line.name for s in irq), figures)
    check(interrupts >= n, figures)
    check({s['target']['pid'] for s in r.slow} <= {pid}, 'other targets: %s' % {s['target']['comm'] for s in r.slow})
    wrong = [(p, s) for p, s in ((path_problem(s['segments'], line, g.config.threaded), s) for s in irq) if p]
    check(len(wrong) <= TOLERANCE, 'paths wrong %s; %s; such as %s' % (
        _say([p for p, _ in wrong]), figures, [_brief(s) for _, s in wrong[:3]]))
    wrong = [p for p in map(truth.problem, irq) if p]
    check(len(wrong) <= TOLERANCE, 'against tracefs %s; %s' % (_say(wrong), figures))
    ends = collections.Counter((s['end']['kind'], s['end']['syscall']) for s in irq)
    check(set(ends) <= {('idle', 'epoll_wait'), ('turn', None)}, 'ends: %s' % ends)
    return figures
