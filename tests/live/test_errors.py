# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What goes wrong, and what whylate says and returns then."""

import os
import re
import shutil
import signal
import subprocess
import time
import unicodedata

from harness import check, finish, go, need, now_ns, read, tail, Fail

NO_SUCH_PID = 4194303


def _control_bytes(data):
    """Control characters other than newline and tab; and bytes that are not UTF-8."""
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError as e:
        return 'invalid UTF-8 at %d: %r' % (e.start, data[max(0, e.start - 40):e.start + 20])
    for i, c in enumerate(text):
        if unicodedata.category(c) in ('Cc', 'Cf', 'Cs') and c not in '\n\t':
            return 'control character %r in %r' % (c, text[max(0, i - 40):i + 20])
    return None


def _sleeper(ctx, *args):
    p, words = ctx.helper('sleeper', 'gate=1', *args)
    return p, int(words[0])


def _refused(ctx, args, pattern, status=2, exact=None, **kw):
    got, out, err = ctx.run(['watch', *args], timeout=10, **kw)
    text = err.decode('utf-8', 'replace')
    what = '%s: exit %d, stderr %r' % (' '.join(map(str, args)), got, text)
    check(got == status, what + ', expected exit %d' % status)
    check(out == b'', '%s, stdout %r' % (what, out[:200]))
    if exact is not None:
        check(text == exact, what + ', expected %r' % exact)
    check(re.search(pattern, text), what + ', expected /%s/' % pattern)


def errors_no_root(ctx):
    need('setpriv')
    os.chmod(ctx.root, 0o711)
    os.chmod(ctx.dir, 0o711)
    copy = os.path.join(ctx.dir, 'whylate')
    shutil.copy(ctx.whylate, copy)
    os.chmod(copy, 0o755)
    p = ctx.spawn(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', copy, 'watch', '-n', 'x', '--duration', '1s'],
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd='/')
    out, err = p.communicate(timeout=20)
    text = err.decode('utf-8', 'replace')
    check(p.returncode == 3, 'exit %d: %s' % (p.returncode, text))
    check(re.search(r'root|CAP_|privilege|permission|sudo', text, re.I), 'stderr %r' % text)
    check(len(text.splitlines()) <= 5 and 'libbpf' not in text, 'stderr is not clear: %r' % text)
    return repr(text.strip())


def errors_unknown_pid(ctx):
    for option in '-p', '-t':
        t = time.monotonic()
        status, out, err = ctx.run(['watch', option, str(NO_SUCH_PID)], timeout=20)
        text = err.decode()
        check(status in (1, 2) and str(NO_SUCH_PID) in text, '%s: exit %d, %r' % (option, status, text))
        check(time.monotonic() - t < 8, 'took %.1f s' % (time.monotonic() - t))
    return 'exit %d, %r' % (status, text.strip())


def errors_bad_duration(ctx):
    for option in '--over', '--duration', '--timeout':
        _refused(ctx, [option, '5x'], 'duration',
                 exact="whylate: %s: '5x' is not a duration (try 250us, 5ms, 1.5s)\n" % option)
    for bad in '', '-5ms', '5 ms', '0', '1e3', '99999999999999999999s', 'ms', '\x1b[31m5ms':
        status, out, err = ctx.run(['watch', '--duration', bad], timeout=10)
        check(status == 2 and b'--duration' in err, '%r: exit %d, %r' % (bad, status, err))
        check(not _control_bytes(err), '%r: %s' % (bad, _control_bytes(err)))
    return "3 options with 5x, 8 other values"


