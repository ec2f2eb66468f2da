# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
Truth 3: the sums are not bought with unknown time. (That segments sum to the response time is checked
for every slow line of every test: harness.slow_problem.)
"""

import os
import time

from harness import (check, finish, go, kernel_config, ms, need, schedstat, threads_in_system, tids_of)


def _share(ours, kernels):
    return (ours - kernels) / max(1, kernels)


def _check_wakeups(r, threads):
    """Wake-ups that started or continued a chain, and blocking switch-outs followed by a switch-in."""
    c = r.stats['counters']
    started, ran = c['started'], c['ran']
    check(abs(started - ran) <= threads, 'started %d, ran %d: differ by more than %d threads in flight; %s' % (
        started, ran, threads, r.losses()))
    check(started > 1000, 'started only %d' % started)
    return 'started %d ran %d' % (started, ran)


def _check_unknown(r):
    share = r.unknown_share()
    check(r.slow, 'no response at all')
    check(share <= 0.01, 'unknown is %.2f %% of %s in %d responses; %s' % (
        share * 100, ms(sum(s['response_ns'] for s in r.slow)), len(r.slow), r.losses()))
    return 'unknown %.3f %%' % (share * 100)


def _sum(responses, *kinds):
    return sum(s['budget'].get(k, 0) for s in responses for k in kinds)


def _check_thread(r, tid, run, delay, run_kinds):
    """running and waiting for the CPU beside the kernel's own accounts. Returns both deviations."""
    mine = r.of(tid)
    ours, waited = _sum(mine, *run_kinds), _sum(mine, 'wakeup', 'preempted')
    where = 'thread %d, %d responses: ' % (tid, len(mine))
    check(abs(_share(ours, run)) <= 0.03, where + '%s %s, the kernel says %s (%+.1f %%), wakeup+preempted %s vs %s; %s' % (
        '+'.join(run_kinds), ms(ours), ms(run), 100 * _share(ours, run), ms(waited), ms(delay), r.losses()))
    check(abs(_share(waited, delay)) <= 0.05, where + 'wakeup + preempted %s, the kernel says %s (%+.1f %%)' % (
        ms(waited), ms(delay), 100 * _share(waited, delay)))
    return _share(ours, run), _share(waited, delay)


def truth3_accounts_memcached(ctx):
    server, port, workers = ctx.memcached(ctx.rng.randint(2, 4))
    record = os.path.join(ctx.dir, 'record')
    # The scheduler saves readings of its clock (rq_clock_skip_update()): when somebody is woken onto a busy CPU, the
    # time up to the switch, some us, is the old task's for us and for sched_switch, and the new one's for schedstat. And
    # its run delay begins with the enqueueing, in a virtual machine an interrupt after the wake-up. So: heavy
    # requests, few of them, clients that don't preempt, and somebody who always wants the CPU.
    busy = [ctx.spawn(['taskset', '-c', cpu, 'sh', '-c', 'while :; do :; done']) for cpu in sorted(os.sched_getaffinity(0))]
    load, _ = ctx.helper('mcclient', port, record, 'connections=16', 'threads=2', 'think_us=10000', 'seconds=5',
                         'heavy=20', 'total=200000', 'seed=%d' % ctx.rng.randrange(1, 1 << 30))
    time.sleep(0.2)
    before = {t: schedstat(server.pid, t) for t in workers}
    # until idle: with turns, what a thread does between a send and its next receive is in the next response's queued
    w = ctx.watch('-p', server.pid, '--until', 'idle', '--over', '1us')
    threads = threads_in_system()
    for tid in tids_of(load.pid):
        os.sched_setscheduler(tid, os.SCHED_BATCH, os.sched_param(0))
    go(load)
    finish(load, 60)
    for p in busy:
        ctx._kill(p)
    time.sleep(0.2)
    after = {t: schedstat(server.pid, t) for t in workers}
    r = w.stop(120)
    check(r.lost() == 0, 'responses lost, the accounts can not be compared: %s' % r.losses())
    # without CONFIG_IRQ_TIME_ACCOUNTING the kernel counts interrupts as run time of the task below
    kinds = ['running'] if kernel_config('CONFIG_IRQ_TIME_ACCOUNTING') else ['running', 'interrupted']
    found = [_check_unknown(r), _check_wakeups(r, max(threads, threads_in_system()))]
    runs, delays = [], []
    for tid in workers:
        run, delay = (after[tid][i] - before[tid][i] for i in (0, 1))
        if run > 20e6:  # a worker without connections has no load
            a, b = _check_thread(r, tid, run, delay, kinds)
            runs.append(a)
            delays.append(b)
    check(runs, 'no worker did anything')
    return '%d responses, %s, %s %+.1f %% at most, wakeup+preempted %+.1f %%, %s' % (
        len(r.slow), found[0], '+'.join(kinds), 100 * max(runs, key=abs), 100 * max(delays, key=abs), found[1])


