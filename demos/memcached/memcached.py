#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
memcached, late to start and late to complete: which, and why? See README.md beside this file; started
by `run`, which builds what is missing.
"""

import bisect
import fcntl
import os
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import demo  # noqa: E402
from demo import Skip, check, culprit_of, end_ts, harness, ms, overlap, say, span_of, stim_ts  # noqa: E402

SECONDS = 10
PRIO = 10  # what else runs here would be in the way of both, and is not what is shown
OVER, OVER_NS = '2ms', 2 * 10 ** 6
THINK_US = {'start': 300, 'complete': 50}
MARGIN = 5 * 10 ** 5    # of the client's clock over the threshold, before we expect a verdict
NEAR_NS, NEAR = 3 * 10 ** 5, 0.1  # whylate and the client agree within the larger of these
HANDLER_US = (3000, 8000)
SYNC_MIB = (16, 40)
TEXT = 'Shows why memcached starts late, and why it completes late.'


class Load:
    """memcached on one CPU, its client on another one."""

    def __init__(self, d, cpu, other, **options):
        harness.need('memcached', 'taskset', 'gcc')
        self.d, self.cpu, self.other = d, cpu, other
        self.server, port, workers = d.ctx.memcached(1, prefix=['taskset', '-c', cpu, 'chrt', '-f', PRIO], **options)
        self.record = os.path.join(d.ctx.dir, 'requests')
        seconds, think = int(d.args.seconds) + 3, THINK_US[d.summary['variant']]
        self.client, _ = d.ctx.helper('mcclient', port, self.record, 'think_us=%d' % think, 'seconds=%d' % seconds,
                                      'total=%d' % (seconds * 10 ** 6 // think), 'seed=%d' % d.ctx.rng.randrange(1, 1 << 30))
        for tid in harness.tids_of(self.client.pid):
            os.sched_setaffinity(tid, {other})
            os.sched_setscheduler(tid, os.SCHED_FIFO, os.sched_param(PRIO))

    def requests(self):
        """(sent, received) in order of sending, by the client's clock."""
        harness.finish(self.client, self.d.args.seconds + 20)
        with open(self.record, 'rb') as f:
            return sorted((sent, received) for sent, received, _, _ in struct.iter_unpack('=QQII', f.read()))


def under_way(requests, ns):
    """The request that was under way at ns, or None: there is one connection."""
    i = bisect.bisect_right(requests, (ns, ns)) - 1
    return requests[i] if i >= 0 and requests[i][1] >= ns else None


# ---- (a) late to start ------------------------------------------------------------------------------

def interrupts():
    """{line: ([count per CPU], name)}"""
    found = {}
    lines = harness.read('/proc/interrupts').splitlines()
    cpus = len(lines[0].split())
    for line in lines[1:]:
        words = line.split()
        if words and words[0][:-1].isdigit() and len(words) > cpus:
            found[int(words[0][:-1])] = ([int(w) for w in words[1:cpus + 1]], words[-1])
    return found


def disk_file(directory):
    path = os.path.join(directory, 'disk')
    with open(path, 'wb') as f:
        f.write(os.urandom(1 << 20) * 16)
        os.fsync(f.fileno())
    return path


def disk_line(path, cpu):
    """(line, its CPU, name) of the interrupt that comes when the disk is read on that CPU: the one that has grown most."""
    before = interrupts()
    status = subprocess.call(['taskset', '-c', str(cpu), 'dd', 'if=' + path, 'of=/dev/null', 'bs=4k', 'count=500', 'iflag=direct', 'status=none'])
    check(not status, 'dd: status %d' % status)
    grown = []
    for line, (counts, name) in interrupts().items():
        for on, count in enumerate(counts):
            grown.append((count - before.get(line, ([0] * len(counts), ''))[0][on], line, on, name))
    most = max(grown)
    if most[0] < 400:
        raise Skip('reading %s raises no interrupt line of /proc/interrupts' % path)
    return most[1:]


