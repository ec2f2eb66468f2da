# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""It loads, attaches, sees something and goes away without a trace."""

import signal
import time

from harness import check

SLEEPS = 40


def guest_loads(g):
    """Loads, attaches and counts every wake-up of a sleeping loop"""
    loop = g.spawn('exec python3 -c "import time\nwhile 1: time.sleep(0.05)"')
    time.sleep(1)
    w = g.watch('-p', loop.pid, '--until', 'run', '--timer', '--over', '1us')
    sleeps = 'grep ^voluntary /proc/%d/status | tr -dc 0-9' % loop.pid
    before = int(g.run(sleeps))
    time.sleep(0.05 * SLEEPS)
    after = int(g.run(sleeps))
    r = w.stop()
    count = sum(row['count'] for row in r.stats['targets'])
    # the session began before the first count and ends after the last
    check(count >= after - before > SLEEPS / 2, '%d responses of %d sleeps; %s' % (count, after - before, r.losses()))
    check({s['stimulus']['kind'] for s in r.slow} == {'timer'}, 'stimuli: %s' % {s['stimulus']['kind'] for s in r.slow})
    return '%d responses; at least %d sleeps' % (count, after - before)


def guest_killed_leaves_nothing(g):
    """SIGKILL in the middle of it: no BPF program, map or link is left"""
    w = g.watch('-n', 'nobody', '--over', '1us')
    inside = int(g.run('bpftool prog show | grep -c " name wl_" || true'))
    check(inside > 5, 'only %d programs of ours are loaded' % inside)
    w.process.signal(signal.SIGKILL)
    check(w.process.wait(20) == -signal.SIGKILL, 'status %s' % w.process.returncode)
    left = g.sweep()['bpf']
    check(not left, 'left: %s' % left)
    return '%d programs were loaded' % inside
