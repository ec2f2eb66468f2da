# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Stacks of slow responses: a program that is late in known places, and what its captures say about them."""

import glob
import json
import os
import stat
import subprocess

from harness import check, end_ts, go, read_line, stim_ts

WORK_MS = 60
FIRST_MS = 3000  # asleep at home when whylate starts
SLEEP_MS = 100


def _captures(ctx, what, *args, seconds=8):
    """[(response, stacks)] of a spinner that is late by `what`."""
    argv = [ctx.built('spinner'), what, 10000, WORK_MS * 1000, SLEEP_MS * 1000, FIRST_MS * 1000]
    p = ctx.spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    line = read_line(p, 30)
    check(line.startswith('ready'), 'spinner %s: %r' % (what, line))
    tid = int(line.split()[1])
    directory = os.path.join(ctx.dir, 'captures')
    go(p)
    w = ctx.watch('-t', tid, '--captures', directory, '--over', '10ms', '--timeout', 'none', '--keep', '100',
                  '--duration', '%ds' % seconds, *args)
    r = w.wait()
    found = []
    for s in r.slow:
        if not s['capture']:
            continue
        path = os.path.join(s['capture'], 'stacks.json')
        check(os.path.exists(path), '%s is not there' % path)
        check(stat.S_IMODE(os.lstat(path).st_mode) == 0o600, '%s: mode' % path)
        with open(path, encoding='utf-8') as f:
            found.append((s, json.load(f)))
    check(len(found) >= 2, '%d captures with stacks of %d slow responses; %s' % (len(found), len(r.slow), r.errors))
    for s, stacks in found:
        _check_form(s, stacks, tid)
    return found


def _check_form(s, file, tid):
    check(file['type'] == 'stacks' and file['v'] == 1, 'stacks.json: %s' % list(file))
    times = [int(x['ts']) for x in file['stacks']]
    check(times == sorted(times), 'stacks are not by time')
    for x in file['stacks']:
        check(stim_ts(s) + s['threshold_ns'] <= int(x['ts']) <= end_ts(s), 'a stack outside of its response: %s' % x['ts'])
        check(x['tid'] == tid and not (x['blocked'] and x['in_user']), 'a stack of %s' % x['tid'])
        check(all('address' not in f for f in x['kernel']), 'kernel addresses are written')
        check(all(f['address'].isdigit() for f in x['user']), 'user addresses')


def _innermost(stacks, side):
    return [x[side][0].get('function', '?') if x[side] else '?' for x in stacks]


def _share(values, condition):
    return sum(map(condition, values)) / max(1, len(values))


def _all(found, blocked):
    return [x for _, file in found for x in file['stacks'] if x['blocked'] == blocked]


def stacks_user(ctx):
    """Computing: the function, its file and line, its callers."""
    running = _all(_captures(ctx, 'user'), False)
    check(len(running) >= 10, '%d stacks' % len(running))
    names = _innermost(running, 'user')
    check(_share(names, lambda n: n == 'spin_here') > 0.8, 'innermost: %s' % names)
    check(_share(running, lambda x: x['in_user']) > 0.8, 'not in user space: %s' % _innermost(running, 'kernel'))
    spun = [x['user'] for x in running if x['in_user'] and x['user'][0].get('function') == 'spin_here']
    check(spun, 'spin_here is never first in user space: %s' % names)
    for frames in spun:
        top = frames[0]
        check(top.get('file', '').endswith('spinner.c') and 20 < top.get('line', 0) < 40, 'spin_here at %s' % top)
        check(top['module'] == 'live-spinner', 'module %s' % top)
        check([f.get('function') for f in frames[1:3]] == ['do_work', 'main'], 'callers: %s' % frames)
    return '%d stacks, %d of spin_here' % (len(running), len(spun))


def stacks_kernel(ctx):
    """Computing in a system call: the kernel's function, nothing of the tick's interrupt."""
    running = _all(_captures(ctx, 'kernel'), False)
    check(len(running) >= 10, '%d stacks' % len(running))
    names = _innermost(running, 'kernel')
    check(_share(running, lambda x: not x['in_user']) > 0.8, 'in user space: %s' % _innermost(running, 'user'))
    inside = [[f['function'] for f in x['kernel']] for x in running if not x['in_user']]
    check(_share(inside, lambda fs: any('getrandom' in f for f in fs)) > 0.8, 'not in getrandom: %s' % inside)
    # now and then the tick interrupts what runs at the end of another interrupt: that one's frames stay
    check(_share(inside, lambda fs: any('sysvec' in f for f in fs)) < 0.1, 'frames of the tick: %s' % inside)
    check(not any(f.startswith('bpf_') for fs in inside for f in fs), 'frames of the sampling: %s' % inside)
    return '%d stacks, mostly %s' % (len(running), max(set(names), key=names.count))


def _blocked(ctx, what, kernel, *args):
    waited = _all(_captures(ctx, what, *args), True)
    check(waited, 'no stack of a wait')
    long = [x for x in waited if any(kernel in f['function'] for f in x['kernel'])]
    check(long, 'no %s in %s' % (kernel, [[f['function'] for f in x['kernel']] for x in waited]))
    check(all(not f['function'].startswith('schedule') for x in long for f in x['kernel'][:1]), 'the scheduler is first')
    return long


def stacks_pipe(ctx):
    """Blocked: the kernel's function; of user space where the system call was made."""
    waited = _blocked(ctx, 'pipe', 'pipe_read')
    check(all(x['user'] for x in waited), 'no user address')
    return '%d waits in %s, from %s' % (len(waited), waited[0]['kernel'][0]['function'], _innermost(waited, 'user')[0])


def stacks_futex(ctx):
    waited = _blocked(ctx, 'futex', 'futex')
    return '%d waits in %s' % (len(waited), waited[0]['kernel'][0]['function'])


def stacks_callers(ctx):
    """With --syscalls also who made the system call: frame pointers permitting."""
    waited = _blocked(ctx, 'pipe', 'pipe_read', '--syscalls')
    known = [x for x in waited if 'main' in [f.get('function') for f in x['user']]]
    check(len(known) * 2 >= len(waited), 'callers: %s' % [x['user'] for x in waited])
    return '%d of %d waits have their callers' % (len(known), len(waited))


def stacks_off(ctx):
    """No captures: nothing is taken. A capture on demand has none: it is of no response."""
    p = ctx.spawn(['sleep', '100'])
    w = ctx.watch('-p', p.pid, '--captures', os.path.join(ctx.dir, 'captures'))
    status, out, err = ctx.run(['captures', 'now'])
    w.stop()
    check(status == 0, 'captures now: %s %s' % (out, err))
    check(not glob.glob(os.path.join(ctx.dir, 'captures', '*', 'stacks.json')), 'stacks of nobody')
