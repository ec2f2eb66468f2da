# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
Hand-offs that are not the plain one: softirqs preempted in the middle, polled by threads, steered to another
CPU, raised again by themselves, work items, locks of PREEMPT_RT. Against the events of tracefs.
"""

import bisect
import collections
import os
import signal
import subprocess
import time

import account
from account import is_coarse
from guest import NotHere, only
from harness import Fail, check, end_ts, stim_ts
from test_network import CONNECTION, NEAR_NS, TOLERANCE, _worker

START = 240  # seconds until whylate is up, on a busy host
CPU = 1  # where the path is made to lead; the target runs on the other one
MOST = 50 * 10 ** 3  # whoever held a CPU for less need not be named: see docs/design.md, who held the CPU

# Wakes up at odd times and spins: [cpu] [least and most sleep, least and most spin, us] [seconds]
HOG = '''
import os, random, sys, time
cpu, low, high, least, most, seconds = map(int, sys.argv[1:])
open('/proc/self/comm', 'w').write('hog')
os.sched_setaffinity(0, {cpu})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(90))
clock, end = time.monotonic_ns, time.monotonic() + seconds
while time.monotonic() < end:
    time.sleep(random.randint(low, high) / 1e6)
    until = clock() + random.randint(least, most) * 1000
    while clock() < until:
        pass
'''


def _spawn(g, name, source, *args):
    """A Python program that runs beside the check."""
    with open('%s/%s.py' % (g.share, name), 'w') as f:
        f.write(source)
    return g.spawn('exec python3 /share/%s.py %s' % (name, ' '.join(map(str, args))))


def _gate(g):
    """A file that isn't there yet: programs begin when it comes."""
    return '/share/gate-%d' % g.last


def _edges(s):
    """[(begin, end, segment)] of a response."""
    found, at = [], stim_ts(s)
    for x in s['segments']:
        found.append((at, at + x['ns'], x))
        at += x['ns']
    return found


def _culprit(x):
    return (x.get('culprit') or {}).get('tid')


# ---- a softirq of PREEMPT_RT, preempted in the middle

class Round:
    """softirq_entry to softirq_exit of one thread, by tracefs: who took its CPU, whom it woke."""

    def __init__(self, entry):
        self.entry, self.tid = entry, entry.tid
        self.outs, self.ins, self.waking = [], [], None

    def preemptions(self):
        """[(out, in)] before the wake-up."""
        ins = [e.ns for e in self.ins]
        return [(e, self.ins[bisect.bisect_left(ins, e.ns)]) for e in self.outs
                if self.waking and e.ns < self.waking.ns and bisect.bisect_left(ins, e.ns) < len(ins)]


def _rounds(events, tid):
    """Rounds of the one vector in the trace that woke a thread."""
    running, found = {}, []
    for e in events:
        r = running.get(e.tid)
        if e.name == 'softirq_entry':
            running[e.tid] = Round(e)
        elif e.name == 'softirq_exit' and r:
            if r.waking:
                found.append(r)
            del running[e.tid]
        elif e.name == 'sched_waking' and r and e.field('pid') == str(tid) and r.waking is None:
            r.waking = e
        elif e.name == 'sched_switch':
            if r:
                r.outs.append(e)
            back = running.get(int(e.field('next_pid')))
            if back:
                back.ins.append(e)
    return found


def _in_softirq(s):
    """[(begin, end, segment)] from the first softirq to the last: there the target is woken."""
    edges = _edges(s)
    at = [i for i, (_, _, x) in enumerate(edges) if x['kind'] == 'softirq']
    return edges[at[0]:at[-1] + 1] if at else []


def _by_wake(responses, rounds):
    """[(response, its round)]: the wake-up of the target is at the same tracepoint in both."""
    found = []
    for s in responses:
        inside = _in_softirq(s)
        near = min(rounds, key=lambda r: abs(r.waking.ns - inside[-1][1]), default=None) if inside else None
        if near and abs(near.waking.ns - inside[-1][1]) <= NEAR_NS:
            found.append((s, near))
    return found


def _preempted_problem(s, r):
    """A response against its round of softirqs, or None."""
    inside, taken = [x for _, _, x in _in_softirq(s)], r.preemptions()
    held = [x for x in inside if x['kind'] == 'preempted']
    if len(held) != len(taken):
        return '%d preemptions by tracefs, %d of ours' % (len(taken), len(held))
    if any((x.get('culprit') or {}).get('tid') not in (r.tid, None) for x in inside if x['kind'] == 'softirq'):
        return 'softirq of another thread than %d' % r.tid
    return None


