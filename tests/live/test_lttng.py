# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Our events are LTTng's: names, fields, types, and what they mean."""

import collections
import os
import re
import shutil

import ctf
import lttng
import recording
from harness import HIDDEN, Fail, Skip, check

VECTORS = {'local_timer': 236, 'reschedule': 253, 'call_function': 252, 'call_function_single': 251, 'irq_work': 246}
RWBS_WRITE, RWBS_READ = 1, 4
DEAD = {16, 32}  # EXIT_DEAD, EXIT_ZOMBIE
IP_UDP, ETHERNET = 28, 14


def lttng_schema(ctx):
    """Every event of ours that LTTng has begins with its fields; all others have names of our own."""
    r = recording.record(ctx, '--syscalls=all', '--duration', '300ms')
    check(r.status == 0, 'record failed: %s' % r.err)
    meta = ctf.Trace(r.kernel).meta
    compared, own, wrong = lttng.compare(meta)
    check(not wrong, '%d differences: %s' % (len(wrong), '; '.join(wrong[:10])))
    strange = [n for n in own if not n.startswith('whylate_') and not lttng.SYSCALL.fullmatch(n)]
    check(not strange, 'neither ours nor LTTng\'s: %s' % strange)
    check(len(compared) > 1000, 'only %d events compared' % len(compared))
    env, clock = meta.env, meta.clock
    check((env['tracer_name'], env['tracer_major'], env['tracer_minor'], env['domain']) ==
          ('lttng-modules', 2, 13, 'kernel'), 'env: %r' % env)
    with open('/proc/sys/kernel/random/boot_id') as f:
        check(clock['uuid'] == f.read().strip(), 'the clock\'s uuid %s is not the boot\'s' % clock['uuid'])
    check((clock['freq'], clock['name'], clock['absolute']) == (10 ** 9, 'monotonic', 'TRUE'), 'clock: %r' % clock)
    return '%d events as LTTng\'s, %d of our own' % (len(compared), len(own))


# ---- meanings ---------------------------------------------------------------------------------------

class Facts:
    """What actor.c wrote down: lines of words."""

    def __init__(self, path):
        with open(path) as f:
            self.lines = [line.split() for line in f]
        check(self.lines and self.lines[-1] == ['end', '0'], 'the actor did not come to its end: %r' % self.lines[-1:])

    def all(self, kind):
        return [words[1:] for words in self.lines if words[0] == kind]

    def one(self, kind):
        found = self.all(kind)
        if not found:
            raise Skip('the actor could not: %s' % kind)
        return found[0]


class Play:
    """A recording of the actor, and its events by name."""

    def __init__(self, ctx):
        disk = recording.scratch_disk(ctx)
        facts = os.path.join(disk, 'facts')
        try:
            r = recording.record(ctx, '--syscalls=all', command=[ctx.binary('actor'), disk, facts, 'compat'])
            check(r.status == 7, 'exit status %d of a command that ends with 7: %s' % (r.status, r.err))
            self.facts = Facts(facts)
        finally:
            shutil.rmtree(disk, ignore_errors=True)
        _, _, _, lost = recording.walk(r.kernel)
        check(not lost, '%d events were lost' % lost)
        self.events = recording.events(r.kernel)
        self.by_name = collections.defaultdict(list)
        for e in self.events:
            self.by_name[e[2]].append(e)
        self.pid = int(self.facts.one('actor')[0])

    def of(self, event, **fields):
        """[(ts, cpu, fields)] of the events whose fields have these values."""
        return [(ts, cpu, f) for ts, cpu, _, f in self.by_name[event]
                if all(f[k] == v for k, v in fields.items())]


