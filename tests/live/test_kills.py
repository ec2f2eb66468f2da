# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""kill -9 at any moment leaves nothing in the kernel and no file."""

import os
import signal
import subprocess
import time

from harness import Fail, bpf_leftovers, bpf_objects, check, go, read

KILLS = 50
PLACES = ['/sys/fs/bpf', '/run', '/dev/shm', '/sys/kernel/tracing/instances', '/sys/kernel/debug/tracing/instances']


def _files(ctx):
    """What lies in the directories where something could be left."""
    found = set()
    for place in PLACES:
        try:
            found |= {os.path.join(place, f) for f in os.listdir(place) if not f.startswith('wl-live-')}
        except OSError:
            pass
    return found | {os.path.join(ctx.dir, f) for f in os.listdir(ctx.dir)}


def _start(ctx, tid):
    # --timeout: the iterator is loaded too
    return ctx.spawn([ctx.whylate, 'watch', '-t', tid, '--over', '1ms', '--timeout', '20ms', '--duration', '300ms', '--json',
                      '--captures', 'none'],
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _normal_time(ctx, tid):
    longest = 0
    for _ in range(2):
        t = time.monotonic()
        p = _start(ctx, tid)
        try:
            out, err = p.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            raise Fail('--duration 300ms did not end in 30 s')
        check(p.returncode == 0 and b'"stats"' in out, 'a normal run failed (%d): %s' % (p.returncode, err))
        longest = max(longest, time.monotonic() - t)
    return longest


def kills_leave_nothing(ctx):
    sleeper, words = ctx.helper('sleeper', 'count=200000', 'sleep_us=1000', 'gate=1')
    go(sleeper)
    objects, files = bpf_objects(), _files(ctx)
    stats = read('/proc/sys/kernel/bpf_stats_enabled')
    span = _normal_time(ctx, words[0]) + 0.3
    left = bpf_leftovers(objects, ctx.groups)
    check(not left, 'left behind by a normal run: %s' % left)
    kills = ctx.rounds or KILLS
    ended = 0
    for i in range(kills):
        p = _start(ctx, words[0])
        time.sleep(span * (i + ctx.rng.random()) / kills)
        ended += p.poll() is not None
        os.kill(p.pid, signal.SIGKILL) if p.returncode is None else None
        p.communicate()
        if i % 10 == 9:
            left = bpf_leftovers(objects, ctx.groups)
            check(not left, 'left behind after kill %d at about %.2f s: %s' % (i + 1, span * i / kills, left))
    check(ended < 0.7 * kills, '%d of %d had ended before the kill' % (ended, kills))
    left = bpf_leftovers(objects, ctx.groups)
    check(not left, 'left behind: %s' % left)
    check(read('/proc/sys/kernel/bpf_stats_enabled') == stats, 'kernel.bpf_stats_enabled was left changed')
    new = {f for f in _files(ctx) - files if 'whylate' in f or f.startswith(ctx.dir)}
    check(not new, 'files left: %s' % sorted(new))
    return '%d kills over %.2f s (%d had ended by themselves), %d BPF objects before and after' % (
        kills, span, ended, len(objects))