def _hackbench(ctx, kind, loops, over):
    w = ctx.watch('-n', 'hackbench', '--over', over)
    bench = ctx.spawn(['hackbench', '-g', '1', *kind, '-l', loops], stdout=-3)
    time.sleep(0.05)
    threads = threads_in_system()
    bench.wait(90)
    time.sleep(0.3)
    r = w.stop(120)
    check(r.stats['targets'], 'no response of hackbench; %s' % r.losses())
    return r, 'hackbench %s -l %d, %d responses, %d of them listed, %d lost, %s' % (
        ' '.join(kind), loops, sum(t['count'] for t in r.stats['targets']), len(r.slow), r.lost(),
        _check_wakeups(r, max(threads, threads_in_system())))


def truth3_accounts_hackbench_all(ctx):
    """Few enough messages that every response can be listed."""
    need('hackbench')
    kind = ctx.rng.choice([['-P'], ['-T'], ['-P', '-p']])
    r, figures = _hackbench(ctx, kind, 100, '1us')
    return '%s, %s' % (figures, _check_unknown(r))


def truth3_accounts_hackbench_long(ctx):
    """Seconds of it: its tasks hardly ever go home, so these are few responses with long paths."""
    need('hackbench')
    t = time.monotonic()
    ctx.spawn(['hackbench', '-g', '1', '-P', '-l', '1000'], stdout=-3).wait(60)
    loops = max(500, min(50000, int(1000 * 3 / (time.monotonic() - t))))
    r, figures = _hackbench(ctx, ctx.rng.choice([['-P'], ['-T'], ['-P', '-p']]), loops, '1us')
    return '%s, %s' % (figures, _check_unknown(r))


def truth3_accounts_hackbench_cpu(ctx):
    """
    All CPU time of its processes, as wait4() accounts it, is running or interrupted time of their responses. (What the
    scheduler credits to the wrong one of two tasks at a switch is credited to hackbench all the same.)
    """
    need('hackbench')
    for _ in range(3):  # until every response could be listed
        w = ctx.watch('-n', 'hackbench', '--until', 'idle', '--over', '1us')
        p = ctx.spawn(['hackbench', '-g', '1', '-P', '-p', '-l', '1500'], stdout=-3)
        _, _, usage = os.wait4(p.pid, 0)
        p.returncode = 0
        time.sleep(0.3)
        r = w.stop(120)
        if r.lost() == 0:
            break
    check(r.lost() == 0, 'responses lost: %s' % r.losses())
    kernel = (usage.ru_utime + usage.ru_stime) * 1e9
    ours = _sum(r.slow, 'running', 'interrupted')
    text = '%d responses, running+interrupted %s, CPU time of the processes %s (%+.1f %%); %s' % (
        len(r.slow), ms(ours), ms(kernel), 100 * _share(ours, kernel), r.losses())
    check(abs(_share(ours, kernel)) <= 0.03, text)
    return text
