# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""How fast traces are read, beside babeltrace2."""

import json
import os
import subprocess
import tempfile

from common import Skip, Table, need, quartiles, spread, verdict


def run_reader(argv):
    """CPU time of the whole process, s, and what it printed. All of them have one busy thread."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen(argv, stdout=out, stderr=err)  # pylint: disable=consider-using-with
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if p.returncode:
            raise Skip('%s failed: %s' % (argv[0], err.read().decode(errors='replace')[-300:]))
        return usage.ru_utime + usage.ru_stime, os.fsdecode(out.read())


def readers(bench):
    """What can read this trace: name -> command; its number of events; where it is."""
    path, tool = bench.args.trace, bench.tool('bench-read')
    if not path:
        raise Skip('no trace: name one with --trace')
    commands = {}
    text = run_reader([tool, 'native', path])[1]
    first, directory = text.split('\n', 1)
    seen = json.loads(first)
    if seen['kind'] == 'native':
        commands['whylate, own reader'] = [tool, 'native', path]
    commands['whylate, through libbabeltrace2'] = [tool, 'through', path]
    commands['babeltrace2 -o dummy'] = [need('babeltrace2'), '-o', 'dummy',
                                        directory.rstrip('\n')]
    return commands, seen


def read_rounds(bench, commands):
    """One after the other, every other round backwards; a first one fills the page cache."""
    times = {name: [] for name in commands}
    for i in range(bench.args.rounds + 1):
        order = list(commands)
        for name in order if i % 2 else reversed(order):
            seconds = run_reader(commands[name])[0]
            if i:
                times[name].append(seconds)
    return times


def part_read(bench):
    commands, seen = readers(bench)
    events = seen['events'] + seen['skipped']
    times = read_rounds(bench, commands)
    rates = {name: [events / s / 1e6 for s in times[name]] for name in times}
    peer = quartiles(rates['babeltrace2 -o dummy'])[1]
    t = Table('Reading a trace: %s events in %d streams' %
              (format(events, ','), seen['streams']),
              ['reader', 'million events per s of CPU time, median (quartiles)', 'best',
               'to babeltrace2', 'aim', 'met'],
              'Whole processes, start and end included. %d interleaved rounds; the trace is in the '
              'page cache.' % bench.args.rounds)
    for name, rate in rates.items():
        middle = quartiles(rate)[1]
        aim = {'whylate, own reader': 20, 'whylate, through libbabeltrace2': peer}.get(name)
        t.add(name, spread(rate), '%.2f' % max(rate), '%.2f' % (middle / peer),
              '' if aim is None else '%.2f' % aim,
              '' if aim is None else verdict(aim, middle))
    return [t], {'trace': seen, 'seconds': times}
