# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Work marks: items that begin and end where the program says so, against the program's own clock."""

import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import HERE, Skip, check, finish, free_port, go, need, now_ns, quantile, read, us, wait_for_port
from test_replay import judge, replay

SLACK_NS = 5000  # of the server's own measurement
NEVER = 0.05  # of a saturated server's requests: nearly


def entries(path):
    """{cookie: (begin, end)} of a helper's record."""
    with open(path, 'rb') as f:
        return {c: (a, b) for c, a, b in struct.iter_unpack('=QQQ', f.read())}


def by_cookie(result):
    found = {}
    for s in result.slow:
        check(s['work'], 'a response of no item: %s' % s)
        found.setdefault(s['work']['cookie'], []).append(s)
    return found


def counted(result):
    return sum(t['count'] for t in result.stats['targets'])


def sleeps(tid):
    """How often a thread has blocked."""
    with open('/proc/%d/task/%d/status' % (tid, tid)) as f:
        return int(f.read().split('\nvoluntary_ctxt_switches:')[1].split()[0])


def marks_server_that_never_idles(ctx):
    """Thread pool and epoll loop, saturated: as many responses as requests, each between the server's and the client's time."""
    total = ctx.rounds or 20000
    mine, theirs = os.path.join(ctx.dir, 'server'), os.path.join(ctx.dir, 'client')
    server, (port,) = ctx.helper('marker', 'server', 'threads=2', 'busy_us=20', 'record=' + mine)
    client, _ = ctx.helper('marker', 'client', 'port=' + port, 'total=%d' % total, 'connections=32', 'burst=1000',
                           'record=' + theirs)
    w = ctx.watch('-p', server.pid, '--until', 'mark', '--over', '1ns', '--timeout', 'none')
    before = sleeps(server.pid)
    go(client)
    finish(client, 120)
    slept = sleeps(server.pid) - before
    r = w.stop()
    go(server)
    finish(server, 20)
    served, asked, found = entries(mine), entries(theirs), by_cookie(r)
    check(len(served) == len(asked) == total, '%d asked, %d served' % (len(asked), len(served)))
    check(counted(r) == total, '%d counted of %d served; %s' % (counted(r), total, r.losses()))
    check(len(r.slow) + r.lost() == total, '%d told, %d lost' % (len(r.slow), r.lost()))
    check(len(r.slow) >= 0.99 * total, 'only %d of %d told' % (len(r.slow), total))
    short, long, steps, missing = [], [], 0, 0
    for cookie, responses in found.items():
        check(len(responses) == 1, 'cookie %s: %d responses' % (cookie, len(responses)))
        s, c = responses[0], int(cookie)
        (begin, end), (sent, got) = served[c], asked[c]
        check(s['stimulus']['kind'] != 'mark', 'a request that nobody sent: %s' % s)
        steps += len(s['work']['steps'])
        check(len(s['work']['steps']) <= c % 2, 'steps of %s: %s' % (cookie, s['work']))
        missing += c % 2 - len(s['work']['steps'])
        if s['response_ns'] < end - begin - SLACK_NS:
            short.append(s)
        elif s['response_ns'] > got - sent:
            long.append((s['response_ns'] - (got - sent), s))
    check(slept <= NEVER * total, 'it went idle %d times in %d requests' % (slept, total))
    figures = 'slept=%d requests=%d counted=%d told=%d short=%d long=%d steps=%d worst_over=%s' % (
        slept, total, counted(r), len(r.slow), len(short), len(long), steps, us(max([n for n, _ in long], default=0)))
    # who holds a set's lock for longer than another mark tries: that mark is lost, and counted
    check(missing <= r.counter('mark_lost'), '%d steps are missing, %d counted as lost' % (missing, r.counter('mark_lost')))
    check(not short, 'shorter than the server says: %s %s' % (figures, short[:1]))
    check(len(long) <= 0.001 * len(r.slow), 'longer than the client says: %s %s' % (figures, long[:2]))
    check(r.unknown_share() < 0.01, 'unknown %.3f' % r.unknown_share())
    return figures + ' ' + r.losses()


