# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
The flight recorder: whylate record and captures are traces that every reader takes, nothing in them
is torn, doubled or out of order, and what is lost is counted.
"""

import json
import os
import re
import signal
import struct
import time

import ctf
import recording
from harness import HIDDEN, Fail, Skip, check, comm_of, finish, go, need, read_line, tail, tids_of

# One call a round of `storm calls`, and nobody else makes them there.
ONCE = '''io_cancel mq_unlink keyctl swapoff quotactl add_key fanotify_mark inotify_rm_watch timer_delete
    clock_settime settimeofday sched_setparam getsockname listen tee vmsplice mincore msgctl shmat semget
    setpriority utimensat linkat readlinkat fchmodat migrate_pages name_to_handle_at kcmp'''.split()
TWICE = 'rename ftruncate pwrite64 sendto recvfrom socketpair newfstat lseek sched_yield'.split()
KERNEL_THREAD, WAIT, UNKNOWN_MODE, UNKNOWN_SUBMODE = 1, 5, 5, 1  # LTTng's numbers in a state dump
LOST = re.compile(r'([\d,]+) (?:events? |records? )?(?:were )?lost')


def said_lost(r):
    """How many events whylate says that it has lost; saying nothing is none."""
    found = LOST.findall(r.out + r.err)
    return int(found[-1].replace(',', '')) if found else 0


def said_events(r):
    found = re.findall(r'([\d,]+) events', r.out + r.err)
    check(found, 'whylate does not say how many events: %r' % tail(r.out + r.err, 300))
    return int(found[-1].replace(',', ''))


def same_as_whylate(r, counts, lost):
    check(said_events(r) == sum(counts.values()), 'whylate says %d events, there are %d' % (
        said_events(r), sum(counts.values())))
    check(said_lost(r) == lost, 'whylate says that %d were lost, the trace %d' % (said_lost(r), lost))


def storm(ctx, *args):
    return ctx.helper('storm', *args)[0]


def end(p):
    """Ends a storm; the last line it says."""
    p.stdin.write('\n')
    lines = finish(p, 30)
    return lines[-1] if lines else ''


# ---- whylate record ---------------------------------------------------------------------------------

def recorder_idle(ctx):
    """Little happens: packets are saved that never became full, every CPU has a stream."""
    r = recording.record(ctx, '--duration', '2s')
    check(r.status == 0, 'status %d: %s' % (r.status, r.err))
    counts, _, lost = recording.read_by_all(r.kernel)
    check(not lost, '%d lost' % lost)
    same_as_whylate(r, counts, lost)
    trace, *_ = recording.walk(r.kernel)
    cpus = sorted(s.cpu for s in trace.streams)
    check(cpus == list(range(os.cpu_count())), 'streams of CPUs %s' % cpus)
    length = trace.streams[0].end - min(s.begin for s in trace.streams)
    check(1.9e9 < length < 2.6e9, 'a recording of 2s has %.3f s' % (length / 1e9))
    check(not any('syscall' in n for n in counts), 'system calls that nobody asked for')
    return '%d events, %d readers' % (sum(counts.values()), len(recording.readers()))


def recorder_calls_exact(ctx):
    """Every call of a program that counts is there: entry and exit."""
    rounds = 200
    r = recording.record(ctx, '--syscalls', command=[ctx.binary('storm'), 'calls', rounds])
    check(r.status == 0, 'status %d: %s' % (r.status, r.err))
    counts, _, lost = recording.read_by_all(r.kernel)
    check(not lost, '%d lost' % lost)
    same_as_whylate(r, counts, lost)
    for half in ('entry', 'exit'):
        for names, n in ((ONCE, rounds), (TWICE, 2 * rounds)):
            wrong = {c: counts['syscall_%s_%s' % (half, c)] for c in names
                     if counts['syscall_%s_%s' % (half, c)] != n}
            check(not wrong, '%d calls each, the trace has: %s of %s' % (n, half, wrong))
    made = int(re.search(r'calls \d+ (\d+)', r.out).group(1))
    seen = sum(c for n, c in counts.items() if n.startswith('syscall_entry_'))
    check(made <= seen < made + 300, '%d calls were made, %d are in the trace' % (made, seen))
    return '%d calls, %d kinds' % (made, sum(1 for n in counts if n.startswith('syscall_entry_')))


class Wakeups:
    """
    Who sleeps must be woken before it runs again: a wake-up that is not in the trace is a lost record
    that nobody counted. On the test machine wake-ups made by one agent, process 1, are hidden from BPF
    programs; what may be its work is left out.
    """

    def __init__(self):
        self.asleep, self.woken = {}, {}
        self.agent_since, self.agent_last = {}, 0
        self.checked = self.hidden = 0
        self.missing = []

    def switch(self, ts, cpu, f):
        if f['wl_next_pid'] == HIDDEN:
            self.agent_since[cpu] = ts
        elif cpu in self.agent_since:
            del self.agent_since[cpu]
            self.agent_last = ts
        if f['prev_state'] and f['prev_tid']:
            self.asleep[f['prev_tid']] = ts
        self.run(ts, f['next_tid'], f['next_comm'])

    def run(self, ts, tid, comm):
        since = self.asleep.pop(tid, None)
        if since is None:
            self.woken.pop(tid, None)
            return
        if tid in self.woken:
            self.checked += 1
        elif self.agent_since or self.agent_last > since:
            self.hidden += 1
        else:
            self.missing.append('%s/%d slept at %d, ran at %d' % (comm, tid, since, ts))
        self.woken.pop(tid, None)


def recorder_nothing_missing(ctx):
    """Interrupts as often as possible, in the middle of other records: none is missing without being counted."""
    ticks = storm(ctx, 'ticks', '70')
    go(ticks)
    r = recording.record(ctx, '--syscalls=all', '--ring', '16M', command=[ctx.binary('storm'), 'calls', 1500])
    end(ticks)
    check(r.status == 0, 'status %d: %s' % (r.status, r.err))
    w = Wakeups()
    try:
        trace = ctf.Trace(r.kernel)
        for ts, cpu, kind, values in trace.events():
            if kind.name == 'sched_switch':
                w.switch(ts, cpu, kind.dict(values))
            elif kind.name in ('sched_waking', 'sched_wakeup_new'):
                w.woken[values[kind.index['tid']]] = ts
    except ctf.Broken as e:
        raise Fail('our reader: %s' % e)
    lost = trace.totals()[2]
    if lost:
        raise Skip('%d records were lost, and counted: the machine is too slow today' % lost)
    check(not w.missing, '%d of %d wake-ups are missing: %s' % (len(w.missing), w.checked, w.missing[:3]))
    check(w.checked > 5000, 'only %d wake-ups' % w.checked)
    return '%d wake-ups in their place, %d may be hidden' % (w.checked, w.hidden)


def recorder_load(ctx):
    """Two seconds of everything, then every reader."""
    need('hackbench')
    ctx.spawn(['hackbench', '-g', '1', '-l', '1000000'], stdout=-3)
    ping = storm(ctx, 'ping')
    go(ping)
    r = recording.record(ctx, '--duration', '700ms')
    check(r.status == 0, 'status %d: %s' % (r.status, r.err))
    end(ping)
    counts, _, lost = recording.read_by_all(r.kernel)
    same_as_whylate(r, counts, lost)
    return '%d events, %d lost' % (sum(counts.values()), lost)


def recorder_loss_exact(ctx):
    """The recorder is stopped twice, its small rings overflow: what is missing is counted."""
    path = os.path.join(ctx.dir, 'recording')
    p = ctx.spawn([ctx.whylate, 'record', '-o', path, '--ring', '512K', '--syscalls=all', '--duration', '3s'],
                  stdout=-1, stderr=-1)
    calls = [storm(ctx, 'calls')]
    wait_for_packets(p, path)
    for c in calls:
        go(c)
    for _ in range(2):
        time.sleep(0.05)
        p.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        p.send_signal(signal.SIGCONT)
    time.sleep(0.05)
    made = [end(c).split() for c in calls]
    out, err = p.communicate(timeout=60)
    check(p.returncode == 0, 'status %d: %s' % (p.returncode, tail(err)))
    r = recording.Recording(path, 0, out.decode(), err.decode())
    counts, _, lost = recording.read_by_all(r.kernel)
    check(lost > 1000, 'only %d lost: nothing was tested' % lost)
    same_as_whylate(r, counts, lost)
    seen = sum(counts['syscall_entry_%s' % c] for c in TWICE)
    rounds = sum(int(words[2]) for words in made) / 428
    missing = 2 * (2 * len(TWICE) * rounds - seen)
    check(missing <= lost * 1.05 + 100, '%d events of system calls are missing, %d were lost' % (missing, lost))
    return '%d events, %d lost' % (sum(counts.values()), lost)


def wait_for_packets(p, path, size=1):
    """Until the recording has stream files, that have so many bytes."""
    for _ in range(1000):
        try:
            streams = [f for f in os.listdir(os.path.join(path, 'kernel')) if f.startswith('cpu_')]
            if sum(os.path.getsize(os.path.join(path, 'kernel', f)) for f in streams) >= size:
                return
        except OSError:
            pass
        if p.poll() is not None:
            raise Fail('whylate record has ended: %s' % tail(p.communicate()[1]))
        time.sleep(0.01)
    raise Fail('nothing was recorded in 10 s')


def recorder_killed(ctx):
    """SIGKILL: what was saved can be read, up to the last whole packet."""
    ping = storm(ctx, 'ping')
    go(ping)
    packets = 0
    for i in range(5):
        path = os.path.join(ctx.dir, 'killed-%d' % i)
        p = ctx.spawn([ctx.whylate, 'record', '-o', path], stdout=-1, stderr=-1)
        wait_for_packets(p, path, 300000)
        time.sleep(ctx.rng.random() * 0.3)
        p.kill()
        p.communicate()
        trace, counts, _, _ = recording.walk(os.path.join(path, 'kernel'), torn_tail=True)
        check(sum(counts.values()) > 1000, 'only %d events' % sum(counts.values()))
        check(all(s.torn < 65536 for s in trace.streams), 'torn: %s bytes' % [s.torn for s in trace.streams])
        packets += sum(len(s.data) // 65536 for s in trace.streams)
    end(ping)
    return '%d packets of 5 killed recordings' % packets


def recorder_ends(ctx):
    """A command's exit status is passed on; Ctrl-C and SIGTERM end it cleanly; nothing is overwritten."""
    r = recording.record(ctx, command=['sh', '-c', 'exit 3'])
    check(r.status == 3, 'status %d for 3: %s' % (r.status, r.err))
    recording.read_by_all(r.kernel)
    size = os.path.getsize(os.path.join(r.kernel, 'metadata'))
    status, _, err = ctx.run(['record', '-o', r.path, '--duration', '100ms'])
    check(status in (1, 2) and r.path.encode() in err, 'onto another recording: status %d, %s' % (status, err))
    check(os.path.getsize(os.path.join(r.kernel, 'metadata')) == size, 'the first recording was changed')
    for number in (signal.SIGINT, signal.SIGTERM):
        path = os.path.join(ctx.dir, 'ended-%d' % number)
        p = ctx.spawn([ctx.whylate, 'record', '-o', path], stdout=-1, stderr=-1)
        wait_for_packets(p, path)
        time.sleep(0.5)
        p.send_signal(number)
        out, err = p.communicate(timeout=10)
        check(p.returncode == 0, 'signal %d: status %d, %s' % (number, p.returncode, err))
        counts, _, lost = recording.read_by_all(os.path.join(path, 'kernel'))
        same_as_whylate(recording.Recording(path, 0, out.decode(), err.decode()), counts, lost)


