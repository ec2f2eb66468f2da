# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the live tests share: processes, whylate sessions, the kernel's own accounts."""

import bisect
import ctypes
import errno
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

SEGMENTS = set('''timer_slack timer_delay irq softirq_delay softirq queued work_delay wakeup running
    preempted interrupted throttled steal io lock task timer fault reclaim stopped unknown'''.split())
STIMULI = {'irq', 'timer', 'softirq', 'nmi', 'wakeup', 'mark'}
ENDS = {'turn', 'idle', 'block', 'run', 'mark', 'exit', 'timeout'}
REASONS = {'threshold', 'timeout', 'worst'}

# An agent of the test machine: while a thread of it is current, tracepoints run no BPF program. ftrace sees it.
HIDDEN = 1

libc = ctypes.CDLL(None, use_errno=True)


class Fail(Exception):
    """What was measured is not what it must be."""


class Skip(Exception):
    """Something that the test needs is missing."""


def check(condition, text):
    if not condition:
        raise Fail(text)


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def ms(ns):
    return '%.2fms' % (ns / 1e6)


def us(ns):
    return '%.1fus' % (ns / 1e3)


def quantile(values, q):
    """Value below which the fraction q lies; values needn't be sorted."""
    if not values:
        raise Fail('no values at all')
    s = sorted(values)
    return s[min(len(s) - 1, int(q * len(s)))]


def read(path, default=''):
    try:
        with open(path, errors='replace') as f:
            return f.read()
    except OSError:
        return default


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            raise Skip('%s is not installed' % p)


# ---- the kernel's accounts ------------------------------------------------------------------------

def tids_of(pid):
    try:
        return sorted(int(t) for t in os.listdir('/proc/%d/task' % pid))
    except OSError:
        return []


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(200):
        try:
            return socket.create_connection(('127.0.0.1', port), 1).close()
        except OSError:
            time.sleep(0.02)
    raise Fail('nobody answers on port %d' % port)


def comm_of(tid):
    return read('/proc/%d/comm' % tid).rstrip('\n')


def schedstat(pid, tid):
    """Run time ns, run delay ns, time slices of a thread."""
    return tuple(int(x) for x in read('/proc/%d/task/%d/schedstat' % (pid, tid), '0 0 0').split())


def voluntary_switches(pid, tid):
    m = re.search(r'^voluntary_ctxt_switches:\s*(\d+)', read('/proc/%d/task/%d/status' % (pid, tid)), re.M)
    check(m, 'thread %d has gone' % tid)
    return int(m.group(1))


def state_of(pid, tid):
    return read('/proc/%d/task/%d/stat' % (pid, tid), ') ?').rsplit(')', 1)[1].split()[0]


def threads_in_system():
    return int(read('/proc/loadavg').split()[3].split('/')[1])


def kernel_config(option):
    import gzip
    try:
        with gzip.open('/proc/config.gz', 'rt') as f:
            text = f.read()
    except OSError:
        text = read('/boot/config-' + os.uname().release)
    return ('%s=y' % option) in text


# ---- BPF objects, by bpf(2) itself ------------------------------------------------------------------

_BPF_NR = {'x86_64': 321, 'aarch64': 280}.get(os.uname().machine, 321)
_BPF_NEXT = {'prog': 11, 'map': 12, 'link': 31}
_BPF_FD = {'prog': 13, 'map': 14, 'link': 30}
_BPF_NAME_AT = {'prog': 64, 'map': 24}


def _bpf(cmd, attr):
    return libc.syscall(_BPF_NR, cmd, attr, len(attr))


def bpf_objects():
    """{(kind, id)} of every program, map and link in the kernel."""
    found = set()
    for kind, cmd in _BPF_NEXT.items():
        last = 0
        while True:
            attr = ctypes.create_string_buffer(128)
            attr[0:4] = last.to_bytes(4, 'little')
            if _bpf(cmd, attr) < 0:
                e = ctypes.get_errno()
                if e != errno.ENOENT:
                    raise Skip('bpf(2): %s' % os.strerror(e))
                break
            last = int.from_bytes(attr[4:8], 'little')
            found.add((kind, last))
    return found


