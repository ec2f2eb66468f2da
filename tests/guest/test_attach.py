# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Attached and detached again and again, in the middle of everything."""

import json
import os
import socket

from guest import HERE, boots
from harness import check
from work import Client

# 200 take minutes on some kernels: WL_GUEST_ATTACHES=200 for all of it
USUAL = 10
TIMES = int(os.environ.get('WL_GUEST_ATTACHES', USUAL))
SECONDS_EACH = 40  # at most, on average
SETTLED = 0.25        # of the times: from here on memory may not grow
LEAK = 40 << 10       # bytes an attach: the least of our maps and programs are more

# In the guest: one line of JSON per session, and one at the end of what the kernel holds.
HANGS_SECONDS = 240  # one session takes 3 s on a quiet machine
PROGRAM = '''
import json, subprocess, sys, time
sys.path.insert(0, '/share')
import harness

def memory():
    """What the kernel can't give back: BPF objects are in it."""
    words = dict(line.split(':') for line in open('/proc/meminfo'))
    return sum(int(words[k].split()[0]) for k in ('SUnreclaim', 'Percpu', 'VmallocUsed')) << 10

def session(duration):
    since = harness.now_ns()
    # ahead of the load: it is to be there, not to delay us
    p = subprocess.run(['nice', '-n', '-20', '/share/whylate', 'watch', '--over', '1ns', '--until', 'idle', '--captures', 'none', '--json',
                        '-n', 'memcached', '-n', 'cyclictest', '--duration', duration],
                       capture_output=True, text=True, timeout=%d)
    lines = [json.loads(line) for line in p.stdout.splitlines()]
    slow = [r for r in lines if r['type'] == 'slow']
    wrong = []
    for r in slow:
        if sum(s['ns'] for s in r['segments']) != r['response_ns']:
            wrong.append('segments do not sum up')
        elif int(r['stimulus']['ts']) < since:
            wrong.append('begins before we came')
        elif int(r['end']['ts']) > harness.now_ns():
            wrong.append('ends in the future')
        else:
            continue
        wrong[-1] += ': ' + json.dumps(r)[:600]
    stats = [r for r in lines if r['type'] == 'stats']
    return {'status': p.returncode, 'err': p.stderr[-300:], 'slow': len(slow), 'wrong': wrong[:3],
            'counters': stats[0]['counters'] if stats else None, 'skipped': stats[0]['lost']['skipped'] if stats else 0}

before = harness.bpf_objects()
n = int(sys.argv[1])
for i in range(n):
    one = session('50ms')
    # what is left stays, and looking for it takes the emulator longer than a session
    left = harness.bpf_leftovers(before, set(), 30) if i %% 10 == 9 or i == n - 1 else []
    print(json.dumps({**one, 'left': left, 'memory': memory()}), flush=True)
time.sleep(1)
print(json.dumps(session('2s')))
''' % HANGS_SECONDS


def long_boot(function):
    """One of its own, where the usual limit is too short."""
    return boots(limit=200 + SECONDS_EACH * TIMES)(function) if TIMES != USUAL else function


@long_boot
def guest_attach_again_and_again(g):
    """Attached and detached many times under forks, pipes, timers, a disk and network: nothing stuck, nothing left"""
    load = g.spawn('exec python3 ' + g.put(os.path.join(HERE, 'load.py')))
    cyclic = g.spawn('exec cyclictest -m -p 80 -i 20000 -t 1 -q')
    _, port = g.memcached(2)
    client = Client(socket.create_connection(('127.0.0.1', port), 30))
    client.start()
    out = g.python(PROGRAM, TIMES, timeout=60 + SECONDS_EACH * TIMES)
    client.stop()
    check(load.poll() is None and cyclic.poll() is None, 'the load has ended')
    *times, last = [json.loads(line) for line in out.splitlines()]
    for i, r in enumerate([*times, last]):
        check(r['status'] == 0 and r['counters'], 'time %d: status %s: %s' % (i, r['status'], r['err']))
        check(not r['wrong'], 'time %d: %s' % (i, r['wrong']))
    left = [(i, r['left']) for i, r in enumerate(times) if r['left']]
    check(not left, 'left in the kernel: %s' % left[:3])
    total = {k: sum(r['counters'][k] for r in times) for k in ('resync', 'frames', 'state_missing', 'no_switch')}
    check(not last['counters']['frames'], 'stacks overflow: %s' % last['counters'])
    # a program that the kernel left out makes one frame too many
    check(last['counters']['resync'] <= last['skipped'], 'stuck: %d resyncs, %d runs skipped' % (
        last['counters']['resync'], last['skipped']))
    check(last['slow'] > 20, 'a watch after all of them saw %d responses' % last['slow'])
    check(client.answered > TIMES, 'memcached answered %d requests' % client.answered)
    settled = [r['memory'] for r in times[int(SETTLED * len(times)):]]
    grown = (min(settled[-5:]) - min(settled[:5])) / len(settled)
    check(grown < LEAK, 'memory grows by %d bytes each time: %s' % (grown, settled))
    return '%d times, %d responses, %+d bytes each; during them %s' % (
        len(times), sum(r['slow'] for r in times), grown, ' '.join('%s %d' % i for i in total.items()))
