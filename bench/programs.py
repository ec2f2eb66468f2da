# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""ns per event of each program, from the kernel's run statistics (bench/cost.c)."""

import json
import os
import re
import subprocess

from common import Skip, Table, spread, verdict

# Programs that start, hand over or copy a chain at each event, whoever the target is.
ALWAYS = ('softirq_raise', 'sk_data_ready', 'csd_queue_cpu', 'queue_work', 'execute_start',
          '_entry')
# Programs that do so only for tasks whose chains can reach a target.
TARGETS = ('sched_switch', 'sched_waking', 'sock_send_length', 'sock_recv_length')
# No target: it makes the state of a new task.
BIRTH = ('sched_process_fork', 'sched_process_exec', 'sched_process_free', 'task_rename')

# What each load is for.
LOADS = {
    'pipe': 'sched_', 'threads': 'sched_', 'across': 'sched_', 'udp': 'softirq_|sk_|sock_|waking',
    'tcp': 'softirq_|sk_|sock_|waking', 'timer': 'timer_', 'call': 'call_|csd_',
    'work': 'workqueue_', 'disk': 'irq_handler_', 'fork': 'sched_process_fork',
}
RECORD_LOADS = {
    'pipe': 'sched_', 'udp': 'softirq_|netif_|net_dev_', 'timer': 'timer_',
    'disk': 'irq_handler_|block_rq_', 'calls': 'sys_',
}
RECORD_AIM = 45  # one sched_switch, warm, nothing but recorded

# bench/cost.c's modes of the recorder.
RECORD_MODES = {
    'off': 'Recording alone, ns per event',
    'others': 'Recording, with the state machine, no target matches, ns per event',
    'target': 'Recording, with the state machine, the load matches, ns per event',
    'calls': 'Recording all system calls, ns per event',
}


def transition(program, matched):
    """None: it has no target."""
    if program.endswith(BIRTH):
        return None
    if program.endswith(TARGETS):
        return matched
    return any(a in program for a in ALWAYS)


def programs_aim(f):
    cold = f['case'].endswith('cold')
    if f['transition'] is None:
        return None
    return (200 if cold else 60) if f['transition'] else (60 if cold else 15)


def record_aim(f):
    alone = f['mode'] == 'off' and f['case'].endswith('warm')
    return RECORD_AIM if alone and f['program'] == 'wl_sched_switch' else None


def run_cost(bench, what):
    """The lines of bench-cost, as objects."""
    a = bench.args
    file = os.path.join(bench.dir, 'disk')
    with open(file, 'wb') as f:
        f.write(os.urandom(1 << 20) * 16)
        os.fsync(f.fileno())
    argv = [bench.tool('bench-cost'), what, str(a.cpu), str(a.other_cpu), file, str(a.runs),
            str(a.repeat), str(a.limit_ms), *a.case]
    p = bench.spawn(argv, stdout=subprocess.PIPE, text=True)
    out = p.communicate()[0]
    bench.children.remove(p)
    if p.returncode:
        raise Skip('bench-cost failed')
    return [json.loads(line) for line in out.splitlines()]


def figures(lines, aim):
    """The minimum over the repetitions, of each program and of the empty one beside it."""
    groups = {}
    for o in lines:
        if o['runs'] and o['empty_runs']:
            groups.setdefault((o['case'], o['mode'], o['program']), []).append(o)
    for (case, mode, program), reps in groups.items():
        all_ns = [o['ns'] / o['runs'] for o in reps]
        all_empty = [o['empty_ns'] / o['empty_runs'] for o in reps]
        f = {'case': case, 'mode': mode, 'program': program, 'runs': min(o['runs'] for o in reps),
             'repeats': len(reps), 'ns': min(all_ns), 'empty_ns': min(all_empty),
             'added_ns': min(all_ns) - min(all_empty),
             'pairs_ns': [x - y for x, y in zip(all_ns, all_empty)],
             'transition': transition(program, mode == 'target')}
        f['target_ns'] = aim(f)
        yield f


def is_for(f, loads):
    load = f['mode'] if f['mode'] in loads else f['case'].split()[0]
    return re.search(loads[load], f['program'])


def shown(all_figures, runs, loads):
    """Those that their load is for, with enough runs; the best of programs that never have them."""
    enough = [f for f in all_figures if f['runs'] >= runs * 0.9 and is_for(f, loads)]
    have = {f['program'] for f in enough}
    best = {}
    for f in all_figures:
        if f['program'] not in have and f['runs'] > best.get(f['program'], {'runs': 0})['runs']:
            best[f['program']] = f
    return enough + [f for f in best.values() if f['runs'] >= 1000]


def label(f):
    return f['program'].replace('wl_', '', 1).replace('_probe', '')


def runs_text(f, runs):
    return '%d%s' % (f['runs'], ' (few)' if f['runs'] < runs * 0.9 else '')


def aim_cells(f):
    if not f['target_ns']:
        return '-', '-'
    return f['target_ns'], verdict(f['added_ns'], f['target_ns'])


def programs_table(title, rows, runs):
    t = Table(title, ['program', 'load', 'target matches', 'runs', 'ns', 'empty', 'added', 'aim',
                      'met'])
    for f in sorted(rows, key=lambda f: (f['program'], f['mode'] == 'target', f['case'])):
        t.add(label(f), f['case'], 'yes' if f['mode'] == 'target' else 'no', runs_text(f, runs),
              '%.0f' % f['ns'], '%.0f' % f['empty_ns'], '%.0f' % f['added_ns'], *aim_cells(f))
    return t


def part_programs(bench):
    runs = bench.args.runs
    all_figures = list(figures(run_cost(bench, 'programs'), programs_aim))
    rows = shown(all_figures, runs, LOADS)
    tables = []
    for with_one, title in ((False, 'Events without a transition, ns'),
                            (True, 'Events with a transition, ns'), (None, 'Births, ns')):
        some = [f for f in rows if f['transition'] is with_one]
        if some:
            tables.append(programs_table(title, some, runs))
    return tables, all_figures


def record_table(title, rows, runs):
    t = Table(title, ['program', 'load', 'runs', 'ns', 'empty', 'added', 'added, in pairs', 'aim',
                      'met'])
    for f in sorted(rows, key=lambda f: (f['program'], f['case'])):
        t.add(label(f), f['case'], runs_text(f, runs), '%.0f' % f['ns'], '%.0f' % f['empty_ns'],
              '%.0f' % f['added_ns'], spread(f['pairs_ns'], '%.0f'), *aim_cells(f))
    return t


def part_record(bench):
    runs = bench.args.runs
    all_figures = list(figures(run_cost(bench, 'record'), record_aim))
    tables = []
    for mode, title in RECORD_MODES.items():
        rows = [f for f in all_figures
                if f['mode'] == mode and is_for(f, RECORD_LOADS) and f['runs'] >= 1000]
        if rows:
            tables.append(record_table(title, rows, runs))
    return tables, all_figures
