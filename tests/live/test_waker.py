# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Timer wake-ups under load: nobody blames the process that the interrupt happened to hit."""

import json
import os
import signal
import time

from harness import check, comm_of, finish, go, need

COUNT = 1000


def under_hackbench(ctx, cpus):
    """One measurement, load and sleeper on these CPUs: the sleeper's responses and its watch."""
    pin = ['taskset', '-c', ','.join(str(cpu) for cpu in cpus)]
    load = ctx.spawn(pin + ['hackbench', '-g', '1', '-P', '-l', '1000000'], stdout=-3)
    time.sleep(0.3)
    p, words = ctx.helper('sleeper', 'count=%d' % COUNT, 'sleep_us=1000', 'gate=1', 'quiet=0')
    tid = int(words[0])
    os.sched_setaffinity(tid, cpus)
    w = ctx.watch('-t', tid, '--until', 'run', '--over', '1us')
    go(p)
    finish(p, 120)
    check(load.poll() is None, 'hackbench ended too early')
    r = w.stop()
    os.killpg(load.pid, signal.SIGKILL)
    load.wait()
    check(r.lost() == 0, 'lost: %s' % r.losses())
    return r.of(tid), r


def waker_timer_wakeups_under_hackbench(ctx):
    """
    No BPF program sees a timer that expires while the sandbox's own agent is the current task: with
    its share of the CPU (measured: up to 1.4 %) wake-ups are missing, never wrong. When that has
    happened, one CPU is left to it.
    """
    need('hackbench')
    cpus = sorted(os.sched_getaffinity(0))
    for room in (cpus, cpus[:1], cpus[-1:]):
        mine, r = under_hackbench(ctx, room)
        seen = sum(1 for s in mine if s['stimulus']['kind'] == 'timer')
        if seen >= COUNT * 0.99 or not r.hidden():
            break
    timers = [s for s in mine if s['stimulus']['kind'] == 'timer']
    kinds = {}
    for s in mine:
        kinds[s['stimulus']['kind']] = kinds.get(s['stimulus']['kind'], 0) + 1
    figures = '%d of %d wake-ups by timer, stimuli %s' % (len(timers), COUNT, kinds)
    check(COUNT * 0.99 <= len(timers) <= COUNT + 10, figures + '; ' + r.losses())
    for s in mine:
        waker = s['stimulus'].get('tid')
        check(not waker or comm_of(waker) != 'hackbench', 'hackbench is the stimulus: %s' % s['stimulus'])
        # hackbench may well have held the CPU; but nobody waited *for* it, and it woke nobody
        for seg in s['segments'] + [s['cause']]:
            who = (seg.get('culprit') or {}).get('comm')
            check(who != 'hackbench' or seg['kind'] in ('wakeup', 'preempted'), 'blames hackbench: %s' % json.dumps(s))
    held = sum(1 for s in mine if (s['cause'].get('culprit') or {}).get('comm') == 'hackbench')
    return '%s, hackbench held the CPU in %d, on CPUs %s' % (figures, held, room)
