# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Two lists of responses, of two tracers that saw the same seconds: which are the same, and what differs."""

import bisect
import collections
import json

NEAR_NS = 20_000_000   # the two tracers' clock readings of one event
LATE_NS = 300_000_000  # the same, with turns of the emulator's other CPU between them


ON_CPU = ('running', 'interrupted', 'steal', 'reclaim')


def _joined(segments):
    """[(kind, ns)]: each stretch on a CPU has each kind once. A send splits it, and LTTng's trace has no sends."""
    found, stretch = [], {}
    for s in segments:
        if s['kind'] not in ON_CPU:
            found += [*sorted(stretch.items()), (s['kind'], s['ns'])]
            stretch = {}
        else:
            stretch[s['kind']] = stretch.get(s['kind'], 0) + s['ns']
    return found + sorted(stretch.items())


class Response:
    """One of them, whoever saw it."""

    def __init__(self, tid, comm, stimulus, end, end_ts, ns, segments, doubt='sure'):
        self.tid, self.comm, self.end, self.end_ts, self.ns, self.doubt = tid, comm, end, end_ts, ns, doubt
        self.stimulus = (stimulus['kind'], stimulus['nr'])
        self.waker, self.start = stimulus.get('tid', 0), int(stimulus['ts'])
        joined = _joined(segments)
        self.kinds, self.lengths = [kind for kind, _ in joined], [ns for _, ns in joined]
        self.folded = any(s.get('pieces', 1) > 1 for s in segments)
        self.other = None

    def __str__(self):
        return '%s/%d %s/%d by %d at %d, %d ns to %s at %d: %s' % (
            self.comm, self.tid, *self.stimulus, self.waker, self.start, self.ns, self.end, self.end_ts,
            ' '.join('%s=%d' % s for s in zip(self.kinds, self.lengths)))


def of_watch(path):
    """(responses, stats) of `whylate watch --json`."""
    found, stats = [], None
    with open(path) as f:
        for line in f:
            r = json.loads(line)
            if r['type'] == 'slow':
                t = r['target']
                found.append(Response(t['tid'], t['comm'], r['stimulus'], r['end']['kind'], int(r['end']['ts']),
                                      r['response_ns'], r['segments']))
            elif r['type'] == 'stats':
                stats = r
    return found, stats


def of_replay(text):
    """(responses, what is known of the trace) of tests/guest/responses.c."""
    found, trace = [], None
    for line in text.splitlines():
        r = json.loads(line)
        if r['type'] == 'trace':
            trace = r
        else:
            found.append(Response(r['tid'], r['comm'], r.get('stimulus', {'kind': 'none', 'nr': 0, 'ts': 0}), r['end'],
                                  r['end_ts'], r.get('ns', 0), r.get('segments', []), r['doubt']))
    return found, trace


def _apart(a, b):
    return min(abs(a.start - b.start), abs(a.end_ts - b.end_ts))


def _by_task(responses):
    tasks = collections.defaultdict(list)
    for r in responses:
        tasks[r.tid].append(r)
    for rs in tasks.values():
        rs.sort(key=lambda r: r.end_ts)
    return tasks


def _pairs(ours, theirs):
    ends = [o.end_ts for o in theirs]
    for r in ours:
        for i in range(bisect.bisect_left(ends, r.start), bisect.bisect_right(ends, r.end_ts + LATE_NS)):
            if _apart(r, theirs[i]) <= NEAR_NS:
                yield theirs[i].stimulus != r.stimulus, _apart(r, theirs[i]), r, theirs[i]


def match(ours, theirs):
    """Sets .other of those that are the same: task, stimulus, and its time or the end's; the nearest ones of one stimulus first."""
    a, b = _by_task(ours), _by_task(theirs)
    for tid in set(a) & set(b):
        for _, _, r, o in sorted(_pairs(a[tid], b[tid]), key=lambda p: p[:2]):
            if not r.other and not o.other:
                r.other, o.other = o, r