def show_start(args, place, name):
    d = demo.Demo(args, place, name)
    try:
        say('\n1. Late to start: an interrupt handler takes long')
        say("A device's handler (here the disk's: a BPF program on its tracepoint keeps the CPU) takes 3 to 8 ms now and then. A request that comes "
            'meanwhile waits before memcached even begins. --until run measures just that: until the thread first runs.', '  ')
        cpus = demo.two_cpus()
        path = disk_file(d.ctx.dir)
        line, cpu, irq_name = disk_line(path, cpus[0])
        other = next(c for c in cpus if c != cpu)
        load = Load(d, cpu, other)
        say('* started memcached (SCHED_FIFO %d) on CPU %d, where interrupt %d (%s) arrives, and a client that sends a request every %d us' % (PRIO, cpu, line, irq_name, THINK_US[name]))
        session = d.watch('-p', load.server.pid, '--softirq', 'NET_RX', '--until', 'run', '--over', OVER)
        device, _ = d.program('demo-slow-irq', line, other, *HANDLER_US, path, d.ctx.rng.randrange(1, 1 << 30))
        lines = demo.Lines(device.stdout, other)
        harness.go(load.client)
        time.sleep(1)
        harness.go(device)
        time.sleep(args.seconds)
        demo.stop_helper(device)
        result = session.stop()
        return account_start(d, load, result, demo.spans(lines, 'span'), line, irq_name)
    finally:
        d.close()


def late_starts(requests, spans, cpu):
    """
    [(request, ns by which it was late)]: those sent while a handler ran on memcached's CPU. One that was sent before may have
    begun before.
    """
    late = []
    for start, end, on in spans:
        request = under_way(requests, end)
        if int(on[0]) == cpu and request and start <= request[0] < end - OVER_NS - MARGIN:
            late.append((request, end - request[0]))
    return late


def is_of(slow, request):
    return request[0] <= stim_ts(slow) <= request[1]


def is_behind(slow, spans):
    """By the fault's clock: did it go on until the end of one, and was that most of it?"""
    whole = span_of(slow)
    return any(whole[0] < s[1] <= whole[1] and 2 * overlap(whole, s[:2]) >= slow['response_ns'] for s in spans)


def judge(slow, spans, is_right):
    counts = {'right': 0, 'wrong': 0, 'elsewhere': 0}
    for s in slow:
        counts['elsewhere' if not is_behind(s, spans) else 'right' if is_right(s) else 'wrong'] += 1
    return counts


def account_start(d, load, result, spans, line, irq_name):
    late, slow = late_starts(load.requests(), spans, load.cpu), result.slow
    found = [(r, ns, next((s for s in slow if is_of(s, r)), None)) for r, ns in late]
    verdicts = judge(slow, spans, lambda s: (s['cause'].get('culprit') or {}).get('irq') == line)
    account(d, result, slow, spans, found, verdicts)
    tell(d, slow, '%d handlers of interrupt %d (%s) were long, %s in all; %d requests came meanwhile and more than %s before the end' % (
        len(spans), line, irq_name, ms(d.summary['injected_ns']), len(late), ms(OVER_NS + MARGIN)))
    explain(d, [s for s in slow if is_behind(s, spans)], lambda o: (o.get('root') or {}).get('irq') == line, 'interrupt %d' % line)
    return finish(d)


# ---- (b) late to complete ---------------------------------------------------------------------------

def show_complete(args, place, name):
    d = demo.Demo(args, place, name)
    try:
        say('\n2. Late to complete: logging waits for the disk')
        say('memcached -vv logs every request, into a pipe. At its other end demo-logger makes sure now and then that the log is on the disk. '
            'Meanwhile the pipe fills up, and memcached waits in the middle of a request. --until idle measures until it waits for the next one.', '  ')
        cpus = demo.two_cpus()
        cpu, other = cpus[-1], cpus[0]
        out, into = os.pipe()
        try:
            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
            logger, _ = d.program('demo-logger', os.path.join(d.ctx.dir, 'log'), other, *SYNC_MIB, d.ctx.rng.randrange(1, 1 << 30), stdin=out)
            load = Load(d, cpu, other, options=['-vv'], stderr=into)
        finally:
            os.close(out)
            os.close(into)
        os.sched_setscheduler(logger.pid, os.SCHED_FIFO, os.sched_param(PRIO))
        lines = demo.Lines(logger.stdout, other)
        say('* started memcached -vv and demo-logger (SCHED_FIFO %d), and a client that sends a request every %d us' % (PRIO, THINK_US[name]))
        session = d.watch('-p', load.server.pid, '--softirq', 'NET_RX', '--until', 'idle', '--over', OVER)
        since = harness.now_ns()
        harness.go(load.client)
        time.sleep(args.seconds + 1)
        result = session.stop()
        until = harness.now_ns()
        syncs = [s for s in demo.spans(lines, 'sync', since) if s[1] < until]
        return account_complete(d, load, result, syncs, logger.pid)
    finally:
        d.close()