def recorder_privacy(ctx):
    """Paths, arguments and addresses are recorded of the target only."""
    other = ctx.spawn(['sh', '-c', 'while :; do /bin/cat /etc/hostname; done'], stdout=-3)
    r = recording.record(ctx, '--syscalls', command=[ctx.binary('storm'), 'calls', '60'])
    other.kill()
    check(r.status == 0, 'status %d: %s' % (r.status, r.err))
    mine, running, execs, strangers = set(), {}, 0, 0
    for ts, cpu, name, f in recording.events(r.kernel):
        if name == 'sched_switch':
            running[cpu] = (f['next_tid'], f['next_comm'], f['wl_next_pid'])
            if f['wl_next_pid'] == HIDDEN:  # that it leaves again is not seen
                del running[cpu]
        elif name == 'sched_process_exec':
            ours = 'storm' in f['filename']
            mine |= {f['tid']} if ours else set()
            execs += not ours
            check(ours or f['filename'] == '?', 'the path of a stranger: %s' % f['filename'])
        elif name.startswith('syscall_') and cpu in running and mine:
            check(running[cpu][2] in mine, 'at %d %s of %s' % (ts, name, running[cpu]))
        elif name == 'x86_exceptions_page_fault_user' and cpu in running and running[cpu][2] not in mine | {0}:
            strangers += 1
            check(not f['address'] and not f['ip'] or not mine, 'at %d a fault of %s at %x' % (
                ts, running[cpu], f['address']))
    check(execs and strangers, '%d execs, %d faults of strangers' % (execs, strangers))
    return '%d execs and %d page faults of strangers' % (execs, strangers)


