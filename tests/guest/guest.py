# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""One guest as its checks see it: commands in it, files shared with it, ports into it, whylate in it."""

import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIVE = os.path.join(HERE, '..', 'live')
BOOT = os.path.join(HERE, 'boot')
sys.path.append(LIVE)
import harness  # noqa: E402
from harness import Fail, Skip, check, read, tail  # noqa: E402

BOOT_SECONDS = 240     # until the agent answers; 6 to 10 s on a quiet machine
GRACE_SECONDS = 10     # that an answer may take longer than the program that it is about
RECORD_SIZE = 24       # of a request in mcclient's file
PORTS = (11211, 5201)  # of the guest, reached through free ones of the host


class NotHere(Skip):
    """This kernel doesn't have what the check is about."""


class Dead(Fail):
    """The guest hangs, has panicked or went away."""


class Config:
    """A kernel, a NIC and words for the kernel's command line."""

    def __init__(self, name, kernel, nic, append=''):
        self.name, self.kernel, self.nic, self.append = name, kernel, nic, append
        self.rt = kernel.startswith('rt')
        self.new = kernel.endswith('612')                        # 6.12
        self.threaded = self.rt or 'threadirqs' in append.split()  # interrupt handlers are threads

    def __str__(self):
        return '%s/%s' % (self.name, self.nic)


NAMES = [('stock', 'stock', ''), ('rt', 'rt', ''), ('stock612', 'stock612', ''), ('rt612', 'rt612', ''),
         ('threadirqs', 'stock', 'threadirqs')]
CONFIGS = [Config(name, kernel, nic, append) for nic in ('virtio', 'e1000') for name, kernel, append in NAMES]


def boots(**options):
    """
    Marks a check that needs a boot of its own: append='isolcpus=1', modules=DIR (or a function of the
    config), limit=SECONDS of its life.
    """
    def mark(function):
        function.boots = options
        return function
    return mark


def only(where):
    """Marks a check of some configurations only: a function of the config."""
    def mark(function):
        function.only = where
        return function
    return mark


