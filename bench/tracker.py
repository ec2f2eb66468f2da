# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What in + out of the latency_tracker library costs, beside its parts and beside a mutex."""

import collections
import json
import os
import statistics

from common import Table, output, quartiles, spread, verdict

NAMES = {
    'clock': 'two clock readings',
    'lookup': 'liburcu: look-up',
    'table': 'liburcu: add, look-up, delete',
    'tracker': 'tracker: in + out',
    'own': 'tracker, one for each thread: in + out',
    'mutex': 'mutex + hash table: in + out',
}


# ns per pair of the median batch, million pairs per second; of the time that the threads waited for a
# CPU, and of the events that were skipped, the part.
Round = collections.namedtuple('Round', 'ns rate waited skipped')


def thread_counts():
    """1, 2, 4 ... and all CPUs."""
    cpus, n, counts = len(os.sched_getaffinity(0)), 1, []
    while n < cpus:
        counts.append(n)
        n *= 2
    return counts + [cpus] if cpus > 1 else [1, 2]


def measure(bench, threads):
    """name -> rounds."""
    repeats = max(3, bench.args.rounds)
    text = output([bench.tool('bench-tracker'), str(threads), str(repeats), '200'])
    found = {name: [] for name in NAMES}
    for line in text.splitlines():
        if line.startswith('{'):
            m = json.loads(line)
            found[m['variant']].append(Round(m['p50_ns'], m['pairs'] / m['seconds'] / 1e6,
                                             m['waited'], m['skipped'] / m['pairs']))
    return found


def table_of(threads, found, alone):
    t = Table('Tracker library, %d thread%s' % (threads, 's' if threads > 1 else ''),
              ['what', 'ns per pair and thread', 'million pairs per s'])
    for name, label in NAMES.items():
        t.add(label, spread([r.ns for r in found[name]], '%.0f'),
              spread([r.rate for r in found[name]]))
    notes = []
    if threads == 1:
        ratios = [tracker.ns / (clock.ns + table.ns) for tracker, clock, table in
                  zip(found['tracker'], found['clock'], found['table'])]
        notes.append('In + out takes %s times two clock readings and the bare table, in the same '
                     'round (aim: at most 2: %s).' %
                     (spread(ratios), verdict(quartiles(ratios)[1], 2)))
    else:
        tracker, own, mutex = (statistics.median(r.rate for r in found[name])
                               for name in ('tracker', 'own', 'mutex'))
        notes.append('%.2f times the mutex\'s rate (aim: more than 1: %s); %.2f times that of one '
                     'thread (aim: at least %.1f: %s), and %.2f times with a tracker for each.' %
                     (tracker / mutex, verdict(mutex, tracker), tracker / alone, 0.8 * threads,
                      verdict(0.8 * threads, tracker / alone), own / alone))
    waited = statistics.median(r.waited for rounds in found.values() for r in rounds)
    notes.append('%d rounds. The threads waited for a CPU %.0f %% of the time.' %
                 (len(found['tracker']), 100 * waited))
    if threads > 1 and waited > 0.1:
        notes.append('So they hardly ran at the same time, nobody contended for the mutex, and the '
                     'rates say nothing: again on a quiet machine.')
    skipped = statistics.mean(r.skipped for r in found['tracker'])
    if skipped:
        notes.append('%.3g %% of the events were skipped because the pools were full: these pairs '
                     'are not whole.' % (100 * skipped))
    t.note = ' '.join(notes)
    return t


def part_tracker(bench):
    tables, data, alone = [], {}, None
    for threads in thread_counts():
        found = measure(bench, threads)
        if alone is None:
            alone = statistics.median(r.rate for r in found['tracker'])
        tables.append(table_of(threads, found, alone))
        data[threads] = found
    return tables, data
