# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the demonstrations share: their processes, whylate beside them, and what they say."""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'tests', 'live'))
import harness  # noqa: E402
from harness import Fail, Skip, check, end_ts, ms, read_line, stim_ts  # noqa: E402

WIDTH = 80


def printable(text):
    """Names come from the machine: nothing of them may steer a terminal."""
    return ''.join(c if c.isprintable() else '\\x%02x' % ord(c) for c in text)


def say(text='', indent=''):
    for line in text.split('\n'):
        more = indent + ('  ' if line[:2] in ('* ', '- ') else '')
        print(textwrap.fill(printable(line), WIDTH, initial_indent=indent, subsequent_indent=more) if line else '')
    sys.stdout.flush()


def overlap(a, b):
    """Nanoseconds that two (from, to) have in common."""
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def span_of(slow):
    return stim_ts(slow), end_ts(slow)


def median(values):
    return statistics.median(values) if values else None


class Lines:
    """
    Lines of a process and when each was read, on CLOCK_MONOTONIC. Read by a thread of SCHED_FIFO, so
    that what the machine does besides doesn't make the times late.
    """

    PRIO = 70

    def __init__(self, stream, cpu):
        self.lines = []
        self.thread = threading.Thread(target=self._read, args=(stream, cpu), daemon=True)
        self.thread.start()

    def _read(self, stream, cpu):
        os.sched_setaffinity(0, {cpu})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(self.PRIO))
        try:
            for line in stream:
                self.lines.append((harness.now_ns(), line.rstrip('\n')))
        except ValueError:  # closed: the demonstration is over
            pass

    def matching(self, pattern):
        found = [(ns, re.search(pattern, line)) for ns, line in list(self.lines)]
        return [(ns, m) for ns, m in found if m]