def errors_conflicting_and_unknown_options(ctx):
    for args in [['-q', '-v'], ['-p', '1', '--', 'true'], ['-t', '1', '--', 'true'],
                 ['--until', 'run', '--idle', 'read'], ['--until', 'never'], ['--softirq', 'NOPE'],
                 ['--nonsense'], ['-Z'], ['-p'], ['-p', 'x'], ['-p', '0'], ['-p', '1,,2'], ['-n', ''],
                 ['--idle', 'nocall'], ['--color', 'pink'], ['--json=1'], ['stray'], ['--over', 'p101'], ['--']]:
        _refused(ctx, args, r'^whylate: .+\n$')
    for verb in [], ['wach'], ['-x']:
        status, out, err = ctx.run(verb, timeout=10)
        check(status == 2 and err and not out, '%s: exit %d, stderr %r' % (verb, status, err))
    for args in ['-u', 'no-such-user'], ['--cgroup', '/no/such/group'], ['--irq', 'no-such-irq']:
        status, out, err = ctx.run(['watch', *args, '--duration', '1s'], timeout=20)
        check(status in (1, 2) and args[1].encode() in err, '%s: exit %d, stderr %r' % (args, status, err))
    return '25 command lines'


def errors_no_task_matches(ctx):
    """A name may come later; but after 5 s without a response it says why."""
    name = 'no\x1b[31mtask'
    status, out, err = ctx.run(['watch', '-n', name, '--duration', '7s'], timeout=20)
    check(status == 0, 'exit %d: %r' % (status, err))
    both = out + err
    check(b'no task' in both.lower(), 'nothing said: %r' % both)
    check(not _control_bytes(both), _control_bytes(both))
    return 'said'


def errors_target_exits(ctx):
    for how in '-p', '-t':
        p, pid = _sleeper(ctx, 'count=300')
        # asleep at its gate when we come, so its naps are no home: count the runs
        w = ctx.watch(how, pid, '--until', 'run', '--over', '1s')
        go(p)
        finish(p, 20)
        gone = now_ns()
        r = w.wait(15)
        took = (now_ns() - gone) / 1e9
        check(r.status == 0, '%s: exit %d, %s' % (how, r.status, r.errors))
        count = sum(t['count'] for t in r.stats['targets'])
        check(297 <= count <= 303, '%s: %d responses of 300' % (how, count))
    return 'ended %.1f s after it, %d responses of 300' % (took, count)


def errors_two_instances(ctx):
    server, port, _ = ctx.memcached(ctx.rng.randint(1, 4))
    load, _ = ctx.helper('mcclient', port, os.path.join(ctx.dir, 'record'), 'connections=4', 'total=12000', 'think_us=300')
    time.sleep(0.2)
    sessions = [ctx.watch('-p', server.pid, '--over', '1s') for _ in range(2)]
    go(load)
    finish(load, 60)
    time.sleep(0.1)
    counts = [sum(t['count'] for t in w.stop().stats['targets'] if t['stimulus']['name'] == 'NET_RX') for w in sessions]
    check(abs(counts[0] - counts[1]) <= 0.02 * max(counts) and min(counts) > 11000, 'counts %s of 12000' % counts)
    return 'counts %d and %d of 12000' % tuple(counts)


def _memory_peak(w):
    m = re.search(r'VmHWM:\s*(\d+) kB', read('/proc/%d/status' % w.process.pid))
    return int(m.group(1)) // 1024 if m else 0


def _awake(r):
    return sum(t['count'] for t in r.stats['targets'] if t['comm'] == 'many-awake')


def errors_ten_thousand_threads(ctx):
    """10,000 threads asleep before it starts, 3 of them woken 100 times each."""
    p, words = ctx.helper('manythreads', '10000', '3', '100')
    t = now_ns()
    w = ctx.watch('-p', words[0], '--over', '1s')
    took = (w.start_seen_ns - t) / 1e9
    check(took < 10, 'starting took %.1f s' % took)
    go(p)
    reads = int(finish(p, 60)[-1].split()[1])
    peak = _memory_peak(w)
    r = w.wait(30)
    check(peak < 256, 'used %d MiB' % peak)
    check(reads == 300 and abs(_awake(r) - reads) <= 3, '%d responses of %d; %s' % (_awake(r), reads, r.losses()))
    return 'start %.1f s, %d responses of %d, %d MiB' % (took, _awake(r), reads, peak)


