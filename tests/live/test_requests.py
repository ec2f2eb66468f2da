# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Truth 2: every request to memcached is one response, where and when the client says it was."""

import bisect
import os
import struct
import time

from harness import check, end_ts, finish, go, is_net_rx, quantile, stim_ts, us

TOLERANCE = 0.005  # of requests may fail to match
FOREVER = 1 << 62


class Request:
    __slots__ = ('send', 'receive', 'connection', 'next_send')

    def __init__(self, send, receive, connection):
        self.send, self.receive, self.connection = send, receive, connection
        self.next_send = FOREVER


def read_requests(path):
    """Requests in order of sending, each with the time of the next one on its connection."""
    with open(path, 'rb') as f:
        requests = [Request(a, b, c) for a, b, c, _ in struct.iter_unpack('=QQII', f.read())]
    requests.sort(key=lambda r: r.send)
    last = {}
    for r in requests:
        if r.connection in last:
            last[r.connection].next_send = r.send
        last[r.connection] = r
    return requests


def _under_way(requests, responses, strict):
    """
    For each response, in order of stimulus, the requests under way at its stimulus (strict: that also
    end before the connection's next one), earliest end first: at most one per connection.
    """
    last, at, found = {}, 0, []
    for s in sorted(responses, key=stim_ts):
        t, e = stim_ts(s), end_ts(s)
        while at < len(requests) and requests[at].send <= t:
            last[requests[at].connection] = requests[at]
            at += 1
        ok = [r for r in last.values() if r.receive >= t and (not strict or e <= r.next_send)]
        ok.sort(key=lambda r: r.receive)
        found.append((s, ok))
    return found


SEARCH = 4000  # requests that one search for an augmenting path may touch


def match(requests, responses, strict):
    """Matching of responses to requests, by shortest augmenting paths. Returns the responses left over."""
    taken = {}  # request -> index of its response
    found = _under_way(requests, responses, strict)

    def augment(start):
        came = {}  # request -> (index of the response that wants it, request which that one has now)
        queue = [(start, None)]
        for i, has in queue:
            for r in found[i][1]:
                if r in came:
                    continue
                came[r] = (i, has)
                if r not in taken:
                    while r is not None:
                        taken[r], r = came[r]
                    return True
                if len(came) < SEARCH:
                    queue.append((taken[r], r))
        return False

    return [s for i, (s, _) in enumerate(found) if not augment(i)]


def _run(ctx, **client):
    server, port, workers = ctx.memcached(ctx.rng.randint(1, 4))
    record = os.path.join(ctx.dir, 'record')
    args = ['%s=%s' % kv for kv in client.items()]
    load, _ = ctx.helper('mcclient', port, record, 'seed=%d' % ctx.rng.randrange(1, 1 << 30), *args)
    time.sleep(0.2)
    w = ctx.watch('-p', server.pid, '--over', '1us')
    go(load)
    finish(load, 120)
    time.sleep(0.2)
    r = w.stop()
    return r, read_requests(record), workers


def _verify(ctx, total, **client):
    r, requests, workers = _run(ctx, total=total, **client)
    n = len(requests)
    check(n == total, 'the client made %d requests' % n)
    mine = [s for s in r.slow if s['target']['tid'] in workers and is_net_rx(s)]
    rows = [t for t in r.stats['targets'] if t['stimulus']['name'] == 'NET_RX']
    counted = sum(t['count'] for t in rows)
    merged = sum(t['merged'] for t in rows)
    figures = 'responses %d + %d merged of %d requests' % (counted, merged, n)
    if client.get('connections', 1) > 1:
        check(0.99 * n <= counted + merged <= 1.01 * n, '%s; %s' % (figures, r.losses()))
    else:
        check(0.99 * n <= counted <= 1.01 * n, '%s; %s' % (figures, r.losses()))
    check(len(mine) + r.lost() >= counted - 0.001 * n, 'only %d of %d responses are listed, %d said lost' % (
        len(mine), counted, r.lost()))
    kinds = {}
    for s in mine:
        kinds[s['end']['kind']] = kinds.get(s['end']['kind'], 0) + 1
    single = [s for s in mine if not s['merged']]
    early = match(requests, mine, strict=False)
    late = match(requests, single, strict=True)
    figures += ', %d listed, %d begin outside of every request, %d end after the next, p50 %s (client %s), ends %s' % (
        len(mine), len(early), len(late), us(quantile([s['response_ns'] for s in mine], 0.5)),
        us(quantile([q.receive - q.send for q in requests], 0.5)),
        ' '.join('%s %d' % kv for kv in sorted(kinds.items())))
    for s in (early + late)[:3]:
        ctx.note(_describe(s, requests))
    check(len(early) <= TOLERANCE * n, figures)
    check(len(late) <= TOLERANCE * n, figures)
    return figures


def _describe(s, requests):
    """The response and the requests around it, in us from its stimulus."""
    t = stim_ts(s)
    at = bisect.bisect_right([r.send for r in requests], t)
    around = ['%d: %.1f..%.1f next %.1f' % (r.connection, (r.send - t) / 1e3, (r.receive - t) / 1e3,
                                          (min(r.next_send, t + 10 ** 9) - t) / 1e3)
              for r in requests[max(0, at - 2):at + 2]]
    segs = ' '.join('%s %.1f' % (g['kind'], g['ns'] / 1e3) for g in s['segments'])
    return 'unmatched: 0..%.1f (%s, merged %d: %s); requests %s' % (
        s['response_ns'] / 1e3, s['end']['kind'], s['merged'], segs, '; '.join(around))


def truth2_requests_with_think_time(ctx):
    return _verify(ctx, 5000, connections=1, think_us=300)


def truth2_requests_closed_loop(ctx):
    return _verify(ctx, 5000, connections=1)


def truth2_requests_16_connections(ctx):
    return _verify(ctx, 20000, connections=16, threads=ctx.rng.randint(1, 2))
