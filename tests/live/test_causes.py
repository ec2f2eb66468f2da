# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Truth 4: injected faults and the causes that whylate gives; and no culprit where there was no fault."""

import os
import struct
import time

from harness import SwitchTrace, check, end_ts, finish, go, ms, stim_ts

ROUNDS = 20
WAITS = ['pipe', 'eventfd', 'epoll', 'timerfd']
OVER = '5ms'
OVER_NS = 5 * 10 ** 6


class Round:
    """One fault, as the victim recorded it."""

    def __init__(self, line):
        w = line.split()
        self.kind, self.name = w[1], w[5]
        self.t0, self.t1, self.tid = int(w[2]), int(w[3]), int(w[4])
        self.cpu, self.a, self.b = int(w[6]), int(w[7]), int(w[8])
        self.effect = 0  # longest request that overlaps it, ns, and how long that waited for the mutex
        self.locked = 0

    def took_effect(self, trace, worker):
        """By the victim's own clocks and the kernel's trace: was a request late, and because of the fault?"""
        if self.t1 - self.t0 < OVER_NS or self.effect < OVER_NS + 10 ** 6:
            return False
        if self.kind == 'mutex':
            return min(self.locked, self.t1 - self.t0) >= 0.6 * self.effect
        if self.kind == 'io':  # asleep: neither running, nor waiting for a CPU, nor without one by the host's doing
            return trace.slept(worker, self.t0, self.t1) >= 0.6 * self.effect
        return min(self.b, self.effect) >= 0.6 * self.effect

    def overlaps(self, s):
        return stim_ts(s) < self.t1 and end_ts(s) > self.t0

    def __str__(self):
        return '%s %s/%d %s cpu%d effect %s' % (self.kind, self.name, self.tid, ms(self.t1 - self.t0), self.cpu, ms(self.effect))


def _victim(ctx, mode, rounds, fault, **options):
    """Runs the victim under watch: (rounds, result, the worker's thread id, latencies by its own clock)."""
    cpu = ctx.rng.choice(ctx.cpus())
    out = os.path.join(ctx.dir, 'requests')
    disk = options.pop('directory', ctx.dir)
    cgroup = options.pop('cgroup', None)
    args = ['%s=%s' % kv for kv in options.items()]
    p, words = ctx.helper('victim', out, 'mode=' + mode, 'rounds=%d' % rounds, 'fault=%d' % fault, 'cpu=%d' % cpu,
                          'seed=%d' % ctx.rng.randrange(1, 1 << 30), 'dir=' + disk, *args)
    worker = int(words[0])
    if cgroup:
        cgroup.add(worker)
    w = ctx.watch('-t', worker, '--over', OVER)
    go(p)
    lines = finish(p, 90)
    r = w.stop()
    check(r.counter('slow_lost') == 0, 'slow responses lost: %s' % r.losses())
    done = [Round(x) for x in lines if x.startswith('round')]
    latencies = []
    with open(out, 'rb') as f:
        for asked, begun, answered, locked in struct.iter_unpack('=QQQQ', f.read()):
            if not asked or not answered:
                continue
            latencies.append(answered - asked)
            for i in done:
                if asked < i.t1 and answered > i.t0 and answered - asked > i.effect:
                    i.effect, i.locked = answered - asked, locked
    return done, r, worker, latencies


def _text(s):
    c = s['cause']
    who = c.get('culprit') or {}
    return '%s: %s (%s/%s, share %.2f; %s; from %s, until %s)' % (
        ms(s['response_ns']), c['text'], who.get('comm'), who.get('tid'), c['share'],
        ' '.join('%s %s' % (k, ms(v)) for k, v in s['budget'].items()), s['stimulus']['kind'], s['end']['kind'])


def _right(i, s):
    c = s['cause']
    tid = (c.get('culprit') or {}).get('tid')
    if i.kind == 'hog':
        return c['kind'] in ('wakeup', 'preempted') and tid == i.tid
    if i.kind == 'mutex':
        return c['kind'] == 'lock' and tid == i.tid
    return c['kind'] == 'io'


def _batch(ctx, mode, rounds, **options):
    """(rounds injected, [(round that took effect, its verdict is right)])."""
    with SwitchTrace(ctx) as trace:
        done, r, worker, _ = _victim(ctx, mode, rounds, 1, **options)
    judged = []
    for i in done:
        if not i.took_effect(trace, worker):
            continue
        best = max((s for s in r.slow if i.overlaps(s)), key=lambda s: s['response_ns'], default=None)
        right = best is not None and _right(i, best) and best['target']['tid'] == worker
        if not right:
            ctx.note('wrong: wait=%s direct=%s %s: %s' % (options['wait'], options.get('direct', 0), i,
                                                          _text(best) if best else 'no verdict; ' + r.losses()))
        judged.append((i, right))
    return len(done), judged


BATCHES = 4  # on a host that disturbs, fewer faults are what makes a request late