def bpf_name(kind, ident):
    attr = ctypes.create_string_buffer(128)
    attr[0:4] = ident.to_bytes(4, 'little')
    fd = _bpf(_BPF_FD[kind], attr)
    if fd < 0 or kind not in _BPF_NAME_AT:
        if fd >= 0:
            os.close(fd)
        return '?'
    info = ctypes.create_string_buffer(512)
    attr = ctypes.create_string_buffer(128)
    attr[0:4] = fd.to_bytes(4, 'little')
    attr[4:8] = (512).to_bytes(4, 'little')
    attr[8:16] = ctypes.addressof(info).to_bytes(8, 'little')
    _bpf(15, attr)
    os.close(fd)
    at = _BPF_NAME_AT[kind]
    return info.raw[at:at + 16].split(b'\0')[0].decode('latin1')


def bpf_held_by_others(ours):
    """Objects that a process outside of our process groups holds open: another tool's, not a leak of ours."""
    held = set()
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.getpgid(int(pid)) in ours:
                continue
            for fd in os.listdir('/proc/%s/fdinfo' % pid):
                text = read('/proc/%s/fdinfo/%s' % (pid, fd))
                for kind, ident in re.findall(r'^(prog|map|link)_id:\s*(\d+)', text, re.M):
                    held.add((kind, int(ident)))
        except OSError:
            continue
    return held


def bpf_leftovers(before, ours, wait=3.0):
    """Objects that came since `before` and that nobody alive holds, after at most `wait` seconds."""
    end = time.monotonic() + wait
    while True:
        new = bpf_objects() - before
        if new:
            new -= bpf_held_by_others(ours)
        if not new or time.monotonic() > end:
            return ['%s %d %s' % (k, i, bpf_name(k, i)) for k, i in sorted(new)]
        time.sleep(0.05)


# ---- an independent witness of who ran where --------------------------------------------------------

class KernelTrace:
    """The kernel's own trace of some events (SYSTEM/NAME) by tracefs, in an instance and a mount of our own."""

    LINE = re.compile(r'^.{16}-(\d+) +\[(\d+)\] \S+ +(\d+)\.(\d+): (\w+): (.*)')

    def __init__(self, ctx, *events):
        self.mount = os.path.join(ctx.dir, 'tracefs')
        self.instance = os.path.join(self.mount, 'instances', 'wl-live-%d' % os.getpid())
        self.events = events
        self.lines = []  # (ns, cpu, current thread, event's name, its text)

    def _write(self, name, text):
        with open(os.path.join(self.instance, name), 'w') as f:
            f.write(text)

    def _enable(self, on):
        for event in self.events:
            self._write('events/%s/enable' % event, on)

    def __enter__(self):
        os.makedirs(self.mount, exist_ok=True)
        if subprocess.call(['mount', '-t', 'tracefs', 'none', self.mount], stderr=subprocess.DEVNULL):
            raise Skip('tracefs can not be mounted')
        try:
            os.mkdir(self.instance)
            self._write('trace_clock', 'mono')
            self._write('buffer_size_kb', '16384')
            self._enable('1')
        except OSError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._enable('0')
            self._parse(read(os.path.join(self.instance, 'trace')))
        except OSError:
            pass
        try:
            os.rmdir(self.instance)
        except OSError:
            pass
        subprocess.call(['umount', '-l', self.mount])

    def _parse(self, text):
        for m in filter(None, map(self.LINE.match, text.splitlines())):
            ns = int(m.group(3)) * 10 ** 9 + int(m.group(4)) * 1000
            self.lines.append((ns, int(m.group(2)), int(m.group(1)), m.group(5), m.group(6)))


