#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
jackd with a client whose priorities are wrong: why are there xruns? See README.md beside this file;
started by `run`, which builds what is missing.
"""

import bisect
import os
import signal
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import demo  # noqa: E402
from demo import Fail, check, culprit_of, end_ts, harness, ms, overlap, say, span_of, stim_ts  # noqa: E402

RATE = 48000
FRAMES = 256
PERIOD = FRAMES * 10 ** 9 // RATE
OVER = '4ms'  # three quarters of the period
WORK_US = 1000
SERVER_PRIO = 60      # jackd makes its clients 5 less
SECONDS = 10
QUIET = 0.3           # of the time before anything is wrong
READ_LATE = 15 * 10 ** 6  # a line of jackd's log is read at most so long after it was written
CALM = 5 * 10 ** 5       # an undisturbed period's work takes at most so much longer
XRUN = r'(?i)xrun'
TEXT = 'Shows why a JACK client whose priorities are wrong causes xruns.'


class Mistake:
    """What is wrong, in words, and in the arguments of demo-synth and demo-hog."""

    def __init__(self, title, text, synth, hog, prio, nice, guilty):
        self.title, self.text, self.synth = title, text, synth
        self.hog, self.prio, self.nice, self.guilty = hog, prio, nice, guilty


MISTAKES = {
    'between': Mistake(
        'A stranger between server and client',
        'demo-indexer has nothing to do with sound, and SCHED_FIFO 57: below jackd (60), above its client (55). It takes the '
        'CPU for 8 to 20 ms now and then.',
        'rt', 'demo-indexer', 57, 0, 'hog'),
    'normal': Mistake(
        'A client without real-time priority',
        "The client's process thread has lost its real-time priority (no rtprio in limits.conf). demo-compiler, of normal "
        'policy too, but at nice -15, takes the CPU for 15 to 30 ms now and then.',
        'normal', 'demo-compiler', 0, -15, 'hog'),
    'inversion': Mistake(
        'A lock shared with a thread of low priority',
        "The client's process thread takes a mutex that its window's thread, of normal policy, holds for moments. "
        'demo-backup, SCHED_FIFO 10, is below all of the sound. But when it preempts the window in such a moment, the sound '
        'waits for both.',
        'locks', 'demo-backup', 10, 0, 'window'),
}
BURST_MS = {'between': (8, 20), 'normal': (15, 30), 'inversion': (8, 20)}


class Jack:
    """jackd, its client and the stranger, all that matters on one CPU."""

    def __init__(self, d, mistake, burst):
        self.d, self.mistake = d, mistake
        cpus = demo.two_cpus()
        self.cpu, self.other = cpus[-1], cpus[0]
        self.server = self._server()
        self.driver = self._driver()
        self.cycles = os.path.join(d.ctx.dir, 'cycles')
        self.synth, words = d.program('demo-synth', 'whylate-demo', self.cpu, WORK_US, mistake.synth, self.cycles,
                                      prefix=['nsenter', '--mount=/proc/%d/ns/mnt' % self.server.pid])
        self.client, self.window = int(words[0]), int(words[1])
        self.hog, _ = d.program('demo-hog', mistake.hog, self.cpu, mistake.prio, mistake.nice, *burst, d.ctx.rng.randrange(1, 1 << 30))
        self.bursts = demo.Lines(self.hog.stdout, self.other)
        self.guilty = {'hog': self.hog.pid, 'window': self.window}[mistake.guilty]

    def _server(self):
        harness.need('jackd', 'taskset', 'unshare', 'nsenter')
        os.environ['JACK_NO_AUDIO_RESERVATION'] = '1'
        # In /dev/shm it keeps 100 MB, and names that another jackd may have. In one of its own all goes with it, however it ends.
        own_shm = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs whylate-demo /dev/shm && exec "$@"', 'jackd']
        p = self.d.ctx.spawn([*own_shm, 'taskset', '-c', self.other, 'jackd', '-v', '-R', '-P', SERVER_PRIO, '-n', 'whylate-demo', '-d', 'dummy',
                              '-r', RATE, '-p', FRAMES], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1, errors='replace')
        self.log = demo.Lines(p.stdout, self.other)
        return p

    def _driver(self):
        """jackd's real-time thread, on the CPU of all that matters; its log's on the other one, in time."""
        for _ in range(200):
            threads = harness.tids_of(self.server.pid)
            found = [t for t in threads if os.sched_getscheduler(t) == os.SCHED_FIFO]
            if found and self.log.matching('Jack: .*Start'):
                break
            if self.server.poll() is not None:
                raise Fail('jackd ended: ' + ' / '.join(line for _, line in self.log.lines[-3:]))
            time.sleep(0.02)
        else:
            raise Fail('jackd has no real-time thread')
        os.sched_setaffinity(found[0], {self.cpu})
        for t in threads:
            if t not in found:
                os.sched_setscheduler(t, os.SCHED_FIFO, os.sched_param(demo.Lines.PRIO))
        return found[0]

    def xruns(self, since, until):
        return [(ns, m.string) for ns, m in self.log.matching(XRUN) if since <= ns < until]

    def stop(self):
        demo.stop_helper(self.hog)
        demo.stop_helper(self.synth)
        self.server.send_signal(signal.SIGTERM)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            raise Fail('jackd does not end')

    def own_cycles(self):
        """(begin, end) of the client's work in each cycle, by its own clock."""
        with open(self.cycles, 'rb') as f:
            return list(struct.iter_unpack('=QQ', f.read()))