def errors_ten_thousand_threads_born_under_watch(ctx):
    w = ctx.watch('-n', 'manythreads', '--over', '1s')
    p, _ = ctx.helper('manythreads', '10000', '3', '100')
    go(p)
    reads = int(finish(p, 60)[-1].split()[1])
    peak = _memory_peak(w)
    r = w.stop()
    # a thread's first wait follows its birth: one response more or less for each
    check(reads == 300 and abs(_awake(r) - reads) <= 6, '%d responses of %d; %s' % (_awake(r), reads, r.losses()))
    check(peak < 256, 'used %d MiB' % peak)
    return '%d responses of %d, %d MiB' % (_awake(r), reads, peak)


HOSTILE = [b'\x1b]0;owned\x07\xff\xfe', b'\xc2\x9b31mred\n\r\x08', b'"\\\x01{}\xc3(\x80', b'\xf0\x9f\x98', b'\xe2\x80\xaegnp.exe',
           b'%s%n%x\x7f', b'\x1b[2J\x1b[31m']


def _is_utf8(b):
    try:
        b.decode('utf-8')
        return True
    except UnicodeDecodeError:
        return False


def errors_hostile_names(ctx):
    for name in HOSTILE:
        name = name[:15]
        p, pid = _sleeper(ctx, 'count=100000', 'busy_us=400', 'hex=' + name.hex())
        go(p)
        status, out, err = ctx.run(['watch', '-p', pid, '--over', '100us', '--duration', '600ms', '-v'], timeout=20)
        check(status == 0 and len(out) > 200, '%r: exit %d, %r %r' % (name, status, out, err))
        for stream in out, err:
            check(not _control_bytes(stream), '%r: %s' % (name, _control_bytes(stream)))
        r = ctx.watch('-p', pid, '--over', '100us', '--duration', '400ms').wait()
        check(r.slow, '%r: nothing slow' % name)
        for key, field in ('comm', 'comm_hex'), ('process', 'process_hex'):
            target = r.slow[0]['target']
            if _is_utf8(name):
                check(target[key].encode() == name, '%r: %r' % (name, target))
            else:
                check('\ufffd' in target[key] and target.get(field) == name.hex(), '%r: %r' % (name, target))
        p.kill()
    return '%d names' % len(HOSTILE)


def errors_fail_on_slow(ctx):
    p, pid = _sleeper(ctx, 'count=100000', 'busy_us=3000')
    go(p)
    base = ['watch', '-p', pid, '--duration', '500ms', '--fail-on-slow']
    slow = ctx.run([*base, '--over', '1ms'])[0]
    fast = ctx.run([*base, '--over', '5s'])[0]
    without = ctx.run([*base[:-1], '--over', '1ms'])[0]
    check((slow, fast, without) == (4, 0, 0), 'slow: exit %d, nothing slow: %d, not asked: %d' % (slow, fast, without))
    return 'exit 4 when slow, 0 otherwise'


def errors_command_status(ctx):
    sleeper = ctx.binary('sleeper')
    wanted = ctx.rng.randint(5, 120)
    r = ctx.watch('--over', '1s', command=[sleeper, 'count=100', 'exit=%d' % wanted]).wait()
    check(r.status == wanted, 'exit %d, the command\'s is %d' % (r.status, wanted))
    count = sum(t['count'] for t in r.stats['targets'])
    check(95 <= count <= 110, '%d responses of 100' % count)
    check(ctx.watch('--over', '1s', command=['sh', '-c', 'kill -9 $$']).wait().status == 137, 'killed command: not 137')
    status, out, err = ctx.run(['watch', '--', './no-such-command'])
    check(status not in (0, 3) and b'no-such-command' in err, 'missing command: exit %d, %r' % (status, err))
    return 'exit %d passed on, %d responses of 100; killed 137; missing %d' % (wanted, count, status)