class SwitchTrace(KernelTrace):
    """
    Who ran where, and slept when. On the test machine ftrace (and perf) have no switch from idle for most of
    some seconds: who leaves a CPU has had it, though nobody saw it come.
    """

    SWITCH = re.compile(r'.* prev_pid=(\d+) .* prev_state=(\S+) ==> .* next_pid=(\d+) ')
    WAKING = re.compile(r'.* pid=(\d+) ')

    def __init__(self, ctx):
        super().__init__(ctx, 'sched/sched_switch', 'sched/sched_waking')
        self.switches = {}  # {cpu: [(ns, tid that ran up to there, tid that runs from there)]}
        self.sleeps = {}    # {tid: [(ns, True: sleeps from there, False: woken)]}

    def _parse(self, text):
        super()._parse(text)
        for ns, cpu, _, name, fields in self.lines:
            if name == 'sched_waking':
                self.sleeps.setdefault(int(self.WAKING.match(fields).group(1)), []).append((ns, False))
                continue
            tid, state, following = self.SWITCH.match(fields).groups()
            self.switches.setdefault(cpu, []).append((ns, int(tid), int(following)))
            if not state.startswith('R'):
                self.sleeps.setdefault(int(tid), []).append((ns, True))

    def slept(self, tid, start, end):
        """How long a thread slept within [start, end], ns: from its switch until somebody woke it."""
        total, since = 0, None
        for t, sleeps in self.sleeps.get(tid, []) + [(end, False)]:
            if sleeps:
                since = t
            elif since is not None:
                total += max(0, min(t, end) - max(since, start))
                since = None
        return total

    def ran(self, cpu, start, end):
        """Threads that had the CPU at any time in [start, end]."""
        switches = self.switches.get(cpu, [])
        lo = bisect.bisect_left(switches, (start - 2000,))
        hi = bisect.bisect_right(switches, (end + 2000, 1 << 32))
        return {following for _, _, following in switches[max(0, lo - 1):hi]} | {tid for _, tid, _ in switches[lo:hi + 1]}


def _stolen():
    """(time that the hypervisor took from our CPUs, all of their time), in ticks, since boot."""
    ticks = [int(w) for w in read('/proc/stat').split('\n', 1)[0].split()[1:]]
    return ticks[7], sum(ticks[:8])  # guest time is part of user time


