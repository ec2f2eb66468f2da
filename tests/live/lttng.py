#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
What LTTng's events look like, and how ours differ. The facts are in lttng_schema.json: one line an
event, a list of fields, each "TYPE NAME". Types: s32 u64 x64 (hexadecimal) o32 (octal), enum-s32,
string, text16 (characters), s32[LENGTH] (a sequence or an array), other (a structure).

  tests/live/lttng.py TRACE > lttng_schema.json    writes the facts anew, from a kernel trace of LTTng's

Compat system calls whose fields are those of the native call are not listed, only named.
"""

import json
import os
import re
import sys

import tsdl

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = os.path.join(HERE, 'lttng_schema.json')

# Events that we write and LTTng has. The traces at hand have no more of them than these.
EVENTS = re.compile(r'''(compat_)?syscall_(entry|exit)_(?!unknown)\w+ |
    sched_(switch|waking|wakeup_new|migrate_task|process_fork|process_exec|process_exit) |
    irq_(handler|softirq)_\w+ | timer_hrtimer_expire_\w+ | x86_irq_vectors_\w+ |
    workqueue_(queue_work|execute_start|execute_end) | block_rq_(insert|issue|complete) |
    net_if_receive_skb | net_dev_queue''', re.X)

# Those whose traces nobody had: from LTTng-modules' description of them (include/instrumentation/events).
FROM_SOURCE = {
    'x86_exceptions_page_fault_user': ['x64 address', 'x64 ip', 'x8 error_code'],
    'x86_exceptions_page_fault_kernel': ['x64 address', 'x64 ip', 'x8 error_code'],
    'mm_vmscan_direct_reclaim_begin': ['s32 order', 'u32 gfp_flags'],
    'mm_vmscan_memcg_reclaim_begin': ['s32 order', 'u32 gfp_flags'],
    'mm_vmscan_direct_reclaim_end': ['u64 nr_reclaimed'],
    'mm_vmscan_memcg_reclaim_end': ['u64 nr_reclaimed'],
    'lttng_statedump_start': [],
    'lttng_statedump_end': [],
    'lttng_statedump_process_state': [
        's32 tid', 's32 pid', 's32 ppid', 'text16 name', 's32 type', 's32 mode', 's32 submode', 's32 status',
        'u32 cpu', 'x64 file_table_address'],
    'lttng_statedump_file_descriptor': [
        'x64 file_table_address', 's32 fd', 'o32 flags', 'x32 fmode', 'string filename'],
}


def integer(kind):
    letter = {10: 'us'[kind.signed], 16: 'x', 8: 'o'}[kind.base]
    if kind.signed and kind.base != 10:
        letter = 's' + letter  # no event of LTTng's but a few system calls
    return '%s%d%s' % (letter, kind.size, 'be' if kind.big else '')


def describe(kind):
    if isinstance(kind, tsdl.String):
        return 'string'
    if isinstance(kind, tsdl.Int):
        return integer(kind)
    if isinstance(kind, tsdl.Enum):
        return 'enum-' + integer(kind.container)
    if isinstance(kind, tsdl.Array) and isinstance(kind.element, tsdl.Int):
        if kind.element.text:
            return 'text%s' % kind.length
        length = kind.length if isinstance(kind.length, int) else tsdl.logical(kind.length)
        return '%s[%s]' % (integer(kind.element), length)
    return 'other'


def fields(event):
    """["TYPE NAME"] of an event of parsed metadata."""
    members = event['fields'].fields if 'fields' in event else []
    return ['%s %s' % (describe(kind), tsdl.logical(name)) for name, kind in members]


def by_name(meta):
    return {e['name']: fields(e) for e in meta.events.values()}


def extract(path):
    """{name: fields} of a trace of LTTng's, and the names of compat calls that are like the native ones."""
    found = {n: f for n, f in by_name(tsdl.load(path)).items() if EVENTS.fullmatch(n)}
    same = sorted(n for n, f in found.items() if n.startswith('compat_') and found.get(n[7:]) == f)
    for name in same:
        del found[name]
    found.update(FROM_SOURCE)
    return {'events': dict(sorted(found.items())), 'as_native': same}


