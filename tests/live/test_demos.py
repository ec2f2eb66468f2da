# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
The demonstrations: what they injected, by their own clocks, against the verdicts. They judge each
verdict against who they know to be guilty; here is how many must be right.
"""

import json
import os
import signal
import subprocess
import time

from harness import HERE, Skip, bpf_leftovers, bpf_objects, check, need, tail, us

DEMOS = os.path.join(HERE, '..', '..', 'demos')
SECONDS = 5
SHARE = 0.9  # of the xruns, of the verdicts, of the amounts


def _start(ctx, demo, *args):
    check(os.path.exists(os.path.join(os.path.dirname(ctx.whylate), 'demos', 'demo-hog')), 'no programs of demos/ beside whylate: build with -Dtests=true')
    return ctx.spawn([os.path.join(DEMOS, demo, 'run'), '--whylate', ctx.whylate, '--seconds', SECONDS, '--seed', ctx.rng.randrange(1 << 30), *args],
                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _run(ctx, demo, variant):
    out = os.path.join(ctx.dir, 'summary')
    p = _start(ctx, demo, '--variant', variant, '--json', out)
    text, _ = p.communicate(timeout=120)
    for line in tail(text, 3000).splitlines():
        ctx.note(line)
    check(p.returncode in (0, 3), 'exit status %d: %s' % (p.returncode, tail(text, 400)))
    with open(out) as f:
        summary = json.loads(f.readline())
    if 'skipped' in summary:
        raise Skip(summary['skipped'])
    return summary


def _check_verdicts(s, figures):
    v = s['verdicts']
    check(v['right'] >= SHARE * (v['right'] + v['wrong']), figures)
    check(s['captures'] > 0 and s['roots_right'] >= s['captures'] - 1, figures)


def _jack(ctx, variant, least):
    need('jackd', 'taskset')
    s = _run(ctx, 'jack', variant)
    figures = '%s; in bursts %d, by chance %d%%, clocks apart %s' % (
        s['account'], s['in_bursts'], round(100 * s['chance']), us(s['clocks_apart_ns']) if s['clocks_apart_ns'] is not None else 'not known')
    check(s['bursts'] >= SECONDS and s['xruns'] >= least, figures)
    check(s['chance'] <= 0.4, figures)
    # those outside of its bursts are the machine's own, and listed with what they are due to
    noise = sum(not u['in_burst'] for u in s['unmatched'])
    check(s['matched'] >= SHARE * (s['xruns'] - noise), figures)
    check(sum(not u['responses'] for u in s['unmatched']) <= 1, 'xruns without a slow response: ' + figures)
    check(len(s['unmatched']) == s['xruns'] - s['matched'], figures)
    _check_verdicts(s, figures)
    if s['clocks_apart_ns'] is not None:
        check(s['clocks_apart_ns'] < s['injected_ns'] / s['bursts'] / 10, figures)
    return figures


def demos_jack_between(ctx):
    return _jack(ctx, 'between', 10)


def demos_jack_normal(ctx):
    return _jack(ctx, 'normal', 10)


def demos_jack_inversion(ctx):
    return _jack(ctx, 'inversion', 3)


def _memcached(ctx, variant):
    need('memcached')
    s = _run(ctx, 'memcached', variant)
    figures = '%s; amounts agree in %d, %s apart' % (s['account'], s['agree'], us(s['clocks_apart_ns'] or 0))
    check(s['injected'] >= SECONDS and s['late'] >= SECONDS / 2, figures)
    check(s['found'] >= SHARE * s['late'] and s['agree'] >= SHARE * s['found'], figures)
    _check_verdicts(s, figures)
    return figures


def demos_memcached_start(ctx):
    return _memcached(ctx, 'start')


def demos_memcached_complete(ctx):
    return _memcached(ctx, 'complete')


def _children(pid):
    """All below it, by /proc."""
    parents = {}
    for p in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % p) as f:
                parents[int(p)] = int(f.read().rsplit(')', 1)[1].split()[1])
        except OSError:
            continue
    found = {pid}
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more


def demos_end_early(ctx):
    """Ctrl-C in the middle: nothing stays, neither processes nor programs in the kernel nor files."""
    counts = []
    for demo in ('jack', 'memcached'):
        before, files, shm = bpf_objects(), set(os.listdir('/var/tmp')), set(os.listdir('/dev/shm'))
        p = _start(ctx, demo)
        children = set()
        for _ in range(60):
            time.sleep(0.1)
            children |= _children(p.pid)
        p.send_signal(signal.SIGINT)
        text, _ = p.communicate(timeout=20)
        check(p.returncode == 130, 'exit status %d: %s' % (p.returncode, tail(text, 300)))
        left = [c for c in children if os.path.exists('/proc/%d' % c)]
        check(not left, 'processes are left: %s' % left)
        mine = [f for f in set(os.listdir('/var/tmp')) - files if f.startswith('wl-demo-%d-' % p.pid)]
        check(not mine, 'files are left: %s' % mine)
        check(not [f for f in set(os.listdir('/dev/shm')) - shm if 'whylate-demo' in f], 'files are left in /dev/shm')
        leaks = bpf_leftovers(before, {p.pid})
        check(not leaks, 'left in the kernel: %s' % leaks)
        counts.append('%s %d' % (demo, len(children)))
    return 'processes started and gone: ' + ', '.join(counts)