def free_ports(count):
    """Ports nobody listens on; all are held until all are known."""
    held = []
    try:
        for _ in range(count):
            held.append(socket.socket())
            held[-1].bind(('127.0.0.1', 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


class Job:
    """A command that runs in the guest. returncode: once it has been waited for."""

    def __init__(self, guest, pid, name):
        self.guest, self.pid, self.returncode = guest, pid, None
        self.out_path = os.path.join(guest.share, name + '.out')
        self.err_path = os.path.join(guest.share, name + '.err')

    def out(self):
        return read(self.out_path)

    def err(self):
        return read(self.err_path)

    def wait(self, timeout=30):
        self.returncode = self.guest.ask('wait', timeout + GRACE_SECONDS, pid=self.pid, timeout=timeout)['status']
        return self.returncode

    def signal(self, number, group=False):
        self.guest.ask('signal', pid=self.pid, signal=int(number), group=group)

    def poll(self):
        return self.wait(0)


class Watch:
    """`whylate watch ARGS --json` in the guest, from its start line to its stats line; like harness.Session."""

    def __init__(self, guest, args, command=None, timeout=120):
        self.guest, self.command = guest, command
        if '--captures' not in args:
            args = [*args, '--captures', 'none']
        self.argv = ['/share/whylate', 'watch', *map(str, args), '--json']
        if command:
            self.argv += ['--', *map(str, command)]
        self.process = guest.spawn('exec ' + shlex.join(self.argv))
        self.out_path, self.result = self.process.out_path, None
        self.start = self._wait_start(timeout)

    def errors(self):
        return self.process.err()

    def _wait_start(self, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with open(self.out_path, 'rb') as f:
                for line in f:
                    if line.startswith(b'{"type":"start"') and line.endswith(b'\n'):
                        return json.loads(line)
            if self.process.poll() is not None:
                raise Fail('%s ended (%s): %s' % (shlex.join(self.argv[1:]), self.process.returncode,
                                                  tail(self.errors())))
            time.sleep(0.1)
        raise Fail('%s: no start line in %d s: %s' % (shlex.join(self.argv[1:]), timeout, tail(self.errors())))

    def stop(self, timeout=60):
        self.process.signal(signal.SIGINT)
        return self.wait(timeout)

    def wait(self, timeout=60):
        status = self.process.wait(timeout)
        check(status is not None, 'whylate did not end in %d s: %s' % (timeout, tail(self.errors())))
        self.result = harness.Result(self)
        return self.result


class Guest:
    """A booted kernel. Whatever goes wrong with it raises Dead."""

    def __init__(self, config, whylate, directory, options=None):
        self.config, self.whylate, self.options = config, whylate, options or {}
        self.directory = directory
        self.share = os.path.join(directory, 'share')
        self.console_path = os.path.join(directory, 'console')
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.answers, self.lock, self.last = {}, threading.Lock(), 0
        self.socket = self.process = None
        self.release = ''
        self.died = ''

    # ---- its life

    def _command(self, socket_path, limit):
        c = self.config
        argv = ['setpriv', '--pdeathsig', 'KILL', BOOT, 'run', '-k', c.kernel, '-n', c.nic, '-s', self.share, '-l', self.console_path,
                '-A', socket_path, '-d', os.path.join(self.directory, 'disk'), '-t', str(limit),
                '-a', ('%s %s' % (c.append, self.options.get('append', ''))).strip()]
        for inside, outside in self.ports.items():
            argv += ['-p', '%d:%d' % (outside, inside)]
        modules = self.options.get('modules')
        if modules:
            argv += ['-m', modules(c) if callable(modules) else modules]
        return argv + ['--', 'exec python3 /share/agent.py /dev/ttyS1']

    def start(self, limit):
        """Boots it; limit: seconds of its whole life."""
        os.mkdir(self.share)
        shutil.copy(self.whylate, os.path.join(self.share, 'whylate'))
        for file in (os.path.join(HERE, 'agent.py'), os.path.join(LIVE, 'harness.py')):
            shutil.copy(file, self.share)
        socket_path = os.path.join(self.directory, 'agent')
        self.began = time.monotonic()
        self.process = subprocess.Popen(self._command(socket_path, limit), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env=dict(os.environ, TMPDIR=self.directory))
        self.socket = self._connect(socket_path)
        self.answers['ready'] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.release = self._answer('ready', BOOT_SECONDS)['ready']
        return time.monotonic() - self.began

    def _connect(self, path):
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(path)
                return s
            except OSError:
                s.close()
                time.sleep(0.05)
        self._dead('the emulator did not start: %s' % self._last_words())

    def close(self):
        """Ends it: by its own will if it still has one."""
        if self.socket and not self.died:
            try:
                self.socket.sendall(b'{"do":"end"}\n')
                self.process.wait(15)
            except (OSError, subprocess.TimeoutExpired):
                pass
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process.stderr.close()
        if self.socket:
            self.socket.close()

    # ---- questions and answers

    def _listen(self):
        try:
            with self.socket.makefile('rb') as lines:
                for line in lines:
                    self._deliver(line)
        except OSError:
            pass
        for waiting in list(self.answers.values()):
            waiting.put(None)

    def _deliver(self, line):
        try:
            answer = json.loads(line)
        except ValueError:
            return
        waiting = self.answers.get('ready' if 'ready' in answer else answer.get('id'))
        if waiting:
            waiting.put(answer)

    def _last_words(self):
        if self.process.poll() is None:
            return ''
        return tail(self.process.stderr.read(), 300)

    def console(self, lines=40):
        return '\n'.join(read(self.console_path).replace('\r', '').splitlines()[-lines:])

    def _dead(self, why):
        self.died = why
        raise Dead('%s; end of the console:\n%s' % (why, self.console()))

    def _answer(self, key, timeout):
        try:
            answer = self.answers[key].get(timeout=timeout)
        except queue.Empty:
            answer = ()
        if answer is None:
            self._dead('the guest is gone %s' % self._last_words())
        if not answer:
            self._dead('no answer from the guest in %d s' % timeout)
        del self.answers[key]
        if 'error' in answer:
            raise Fail('in the guest: %s' % answer['error'])
        return answer

    def ask(self, what, within=60, **words):
        """The agent's answer, at most that many seconds from now."""
        if self.died:
            raise Dead('the guest is dead: ' + self.died)
        with self.lock:
            self.last += 1
            key = self.last
            self.answers[key] = queue.Queue()
            try:
                self.socket.sendall(json.dumps({'id': key, 'do': what, **words}).encode() + b'\n')
            except OSError as e:
                self._dead('the guest does not listen: %s' % e)
        return self._answer(key, within)

    # ---- what checks use

    def spawn(self, command):
        """Starts a shell command in /share; ended after the check at the latest."""
        with self.lock:
            self.last += 1
            name = 'job-%d' % self.last
        return Job(self, self.ask('spawn', command=command, name=name)['pid'], name)

    def run(self, command, timeout=30, may_fail=False):
        """A command's standard output."""
        job = self.spawn(command)
        status = job.wait(timeout)
        check(status is not None, '%s: no end in %d s' % (command[:200], timeout))
        check(may_fail or status == 0, '%s: status %s: %s' % (command[:200], status, tail(job.err() or job.out())))
        return job.out()

    def python(self, source, *args, timeout=30):
        """Output of a Python program, given as text."""
        path = os.path.join(self.share, 'program-%d.py' % (self.last + 1))
        with open(path, 'w') as f:
            f.write(source)
        return self.run(shlex.join(['python3', '/share/' + os.path.basename(path), *map(str, args)]), timeout)

    def put(self, path):
        """Copies a file of the host's into the share; its name there."""
        shutil.copy(path, self.share)
        return '/share/' + os.path.basename(path)

    def binary(self, name):
        """One of the live tests' C programs, for the host's side of a check."""
        out = os.path.join(self.directory, name)
        if not os.path.exists(out):
            r = subprocess.run(['gcc', '-O2', '-Wall', '-pthread', '-o', out, os.path.join(LIVE, name + '.c')],
                               capture_output=True, text=True)
            check(r.returncode == 0, 'gcc %s.c: %s' % (name, r.stderr))
        return out

    def client(self, port, total, think_us):
        """A client of the memcached in the guest, on the host: connected, and warm."""
        p = subprocess.Popen([self.binary('mcclient'), str(port), os.path.join(self.directory, 'requests'), 'connections=1',
                              'total=%d' % total, 'think_us=%d' % think_us, 'seconds=100', 'bytes=100'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        line = harness.read_line(p, 60)
        if not line.startswith('ready'):
            p.kill()
            raise Fail('the client: %s %s' % (line, p.communicate()[1]))
        return p

    def requests(self, client):
        """It asks, a request at a time; how many were answered."""
        harness.go(client)
        harness.finish(client, 150)
        return os.path.getsize(os.path.join(self.directory, 'requests')) // RECORD_SIZE

    def watch(self, *args, **kw):
        return Watch(self, args, **kw)

    def sweep(self):
        """After a check: what the kernel complained of, and what is left of BPF."""
        return self.ask('sweep')

    def memcached(self, threads=1):
        """Starts it: (its pid, the host's port that leads to it)."""
        job = self.spawn('exec memcached -u root -U 0 -l 10.0.2.15 -p 11211 -m 32 -t %d' % threads)
        port, end = self.ports[11211], time.monotonic() + 30
        while time.monotonic() < end:
            try:
                with socket.create_connection(('127.0.0.1', port), 5) as s:
                    s.sendall(b'version\r\n')
                    if s.recv(100).startswith(b'VERSION'):
                        return job.pid, port
            except OSError:
                pass
            check(job.poll() is None, 'memcached ended: %s' % tail(job.err()))
            time.sleep(0.2)
        raise Fail('memcached does not answer')
