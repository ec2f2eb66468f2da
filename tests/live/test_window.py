# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A capture taken under load has its slow response whole, on every CPU."""

import glob
import json
import os
import shutil
import struct
import subprocess
import time

from harness import check, end_ts, go, need, stim_ts

CAPTURES = 100
PACKET = 65536
HEADER = struct.Struct('<I16xIQQQQQQQI')  # own reading of the packet header: proto/README.md
FIRST_ID = struct.Struct('<H')
STATEDUMP_START = 61


def packets(path):
    """(begin, end, events discarded so far) of every packet with events that happened."""
    with open(path, 'rb') as f:
        data = f.read()
    out = []
    for at in range(0, len(data), PACKET):
        magic, _, _, begin, end, content, _, _, discarded, _ = HEADER.unpack_from(data, at)
        check(magic == 0xC1FC1FC1, '%s: packet at %d has no magic number' % (path, at))
        if content > 88 * 8 and FIRST_ID.unpack_from(data, at + 88 + 8)[0] == STATEDUMP_START:
            continue
        out.append((begin, end, discarded))
    return out


def missing(capture, begin, end):
    """What of [begin, end] the capture has not, as text, or nothing."""
    streams = glob.glob(os.path.join(capture, 'kernel', 'cpu_*'))
    if len(streams) != os.cpu_count():
        return '%d streams' % len(streams)
    for path in sorted(streams):
        p = packets(path)
        name = os.path.basename(path)
        if p[0][0] > begin:
            return '%s begins %.2f ms late' % (name, (p[0][0] - begin) / 1e6)
        if p[-1][1] < end:
            return '%s ends %.2f ms early' % (name, (end - p[-1][1]) / 1e6)
        for before, after in zip(p, p[1:]):
            if after[2] != before[2] and before[1] <= end and after[0] >= begin:
                return '%s lost %d' % (name, after[2] - before[2])
    return None


def slow_lines(watch, seen):
    """Slow responses that have been printed since the last call, by id."""
    out = []
    with open(watch.out_path, 'rb') as f:
        for line in f:
            if line.startswith(b'{"type":"slow"') and line.endswith(b'\n'):
                s = json.loads(line)
                if s['id'] not in seen:
                    seen.add(s['id'])
                    out.append(s)
    return out


def window_whole_response_on_every_cpu(ctx):
    """Responses of 1 to 50 ms under hackbench, a capture about every second."""
    need('hackbench')
    ctx.spawn(['hackbench', '-g', '1', '-P', '-l', '100000000'], stdout=subprocess.DEVNULL)
    p, words = ctx.helper('sleeper', 'count=1000000', 'sleep_us=100000', 'busy_us=1000', 'busy_to_us=50000', 'gate=1')
    os.sched_setscheduler(int(words[0]), os.SCHED_FIFO, os.sched_param(20))
    captures = os.path.join(ctx.dir, 'captures')
    w = ctx.watch('-t', words[0], '--until', 'block', '--over', '900us', '--timeout', 'none', '--captures', captures, '--keep', 1000,
                  '--keep-size', '2G')
    go(p)
    seen, incomplete, n, times = set(), [], 0, []
    until = time.monotonic() + CAPTURES * 2.5
    while n < CAPTURES and time.monotonic() < until:
        time.sleep(0.5)
        for s in slow_lines(w, seen):
            if not s.get('capture'):
                continue
            n += 1
            times.append(s['response_ns'])
            gap = missing(s['capture'], stim_ts(s), end_ts(s))
            if gap:
                incomplete.append('%.1f ms: %s' % (s['response_ns'] / 1e6, gap))
            shutil.rmtree(s['capture'])
    w.stop()
    figures = '%d captures of responses of %.1f to %.1f ms, %d not whole %s' % (
        n, min(times, default=0) / 1e6, max(times, default=0) / 1e6, len(incomplete), incomplete[:5])
    check(n >= CAPTURES * 0.7, 'too few: ' + figures)
    check(len(incomplete) <= 0.01 * n, figures)
    return figures
