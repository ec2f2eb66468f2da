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
CONNECTION = 2  # the accepted connection is handed to the worker; its end wakes it
# By the clock of the same guest, from the tracefs event to ours at the same tracepoint. The emulator
# may stop a CPU in between; distances are only used to find the event that belongs to a response.
NEAR_NS = 3 * 10 ** 6

# What may lie between two steps: the one who works is preempted, interrupted or waits for a lock.
IN_WORK = {'running', 'preempted', 'interrupted', 'lock', 'task', 'wakeup', 'steal'}


def path_problem(kinds, threaded):
    """What is wrong with the kinds of a response's segments, or None: irq, [its thread], NET_RX, task."""
    at = [kinds.index(k) if k in kinds else -1 for k in ('irq', 'softirq')]
    if kinds[0] != 'irq' or at[1] < 0:
        return 'no irq first, or no softirq'
    thread = [k for k in kinds[1:at[1]] if k != 'softirq_delay']
    if threaded and (thread[:1] != ['wakeup'] or 'running' not in thread):
        return 'the thread of the line is not between irq and softirq'
    if not threaded and thread:
        return 'something between irq and softirq'
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
    return {'irq/irq_handler_entry': 'irq == %d' % line.nr, 'irq/softirq_entry': 'vec == 3',
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

    def on_top(self):
        """How often NET_RX ran while the thread had the CPU: what arrives then waits in the socket's backlog."""
        return sum(1 for e in self.by['softirq_entry'] if e.tid == self.tid)


def _worker(g, pid):
    found = [t for t, name in account.threads(g, pid).items() if name == 'mc-worker']
    check(len(found) == 1, 'threads: %s' % account.threads(g, pid))
    return found[0]


def _say(problems):
    return '%d: %s' % (len(problems), '; '.join('%s x%d' % p for p in collections.Counter(problems).most_common(4)))


def guest_network(g):
    """Each request to memcached is one response: irq, its thread if it has one, NET_RX, worker, idle"""
    pid, port = g.memcached(1)
    tid, line = _worker(g, pid), account.nic_line(g)
    trace = account.Trace(g, own_events(g, line, tid))
    w = g.watch('-p', pid, '--over', '1us')
    n = g.requests(port, REQUESTS, THINK_US)
    g.run('sleep 0.3')
    r = w.stop()
    truth = Truth(trace.events(), tid)
    interrupts = account.nic_line(g).total() - line.total()
    check(n == REQUESTS, '%d requests were answered' % n)
    mine = [s for s in r.slow if s['target']['tid'] == tid]
    irq = [s for s in mine if s['stimulus']['kind'] == 'irq']
    stimuli = collections.Counter((s['stimulus']['kind'], s['stimulus']['nr'], s['stimulus']['name']) for s in mine)
    figures = '%d responses of %d requests (+%d for the connection) by irq %d %s; %d interrupts, stimuli %s, %s' % (
        len(irq), n, CONNECTION, line.nr, line.name, interrupts, dict(stimuli), r.losses())
    check(len(irq) >= 0.9 * n, figures)
    check(n - TOLERANCE <= len(mine) <= n + CONNECTION + TOLERANCE, figures)
    # the backlog is emptied by the thread itself, where nobody sees which interrupt filled it
    check(len(mine) - len(irq) <= truth.on_top(), '%d times NET_RX on top of it; %s' % (truth.on_top(), figures))
    check(all(s['stimulus']['nr'] == line.nr and s['stimulus']['name'] == line.name for s in irq), figures)
    check(interrupts >= n, figures)
    check({s['target']['pid'] for s in r.slow} <= {pid}, 'other targets: %s' % {s['target']['comm'] for s in r.slow})
    wrong = [p for p in (path_problem([x['kind'] for x in s['segments']], g.config.threaded) for s in irq) if p]
    check(len(wrong) <= TOLERANCE, 'paths wrong %s; %s' % (_say(wrong), figures))
    wrong = [p for p in map(truth.problem, irq) if p]
    check(len(wrong) <= TOLERANCE, 'against tracefs %s; %s' % (_say(wrong), figures))
    ends = collections.Counter((s['end']['kind'], s['end']['syscall']) for s in irq)
    check(set(ends) <= {('idle', 'epoll_wait'), ('turn', None)}, 'ends: %s' % ends)
    return figures