def _blame(c, hog):
    """A culprit: the hog, an interrupt, which may have come on top of it, nobody or somebody else."""
    return 'hog' if c.get('tid') == hog else 'interrupt' if 'irq' in c else 'other' if c else 'nobody'


def _named(blamed):
    """
    Is it the hog? But when the emulator is held up in an interrupt, and for one in 20, which is not
    understood: nobody is named, or somebody who ran beside the hog.
    """
    return blamed['other'] + blamed['nobody'] <= 0.05 * blamed['hog'] and blamed['hog'] >= 4 * blamed['interrupt']


def _blamed(s, r, hog):
    """Who is blamed for the stretches that the hog took by tracefs."""
    held = [x.get('culprit') or {} for _, _, x in _in_softirq(s) if x['kind'] == 'preempted']
    his = [c for c, (out, _) in zip(held, r.preemptions()) if out.field('next_pid') == str(hog)]
    return [_blame(c, hog) for c in his]


def _preempt(g, pid, tid, line):
    """Requests while somebody with a higher priority takes the CPU of NET_RX again and again: (requests, result, events, hog)."""
    g.run('taskset -a -p 1 %d; echo %x > /proc/irq/%d/smp_affinity' % (pid, 1 << CPU, line.nr))
    client = g.client(g.ports[11211], 150, 20000)
    w = g.watch('-t', tid, '--until', 'run', '--over', '1us', timeout=START)
    hog = _spawn(g, 'hog', HOG, CPU, 1000, 3000, 500, 1500, 60)
    trace = account.Trace(g, {
        'irq/softirq_entry': 'vec == 3', 'irq/softirq_exit': 'vec == 3', 'sched/sched_waking': 'pid == %d' % tid,
        'sched/sched_switch': 'prev_comm ~ "irq/*" || next_comm ~ "irq/*" || prev_comm ~ "ksoft*" || next_comm ~ "ksoft*"'})
    n = g.requests(client)
    hog.signal(signal.SIGKILL)
    return n, w.stop(), trace.events(), hog.pid


