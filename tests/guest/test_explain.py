# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A response made late in a guest: its capture, and what explain says of it there and on the host."""

import json
import os
import subprocess

import account
import harness
from harness import check, end_ts, stim_ts

ROUNDS = 4
# Long enough that what a busy host does to its guests stays below: captures are one a second.
HOG_NS = 600 * 10 ** 6
THRESHOLD = '400ms'
SHARE = 0.6  # of a response that the hog took, and it is the hog's
THINK_US = 10000

HOG = '''
import os, sys, time
open('/proc/self/comm', 'w').write(sys.argv[1])
os.sched_setaffinity(0, {1})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(60))
for i in range(int(sys.argv[2])):
    time.sleep(1.5)
    begin = time.monotonic_ns()
    while time.monotonic_ns() - begin < int(sys.argv[3]):
        pass
    print(os.getpid(), begin, time.monotonic_ns(), flush=True)
'''


def _late(g, pid, tid, port, name):
    """The server's CPU is taken by somebody with a higher priority: (result, his rounds)."""
    g.run('taskset -a -p 2 %d' % pid)
    client = g.client(port, 10 ** 6, THINK_US)
    try:
        w = g.watch('-t', tid, '--over', THRESHOLD, '--captures', '/share/captures', '--keep', 50, timeout=90)
        harness.go(client)
        rounds = [tuple(map(int, line.split())) for line in g.python(HOG, name, ROUNDS, HOG_NS, timeout=90).splitlines()]
        g.run('sleep 0.5')
        return w.stop(), rounds
    finally:
        client.kill()
        client.communicate()


def _taken(s, rounds):
    """Share of a response that lies in a round."""
    overlap = sum(max(0, min(end, end_ts(s)) - max(begin, stim_ts(s))) for _, begin, end in rounds)
    return overlap / max(1, s['response_ns'])


def _explain(text):
    o = json.loads(text)
    return {key: o[key] for key in ('why', 'cause', 'root', 'via', 'segments', 'response_ns', 'target', 'stimulus')}


def _captured(g):
    """{id of a response: its capture's name}"""
    found = {}
    directory = os.path.join(g.share, 'captures')
    for name in os.listdir(directory):
        with open(os.path.join(directory, name, 'response.json')) as f:
            found[json.load(f)['id']] = name
    return found


def _check_capture(g, base, hog, name):
    """explain says the same in the guest and on the host, and names the hog."""
    inside = _explain(g.run('./whylate explain /share/captures/%s --json' % base, timeout=90))
    outside = subprocess.run([g.whylate, 'explain', os.path.join(g.share, 'captures', base), '--json'],
                             capture_output=True, text=True)
    check(outside.returncode == 0, 'on the host: %s' % outside.stderr[-300:])
    check(_explain(outside.stdout) == inside, 'the host says %s, the guest %s' % (outside.stdout[:500], inside))
    root = inside['root'] or {}
    check(root.get('tid') == hog and root.get('comm') == name, 'explain names %s, the hog is %d; cause %s' % (
        inside['root'], hog, inside['cause']))


def guest_explain(g):
    """A real-time hog on the server's CPU is named by the verdict, and by explain here and on the host"""
    name = 'hog-%d' % (os.getpid() % 1000)
    pid, port = g.memcached(1)
    tid = next(t for t, comm in account.threads(g, pid).items() if comm == 'mc-worker')
    r, rounds = _late(g, pid, tid, port, name)
    check(len(rounds) == ROUNDS, '%d rounds' % len(rounds))
    hog = rounds[0][0]
    # who came while an earlier one was late has that one as its cause; and who waits for a lock (PREEMPT_RT), the
    # one who released it: explain tells that it was the hog who kept him from that
    his = [s for s in r.slow if _taken(s, rounds) >= SHARE and s['cause']['kind'] not in ('queued', 'lock')]
    figures = '%d slow responses are the hog\'s, of %d; %d rounds, %s' % (len(his), len(r.slow), len(rounds), r.losses())
    check(len(his) >= 2, figures)
    wrong = [s['cause'] for s in his if (s['cause']['culprit'] or {}).get('tid') != hog]
    check(not wrong, '%s; not named by %d: %s' % (figures, len(wrong), wrong[:2]))
    captured = _captured(g)
    told = g.run('./whylate captures list /share/captures', timeout=60)
    check(all(base in told for base in captured.values()), 'not all of %s are in the list: %s' % (captured, told[:300]))
    mine = [captured[s['id']] for s in his if s['id'] in captured]
    check(mine, 'no capture of them, %d of others; %s' % (len(captured), figures))
    for base in mine:
        _check_capture(g, base, hog, name)
    return '%d captures name the hog; %s' % (len(mine), figures)