# ---- is our reader strict? --------------------------------------------------------------------------

def set_number(at, code, change):
    def mutate(data):
        value = struct.unpack_from(code, data, at)[0]
        struct.pack_into(code, data, at, change(value))
    return mutate


def swap_records(data):
    """The second and third record change places: time goes back."""
    first = 65536 + 88
    second = first + -(-struct.unpack_from('<H', data, first + 10)[0] // 8) * 8
    a, b = struct.unpack_from('<Q', data, first)[0], struct.unpack_from('<Q', data, second)[0]
    struct.pack_into('<Q', data, first, b + 1)
    struct.pack_into('<Q', data, second, a)


def drop_packet(data):
    del data[65536:131072]


def double_packet(data):
    data[131072:131072] = data[65536:131072]
    for i in range(2, len(data) // 65536):
        struct.pack_into('<Q', data, i * 65536 + 64, i)


PACKET = 65536  # the second one: mutations of the first would be found for other reasons
MUTATIONS = {
    'magic': set_number(PACKET, '<I', lambda v: v ^ 1),
    'uuid': set_number(PACKET + 7, '<B', lambda v: v ^ 1),
    'stream': set_number(PACKET + 20, '<I', lambda v: 1),
    'begin': set_number(PACKET + 32, '<Q', lambda v: v + 10 ** 9),
    'end': set_number(PACKET + 40, '<Q', lambda v: v - 1),
    'content + 1': set_number(PACKET + 48, '<Q', lambda v: v + 8),
    'content - 1': set_number(PACKET + 48, '<Q', lambda v: v - 8),
    'sequence': set_number(PACKET + 64, '<Q', lambda v: v + 1),
    'cpu': set_number(PACKET + 80, '<I', lambda v: v + 1),
    'time': set_number(PACKET + 88, '<Q', lambda v: v - 10 ** 9),
    'id': set_number(PACKET + 96, '<H', lambda v: 999),
    'size': set_number(PACKET + 98, '<H', lambda v: v + 8),
    'check': set_number(PACKET + 100, '<I', lambda v: v ^ 0x10000),
    'order': swap_records,
    'a packet less': drop_packet,
    'a packet twice': double_packet,
}


def recorder_reader_is_strict(ctx):
    """Our reader finds every fault that is put into a good recording."""
    ping = storm(ctx, 'ping')
    go(ping)
    r = recording.record(ctx, '--duration', '700ms')
    end(ping)
    recording.walk(r.kernel)
    stream = max((os.path.join(r.kernel, f) for f in os.listdir(r.kernel) if f.startswith('cpu_')), key=os.path.getsize)
    with open(stream, 'rb') as f:
        good = f.read()
    check(len(good) >= 4 * PACKET, 'only %d packets' % (len(good) // PACKET))
    for name, mutate in MUTATIONS.items():
        data = bytearray(good)
        mutate(data)
        with open(stream, 'wb') as f:
            f.write(data)
        try:
            ctf.Trace(r.kernel).walk()
        except ctf.Broken:
            continue
        raise Fail('our reader does not see a changed %s' % name)
    return '%d faults found' % len(MUTATIONS)


# ---- captures ---------------------------------------------------------------------------------------

def taken_in(directory):
    return sorted(os.path.join(directory, d) for d in os.listdir(directory)
                  if os.path.isdir(os.path.join(directory, d, 'kernel')))


def everybody():
    """{tid: (process, name)} of /proc, but for the hidden agent."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        for tid in tids_of(int(pid)):
            found[tid] = int(pid), comm_of(tid)
    return {t: f for t, f in found.items() if f[0] != HIDDEN}


def check_statedump(path, before):
    """Synthetic records: all tasks that were there before and are there now, as /proc shows them."""
    found = {f['tid']: f for _, _, _, f in recording.events(os.path.join(path, 'kernel'), {'lttng_statedump_process_state'})}
    now = everybody()
    for tid in set(before) & set(now):
        check(tid in found, 'task %d %s is not in the state dump of %d tasks' % (tid, now[tid], len(found)))
        f, (pid, name) = found[tid], now[tid]
        check(f['pid'] == pid, 'state dump: %r, process %d' % (f, pid))
        check(name.startswith(f['name']) or name.startswith('kworker'), 'state dump: %r, name %s' % (f, name))
        check((f['type'] == KERNEL_THREAD) == (f['ppid'] == 2 or tid == 2), 'state dump: %r' % f)
    check((found[2]['status'], found[2]['mode'], found[2]['submode']) == (WAIT, UNKNOWN_MODE, UNKNOWN_SUBMODE),
          'kthreadd: %r' % found[2])
    return len(found)


def recorder_captures(ctx):
    """Every reader takes every capture of watch, under load."""
    need('hackbench')
    sleeper, words = ctx.helper('sleeper', 'count=1000000', 'sleep_us=20000', 'busy_us=3000', 'gate=1')
    go(sleeper)
    ctx.spawn(['hackbench', '-g', '1', '-l', '1000000'], stdout=-3)
    directory = os.path.join(ctx.dir, 'captures')
    before = everybody()
    p = ctx.spawn([ctx.whylate, 'watch', '-t', words[0], '--over', '2ms', '--captures', directory, '--syscalls=all',
                   '--ring', '1M', '--keep', '2', '--duration', '4s', '--json'], stdout=-1, stderr=-1)
    out, err = p.communicate(timeout=60)
    check(p.returncode == 0, 'status %d: %s' % (p.returncode, tail(err)))
    captures = taken_in(directory)
    check(captures, 'not one capture; %s' % tail(out, 400))
    events = dumped = lost = 0
    for path in captures[:3]:  # each by three readers: 8 of them took two minutes
        counts, synthetic, missing = recording.read_by_all(os.path.join(path, 'kernel'))
        events, lost = events + sum(counts.values()), lost + missing
        if synthetic:
            dumped += check_statedump(path, before)
        for name in ('response.json', 'machine.json', 'tasks.json'):
            with open(os.path.join(path, name)) as f:
                json.load(f)
    return '%d of %d captures, %d events, %d lost, %d tasks dumped' % (
        min(3, len(captures)), len(captures), events, lost, dumped)


# ---- torture ----------------------------------------------------------------------------------------

MUST_BE_ZERO = '''lost holes fillers wrong_sum wrong_read wrong_discarded wrong_end excess bad_header bad_content torn
    disorder bad_base raw_torn raw_disorder raw_wrong_count raw_wrong_mark raw_changed'''.split()


def torture_program(ctx):
    path = os.path.join(os.path.dirname(ctx.whylate), 'tests', 'live-torture')
    if not os.access(path, os.X_OK):
        raise Skip('%s is not there (meson setup -Dtests=true)' % path)
    return path


def torture(ctx, seconds, *args):
    """Figures of the program under full load; its last snapshots stay in DIR/out."""
    need('hackbench')
    out = os.path.join(ctx.dir, 'out')
    os.makedirs(out)
    p = ctx.spawn([torture_program(ctx), 'seconds=%d' % seconds, 'out=' + out, 'keep=2', *args], stdin=-1, stdout=-1, stderr=-1,
                  text=True)
    check(read_line(p, 60) == 'ready', 'torture: %s' % (p.poll() is not None and p.communicate()[1]))
    load = ctx.spawn(['hackbench', '-g', '2', '-l', '10000000'], stdout=-3)
    storms = [storm(ctx, 'ping'), storm(ctx, 'calls'), storm(ctx, 'calls'), storm(ctx, 'ticks', '150')]
    for s in storms:
        go(s)
    go(p)
    try:
        text, err = p.communicate(timeout=seconds + 60)
    except Exception:
        raise Fail('torture did not end')
    check(p.returncode == 0, 'torture: status %d, %s' % (p.returncode, tail(err)))
    for s in storms:
        end(s)
    os.killpg(load.pid, signal.SIGKILL)
    return json.loads(text.splitlines()[-1]), out


def recorder_torture(ctx):
    """Both CPUs at full event rate, a snapshot every 50 ms. NMIs can't be made here: untested."""
    seconds = ctx.rounds or 30
    n, out = torture(ctx, seconds, 'interval_ms=50')
    wrong = {k: n[k] for k in MUST_BE_ZERO if n[k]}
    check(not wrong, 'not zero: %s, of %s' % (wrong, n))
    check(n['written'] == n['read'] + n['lost'] + n['left_out'], 'sums: %s' % n)
    check(n['no_room'] >= n['pinned'], 'lost: %s' % n)
    check(n['snapshots'] >= seconds * 20 * 0.6, 'only %d snapshots in %d s' % (n['snapshots'], seconds))
    check(n['retries'] >= 1000 * seconds / 30, 'only %d nested reservations' % n['retries'])
    check(n['raw_same'] and n['raw_packets'] and n['records'], 'nothing was compared: %s' % n)
    for snapshot in sorted(os.listdir(out)):
        recording.read_by_all(os.path.join(out, snapshot, 'kernel'))
    return '%d snapshots, %dM records read of %dM, %d found no room, %d retries, %d packets twice the same' % (
        n['snapshots'], n['records'] / 1e6, n['total'] / 1e6, n['no_room'], n['retries'], n['raw_same'])


def recorder_torture_small(ctx):
    """The same with rings that are overrun while they are copied, and with the state machine on."""
    n, out = torture(ctx, 8, 'interval_ms=20', 'ring=524288', 'follow=1')
    wrong = {k: n[k] for k in MUST_BE_ZERO if n[k]}
    check(not wrong, 'not zero: %s, of %s' % (wrong, n))
    for snapshot in sorted(os.listdir(out)):
        recording.read_by_all(os.path.join(out, snapshot, 'kernel'))
    return '%d snapshots, %dM records read of %dM, %d found no room' % (
        n['snapshots'], n['records'] / 1e6, n['total'] / 1e6, n['no_room'])