def load():
    with open(SCHEMA) as f:
        schema = json.load(f)
    events = schema['events']
    events.update({n: events[n[7:]] for n in schema['as_native']})
    return events


def write(schema, out):
    """One line an event, so that changes can be read."""
    out.write('{"events": {\n')
    out.write(',\n'.join('%s: %s' % (json.dumps(n), json.dumps(f)) for n, f in schema['events'].items()))
    out.write('\n}, "as_native": [\n')
    out.write(',\n'.join(json.dumps(n) for n in schema['as_native']))
    out.write('\n]}\n')


# ---- ours beside theirs -----------------------------------------------------------------------------

# Where we differ, and why. The same event and field may not differ in another way.
EXCEPTIONS = {
    # Kernel addresses of tables of files: readers know a process by its id (babeltrace 1's users ask for pid).
    ('lttng_statedump_process_state', 'file_table_address'): 'missing',
    ('lttng_statedump_file_descriptor', 'file_table_address'): ('s32 pid',),
    ('lttng_statedump_file_descriptor', 'flags'): ('u32 flags',),
    ('lttng_statedump_file_descriptor', 'fmode'): ('u32 fmode',),
    # Headers are not recorded: the field that chooses among their kinds is always _unknown.
    ('net_if_receive_skb', 'network_header_type'): ('enum-u8 network_header_type',),
    ('net_dev_queue', 'network_header_type'): ('enum-u8 network_header_type',),
}
# In system calls, what LTTng finds behind pointers, and a third string.
LEFT_OUT = {'overflow', 'fds_length', '_readfds_length', '_writefds_length', '_exceptfds_length', '_v4addr_length',
            '_v6addr_length', 'family', 'upeer_addrlen', 'tvp', 'type'}
SYSCALL = re.compile(r'(compat_)?syscall_(entry|exit)_(\w+)')
# 32-bit calls that take a 64-bit number in two arguments have all six arguments instead.
PLAIN = ['x64 arg%d' % i for i in range(6)]
PAD = re.compile(r'u\d+ wl_pad\d+')


def alike(ours, theirs):
    """Text of a fixed size may stand for a string; an integer for an enumeration of a system call's."""
    kind, name = theirs.split(' ', 1)
    our_kind, our_name = ours.split(' ', 1)
    if our_name != name:
        return False
    if kind == 'string':
        return kind == our_kind or re.fullmatch(r'text\d+', our_kind)
    return our_kind == kind or 'enum-' + our_kind == kind


def may_miss(event, field):
    kind, name = field.split(' ', 1)
    if EXCEPTIONS.get((event, name)) == 'missing':
        return True
    call = SYSCALL.fullmatch(event)
    if not call:
        return kind == 'other' or re.search(r'\[', kind) and not name == 'vtids'
    compound = kind == 'other' or '[' in kind or kind.endswith('be')
    text_at_exit = call[2] == 'exit' and kind == 'string'
    return bool(compound or text_at_exit or name in LEFT_OUT)


def compare_event(name, ours, theirs):
    """Texts of what differs."""
    if SYSCALL.fullmatch(name) and ours == PLAIN and name.startswith('compat_'):
        return []
    rest, wrong = [f for f in ours if not PAD.fullmatch(f)], []
    for field in theirs:
        allowed = EXCEPTIONS.get((name, field.split(' ', 1)[1]))
        if rest and (alike(rest[0], field) or rest[0] in (allowed or ())):
            rest.pop(0)
        elif not may_miss(name, field):
            wrong.append('%s: %s is missing or is %s' % (name, field, rest[0] if rest else 'nothing'))
    wrong += ['%s: %s is not LTTng\'s' % (name, f) for f in rest if not re.fullmatch(r'\S+ _*wl_\w+', f)
              and not (f.startswith('other ') and name.startswith('net_'))]
    return wrong


def compare(meta):
    """(events compared, events that are not LTTng's, texts of what differs)."""
    theirs, wrong, compared, own = load(), [], [], []
    for name, ours in by_name(meta).items():
        if name not in theirs:
            own.append(name)
            continue
        compared.append(name)
        wrong += compare_event(name, ours, theirs[name])
    return compared, own, wrong


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(extract(os.path.join(sys.argv[1], 'metadata')), sys.stdout)
