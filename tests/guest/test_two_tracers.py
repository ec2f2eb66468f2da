# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""LTTng beside us: two tracers see the same seconds, one state machine makes responses of both."""

import collections
import glob
import os
import re
import shutil
import socket
import subprocess

import responses
from guest import HERE, Skip, boots, only
from harness import check, quantile, tail
from work import Client

CACHE = os.environ.get('WL_GUEST_DIR') or os.path.join(
    os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'whylate-guest')  # as tests/guest/boot has it
SECONDS = 5
BUILD_SECONDS = 900
SKEW_NS = 5_000_000    # between two probes of one tracepoint the thread that emulates both CPUs may turn to the other
MOVED = {'timer_delay', 'irq', 'io', 'task'}  # by it, from or to their neighbours
RECORD_SECONDS = 330  # one minute on a quiet machine
UNKNOWN_SHARE = 0.05  # of what whylate tells: more can't be what began before the trace
FOLDED_SHARE = 0.05   # paths of more than 16 segments, in a guest whose host is busy


def kernel_release(config):
    suffix = {'stock': 'amd64', 'rt': 'rt-amd64', 'stock612': '612-amd64', 'rt612': '612-rt-amd64'}[config.kernel]
    found = glob.glob(os.path.join(CACHE, 'k-' + suffix, 'lib', 'modules', '*'))
    return os.path.basename(found[0]) if found else None


def modules(config):
    """Directory of the kernel's modules with LTTng's among them; None: can't be built here."""
    release = kernel_release(config)
    build = subprocess.run(['bash', os.path.join(HERE, 'lttng-build.sh'), CACHE, release], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=BUILD_SECONDS)
    return os.path.join(CACHE, 'lttng', 'tree-' + release, 'lib', 'modules') if build.returncode == 0 else None


def record(g):
    """Both tracers at it; what memcached has answered meanwhile."""
    shutil.copytree(os.path.join(CACHE, 'lttng', 'tools'), os.path.join(g.share, 'lttng'), symlinks=True)
    for name in ('lttng-record.sh', 'load.py'):
        g.put(os.path.join(HERE, name))
    _, port = g.memcached(2)
    client = Client(socket.create_connection(('127.0.0.1', port), 30))
    job = g.spawn('exec bash /share/lttng-record.sh %d' % SECONDS)
    client.start()
    status = job.wait(RECORD_SECONDS)
    client.stop()
    check(status == 0, 'lttng-record.sh: status %s: %s' % (status, tail(job.out() + job.err())))
    return client.answered


class Raw:
    """What the trace's own text says, without our reader: who was born in it, and since when each task was seen asleep."""

    def __init__(self, path):
        text = subprocess.run(['babeltrace2', '--clock-cycles', '--no-delta', path], capture_output=True, text=True,
                              errors='replace').stdout
        self.born, self.asleep = set(), {}
        for line in text.splitlines():
            name = line[23:].split(':', 1)[0].split()[-1]
            if name == 'sched_process_fork':
                self.born.add(int(re.search(r'child_tid = (\d+)', line).group(1)))
            elif name == 'sched_switch':
                tid, state = re.search(r'prev_tid = (\d+), prev_prio = \S+, prev_state = (\d+)', line).groups()
                if int(state) & 0xff:
                    self.asleep.setdefault(int(tid), int(line[1:21]))

    def knows(self, r):
        """Could a reader know what the task was at when this response began?"""
        return r.tid in self.born or self.asleep.get(r.tid, r.end_ts) < r.start


def is_rtlock(r, o):
    """LTTng records a wait for a lock of PREEMPT_RT as any uninterruptible sleep: a task's, or a part of the softirq."""
    def others(x):
        return [k for k in x.kinds if k not in ('lock', 'task')]

    return 'lock' in r.kinds and others(r) == others(o)


def is_skew(r, o):
    """
    A moment that one tracer reads the clock before, the other after: the latest time that a timer is allowed, or
    the other CPU's wake-up of a task that is about to sleep.
    """
    def longer(x):
        kinds = [k for k, ns in zip(x.kinds, x.lengths) if k not in MOVED or ns > SKEW_NS]
        return [k for i, k in enumerate(kinds) if i == 0 or kinds[i - 1] != k]

    return longer(r) == longer(o)


def is_skipped(r, o):
    """The kernel runs no program of ours inside of itself: a timer of an interrupt on top of a softirq's (PREEMPT_RT)."""
    return r.stimulus[0] == 'irq' and o.stimulus[0] == 'timer' and r.kinds == [k for k in o.kinds if not k.startswith('timer')]