def _judge(ctx, mode, share, **options):
    """`share` rounds that took effect: (right, rounds judged, faults injected)."""
    injected, judged = 0, []
    for _ in range(BATCHES):
        missing = share - len(judged)
        if missing <= 0:
            break
        done, more = _batch(ctx, mode, missing + missing // 2 + 3, **options)
        injected += done
        judged += more
    judged = judged[:share]
    if len(judged) < share:
        ctx.note("%s: only %d of %d faults took effect by the victim's own clock" % (options, len(judged), injected))
    return sum(right for _, right in judged), len(judged), injected


def _total(ctx, parts):
    right = sum(p[0] for p in parts)
    effective = sum(p[1] for p in parts)
    rounds = ctx.rounds or ROUNDS
    figures = '%d of %d right (%d faults injected)' % (right, effective, sum(p[2] for p in parts))
    check(effective >= 0.9 * rounds, 'faults did not take effect: ' + figures)
    check(right >= effective - max(1, rounds // 20), figures)
    return figures


def _split(total, n):
    return [total * (i + 1) // n - total * i // n for i in range(n)]


def _over_waits(ctx, mode):
    shares = _split(ctx.rounds or ROUNDS, len(WAITS))
    return _total(ctx, [_judge(ctx, mode, n, wait=w) for n, w in zip(shares, WAITS) if n])


def truth4_cause_fifo_hog(ctx):
    return _over_waits(ctx, 'hog')


def truth4_cause_mutex_holder(ctx):
    return _over_waits(ctx, 'mutex')


class Throttle:
    """A blkio cgroup (v1) with a write limit for the disk of a directory, where there is one."""

    ROOT = '/sys/fs/cgroup/blkio'

    def __init__(self, directory, bytes_per_second):
        self.path = os.path.join(self.ROOT, 'wl-live-%d' % os.getpid())
        dev = os.stat(directory).st_dev
        os.mkdir(self.path)
        with open(os.path.join(self.path, 'blkio.throttle.write_bps_device'), 'w') as f:
            f.write('%d:%d %d' % (os.major(dev), os.minor(dev), bytes_per_second))

    def add(self, tid):
        with open(os.path.join(self.path, 'tasks'), 'w') as f:
            f.write(str(tid))

    def remove(self):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


def _disk(ctx):
    """A directory on a disk: the test's own may be in memory."""
    import tempfile
    return tempfile.mkdtemp(prefix='wl-live-%d-' % os.getpid(), dir='/var/tmp')


def truth4_cause_disk(ctx):
    disk = _disk(ctx)
    shares = _split(ctx.rounds or ROUNDS, 3)
    throttle = None
    try:
        parts = [_judge(ctx, 'io', shares[0], wait=ctx.rng.choice(WAITS), directory=disk, chunk_kb=1024),
                 _judge(ctx, 'io', shares[1], wait=ctx.rng.choice(WAITS), directory=disk, direct=1)]
        try:
            throttle = Throttle(disk, 4 << 20)
        except OSError as e:
            ctx.note('no throttled disk: %s' % e)
        parts.append(_judge(ctx, 'io', shares[2], wait=ctx.rng.choice(WAITS), directory=disk, direct=1,
                            chunk_kb=32, cgroup=throttle))
    finally:
        if throttle:
            for p in ctx.processes:
                ctx._kill(p)
                p.wait(10)
            throttle.remove()
        os.rmdir(disk)
    return _total(ctx, parts)


def _innocent(trace, s):
    """A named holder of the CPU must have run on that CPU during the response."""
    bad = []
    for seg in s['segments']:
        tid = (seg.get('culprit') or {}).get('tid')
        if seg['kind'] in ('wakeup', 'preempted') and tid and tid not in trace.ran(seg['cpu'], stim_ts(s), end_ts(s)):
            bad.append('%s/%d on cpu%d' % (seg['culprit'].get('comm'), tid, seg['cpu']))
    return bad


def _quiet(ctx, mode):
    """The same processes without the fault: nobody of them is named, nobody is invented."""
    with SwitchTrace(ctx) as trace:
        wait = ctx.rng.choice(WAITS)
        done, r, worker, latencies = _victim(ctx, mode, ctx.rounds or ROUNDS, 0, wait=wait)
    check(len(done) == (ctx.rounds or ROUNDS), '%d rounds' % len(done))
    count = sum(t['count'] for t in r.stats['targets'])
    # the timer runs before we watch (0.4 s are 200 periods), and expiries that are read together are one response
    check(wait == 'timerfd' or count >= 0.9 * len(latencies), '%s: %d responses of %d; %s' % (wait, count, len(latencies), r.losses()))
    injected = {i.tid for i in done}
    check(any(trace.switches.values()), 'the witness saw nothing')
    for s in r.slow:
        ctx.note('verdict on noise: ' + _text(s))
        tid = (s['cause'].get('culprit') or {}).get('tid')
        check(tid not in injected, 'named a process that did nothing: ' + _text(s))
        bad = _innocent(trace, s)
        check(not bad, 'culprit that was not there: %s in %s' % (bad, _text(s)))
    return '%d rounds, %d responses of %d, %d verdicts on host noise, worst by the victim\'s clock %s' % (
        len(done), count, len(latencies), len(r.slow), ms(max(latencies)))


def truth4_no_fault_hog(ctx):
    return _quiet(ctx, 'hog')


def truth4_no_fault_mutex(ctx):
    return _quiet(ctx, 'mutex')


def truth4_no_fault_nobody(ctx):
    return _quiet(ctx, 'none')