# ---- verdicts against the truth ---------------------------------------------------------------------

def is_behind(slow, ns):
    """May this response be why jackd said at ns (when its line was read) that there was an xrun?"""
    return stim_ts(slow) <= ns <= end_ts(slow) + READ_LATE


def match(xruns, slow, guilty):
    """(those with a response whose cause is the guilty one, [(xrun, responses at that time)] of the rest)."""
    matched, rest = [], []
    for ns, text in xruns:
        near = [s for s in slow if is_behind(s, ns)]
        if any(culprit_of(s) == guilty for s in near):
            matched.append((ns, text))
        else:
            rest.append(((ns, text), near))
    return matched, rest


def chance(slow, guilty, since, until):
    """Share of the time in which any line would have matched."""
    total, at = 0, since
    for s in sorted((s for s in slow if culprit_of(s) == guilty), key=stim_ts):
        total += overlap((at, until), (stim_ts(s), end_ts(s) + READ_LATE))
        at = max(at, end_ts(s) + READ_LATE)
    return total / (until - since)


def judge(slow, bursts, guilty):
    """Counts of right and wrong verdicts; elsewhere: no burst had a part in it, by the hog's clock."""
    counts = {'right': 0, 'wrong': 0, 'elsewhere': 0}
    for s in slow:
        in_burst = sum(overlap(span_of(s), b[:2]) for b in bursts)
        if 2 * in_burst < s['response_ns']:
            counts['elsewhere'] += 1
        else:
            counts['right' if culprit_of(s) == guilty else 'wrong'] += 1
    return counts


def clocks_apart(slow, cycles):
    """
    Median of |whylate's response - the client's own|. Its own: from when its period should have begun,
    one period after the last one that nothing disturbed did, to the end of its work.
    """
    ends, apart = [end for _, end in cycles], []
    for s in slow:
        before, last = bisect.bisect_right(ends, stim_ts(s)) - 1, bisect.bisect_right(ends, end_ts(s)) - 1
        if before < 0 or last <= before or cycles[before][1] - cycles[before][0] > WORK_US * 1000 + CALM:
            continue
        apart.append(abs(s['response_ns'] - (ends[last] - cycles[before][0] - PERIOD)))
    return demo.median(apart)


# ---- one variant ------------------------------------------------------------------------------------

def show(args, place, name):
    mistake = MISTAKES[name]
    d = demo.Demo(args, place, name)
    try:
        say('\n%d. %s' % (list(MISTAKES).index(name) + 1, mistake.title))
        say(mistake.text, '  ')
        return watch(d, Jack(d, mistake, BURST_MS[name]))
    finally:
        d.close()


def watch(d, jack):
    say('* started jackd (SCHED_FIFO %d, a period of %s) and demo-synth, a client with %d us of work per period' % (SERVER_PRIO, ms(PERIOD), WORK_US))
    session = d.watch('-t', '%d,%d' % (jack.driver, jack.client), '--over', OVER)
    harness.go(jack.synth)
    quiet = harness.now_ns()
    time.sleep(QUIET * d.args.seconds)
    since = harness.now_ns()
    say('* xruns in the %.1f s before anything is wrong: %d; now %s starts' % ((since - quiet) / 1e9, len(jack.xruns(quiet, since)), jack.mistake.hog))
    harness.go(jack.hog)
    time.sleep(d.args.seconds)
    demo.stop_helper(jack.hog)
    time.sleep(0.1)
    until = harness.now_ns()
    result = session.stop()
    jack.stop()
    check(not result.lost(), 'slow responses lost: %s' % result.losses())
    return account(d, jack, result, quiet, since, until)


