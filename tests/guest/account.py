# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The guest's own accounts: interrupt lines, events of its tracefs."""

import re

from harness import check

INSTANCE = '/sys/kernel/tracing/instances/check'


class Line:
    """A row of /proc/interrupts."""

    def __init__(self, nr, name, counts):
        self.nr, self.name, self.counts = nr, name, counts

    def total(self):
        return sum(self.counts)


def lines(g):
    """{name: Line}; of a line that several devices share, all names together."""
    found = {}
    for text in g.run('cat /proc/interrupts').splitlines():
        m = re.match(r'\s*(\d+):((?:\s+\d+)+)\s+\S+\s+\S+\s+(.*\S)', text)
        if m:
            found[m.group(3)] = Line(int(m.group(1)), m.group(3), [int(n) for n in m.group(2).split()])
    return found


def _one(g, name):
    table = lines(g)
    # 6.12 has one more column between the chip and the names
    hits = [line for key, line in table.items() if key.split()[-1] == name]
    check(len(hits) == 1, '%s is not one line of %s' % (name, sorted(table)))
    hits[0].name = name
    return hits[0]


def nic_line(g):
    """The line that requests come in by."""
    if g.config.nic == 'e1000':
        return _one(g, 'eth0')
    device = g.run('basename $(readlink /sys/class/net/eth0/device)').strip()
    return _one(g, device + '-input.0')


def disk_line(g):
    g.run('modprobe virtio_blk; for i in $(seq 50); do [ -b /dev/vda ] && exit 0; sleep 0.1; done; exit 1')
    device = g.run('basename $(readlink /sys/block/vda/device)').strip()
    return _one(g, device + '-req.0')


def threads(g, pid):
    """{tid: name}"""
    text = g.run('cd /proc/%d/task && for t in *; do echo "$t $(cat $t/comm)"; done' % pid)
    return {int(line.split(' ', 1)[0]): line.split(' ', 1)[1] for line in text.splitlines()}


def sleeps(g, pid, tid):
    """How often a thread has blocked."""
    return int(g.run('grep ^voluntary /proc/%d/task/%d/status | tr -dc 0-9' % (pid, tid)))


class Event:
    __slots__ = ('ns', 'cpu', 'tid', 'comm', 'name', 'text')

    def __init__(self, m):
        self.comm, self.tid, self.cpu = m.group(1), int(m.group(2)), int(m.group(3))
        self.ns = int(m.group(4)) * 10 ** 9 + int(m.group(5)) * 1000
        self.name, self.text = m.group(6), m.group(7)

    def field(self, key):
        m = re.search(r'(?:^|\s)%s=(.*?)(?=\s\w+=|\s==>|$)' % key, self.text)
        return m.group(1) if m else ''


class Trace:
    """Some of tracefs' events with filters, on the monotonic clock, in an instance of its own."""

    LINE = re.compile(r'^\s*(.{16})-(\d+)\s+\[(\d+)\]\s+\S+\s+(\d+)\.(\d{6}): (\w+): (.*)$')

    def __init__(self, g, events):
        self.g = g
        script = ['mkdir -p %s; cd %s; echo 0 > tracing_on; echo mono > trace_clock; echo 8192 > buffer_size_kb; echo > trace'
                  % (INSTANCE, INSTANCE)]
        script += ["echo '%s' > events/%s/filter; echo 1 > events/%s/enable" % (f, e, e) for e, f in events.items()]
        g.run('set -e; ' + '; '.join(script + ['echo 1 > tracing_on']))

    def events(self):
        """Stops it; all its events in the order of their times."""
        text = self.g.run('cd %s; echo 0 > tracing_on; cat trace; cat per_cpu/cpu*/stats | grep overrun; cd /; rmdir %s'
                          % (INSTANCE, INSTANCE), timeout=60)
        check(not re.search(r'^(commit )?overrun: [1-9]', text, re.M), 'the trace lost events')
        found = [Event(m) for m in map(self.LINE.match, text.splitlines()) if m]
        check(found, 'the trace is empty: %s' % text[-300:])
        return sorted(found, key=lambda e: e.ns)


def blocked(events, tid):
    """How often a thread went to sleep, by its switches."""
    return sum(1 for e in events if e.name == 'sched_switch' and e.field('prev_pid') == str(tid)
               and e.field('prev_state')[0] in 'SD')