def errors_interrupt(ctx):
    """SIGINT and SIGTERM: the summary, exit 0; in text the sentence about nothing slow."""
    p, pid = _sleeper(ctx, 'count=100000')
    go(p)
    for sig in signal.SIGINT, signal.SIGTERM:
        t = ctx.spawn([ctx.whylate, 'watch', '-p', pid, '--over', '5s'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(t.stderr.readline().startswith(b'watching '), 'it did not start')
        time.sleep(1.5)
        t.send_signal(sig)
        out, err = t.communicate(timeout=10)
        check(t.returncode == 0, '%s: exit %d, %r' % (sig.name, t.returncode, err))
        check(b'no response over 5s' in out, '%s: no sentence in %r' % (sig.name, tail(out)))
        check(not _control_bytes(out + err), _control_bytes(out + err))
    w = ctx.watch('-p', pid, '--over', '5s')
    time.sleep(0.5)
    r = w.stop(10)
    check(r.status == 0 and r.stats['targets'], 'json: exit %d, %s' % (r.status, r.stats))
    return repr(next(x for x in out.decode().splitlines() if 'no response over' in x))


def errors_reader_goes(ctx):
    """whylate | head -1 ends quietly, a full disk does not."""
    p, pid = _sleeper(ctx, 'count=100000', 'busy_us=300')
    go(p)
    found = []
    for extra in ['--json'], []:
        line = ' '.join(['"$0"', 'watch', '-p', str(pid), '--over', '100us', '--captures', 'none', *extra])
        t = ctx.spawn(['bash', '-c', '(%s; echo "status $?" >&2) | head -1' % line, ctx.whylate],
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = t.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            raise Fail('did not end in 10 s after its reader had gone: %s' % extra)
        m = re.fullmatch(rb'(watching [^\n]*\n)?status (0|1|141)\n', err)
        check(out and m, '%s: stdout %r stderr %r' % (extra, out[:100], err))
        found.append(m.group(2).decode())
    with open('/dev/full', 'wb') as full:
        t = ctx.spawn([ctx.whylate, 'watch', '-p', pid, '--over', '100us', '--duration', '1s'], stdout=full, stderr=subprocess.PIPE)
        _, err = t.communicate(timeout=10)
    check(t.returncode == 1 and b'No space left' in err, 'full disk: exit %d, %r' % (t.returncode, err))
    return 'exit status %s; full disk 1' % ', '.join(found)


CONFIGURATIONS = ['', '--captures none', '--syscalls --ring 512K', '--syscalls=all --until run', '--until run', '--until block', '--until idle', '-n a* -n b', '--rt -u root', '--timeout none',
                  '--irq 1 --softirq NET_RX --timer', '--follow all', '--over worst', '--over p99', '--idle futex',
                  '-p 1 -t 1', '--until mark', '--until mark --captures none --timeout none', '--until mark --syscalls --follow all -t 1']


def errors_begin_without_end(ctx):
    """Items that nothing would ever end; a program with end marks of its own does it."""
    marker = ctx.binary('marker')
    _refused(ctx, ['--begin', 'uprobe:%s:main' % ctx.whylate], '--end',
             exact='whylate: --begin: nothing ends what begins there (add --end PROBE)\n')
    _refused(ctx, ['--begin', 'uprobe:/nonexistent:main'], '--begin', exact="whylate: --begin: '/nonexistent': No such file or directory\n")
    status, _, err = ctx.run(['watch', '--begin', 'uprobe:%s:main' % marker, '--duration', '100ms'])
    check(status == 0, 'exit %d, %r' % (status, err))
    return 'refused'


def errors_every_configuration_loads(ctx):
    """What is off is removed when it is loaded: the verifier sees another program for each."""
    for options in CONFIGURATIONS:
        t = ctx.spawn([ctx.whylate, 'watch', *options.split(), '--duration', '100ms', '-v'],
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, err = t.communicate(timeout=30)
        said = err.decode('utf-8', 'replace')
        check(t.returncode == 0 or 'there is no interrupt' in said, '%s: exit %d, %s' % (options, t.returncode, said[-500:]))
    return '%d' % len(CONFIGURATIONS)