def account(d, jack, result, quiet, since, until):
    xruns, bursts = jack.xruns(since, until), demo.spans(jack.bursts, 'burst')
    slow = [s for s in result.slow if end_ts(s) >= since]
    matched, rest = match(xruns, slow, jack.guilty)
    in_bursts = {ns for ns, _ in xruns if any(b[0] <= ns <= b[1] + PERIOD + READ_LATE for b in bursts)}
    d.summary.update(
        period_ns=PERIOD, work_ns=WORK_US * 1000, quiet_xruns=len(jack.xruns(quiet, since)), bursts=len(bursts),
        injected_ns=sum(b[1] - b[0] for b in bursts), xruns=len(xruns), matched=len(matched),
        chance=chance(slow, jack.guilty, since, until),
        unmatched=[{'after_ns': ns - since, 'in_burst': ns in in_bursts, 'text': text, 'responses': [{'cause': s['cause']['text'], 'budget': s['budget']} for s in near]}
                   for (ns, text), near in rest],
        in_bursts=len(in_bursts),
        slow=len(slow), causes=demo.causes(slow), verdicts=judge(slow, bursts, jack.guilty),
        # of normal policy it doesn't begin when its period does
        clocks_apart_ns=None if d.summary['variant'] == 'normal' else clocks_apart(slow, jack.own_cycles()))
    tell(d, jack, slow, rest)
    explain(d, jack, slow, bursts)
    s, v = d.summary, d.summary['verdicts']
    s['account'] = '%d bursts injected, %s; %d slow responses, %d verdicts right, %d wrong; %d xruns, %d (%s) matched, %d not; root right in %d of %d captures' % (
        s['bursts'], ms(s['injected_ns']), s['slow'], v['right'], v['wrong'], s['xruns'], s['matched'], percent(s['matched'], s['xruns']),
        len(rest), s['roots_right'], s['captures'])
    return s


def tell(d, jack, slow, rest):
    s = d.summary
    named = [r for r in slow if culprit_of(r) == jack.guilty]
    for r in slow if d.args.verbose else named[:2]:
        d.tell_slow(r)
    say('* %s had the CPU %d times, %s in all, by its own clock' % (jack.mistake.hog, s['bursts'], ms(s['injected_ns'])))
    v = s['verdicts']
    say('* %d responses over %s (%s): of the verdicts on those in its bursts %d are right, %d wrong; %d were slow without it' % (
        s['slow'], OVER, ', '.join('%s %d' % kv for kv in s['causes'].items()), v['right'], v['wrong'], v['elsewhere']))
    if s['clocks_apart_ns'] is not None:
        say("* whylate's response times and those by the client's own clock differ by %s (median)" % harness.us(s['clocks_apart_ns']))
    say('* jackd logged %d xruns, %d of them in those bursts; %d (%s) have a slow response whose cause is %s; by chance it would be %d%%' % (
        s['xruns'], s['in_bursts'], s['matched'], percent(s['matched'], s['xruns']), guilty_name(jack), round(100 * s['chance'])))
    for (ns, text), near in rest[:10]:
        say('  - %s: %s' % (text, '; '.join('%s (%s)' % (r['cause']['text'], demo.budget_text(r)) for r in near) or 'no slow response then'), '  ')
    if len(rest) > 10:
        say('  - and %d more' % (len(rest) - 10), '  ')


def percent(part, whole):
    return '%.0f%%' % (100 * part / whole) if whole else 'none'


def guilty_name(jack):
    return {'hog': jack.mistake.hog, 'window': 'demo-window, who had the lock'}[jack.mistake.guilty]


def explain(d, jack, slow, bursts):
    """Of every capture of a response in a burst: who is at the root?"""
    kept = [s for s in slow if s['capture'] and os.path.isdir(s['capture']) and 2 * sum(overlap(span_of(s), b[:2]) for b in bursts) >= s['response_ns']]
    roots = [(d.explained(s) or {}).get('root') or {} for s in kept]
    right = [r.get('tid') == jack.hog.pid for r in roots]
    d.summary.update(captures=len(kept), roots_right=sum(right))
    if not kept:
        return
    say('* explain finds %s at the root of %d of %d captures; of one of them it says:' % (jack.mistake.hog, sum(right), len(kept)))
    best = [s for s, is_it in zip(kept, right) if is_it == any(right)][-1]  # the last one: by then the usual is known
    say('$ whylate explain ' + os.path.basename(best['capture']), '  ')
    print('\n'.join('    ' + line for line in d.explain(best).rstrip().split('\n')))


if __name__ == '__main__':
    sys.exit(demo.run('jack', TEXT, {name: show for name in MISTAKES}, SECONDS))
