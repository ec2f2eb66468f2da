# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
`whylate track`: each tracker against a source that is not ours, in the same run.

Counts are compared as they are, or, where the other source can only be read at a moment, with what it
says just inside and just outside of our run. Sums are compared with a clock that is read further
out than we look, so ours must be the smaller one, and by no more than the way between.

On this machine a tracepoint's events are now and then lost for some milliseconds, for everybody:
tracefs beside us had 1,018 of 1,024 requests that fio counted, we had 1,005. So counts of requests and
timers may be 3 % too low.
"""

import bisect
import collections
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from harness import (HERE, HIDDEN, Fail, KernelTrace, Session, Skip, SwitchTrace, bpf_leftovers, bpf_objects, check, finish, go, ms, need,
                     now_ns, quantile, read, schedstat, tail, tids_of, us, voluntary_switches)

SOURCE = os.path.dirname(os.path.dirname(HERE))


class Tracking(Session):
    """`whylate track ARGS --json` from its start line to its stats line."""

    def __init__(self, ctx, *args, **kw):
        self.track_args = [str(a) for a in args]
        super().__init__(ctx, ['--captures', 'none'], **kw)

    def __setattr__(self, name, value):
        if name == 'argv' and 'watch' in value:
            value = [value[0], 'track', *self.track_args, '--json']
        super().__setattr__(name, value)

    def wait(self, timeout=60):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Fail('whylate track did not end in %d s: %s' % (timeout, tail(self.errors())))
        return Tracked(self)


class Tracked:
    """What it wrote. Making one checks what holds for every line."""

    def __init__(self, session):
        with open(session.out_path, 'rb') as f:
            lines = [json.loads(line.decode('utf-8')) for line in f.read().splitlines() if line.startswith(b'{"type":')]
        self.status = session.process.returncode
        check(self.status == 0, 'exit status %d: %s' % (self.status, tail(session.errors())))
        check(lines and lines[0]['type'] == 'start', 'start is not the first line')
        check(lines[-1]['type'] == 'stats', 'no stats line; stderr: %s' % tail(session.errors()))
        self.slow = [o for o in lines if o['type'] == 'slow']
        self.captures = [o for o in lines if o['type'] == 'capture']
        self.stats = lines[-1]
        for t in self.stats['trackers']:
            self._check(t)

    def _check(self, t):
        rows = t['rows']
        check(sum(r['count'] for r in rows) == t['count'], '%s: the rows do not sum to the count' % t['tracker'])
        check(sum(r['sum_ns'] for r in rows) == t['sum_ns'], '%s: the rows do not sum to the sum' % t['tracker'])
        for r in rows:
            check(sum(n for _, n in r['buckets']) == r['count'], 'the buckets do not sum to the count')
            low = sum(b * n for b, n in r['buckets'])
            check(low <= r['sum_ns'] <= 1.125 * low + 8 * r['count'] or r['max_ns'] >= 1 << 39,
                  'a sum of %d does not fit its buckets from %d on' % (r['sum_ns'], low))
            check(r['p50_ns'] <= r['p90_ns'] <= r['p99_ns'] <= r['max_ns'], 'quantiles are not in order: %s' % r)

    def tracker(self, name=None):
        found = [t for t in self.stats['trackers'] if name in (None, t['tracker'])]
        check(len(found) == 1, 'trackers: %s' % [t['tracker'] for t in self.stats['trackers']])
        return found[0]

    def rows(self, tracker=None, /, **values):
        """Rows of these values."""
        return [r for r in self.tracker(tracker)['rows'] if r['row'] and all(r['row'].get(k) == v for k, v in values.items())]

    def count(self, tracker=None, /, **values):
        return sum(r['count'] for r in self.rows(tracker, **values))

    def sum(self, tracker=None, /, **values):
        return sum(r['sum_ns'] for r in self.rows(tracker, **values))

    def lost(self, name=None):
        return sum(self.tracker(name)['lost'].values())


def _python(ctx, code, prefix=()):
    """A Python process of one thread that says ready and waits for a line."""
    p = ctx.spawn([*prefix, '/usr/bin/python3', '-c', 'import sys,time,os\nprint("ready",flush=True)\nsys.stdin.readline()\n' + code],
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    check(p.stdout.readline().startswith('ready'), 'python3 did not start')
    return p


# ---- tasks ------------------------------------------------------------------------------------------

def _spinner(ctx, cpu):
    """Somebody to wait for."""
    return ctx.spawn(['taskset', '-c', cpu, '/usr/bin/python3', '-c', 'while True: pass'])


def track_runq_wakeup(ctx):
    """Run delay and switches of schedstat and /proc. All on one CPU, so that no wake-up is on its way from another."""
    need('taskset')
    cpu = ctx.cpus()[-1]
    _spinner(ctx, cpu)
    p = _python(ctx, 'os.sched_setaffinity(0, {%d})\n'
                     'for i in range(400):\n time.sleep(0.002)\n sum(range(20000))\nprint("done",flush=True)\nsys.stdin.readline()' % cpu)
    runq, wakeup = Tracking(ctx, 'runq', '-p', p.pid), Tracking(ctx, 'wakeup', '-p', p.pid)
    before, switches = schedstat(p.pid, p.pid), voluntary_switches(p.pid, p.pid)
    go(p)
    check(p.stdout.readline().startswith('done'), 'the sleeper failed')
    after, switches = schedstat(p.pid, p.pid), voluntary_switches(p.pid, p.pid) - switches
    runq, wakeup = runq.stop(), wakeup.stop()
    delay, ours = after[1] - before[1], runq.tracker()['sum_ns']
    # the scheduler's clock stands still in interrupts, and is read some microseconds apart
    check(abs(ours - delay) < 0.05 * delay + 20000 * switches, 'runq %s, schedstat %s' % (ms(ours), ms(delay)))
    w = wakeup.tracker()
    check(abs(w['count'] - switches) <= 2, 'wakeup counts %d, /proc %d switches' % (w['count'], switches))
    check(w['sum_ns'] <= ours + 20000 * switches, 'wakeup %s is longer than runq %s' % (ms(w['sum_ns']), ms(ours)))
    check(not runq.lost() and not wakeup.lost(), 'lost: %s' % runq.tracker()['lost'])
    return 'runq %s vs schedstat %s; wakeup %d vs %d switches, %s' % (ms(ours), ms(delay), w['count'], switches, ms(w['sum_ns']))


def _perf_sched_record(ctx, data):
    """perf sched record, once it has said that it records."""
    control, answer = data + '-control', data + '-answer'
    os.mkfifo(control)
    os.mkfifo(answer)
    perf = ctx.spawn(['perf', 'sched', 'record', '-q', '-D', '-1', '--control', 'fifo:%s,%s' % (control, answer), '-o', data],
                     stderr=subprocess.DEVNULL)
    to, back = os.open(control, os.O_RDWR), os.open(answer, os.O_RDWR)
    try:
        os.write(to, b'enable\n')
        check(select.select([back], [], [], 20)[0] and os.read(back, 16).startswith(b'ack'), 'perf does not record')
    finally:
        os.close(to)
        os.close(back)
    return perf


def _perf_delays(ctx, n):
    """(what whylate says, ns of each sleep's scheduling delay by perf) of n sleeps of 2 ms."""
    p, _ = ctx.helper('tracked', 'sleeps', n, '2000')
    data = tempfile.mktemp(prefix='perf-', dir=ctx.dir)
    perf = _perf_sched_record(ctx, data)
    w = Tracking(ctx, 'wakeup', '-p', p.pid)
    go(p)
    finish(p, 20)
    r = w.stop()
    perf.send_signal(signal.SIGINT)
    perf.wait(20)
    t = subprocess.run(['perf', 'sched', 'timehist', '-i', data, '--pid', str(p.pid)], capture_output=True, text=True)
    if not t.stdout.strip():
        raise Skip('perf sched does not work here: %s' % tail(t.stderr, 200))
    runs = [(float(a), float(b) * 1e6) for a, b in
            re.findall(r'^\s*[\d.]+ \[\d+\]\s+\S+\s+([\d.]+)\s+([\d.]+)\s+[\d.]+', t.stdout, re.M)]
    return r, [d for wait, d in runs if wait >= 1.9]  # ms: after a sleep, not after a preemption


def track_wakeup_perf(ctx):
    """
    Against perf sched timehist: the same sleeps; its delay begins a little later, at sched_wakeup. In some
    minutes perf has no switch from idle in its data on this machine, and says nothing of losses: then it
    is no witness.
    """
    need('perf')
    seen = []
    while not seen or seen[-1] < 280 and len(seen) < 6:
        r, delays = _perf_delays(ctx, 300)
        seen.append(len(delays))
        check(298 <= r.tracker()['count'] <= 320, '%d wake-ups of 300 sleeps, perf has %d' % (r.tracker()['count'], len(delays)))
    if seen[-1] < 280:
        raise Skip('perf itself has only %s of 300 sleeps' % ', '.join(map(str, seen)))
    row = r.tracker()
    check(abs(row['count'] - len(delays)) <= 20, '%d wake-ups, perf has %d' % (row['count'], len(delays)))
    for q in ('p50', 'p90'):
        ours, theirs = row[q + '_ns'], quantile(delays, int(q[1:]) / 100)
        # a bucket's width, perf's microseconds, and the wake-up's way to the run queue (an IPI)
        check(0.8 * theirs - 1500 <= ours <= 1.2 * theirs + 60000, '%s %s, perf %s' % (q, us(ours), us(theirs)))
    return 'count %d/%d, p50 %s vs %s%s' % (row['count'], len(delays), us(row['p50_ns']), us(quantile(delays, 0.5)),
                                            ', perf before that %s' % seen[:-1] if seen[1:] else '')


def track_wakeup_ftrace(ctx):
    """
    Against the kernel's own trace: from sched_waking to the switch, where it has that one (SwitchTrace tells
    why not always); else it ends before the thread leaves the CPU. The trace has microseconds.
    """
    n, near = 300, 20000
    p, _ = ctx.helper('tracked', 'sleeps', n, '2000')
    with SwitchTrace(ctx) as trace:
        w = Tracking(ctx, 'wakeup', '-p', p.pid, '--over', '1ns')
        go(p)
        finish(p, 20)
        r = w.stop()
    woken = [ns for ns, sleeps in trace.sleeps[p.pid] if not sleeps]
    switches = sorted(x for on_cpu in trace.switches.values() for x in on_cpu)
    comes = [ns for ns, _, following in switches if following == p.pid]
    leaves = [ns for ns, tid, _ in switches if tid == p.pid]

    def after(stamps, ns):
        at = bisect.bisect_left(stamps, ns)
        return stamps[at] if at < len(stamps) else 1 << 63

    check(n <= len(r.slow) <= n + 20, '%d told of %d sleeps' % (len(r.slow), n))
    wrong, seen = [], 0
    for s in r.slow:
        start, end = int(s['start']), int(s['start']) + s['delay_ns']
        waking = after(woken, start - near)
        came, left = after(comes, waking), after(leaves, waking)
        seen += came < left
        if abs(waking - start) > near or not (abs(came - end) <= near if came < left else end <= left + 1000):
            wrong.append('%s from %d: woken %d, came %d, left %d' % (us(s['delay_ns']), start, waking, came, left))
    # an interrupt may come between the two tracers
    check(len(wrong) <= 0.03 * len(r.slow), '%d of %d are not in the trace: %s' % (len(wrong), len(r.slow), wrong[:3]))
    return '%d of %d as in the trace, that has the switch of %d' % (len(r.slow) - len(wrong), len(r.slow), seen)


def track_offcpu(ctx):
    """Blocked and preempted: switches of /proc; the time: the wall clock less the run time of schedstat."""
    cpu = ctx.cpus()[0]
    _spinner(ctx, cpu)
    p = _python(ctx, 'os.sched_setaffinity(0, {%d})\n'
                     'for i in range(150):\n time.sleep(0.003)\n sum(range(200000))\nprint("done",flush=True)\nsys.stdin.readline()' % cpu)

    def forced():
        return int(re.search(r'nonvoluntary_ctxt_switches:\s*(\d+)', read('/proc/%d/status' % p.pid)).group(1))
    w = Tracking(ctx, 'offcpu', '-p', p.pid, '--over', '2ms')
    before, blocked, preempted, begin = schedstat(p.pid, p.pid), voluntary_switches(p.pid, p.pid), forced(), now_ns()
    go(p)
    check(p.stdout.readline().startswith('done'), 'the sleeper failed')
    ran, wall = schedstat(p.pid, p.pid)[0] - before[0], now_ns() - begin
    blocked, preempted = voluntary_switches(p.pid, p.pid) - blocked, forced() - preempted
    r = w.stop()
    ours = r.tracker()['sum_ns']
    check(abs(r.count(kind='blocked') - blocked) <= 2, 'blocked %d, /proc %d' % (r.count(kind='blocked'), blocked))
    check(abs(r.count(kind='preempted') - preempted) <= 2, 'preempted %d, /proc %d' % (r.count(kind='preempted'), preempted))
    check(r.sum(kind='blocked') >= 148 * 3e6, 'blocked %s of 150 sleeps of 3 ms' % ms(r.sum(kind='blocked')))
    off = wall - ran
    check(abs(off - ours) < 0.05 * off, 'off the CPU %s, by the clocks %s' % (ms(ours), ms(off)))
    stacks = [s['private'] for s in r.slow if s['private']['kind'] == 'blocked']
    check(stacks, 'no slow one of %d sleeps' % blocked)
    named = [s for s in stacks if any('nanosleep' in f for f in s['stack'])]
    check(len(named) >= 0.9 * len(stacks), '%d of %d stacks are of a sleep: %s' % (len(named), len(stacks), stacks[0]['stack']))
    waker = [s for s in stacks if any('hrtimer' in f for f in s['waker_stack'])]
    check(len(waker) >= 0.9 * len(stacks), 'wakers: %s' % stacks[0]['waker_stack'])
    return 'blocked %d/%d, preempted %d/%d, %s vs %s, %d stacks' % (
        r.count(kind='blocked'), blocked, r.count(kind='preempted'), preempted, ms(ours), ms(off), len(named))


def track_syscall(ctx):
    """Counts of strace -c of the same run."""
    need('strace')
    binary, out = ctx.binary('tracked'), os.path.join(ctx.dir, 'strace')
    p = ctx.spawn(['strace', '-c', '-f', '-o', out, binary, 'calls', '600'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE, text=True)
    check(p.stdout.readline().startswith('ready'), 'strace did not start it')
    w = Tracking(ctx, 'syscall', '-n', 'tracked')
    go(p)
    finish(p, 60)
    r = w.stop()
    theirs = {m.group(2): int(m.group(1)) for m in
              re.finditer(r'^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$', read(out), re.M)}
    # what it did before it was ready, strace alone has seen: these two it does only afterwards
    got = {c: r.count(syscall=c) for c in ('getppid', 'pwrite64')}
    check(got == {'getppid': 600, 'pwrite64': 300}, 'counted %s' % got)
    for call, n in got.items():
        check(theirs.get(call) == n, '%s: %d, strace %s' % (call, n, theirs.get(call)))
    return 'getppid %d/%d, pwrite64 %d/%d' % (got['getppid'], theirs['getppid'], got['pwrite64'], theirs['pwrite64'])


def track_syscall_timeout(ctx):
    """One that hangs is told of while it does, and once more when it has ended; and where it waited."""
    p = _python(ctx, 'time.sleep(1.2)\nprint("done",flush=True)\nsys.stdin.readline()')
    w = Tracking(ctx, 'syscall', '-p', p.pid, '--timeout', '300ms', '--over', '900ms')
    go(p)
    begin = now_ns()
    seen = 0
    while now_ns() - begin < 1100e6 and not seen:
        seen = sum(1 for line in read(w.out_path).splitlines() if 'clock_nanosleep' in line and '"open":true' in line)
        time.sleep(0.02)
    check(seen, 'not told of within 1.1 s')
    check(p.stdout.readline().startswith('done'), 'the sleeper failed')
    r = w.stop()
    mine = [s for s in r.slow if s['private']['syscall'] == 'clock_nanosleep']
    check([s['open'] for s in mine] == [True, False] and len({s['id'] for s in mine}) == 1, 'told of as %s' % mine)
    check('left' not in mine[0]['private'] and not any(k.startswith('pad') for k in mine[0]['private']), 'shown: %s' % mine[0]['private'])
    check(mine[0]['delay_ns'] >= 300e6, 'after %s already' % ms(mine[0]['delay_ns']))
    check(1200e6 <= mine[1]['delay_ns'] < 1400e6, 'it ended after %s' % ms(mine[1]['delay_ns']))
    check(any('nanosleep' in f for f in mine[1]['private']['stack']), 'it waited in %s' % mine[1]['private']['stack'])
    return 'open after %s, ended after %s' % (ms(mine[0]['delay_ns']), ms(mine[1]['delay_ns']))


def track_syscall_longest(ctx):
    """A write that waits for 60, 30 and 30 ms, slow only in the last of them: told of with the first."""
    p = _python(ctx, 'r,w=os.pipe()\nprint(r,flush=True)\nos.write(w, bytes(4<<16))\nprint("done",flush=True)\nsys.stdin.readline()')
    w = Tracking(ctx, 'syscall', '-p', p.pid, '--over', '110ms')
    go(p)
    with open('/proc/%d/fd/%d' % (p.pid, int(p.stdout.readline())), 'rb', buffering=0) as pipe:
        for pause in (0.06, 0.03, 0.03):
            time.sleep(pause)
            check(len(pipe.read(1 << 16)) == 1 << 16, 'the pipe was not full')
        check(p.stdout.readline().startswith('done'), 'the writer failed')
    r = w.stop()
    mine = [s for s in r.slow if s['private']['syscall'] == 'write']
    check(len(mine) == 1, 'told of %s' % r.slow)
    waited, stack = mine[0]['private']['waited'], mine[0]['private']['stack']
    check(55e6 <= waited < mine[0]['delay_ns'] - 55e6, 'waited %s of %s' % (ms(waited), ms(mine[0]['delay_ns'])))
    check(any('pipe_write' in f for f in stack), 'it waited in %s' % stack)
    return 'the longest wait %s of %s' % (ms(waited), ms(mine[0]['delay_ns']))


def track_timeout_awake(ctx):
    """Sleeps so short that some end before they begin: who is woken while still on its CPU has not waited, nobody stays open."""
    p = _python(ctx, 'import ctypes\nctypes.CDLL(None).prctl(29, 1)\n'  # PR_SET_TIMERSLACK
                     'for i in range(6000): time.sleep(i % 60 * 1e-6)\nprint("done",flush=True)\nsys.stdin.readline()')
    kinds = {k: Tracking(ctx, k, '-p', p.pid, '--timeout', '100ms') for k in ('wakeup', 'runq')}
    go(p)
    check(p.stdout.readline().startswith('done'), 'the sleeper failed')
    time.sleep(0.6)
    said = []
    for kind, w in kinds.items():
        r = w.stop()
        t = r.tracker()
        begun, ended = ({s['id'] for s in r.slow if s['open'] is o} for o in (True, False))
        check(begun <= ended, '%s: %d of %d waits never ended' % (kind, len(begun - ended), len(begun)))
        check(not t['in_flight'], '%s: %d open, of a process that sleeps' % (kind, t['in_flight']))
        check(not t['replaced'], '%s: %d waits had not ended when the next one began' % (kind, t['replaced']))
        said.append('%s %d, not waited %d' % (kind, t['count'], t['discarded']))
    return ', '.join(said)


def track_lock(ctx):
    """Waits for a mutex: address, holder and time by the program's own account."""
    n = 40
    p, (waiter, holder, address) = ctx.helper('tracked', 'locks', n, 5)
    w = Tracking(ctx, 'lock', '-p', p.pid, '--over', '1ms')
    go(p)
    theirs = int(finish(p, 30)[-1].split()[1])
    r = w.stop()
    rows = r.rows(address=address)
    check(len(rows) == 1, 'no row of %s among %s' % (address, [x['row'] for x in r.tracker()['rows']]))
    count, ours = rows[0]['count'], rows[0]['sum_ns']
    check(n - 1 <= count <= n + 2, 'waited %d times, not %d' % (count, n))
    check(0.95 * theirs - n * 50000 <= ours <= theirs, 'waited %s, by its own clock %s' % (ms(ours), ms(theirs)))
    mine = [s for s in r.slow if s['private']['address'] == address and s['key']['tid'] == int(waiter)]
    right = [s for s in mine if s['private']['holder_tid'] == int(holder) and s['private']['waker_tid'] == int(holder)]
    check(len(right) >= n - 1, '%d of %d name thread %s as holder and waker' % (len(right), len(mine), holder))
    return 'count %d/%d, %s vs %s, holder right %d' % (count, n, ms(ours), ms(theirs), len(right))


def track_lock_low_level(ctx):
    """A lock without an owner, as glibc's own are: what lies behind it is nobody's number."""
    futex = 'libc.syscall(202, ctypes.c_void_p(ctypes.addressof(a)+%d), 128, 2, ctypes.byref(t))\n'
    p = _python(ctx, 'import ctypes\nlibc=ctypes.CDLL(None)\nt=(ctypes.c_long*2)(0,20000000)\n'
                     'a=(ctypes.c_uint32*12)(2,0,0x7f123456,0,0,0,2,0,1,0,0,0)\n' + futex % 0 + futex % 24 +
                     'print(hex(ctypes.addressof(a)),flush=True)\nsys.stdin.readline()')
    w = Tracking(ctx, 'lock', '-p', p.pid, '--over', '1ms')
    go(p)
    address = int(p.stdout.readline(), 16)
    r = w.stop()
    holders = [s['private']['holder_tid'] for s in r.slow if int(s['private']['address'], 16) in (address, address + 24)]
    if tuple(map(int, os.uname().release.split('.')[:2])) < (6, 2):
        raise Skip('this kernel can not be asked for a thread')
    check(holders == [0, 0], 'held by %s' % holders)  # the second one by thread 1: not of this process
    return '2 waits, held by nobody known'


PI_LOCK = """
import ctypes,threading
libc,word=ctypes.CDLL(None),ctypes.c_uint32()
futex=lambda op: libc.syscall(202, ctypes.byref(word), op | 128, 0, None)
held=threading.Event()
def hold():
 futex(6)
 held.set()
 time.sleep(0.05)
 futex(7)
t=threading.Thread(target=hold)
t.start()
held.wait()
waits=futex(6)
print(waits, hex(ctypes.addressof(word)), t.native_id, flush=True)
sys.stdin.readline()
"""


def _pi_holder(ctx, pid, p):
    """(what is said of who held the lock, its number as it knows it itself)"""
    w = Tracking(ctx, 'lock', '-p', pid, '--over', '10ms')
    go(p)
    status, address, holder = p.stdout.readline().split()
    check(status == '0', 'the lock was not to be had')
    r = w.stop()
    mine = [s['private'] for s in r.slow if s['private']['address'] == address]
    check(len(mine) == 1 and mine[0]['op'] == 'lock_pi', 'waits for %s: %s' % (address, r.slow))
    return mine[0]['holder_tid'], int(holder)


def track_lock_pi(ctx):
    """Who holds a lock with priority inheritance; in a PID namespace of its own its number is not one of ours."""
    need('unshare')
    p = _python(ctx, PI_LOCK)
    outside = _pi_holder(ctx, p.pid, p)
    check(outside[0] == outside[1], 'held by %d, told of %d' % outside[::-1])
    p = _python(ctx, PI_LOCK, ['unshare', '--pid', '--fork'])
    inside = _pi_holder(ctx, int(read('/proc/%d/task/%d/children' % (p.pid, p.pid))), p)
    check(inside[0] == 0, 'held by %d of its own namespace, told of %d' % inside[::-1])
    return 'held by %d; by %d of a namespace, not told' % (outside[0], inside[1])


# ---- the kernel -------------------------------------------------------------------------------------

def _interrupts():
    """{name of /proc/interrupts: count}"""
    found = {}
    for line in read('/proc/interrupts').splitlines()[1:]:
        name, _, rest = line.partition(':')
        found[name.strip()] = sum(int(x) for x in re.match(r'[\s\d]*', rest).group(0).split())
    return found


def _softirqs():
    return {line.split(':')[0].strip(): sum(map(int, line.split(':')[1].split()))
            for line in read('/proc/softirqs').splitlines()[1:]}


def _work(ctx, seconds):
    """Disk, timers, loopback, IPIs."""
    path = os.path.join('/var/tmp', 'wl-track-%d' % os.getpid())
    end = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(('127.0.0.1', 0))
            while time.monotonic() < end:
                with open(path, 'wb') as f:
                    f.write(b'x' * 65536)
                    f.flush()
                    os.fsync(f.fileno())
                for _ in range(20):
                    s.sendto(b'x', s.getsockname())
                    s.recv(10)
                    time.sleep(0.0005)
    finally:
        if os.path.exists(path):
            os.unlink(path)


def _between(what, inner, ours, outer):
    check(inner <= ours <= outer, '%s: %d, but %d to %d by the kernel' % (what, ours, inner, outer))


def _around(ctx, kind, counts):
    """(result, counts inside of it, counts around it)"""
    first = counts()
    w = Tracking(ctx, kind)
    second = counts()
    _work(ctx, 2)
    third = counts()
    r = w.stop()
    fourth = counts()
    return (r, {k: third[k] - second.get(k, 0) for k in third}, {k: fourth[k] - first.get(k, 0) for k in fourth})


VECTORS = {'local_timer_entry': 'LOC', 'reschedule_entry': 'RES'}


def _interrupt_of(event, text):
    return VECTORS[event] if event in VECTORS else re.match(r'irq=(\d+) ', text).group(1)


def _softirq_of(_, text):
    return re.search(r'action=(\w+)', text).group(1)


def _hidden(trace, name_of):
    """{name in /proc: how many there were while a thread of the test machine's agent was current}"""
    agent = set(tids_of(HIDDEN))
    return collections.Counter(name_of(event, text) for _, _, tid, event, text in trace.lines if tid in agent)


def track_irq(ctx):
    """/proc/interrupts just inside and just outside, but for those that no BPF program can see."""
    with KernelTrace(ctx, 'irq/irq_handler_entry', *('irq_vectors/' + e for e in VECTORS)) as trace:
        r, inner, outer = _around(ctx, 'irq', _interrupts)
    hidden, figures = _hidden(trace, _interrupt_of), []
    names = [(v, {'name': e.replace('_entry', '')}) for e, v in VECTORS.items()]
    for name, ours in names + [(str(n), {'irq': n}) for n in range(1, 256)]:
        if inner.get(name, 0) >= 100:
            _between(name, inner[name] - hidden[name], r.count(**ours), outer[name])
            figures.append('%s %d<=%d<=%d' % (name, inner[name] - hidden[name], r.count(**ours), outer[name]))
    check(len(figures) >= 2, 'too few interrupts: %s of %s' % (figures, inner))  # a disk, the tick
    check(not r.lost(), 'lost: %s' % r.tracker()['lost'])
    return '%s; hidden %d' % (', '.join(figures[:6]), sum(hidden.values()))


def track_softirq(ctx):
    """/proc/softirqs just inside and just outside, but for those that no BPF program can see; one that was raised has run."""
    with KernelTrace(ctx, 'irq/softirq_entry') as trace:
        r, inner, outer = _around(ctx, 'softirq', _softirqs)
    hidden, figures = _hidden(trace, _softirq_of), []
    for name in ('TIMER', 'NET_RX', 'SCHED', 'RCU', 'BLOCK'):
        least, ours = inner.get(name, 0) - hidden[name], r.count('softirq_run', softirq=name)
        _between(name, least, ours, outer.get(name, 0) + 1)
        figures.append('%s %d<=%d<=%d' % (name, least, ours, outer.get(name, 0)))
    figures.append('hidden %d' % sum(hidden.values()))
    check(r.count('softirq_run', softirq='NET_RX') > 500, 'no NET_RX')
    runs, delays = r.tracker('softirq_run')['count'], r.tracker('softirq_delay')['count']
    check(0.99 * runs - 4 <= delays <= runs + 4, '%d raised, %d run' % (delays, runs))
    return ', '.join(figures)


def track_workqueue(ctx):
    """Work items that the kernel's own tracing has seen in the same time."""
    with KernelTrace(ctx, 'workqueue/workqueue_execute_end') as trace:
        w = Tracking(ctx, 'workqueue')
        begin = now_ns()
        _work(ctx, 2)
        end = now_ns()
        r = w.stop()
    stamps = [line[0] for line in trace.lines]
    inner, ours = sum(begin + 5000 <= t <= end - 5000 for t in stamps), r.tracker('workqueue_run')['count']
    # one that ran when we started has begun before: at most one a CPU
    _between('workqueue_run', inner - os.cpu_count(), ours, len(stamps))
    names = [x['row'].get('ksym') for x in r.tracker('workqueue_run')['rows'] if x['row']]
    check(names and not any(n.startswith('0x') for n in names), 'functions without a name: %s' % names)
    check(r.tracker('workqueue_delay')['count'] >= 0.9 * ours - 5, 'queued: %d' % r.tracker('workqueue_delay')['count'])
    return 'run %d, by tracefs %d to %d; %d functions' % (ours, inner, len(stamps), len(names))


def track_timer(ctx):
    """cyclictest: it reads its clock after the timer's handler and after it was woken, never before."""
    need('cyclictest')
    hist, n = os.path.join(ctx.dir, 'hist'), 2000
    timer = Tracking(ctx, 'timer', '-n', 'cyclictest', '--over', '1ns')
    wakeup = Tracking(ctx, 'wakeup', '-n', 'cyclictest', '--over', '1ns')
    cyc = ctx.spawn(['cyclictest', '-m', '-t1', '-p', '80', '-i', '1000', '-l', n, '-h', '20000', '-q', '--histfile=' + hist], stdout=-3)
    check(cyc.wait(60) == 0, 'cyclictest failed')
    timer, wakeup = timer.stop(), wakeup.stop()
    counts = [(int(a), int(b)) for a, b in re.findall(r'^(\d{6}) (\d+)', read(hist), re.M)]
    cycles = sum(c for _, c in counts)
    check(cycles >= 0.99 * n, 'cyclictest has %d of %d cycles in its histogram' % (cycles, n))
    check(not timer.lost() and not wakeup.lost(), 'lost: %s' % timer.tracker()['lost'])
    check(timer.tracker()['discarded'] < 100, 'forgotten: %d of %d' % (timer.tracker()['discarded'], timer.tracker()['count']))
    low = 1000 * sum(v * c for v, c in counts)
    # its main thread sleeps, too: the measuring one is the one with the most timers
    mine = {}
    for s in timer.slow:
        if s['private']['function'] == 'hrtimer_wakeup':
            mine.setdefault(s['private']['tid'], []).append(s['delay_ns'])
    tid = max(mine, key=lambda t: len(mine[t]))
    count, ours = len(mine[tid]), sum(mine[tid])
    woken = sum(s['delay_ns'] for s in wakeup.slow if s['key']['tid'] == tid)
    check(0.97 * n <= count <= n + 3, 'timers %d, cycles %d' % (count, n))
    check(ours <= low + 1000 * n, 'timers late by %s in all, cyclictest by %s' % (ms(ours), ms(low)))
    # what is left is the handler before the wake-up, and the way back to user space and its clock
    rest = low + 1000 * n - ours - woken
    check(-5e6 <= rest <= 30000 * n, 'timer %s + wakeup %s, cyclictest %s' % (ms(ours), ms(woken), ms(low)))
    return 'count %d/%d, late %s + wakeup %s of cyclictest\'s %s' % (count, n, ms(ours), ms(woken), ms(low))


# An event of a CPU, not of a task: its timer goes on whoever runs there.
SAMPLES = """
import ctypes,struct
os.sched_setaffinity(0, {%d})
attr=struct.pack('IIQQQQQIIQ', 1, 64, 0, 2000000, 0, 0, 0, 0, 0, 0)
fd=ctypes.CDLL(None).syscall(298, attr, -1, %d, -1, 0)
end=time.monotonic()+1
while time.monotonic()<end: pass
time.sleep(1)
n=struct.unpack('Q', os.read(fd, 8))[0]//2000000 if fd>=0 else -1
if fd>=0: os.close(fd)
print(n, flush=True)
sys.stdin.readline()
"""


def track_timer_restarts(ctx):
    """Timers that the kernel starts again for their handlers: the tick is nobody's, that of samples its owner's."""
    cpu = ctx.cpus()[-1]
    p = _python(ctx, SAMPLES % (cpu, cpu))
    w = Tracking(ctx, 'timer', '-p', p.pid)
    go(p)
    n = int(p.stdout.readline())
    if n < 0:
        raise Skip('perf_event_open(2) is not allowed')
    r = w.stop()
    ticks = sum(x['count'] for x in r.tracker()['rows'] if x['row'] and 'tick' in x['row']['function'])
    samples = r.count(function='perf_swevent_hrtimer')
    check(n > 900, 'only %d samples in 2 s' % n)
    check(not ticks, '%d ticks of a busy process' % ticks)
    check(0.9 * n <= samples <= n + 2, 'samples %d, by the clock %d' % (samples, n))
    return 'samples %d/%d, no ticks' % (samples, n)


# ---- disk and network -------------------------------------------------------------------------------

def _fio(ctx, *args):
    need('fio')
    path = os.path.join('/var/tmp', 'wl-fio-%d' % os.getpid())
    argv = ['fio', '--name=x', '--filename=' + path, '--size=16m', '--thread', '--direct=1', '--output-format=json', *args]
    try:
        with open(path, 'wb') as f:
            f.write(os.urandom(16 << 20))
            f.flush()
            os.fsync(f.fileno())
        p = ctx.spawn(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        out = p.communicate(timeout=60)[0]
    finally:
        os.unlink(path)
    check(p.returncode == 0, 'fio failed')
    return json.loads(out[out.index('{'):])['jobs'][0]


def track_block(ctx):
    """fio's completion latency: it begins before the request is issued and ends when fio is back."""
    _fio(ctx, '--rw=randread', '--bs=4k', '--io_size=4k', '--ioengine=psync')  # fio itself is read from the disk
    w = Tracking(ctx, 'block', '-n', 'fio', '--over', '1us')
    job = _fio(ctx, '--rw=randread', '--bs=4k', '--io_size=4m', '--ioengine=psync')
    r = w.stop()
    ios, theirs = job['read']['total_ios'], job['read']['clat_ns']['mean'] * job['read']['total_ios']
    count, ours = r.count('block', op='read'), r.sum('block', op='read')
    queued = r.sum('block_queue', op='read')
    check(0.97 * ios <= count <= ios + 10, 'requests %d, fio %d' % (count, ios))
    check(ours + queued <= theirs * count / ios + 1e6, 'device %s + queue %s, fio %s' % (ms(ours), ms(queued), ms(theirs)))
    # the least that a request to this disk takes; what else fio measures is the way back to a busy CPU
    check(ours >= 5000 * count and r.rows('block', op='read')[0]['p50_ns'] <= job['read']['clat_ns']['percentile']['50.000000'] * 1.13,
          'device %s, fio %s' % (ms(ours), ms(theirs)))
    size = sum(s['private']['size'] for s in r.slow if s['tracker'] == 'block' and s['private']['op'] == 'read')
    check(not r.tracker('block')['lost']['untold'], 'slow ones were lost')
    check(0.97 * job['read']['io_bytes'] <= size <= job['read']['io_bytes'] + (1 << 20), 'bytes %d, fio %d' % (size, job['read']['io_bytes']))
    return 'requests %d/%d, device %s + queue %s of fio\'s %s, %d KiB' % (count, ios, ms(ours), ms(queued), ms(theirs), size >> 10)


def track_block_queue(ctx):
    """More requests than the disk takes at once: who issues them is not who asked, and some become part of others."""
    with KernelTrace(ctx, 'block/block_rq_merge') as trace:
        block, io = Tracking(ctx, 'block', '-n', 'fio'), Tracking(ctx, 'io', '-n', 'fio', '--over', '100us')
        _fio(ctx, '--rw=randwrite', '--bs=4k', '--io_size=16m', '--ioengine=libaio', '--iodepth=128', '--numjobs=4', '--group_reporting')
        time.sleep(0.6)
        block, io = block.stop(), io.stop()
    if not trace.lines:
        raise Skip('no request was merged with another one')
    queue, levels = block.tracker('block_queue'), io.tracker()
    check(not queue['in_flight'] + queue['replaced'], '%d in the queue for ever' % (queue['in_flight'] + queue['replaced']))
    check(not levels['in_flight'], 'open: %d' % levels['in_flight'])
    # some were merged before they were in the queue
    check(levels['discarded'] or not queue['discarded'], 'io has forgotten none of %d' % queue['discarded'])
    device = collections.Counter(s['private']['process'] for s in io.slow if s['key']['level'] == 'device')
    check(set(device) == {'fio'}, 'asked for by %s' % device)
    return 'queued %d, merged %d, forgotten %d; %d slow ones of fio' % (
        queue['count'], len(trace.lines), queue['discarded'], device['fio'])


def track_io(ctx):
    """Levels of one and the same reads, each inside of the one before; fio's clock around all of them."""
    w = Tracking(ctx, 'io', '-n', 'fio')
    job = _fio(ctx, '--rw=randread', '--bs=4k', '--io_size=4m', '--ioengine=psync')
    r = w.stop()
    ios, theirs = job['read']['total_ios'], job['read']['clat_ns']['mean'] * job['read']['total_ios']
    call = r.rows(level='system_call', op='read')[0]
    device = r.sum(level='device', op='read')
    fs = r.rows(level='file_system', op='read')
    check(ios <= call['count'] <= ios + 200, 'reads %d, fio %d' % (call['count'], ios))  # it reads files of /sys, too
    check(r.count(level='device', op='read') >= 0.97 * ios, 'requests %d, fio %d' % (r.count(level='device', op='read'), ios))
    check(device <= call['sum_ns'], 'device %s, system call %s' % (ms(device), ms(call['sum_ns'])))
    check(abs(call['sum_ns'] - theirs) <= 0.2 * theirs + ios * 5000, 'system calls %s, fio %s' % (ms(call['sum_ns']), ms(theirs)))
    text = 'none on this kernel'
    if fs:
        check(0.97 * ios <= fs[0]['count'] <= ios, 'file system %d, fio %d' % (fs[0]['count'], ios))
        check(device * 0.95 <= fs[0]['sum_ns'] <= call['sum_ns'], 'file system %s' % ms(fs[0]['sum_ns']))
        text = ms(fs[0]['sum_ns'])
    return 'reads %d/%d, call %s (fio %s) > file system %s > device %s' % (
        call['count'], ios, ms(call['sum_ns']), ms(theirs), text, ms(device))


def track_io_end_of_file(ctx):
    """Direct reads behind a file's end, which the file system begins and never completes."""
    path = os.path.join('/var/tmp', 'wl-eof-%d' % os.getpid())
    try:
        with open(path, 'wb') as f:
            f.write(bytes(8192))
            f.flush()
            os.fsync(f.fileno())
        p = _python(ctx, 'import mmap\nb=mmap.mmap(-1,4096)\nfd=os.open(%r, os.O_RDONLY|os.O_DIRECT)\n'
                         'n=[os.preadv(fd,[b],at) for at in [0]*10+[8192]*40]\nprint(sum(n),flush=True)\nsys.stdin.readline()' % path)
        w = Tracking(ctx, 'io', '-p', p.pid, '--timeout', '100ms')
        go(p)
        check(p.stdout.readline() == '40960\n', 'the reads failed')
    finally:
        os.unlink(path)
    time.sleep(0.6)
    r = w.stop()
    t, done = r.tracker(), r.count(level='file_system', op='read')
    check(r.count(level='system_call', op='read') >= 50, 'reads: %d of 50' % r.count(level='system_call', op='read'))
    if not done:
        raise Skip('this kernel tells nothing of direct I/O')
    check(done == 10, 'file system %d of 10' % done)
    check(not r.slow and not t['in_flight'], 'open: %d, %s' % (t['in_flight'], r.slow[:1]))
    check(t['discarded'] == 40, 'forgotten: %d of 40' % t['discarded'])
    return '10 completed, 40 forgotten'


def track_net(ctx):
    """Data that lies in a TCP socket for a while: sender's and receiver's clocks."""
    n, sums = 100, []
    with socket.socket() as l:
        l.bind(('127.0.0.1', 0))
        l.listen()
        a = socket.create_connection(l.getsockname())
        b = l.accept()[0]
    a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    w = Tracking(ctx, 'net', '-p', os.getpid())
    for i in range(n):
        begin = now_ns()
        a.send(b'x' * 100)
        sent = now_ns()
        time.sleep(0.002)
        asked = now_ns()
        b.recv(200)
        sums.append((asked - sent, now_ns() - begin))
    r = w.stop()
    a.close()
    b.close()
    count, ours = r.count(interface='lo'), r.sum(interface='lo')
    least, most = sum(x for x, _ in sums), sum(x for _, x in sums)
    check(0.97 * n <= count <= n, 'packets %d of %d' % (count, n))
    check(least * count / n * 0.98 <= ours <= most, 'waited %s, by the clocks %s to %s' % (ms(ours), ms(least), ms(most)))
    return 'packets %d/%d, %s between %s and %s' % (count, n, ms(ours), ms(least), ms(most))


def track_net_requests(ctx):
    """Every request to a server is one packet that it consumes."""
    n = 200
    p = _python(ctx, 'import socket\nl=socket.socket();l.bind(("127.0.0.1",0));l.listen();print(l.getsockname()[1],flush=True)\n'
                     'c,_=l.accept()\nwhile True:\n d=c.recv(100)\n if not d: break\n c.send(d)')
    go(p)
    port = int(p.stdout.readline())
    w = Tracking(ctx, 'net', '-p', p.pid)
    with socket.create_connection(('127.0.0.1', port)) as s:
        for i in range(n):
            s.send(b'x' * 50)
            s.recv(100)
    r = w.stop()
    count = r.tracker()['count']
    check(0.97 * n <= count <= n + 2, 'packets %d, requests %d' % (count, n))
    return 'packets %d of %d requests' % (count, n)


def track_ttfb(ctx):
    """A client's clock around a server that thinks before it answers; its addresses."""
    n, think = 40, 0.005
    p = _python(ctx, 'import socket\nl=socket.socket();l.bind(("127.0.0.1",0));l.listen(99);print(l.getsockname()[1],flush=True)\n'
                     'while True:\n c,_=l.accept()\n time.sleep(%f)\n c.send(b"x")\n c.send(b"y")\n c.close()' % think)
    go(p)
    port = int(p.stdout.readline())
    w = Tracking(ctx, 'ttfb', '-p', p.pid, '--over', '1us')
    times, ports = [], set()
    for _ in range(n):
        begin = now_ns()
        with socket.create_connection(('127.0.0.1', port)) as s:
            s.recv(1)
            times.append(now_ns() - begin)
            ports.add('127.0.0.1:%d' % s.getsockname()[1])
            s.recv(1)
    r = w.stop()
    t = r.tracker()
    check(t['count'] == n, 'connections %d of %d' % (t['count'], n))
    check(n * think * 1e9 <= t['sum_ns'] <= sum(times), '%s, client %s' % (ms(t['sum_ns']), ms(sum(times))))
    check(t['p50_ns'] >= 0.8 * quantile(times, 0.5), 'p50 %s, client %s' % (us(t['p50_ns']), us(quantile(times, 0.5))))
    check({s['private']['remote'] for s in r.slow} == ports, 'other clients than there were')
    check({x['row']['local'] for x in t['rows']} == {'127.0.0.1:%d' % port}, 'rows: %s' % [x['row'] for x in t['rows']])
    return 'connections %d, p50 %s, client %s' % (n, us(t['p50_ns']), us(quantile(times, 0.5)))


def track_ttfb_forks(ctx):
    """A process for each connection, as sshd and PostgreSQL have it: the child answers, the parent has closed it long since."""
    n, think = 40, 0.005
    p = _python(ctx, 'import socket,signal\nsignal.signal(signal.SIGCHLD,signal.SIG_IGN)\n'
                     'l=socket.socket();l.bind(("127.0.0.1",0));l.listen(99);print(l.getsockname()[1],flush=True)\n'
                     'while True:\n c,_=l.accept()\n'
                     ' if not os.fork():\n  time.sleep(%f)\n  c.send(b"x")\n  c.send(b"y")\n  os._exit(0)\n c.close()' % think)
    go(p)
    port = int(p.stdout.readline())
    w = Tracking(ctx, 'ttfb', '-p', p.pid, '--over', '1us')
    times = []
    for _ in range(n):
        begin = now_ns()
        with socket.create_connection(('127.0.0.1', port)) as s:
            s.recv(1)
            times.append(now_ns() - begin)
            s.recv(1)
    r = w.stop()
    t = r.tracker()
    check(t['count'] == n, 'connections %d of %d, forgotten %d' % (t['count'], n, t['discarded']))
    check(n * think * 1e9 <= t['sum_ns'] <= sum(times), '%s, client %s' % (ms(t['sum_ns']), ms(sum(times))))
    check({s['private']['pid'] for s in r.slow} == {p.pid}, 'accepted by %s' % {s['private']['pid'] for s in r.slow})
    check(not t['in_flight'] and not t['discarded'], 'open %d, forgotten %d' % (t['in_flight'], t['discarded']))
    return 'connections %d, p50 %s, client %s' % (n, us(t['p50_ns']), us(quantile(times, 0.5)))


def track_ttfb_reset(ctx):
    """Connections that their clients have reset before they are accepted: over from the start."""
    n = 10
    p = _python(ctx, 'import socket\nl=socket.socket();l.bind(("127.0.0.1",0));l.listen(99)\nprint(l.getsockname()[1],flush=True)\n'
                     'sys.stdin.readline()\nfor i in range(%d): l.accept()[0].close()\nprint("done",flush=True)' % n)
    go(p)
    port = int(p.stdout.readline())
    w = Tracking(ctx, 'ttfb', '-p', p.pid, '--timeout', '100ms')
    for _ in range(n):
        with socket.create_connection(('127.0.0.1', port)) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    go(p)
    check(p.stdout.readline().startswith('done'), 'the server failed')
    time.sleep(0.6)
    r = w.stop()
    t = r.tracker()
    check(t['discarded'] == n, 'seen to be over: %d of %d' % (t['discarded'], n))
    check(not t['in_flight'] and not t['count'] and not r.slow, '%d still open, told of %d' % (t['in_flight'], len(r.slow)))
    return '%d of %d seen to be over' % (t['discarded'], n)


def track_ttfb_ends(ctx):
    """Connections that end without a byte: by another descriptor, a range of them, their process, shutdown(2)."""
    p = _python(ctx, 'import socket,ctypes\nl=socket.socket();l.bind(("127.0.0.1",0));l.listen(99)\n'
                     'print(l.getsockname()[1],flush=True)\nlibc=ctypes.CDLL(None)\n'
                     'a=[l.accept()[0].detach() for i in range(10)]\n'
                     'for fd in a[0:3]: os.dup2(0, fd)\n'
                     'libc.syscall(436, a[3], a[5], 0)\n'
                     'for fd in a[6:8]: socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)\n'
                     'os._exit(0)')
    go(p)
    port = int(p.stdout.readline())
    w = Tracking(ctx, 'ttfb', '-p', p.pid, '--timeout', '100ms')
    clients = [socket.create_connection(('127.0.0.1', port)) for _ in range(10)]
    p.wait(10)
    time.sleep(0.6)
    r = w.stop()
    for c in clients:
        c.close()
    t = r.tracker()
    check(t['discarded'] == 10, 'ended without a byte: %d of 10' % t['discarded'])
    check(not t['in_flight'] and not r.slow, '%d still open, told of %d' % (t['in_flight'], len(r.slow)))
    return '10 of 10 seen to end'


# ---- anybody's --------------------------------------------------------------------------------------

def _clang(ctx, path, *options):
    need('clang')
    out = os.path.join(ctx.dir, os.path.basename(path).replace('.bpf.c', '.bpf.o'))
    arch = subprocess.run(['gcc', '-print-multiarch'], capture_output=True, text=True).stdout.strip()
    r = subprocess.run(['clang', '-g', '-O2', '-target', 'bpf', '-mcpu=v3', '-I', os.path.join(SOURCE, 'include'),
                        '-idirafter', '/usr/include/' + arch, *options, '-c', path, '-o', out], capture_output=True, text=True)
    check(r.returncode == 0, 'clang: %s' % r.stderr)
    return out


def track_example(ctx):
    """The example: as many connections as were made, no longer than it took to make them."""
    n = 50
    w = Tracking(ctx, _clang(ctx, os.path.join(SOURCE, 'examples', 'tcp_connect.bpf.c')), '--over', '1ns')
    with socket.socket() as l:
        l.bind(('127.0.0.1', 0))
        l.listen(n)
        begin, times = now_ns(), 0
        for _ in range(n):
            begin = now_ns()
            s = socket.create_connection(l.getsockname())
            times += now_ns() - begin
            s.close()
    r = w.stop()
    mine = [s for s in r.slow if s['private']['tid'] == threading.get_native_id()]
    check(len(mine) == n, 'connections %d of %d' % (len(mine), n))
    ours = sum(s['delay_ns'] for s in mine)
    check(0 < ours < times, 'took %s, by our clock %s' % (ms(ours), ms(times)))
    return 'connections %d/%d, %s of %s' % (len(mine), n, ms(ours), ms(times))


def track_header_example(ctx):
    """The example at the top of the header compiles as it stands there, and counts wake-ups."""
    need('bpftool')
    path = os.path.join(ctx.dir, 'example.bpf.c')
    text = read(os.path.join(SOURCE, 'include', 'latency_tracker.bpf.h'))
    code = re.search(r'A tracker is a few lines:\n \*\n(.*?"GPL";\n)', text, re.S).group(1)
    with open(path, 'w') as f:
        f.write(re.sub(r'(?m)^ \*\t?', '', code))
    with open(os.path.join(ctx.dir, 'vmlinux.h'), 'w') as f:
        check(not subprocess.call(['bpftool', 'btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c'], stdout=f), 'bpftool failed')
    w = Tracking(ctx, _clang(ctx, path, '-I', ctx.dir, '-D__TARGET_ARCH_x86'), '--over', '1ns')
    begin = now_ns()
    while now_ns() - begin < 500e6:
        time.sleep(0.005)
    r = w.stop()
    mine = [s for s in r.slow if s['key']['tid'] == threading.get_native_id()]
    check(len(mine) >= 20, 'wake-ups %d' % len(mine))
    check(all(s['private']['comm'] for s in mine), 'no comm: %s' % mine[0])
    return '%d wake-ups of ours' % len(mine)


def track_full(ctx):
    """A tracker for 64 events, and 200 that never end: the rest is skipped, counted, and told of as late."""
    w = Tracking(ctx, _clang(ctx, os.path.join(HERE, 'few.bpf.c')), '--timeout', '100ms')
    p, _ = ctx.helper('tracked', 'calls', 200)
    go(p)
    finish(p, 20)
    time.sleep(0.6)
    r = w.stop()
    t = r.tracker('few')
    check(t['lost']['full'] == 200 - 64, 'skipped %d of %d' % (t['lost']['full'], 200 - 64))
    check(t['in_flight'] == 64 and t['timeouts'] == 64 and t['count'] == 0, 'in flight %d, late %d' % (t['in_flight'], t['timeouts']))
    late = [s for s in r.slow if s['open'] and s['private']['comm'] == 'tracked']
    check(len(late) == 64 and len({s['key']['hex'] for s in late}) == 64, 'told of %d' % len(late))
    return 'full %d, open %d' % (t['lost']['full'], t['in_flight'])


def track_worst(ctx):
    """--over worst: told of is what was longer than all before, by the sleeper's own clock, too."""
    p = _python(ctx, 'got=[]\nfor t in (5,3,8,30,2,12,60,20,4):\n a=time.monotonic_ns();time.sleep(t/1000)\n'
                     ' got.append(time.monotonic_ns()-a)\nprint(*got,flush=True)')
    w = Tracking(ctx, 'syscall', '-p', p.pid, '--over', 'worst')
    go(p)
    slept = [int(x) for x in p.stdout.readline().split()]
    check(len(slept) == 9, 'the sleeper failed')
    r = w.stop()
    delays = [s['delay_ns'] for s in r.slow if s['private']['syscall'] == 'clock_nanosleep']
    check(delays == sorted(delays) and len(set(delays)) == len(delays), 'not ever longer: %s' % delays)
    check(delays and 0 <= max(slept) - delays[-1] < 0.02 * max(slept) + 1e6, 'the longest is %s, not %s' % (ms(delays[-1]), ms(max(slept))))
    check(2 <= len(delays) <= 5, 'of %s told of %s' % ([ms(d) for d in slept], [ms(d) for d in delays]))
    check(all(s['threshold_ns'] < s['delay_ns'] for s in r.slow), 'a threshold above its delay')
    return ' < '.join(ms(d) for d in delays)


# ---- user-defined -----------------------------------------------------------------------------------

def _calls(ctx, n, *args):
    """A run of the helper under a user-defined tracker: (result, its own clock's sum)."""
    p, _ = ctx.helper('tracked', 'calls', n)
    w = Tracking(ctx, *args)
    go(p)
    theirs = int(finish(p, 30)[-1].split()[1])
    return w.stop(), theirs


def _check_work(r, n, theirs):
    t = r.tracker()
    least = sum(100 + i % 100 for i in range(n)) * 1000
    check(t['count'] == n, 'calls %d of %d' % (t['count'], n))
    check(0.98 * least <= t['sum_ns'] <= theirs, '%s, at least %s, by its own clock %s' % (ms(t['sum_ns']), ms(least), ms(theirs)))
    return 'calls %d/%d, %s of %s' % (t['count'], n, ms(t['sum_ns']), ms(theirs))


def track_user_uprobe(ctx):
    path = ctx.binary('tracked')
    r, theirs = _calls(ctx, 300, '--in', 'uprobe:%s:tracked_work' % path, '--out', 'uretprobe:%s:tracked_work' % path, '--key', 'tid')
    return _check_work(r, 300, theirs)


def track_user_usdt(ctx):
    """With its argument as the key: every begin finds its own end."""
    path = ctx.binary('tracked')
    r, theirs = _calls(ctx, 300, '--in', 'usdt:%s:tracked:begin' % path, '--out', 'usdt:%s:tracked:end' % path,
                       '--key', 'arg0,pid', '--over', '1us')
    keys = [int(s['key']['arg0'], 16) for s in r.slow]
    check(keys == list(range(300)), 'keys: %s' % keys[:5])
    return _check_work(r, 300, theirs)


def track_user_usdt_sites(ctx):
    """A probe in two places, of which one does not have the argument: those are skipped and counted, none is taken for 0."""
    n, path = 100, ctx.binary('sites')
    p, _ = ctx.helper('sites', n)
    w = Tracking(ctx, '--in', 'usdt:%s:sites:begin' % path, '--out', 'usdt:%s:sites:end' % path, '--key', 'arg1,pid', '--over', '1ns')
    go(p)
    finish(p, 20)
    r = w.stop()
    t = r.tracker()
    keys = [int(s['key']['arg1'], 16) for s in r.slow]
    check(keys == list(range(n)), 'keys: %s' % keys[:5])
    check(t['count'] == n and t['lost']['busy'] == 2 * n, 'counted %d, skipped %d, of %d' % (t['count'], t['lost']['busy'], n))
    check(not t['replaced'] and not t['in_flight'], 'replaced %d, open %d' % (t['replaced'], t['in_flight']))
    return 'counted %d, skipped %d' % (t['count'], t['lost']['busy'])


def track_user_where(ctx):
    """A condition on an argument: i % 100 of 100 + i % 100 is its microseconds."""
    path = ctx.binary('tracked')
    r, _ = _calls(ctx, 200, '--in', 'uprobe:%s:tracked_work' % path, '--out', 'uretprobe:%s:tracked_work' % path, '--key', 'tid',
                  '--where', 'arg0 >= 190 || arg0 < 105 && arg0 != 102', '--by', 'arg0')
    got = {int(x['row']['arg0'], 16): x['count'] for x in r.tracker()['rows']}
    want = {v: 2 for v in list(range(190, 200)) + [100, 101, 103, 104]}
    check(got == want, 'counted %s' % got)
    return '%d values, 2 each' % len(got)


def track_user_tracepoint(ctx):
    """Fields: the same as the ready tracker says of softirqs; texts of a fork."""
    first = _softirqs()
    w = Tracking(ctx, '--in', 'tp:irq:softirq_entry', '--out', 'tp:irq:softirq_exit', '--key', 'cpu,vec', '--by', 'vec')
    second = _softirqs()
    _work(ctx, 1)
    third = _softirqs()
    r = w.stop()
    fourth = _softirqs()
    ours = sum(x['count'] for x in r.rows(vec=3))
    _between('NET_RX', third['NET_RX'] - second['NET_RX'], ours, fourth['NET_RX'] - first['NET_RX'] + 1)
    p = _python(ctx, 'for i in range(20): os.waitpid(os.posix_spawn("/bin/true",["true"],{}),0)\nprint("done",flush=True)')
    w = Tracking(ctx, '--in', 'tp:sched:sched_process_fork', '--out', 'tp:sched:sched_process_exit', '--key', 'child_pid=pid',
                 '--where', 'parent_pid == %d && parent_comm == "python3"' % p.pid)
    go(p)
    check(p.stdout.readline().startswith('done'), 'the parent failed')
    r = w.stop()
    check(r.tracker()['count'] == 20, 'lives of %d children, not 20' % r.tracker()['count'])
    return 'NET_RX %d, children %d' % (ours, r.tracker()['count'])


# ---- around it --------------------------------------------------------------------------------------

def track_errors(ctx):
    """What is wrong is said, with the value and what to do."""
    path = ctx.binary('tracked')
    for args, status, words in [
        (['wakup'], 2, ["'wakup'", 'did you mean wakeup']),
        ([], 2, ['what to track is missing']),
        (['/no/such.bpf.o'], 2, ["'/no/such.bpf.o'", 'No such file']),
        ([path], 2, ['is not a BPF object that can be loaded']),
        (['irq', '-n', 'x'], 2, ["'irq' does not know tasks"]),
        (['wakeup', '--irq', '3'], 2, ['--irq', 'not an option of track']),
        (['net', '--timeout', '1s'], 2, ['--timeout', "'net'", 'without a trace']),
        (['workqueue', '--timeout', '1s'], 2, ['--timeout', "'workqueue'"]),
        (['wakeup', '--over', '5x'], 2, ["'5x' is not a duration"]),
        (['wakeup', '--in', 'tp:irq:softirq_entry'], 2, ['--in', "contradicts 'wakeup'"]),
        (['--in', 'tp:irq:softirq_entry'], 2, ['--out is missing']),
        (['--in', 'tp:irq:softirq_entr', '--out', 'tp:irq:softirq_exit', '--key', 'cpu'], 2, ['did you mean softirq_entry']),
        (['--in', 'tp:irq:softirq_entry', '--out', 'tp:irq:softirq_exit', '--key', 'vek'], 2, ["no 'vek'", 'it has vec, ']),
        (['--in', 'tp:irq:softirq_entry', '--out', 'tp:irq:softirq_exit', '--key', 'cpu', '--where', 'vec ~ 3'], 2, ['comparison is missing']),
        (['--in', 'uprobe:%s:nothing' % path, '--out', 'uretprobe:%s:nothing' % path, '--key', 'tid'], 2, ['nothing', 'cannot attach']),
        (['--in', 'usdt:%s:tracked:begin' % path, '--out', 'usdt:%s:tracked:end' % path, '--key', 'arg3'], 2,
         ["no 'arg3'", 'it has arg0, tid, pid, cpu, comm']),
        (['--in', 'usdt:%s:tracked:begim' % path, '--out', 'usdt:%s:tracked:end' % path, '--key', 'arg0'], 2,
         ["no probe 'tracked:begim'", 'did you mean tracked:begin']),
        (['--in', 'usdt:/no/such:a:b', '--out', 'usdt:%s:tracked:end' % path, '--key', 'arg0'], 2, ["cannot read '/no/such'"]),
        (['--in', 'gone:x', '--out', 'y', '--key', 'tid'], 2, ["'gone:x'", 'kind of event']),
    ]:
        got, out, err = ctx.run(['track', *args, '--duration', '1s'])
        text = err.decode()
        check(got == status and not out, 'track %s: exit %d, not %d: %s' % (' '.join(args), got, status, text))
        check(all(w in text for w in words), 'track %s says %s' % (' '.join(args), text))
        check(text.startswith('whylate: ') and text.count('\n') == 1, 'not one line: %r' % text)
    return '19 errors'


def _fails(ctx, status, words, prefix, *args):
    """Exit status and what is said on one line, of the program by an open file: its directory may be root's own."""
    fd = os.open(ctx.whylate, os.O_RDONLY)
    try:
        p = ctx.spawn([*prefix, '/proc/self/fd/%d' % fd, 'track', *args, '--duration', '1s'], pass_fds=[fd], cwd='/',
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = p.communicate(timeout=30)
    finally:
        os.close(fd)
    err = ''.join(line for line in err.splitlines(True) if not line.startswith('libbpf: '))  # its own way to say the same
    check(p.returncode == status and not out, 'track %s: exit %d, not %d: %s' % (' '.join(args), p.returncode, status, err))
    check(words in err and err.startswith('whylate: ') and err.count('\n') == 1, 'track %s says %r' % (' '.join(args), err))


SWITCH = ('--in', 'tp:sched:sched_switch', '--out', 'tp:sched:sched_switch', '--key', 'next_pid=prev_pid')
READ = ('--in', 'fentry:vfs_read', '--out', 'fexit:vfs_read', '--key', 'tid')


def track_not_allowed(ctx):
    """Not as root: exit 3, whatever it is that is not allowed."""
    need('setpriv')
    nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
    _fails(ctx, 3, 'not allowed to load BPF programs: run it as root', nobody, 'wakeup')
    _fails(ctx, 3, "--in: cannot read the", nobody, *SWITCH)  # the events, or the format of one
    _fails(ctx, 3, 'not allowed to load BPF programs: run it as root', nobody, *READ)
    return '3 refusals'


def track_no_btf(ctx):
    """A kernel without BTF is told as one, before anything is looked up in it."""
    need('unshare')
    hidden = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', 'sh']
    for args in (['wakeup'], SWITCH, READ):
        _fails(ctx, 3, 'this kernel has no BTF (/sys/kernel/btf/vmlinux)', hidden, *args)
    return '3 refusals'


def track_kill(ctx):
    """Nothing stays in the kernel when it is killed."""
    before = bpf_objects()
    w = Tracking(ctx, 'wakeup', '-n', 'nobody')
    w.process.send_signal(signal.SIGKILL)
    w.process.wait(10)
    left = bpf_leftovers(before, ctx.groups)
    check(not left, 'left: %s' % left)
    return 'no leftovers'


def track_capture(ctx):
    """A slow one makes a running watch take a capture."""
    p = _python(ctx, 'while True: time.sleep(0.05)')
    directory = os.path.join(ctx.dir, 'captures')
    watch = ctx.watch('-p', p.pid, '--captures', directory, '--over', '10s')
    w = Tracking(ctx, 'syscall', '-p', p.pid, '--over', '20ms', '--capture')
    go(p)
    time.sleep(2)
    r = w.stop()
    watch.stop()
    check(r.slow, 'nothing was slow')
    taken = [c for c in r.captures if c['capture']]
    check(taken, 'no capture: %s' % r.captures)
    check(all(os.path.exists(os.path.join(c['capture'], 'kernel', 'metadata')) for c in taken), 'not there: %s' % taken)
    check({c['id'] for c in taken} <= {s['id'] for s in r.slow}, 'captures of others than the slow ones')
    return '%d captures of %d slow ones' % (len(taken), len(r.slow))


def track_screen(ctx):
    """On a terminal: a table that redraws itself, and names that can't move its cursor."""
    need('script')
    p = _python(ctx, 'open("/proc/self/comm","w").write("\\x1b[2Jevil\\n")\nwhile True: time.sleep(0.01)')
    go(p)
    out = os.path.join(ctx.dir, 'screen')
    s = ctx.spawn(['script', '-qec', '%s track wakeup -p %d --duration 3s --over 1ns' % (ctx.whylate, p.pid), out],
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check(s.wait(30) == 0, 'script failed: %s' % read(out)[-500:])
    text = read(out)
    check('\\x1b[2Jevil' in text and '\x1b[2J' not in text, 'a name was not escaped')
    check('the worst' in text and '****' in text and '\x1b[J' in text, 'no table, no histogram: %s' % text[-500:])
    return '%d bytes' % len(text)