def check_priorities(play):
    roles = play.facts.all('prio')
    check(len(roles) == 9, '%d roles' % len(roles))
    for name, tid, prio, cpu in roles:
        tid, prio, cpu = int(tid), int(prio), int(cpu)
        waking = play.of('sched_waking', tid=tid, comm=name)
        check(len(waking) >= 45, '%s was woken %d times in 50 sleeps' % (name, len(waking)))
        wrong = {(f['prio'], f['target_cpu']) for _, _, f in waking} - {(prio, cpu)}
        check(not wrong, '%s: sched_waking has %s, it had priority %d on cpu %d' % (name, wrong, prio, cpu))
        ins = play.of('sched_switch', next_tid=tid, next_comm=name)
        wrong = {(f['next_prio'], at) for _, at, f in ins} - {(prio, cpu)}
        check(len(ins) >= 45 and not wrong, '%s: sched_switch to it %d times, %s' % (name, len(ins), wrong))
        outs = [f for _, _, f in play.of('sched_switch', prev_tid=tid, prev_comm=name)]
        states = collections.Counter(f['prev_state'] for f in outs[:-1])
        check(states[1] >= 45 and set(states) <= {0, 1, 2}, '%s slept in states %s' % (name, dict(states)))
        check(outs[-1]['prev_state'] in DEAD, '%s ended in state %d' % (name, outs[-1]['prev_state']))
        check({f['wl_prev_pid'] for f in outs} == {play.pid}, '%s: wl_prev_pid %s' % (name, {f['wl_prev_pid'] for f in outs}))
    return len(roles)


def check_preempted(play):
    n = 0
    for name, tid, start, end in play.facts.all('spin'):
        outs = [f for ts, _, f in play.of('sched_switch', prev_tid=int(tid)) if int(start) < ts < int(end)]
        states = {f['prev_state'] for f in outs}
        check(len(outs) >= 3 and states == {0}, '%s never slept, its states are %s (%d switches)' % (name, states, len(outs)))
        n += len(outs)
    return n


def check_states(play):
    tid = play.facts.one('vfork')[1]
    states = [f['prev_state'] for _, _, f in play.of('sched_switch', prev_tid=int(tid))]
    check(2 in states, 'the parent of a vfork slept in %s, not in 2' % states)
    pid = int(play.facts.one('stop')[1])
    states = [f['prev_state'] for _, _, f in play.of('sched_switch', prev_tid=pid)]
    check(4 in states, 'a stopped process had states %s, not 4' % states)
    tid = int(play.facts.one('disk')[1])
    states = [f['prev_state'] for _, _, f in play.of('sched_switch', prev_tid=tid)]
    check(states.count(2) >= 4, 'eight reads from the disk, states %s' % states)


def check_disk(play):
    name, tid, dev, sector, size, start = play.facts.one('disk')
    tid, dev, sector, sectors = int(tid), int(dev), int(sector), int(size) // 512
    for issue in ('block_rq_issue', 'block_rq_insert'):
        found = [(ts, f) for ts, _, f in play.of(issue, tid=tid, dev=dev) if ts > int(start) and f['rwbs'] & RWBS_READ]
        if issue == 'block_rq_insert' and not found:
            continue  # without a scheduler a request is not queued
        check(len(found) == 8, '%d of 8 reads in %s' % (len(found), issue))
        for _, f in found:
            check((f['sector'], f['nr_sector'], f['bytes'], f['comm']) == (sector, sectors, int(size), name),
                  '%s of sector %d, %s bytes: %r' % (issue, sector, size, f))
            check(f['rwbs'] & RWBS_READ and not f['rwbs'] & RWBS_WRITE, 'rwbs %x of a read' % f['rwbs'])
    done = [(ts, f) for ts, _, f in play.of('block_rq_complete', dev=dev, sector=sector) if ts > int(start)]
    done = [(ts, f) for ts, f in done if f['rwbs'] & RWBS_READ]
    check(len(done) == 8, '%d of 8 reads completed' % len(done))
    issued = [ts for ts, _, _ in play.of('block_rq_issue', tid=tid, dev=dev) if ts > int(start)]
    for (ts, f), begun in zip(done, issued):
        check((f['nr_sector'], f['error']) == (sectors, 0) and ts > begun and f['rwbs'] & RWBS_READ, 'complete: %r' % f)
    writes = [f for ts, _, f in play.of('block_rq_issue', tid=tid, dev=dev, sector=sector) if ts < int(start)]
    check(writes and all(f['rwbs'] & RWBS_WRITE for f in writes), 'the write before: %r' % writes)