class Demo:
    """One variant of a demonstration: what it started, what it found."""

    def __init__(self, args, place, name):
        self.args = args
        self.ctx = harness.Context(args.whylate, place, '%d/%s' % (args.seed, name))
        self.captures = os.path.join(self.ctx.dir, 'captures')
        self.summary = {'demo': args.demo, 'variant': name, 'seconds': args.seconds, 'seed': args.seed}
        self.quitters = []

    def program(self, name, *args, prefix=(), **kw):
        """One of demos/meson.build; returns once it has said ready, with the words after that."""
        path = os.path.join(os.path.dirname(self.ctx.whylate), 'demos', name)
        if not os.path.exists(path):
            raise Skip('%s is not there: build with -Ddemos=true (libjack-jackd2-dev is needed for demo-synth)' % path)
        kw.setdefault('stdin', subprocess.PIPE)
        p = self.ctx.spawn([*prefix, path, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1, **kw)
        line = read_line(p, 15)
        if not line.startswith('ready'):
            self.ctx._kill(p)
            raise Fail('%s: %s' % (name, (line + p.communicate()[1]).strip() or 'did not begin'))
        return p, line.split()[1:]

    def watch(self, *args):
        """whylate beside it; says its command as a user would type it."""
        words = ['watch', *map(str, args)]
        say('$ whylate ' + ' '.join(words), '  ')
        return self.ctx.watch(*words[1:], '--captures', self.captures, '--keep', 20)

    def explain(self, slow, *options):
        status, out, err = self.ctx.run(['explain', slow['capture'], *options], timeout=60)
        check(status == 0, 'whylate explain: %s' % harness.tail(err))
        return out.decode('utf-8', 'replace')

    def explained(self, slow):
        """What explain says as JSON: its last object with a verdict."""
        lines = [json.loads(line) for line in self.explain(slow, '--json').splitlines()]
        return next((o for o in lines if 'why' in o), None)

    def tell_slow(self, slow, judgement=None):
        cause = slow['cause']
        text = 'slow %s: %d%% %s' % (ms(slow['response_ns']), round(100 * (cause['share'] or 0)), cause['text'])
        say(text + (' [%s]' % judgement if judgement else ''), '    ')

    def close(self):
        self.ctx.close()


def culprit_of(slow):
    """tid, or irq or softirq, or None: nobody is named."""
    culprit = slow['cause'].get('culprit') or {}
    for word in ('irq', 'softirq'):
        if word in culprit:
            return word
    return culprit.get('tid') or None


def budget_text(slow):
    parts = sorted(slow['budget'].items(), key=lambda kv: -kv[1])
    return ', '.join('%s %s' % (kind, ms(ns)) for kind, ns in parts if 100 * ns >= slow['response_ns'])


def causes(responses):
    """How often each kind of cause was named."""
    return dict(collections.Counter(s['cause']['kind'] or 'none' for s in responses).most_common())


def spans(lines, word, since=0):
    """(from, to, more words) of the lines of a helper that begin with that word."""
    found = []
    for _, m in lines.matching(r'^%s (\d+) (\d+)(.*)' % word):
        if int(m.group(1)) >= since:
            found.append((int(m.group(1)), int(m.group(2)), m.group(3).split()))
    return found


def stop_helper(p, timeout=10):
    """The end of its stdin is its order to end."""
    p.stdin.close()
    try:
        p.wait(timeout)
    except subprocess.TimeoutExpired:
        raise Fail('%s does not end' % p.args[0])


# ---- the machine -----------------------------------------------------------------------------------

def two_cpus():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skip('needs two CPUs: one for what is watched, one for the rest')
    return cpus


def disk_directory():
    """A directory on a disk."""
    for path in ('/var/tmp', os.getcwd()):
        if subprocess.run(['stat', '-f', '-c', '%T', path], capture_output=True, text=True).stdout.strip() not in ('tmpfs', 'ramfs', 'overlayfs'):
            return path
    raise Skip('neither /var/tmp nor the current directory is on a disk')


# ---- running ---------------------------------------------------------------------------------------

def arguments(demo, text, variants, seconds):
    p = argparse.ArgumentParser(prog='demos/%s/run' % demo, description=text)
    p.add_argument('--whylate', metavar='PATH', help='the program, with those of demos/ beside it; without this option run installs what is missing and builds them')
    p.add_argument('--seconds', type=float, default=seconds, metavar='N', help='of each variant with its fault (%(default)s)')
    p.add_argument('--variant', action='append', choices=list(variants), help='only this one; may be repeated')
    p.add_argument('--json', metavar='FILE', help='what it found, one object per variant and line')
    p.add_argument('--seed', type=int, metavar='N', help='of all that is random', default=random.SystemRandom().randrange(1 << 32))
    p.add_argument('-v', '--verbose', action='store_true', help='every verdict')
    args = p.parse_args()
    args.demo = demo
    if not 2 <= args.seconds <= 600:
        p.error("--seconds: '%g' is not between 2 and 600" % args.seconds)
    if not args.whylate or not os.access(args.whylate, os.X_OK):
        p.error("--whylate: '%s' is not a program" % (args.whylate or ''))
    if os.geteuid():
        p.error('watching the kernel needs root: run it with sudo')
    return args


def _end(*_):
    raise KeyboardInterrupt


def run_variants(args, variants, place):
    """Exit status: 0 done, 1 failed, 3 something is missing here."""
    status, found = 0, []
    for name in args.variant or variants:
        try:
            summary = variants[name](args, place, name)
        except Skip as e:
            summary, status = {'demo': args.demo, 'variant': name, 'skipped': str(e)}, status or 3
            say('cannot be shown here: %s' % e)
        except Fail as e:
            summary, status = {'demo': args.demo, 'variant': name, 'failed': str(e)}, 1
            say('failed: %s' % e)
        found.append(summary)
    say('\nThe account')
    for summary in found:
        say('* %s: %s' % (summary['variant'], next(summary[k] for k in ('skipped', 'failed', 'account') if k in summary)))
    if args.json:
        with open(args.json, 'w') as f:
            f.writelines(json.dumps(summary) + '\n' for summary in found)
    return status


def run(demo, text, variants, seconds):
    args = arguments(demo, text, variants, seconds)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, _end)
    harness.adopt_orphans()
    place = tempfile.mkdtemp(prefix='wl-demo-%d-' % os.getpid(), dir='/var/tmp')
    seconds = (args.seconds + 7) * len(args.variant or variants)
    say('%s Takes about %d s; Ctrl-C ends it early, and stops all that it has started.' % (text, seconds))
    try:
        with harness.FirstInLine():
            status = run_variants(args, variants, place)
    except KeyboardInterrupt:
        say('\nended early; everything that it started is stopped')
        status = 130
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return status
