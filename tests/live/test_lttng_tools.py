# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
lttng-analyses on a recording of ours. It is in no distribution: a checkout of it is looked for in
$LTTNG_ANALYSES and /opt/lttng-analyses.
"""

import os
import re
import shutil
import subprocess

import recording
from harness import Fail, Skip, check, need, read, tail

PLACES = [os.environ.get('LTTNG_ANALYSES', ''), '/opt/lttng-analyses']
READS = 300  # of 4 KiB each, that fio makes
ROUNDS = 40


def analyses():
    for place in PLACES:
        if place and os.access(os.path.join(place, 'lttng-irqstats'), os.R_OK):
            return place
    raise Skip('lttng-analyses is not there (git clone it to /opt/lttng-analyses, or set LTTNG_ANALYSES)')


def analyse(kind, path):
    """What lttng-KIND prints about a recording."""
    place = analyses()
    p = subprocess.run(['/usr/bin/python3', './lttng-' + kind, '--no-progress', '--skip-validation', path], cwd=place,
                       capture_output=True, text=True, timeout=600)
    if 'ModuleNotFoundError' in p.stderr:
        raise Skip('lttng-analyses: ' + p.stderr.strip().splitlines()[-1])
    check(p.returncode == 0, 'lttng-%s: status %d, %s' % (kind, p.returncode, tail(p.stderr, 600)))
    return p.stdout


def busy_seconds(path):
    """Per CPU, of a copy of /proc/stat: all but idle and iowait."""
    found = {}
    for line in read(path).splitlines():
        m = re.match(r'cpu(\d+) (.*)', line)
        if m:
            t = [int(x) for x in m.group(2).split()]
            found[int(m.group(1))] = (sum(t[:3]) + sum(t[5:8])) / os.sysconf('SC_CLK_TCK')
    return found


def interrupt_counts():
    found = {}
    for line in read('/proc/interrupts').splitlines():
        m = re.match(r'\s*(\d+):((?:\s+\d+)+)', line)
        if m:
            found[int(m.group(1))] = sum(int(n) for n in m.group(2).split())
    return found


def row(text, pattern):
    m = re.search(pattern, text, re.M)
    if not m:
        raise Fail('no line like %r in %s' % (pattern, tail(text, 600)))
    return m


class Load:
    """fio and storm under the recorder, and what the kernel itself counted meanwhile."""

    def __init__(self, ctx):
        need('fio')
        analyses()
        disk = recording.scratch_disk(ctx)
        script = os.path.join(disk, 'load.sh')
        with open(script, 'w') as f:
            f.write('cat /proc/stat >%s/before\n'
                    'fio --name=wl --filename=%s/file --size=4M --rw=randread --bs=4k --direct=1 --number_ios=%d '
                    '--ioengine=psync >/dev/null &\n%s calls %d\nwait\nsleep 1\ncat /proc/stat >%s/after\n' % (
                        disk, disk, READS, ctx.binary('storm'), ROUNDS, disk))
        before = interrupt_counts()
        try:
            r = recording.record(ctx, '--syscalls=all', command=['sh', script])
            busy = busy_seconds(disk + '/before')
            self.busy = {c: s - busy[c] for c, s in busy_seconds(disk + '/after').items()}
        finally:
            shutil.rmtree(disk, ignore_errors=True)
        check(r.status == 0, 'status %d: %s' % (r.status, r.err))
        self.irqs = {n: c - before.get(n, 0) for n, c in interrupt_counts().items()}
        self.path, self.kernel = r.path, r.kernel
        self.counts, _, lost = recording.read_by_all(r.kernel)
        check(not lost, '%d lost' % lost)
        ends = [(s.begin, s.end) for s in recording.walk(r.kernel)[0].streams]
        self.seconds = (max(e for _, e in ends) - min(b for b, _ in ends)) / 1e9


def check_irqs(load):
    text, compared = analyse('irqstats', load.path), 0
    for number, _, count in re.findall(r'^(\d+): <([^>]*)>\s+(\d+)', text, re.M):
        number, count = int(number), int(count)
        if number not in load.irqs:
            continue
        # the recording is a little shorter than the time between the two looks at /proc
        check(count <= load.irqs[number] and count >= load.irqs[number] * 0.8 - 20,
              'irq %d: %d, /proc/interrupts %d' % (number, count, load.irqs[number]))
        compared += count
    check(compared >= READS, 'irqstats knows %d interrupts of %d reads: %s' % (compared, READS, tail(text, 500)))
    return compared


def check_cpu(load):
    text, found = analyse('cputop', load.path), {}
    for share, cpu in re.findall(r'([\d.]+) % CPU (\d+)', text):
        found[int(cpu)] = float(share) / 100
    check(set(found) == set(load.busy), 'cputop: CPUs %s' % sorted(found))
    for cpu, share in found.items():
        real = load.busy[cpu] / load.seconds
        check(abs(share - real) < 0.12, 'cputop: CPU %d is %.2f busy, /proc/stat says %.2f' % (cpu, share, real))
    return ', '.join('CPU %d %.0f %%' % (c, 100 * s) for c, s in sorted(found.items()))


def check_calls(load):
    text = analyse('syscallstats', load.path)
    for name, count in (('rename', 2 * ROUNDS), ('socketpair', 2 * ROUNDS), ('keyctl', ROUNDS), ('newfstat', 2 * ROUNDS)):
        found = int(row(text, r'^ - %s\s+(\d+)' % name).group(1))
        check(found == count, 'syscallstats: %d calls of %s, %d were made' % (found, name, count))
    reads = [int(n) for n in re.findall(r'^ - pread64\s+(\d+)', text, re.M)]
    check(max(reads) >= READS, 'syscallstats: pread64 %s, fio made %d' % (reads, READS))


def lttng_analyses(ctx):
    """irqstats, cputop, syscallstats, iolatencystats, schedstats: what they say is what /proc says."""
    load = Load(ctx)
    irqs = check_irqs(load)
    cpus = check_cpu(load)
    check_calls(load)
    text = analyse('iolatencystats', load.path)
    disk = row(text, r'^\((\d+),(\d+)\)\s+(\d+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)')
    check(int(disk.group(3)) >= READS, 'iolatencystats: %s' % disk.group(0))
    check(0 < float(disk.group(4)) <= float(disk.group(5)) <= float(disk.group(6)), 'iolatencystats: %s' % disk.group(0))
    sched = analyse('schedstats', load.path)
    fio = max(int(n) for n in re.findall(r'^fio \(\d+\)\s+(\d+)', sched, re.M))
    check(fio >= READS * 0.8, 'schedstats: fio was scheduled %d times for %d reads' % (fio, READS))
    return '%d interrupts, %s, %s reads from the disk, average %s us' % (
        irqs, cpus, disk.group(3), disk.group(5))