class Host:
    """Share of the CPUs' time that the hypervisor took since this was made."""

    NOISY = 0.02

    def __init__(self):
        self.start = _stolen()

    def stole(self):
        stolen, total = (now - then for now, then in zip(_stolen(), self.start))
        return stolen / max(1, total)

    @classmethod
    def wait_until_quiet(cls, seconds):
        """At most `seconds`; two without steal are quiet."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            host = cls()
            time.sleep(2)
            if host.stole() < cls.NOISY / 2:
                return


class Repeats:
    """
    A failure on a virtual machine counts when it repeats while the hypervisor leaves us the CPUs. Every
    run is shown, with what was stolen; when more tests than `most` failed without theft, the rest of
    the failures count at once.
    """

    TRIES = 4       # of one test, in all
    WAIT = 60       # s, for a quiet host before one of them
    ALL_WAITS = 300

    def __init__(self, most):
        self.most = most
        self.names = []
        self.left = self.ALL_WAITS

    def run(self, name, attempt, failed):
        """Result of attempt(0), or of the last attempt(n) that was made since failed(result) held."""
        for n in range(self.TRIES):
            host = Host()
            result = attempt(n)
            if not failed(result) or not self._again(name, n, host.stole()):
                return result
            print('     again, before we believe it:', flush=True)
            self._wait()

    def _again(self, name, n, stole):
        print('     the host stole %.1f %% of the CPUs meanwhile' % (100 * stole))
        if n == 0:
            self.names.append(name)
            self.most -= stole < Host.NOISY
        return n + 1 < self.TRIES and (stole >= Host.NOISY or n == 0 and self.most >= 0)

    def _wait(self):
        start = time.monotonic()
        Host.wait_until_quiet(min(self.WAIT, self.left))
        self.left -= time.monotonic() - start


class FirstInLine:
    """
    Our session's share of the CPU beside other sessions, while this runs: the kernel groups tasks by
    session, and no nice value counts outside of the group.
    """

    FILE = '/proc/self/autogroup'

    def __enter__(self):
        text = read(self.FILE)
        self.nice = text.rsplit(' ', 1)[1].strip() if ' nice ' in text else None
        self._write('-20')

    def __exit__(self, *_):
        self._write(self.nice)

    def _write(self, nice):
        if self.nice is None:
            return
        with open(self.FILE, 'w') as f:
            f.write(nice)


# ---- a test's surroundings --------------------------------------------------------------------------

def adopt_orphans():
    """Children of a killed child (hackbench's) become ours, so that we can reap them."""
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _reap_group(pgid):
    for _ in range(2000):
        try:
            pid, _ = os.waitpid(-pgid, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            time.sleep(0.005)


def _in_child():
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: nobody outlives the runner


class Context:
    """One run of one test: random numbers, a directory, the processes that it started."""

    def __init__(self, whylate, directory, seed, rounds=None, binaries=None):
        self.whylate = os.path.abspath(whylate)
        self.root = directory
        self.dir = tempfile.mkdtemp(prefix='t-', dir=directory)
        self.rng = random.Random(seed)
        self.rounds = rounds
        self.processes = []
        self.groups = set()
        self.notes = []
        self.sessions = []
        self.keep_output = False
        self._binaries = binaries if binaries is not None else {}

    def note(self, text):
        self.notes.append(text)

    def cpus(self):
        return sorted(os.sched_getaffinity(0))

    def name(self):
        return ''.join(self.rng.choice('abcdefghijklmnopqrstuvwxyz') for _ in range(self.rng.randint(5, 14)))

    def binary(self, name):
        """A C helper, compiled once a run."""
        if name not in self._binaries:
            out = os.path.join(self.root, name)
            r = subprocess.run(['gcc', '-O2', '-Wall', '-pthread', '-o', out, os.path.join(HERE, name + '.c')],
                               capture_output=True, text=True)
            check(r.returncode == 0, 'gcc %s.c: %s' % (name, r.stderr))
            self._binaries[name] = out
        return self._binaries[name]

    def built(self, name):
        """A C program of these tests that links with the project, built beside whylate."""
        path = os.path.join(os.path.dirname(self.whylate), 'tests', 'live-' + name)
        check(os.path.exists(path), '%s is not there: build with -Dtests=true' % path)
        return path

    def example(self, name):
        """What was built of examples/, beside whylate."""
        path = os.path.join(os.path.dirname(self.whylate), 'examples', name)
        check(os.path.exists(path), '%s is not there: build with -Dtests=true' % path)
        return path

    def spawn(self, argv, **kw):
        """Popen in a process group of its own; killed at the test's end and with the runner."""
        kw.setdefault('stdin', subprocess.DEVNULL)
        kw.setdefault('cwd', self.dir)
        env = dict(os.environ, TMPDIR=self.dir, LC_ALL='C.UTF-8')
        p = subprocess.Popen([str(a) for a in argv], process_group=0, preexec_fn=_in_child, env=env, **kw)
        self.processes.append(p)
        self.groups.add(p.pid)
        return p

    def helper(self, name, *args):
        """A helper that says "ready …" and waits for a line. Returns (process, words after ready)."""
        p = self.spawn([self.binary(name), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, bufsize=1)
        line = read_line(p, 30)
        if not line.startswith('ready'):
            p.kill()
            raise Fail('%s: %s %s' % (name, line, p.communicate()[1]))
        return p, line.split()[1:]

    def memcached(self, threads, prefix=(), options=(), **kw):
        need('memcached')
        port = free_port()
        p = self.spawn([*prefix, 'memcached', '-U', '0', '-l', '127.0.0.1', '-p', port, '-t', threads, '-u', 'root', *options], **kw)
        wait_for_port(port)
        workers = [t for t in tids_of(p.pid) if 'worker' in comm_of(t)]
        check(workers, 'memcached has no worker threads: %s' % [comm_of(t) for t in tids_of(p.pid)])
        return p, port, workers

    def watch(self, *args, **kw):
        return Session(self, args, **kw)

    def run(self, args, timeout=30, prefix=(), **kw):
        """Runs whylate to its end: (status, stdout, stderr), bytes."""
        p = self.spawn([*prefix, self.whylate, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        try:
            out, err = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._kill(p)
            out, err = p.communicate()
            raise Fail('whylate %s did not end in %d s; stderr: %s' % (' '.join(map(str, args)), timeout, tail(err)))
        return p.returncode, out, err

    def _kill(self, p):
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if p.poll() is None:
            p.kill()

    def close(self):
        for p in reversed(self.processes):
            self._kill(p)
        for p in self.processes:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                pass
            for f in (p.stdin, p.stdout, p.stderr):
                if f:
                    try:
                        f.close()
                    except OSError:
                        pass
        for group in self.groups:
            _reap_group(group)
        for p in self.processes:  # cyclictest leaves it when it is killed
            try:
                os.unlink('/dev/shm/cyclictest%d' % p.pid)
            except OSError:
                pass
        if not self.keep_output:
            shutil.rmtree(self.dir, ignore_errors=True)


def tail(data, n=1500):
    text = data.decode('utf-8', 'backslashreplace') if isinstance(data, bytes) else data
    return text if len(text) <= n else '…' + text[-n:]


def read_line(p, timeout):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        r, _, _ = select.select([p.stdout], [], [], 0.2)
        if r:
            return p.stdout.readline().rstrip('\n')
        if p.poll() is not None:
            return ''
    return ''


def go(p):
    p.stdin.write('go\n')
    p.stdin.flush()


def finish(p, timeout):
    """Waits for a helper's end; its remaining lines."""
    try:
        out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        raise Fail('a helper did not end in %d s' % timeout)
    check(p.returncode == 0, 'a helper failed (%d): %s' % (p.returncode, err))
    return out.splitlines()


# ---- one run of whylate watch -----------------------------------------------------------------------

class Session:
    """`whylate watch ARGS --json` from its start line to its stats line."""

    def __init__(self, ctx, args, command=None, prefix=(), timeout=30):
        self.ctx = ctx
        if '--captures' not in args:
            args = [*args, '--captures', 'none']
        self.argv = [*prefix, ctx.whylate, 'watch', *map(str, args), '--json']
        self.command = command
        if command:
            self.argv += ['--', *map(str, command)]
        n = len(ctx.sessions)
        self.out_path = os.path.join(ctx.dir, 'out-%d' % n)
        self.err_path = os.path.join(ctx.dir, 'err-%d' % n)
        self.result = None
        ctx.sessions.append(self)
        with open(self.out_path, 'wb') as out, open(self.err_path, 'wb') as err:
            self.process = ctx.spawn(self.argv, stdout=out, stderr=err)
        self.exec_ns = now_ns()
        self.start = self._wait_start(timeout)

    def errors(self):
        return read(self.err_path)

    def _wait_start(self, timeout):
        end = time.monotonic() + timeout
        while True:
            with open(self.out_path, 'rb') as f:
                for line in f:
                    if line.startswith(b'{') and line.endswith(b'\n'):
                        self.start_seen_ns = now_ns()
                        return json.loads(line)
            if self.process.poll() is not None:
                raise Fail('%s ended (%d) without a start line: %s' %
                           (' '.join(self.argv), self.process.returncode, tail(self.errors())))
            if time.monotonic() > end:
                raise Fail('no start line after %d s: %s' % (timeout, tail(self.errors())))
            time.sleep(0.01)

    def stop(self, timeout=60):
        """SIGINT, then the result."""
        time.sleep(0.05)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.wait(timeout)

    def wait(self, timeout=60):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Fail('whylate did not end in %d s: %s' % (timeout, tail(self.errors())))
        self.result = Result(self)
        return self.result


class Result:
    """Parsed lines. Making one checks the contracts that hold for every line."""

    def __init__(self, session):
        self.status = session.process.returncode
        self.errors = session.errors()
        self.explained = []  # what a look into their captures has added
        self.slow = []      # ended responses over the threshold
        self.timeouts = []  # unfinished ones; the end of each comes later, with the same id
        self.stats = self.start = None
        self.foreign = 0  # lines that a watched command wrote
        with open(session.out_path, 'rb') as f:
            lines = f.read().split(b'\n')
        bad = []
        if lines and lines[-1]:
            bad.append('the last line has no end: %r' % lines[-1][-80:])
        for raw in lines[:-1]:
            if session.command and not raw.startswith(b'{"type":'):
                self.foreign += 1
                continue
            try:
                self._take(raw, bad)
            except (ValueError, KeyError, TypeError) as e:
                bad.append('%s %s in %r' % (type(e).__name__, e, raw[:300]))
            if len(bad) > 5:
                break
        if self.start is None:
            bad.append('no start line')
        if self.stats is None:
            bad.append('no stats line, exit %d, stderr: %s' % (self.status, tail(self.errors)))
        if len({s['id'] for s in self.slow}) != len(self.slow):
            bad.append('two slow responses with one id')
        if bad:
            raise Fail('output of %s: %s' % (' '.join(session.argv), '; '.join(bad)[:1500]))

    def _take(self, raw, bad):
        o = json.loads(raw.decode('utf-8'))  # strict: a control byte or invalid UTF-8 is an error
        if next(iter(o)) != 'type':
            bad.append('type is not first: %r' % raw[:100])
        if (o['type'] == 'start') != (self.start is None):
            bad.append('start is not the first line, and the only one')
        if self.stats is not None:
            bad.append('a line after stats: %r' % raw[:100])
        if o['type'] == 'slow':
            problem = slow_problem(o)
            if problem:
                bad.append('%s in %r' % (problem, raw[:2000]))
            (self.timeouts if o['reason'] == 'timeout' else self.slow).append(o)
        elif o['type'] == 'explained':
            self.explained.append(o)
        elif o['type'] == 'stats':
            self.stats = o
        elif o['type'] == 'start':
            self.start = o

    def counter(self, name):
        return self.stats['counters'].get(name, 0)

    def lost(self):
        """Slow responses that were not printed."""
        return self.counter('slow_lost')

    def of(self, tid):
        return [s for s in self.slow if s['target']['tid'] == tid]

    def unknown_share(self):
        total = sum(s['response_ns'] for s in self.slow)
        return sum(s['budget'].get('unknown', 0) for s in self.slow) / max(1, total)

    def hidden(self):
        """Switches and wake-ups that happened and that no BPF program saw."""
        c = self.stats.get('counters', {})
        return c.get('no_switch', 0) + c.get('no_wakeup', 0)

    def losses(self):
        c = self.stats.get('counters', {})
        plain = {'started', 'ran', 'ended', 'slow_sent'}
        return ' '.join('%s=%d' % (k, v) for k, v in sorted(c.items()) if v and k not in plain)


def stim_ts(s):
    return int(s['stimulus']['ts'])


def end_ts(s):
    return int(s['end']['ts'])


def is_net_rx(s):
    return s['stimulus']['kind'] == 'softirq' and s['stimulus']['name'] == 'NET_RX'


def slow_problem(o):
    """Truth 3: what is wrong with a slow line, or None."""
    total, budget = 0, {}
    for seg in o['segments']:
        if seg['kind'] not in SEGMENTS:
            return 'segment %r' % seg['kind']
        if type(seg['ns']) is not int or seg['ns'] < 0:
            return 'segment of %r ns' % seg['ns']
        total += seg['ns']
        budget[seg['kind']] = budget.get(seg['kind'], 0) + seg['ns']
    if type(o['response_ns']) is not int or total != o['response_ns']:
        return 'segments sum to %d' % total
    if not isinstance(o['stimulus']['ts'], str) or not isinstance(o['end']['ts'], str):
        return 'times are not strings'
    if end_ts(o) - stim_ts(o) != o['response_ns']:
        return 'end - stimulus is %d' % (end_ts(o) - stim_ts(o))
    if {k: v for k, v in budget.items() if v} != {k: v for k, v in o['budget'].items() if v}:
        return 'budget is not the sum of the segments'
    if o['stimulus']['kind'] not in STIMULI or o['end']['kind'] not in ENDS or o['reason'] not in REASONS:
        return 'unknown stimulus, end or reason'
    if o['reason'] == 'threshold' and o['response_ns'] < o['threshold_ns']:
        return 'under its threshold'
    cause = o['cause']
    if cause['kind'] is None:  # no longer than usual: nothing to blame, nobody named
        return 'cause' if cause['culprit'] or not cause['text'] else None
    if cause['kind'] not in SEGMENTS or not 0 <= cause['share'] <= 1.0001 or not cause['text']:
        return 'cause'
    if cause['ns'] < 0 or cause['ns'] > o['response_ns']:
        return 'cause of %d ns' % cause['ns']
    if o['v'] != 1 or type(o['merged']) is not int or o['merged'] < 0:
        return 'version or merged'
    if not re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z', o['time']):
        return 'time'
    for key in ('pid', 'tid', 'comm', 'process'):
        if key not in o['target']:
            return 'target without %s' % key
    return None
