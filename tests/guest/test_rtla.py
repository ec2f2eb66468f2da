# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""rtla timerlat beside us, on the same timers: same counts, same culprit."""

import collections
import os
import re
import subprocess
import time

from guest import HERE, NotHere, Skip, only
from harness import check, tail

CACHE = os.environ.get('WL_GUEST_DIR') or os.path.join(
    os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'whylate-guest')  # as tests/guest/boot has it
BUILD_SECONDS = 900
USER_FD = '/sys/kernel/tracing/osnoise/per_cpu/cpu0/timerlat_fd'  # timerlat of user space: Linux 6.6
PERIOD_US = 20000
CYCLE_SECONDS = 8
# longer than a turn of the emulator's other CPU
HOG_MS, LATE_MS = 600, 400
TRIES = 3
HOG = '''
import sys, time
open('/proc/self/comm', 'w').write('culprit')
while True:
    end = time.monotonic() + %d / 1000
    while time.monotonic() < end:
        pass
    time.sleep(3)
''' % HOG_MS


def rtla(g):
    """Name of rtla in the guest."""
    build = subprocess.run(['bash', os.path.join(HERE, 'rtla-build.sh'), CACHE], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=BUILD_SECONDS)
    if build.returncode:
        raise Skip('no rtla: %s' % tail(build.stderr))
    if 'timerlat' not in g.run('cat /sys/kernel/tracing/available_tracers'):
        raise NotHere('no timerlat tracer')
    return g.put(os.path.join(CACHE, 'rtla', 'rtla'))


def has_user_threads(g):
    return g.run('[ -e %s ] && echo yes || echo no' % USER_FD).strip() == 'yes'


def cycles(text):
    """Of CPU 0 in rtla's table: how many timers it has counted."""
    rows = re.findall(r'^\s*0 #(\d+)', text, re.M)
    check(len(rows) == 1, 'rtla: %s' % tail(text, 600))
    return int(rows[0])


@only(lambda c: c.rt and c.nic == 'virtio')
def guest_rtla_counts_the_same(g):
    """Each timer of rtla timerlat's thread in user space is one response"""
    program = rtla(g)
    if not has_user_threads(g):
        raise NotHere('timerlat has no threads in user space before Linux 6.6; cyclictest is compared instead')
    w = g.watch('-n', 'timerlatu/0', '--until', 'run', '--timer', '--over', '1ns')
    out = g.run('%s timerlat top -u -q -c 0 -p %d -P f:80 -d %ds' % (program, PERIOD_US, CYCLE_SECONDS), 120)
    r = w.stop()
    theirs = cycles(out)
    mine = [s for s in r.slow if s['target']['comm'] == 'timerlatu/0']
    kinds = {s['stimulus']['kind'] for s in mine}
    check(kinds == {'timer'}, 'stimuli %s' % kinds)
    # a cycle that is late finds the next timer expired and does not sleep; the first and the last one may be cut
    check(theirs > 100 and abs(len(mine) - theirs) <= max(2, theirs // 50), '%d responses, rtla has counted %d; %s' % (
        len(mine), theirs, r.losses()))
    return '%d responses, rtla has counted %d' % (len(mine), theirs)


def blockers(text):
    """rtla's analysis: {thread: us} that blocked the timer's thread."""
    found = {}
    for name, us in re.findall(r'^\s+(\S.{0,15}):\d+\s+([\d.]+) us', text.split('Blocking thread', 1)[-1], re.M):
        found[name] = found.get(name, 0) + float(us)
    return found


def outlier(g, program, target, load):
    """rtla's culprit of the timer that was late; our responses of threads that have waited for a CPU meanwhile."""
    w = g.watch('-n', target, '--until', 'run', '--timer', '--over', '%dms' % LATE_MS)
    jobs = [g.spawn('exec ' + load)] if load else []
    session = g.spawn('exec %s timerlat top -q -c 0 -p %d -P f:50 --aa-only %d -d 60s' % (program, PERIOD_US, LATE_MS * 1000))
    time.sleep(4)
    hog = g.spawn('exec chrt -f 90 taskset -c 0 python3 /share/hog.py')
    check(session.wait(120) is not None, 'rtla goes on: %s' % tail(session.out()))
    time.sleep(1)
    r = w.stop()
    for job in (hog, *jobs):
        job.signal(9, group=True)
    theirs = blockers(session.out())
    check(theirs, 'rtla has no analysis: %s' % tail(session.out() + session.err(), 1500))
    # cyclictest's main thread has a soft timer and another priority
    late = [s for s in r.slow if (target != 'cyclictest' or s['target']['tid'] != s['target']['pid']) and
            s['budget'].get('wakeup', 0) > LATE_MS * 500000]
    check(late, 'rtla saw %s, we no wait of %d ms for a CPU in %d responses' % (theirs, LATE_MS, len(r.slow)))
    return max(theirs, key=theirs.get), late


@only(lambda c: c.rt and c.nic == 'virtio')
def guest_rtla_names_the_same(g):
    """A late timer: the auto-analysis of rtla timerlat and our verdict name the same culprit"""
    program = rtla(g)
    with open(os.path.join(g.share, 'hog.py'), 'w') as f:
        f.write(HOG)
    user = has_user_threads(g)
    target = 'timerlatu/0' if user else 'cyclictest'
    # beside threads of the kernel, which are no targets: a user's with the same timer, priority and CPU
    load = None if user else 'taskset -c 0 cyclictest -m -q -t1 -a 0 -p 50 -i %d' % PERIOD_US
    for _ in range(TRIES):
        theirs, late = outlier(g, program, target, load)
        if theirs == 'culprit':
            break
    check(theirs == 'culprit', 'rtla names %s, not who was to blame' % theirs)
    named = collections.Counter((s['cause'].get('culprit') or {}).get('comm') for s in late)
    ours = named.most_common(1)[0][0]
    check(ours == theirs, 'we name %s: %s' % (dict(named), late[0]['cause']['text']))
    return 'both: %s (%d of %d)' % (theirs, named[ours], len(late))