def check_interrupts(play):
    names = recording.interrupts()
    seen = play.of('irq_handler_entry')
    check(seen, 'not one interrupt')
    for _, _, f in seen:
        line = names.get(f['irq'], '')
        check(f['name'] and f['name'][:23] in line, 'irq %d is %r, in /proc/interrupts %r' % (f['irq'], f['name'], line))
    check({f['ret'] for _, _, f in play.of('irq_handler_exit')} <= {0, 1, 2, 3}, 'irq_handler_exit')
    for name, vector in VECTORS.items():
        for half in ('entry', 'exit'):
            found = {f['vector'] for _, _, f in play.of('x86_irq_vectors_%s_%s' % (name, half))}
            check(found <= {vector}, '%s: vectors %s' % (name, found))
    check(play.of('x86_irq_vectors_local_timer_entry'), 'no local timer')
    return len(seen)


def check_nesting(play):
    """Entry and exit on each CPU, as brackets: interrupts, vectors, softirqs, timers, work."""
    stacks, checked = collections.defaultdict(list), 0
    for ts, cpu, name, f in play.events:
        m = re.fullmatch(r'(irq_handler|irq_softirq|x86_irq_vectors_\w+|timer_hrtimer_expire)_(entry|exit)', name)
        if not m:
            continue
        which = (m.group(1), f.get('irq', f.get('vec', f.get('vector', f.get('hrtimer')))))
        stack = stacks[cpu]
        if m.group(2) == 'entry':
            stack.append(which)
        elif stack:
            check(stack[-1] == which, 'at %d on cpu %d: exit of %s inside %s' % (ts, cpu, which, stack))
            stack.pop()
            checked += 1
    return checked


def check_switches(play):
    """Who is switched in is switched out next."""
    running, hidden = {}, {f['next_tid'] for _, _, f in play.of('sched_switch', wl_next_pid=HIDDEN)}
    for ts, cpu, f in play.of('sched_switch'):
        if cpu in running and running[cpu] not in hidden:
            check(f['prev_tid'] == running[cpu], 'at %d cpu %d leaves %d, it had switched to %d' % (
                ts, cpu, f['prev_tid'], running[cpu]))
        running[cpu] = f['next_tid']
        for side in ('prev', 'next'):
            check((f[side + '_tid'] == 0) == f[side + '_comm'].startswith('swapper/'), '%r' % f)


def check_processes(play):
    path, parent, child, _ = play.facts.one('child')
    parent, child = int(parent), int(child)
    fork = play.of('sched_process_fork', child_tid=child)
    check(len(fork) == 1, '%d forks of %d' % (len(fork), child))
    f = fork[0][2]
    check((f['parent_tid'], f['parent_pid'], f['child_pid'], f['vtids'], f['_vtids_length']) ==
          (parent, parent, child, (child,), 1), 'fork: %r' % f)
    space = os.stat('/proc/self/ns/pid').st_ino
    check((f['parent_ns_inum'], f['child_ns_inum']) == (space, space), 'fork: %r, namespace %d' % (f, space))
    execs = play.of('sched_process_exec', tid=child)
    check([f['filename'] for _, _, f in execs] == [path] and execs[0][2]['old_tid'] == child, 'exec: %r' % execs)
    exits = play.of('sched_process_exit', tid=child)
    check([f['comm'] for _, _, f in exits] == ['true'], 'exit: %r' % exits)
    new = play.of('sched_wakeup_new', tid=child)
    ran = play.of('sched_switch', next_tid=child)
    order = [fork[0][0], new[0][0], ran[0][0], execs[0][0], exits[0][0]]
    check(order == sorted(order), 'fork, wakeup_new, first switch, exec, exit at %s' % order)
    thread = int(play.facts.one('disk')[1])
    f = play.of('sched_process_fork', child_tid=thread)[0][2]
    check((f['child_pid'], f['parent_pid']) == (play.pid, play.pid), 'a thread\'s fork: %r' % f)


def check_migrations(play):
    name, tid, last, _ = play.facts.one('migrate')
    if last == '0':
        return
    found = [(f['orig_cpu'], f['dest_cpu']) for _, _, f in play.of('sched_migrate_task', tid=int(tid))]
    found = [pair for pair in found if pair[0] != pair[1]]
    check(len(found) >= 4 and all(a[1] == b[0] for a, b in zip(found, found[1:])), 'migrations: %s' % found)