def marks_through_three_threads(ctx):
    """An item that passes three threads and a file sync is one response that names all of it."""
    count, file = ctx.rounds or 40, os.path.join('/var/tmp', 'wl-marks-%d' % os.getpid())
    record = os.path.join(ctx.dir, 'record')
    try:
        p, _ = ctx.helper('marker', 'relay', 'count=%d' % count, 'file=' + file, 'record=' + record)
        w = ctx.watch('-p', p.pid, '--until', 'mark', '--over', '1ns')
        go(p)
        finish(p, 60)
        r = w.stop()
    finally:
        if os.path.exists(file):
            os.unlink(file)
    own, found = entries(record), by_cookie(r)
    check(counted(r) == len(r.slow) == len(found) == count, '%d counted, %d told, %d cookies, of %d; %s' %
          (counted(r), len(r.slow), len(found), count, r.losses()))
    waits = 0
    for cookie, (begin, end) in own.items():
        s = found['item "%d"\n\ufffd' % cookie][0]  # escaped, and the bytes beside it
        check(bytes.fromhex(s['work']['cookie_hex']) == b'item "%d"\n\xff' % cookie, 'cookie: %s' % s['work'])
        steps = s['work']['steps']
        check([x['name'] for x in steps] == ['sync'], 'steps: %s' % s['work'])
        threads = {s['work']['begin_tid'], steps[0]['tid'], s['target']['tid']}
        check(len(threads) == 3 and s['target']['comm'] == 'mark-answer', 'threads: %s' % s)
        check(s['response_ns'] >= end - begin, '%d ns, but the program says %d' % (s['response_ns'], end - begin))
        kinds = [x['kind'] for x in s['segments']]
        # two hand-offs, and work on both sides of them: 0.3 ms before, 0.2 ms after
        check(kinds.count('wakeup') + kinds.count('throttled') >= 2, 'hand-offs: %s' % kinds)
        check(s['budget']['running'] >= 480000, 'running: %s' % s['budget'])
        waits += bool(s['budget'].get('io'))
    check(waits >= 0.9 * count, 'the sync is in %d of %d' % (waits, count))
    check(r.unknown_share() < 0.01, 'unknown %.3f' % r.unknown_share())
    return 'items=%d with_io=%d unknown=%.4f median=%s %s' % (
        count, waits, r.unknown_share(), us(quantile([s['response_ns'] for s in r.slow], .5)), r.losses())


def marks_in_every_order(ctx):
    """Many on one thread, two processes, a signal handler, twice, without begin, without end."""
    record = os.path.join(ctx.dir, 'record')
    p, _ = ctx.helper('marker', 'cases', 'record=' + record)
    w = ctx.watch('-p', p.pid, '--until', 'mark', '--over', '1ns', '--timeout', '300ms', '--follow', 'process')
    go(p)
    end = now_ns() + 10 ** 10
    while now_ns() < end and b'"reason":"timeout"' not in open(w.out_path, 'rb').read():
        pass
    r = w.stop()
    go(p)
    finish(p, 20)
    found = by_cookie(r)
    for cookie, (begin, ended) in entries(record).items():
        s = found[str(cookie)]
        check(len(s) == 1 and s[0]['response_ns'] >= ended - begin - SLACK_NS, '%d: %s' % (cookie, s))
    check(len(found['3000']) == 20, 'in one of two processes: %d' % len(found['3000']))
    check(len(found['4000']) == 1 and len(found['5000']) == 10, 'signals: %d %d' %
          (len(found['4000']), len(found.get('5000', []))))
    check(len(found['6000']) == 1, 'twice: %d' % len(found['6000']))
    check(len(found[str(2 ** 64 - 1)]) == 1, '64 bits: %s' % sorted(found)[-3:])
    check(r.counter('mark_twice') == 1, 'mark_twice %d' % r.counter('mark_twice'))
    check(r.counter('mark_unbegun') == 3, 'mark_unbegun %d' % r.counter('mark_unbegun'))
    stuck = {t['work']['cookie'] for t in r.timeouts}
    check(stuck == {'7000'}, 'without an end: %s' % stuck)
    return 'responses=%d stuck=%s %s' % (len(r.slow), ','.join(stuck), r.losses())


def marks_replay(ctx):
    """A capture of marked work, through the same state machine: the same responses."""
    server, (port,) = ctx.helper('marker', 'server', 'threads=2', 'busy_us=50')
    client, _ = ctx.helper('marker', 'client', 'port=' + port, 'total=1000000000', 'connections=6')
    go(client)
    total, err = replay(ctx, 700, '-p', server.pid, '--until', 'mark')
    client.kill()
    return judge(total, err, 1000)


