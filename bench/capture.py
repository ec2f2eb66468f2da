# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""From the end of a slow response to its complete capture on disk, under hackbench."""

import glob
import json
import os
import signal
import subprocess
import threading
import time

from common import Skip, Table, Watch, need, quartiles, spread, verdict

AIM_MS = 50
AIM_EXPLAIN_MS = 500
BUSY_MS, OVER = 5, '3ms'
PERIOD_MS = 1200  # at most one capture a second is taken
OPTIONS = ('--over', OVER, '--timeout', 'none', '--post', '0s', '--ring', '4M', '--keep', '1000',
           '--keep-size', '4G')


class Seen:
    """Directories that get their names, and when: CLOCK_MONOTONIC ns."""

    def __init__(self, bench, directory):
        self.bench, self.times = bench, {}
        self.process = bench.spawn([bench.tool('bench-capture'), 'seen', directory], text=True,
                                   stdout=subprocess.PIPE)
        if self.process.stdout.readline() != 'ready\n':
            raise Skip('bench-capture failed')
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            ns, name = line.rstrip('\n').split(' ', 1)
            self.times[name] = int(ns)

    def close(self):
        self.bench.stop(self.process, signal.SIGKILL)
        self.thread.join()


def scheduling(pid):
    """The policies of a process' threads: 'FIFO 50', 'other'."""
    found = []
    for tid in map(int, os.listdir('/proc/%d/task' % pid)):
        policy = os.sched_getscheduler(tid)
        found.append('FIFO %d' % os.sched_getparam(tid).sched_priority
                     if policy == os.SCHED_FIFO else 'other')
    return sorted(found)


def inspect(path):
    """What a capture holds and what it is without."""
    with open(os.path.join(path, 'machine.json'), encoding='utf-8') as f:
        streams = json.load(f)['streams']
    return {'bytes': sum(os.path.getsize(f) for f in glob.glob(path + '/kernel/*')),
            'lost': sum(s['lost'] + s['refused'] for s in streams),
            'read': sum(s['read'] for s in streams)}


def explain(bench, path):
    """Time of `whylate explain` on it, ms."""
    begin = time.monotonic()
    status = subprocess.call([bench.whylate, 'explain', path, '--json'], stdout=subprocess.DEVNULL)
    if status:
        raise Skip('explain %s: exit status %d' % (path, status))
    return (time.monotonic() - begin) * 1e3


def take(bench, directory):
    """One entry per capture of a slow response."""
    a = bench.args
    victim = bench.spawn([bench.tool('bench-capture'), 'victim', str(BUSY_MS), str(PERIOD_MS)],
                         stdout=subprocess.DEVNULL)
    seen = Seen(bench, directory)
    with Watch(bench, '-p', str(victim.pid), *OPTIONS, directory=directory) as w:
        load = bench.spawn([need('hackbench'), '-T', '-g', str(a.groups), '-l', '1000000000'],
                           stdout=subprocess.DEVNULL)
        policies = scheduling(w.process.pid)
        end = time.monotonic() + a.captures * 4 * PERIOD_MS / 1000
        while len(seen.times) < a.captures and time.monotonic() < end:
            time.sleep(0.2)
        bench.stop(load, signal.SIGKILL)
    seen.close()
    bench.stop(victim, signal.SIGKILL)
    taken = []
    for line in w.lines:
        name = os.path.basename(line.get('capture') or '')
        if line['type'] == 'slow' and name in seen.times:
            taken.append({'path': os.path.join(directory, name),
                          'ms': (seen.times[name] - int(line['end']['ts'])) / 1e6,
                          'response_ms': line['response_ns'] / 1e6,
                          **inspect(os.path.join(directory, name))})
    return taken, policies, w.stats


def part_capture(bench):
    need('hackbench')
    directory = os.path.join(bench.dir, 'measured')
    os.mkdir(directory, 0o700)
    taken, policies, stats = take(bench, directory)
    if not taken:
        raise Skip('no capture was taken')
    ms = [c['ms'] for c in taken]
    t = Table('From a slow response to its capture on disk, under hackbench',
              ['what', 'median (quartiles)', 'least', 'most', 'aim', 'met'],
              '%d captures of %d slow responses; threads of watch: %s; records lost: %d.' %
              (len(taken), stats['slow'], ', '.join(policies), sum(c['lost'] for c in taken)))
    t.add('end of the response to rename, ms', spread(ms, '%.1f'), '%.1f' % min(ms),
          '%.1f' % max(ms), AIM_MS, verdict(quartiles(ms)[1], AIM_MS))
    for what, key, scale in (('the response, ms', 'response_ms', 1),
                             ('size of the rings\' copy, MiB', 'bytes', 2**20),
                             ('events in it, thousands', 'read', 1000)):
        values = [c[key] / scale for c in taken]
        t.add(what, spread(values, '%.1f'), '%.1f' % min(values), '%.1f' % max(values), '', '')
    for c in taken:
        c['explain_ms'] = explain(bench, c['path'])
    ms = [c['explain_ms'] for c in taken]
    t.add('`explain` on it, ms', spread(ms, '%.1f'), '%.1f' % min(ms), '%.1f' % max(ms),
          AIM_EXPLAIN_MS, verdict(quartiles(ms)[1], AIM_EXPLAIN_MS))
    return [t], {'captures': taken, 'policies': policies, 'stats': stats}
