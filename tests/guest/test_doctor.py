# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What `whylate doctor` says of a kernel, against the kernel's own tracefs, BTF and sysfs."""

import json
import os
import re
import subprocess

from guest import HERE
from harness import check

PROBES = os.path.join(HERE, '..', '..', 'src', 'live', 'probes.c')
# Only some processors have them, and doctor asks for them where they are (src/cli/doctor.c).
RARE = ('threshold_apic', 'deferred_error_apic', 'thermal_apic', 'x86_platform_ipi')


def wanted_tracepoints():
    """{what their absence costs: [tracepoints]}, by the table in the source."""
    with open(PROBES) as f:
        text = f.read()
    macros = dict(re.findall(r'#define (\w+)\s+(?:\\\n\s*)?"(.*)"', text))
    found = {}
    for name, word, quoted in re.findall(r'\{ "\w+",\s+"(\w+)",\s+\w+,\s+\w+,\s+(?:(\w+)|"(.*?)") \}', text):
        without = macros[word] if word else quoted
        if without and not name.startswith(RARE):
            found.setdefault(without, []).append(name)
    check(sum(map(len, found.values())) > 40, 'the table of tracepoints in probes.c was not understood')
    return found


def btf(g):
    """This kernel's types, as C."""
    g.run('cp /sys/kernel/btf/vmlinux /share/vmlinux.btf')
    r = subprocess.run(['bpftool', 'btf', 'dump', 'file', os.path.join(g.share, 'vmlinux.btf'), 'format', 'c'],
                       capture_output=True, text=True, env=dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin'))
    check(r.returncode == 0, 'bpftool: %s' % r.stderr[:300])
    return r.stdout


def has_member(types, struct, member):
    m = re.search(r'^struct %s \{\n(.*?)^\};' % struct, types, re.M | re.S)
    return bool(m) and re.search(r'\b%s\b' % member, m.group(1)) is not None


def _check_tracepoints(said, events):
    """Each group is complete or it isn't, as tracefs says; the example given fits."""
    missing = []
    for without, names in wanted_tracepoints().items():
        rows = [c for c in said if c['name'] == 'tracepoints' and c['without'] == without]
        check(len(rows) == 1, 'doctor has %d lines for %r' % (len(rows), without))
        absent = [n for n in names if n not in events]
        # sys_enter and sys_exit are tracepoints with another name in tracefs: raw_syscalls has them
        check(rows[0]['ok'] == (not absent), 'doctor says %s, tracefs lacks %s' % (rows[0], absent))
        check(rows[0]['example'] in (absent or names), 'example %s of %s' % (rows[0]['example'], absent or names))
        missing += absent
    return missing


def guest_doctor(g):
    """What doctor says is so: tracepoints as in tracefs, structures as in BTF, kernel and CPUs"""
    o = json.loads(g.run('./whylate doctor --json', timeout=180))
    events = set(g.run('cd /sys/kernel/tracing/events && ls -d */*/ | cut -d / -f 2').split())
    said = {c['name']: c['ok'] for c in o['checks'] if c['name'] != 'tracepoints'}
    missing = _check_tracepoints(o['checks'], events)
    types = btf(g)
    truth = {
        'BTF (/sys/kernel/btf/vmlinux)': True,
        'safe task storage': has_member(types, 'bpf_local_storage_map', 'selem_ma'),
        'steal time of the run queue': has_member(types, 'rq', 'prev_steal_time_rq'),
        'CPU quota of the run queue': (has_member(types, 'cfs_rq', 'throttle_count')
                                       or has_member(types, 'task_struct', 'throttled')),
        'kallsyms': True,
        'kprobes': g.run('test -e /sys/bus/event_source/devices/kprobe && echo yes || echo no').strip() == 'yes',
        'loading and attaching the programs': True,  # guest_loads has shown it
    }
    check(said == truth, 'doctor says %s, the kernel %s' % (sorted(set(said.items()) - set(truth.items())),
                                                           sorted(set(truth.items()) - set(said.items()))))
    check(o['kernel'] == g.run('uname -r').strip(), 'kernel %s' % o['kernel'])
    check(o['rt'] == ('PREEMPT_RT' in g.run('uname -v')), 'rt: %s' % o['rt'])
    check(o['cpus'] == int(g.run('nproc')), 'cpus: %s' % o['cpus'])
    return '%d things as said; without tracepoints %s' % (len(truth) + len(wanted_tracepoints()), ' '.join(missing) or 'none')
