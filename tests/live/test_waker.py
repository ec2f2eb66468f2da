# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Timer wake-ups under load: nobody blames the process that the interrupt happened to hit."""

import json
import time

from harness import check, comm_of, finish, go, need

COUNT = 1000


def waker_timer_wakeups_under_hackbench(ctx):
    need('hackbench')
    load = ctx.spawn(['hackbench', '-g', '1', '-P', '-l', '1000000'], stdout=-3)
    time.sleep(0.3)
    p, words = ctx.helper('sleeper', 'count=%d' % COUNT, 'sleep_us=1000', 'gate=1', 'quiet=0')
    tid = int(words[0])
    w = ctx.watch('-t', tid, '--until', 'run', '--over', '1us')
    go(p)
    finish(p, 120)
    check(load.poll() is None, 'hackbench ended too early')
    r = w.stop()
    check(r.lost() == 0, 'lost: %s' % r.losses())
    mine = r.of(tid)
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
    return '%s, hackbench held the CPU in %d' % (figures, held)