def judge(ours, theirs, trace, raw):
    """What each response is that both have seen from begin to end: same, or why not."""
    def inside(r):
        return r.comm != 'whylate' and r.start > trace['first'] + responses.NEAR_NS and (
            r.end_ts < trace['last'] - responses.LATE_NS)

    responses.match(ours, theirs)
    found = collections.defaultdict(list)
    for r in filter(inside, ours):
        o = r.other
        if not o:
            found['missing' if raw.knows(r) else 'first'].append(r)
        elif (r.stimulus, r.end, r.kinds) == (o.stimulus, o.end, o.kinds):
            found['same'].append(r)
        elif o.doubt != 'sure':
            found['doubt'].append(r)
        elif (r.stimulus, r.end) == (o.stimulus, o.end) and is_skew(r, o):
            found['skew'].append(r)
        elif (r.stimulus, r.end) == (o.stimulus, o.end) and is_rtlock(r, o):
            found['rtlock'].append(r)
        elif (r.stimulus, r.end) == (o.stimulus, o.end) and (r.folded or o.folded):
            found['folded'].append(r)
        elif is_skipped(r, o):
            found['skipped'].append(r)
        else:
            found['differs'].append(r)
    for o in filter(inside, theirs):
        if not o.other:
            found['invented' if o.doubt == 'sure' else 'doubt'].append(o)
    return found


def show(found, kind):
    return '\n'.join('%s: %s\n   other: %s' % (kind, r, r.other) for r in found[kind][:3])


def compare(g):
    """Of what both have seen from begin to end."""
    replay = subprocess.run([os.path.join(os.path.dirname(g.whylate), 'tests', 'guest-responses'),
                             os.path.join(g.share, 'trace'), 'watch', '--until', 'idle'], capture_output=True, text=True)
    check(replay.returncode == 0, 'responses: %s' % replay.stderr)
    theirs, trace = responses.of_replay(replay.stdout)
    ours, stats = responses.of_watch(os.path.join(g.share, 'watch.json'))
    lost = stats['lost']['responses'] + trace['lost']
    check(not lost, 'lost: %s, %d by LTTng' % (stats['lost'], trace['lost']))
    check(trace['rt'] == g.config.rt, 'PREEMPT_RT: %s' % trace['rt'])
    return judge(ours, theirs, trace, Raw(os.path.join(g.share, 'trace'))), stats['lost']['skipped']


def skew(found):
    """Quantiles, of the same end seen by both and of timers' expiries, as text."""
    same = [r for r in found['same'] if r.stimulus[0] != 'timer']
    ends = [r.other.end_ts - r.end_ts for r in found['same']]
    timers = [r for r in found['same'] if r.stimulus[0] == 'timer']
    exact = sum(r.start == r.other.start for r in timers)
    starts = [r.other.start - r.start for r in same]
    return exact, len(timers), ' '.join('%s %d/%d/%d us' % (
        what, *(quantile(values, q) // 1000 for q in (0, .5, .99))) for what, values in (('starts', starts), ('ends', ends)))


@only(lambda c: c.nic == 'virtio' and not c.append)
@boots(modules=modules, append='no_timer_check')
def guest_lttng_sees_the_same(g):
    """LTTng records the same seconds; its trace through our state machine gives the same responses"""
    if not os.path.isdir(os.path.join(CACHE, 'lttng', 'tree-' + g.release)):
        raise Skip("LTTng's modules can't be built for %s (tests/guest/lttng-build.sh)" % g.release)
    answered = record(g)
    found, skipped = compare(g)
    n = {k: len(v) for k, v in found.items()}
    figures = ' '.join('%s=%d' % i for i in sorted(n.items()))
    for kind in ('differs', 'missing', 'invented'):
        check(not found[kind], '%s\n%s' % (figures, show(found, kind)))
    check(n['same'] > 200, 'too few: ' + figures)
    check(g.config.rt or not found['rtlock'], 'rtlock: ' + figures)
    check(n.get('skew', 0) <= 0.01 * n['same'], figures)
    check(n.get('skipped', 0) <= skipped, '%d runs skipped, but %s' % (skipped, figures))
    left = n.get('first', 0) + n.get('doubt', 0) + n.get('rtlock', 0)
    check(left <= UNKNOWN_SHARE * n['same'], 'too much is not known: ' + figures)
    check(n.get('folded', 0) <= FOLDED_SHARE * n['same'], 'too many long paths: ' + figures)
    kinds = collections.Counter(r.stimulus[0] for r in found['same'])
    check(answered and {'irq', 'timer', 'softirq', 'wakeup'} <= set(kinds), 'stimuli %s, %d requests' % (dict(kinds), answered))
    exact, timers, text = skew(found)
    check(exact == timers, '%d of %d expiries are the same' % (exact, timers))
    return '%d the same (%s), %d not known, %d folded, %d skipped of %d; %s' % (
        n['same'], ' '.join('%s %d' % i for i in kinds.items()), left, n.get('folded', 0), n.get('skipped', 0), skipped, text)
