# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What a begin/end pair of work marks costs, beside other ways to tell."""

import os
import re
import subprocess
import time

from common import Skip, Table, Watch, need

UNWATCHED = 3000000  # pairs, of what costs next to nothing
SYSCALLS = 300000
WATCHED = 60000


def places(path, suffix):
    """File offsets of begin and end of the provider whylate; text lies as far into the file as into memory or not."""
    sections = subprocess.run(['readelf', '-SW', path], capture_output=True, text=True, check=True).stdout
    m = re.search(r'\.text\s+PROGBITS\s+(\w+)\s+(\w+)', sections)
    shift = int(m.group(1), 16) - int(m.group(2), 16)
    notes = subprocess.run(['readelf', '-nW', path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r'Provider: whylate\s+Name: (\w+)\s+Location: 0x(\w+)', notes)
    return ['%x' % (int(at, 16) - shift) for name, at in found if name in ('begin' + suffix, 'end' + suffix)]


class Pairs:
    """bench-marks, waiting for its word."""

    def __init__(self, bench, tool, means, count, probes=()):
        argv = [bench.tool(tool), means, str(count), str(bench.args.repeat)]
        argv += ['empty', *probes] if probes else []
        self.bench = bench
        self.process = bench.spawn(argv, bench.args.cpu, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        if self.process.stdout.readline() != 'ready\n':
            raise Skip('bench-marks: ' + self.process.stderr.read())

    def run(self):
        out, err = self.process.communicate('go\n', timeout=600)
        self.bench.children.remove(self.process)
        if self.process.returncode:
            raise Skip('bench-marks: ' + err)
        return [float(v) for v in out.split()]


def alone(bench, means, count, tool='bench-marks'):
    return Pairs(bench, tool, means, count).run()


def empty(bench, tool, suffix):
    found = places(bench.tool(tool), suffix)
    if not found:
        raise Skip('no such probe in ' + tool)
    return Pairs(bench, tool, 'mark', WATCHED, found).run()


def watched(bench, tool, captures):
    p = Pairs(bench, tool, 'mark', WATCHED)
    with Watch(bench, '-p', str(p.process.pid), '--until', 'mark', '--over', '10s', '--timeout', 'none',
               captures=captures):
        time.sleep(0.5)
        return p.run()


def lttng(*args, **kw):
    return subprocess.run(['lttng', '--no-sessiond', *args], capture_output=True, text=True, check=False, **kw).returncode


def ust_watched(bench):
    """In a snapshot session: a ring in memory, as a flight recorder."""
    need('lttng')
    daemon = bench.spawn([need('lttng-sessiond'), '--no-kernel'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(50):
            if not lttng('create', 'whylate-bench', '--snapshot', '--output=' + bench.dir):
                break
            time.sleep(0.1)
        if lttng('enable-event', '-u', 'whylate:*') or lttng('start'):
            raise Skip('no LTTng session')
        found = Pairs(bench, 'bench-marks', 'ust', SYSCALLS)
        time.sleep(0.5)
        return found.run()
    finally:
        lttng('destroy', 'whylate-bench')
        bench.stop(daemon)


def guarded(f, *args):
    try:
        return f(*args), ''
    except Skip as e:
        return [], str(e)


def part_marks(bench):
    rows = [
        ('an empty loop', alone, 'loop', UNWATCHED),
        ('marks, nobody watches', alone, 'mark', UNWATCHED),
        ('marks with the plain probe only, nobody watches', alone, 'mark', UNWATCHED, 'bench-marks-plain'),
        ('lttng-ust tracepoints, no session', alone, 'ust', UNWATCHED),
        ('lttng-ust tracepoints, recorded (snapshot session)', ust_watched),
        ('write() to /dev/null, twice (the 2016 way was a /proc file)', alone, 'write', SYSCALLS),
        ('empty BPF program, breakpoint (USDT)', empty, 'bench-marks-plain', ''),
        ('marks, watched, breakpoint', watched, 'bench-marks-plain', False),
        ('the same, and recorded', watched, 'bench-marks-plain', True),
        ('empty BPF program, patched call', empty, 'bench-marks', '5'),
        ('marks, watched, patched call (what this kernel gets)', watched, 'bench-marks', False),
        ('the same, and recorded', watched, 'bench-marks', True),
    ]
    t = Table('Work marks: a begin/end pair', ['what', 'ns per pair: the least', 'all, sorted'],
              'CPU time, each in a process of its own on one CPU; %d repetitions of %d pairs (watched), %d (system calls, '
              'lttng-ust recorded), %d (the others).' % (bench.args.repeat, WATCHED, SYSCALLS, UNWATCHED))
    data = {}
    for i, (name, f, *args) in enumerate(rows):
        times, why = guarded(f, bench, *args)
        data['%d %s' % (i, name)] = times
        t.add(name, '%.1f' % min(times) if times else why[:60], ' '.join('%.1f' % v for v in sorted(times)))
    return [t], {'ns_per_pair': data, 'cpus': os.cpu_count()}