def late_ends(requests, syncs):
    """[(request, its time)]: the request that was under way when a sync ended, if it was late by the client's clock."""
    late = []
    for _, end, _ in syncs:
        request = under_way(requests, end)
        if request and request[1] - request[0] > OVER_NS + MARGIN:
            late.append((request, request[1] - request[0]))
    return late


def is_disk_of(explained, logger):
    """Does it say that the logger waited for the disk?"""
    named = [(explained.get(who) or {}).get('tid') for who in ('via', 'root')]
    return logger in named and 'block I/O' in explained['cause']['text']


def account_complete(d, load, result, syncs, logger):
    late, slow = late_ends(load.requests(), syncs), result.slow
    found = [(r, ns, next((s for s in slow if is_of(s, r)), None)) for r, ns in late]
    verdicts = judge(slow, syncs, lambda s: culprit_of(s) == logger)
    account(d, result, slow, syncs, found, verdicts)
    tell(d, slow, 'demo-logger waited %d times for the disk, %s in all, for %s MiB; %d requests took longer than %s then' % (
        len(syncs), ms(d.summary['injected_ns']), sum(int(s[2][0]) for s in syncs), len(late), ms(OVER_NS + MARGIN)))
    explain(d, [s for s in slow if is_behind(s, syncs)], lambda o: is_disk_of(o, logger), "demo-logger's wait for the disk")
    return finish(d)


# ---- both -------------------------------------------------------------------------------------------

def account(d, result, slow, spans, found, verdicts):
    check(not result.lost(), 'slow responses lost: %s' % result.losses())
    apart = [abs(s['response_ns'] - ns) for _, ns, s in found if s]
    near = [abs(s['response_ns'] - ns) <= max(NEAR_NS, NEAR * ns) for _, ns, s in found if s]
    d.summary.update(injected=len(spans), injected_ns=sum(s[1] - s[0] for s in spans), late=len(found), found=len(apart),
                     agree=sum(near), clocks_apart_ns=demo.median(apart), slow=len(slow), causes=demo.causes(slow), verdicts=verdicts,
                     responses=sum(t['count'] for t in result.stats['targets']))


def tell(d, slow, injected):
    s, v = d.summary, d.summary['verdicts']
    for r in slow if d.args.verbose else slow[:2]:
        d.tell_slow(r)
    say('* ' + injected)
    say('* %d of %d responses over %s (%s), among them %d of those %d' % (
        s['slow'], s['responses'], OVER, ', '.join('%s %d' % kv for kv in s['causes'].items()), s['found'], s['late']))
    say('* of the verdicts on those that it made slow %d are right, %d wrong; %d were slow without it' % (v['right'], v['wrong'], v['elsewhere']))
    if s['clocks_apart_ns'] is not None:
        say("* whylate's amounts and those by the clocks of client and fault differ by %s (median)" % harness.us(s['clocks_apart_ns']))


def finish(d):
    s, v = d.summary, d.summary['verdicts']
    s['account'] = '%d delays injected, %s; %d requests late by the clocks, %d of them found; %d slow responses, %d verdicts right, %d wrong; ' \
        'root right in %d of %d captures' % (s['injected'], ms(s['injected_ns']), s['late'], s['found'], s['slow'], v['right'], v['wrong'],
                                             s['roots_right'], s['captures'])
    return s


def explain(d, slow, is_right, what):
    """Does explain come to the same root for every capture?"""
    kept = [s for s in slow if s['capture'] and os.path.isdir(s['capture'])]
    found = [d.explained(s) for s in kept]
    right = [bool(o) and is_right(o) for o in found]
    d.summary.update(captures=len(kept), roots_right=sum(right))
    if not kept:
        return
    best = [s for s, is_it in zip(kept, right) if is_it == any(right)][-1]  # the last one: by then the usual is known
    say('* explain comes to %s in %d of %d captures; of one of them it says:' % (what, sum(right), len(kept)))
    say('$ whylate explain ' + os.path.basename(best['capture']), '  ')
    print('\n'.join('    ' + line for line in d.explain(best).rstrip().split('\n')))


VARIANTS = {'start': show_start, 'complete': show_complete}

if __name__ == '__main__':
    sys.exit(demo.run('memcached', TEXT, VARIANTS, SECONDS))
