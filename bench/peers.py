# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
What it adds to an operation of a pinned sched-pipe (bench/pipe.c) to record sched_switch and
sched_waking: ftrace, perf, bpftrace and our recorder, in turns, with nothing in between.
"""

import ctypes
import json
import mmap
import os
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import time

from common import Nothing, Skip, Table, Watch, need, quartiles, spread, verdict, wait_for

TRACEFS = '/sys/kernel/tracing'
EVENTS = ('sched_switch', 'sched_waking')
INSTANCE = 'whylate-bench-'
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
START_SECONDS = 20
AIM = 2.5  # times what ftrace adds
OURS = 'whylate: the two events'

# The fields that the tracepoints have for perf and ftrace.
BPFTRACE = '''
tracepoint:sched:sched_switch { printf("%llu %d switch %s %d %d %ld %s %d %d\\n", nsecs, cpu,
    args->prev_comm, args->prev_pid, args->prev_prio, args->prev_state, args->next_comm,
    args->next_pid, args->next_prio); }
tracepoint:sched:sched_waking { printf("%llu %d waking %s %d %d %d\\n", nsecs, cpu, args->comm,
    args->pid, args->prio, args->target_cpu); }
'''


# --- tracefs ---

def tracefs():
    """Mounts it for us alone, if it is not there: the mount ends with us, however we end."""
    if os.path.isdir(TRACEFS + '/instances'):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.unshare(CLONE_NEWNS) or
            libc.mount(b'none', b'/', None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None) or
            libc.mount(b'tracefs', TRACEFS.encode(), b'tracefs', ctypes.c_ulong(0), None)):
        raise Skip('cannot mount tracefs: %s' % os.strerror(ctypes.get_errno()))


# --- who records; events and lost are known when it is over ---

class Ftrace:
    """
    What `trace-cmd start -e sched_switch -e sched_waking` sets: these two events on, in buffers of
    1.4 MiB per CPU that are overwritten and that nobody reads. A shell ends it when we do, however
    we end.
    """

    name = 'ftrace (as trace-cmd start)'
    at_end = 'for e in sched_switch sched_waking; do echo 0 >"$0/events/sched/$e/enable"; done'

    def __init__(self, bench):
        self.bench, self.path = bench, TRACEFS
        if self._read('set_event') or self._read('current_tracer') != 'nop':
            raise Skip('it is in use')

    def _read(self, name):
        with open(os.path.join(self.path, name), encoding='ascii') as f:
            return f.read().strip()

    def _write(self, name, text):
        with open(os.path.join(self.path, name), 'w', encoding='ascii') as f:
            f.write(text)

    def _count(self):
        """Events recorded, and lost, ever."""
        events = lost = 0
        for cpu in os.listdir(self.path + '/per_cpu'):
            stats = dict(re.findall(r'([a-z ]+): (\d+)', self._read('per_cpu/%s/stats' % cpu)))
            events += int(stats['entries']) + int(stats['overrun'])
            lost += int(stats['dropped events'])
        return events, lost

    def __enter__(self):
        self.guard = self.bench.spawn(['sh', '-c', 'cat >/dev/null; ' + self.at_end, self.path],
                                      stdin=subprocess.PIPE)
        self._open()
        before = self._count()
        self.events, self.lost = (-n for n in before)
        for event in EVENTS:
            self._write('events/sched/%s/enable' % event, '1')
        return self

    def _open(self):
        self._write('trace', '')
        self._write('tracing_on', '1')

    def __exit__(self, *unused):
        after = self._count()
        self.events, self.lost = self.events + after[0], self.lost + after[1]
        self.guard.stdin.close()
        self.bench.stop(self.guard, 0)


class FtraceInstance(Ftrace):
    """The same in an instance of its own, which does not keep the tasks' names."""

    name = 'ftrace, an instance (no names)'
    at_end = 'rmdir "$0"'

    def __init__(self, bench):
        self.bench = bench
        self.path = os.path.join(TRACEFS, 'instances', INSTANCE + str(os.getpid()))

    def _open(self):
        os.mkdir(self.path)


