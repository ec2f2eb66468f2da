# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The ready trackers: they load, count what there is, and go."""

import json

from harness import check

KINDS = 'wakeup offcpu runq syscall lock irq softirq timer workqueue block io net ttfb'.split()
NO_WORK = {'net', 'ttfb', 'workqueue'}  # not here, not all the time

PROGRAM = r'''
import json, mmap, os, subprocess, sys, threading, time
def load():
    lock = threading.Lock()
    def hold():
        while True:
            with lock:
                time.sleep(0.02)
    for _ in range(3):
        threading.Thread(target=hold).start()
    disk, page = os.open('/dev/vda', os.O_RDONLY | os.O_DIRECT), mmap.mmap(-1, 4096)
    while True:
        os.preadv(disk, [page], 0)
        time.sleep(0.02)
def reads():
    with open('/proc/diskstats') as f:
        return sum(int(w[3]) for w in map(str.split, f) if w[2] == 'vda')
child = os.fork()
if not child:
    load()
for kind in sys.argv[1:]:
    before = reads()
    r = subprocess.run(['/share/whylate', 'track', kind, '--duration', '1s', '--json'], capture_output=True, text=True)
    lines = [json.loads(x) for x in r.stdout.splitlines()]
    print(json.dumps({'kind': kind, 'status': r.returncode, 'err': r.stderr[-500:], 'reads': reads() - before,
                      'trackers': lines[-1].get('trackers') if lines else None}), flush=True)
os.kill(child, 9)
'''


def guest_trackers(g):
    """Each ready tracker (`whylate track`) loads, counts and goes"""
    figures = []
    for r in map(json.loads, g.python(PROGRAM, *KINDS, timeout=240).splitlines()):
        check(r['status'] == 0 and r['trackers'], '%s: status %s: %s' % (r['kind'], r['status'], r['err']))
        counts = [t['count'] for t in r['trackers']]
        check(any(counts) or r['kind'] in NO_WORK, '%s counts nothing' % r['kind'])
        for t in r['trackers']:
            lost = dict(t['lost'], skipped=0)
            busy = lost.pop('busy')  # an interrupt in the middle of the table: before 6.15 it can't wait for its lock
            check(not any(lost.values()) and busy <= 0.05 * t['count'] + 1, '%s lost: %s' % (r['kind'], t['lost']))
        if r['kind'] == 'block':
            check(counts[0] <= r['reads'], '%d block requests, the disk has %d' % (counts[0], r['reads']))
        figures.append('%s %s' % (r['kind'], '/'.join(map(str, counts))))
    left = g.sweep()['bpf']
    check(not left, 'left: %s' % left)
    return '%d trackers; %s' % (len(figures), ', '.join(figures))