def check_network(play):
    _, tid, size = play.facts.one('net')
    size = int(size) + IP_UDP
    sent = play.of('net_dev_queue', name='lo', len=size + ETHERNET)
    got = play.of('net_if_receive_skb', name='lo', len=size)
    check(len(sent) == len(got) == 10, '%d sent, %d received' % (len(sent), len(got)))
    for (a, _, s), (b, _, r) in zip(sent, got):
        check(a < b and s['skbaddr'] == r['skbaddr'], 'sent %r, received %r' % (s, r))
    for name in ('irq_softirq_raise', 'irq_softirq_entry', 'irq_softirq_exit'):
        vectors = {f['vec'] for _, _, f in play.of(name)}
        check(vectors <= set(range(10)), '%s: vectors %s' % (name, vectors))
        inside = [ts for ts, _, _ in play.of(name, vec=3) if sent[0][0] - 100000 < ts < got[-1][0] + 100000]
        check(len(inside) >= 10, '%s: %d of NET_RX for 10 packets' % (name, len(inside)))


def check_timers(play):
    found = [(ts, f) for ts, _, f in play.of('timer_hrtimer_expire_entry', wl_clock=1)]
    check(found, 'no timer')
    for ts, f in found:
        check(0 <= ts - f['now'] < 10 ** 8, 'at %d: now %d' % (ts, f['now']))
        check(f['wl_softexpires'] <= f['wl_expires'] and f['wl_softexpires'] <= f['now'], 'at %d: %r' % (ts, f))


def check_fault(play):
    name, tid, address = play.facts.one('fault')
    address = int(address)
    faults = play.of('x86_exceptions_page_fault_user', address=address)
    check(len(faults) == 1, '%d faults at %x' % (len(faults), address))
    code = faults[0][2]['error_code']
    check(code & 6 == 6 and not code & 1, 'error code %x of a write to a page that is not there' % code)


def same_field(found, wanted):
    if isinstance(found, str):
        return found == wanted.encode()[:64].decode(errors='ignore')
    return found == int(wanted)


def check_calls(play, kind, who, prefix):
    """The calls of the thread, in order, with their arguments and results."""
    if not play.facts.all(who):
        return 0
    tid = int(play.facts.one(who)[1])
    at, cpu = 0, {}
    mine = []
    for ts, where, name, f in play.events:  # whose system call it is: who runs on that CPU
        if name == 'sched_switch':
            cpu[where] = f['next_tid']
        elif cpu.get(where) == tid and re.match(r'(compat_)?syscall_', name):
            mine.append((name, f))
    for words in play.facts.all(kind):
        call, result, fields = words[0], int(words[1]), dict(w.split('=', 1) for w in words[2:])
        for at in range(at, len(mine)):
            name, f = mine[at]
            if name == '%ssyscall_entry_%s' % (prefix, call) and all(
                    same_field(f[k], v) for k, v in fields.items() if k in f):
                break
        else:
            raise Fail('%s(%s) is not in the trace; of that name: %s' % (
                call, fields, [f for n, f in mine if n.endswith('entry_' + call)][:3]))
        name, leave = mine[at + 1]
        check(name == '%ssyscall_exit_%s' % (prefix, call) and leave['ret'] == result,
              '%s returned %d, the trace says %s %r' % (call, result, name, leave))
        check(all(k in f or same_field(leave.get(k, -1), v) for k, v in fields.items()), '%s: %r %r' % (call, f, leave))
    return len(play.facts.all(kind))


def lttng_meanings(ctx):
    """What the fields say is what happened: a program that knows what it does, and /proc."""
    play = Play(ctx)
    check_priorities(play)
    preempted = check_preempted(play)
    check_states(play)
    check_disk(play)
    interrupts = check_interrupts(play)
    nested = check_nesting(play)
    check_switches(play)
    check_processes(play)
    check_migrations(play)
    check_network(play)
    check_timers(play)
    check_fault(play)
    calls = check_calls(play, 'call', 'calls', '') + check_calls(play, 'ccall', 'compat', 'compat_')
    return '%d events; 9 priorities, %d preemptions, %d interrupts, %d brackets, %d system calls' % (
        len(play.events), preempted, interrupts, nested, calls)