@only(lambda c: c.rt)
def guest_softirq_preempted(g):
    """A softirq preempted in the middle by a real-time task: that stretch is `preempted`, and names the task"""
    pid, _ = g.memcached(1)
    tid, line = _worker(g, pid), account.nic_line(g)
    n, r, events, hog = _preempt(g, pid, tid, line)
    mine = r.of(tid)
    whole = [s for s in mine if s['stimulus']['kind'] == 'irq' and not is_coarse(s, ('softirq', 'preempted'))]
    pairs = _by_wake(whole, _rounds(events, tid))
    wrong = collections.Counter(filter(None, (_preempted_problem(s, q) for s, q in pairs)))
    blamed = collections.Counter(c for s, q in pairs for c in _blamed(s, q, hog))
    figures = '%d responses of %d requests, %d matched with their softirq; preempted by the hog %d times, blamed: %s; %s; %s' % (
        len(mine), n, len(pairs), sum(blamed.values()), dict(blamed), _stimuli(mine), r.losses())
    check(len(pairs) >= n // 2, 'too few; ' + figures)
    check(sum(blamed.values()) >= 5, 'hardly preempted; ' + figures)
    check(_named(blamed), 'the hog is not named; ' + figures)
    check(not wrong, 'paths: %s; %s' % (dict(wrong), figures))
    return figures


SLEEPS = 200

SLEEPER = '''
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
while not os.path.exists(sys.argv[3]):
    time.sleep(0.2)
for i in range(int(sys.argv[2])):
    time.sleep(0.007)
print('done', flush=True)
time.sleep(1000)
'''


def _runs(events, tid):
    """[(in, out)] of a thread that stays on its CPU."""
    found, begin = [], None
    for e in events:
        if e.name == 'sched_switch' and e.field('next_pid') == str(tid):
            begin = e.ns
        elif e.name == 'sched_switch' and e.field('prev_pid') == str(tid) and begin is not None:
            found.append((begin, e.ns))
            begin = None
    return found


def _overlap(runs, begin, end):
    return sum(max(0, min(b, end) - max(a, begin)) for a, b in runs)


@only(lambda c: c.rt)
def guest_soft_timer_held(g):
    """A normal task's timer waits for ktimers, whose CPU a real-time task has: softirq_delay, and names the task"""
    gate = _gate(g)
    sleeper = _spawn(g, 'sleeper', SLEEPER, CPU, SLEEPS, gate)
    w = g.watch('-t', sleeper.pid, '--until', 'run', '--timer', '--over', '1us', timeout=START)
    hog = _spawn(g, 'hog', HOG, CPU, 1000, 3000, 500, 1500, 60)
    trace = account.Trace(g, {'irq/softirq_entry': 'vec == 8', 'sched/sched_switch': 'prev_pid == %d || next_pid == %d' % (hog.pid, hog.pid)})
    g.run('touch ' + gate)
    _until(sleeper, 'done', 100)
    hog.signal(signal.SIGKILL)
    r = w.stop()
    events, mine = trace.events(), r.of(sleeper.pid)
    runs = _runs(events, hog.pid)
    waits = [(_overlap(runs, begin, end), end - begin, _blame(x.get('culprit') or {}, hog.pid))
             for s in mine for begin, end, x in _edges(s) if x['kind'] == 'softirq_delay' and end - begin >= 2 * MOST]
    held = [w for w in waits if w[0] > 0.6 * w[1]]
    free = [w for w in waits if not w[0]]
    blamed = collections.Counter(w[2] for w in held)
    figures = '%d responses of %d sleeps, %s; %d long waits for ktimers, the hog ran in %d of them, blamed: %s; %s' % (
        len(mine), SLEEPS, _stimuli(mine), len(waits), len(held), dict(blamed), r.losses())
    check(len(mine) >= 0.9 * SLEEPS and {s['stimulus']['kind'] for s in mine} == {'timer'}, figures)
    check(all('softirq' in s['budget'] for s in mine), 'not by way of a softirq; ' + figures)
    check(len(held) >= 5, 'hardly held up; ' + figures)
    check(_named(blamed), 'not named; ' + figures)
    check(sum(w[2] == 'hog' for w in free) <= 0.05 * len(held), 'named, and did not run; ' + figures)
    return figures


# ---- no stimulus is older than its unit of work

class Polls:
    """Complete rounds of NET_RX by tracefs."""

    def __init__(self, events):
        self.rounds, running = [], {}
        for e in events:
            if e.name == 'softirq_entry':
                running[e.cpu, e.tid] = e
            elif e.name == 'softirq_exit' and (e.cpu, e.tid) in running:
                self.rounds.append((running.pop((e.cpu, e.tid)), e))
        self.rounds.sort(key=lambda r: r[0].ns)
        self.begins = [entry.ns for entry, _ in self.rounds]

    def inside(self, begin, end, wanted):
        """Rounds that began and ended between two times."""
        found = []
        for entry, leave in self.rounds[bisect.bisect_left(self.begins, begin):]:
            if entry.ns >= end:
                break
            if leave.ns <= end and wanted(entry):
                found.append(entry)
        return found

    def at(self, ns, cpu):
        """The round that goes on at this time."""
        for entry, leave in reversed(self.rounds[:bisect.bisect_right(self.begins, ns)]):
            if entry.cpu == cpu and leave.ns + 1000 >= ns:  # its times are whole microseconds
                return entry
        return None


def _is_thread(e):
    return e.comm.strip().startswith('irq/')


def stale(s, polls, threaded):
    """
    Why a response's stimulus is older than the rounds on its path, or None. A whole round in between
    is somebody else's: since the raise, one of that CPU; since the stimulus, one of its CPU or, where
    they run in threads, of the line's thread.
    """
    soft = [(i, edge) for i, edge in enumerate(_edges(s)) if edge[2]['kind'] == 'softirq']
    for i, (begin, _, x) in soft:
        raised = begin - (s['segments'][i - 1]['ns'] if i and s['segments'][i - 1]['kind'] == 'softirq_delay' else 0)
        if polls.inside(raised, begin, lambda e: e.cpu == x['cpu']):
            return 'a whole round since the raise'
    if not soft:
        return None
    begin, end, x = soft[0][1]
    entry = polls.at(end, x['cpu'])
    if threaded:
        mine = entry and _is_thread(entry) and polls.inside(stim_ts(s), begin, lambda e: e.tid == entry.tid)
    else:
        mine = x['cpu'] == s['stimulus']['cpu'] and polls.inside(stim_ts(s), begin, lambda e: e.cpu == x['cpu'])
    return 'a whole round since the stimulus' if mine else None


def _stimuli(responses):
    return dict(collections.Counter((s['stimulus']['kind'], s['stimulus']['name']) for s in responses))


def _net_events(tid):
    return {'irq/softirq_raise': 'vec == 3', 'irq/softirq_entry': 'vec == 3', 'irq/softirq_exit': 'vec == 3',
            'sched/sched_waking': 'pid == %d' % tid}


def _whole(responses):
    """Those whose paths say when each softirq was: nothing up to the last of them has been added up."""
    found = []
    for s in responses:
        soft = [i for i, x in enumerate(s['segments']) if x['kind'] == 'softirq']
        if all(x.get('pieces', 1) == 1 for x in s['segments'][:soft[-1] + 1 if soft else 0]):
            found.append(s)
    return found


# ---- receive packet steering

RPS_REQUESTS = 100
VECTORS = 65280  # numbers of what is no line begin here


def _nic_to(g, cpu, steer):
    """All lines of the card to one CPU, what it receives to those of a mask."""
    device = g.run('basename $(readlink /sys/class/net/eth0/device)').strip()
    nrs = [line.nr for name, line in account.lines(g).items() if name.split()[-1] == 'eth0' or name.split()[-1].startswith(device + '-')]
    g.run('for n in %s; do echo %x > /proc/irq/$n/smp_affinity || exit 1; done; for f in /sys/class/net/eth0/queues/rx-*/rps_cpus; '
          'do echo %x > $f; done' % (' '.join(map(str, nrs)), 1 << cpu, steer))


def _old_interrupt(s, entries):
    """Has the line raised another interrupt between the response's one and the round of NET_RX?"""
    if s['stimulus']['kind'] != 'irq' or s['stimulus']['nr'] >= VECTORS or not entries:
        return False
    polled = next((begin for begin, _, x in _edges(s) if x['kind'] in ('softirq_delay', 'softirq')), stim_ts(s))
    i = min(range(len(entries)), key=lambda i: abs(entries[i] - stim_ts(s)))
    return i + 1 < len(entries) and entries[i + 1] < polled


def guest_rps(g):
    """Packets steered to the other CPU: each response begins with the card's line, or freshly where that is not known"""
    pid, port = g.memcached(1)
    tid, line = _worker(g, pid), account.nic_line(g)
    try:
        _nic_to(g, 0, 2)
        client = g.client(port, RPS_REQUESTS, 30000)  # the first interrupt after that moves the line's thread
        w = g.watch('-p', pid, '--over', '1us', timeout=START)
        trace = account.Trace(g, dict(_net_events(tid), **{'irq/irq_handler_entry': 'irq == %d' % line.nr}))
        n = g.requests(client)
        g.run('sleep 0.3')
        r = w.stop()
        events = trace.events()
    finally:
        _nic_to(g, 0, 0)
    mine, polls = r.of(tid), Polls(events)
    entries = [e.ns for e in events if e.name == 'irq_handler_entry']
    steered = sum(1 for e in events if e.name == 'sched_waking' and e.cpu == 1)
    whole = _whole(mine)
    old = collections.Counter(filter(None, (stale(s, polls, g.config.threaded) for s in whole)))
    old['another interrupt since'] = sum(_old_interrupt(s, entries) for s in whole)
    by = sum(s['stimulus']['name'] == line.name for s in mine)
    figures = '%d responses of %d requests, %d woken on the other CPU; %s, %d paths whole; %s' % (
        len(mine), n, steered, _stimuli(mine), len(whole), r.losses())
    check(n - TOLERANCE <= len(mine) <= n + CONNECTION + TOLERANCE, figures)
    check(steered >= 0.8 * n, 'packets were not steered; ' + figures)
    check(len(whole) >= n // 2, figures)
    check(not sum(old.values()), 'stimulus too old: %s; %s' % (dict(old), figures))
    check({s['stimulus']['kind'] for s in mine} <= {'irq', 'softirq'}, figures)
    check(all(s['stimulus']['name'] in (line.name, 'call_function_single') for s in mine if s['stimulus']['kind'] == 'irq'), figures)
    # before Linux 6.4 nobody can see who has called the other CPU
    check(by >= 0.9 * n if g.config.new else True, 'not by the line; ' + figures)
    return figures


# ---- softirqs raised again by themselves

FLOOD_REQUESTS = 40


def guest_reraised(g):
    """While iperf3 keeps NET_RX raising itself, no stimulus is older than the round that delivered it"""
    pid, port = g.memcached(1)
    tid, client = _worker(g, pid), g.client(port, FLOOD_REQUESTS, 100000)
    server = g.spawn('exec iperf3 -s -1 -B 10.0.2.15 -p 5201')
    g.run('for i in $(seq 100); do ss -ltn | grep -q :5201 && exit 0; sleep 0.1; done; exit 1')
    w = g.watch('-p', pid, '--over', '1us', timeout=START)
    trace = account.Trace(g, _net_events(tid))
    flood = subprocess.Popen(['iperf3', '-c', '127.0.0.1', '-p', str(g.ports[5201]), '-t', '6', '-P', '2'],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        n = g.requests(client)
        trouble = flood.communicate(timeout=60)[1]
    finally:
        flood.kill()
        flood.wait()
    r = w.stop()
    events = trace.events()
    mine, polls = r.of(tid), Polls(events)
    again = _raised_inside(events)
    whole = _whole(mine)
    old = collections.Counter(filter(None, (stale(s, polls, g.config.threaded) for s in whole)))
    figures = '%d responses of %d requests, %s, %d paths whole; %d of %d rounds raised themselves again; %s' % (
        len(mine), n, _stimuli(mine), len(whole), again, len(polls.rounds), r.losses())
    check(flood.returncode == 0, 'iperf3: %s' % trouble[-300:])
    check(server.poll() in (None, 0), 'iperf3 in the guest: %s' % server.err()[-300:])
    check(not old, 'stimulus too old: %s; %s' % (dict(old), figures))
    check(len(whole) >= n // 2, 'too few responses; ' + figures)
    check(again, 'no round raised itself again; ' + figures)
    return figures


def _raised_inside(events):
    """Rounds in which their own vector was raised."""
    running, count = {}, 0
    for e in events:
        if e.name == 'softirq_entry':
            running[e.cpu] = e.tid
        elif e.name == 'softirq_exit':
            running.pop(e.cpu, None)
        elif e.name == 'softirq_raise' and running.get(e.cpu) == e.tid:
            count += 1
    return count


# ---- work items

WRITES = 60


PTY = '''
import os, pty, sys, time, tty
master, slave = pty.openpty()
tty.setraw(slave)
reader = os.fork()
if reader == 0:
    os.close(master)
    open('/proc/self/comm', 'w').write('pty-reader')
    while os.read(slave, 100):
        pass
    os._exit(0)
print(reader, flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.1)
for i in range(int(sys.argv[1])):
    time.sleep(0.05)
    os.write(master, b'x')
time.sleep(0.3)
print('done', flush=True)
time.sleep(100)
'''


def _until(job, word, seconds=60):
    """The job's output, once the word is in it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if word in job.out():
            return job.out()
        check(job.poll() is None, 'ended: %s' % job.err()[-500:])
        time.sleep(0.2)
    raise Fail('no %r in %d s: %s' % (word, seconds, job.err()[-500:]))


def _near(events, name, ns):
    """The event of this name that is nearest to a time, if it is near."""
    e = min((e for e in events if e.name == name), key=lambda e: abs(e.ns - ns), default=None)
    return e if e and abs(e.ns - ns) <= NEAR_NS else None


def _work_problem(s, events):
    """A response against the work items of the pseudo terminal, or None: work_delay, kworker, wake-up of the reader."""
    edges = _edges(s)
    i = next(i for i, (_, _, x) in enumerate(edges) if x['kind'] == 'work_delay')
    queued, started = _near(events, 'workqueue_queue_work', edges[i][0]), _near(events, 'workqueue_execute_start', edges[i][1])
    if not queued or not started or 'flush_to_ldisc' not in started.text:
        return 'no item of the terminal was queued and begun then'
    ran = next((x for _, _, x in edges[i + 1:] if x['kind'] == 'running'), None)
    if ran is None or _culprit(ran) != started.tid:
        return 'not run by the worker of tracefs, but by %s' % (ran or {}).get('culprit')
    kinds = [x['kind'] for x in s['segments'][i:] if x['kind'] not in ('interrupted', 'preempted')]
    return None if kinds[:4] == ['work_delay', 'running', 'wakeup', 'running'] else 'path %s' % kinds


def guest_workqueue(g):
    """Each write to a pseudo terminal is one response of its reader, by way of a work item"""
    gate = _gate(g)
    job = _spawn(g, 'terminal', PTY, WRITES, gate)
    reader = int(_until(job, '\n'))
    w = g.watch('-p', reader, '--over', '1us', timeout=START)
    trace = account.Trace(g, {'workqueue/workqueue_queue_work': 'work != 0', 'workqueue/workqueue_execute_start': 'work != 0',
                              'sched/sched_switch': 'prev_pid == %d' % reader})
    g.run('touch ' + gate)
    _until(job, 'done')
    r = w.stop()
    events = trace.events()
    sleeps = sum(1 for e in events if e.name == 'sched_switch' and e.field('prev_state').startswith('S'))
    # another terminal is the serial line to the host
    events = [e for e in events if e.name != 'workqueue_queue_work' or (e.tid == job.pid and 'flush_to_ldisc' in e.text)]
    queued = sum(1 for e in events if e.name == 'workqueue_queue_work')
    mine = [s for s in r.of(reader) if 'work_delay' in s['budget']]
    wrong = collections.Counter(filter(None, (_work_problem(s, events) for s in mine)))
    figures = '%d responses by way of a work item of %d writes, %d items queued, the reader slept %d times, all %s; %s' % (
        len(mine), WRITES, queued, sleeps, _stimuli(r.of(reader)), r.losses())
    # a writer that the host held up writes twice before the reader sleeps again
    check(0.9 * WRITES <= len(mine) <= queued <= WRITES, figures)
    check(abs(len(mine) - sleeps) <= TOLERANCE, figures)
    check(sum(wrong.values()) <= TOLERANCE, '%s; %s' % (dict(wrong), figures))
    return figures


# ---- NAPI in threads

NAPI_REQUESTS = 100


def _napi_old(s, entries):
    """Has the line raised another interrupt after the response's one, before the napi thread ran?"""
    ran = next((begin for begin, _, x in _edges(s) if x['kind'] == 'running'), stim_ts(s))
    i = min(range(len(entries)), key=lambda i: abs(entries[i] - stim_ts(s)))
    return i + 1 < len(entries) and entries[i + 1] < ran


def _napi_problem(s, threaded):
    """irq, [thread of the line], napi/N, worker; or what is wrong with that."""
    names = []
    for x in s['segments']:
        name = ((x.get('culprit') or {}).get('comm') or '').split('/')[0].split('-')[0]
        if x['kind'] == 'running' and name in ('irq', 'napi') and name not in names:
            names.append(name)
    if s['segments'][0]['kind'] != 'irq':
        return 'begins with %s' % s['segments'][0]['kind']
    wanted = ['irq', 'napi'] if threaded else ['napi']
    if names != wanted:
        return 'ran on the way: %s' % names
    if any(x['kind'] in ('softirq', 'softirq_delay') for x in s['segments']):
        return 'a softirq on the way'
    return None


def guest_threaded_napi(g):
    """NAPI polled by a thread: irq, [its thread], napi/N, worker; the stimulus is the card's line"""
    if g.run('cat /sys/class/net/eth0/threaded', may_fail=True).strip() != '0':
        raise NotHere('no /sys/class/net/eth0/threaded')
    pid, port = g.memcached(1)
    tid, client, line = _worker(g, pid), g.client(port, NAPI_REQUESTS, 30000), account.nic_line(g)
    g.run('echo 1 > /sys/class/net/eth0/threaded')
    try:
        w = g.watch('-p', pid, '--over', '1us', timeout=START)
        trace = account.Trace(g, {'irq/irq_handler_entry': 'irq == %d' % line.nr,
                                  'sched/sched_waking': 'pid == %d || comm ~ "napi/*"' % tid})
        n = g.requests(client)
        r = w.stop()
        events = trace.events()
    finally:
        g.run('echo 0 > /sys/class/net/eth0/threaded')
    mine = r.of(tid)
    irq = [s for s in mine if s['stimulus']['kind'] == 'irq']
    wakes = sum(1 for e in events if e.name == 'sched_waking' and e.field('pid') == str(tid) and e.comm.strip().startswith('napi/'))
    fine = [s for s in irq if not is_coarse(s, ('running', 'wakeup'))]
    wrong = collections.Counter(filter(None, (_napi_problem(s, g.config.threaded) for s in fine)))
    entries = [e.ns for e in events if e.name == 'irq_handler_entry']
    figures = '%d responses of %d requests, %d wake-ups by napi threads, %s, %d paths whole; %s' % (
        len(mine), n, wakes, _stimuli(mine), len(fine), r.losses())
    check(wakes >= 0.9 * n, 'not polled by threads; ' + figures)
    check(n - TOLERANCE <= len(mine) <= n + CONNECTION + TOLERANCE, figures)
    # what the worker takes from its socket's backlog begins there
    check(len(irq) >= 0.95 * n and all(s['stimulus']['name'] == line.name for s in irq), figures)
    check(len(fine) >= n // 2 and sum(wrong.values()) <= TOLERANCE, 'paths: %s; %s' % (dict(wrong), figures))
    old = sum(_napi_old(s, entries) for s in irq)
    check(old <= TOLERANCE, '%d stimuli are older than the last interrupt before the poll; %s' % (old, figures))
    return figures


# ---- locks that sleep

CYCLES = 300

LOCK = r'''
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <signal.h>
#include <unistd.h>

/* Normal tasks hold an event counter's lock when a real-time one on their CPU wakes up and wants it. */
static void use(int fd, int times)
{
	uint64_t n = 1;

	for (int i = 0; i < times; i++) {
		if (write(fd, &n, sizeof(n)) < 0 || read(fd, &n, sizeof(n)) < 0)
			n = 1;
	}
}

int main(int argc, char **argv)
{
	struct sched_param prio = { .sched_priority = 50 };
	struct timespec nap = { 0, 7 * 1000 * 1000 };
	int fd = eventfd(0, EFD_NONBLOCK), cycles = argc > 1 ? atoi(argv[1]) : 0;
	pid_t noise[2];
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int i = 0; argc > 2 && i < 300 && access(argv[2], F_OK); i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 1, 0 }, NULL);
	for (int i = 0; i < 2; i++) {
		noise[i] = fork();
		if (!noise[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_NAME, "noise");
			for (;;)
				use(fd, 1000);
		}
	}
	if (sched_setscheduler(0, SCHED_FIFO, &prio))
		return 1;
	for (int i = 0; i < cycles; i++) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		use(fd, 20);
	}
	for (int i = 0; i < 2; i++)
		kill(noise[i], SIGKILL);
	puts("done");
	fflush(stdout);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 100, 0 }, NULL);
	return 0;
}
'''


def _lock_problem(s, outs):
    """A response against the switches of its thread in D."""
    if s['stimulus']['kind'] != 'timer':
        return 'stimulus %s %s' % (s['stimulus']['kind'], s['stimulus']['name'])
    waits = bisect.bisect_left(outs, end_ts(s)) - bisect.bisect_left(outs, stim_ts(s))
    locks = sum(x['kind'] == 'lock' for x in s['segments'])
    if bool(waits) != bool(locks):
        return '%d waits for locks, %d segments' % (waits, locks)
    return None


@only(lambda c: c.rt)
def guest_rtlock(g):
    """Hand-offs of the kernel's sleeping locks are part of a response, and never the beginning of one"""
    source, program = os.path.join(g.directory, 'lock.c'), os.path.join(g.share, 'lock')
    with open(source, 'w') as f:
        f.write(LOCK)
    built = subprocess.run(['gcc', '-O2', '-Wall', '-o', program, source], capture_output=True, text=True)
    check(built.returncode == 0, built.stderr)
    gate = _gate(g)
    job = g.spawn('exec ./lock %d %s' % (CYCLES, gate))
    w = g.watch('-t', job.pid, '--over', '1us', timeout=START)
    trace = account.Trace(g, {'sched/sched_switch': 'prev_pid == %d' % job.pid, 'sched/sched_waking': 'pid == %d' % job.pid})
    g.run('touch ' + gate)
    _until(job, 'done')
    r = w.stop()
    return _lock_figures(trace.events(), r, job.pid)


def _lock_figures(events, r, tid):
    # before it became a real-time task it waited for its file, and after its last cycle it writes
    outs = [e for e in events if e.name == 'sched_switch' and e.field('prev_prio') == '49']
    homes = [e.ns for e in outs if e.field('prev_state').startswith('S')]
    mine = [s for s in r.of(tid) if stim_ts(s) >= homes[0]] if homes else []
    waits = [e.ns for e in outs if e.field('prev_state').startswith('D') and e.ns < homes[-2]] if homes[2:] else []
    wrong = collections.Counter(filter(None, (_lock_problem(s, waits) for s in mine if end_ts(s) < homes[-2])))
    figures = '%d responses of %d cycles, slept %d times, %s; %d waits for locks by tracefs, %d responses with a lock; %s' % (
        len(mine), CYCLES, len(homes), _stimuli(mine), len(waits), sum('lock' in s['budget'] for s in mine), r.losses())
    check(len(waits) >= 5, 'hardly a lock was contended; ' + figures)
    # a cycle that comes late finds its timer expired; the last sleep does not end
    check(len(mine) == len(homes) - 1 and len(mine) >= 0.95 * CYCLES, figures)
    check(not wrong, '%s; %s' % (dict(wrong), figures))
    return figures


# ---- block devices whose completions are sent to the reader's CPU

DISK_READS = 60


def _wakes_at(s, ns):
    """Was the target of this response woken then?"""
    return any(x['kind'] == 'wakeup' and abs(begin - ns) <= NEAR_NS for begin, _, x in _edges(s)[-1:])


def _in_block(events, wake):
    """Did the softirq BLOCK run there and then?"""
    inside = None
    for e in events:
        if e.ns > wake.ns:
            break
        if e.name in ('softirq_entry', 'softirq_exit') and e.cpu == wake.cpu:
            inside = e.name == 'softirq_entry'
    return bool(inside)


def _disk_problem(s, wake, line, entries, calls_seen):
    """A read's response against its wake-up and the disk's interrupts, or None."""
    if s is None:
        return 'no response'
    name, last = s['stimulus']['name'], max((ns for ns in entries if ns < wake.ns), default=None)
    if name != line.name and (calls_seen or name not in ('call_function_single', 'BLOCK')):
        return 'begins with %s' % name
    if last is None or stim_ts(s) < last - NEAR_NS:
        return 'older than the last interrupt of the disk'
    if name == line.name and min(entries, key=lambda ns: abs(ns - stim_ts(s))) != last:
        return 'another interrupt than the last of the disk'
    return None


def guest_disk_affinity(g):
    """rq_affinity=2: a read completed on another CPU than the interrupt's begins with the disk's line"""
    if g.config.threaded:
        raise NotHere('with threaded interrupts completions stay where they are')
    line = account.disk_line(g)
    cpu = int(g.run('cat /proc/irq/%d/effective_affinity_list' % line.nr))
    g.run('echo 2 > /sys/block/vda/queue/rq_affinity')
    w = g.watch('-n', 'dd', '--until', 'run', '--over', '1us', timeout=START)
    trace = account.Trace(g, {'irq/irq_handler_entry': 'irq == %d' % line.nr, 'irq/softirq_entry': 'vec == 4', 'irq/softirq_exit': 'vec == 4',
                              'sched/sched_waking': 'comm == "dd"', 'sched/sched_switch': 'prev_comm == "dd"'})
    g.run('taskset -c %d dd if=/dev/vda of=/dev/null bs=4k iflag=direct count=%d' % (1 - cpu, DISK_READS), timeout=90)
    r = w.stop()
    events = trace.events()
    pairs = [(wake, next((s for s in r.slow if _wakes_at(s, wake.ns)), None)) for wake in events
             if wake.name == 'sched_waking' and wake.cpu != cpu and _in_block(events, wake)]
    entries = [e.ns for e in events if e.name == 'irq_handler_entry']
    wrong = collections.Counter(filter(None, (_disk_problem(s, wake, line, entries, g.config.new) for wake, s in pairs)))
    figures = '%d reads woken from BLOCK on the other CPU, line on cpu%d; %s; %s' % (
        len(pairs), cpu, _stimuli([s for _, s in pairs if s]), r.losses())
    check(len(pairs) >= DISK_READS // 3, 'completions stayed where they were; ' + figures)
    check(sum(wrong.values()) <= TOLERANCE, '%s; %s' % (dict(wrong), figures))
    return figures