def marks_of_functions(ctx):
    """A program without marks: its functions are, by argument and by thread."""
    need('gcc')
    source, program = os.path.join(ctx.dir, 'plain.c'), os.path.join(ctx.dir, 'plain')
    with open(source, 'w') as f:
        f.write('''#include <stdlib.h>
            #include <unistd.h>
            __attribute__((noinline)) long handle(const char *name, unsigned long id)
            { usleep(300); return name[0] + (long)id; }
            int main(void) { long n = 0; for (unsigned i = 0; i < 50; i++) { n += handle("na\\\\me", 1ul << 63 | i); usleep(100); }
            return n == 0; }''')
    check(subprocess.call(['gcc', '-O1', '-o', program, source]) == 0, 'gcc')
    begin, end = 'uprobe:%s:handle' % program, 'uretprobe:%s:handle' % program
    seen = []
    for keys in ((), ('--begin-key', 'arg0:str')):
        w = ctx.watch('--begin', begin, '--end', end, *keys, '--over', '1ns', '--timeout', 'none', command=[program])
        r = w.wait()
        seen.append(len(r.slow))
        if not keys:
            check(len(r.slow) == 50, '%d of 50: %s' % (len(r.slow), r.losses()))
            check(all(s['response_ns'] >= 300000 for s in r.slow), 'shorter than its sleep')
            check(all(s['work']['cookie'] == str(s['target']['tid']) for s in r.slow), 'cookie is not the thread')
        else:
            check(r.counter('mark_twice') >= 45, 'one name, begun again and again: %s' % r.losses())
    return 'by_thread=%d by_name=%d' % tuple(seen)


PLAIN_HEADER = '#include <stdio.h>\n#include <unistd.h>\n#include <pthread.h>\n#include <whylate/mark.h>\n'
ITEMS = 20
ITEMS_MAIN = PLAIN_HEADER + """int main(void) { char go[8]; fgets(go, 8, stdin);
    for (int i = 0; i < %d; i++) { whylate_work_begin(i); usleep(300); whylate_work_end(i); }
    fgets(go, 8, stdin); return 0; }""" % ITEMS


def build(ctx, source, name='program', header=None):
    """Compiles a program with marks; header: a directory with another whylate/mark.h."""
    need('gcc')
    program = os.path.join(ctx.dir, name)
    with open(program + '.c', 'w') as f:
        f.write(source)
    r = subprocess.run(['gcc', '-O2', '-pthread', '-I', header or os.path.join(HERE, '..', '..', 'include'), '-o', program,
                        program + '.c'], capture_output=True, text=True)
    check(r.returncode == 0, 'gcc: ' + r.stderr)
    return program


