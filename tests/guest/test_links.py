# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Kernel threads pass work on: they are never the ones whose responses are measured."""

import collections

import account
from guest import only
from harness import check

REQUESTS = 40
NAMES = ('irq/*', 'ktimers/*', 'ksoftirqd/*', 'rcuc/*', 'kworker/*')


@only(lambda c: c.threaded)
def guest_links_are_no_targets(g):
    """Threads of interrupts and softirqs that run all the time have no response of their own"""
    pid, port = g.memcached(1)
    client = g.client(port, REQUESTS, 20000)
    trace = account.Trace(g, {'sched/sched_switch': ' || '.join('next_comm ~ "%s"' % n for n in NAMES)})
    w = g.watch(*[word for n in NAMES for word in ('-n', n)], '-n', 'memcached', '--over', '1us')
    g.requests(client)
    r = w.stop()
    ran = collections.Counter(e.field('next_comm').split('/')[0] for e in trace.events())
    check(ran['irq'] >= REQUESTS, 'which threads ran: %s' % ran)
    check(not g.config.rt or ran['ktimers'], 'which threads ran: %s' % ran)
    others = collections.Counter(s['target']['comm'] for s in r.slow if s['target']['pid'] != pid)
    check(not others, 'targets: %s' % others)
    check(len(r.slow) >= REQUESTS, 'only %d responses of memcached' % len(r.slow))
    return 'ran: %s' % ' '.join('%s %d' % n for n in sorted(ran.items()))
