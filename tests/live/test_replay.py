# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Replay equality: a capture through the state machine gives what the kernel side reported."""

import json
import os
import subprocess

from harness import check, go, need

CAPTURES = 6
KEEP_UP_TRIES = 4  # where every task is a target: a host that stops us for 10 ms makes holes, which are not all known as such
KEYS = ('ended', 'inside', 'compared', 'equal', 'who', 'before', 'unknown', 'left_out_lost', 'missing', 'invented')


def replay(ctx, interval_ms, *options):
    """Runs tests/live/replay.c over the load that is on; the sums over its captures, and its own words."""
    p = ctx.spawn([ctx.built('replay'), ctx.dir, CAPTURES, interval_ms, 'watch', '--over', '1us', '--timeout', 'none',
                   *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = p.communicate(timeout=180)
    check(p.returncode == 0, 'replay: status %d, %s' % (p.returncode, err[-1000:]))
    captures = [json.loads(line) for line in out.splitlines() if line.startswith('{')]
    check(len(captures) == CAPTURES, '%d captures: %s' % (len(captures), err[-1000:]))
    total = {k: sum(c[k] for c in captures) for k in KEYS + ('events', 'reordered', 'gaps')}
    return {**total, **{k: captures[-1][k] for k in ('records_lost', 'unreported')}}, err


def judge(total, err, least):
    figures = ' '.join('%s=%d' % (k, v) for k, v in total.items())
    check(total['ended'] >= least, 'too few responses: ' + figures)
    check(total['inside'] >= 0.9 * total['ended'], 'under 90 %% inside the window: ' + figures)
    check(total['compared'] >= 0.99 * total['inside'], 'over 1 %% left out: ' + figures)
    check(total['equal'] == total['compared'], 'not equal: %s\n%s' % (figures, err[-3000:]))
    check(total['who'] >= 0.99 * total['compared'], 'culprits differ: ' + figures)
    check(total['missing'] == 0, 'not in the replay: ' + figures)
    check(total['invented'] <= total['unreported'], 'only in the replay: ' + figures)
    return figures


def busy_memcached(ctx, *args):
    mc, port, _ = ctx.memcached(2)
    client, _ = ctx.helper('mcclient', port, os.path.join(ctx.dir, 'record'), 'total=100000000', 'seconds=100', *args)
    go(client)
    return mc, client


def replay_memcached_and_hackbench(ctx):
    need('hackbench')
    ctx.spawn(['hackbench', '-g', '1', '-P', '-l', '100000000'], stdout=subprocess.DEVNULL)
    mc, client = busy_memcached(ctx, 'connections=8', 'threads=2', 'think_us=100')
    total, err = replay(ctx, 1000, '-p', mc.pid)
    client.kill()
    return judge(total, err, 1000)


def replay_until_block(ctx):
    """Every sleep ends a response: other transitions than a server's turns."""
    mc, client = busy_memcached(ctx, 'connections=4')
    total, err = replay(ctx, 500, '-p', mc.pid, '--until', 'block')
    client.kill()
    return judge(total, err, 1000)


def replay_everything_until_run(ctx):
    """Every task of the machine is a target, links and forks included."""
    need('hackbench')
    load = ctx.spawn(['sh', '-c', 'while :; do hackbench -g 1 -l 200 >/dev/null; done'])
    for _ in range(KEEP_UP_TRIES):
        total, err = replay(ctx, 700, '--until', 'run', '--over', '1us')
        if total['equal'] == total['compared'] and not total['missing'] or not (total['records_lost'] or total['unreported']):
            break
    load.kill()
    return judge(total, err, 1000)
