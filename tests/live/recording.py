# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""`whylate record`, and what three readers make of a trace: our own and both babeltraces."""

import collections
import os
import re
import shutil
import subprocess

import ctf
from harness import Fail, Skip, check, read, tail

# Both print "[NS] HOST NAME: {…"; a line that begins otherwise is the rest of a text with a newline in it.
LINE = re.compile(rb'^\[(\d+)\] \S+ ([a-z0-9_]+): ', re.M)
LOST = re.compile(r'discarded (\d+) events?', re.I)


class Recording:
    """One finished run of whylate record."""

    def __init__(self, path, status, out, err):
        self.path, self.kernel = path, os.path.join(path, 'kernel')
        self.status, self.out, self.err = status, out, err


def record(ctx, *args, command=None, timeout=60):
    """Records until its end; command: a list, run by whylate."""
    path = os.path.join(ctx.dir, 'recording-%d' % len(os.listdir(ctx.dir)))
    argv = ['record', '-o', path, *map(str, args)] + (['--', *map(str, command)] if command else [])
    status, out, err = ctx.run(argv, timeout)
    return Recording(path, status, out.decode(), err.decode())


def walk(path, **kw):
    """Everything checked by our own reader: (trace, counts, synthetic, lost)."""
    try:
        trace = ctf.Trace(path, **kw)
        return (trace, *trace.walk())
    except ctf.Broken as e:
        raise Fail('our reader: %s' % e)


def events(path, wanted=None):
    """[(ts, cpu, name, {field: value})] of a trace, in order of time; wanted: names."""
    try:
        return [(ts, cpu, kind.name, kind.dict(values)) for ts, cpu, kind, values in ctf.Trace(path).events()
                if wanted is None or kind.name in wanted]
    except ctf.Broken as e:
        raise Fail('our reader: %s' % e)


def readers():
    found = [b for b in ('babeltrace2', 'babeltrace') if shutil.which(b)]
    if not found:
        raise Skip('neither babeltrace2 nor babeltrace is installed')
    return found


def babeltrace(reader, path):
    """(counts by name, discarded, what it said on stderr, largest step back in time ns)."""
    p = subprocess.Popen([reader, '--no-delta', '--clock-cycles', '--names=none', path], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    counts, last, back, rest = collections.Counter(), 0, 0, b''
    with open(os.devnull, 'rb'):
        while True:
            data = p.stdout.read(1 << 20)
            data, rest = rest + data, b''
            if not data:
                break
            cut = data.rfind(b'\n') + 1 if len(data) >= 1 << 20 else len(data)
            data, rest = data[:cut], data[cut:]
            for time, name in LINE.findall(data):
                counts[name] += 1
                time = int(time)
                back = max(back, last - time)
                last = time
    err = p.stderr.read().decode(errors='replace')
    check(p.wait() == 0, '%s failed: %s' % (reader, tail(err, 800)))
    lost = sum(int(n) for n in LOST.findall(err))
    return {n.decode(): c for n, c in counts.items()}, lost, err, back


def same_counts(reader, found, counts, synthetic):
    """Its counts by name are ours, with the synthetic records; fillers don't count."""
    found = {n: c for n, c in found.items() if n != ctf.FILLER}
    ours = dict(counts + synthetic)
    names = [n for n in set(found) | set(ours) if found.get(n) != ours.get(n)]
    check(not names, '%s counts otherwise: %s' % (reader, ', '.join(
        '%s %s, ours %s' % (n, found.get(n, 0), ours.get(n, 0)) for n in sorted(names)[:5])))


def read_by_all(path):
    """
    Reads a trace with all readers: equal counts, equal losses, no warning where nothing was lost.
    Returns (counts, synthetic, lost).
    """
    _, counts, synthetic, lost = walk(path)
    for reader in readers():
        found, discarded, err, back = babeltrace(reader, path)
        same_counts(reader, found, counts, synthetic)
        check(discarded == lost, '%s says that %d events were discarded, our reader %d: %s' % (
            reader, discarded, lost, tail(err, 500)))
        check(lost or not err.strip(), '%s is not content: %s' % (reader, tail(err, 500)))
        check(back <= 0, '%s: time goes back by %d ns' % (reader, back))
    return counts, synthetic, lost


def scratch_disk(ctx):
    """A directory on a real disk: the tests' own may be in memory. The runner removes it."""
    path = '/var/tmp/wl-live-%d-%s' % (os.getpid(), os.path.basename(ctx.dir))
    os.makedirs(path, exist_ok=True)
    return path


def interrupts():
    """{number: names} of /proc/interrupts."""
    found = {}
    for line in read('/proc/interrupts').splitlines():
        m = re.match(r'\s*(\d+):(?:\s+\d+)+\s+(.*)', line)
        if m:
            found[int(m.group(1))] = m.group(2)
    return found