class Perf:
    name = 'perf record'

    def __init__(self, bench):
        self.bench, self.perf = bench, need('perf')
        self.path, self.control, self.ack = (
            os.path.join(bench.memory(), n) for n in ('perf.data', 'perf.control', 'perf.ack'))

    def __enter__(self):
        for fifo in (self.control, self.ack):
            os.mkfifo(fifo)
        control, ack = (os.open(f, os.O_RDWR | os.O_NONBLOCK) for f in (self.control, self.ack))
        argv = [self.perf, 'record', '-a', '-B', '-N', '-D', '-1', '-o', self.path,
                '--control=fifo:%s,%s' % (self.control, self.ack)]
        for event in EVENTS:
            argv += ['-e', 'sched:' + event]
        self.process = self.bench.spawn(argv, self.bench.args.other_cpu,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.write(control, b'enable\n')
        started = select.select([ack], [], [], START_SECONDS)[0]
        for fd in control, ack:
            os.close(fd)
        if not started:
            raise Skip('perf record does not start')
        return self

    def __exit__(self, *unused):
        self.bench.stop(self.process)
        with open(self.path, 'rb') as f, \
                mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
            self.events, self.lost = count_perf(data)
        for path in self.path, self.control, self.ack:
            os.unlink(path)


def count_perf(data):
    """Samples and losses of a perf.data file."""
    at, size = struct.unpack_from('<QQ', data, 40)
    end, header = min(at + size, len(data)), struct.Struct('<IHH').unpack_from
    events = lost = 0
    while at + 8 <= end:
        kind, _, length = header(data, at)
        if kind == 9:  # PERF_RECORD_SAMPLE
            events += 1
        elif kind == 2:  # PERF_RECORD_LOST
            lost += struct.unpack_from('<Q', data, at + 16)[0]
        at += max(length, 8)
    return events, lost


class Bpftrace:
    name = 'bpftrace (printf to a file)'

    def __init__(self, bench):
        self.bench, self.bpftrace = bench, need('bpftrace')
        self.path = os.path.join(bench.memory(), 'bpftrace.txt')

    def __enter__(self):
        self.process = self.bench.spawn([self.bpftrace, '-o', self.path, '-e', BPFTRACE],
                                        self.bench.args.other_cpu, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.path) and os.path.getsize(self.path) > 4096,
                 START_SECONDS, 'bpftrace')
        return self

    def __exit__(self, *unused):
        self.bench.stop(self.process)
        self.events = self.lost = 0
        with open(self.path, 'rb') as f:
            for line in f:
                if line.startswith(b'Lost '):
                    self.lost += int(line.split()[1])
                else:
                    self.events += 1
        os.unlink(self.path)