def started(ctx, program):
    return ctx.spawn([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)


def items_of(ctx, *programs):
    """Watches them while each makes its items."""
    w = ctx.watch('-p', ','.join(str(p.pid) for p in programs), '--until', 'mark', '--over', '1ns', '--timeout', 'none')
    for p in programs:
        go(p)
    end = now_ns() + 10 ** 10
    while now_ns() < end and open(w.out_path, 'rb').read().count(b'"type":"slow"') < ITEMS * len(programs):
        time.sleep(0.05)
    r = w.stop()
    for p in programs:
        go(p)
        finish(p, 10)
    return r


def marks_of_two_containers(ctx):
    """Two overlays of one directory: one file to the kernel, and each mark counts once."""
    program = build(ctx, ITEMS_MAIN, 'image')
    mounted, processes = [], []
    try:
        for n in 'a', 'b':
            upper, work, merged = (os.path.join(ctx.dir, n + x) for x in ('-upper', '-work', '-merged'))
            lower = os.path.join(ctx.dir, 'lower')
            for d in upper, work, merged, lower:
                os.makedirs(d, exist_ok=True)
            if not mounted:
                os.rename(program, os.path.join(lower, 'image'))
            if subprocess.call(['mount', '-t', 'overlay', 'overlay', '-o',
                                'lowerdir=%s,upperdir=%s,workdir=%s' % (lower, upper, work), merged]):
                raise Skip('no overlay can be mounted here')
            mounted.append(merged)
            processes.append(started(ctx, os.path.join(merged, 'image')))
        check(os.stat(mounted[0] + '/image').st_dev != os.stat(mounted[1] + '/image').st_dev, 'one device')
        r = items_of(ctx, *processes)
        check(counted(r) == len(r.slow) == 2 * ITEMS, '%d counted, %d told; %s' % (counted(r), len(r.slow), r.losses()))
        check(not r.counter('mark_twice') and not r.counter('mark_unbegun'), r.losses())
    finally:
        for p in processes:
            p.kill()
            p.wait()
        for m in mounted:
            subprocess.call(['umount', m])
    return '%d items; %s' % (len(r.slow), r.losses())


def marks_of_a_deleted_file(ctx):
    """A program that was replaced while it runs, by an update."""
    program = build(ctx, ITEMS_MAIN)
    p = started(ctx, program)
    end = now_ns() + 10 ** 10
    while now_ns() < end and os.readlink('/proc/%d/exe' % p.pid) != program:
        pass
    os.unlink(program)
    r = items_of(ctx, p)
    check(len(r.slow) == ITEMS, '%d items; %s' % (len(r.slow), r.losses()))
    return '%d items' % len(r.slow)


def marks_of_a_rebuilt_file(ctx):
    """Overwritten between two runs, in one watch: without marks, with marks, with marks in other places."""
    name = ctx.name()
    program = os.path.join(ctx.dir, name)
    unmarked = ITEMS_MAIN.replace('whylate_work_begin(i)', '').replace('whylate_work_end(i)', '')
    moved = ITEMS_MAIN.replace('int main(void) {', 'int main(void) { for (volatile int n = 0; n < 9; n++) printf("%d", n);')
    w = ctx.watch('-n', name, '--until', 'mark', '--over', '1ns', '--timeout', 'none')
    for n, source in enumerate((unmarked, ITEMS_MAIN, moved)):
        with open(build(ctx, source, 'built%d' % n), 'rb') as new, open(program, 'wb') as old:
            old.write(new.read())
        os.chmod(program, 0o755)
        p = started(ctx, program)
        time.sleep(1)
        go(p)
        time.sleep(0.2)
        go(p)
        finish(p, 10)
    r = w.stop()
    check(len(r.slow) == 2 * ITEMS, '%d items; %s' % (len(r.slow), r.losses()))
    return '%d items' % len(r.slow)


def marks_attached_while_busy(ctx):
    """Marks that are made while they are attached to: no item is taken for unfinished whose end could not be seen yet."""
    program = build(ctx, PLAIN_HEADER + """int main(void) { puts("on"); fflush(stdout);
        for (unsigned long i = 0;; i++) { whylate_work_begin(i); for (volatile int n = 0; n < 2000; n++) ; whylate_work_end(i); } }""")
    p = started(ctx, program)
    p.stdout.readline()
    w = ctx.watch('-p', p.pid, '--until', 'mark', '--over', '10s', '--timeout', '500ms')
    time.sleep(1.5)
    r = w.stop()
    p.kill()
    check(counted(r) > 1000, '%d counted; %s' % (counted(r), r.losses()))
    check(not r.timeouts, '%d taken for unfinished: %s' % (len(r.timeouts), r.timeouts[:1]))
    return '%d items' % counted(r)


def marks_of_targets_only(ctx):
    """Unfinished items of another thread of the target's process are nobody's business."""
    program = build(ctx, PLAIN_HEADER + """#include <sys/syscall.h>
        static volatile int went;
        static void *other(void *arg) { printf("%ld\\n", syscall(SYS_gettid)); fflush(stdout); getchar();
            whylate_work_begin(2); usleep(10000); went = 1; (void)arg; for (;;) pause(); }
        int main(void) { pthread_t t; pthread_create(&t, NULL, other, NULL);
            while (!went) usleep(1000); whylate_work_begin(1); for (;;) pause(); }""")
    p = started(ctx, program)
    tid = p.stdout.readline().strip()
    w = ctx.watch('-t', tid, '--until', 'mark', '--over', '1ns', '--timeout', '300ms')
    q = started(ctx, program)  # not at all
    q.stdout.readline()
    time.sleep(0.5)
    for x in p, q:
        go(x)
    time.sleep(1.5)
    r = w.stop()
    for x in p, q:
        x.kill()
    stuck = sorted((t['work']['cookie'], t['target']['tid']) for t in r.timeouts)
    check(stuck == [('2', int(tid))], 'unfinished: %s, of %s' % (stuck, tid))
    return str(stuck)


def marks_of_other_probes(ctx):
    """USDT probes of another provider, by number and by string; and a key that they don't have."""
    header = os.path.join(ctx.dir, 'include')
    os.makedirs(header + '/whylate')
    with open(os.path.join(HERE, '..', '..', 'include', 'whylate', 'mark.h')) as f:
        text = f.read().replace('.asciz \\"whylate\\"', '.asciz \\"other\\"')
    with open(header + '/whylate/mark.h', 'w') as f:
        f.write(text)
    program = build(ctx, PLAIN_HEADER + """int main(void) { char text[32];
        for (int i = 0; i < %d; i++) { snprintf(text, sizeof(text), "item %%d", i);
            whylate_work_begin(i); usleep(300); whylate_work_end(i);
            whylate_work_begin((const char *)text); usleep(300); whylate_work_end((const char *)text); }
        return 0; }""" % ITEMS, header=header)
    found = []
    for begin, end, key in ('begin', 'end', 'arg0'), ('begin_str', 'end_str', 'arg0:str'), ('begin', 'end', 'arg5'):
        r = ctx.watch('--begin', 'usdt:%s:other:%s' % (program, begin), '--begin-key', key,
                      '--end', 'usdt:%s:other:%s' % (program, end), '--end-key', key,
                      '--over', '1ns', '--timeout', 'none', command=[program]).wait()
        found.append((len(r.slow), r.counter('mark_lost'), sorted(s['work']['cookie'] for s in r.slow)[:1]))
        if key != 'arg5':
            check(all(s['response_ns'] >= 300000 for s in r.slow), 'shorter than its sleep')
    check(found == [(ITEMS, 0, ['0']), (ITEMS, 0, ['item 0']), (0, 2 * ITEMS, [])], str(found))
    return str(found)


def example_server(ctx, over):
    """examples/server.c, a connection to it, and a watch of it."""
    port = free_port()
    server = ctx.spawn([ctx.example('server'), port], stderr=subprocess.PIPE)
    wait_for_port(port)
    client = socket.create_connection(('127.0.0.1', port), 20)
    return server, client, ctx.watch('-p', server.pid, '--until', 'mark', '--over', over, '--timeout', 'none')


def marks_of_the_server_example(ctx):
    """examples/server.c: each line is one response, and the late ones have synced a file."""
    lines, took = 1000, []
    _, client, w = example_server(ctx, '1ns')
    for n in range(lines):
        sent = now_ns()
        client.sendall(b'hello %d\n' % n)
        answer = client.recv(100)
        took.append(now_ns() - sent)
        check(answer == b'HELLO %d\n' % n, '%r to %d' % (answer, n))
    client.close()
    r = w.stop()
    found = by_cookie(r)
    check(sorted(found, key=int) == [str(n + 1) for n in range(lines)], '%d told; %s' % (len(found), r.losses()))
    synced = sorted(int(c) for c, [s] in found.items() if [x['name'] for x in s['work']['steps']] == ['worker', 'save'])
    check(synced == [500, 1000], 'synced: %s' % synced)
    check(all(s['stimulus']['kind'] != 'mark' for [s] in found.values()), 'requests that nobody sent')
    # all of it is in there, but the way back to the client and the marks' own last step
    check(all(found[str(c)][0]['response_ns'] > 0.5 * took[c - 1] for c in synced), 'shorter than the sync')
    return '%d lines, synced %s' % (lines, ' '.join(us(found[str(c)][0]['response_ns']) for c in synced))


def marks_of_the_flooded_example(ctx):
    """A client that does not wait for answers, as in its comment: the server keeps up, and nothing is lost of what it does."""
    lines = 30000
    server, client, w = example_server(ctx, '10s')
    sender = threading.Thread(target=client.sendall, args=(b'hello\n' * lines,))
    sender.start()
    answered = 0
    while answered < 6 * lines:
        answered += len(client.recv(1 << 16))
    sender.join()
    client.close()
    r = w.stop()
    most = int(re.search(r'VmHWM:\s*(\d+)', read('/proc/%d/status' % server.pid)).group(1))
    check(counted(r) == lines, '%d responses of %d lines; %s' % (counted(r), lines, r.losses()))
    check(not r.counter('mark_evicted') and not r.counter('mark_unbegun'), r.losses())
    check(most < 16384, 'the server took %d KiB' % most)
    return '%d lines, the server took %d KiB' % (lines, most)


def marks_of_the_python_example(ctx):
    """examples/worker.py with its helper library: strings from a queue, in two threads."""
    jobs = 60
    r = ctx.watch('--until', 'mark', '--over', '1ns', '--timeout', 'none',
                  command=['python3', os.path.join(HERE, '..', '..', 'examples', 'worker.py'),
                           ctx.example('libmark.so'), jobs]).wait()
    found = by_cookie(r)
    check(sorted(found) == sorted('job %d' % n for n in range(jobs)), '%s; %s' % (sorted(found), r.losses()))
    check(all([x['name'] for x in s['work']['steps']] == ['store'] for [s] in found.values()), 'steps')
    slow = max(r.slow, key=lambda s: s['response_ns'])
    check(slow['response_ns'] >= 20000000, 'the slow one: %s' % slow)
    return '%d jobs, slowest %s' % (len(r.slow), us(slow['response_ns']))


def marks_other_tools(ctx):
    """bpftrace sees the marks under the provider's name, as often as they are made."""
    need('bpftrace')
    p, _ = ctx.helper('marker', 'cases')
    script = 'usdt:%s:whylate:%%s { @%%s = count(); }' % ctx.binary('marker')
    b = ctx.spawn(['bpftrace', '-e', script % ('begin', 'b') + script % ('end', 'e') + script % ('step', 's') +
                   'BEGIN { printf("on\\n"); }'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while b.poll() is None and not b.stdout.readline().startswith('on'):
        pass
    go(p)
    p.communicate('go\n', timeout=20)
    b.send_signal(signal.SIGINT)
    out = b.communicate(timeout=90)[0]
    # 500, 2 * 20, 1 + 10, 2, 1, 1; one end more, of nothing twice; one step
    check('@b: 555' in out and '@e: 555' in out and '@s: 1' in out, out)
    return ' '.join(out.split())


def marks_lttng_ust(ctx):
    """The same marks and the slow responses in an LTTng trace of user space."""
    need('lttng', 'lttng-sessiond', 'babeltrace2', 'gcc')
    library = os.path.join(os.path.dirname(ctx.whylate), 'libwhylate-ust.so.0')
    if not os.path.exists(library):
        raise Skip('built without liblttng-ust')
    home, count = os.path.join(ctx.dir, 'home'), 30
    program = os.path.join(ctx.dir, 'marked')
    with open(program + '.c', 'w') as f:
        f.write('''#include <unistd.h>
            #include <whylate/mark.h>
            int main(void) { for (int i = 0; i < %d; i++) { whylate_work_begin(i); usleep(500); whylate_work_step(i, "half");
            whylate_work_end(i); } return 0; }''' % count)
    r = subprocess.run(['gcc', '-O2', '-DWHYLATE_LTTNG', '-I', os.path.join(HERE, '..', '..', 'include'), '-o', program,
                        program + '.c', library, '-llttng-ust'], capture_output=True, text=True)
    check(r.returncode == 0, 'gcc: ' + r.stderr)
    os.mkdir(home)
    env = dict(os.environ, HOME=home, LTTNG_HOME=home, LTTNG_UST_REGISTER_TIMEOUT='5000')
    saved = dict(os.environ)
    rundir = ['lttng', '--no-sessiond']
    daemon = ctx.spawn(['env', 'HOME=' + home, 'LTTNG_HOME=' + home, 'lttng-sessiond', '--no-kernel'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        os.environ.update(env, LD_LIBRARY_PATH=os.path.dirname(library))

        def lttng(*args):
            return subprocess.run([*rundir, *args], capture_output=True, text=True, env=env)
        for _ in range(100):
            if lttng('create', 'wl', '--output=' + os.path.join(home, 'trace')).returncode == 0:
                break
            time.sleep(0.1)
        check(lttng('enable-event', '-u', 'whylate:*').returncode == 0, 'enable-event')
        check(lttng('start').returncode == 0, 'start')
        w = ctx.watch('--until', 'mark', '--over', '1ns', '--timeout', 'none', '--lttng', command=[program])
        r = w.wait()
        lttng('stop')
        lttng('destroy')
    finally:
        os.environ.clear()
        os.environ.update(saved)
        daemon.terminate()
    text = subprocess.run(['babeltrace2', os.path.join(home, 'trace')], capture_output=True, text=True).stdout
    n = {name: text.count(' whylate:%s: ' % name) for name in ('begin', 'step', 'end', 'slow')}
    check(n == {'begin': count, 'step': count, 'end': count, 'slow': len(r.slow)} and len(r.slow) == count, str(n))
    return str(n)
