# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the parts of the bench share: processes, sessions of whylate, numbers, tables."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Skip(Exception):
    """A part that can't be measured here; the text says why."""


# --- processes ---

class Bench:
    """Options, build, and processes that must not outlive us."""

    def __init__(self, args):
        self.args = args
        self.build = os.path.abspath(args.build)
        self.whylate = os.path.join(self.build, 'whylate')
        self.children = []
        self.dir = tempfile.mkdtemp(prefix='whylate-bench-', dir='/var/tmp')
        self.fast = None

    def tool(self, name):
        return os.path.join(self.build, 'bench', name)

    def memory(self):
        """A directory in memory, for what others write fast."""
        if not self.fast:
            self.fast = tempfile.mkdtemp(prefix='whylate-bench-', dir='/dev/shm')
        return self.fast

    def spawn(self, argv, cpu=None, **kwargs):
        pin = None if cpu is None else (lambda: os.sched_setaffinity(0, {cpu}))
        p = subprocess.Popen(argv, preexec_fn=pin, **kwargs)
        self.children.append(p)
        return p

    def stop(self, p, sig=signal.SIGINT):
        """Asks it to end; kills it if it does not."""
        if p.poll() is None:
            p.send_signal(sig)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        self.children.remove(p)

    def close(self):
        for p in self.children:
            p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.fast:
            shutil.rmtree(self.fast, ignore_errors=True)


class Watch:
    """
    `whylate watch` with default options, as JSON into a file, measuring when it is entered.
    Captures go to a directory of ours, which is removed in the end, or to the caller's.
    """

    def __init__(self, bench, *options, captures=True, directory=None, cpu=None):
        self.bench, self.cpu = bench, cpu
        self.own = os.path.join(bench.dir, 'captures') if captures and not directory else None
        self.argv = [bench.whylate, 'watch', *options, '--captures',
                     directory or self.own or 'none', '--json']

    def __enter__(self):
        self.path = os.path.join(self.bench.dir, 'watch.json')
        self.began = time.monotonic()
        with open(self.path, 'wb') as out:
            self.process = self.bench.spawn(self.argv, self.cpu, stdout=out,
                                            stdin=subprocess.DEVNULL)
        self.start = self._first_line()
        self.start_seconds = time.monotonic() - self.began
        return self

    def _first_line(self):
        while self.process.poll() is None and time.monotonic() < self.began + 30:
            with open(self.path, encoding='utf-8') as f:
                line = f.readline()
            if line.endswith('\n'):
                return json.loads(line)
            time.sleep(0.001)
        raise Skip('%s did not start' % ' '.join(self.argv))

    def __exit__(self, *unused):
        self.bench.stop(self.process)
        with open(self.path, encoding='utf-8') as f:
            self.lines = [json.loads(line) for line in f]
        self.stats = self.lines[-1]
        if self.own:
            shutil.rmtree(self.own, ignore_errors=True)


class Empty:
    """Empty programs on the tracepoints of `watch`."""

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        self.process = self.bench.spawn([self.bench.tool('bench-cost'), 'empty'], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.programs = int(self.process.stdout.readline().split()[1])
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.bench.stop(self.process, 0)


class Nothing:
    """Neither."""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        pass


def need(program):
    """Its path, or a reason to skip."""
    for path in (shutil.which(program), '/usr/sbin/' + program):
        if path and os.access(path, os.X_OK):
            return path
    raise Skip('%s is not installed' % program)


def output(argv):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       check=False)
    if p.returncode:
        raise Skip('%s failed: %s' % (argv[0], p.stdout.strip()[-200:]))
    return p.stdout


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Skip('%s does not start' % what)
        time.sleep(0.05)


def answers(port):
    with socket.socket() as s:
        return not s.connect_ex(('127.0.0.1', port))


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


# --- numbers ---

def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method='inclusive'))


def spread(values, form='%.2f'):
    low, middle, high = quartiles(values)
    return ('%s (%s to %s)' % (form, form, form)) % (middle, low, high)


def differences(a, b):
    return [x - y for x, y in zip(a, b)]


def verdict(value, target):
    return 'yes' if value <= target else 'no'


class Table:
    def __init__(self, title, columns, note=''):
        self.title, self.columns, self.note, self.rows = title, columns, note, []

    def add(self, *cells):
        self.rows.append([str(c) for c in cells])

    def widths(self):
        return [max(len(r[i]) for r in [self.columns] + self.rows)
                for i in range(len(self.columns))]

    def text(self):
        def line(cells):
            return '  '.join(c.ljust(w) for c, w in zip(cells, self.widths())).rstrip()
        lines = [self.title, '', line(self.columns)] + [line(r) for r in self.rows]
        return '\n'.join(lines + (['', self.note] if self.note else []))

    def markdown(self):
        def line(cells):
            return '| ' + ' | '.join(cells) + ' |'
        lines = ['**%s**' % self.title, '', line(self.columns), '|' + '---|' * len(self.columns)]
        lines += [line(r) for r in self.rows]
        return '\n'.join(lines + (['', self.note] if self.note else []))