class Sched:
    """Our recorder with these two events (bench-cost sched)."""

    name = OURS

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        self.process = self.bench.spawn([self.bench.tool('bench-cost'), 'sched'],
                                        self.bench.args.other_cpu, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != 'ready\n':
            raise Skip('bench-cost sched failed')
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.events, self.lost = map(int, self.process.stdout.readline().split())
        self.bench.stop(self.process, 0)


class Record:
    """The whole recorder, streaming to a directory in memory until its command ends."""

    name = 'whylate record -o DIR'

    def __init__(self, bench):
        self.bench, self.path = bench, os.path.join(bench.memory(), 'record')

    def __enter__(self):
        argv = [self.bench.whylate, 'record', '-o', self.path, '--json', '--', 'sh', '-c',
                'echo ready; exec cat >/dev/null']
        self.process = self.bench.spawn(argv, self.bench.args.other_cpu, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != 'ready\n':
            raise Skip('whylate record does not start')
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        said = json.loads(self.process.stdout.readline())
        self.events, self.lost = said['events'], said['lost']
        self.bench.stop(self.process, 0)
        shutil.rmtree(self.path)


class WatchPipe(Watch):
    """The state machine, the load is its target; nothing is slow."""

    events = lost = None

    def __init__(self, bench, captures):
        super().__init__(bench, '-n', 'bench-pipe', '--over', '1000s', '--timeout', 'none',
                         captures=captures, cpu=bench.args.other_cpu)


class WatchAlone(WatchPipe):
    name = 'whylate watch --captures none'

    def __init__(self, bench):
        super().__init__(bench, False)


class WatchCaptures(WatchPipe):
    name = 'whylate watch'

    def __init__(self, bench):
        super().__init__(bench, True)


MODES = (Ftrace, FtraceInstance, Perf, Bpftrace, Sched, Record, WatchAlone, WatchCaptures)


# --- rounds ---

class Pipe:
    def __init__(self, bench):
        self.bench = bench
        self.process = bench.spawn([bench.tool('bench-pipe'), str(bench.args.cpu)], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def run(self, seconds):
        """Operations; CPU ns of the median slice and of the fastest one; ns on the wall."""
        self.process.stdin.write('%d\n' % (seconds * 1000))
        self.process.stdin.flush()
        count, *ns = self.process.stdout.readline().split()
        return int(count), *map(float, ns)

    def close(self):
        self.bench.stop(self.process, signal.SIGKILL)


def measure(pipe, kind, bench):
    """One recorder, once."""
    seconds = bench.args.pipe_seconds
    with kind(bench) as mode:
        warm = pipe.run(seconds / 4)[0]
        count, ns, least, wall = pipe.run(seconds)
    operations = warm + count
    share = [None if n is None else n / operations
             for n in (getattr(mode, 'events', None), getattr(mode, 'lost', None))]
    return {'ns': ns, 'least': least, 'wall': wall, 'events': share[0], 'lost': share[1]}


def available(bench):
    """Kinds that can be measured here, and why others can't."""
    kinds, missing = [], []
    for kind in MODES:
        try:
            kind(bench)
            kinds.append(kind)
        except Skip as e:
            missing.append('%s: %s' % (kind.name, e))
    return kinds, missing


def rounds(bench, kinds, pipe):
    """{name: [one per round]}; each knows what nothing took before and after it."""
    found = {kind.name: [] for kind in kinds}
    pipe.run(bench.args.pipe_seconds)
    before = measure(pipe, lambda _: Nothing(), bench)
    nothing = [before]
    for i in range(bench.args.rounds):
        first = i % len(kinds)
        for kind in kinds[first:] + kinds[:first]:
            m = measure(pipe, kind, bench)
            after = measure(pipe, lambda _: Nothing(), bench)
            nothing.append(after)
            m['added'] = m['ns'] - (before['ns'] + after['ns']) / 2
            found[kind.name].append(m)
            before = after
    return nothing, found


# --- tables ---

def column(rounds_of_one, key):
    return [m[key] for m in rounds_of_one if m[key] is not None]


def per_operation(rounds_of_one, key):
    values = column(rounds_of_one, key)
    return '%.1f' % statistics.median(values) if values else ''


def compare(added):
    """What ours adds beside the others: text, and the aims."""
    texts = []
    for kind, aim in ((Ftrace, AIM), (FtraceInstance, AIM), (Perf, 1), (Bpftrace, 1)):
        if OURS not in added or kind.name not in added:
            continue
        if min(added[OURS], added[kind.name]) <= 0:
            return 'Too noisy to compare: something seems to cost less than nothing.'
        ratio = added[OURS] / added[kind.name]
        texts.append('%.2f times what %s adds (aim: %s %g: %s)' %
                     (ratio, kind.name.split(' (')[0], 'at most' if aim > 1 else 'less than',
                      aim, verdict(ratio, aim)))
    return 'Our two events add ' + ', '.join(texts) + '.' if texts else ''


def peers_table(nothing, found, missing, bench):
    least_nothing = min(column(nothing, 'least'))
    t = Table('Pinned sched-pipe, ns per operation (two switches, two wake-ups)',
              ['recorder', 'median (quartiles)', 'least', 'added, in pairs',
               'added, least to least', 'recorded per operation', 'lost per operation'])
    t.add('nothing', spread(column(nothing, 'ns'), '%.0f'), '%.0f' % least_nothing, '', '', '', '')
    for name, some in found.items():
        least = min(column(some, 'least'))
        t.add(name, spread(column(some, 'ns'), '%.0f'), '%.0f' % least,
              spread(column(some, 'added'), '%.0f'), '%.0f' % (least - least_nothing),
              per_operation(some, 'events'), per_operation(some, 'lost'))
    medians = {name: quartiles(column(some, 'added'))[1] for name, some in found.items()}
    notes = [compare(medians), '%d rounds of %g s.' % (bench.args.rounds, bench.args.pipe_seconds)]
    notes += ['Skipped: %s.' % m for m in missing]
    t.note = ' '.join(n for n in notes if n)
    return t


def part_peers(bench):
    tracefs()
    kinds, missing = available(bench)
    pipe = Pipe(bench)
    began = time.time()
    nothing, found = rounds(bench, kinds, pipe)
    pipe.close()
    return ([peers_table(nothing, found, missing, bench)],
            {'began': began, 'nothing': nothing, 'recorders': found, 'missing': missing})
