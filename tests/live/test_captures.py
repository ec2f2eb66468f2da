# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Captures: what is in them, which are kept, what a kill, a full disk or a hostile client can do."""

import calendar
import glob
import json
import os
import re
import shutil
import signal
import socket
import stat
import statistics
import subprocess
import tempfile
import threading
import time

import ctf
from harness import Fail, check, go, need, read, tail

KILLS = 200
RUN = '/run/whylate'
FILES = {'response.json', 'machine.json', 'tasks.json', 'kernel'}
SLOW_MS = 3


# ---- surroundings -----------------------------------------------------------------------------------

def _sleeper(ctx, *args):
    """Slow SLOW_MS of every 20 ms, and longer at times that the caller chooses."""
    p, words = ctx.helper('sleeper', 'count=1000000', 'sleep_us=20000', 'busy_us=%d' % (SLOW_MS * 1000), 'gate=1', *args)
    go(p)
    return p, int(words[0])


def _watch(ctx, tid, directory, *args):
    return ctx.watch('-t', tid, '--captures', directory, '--timeout', 'none', *args)


def _names(directory, prefix=''):
    try:
        return sorted(n for n in os.listdir(directory) if n.startswith(prefix) and (prefix or n[0] != '.'))
    except FileNotFoundError:
        return []


def _partials(directory):
    return _names(directory, '.partial-')


def _drafts(directory):
    """Captures that are being written (or were), not removed."""
    return _names(directory, '.partial-2')


def _load(path):
    with open(path, encoding='utf-8') as f:
        return json.load(f)


def _wait(condition, seconds, text):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, text)
        time.sleep(0.005)


def _check_whole(path, fds=False, walk=True, killed=False):
    """Every file of a capture is there, private and readable; stacks come after the rest, or not if it was killed."""
    response, machine = _load(path + '/response.json'), _load(path + '/machine.json')
    expected = FILES | ({'fds.json'} if fds else set()) | ({'stacks.json'} if response['type'] == 'slow' else set())
    found = set(os.listdir(path)) | ({'stacks.json'} & expected if killed else set())
    check(found == expected, '%s holds %s' % (path, sorted(os.listdir(path))))
    check(stat.S_IMODE(os.lstat(path).st_mode) == 0o700, '%s: mode' % path)
    tasks = _load(path + '/tasks.json')
    check(machine['type'] == 'machine' and tasks['type'] == 'tasks', path)
    check(response['type'] in ('slow', 'now'), path)
    streams = ['cpu_%d' % s['cpu'] for s in machine['streams']]
    check(sorted(os.listdir(path + '/kernel')) == sorted(streams + ['metadata']), '%s: %s' % (path, os.listdir(path + '/kernel')))
    for name in glob.glob(path + '/**', recursive=True):
        mode = stat.S_IMODE(os.lstat(name).st_mode)
        check(mode == (0o700 if os.path.isdir(name) else 0o600), '%s: mode %o' % (name, mode))
    check(tasks['tasks'] and all(t['tid'] and t['comm'] for t in tasks['tasks']), '%s: tasks.json' % path)
    if walk:
        try:
            ctf.Trace(path + '/kernel').walk()
        except ctf.Broken as e:
            raise Fail('%s: %s' % (path, e))
    return response, machine, tasks


def _took_ms(s):
    """From a response's end to its capture's name."""
    day, fraction = s['time'].rstrip('Z').split('.')
    end = calendar.timegm(time.strptime(day, '%Y-%m-%dT%H:%M:%S')) + float('0.' + fraction)
    return (os.lstat(s['capture']).st_ctime - end) * 1000


def _check_sum(r):
    """Each slow response has a capture, or is counted by reason."""
    c, seen = r.stats['captures'], r.slow + r.timeouts
    without = c['too_soon'] + c['not_worse'] + c['no_room'] + c['not_written']
    check(r.stats['suppressed'] == without, 'suppressed %d, by reason %s' % (r.stats['suppressed'], c))
    have = [s for s in seen if s['capture']]
    check(len(have) + without + c['late'] == len(seen), '%d slow, %d with a capture, %s' % (len(seen), len(have), c))
    check(len(have) <= c['taken'] <= len(have) + c['late'], '%d with a capture, %s' % (len(have), c))
    return have


# ---- contents ---------------------------------------------------------------------------------------

def captures_tell_all(ctx):
    """A capture's files, its response in its window on every CPU, its response.json the line that was printed."""
    _, tid = _sleeper(ctx)
    directory = os.path.join(ctx.dir, 'captures')
    w = _watch(ctx, tid, directory, '--over', '2ms', '--keep', '100', '--syscalls')
    time.sleep(4.5)
    r = w.stop()
    have = _check_sum(r)
    check(3 <= len(have) <= 8, '%d captures in 4.5 s; %s' % (len(have), r.errors))
    check(sorted(s['capture'] for s in have) == [os.path.join(directory, n) for n in _names(directory)],
          '%s on disk' % _names(directory))
    check(not _partials(directory), 'left: %s' % _partials(directory))
    whole = 0
    for s in have:
        response, machine, tasks = _check_whole(s['capture'], fds=True)
        check(response == s, 'response.json is not the line: %s %s' % (response, s))
        start, end = int(s['stimulus']['ts']), int(s['end']['ts'])
        late = [c for c in machine['streams'] if int(c['begin']) > start or int(c['end']) < end + 4900000]
        # the first one may have begun before the recorder did
        new = min(int(c['begin']) for c in machine['streams']) > int(machine['window']['from']) + 50000000
        whole += not late or new
        if late:
            ctx.note('%s..%s is not in %s' % (start, end, late))
        check(any(t['tid'] == tid and t['known'] for t in tasks['tasks']), 'the target is not in tasks.json')
        fds = _load(s['capture'] + '/fds.json')
        check(fds['pid'] == tid and {f['fd'] for f in fds['fds']} >= {0, 1, 2}, 'fds.json: %s' % fds)
        check(machine['config']['over_ns'] == '2000000', 'machine.json: %s' % machine['config'])
        name = os.path.basename(s['capture'])
        check(re.fullmatch(r'\d{4}-\d\d-\d\dT\d{6}\.\d{3}-sleeper-[a-z_]+(-\d+)?', name), 'name %r' % name)
        check(name.startswith(s['time'][:10] + 'T' + s['time'][11:19].replace(':', '')), '%s at %s' % (name, s['time']))
    check(whole == len(have), '%d of %d windows hold their response' % (whole, len(have)))
    return '%d captures, %d suppressed; median %.0f ms from the end to the disk' % (
        len(have), r.stats['suppressed'], statistics.median(map(_took_ms, have)))


def captures_of_unfinished(ctx):
    """A stuck response is captured while it is stuck."""
    p, words = ctx.helper('sleeper', 'count=1000', 'sleep_us=20000', 'busy_us=100000', 'gate=1')
    go(p)
    directory = os.path.join(ctx.dir, 'captures')
    w = ctx.watch('-t', words[0], '--captures', directory, '--over', '10s', '--timeout', '400ms', '--keep', '100')
    for _ in range(4):  # most of the time it is at work when it is stopped
        time.sleep(0.2 + 0.1 * ctx.rng.random())
        os.kill(p.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(p.pid, signal.SIGCONT)
    r = w.stop()
    have = _check_sum(r)
    stuck = [s for s in r.timeouts if s['capture']]
    check(stuck, '%d timeouts, %s' % (len(r.timeouts), r.stats['captures']))
    for s in have:
        response = _check_whole(s['capture'])[0]
        check(response == s, 'response.json is not the line: %s %s' % (response, s))
    return '%d of %d captured' % (len(stuck), len(r.timeouts))


def captures_none(ctx):
    """Off means off: no directory, no socket."""
    _, tid = _sleeper(ctx)
    w = ctx.watch('-t', tid, '--captures', 'none', '--over', '2ms')
    check(not os.path.exists('%s/watch-%d.sock' % (RUN, w.process.pid)), 'a control socket')
    time.sleep(0.5)
    r = w.stop()
    check(r.slow and r.stats['captures'] is None and r.stats['suppressed'] == 0, str(r.stats['captures']))
    check(not glob.glob(ctx.dir + '/whylate-captures*'), 'a directory was made')
    return '%d slow' % len(r.slow)


# ---- retention --------------------------------------------------------------------------------------

def captures_retention(ctx):
    """--keep of each cause, the worst of those that were taken; what is replaced goes, what is foreign stays."""
    _, tid = _sleeper(ctx)
    directory = os.path.join(ctx.dir, 'captures')
    os.makedirs(directory + '/foreign', 0o700)
    os.chmod(directory, 0o700)
    w = _watch(ctx, tid, directory, '--over', '2ms', '--keep', '2')
    time.sleep(9)
    r = w.stop()
    have = _check_sum(r)
    by_cause = {}
    for s in have:
        by_cause.setdefault(s['cause']['kind'] or 'none', []).append(s)
    kept = {c: [] for c in by_cause}
    for name in _names(directory):
        if name != 'foreign':
            s = _check_whole(os.path.join(directory, name), walk=False)[0]
            kept[s['cause']['kind'] or 'none'].append(s['response_ns'])
    for cause, all_of_it in by_cause.items():
        worst = sorted(s['response_ns'] for s in all_of_it)[-2:]
        check(sorted(kept[cause]) == worst, '%s: kept %s, worst %s' % (cause, sorted(kept[cause]), worst))
    check(os.path.isdir(directory + '/foreign'), 'what is no capture was removed')
    check(len(have) >= 4 and not _partials(directory), '%d taken, %s' % (len(have), _partials(directory)))
    return '%d taken, kept %s' % (len(have), {c: len(k) for c, k in kept.items()})


def captures_size_bound(ctx):
    """--keep-size holds at any moment between two captures."""
    _, tid = _sleeper(ctx)
    noise = [ctx.helper('sleeper', 'count=1000000', 'sleep_us=50', 'gate=1')[0] for _ in range(4)]
    for n in noise:
        go(n)
    directory = os.path.join(ctx.dir, 'captures')
    w = _watch(ctx, tid, directory, '--over', '2ms', '--keep', '100', '--keep-size', '3M')
    time.sleep(7)
    r = w.stop()
    _check_sum(r)
    size = sum(os.path.getsize(f) for f in glob.glob(directory + '/*/**', recursive=True) if os.path.isfile(f))
    check(0 < size <= 3 << 20, '%d bytes kept' % size)
    return '%.1f MiB kept of %s' % (size / (1 << 20), r.stats['captures'])


# ---- kills ------------------------------------------------------------------------------------------

class _Lane(threading.Thread):
    """Starts a watch that takes captures all the time, kills it, looks at what is left; again and again."""

    def __init__(self, ctx, tid, directory, kills):
        super().__init__()
        self.ctx, self.tid, self.kills, self.directory = ctx, tid, kills, directory
        self.rng = type(ctx.rng)(ctx.rng.random())
        self.partial = self.captures = self.walked = self.removed = 0
        self.problem = None

    def run(self):
        try:
            for i in range(self.kills):
                self.one(i)
        except Exception as e:  # told by the test
            self.problem = e

    def one(self, i):
        before = set(_partials(self.directory))
        p = self.ctx.spawn([self.ctx.whylate, 'watch', '-t', self.tid, '--over', '2ms', '--captures', self.directory, '--ring', '512K',
                            '--quiet', '--keep', '4'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        path = '%s/watch-%d.sock' % (RUN, p.pid)
        _wait(lambda: os.path.exists(path) or p.poll() is not None, 60, 'no control socket')
        # leftovers are removed before the socket is there
        left = before & set(_partials(self.directory))
        check(not left, 'not removed at the next start: %s' % sorted(left))
        self.removed += len(before)
        asking = threading.Thread(target=_ask_for_ever, args=(path,))
        asking.start()
        try:
            self.kill(p)
        finally:
            if p.poll() is None:
                p.kill()
            p.wait()
            asking.join()
        self.partial += bool(_drafts(self.directory))
        self.look(i)

    def kill(self, p):
        """At a moment that is chosen by chance, most of the time soon after a partial directory has appeared."""
        for _ in range(self.rng.randint(1, 3)):
            seen = set(_drafts(self.directory))
            end = time.monotonic() + 20
            while not set(_drafts(self.directory)) - seen:
                check(p.poll() is None, 'watch ended by itself: %s' % p.returncode)
                check(time.monotonic() < end, 'no capture was begun in 20 s')
        time.sleep(self.rng.choice([0, 0, 0.002, 0.005, 0.01, 0.03]) * self.rng.random())
        os.kill(p.pid, signal.SIGKILL)

    def look(self, i):
        names = _names(self.directory)
        for name in names:
            walk = i % 10 == 0
            _check_whole(os.path.join(self.directory, name), walk=walk, killed=True)
            self.walked += walk
        self.captures += len(names)


def _ask(path, request=b'{"cmd":"now"}\n', timeout=10):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(path)
        if request:
            s.sendall(request)
        answer = b''
        while True:
            part = s.recv(4096)
            if not part:
                return answer
            answer += part


def _ask_for_ever(path):
    try:
        while _ask(path):
            pass
    except OSError:
        pass


def captures_kills(ctx):
    """kill -9 at any moment: whole captures only, and the next start removes the rest."""
    _, tid = _sleeper(ctx)
    disk = tempfile.mkdtemp(prefix='wl-live-%d-' % os.getpid(), dir='/var/tmp')  # not in memory
    try:
        return _kill(ctx, tid, disk, ctx.rounds or KILLS)
    finally:
        shutil.rmtree(disk, ignore_errors=True)


def _kill(ctx, tid, disk, kills):
    lanes = [_Lane(ctx, tid, os.path.join(disk, 'captures-%d' % n), kills // 2) for n in range(2)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
        if lane.problem:
            raise Fail('%s: %s' % (type(lane.problem).__name__, lane.problem))
    partial = sum(lane.partial for lane in lanes)
    check(partial >= kills // 2, '%d of %d kills left a partial directory' % (partial, kills))
    status, _, err = ctx.run(['watch', '-t', tid, '--captures', lanes[0].directory, '--duration', '10ms'])
    check(status == 0 and not _partials(lanes[0].directory), 'left: %s %s' % (_partials(lanes[0].directory), err))
    return '%d kills, %d with a partial directory, %d removed at the next start; looked at %d captures, read %d' % (
        kills, partial, sum(lane.removed for lane in lanes), sum(lane.captures for lane in lanes),
        sum(lane.walked for lane in lanes))


# ---- the control socket -----------------------------------------------------------------------------

def captures_on_demand(ctx):
    """`captures now`, list and rm; only the user of the watch is heard."""
    _, tid = _sleeper(ctx)
    if not glob.glob(RUN + '/*.sock'):  # nobody else's either
        status, out, err = ctx.run(['captures', 'now'])
        check(status == 1 and b'no watch runs' in err, 'none runs: exit %d, %r' % (status, err))
    directory = os.path.join(ctx.dir, 'captures')
    w = _watch(ctx, tid, directory, '--over', '10s')
    path = '%s/watch-%d.sock' % (RUN, w.process.pid)
    check(stat.S_IMODE(os.lstat(path).st_mode) == 0o600 and stat.S_IMODE(os.lstat(RUN).st_mode) == 0o700, 'modes of the socket')
    took = []
    for _ in range(5):
        t = time.monotonic()
        status, out, err = ctx.run(['captures', 'now', '-p', w.process.pid])
        took.append(time.monotonic() - t)
        check(status == 0 and not err, 'exit %d, %r' % (status, err))
        response = _check_whole(out.decode().rstrip('\n'))[0]
        check(response['type'] == 'now' and response['v'] == 1 and response['time'], str(response))
    check(len(_names(directory, '20')) == 3, 'kept: %s' % _names(directory))
    status, out, err = ctx.run(['captures', 'list', '--json', directory])
    listed = [json.loads(line) for line in out.decode().splitlines()]
    check([c['name'] for c in listed] == _names(directory) and {c['cause'] for c in listed} == {'now'}, str(listed))
    status, out, err = ctx.run(['captures', 'rm', listed[0]['path']])
    check(status == 0 and len(_names(directory)) == 2, 'rm: exit %d, %r' % (status, err))
    _refused_without_root(ctx, path)
    r = w.stop()
    check(r.stats['captures']['on_demand'] == 5 and r.stats['suppressed'] == 0, str(r.stats['captures']))
    check(not os.path.exists(path), 'the socket was left')
    return 'median %.0f ms' % (sorted(took)[2] * 1000)


def _refused_without_root(ctx, path):
    need('setpriv')
    code = ('import socket,sys\ns=socket.socket(socket.AF_UNIX)\n'
            'try:\n s.connect(sys.argv[1])\nexcept PermissionError:\n sys.exit(7)\n')
    p = ctx.spawn(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '/usr/bin/python3', '-c', code, path], cwd='/')
    check(p.wait(10) == 7, 'another user could connect: %d' % p.returncode)


def captures_several_watches(ctx):
    _, tid = _sleeper(ctx)
    watches = [_watch(ctx, tid, os.path.join(ctx.dir, 'captures'), '--over', '10s') for _ in range(2)]
    status, out, err = ctx.run(['captures', 'now'])
    check(status == 1 and all(str(w.process.pid).encode() in err for w in watches) and b'-p PID' in err, 'exit %d, %r' % (status, err))
    for w in watches:
        status, out, err = ctx.run(['captures', 'now', '-p', w.process.pid])
        check(status == 0, 'exit %d, %r' % (status, err))
        _check_whole(out.decode().rstrip('\n'))
    status, out, err = ctx.run(['captures', 'now', '-p', os.getpid()])
    check(status == 1 and b'is no watch' in err, 'exit %d, %r' % (status, err))
    # a killed one leaves its socket; the next watch removes it
    watches[0].process.kill()
    watches[0].process.wait()
    stale = '%s/watch-%d.sock' % (RUN, watches[0].process.pid)
    check(os.path.exists(stale), 'no stale socket to remove')
    third = _watch(ctx, tid, os.path.join(ctx.dir, 'captures'), '--over', '10s')
    check(not os.path.exists(stale), 'the stale socket was left')
    third.stop()
    watches[1].stop()
    return 'said which'


def captures_hostile_clients(ctx):
    """Garbage, silence and floods on the socket: answers stay right, measuring goes on."""
    _, tid = _sleeper(ctx)
    w = _watch(ctx, tid, os.path.join(ctx.dir, 'captures'), '--over', '10s')
    path = '%s/watch-%d.sock' % (RUN, w.process.pid)
    silent = []
    for _ in range(6):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        silent.append(s)
    requests = [b'\n', b'{"cmd":\n', b'[' * 300 + b'\n', b'\xff\x00\x01' * 50 + b'\n', b'{"cmd":"rm"}\n', b'x' * 512]
    for request in requests:
        answer = json.loads(_ask(path, request))
        check(answer['ok'] is False and answer['error'], '%r: %r' % (request[:30], answer))
    for i in range(300):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
            s.send(bytes(ctx.rng.choice(b'{}[]":,cmdnow\n\\') for _ in range(ctx.rng.randint(0, 700))))
        except OSError:
            pass
        s.close()
    answer = json.loads(_ask(path))
    check(answer['ok'] is True, str(answer))
    _check_whole(answer['capture'])
    for s in silent:
        s.settimeout(5)
        said = json.loads(s.recv(4096))
        check(not said['ok'] and 'time' in said['error'], str(said))
        s.close()
    r = w.stop()
    check(r.status == 0 and sum(t['count'] for t in r.stats['targets']) > 20, 'measured %s' % r.stats['targets'])
    return '%d requests, 300 random ones, 6 silent clients' % len(requests)


# ---- disks and directories --------------------------------------------------------------------------

class _Disk:
    """A small file system of our own."""

    def __init__(self, ctx, size):
        self.path = os.path.join(ctx.dir, 'disk')
        os.mkdir(self.path)
        self.captures = os.path.join(self.path, 'captures')
        self.options = 'size=%s,mode=0700' % size

    def __enter__(self):
        if subprocess.call(['mount', '-t', 'tmpfs', '-o', self.options, 'none', self.path]):
            raise Fail('tmpfs can not be mounted')
        return self

    def remount(self, options):
        check(subprocess.call(['mount', '-o', 'remount,' + options, self.path]) == 0, 'remount')

    def __exit__(self, *_):
        subprocess.call(['umount', '-l', self.path])


def _warned(w, pattern):
    found = [line for line in w.errors().splitlines() if re.search(pattern, line)]
    return len(found)


def captures_disk_full(ctx):
    """One warning, nothing half is left, and when there is room again it goes on."""
    _, tid = _sleeper(ctx)
    with _Disk(ctx, '100k') as disk:
        w = _watch(ctx, tid, disk.captures, '--over', '2ms')
        time.sleep(3)
        check(_warned(w, 'No space left on device') == 1, 'said: %s' % w.errors())
        check(not _names(disk.captures) and not _partials(disk.captures), 'left: %s' % os.listdir(disk.captures))
        disk.remount('size=64m')
        _wait(lambda: _names(disk.captures), 15, 'no capture after there was room again: %s' % w.errors())
        time.sleep(0.3)
        r = w.stop()
        _check_sum(r)
        for name in _names(disk.captures):
            _check_whole(os.path.join(disk.captures, name))
        check(_warned(w, 'No space left') == 1 and _warned(w, 'again') >= 1, 'said: %s' % r.errors)
        check(r.status == 0 and r.stats['captures']['not_written'] > 50, 'exit %d, %s' % (r.status, r.stats['captures']))
    return str(r.stats['captures'])


def captures_directory_goes(ctx):
    """Read-only or removed while it runs: one warning each, measuring goes on."""
    _, tid = _sleeper(ctx)
    with _Disk(ctx, '64m') as disk:
        w = _watch(ctx, tid, disk.captures, '--over', '2ms')
        _wait(lambda: _names(disk.captures), 10, 'no capture')
        disk.remount('ro')
        time.sleep(3)
        check(_warned(w, 'Read-only file system') == 1, 'said: %s' % w.errors())
        disk.remount('rw')
        shutil.rmtree(disk.captures)
        _wait(lambda: _names(disk.captures), 15, 'the directory was not made again: %s' % w.errors())
        time.sleep(0.2)
        shutil.rmtree(disk.captures)
        _wait(lambda: _warned(w, 'it was removed'), 5, 'said: %s' % w.errors())
        r = w.stop()
        check(r.status == 0, 'exit %d: %s' % (r.status, r.errors))
        _check_sum(r)
    return str(r.stats['captures'])


def captures_directory_refused(ctx):
    """What could be swapped under us is refused at the start, with what to do."""
    _, tid = _sleeper(ctx)
    d = ctx.dir
    for name, mode in ('open', 0o777), ('group', 0o770):
        os.mkdir(os.path.join(d, name))
        os.chmod(os.path.join(d, name), mode)
    os.mkdir(os.path.join(d, 'foreign'), 0o700)
    os.chown(os.path.join(d, 'foreign'), 65534, 65534)
    os.symlink('/etc', os.path.join(d, 'link'))
    with open(os.path.join(d, 'file'), 'w'):
        pass
    for name, said in [('open', 'chmod go-w'), ('group', 'chmod go-w'), ('foreign', 'another user'), ('link', 'symbolic link'),
                       ('link/', 'symbolic link'), ('file', 'not a directory'), ('a/b', 'mkdir -p')]:
        status, out, err = ctx.run(['watch', '-t', tid, '--captures', os.path.join(d, name), '--duration', '1s'])
        text = err.decode()
        check(status == 1 and said in text and text.startswith('whylate: --captures: ') and not out, '%s: exit %d, %r' % (name, status, text))
    return '7 directories'


def captures_hostile_names(ctx):
    """A process's name can't lead out of the directory, or into a terminal."""
    name = b'../../x\x1b[2J\xff'
    p, words = ctx.helper('sleeper', 'count=1000000', 'sleep_us=20000', 'busy_us=3000', 'gate=1', 'hex=' + name.hex())
    go(p)
    directory = os.path.join(ctx.dir, 'captures')
    w = _watch(ctx, words[0], directory, '--over', '2ms')
    _wait(lambda: _names(directory), 10, 'no capture')
    r = w.stop()
    found = _names(directory)
    check(found and all(re.fullmatch(r'[A-Za-z0-9_.-]+', n) and '.._.._x__2J_' in n for n in found), str(found))
    for n in found:
        _, _, tasks = _check_whole(os.path.join(directory, n))
        mine = [t for t in tasks['tasks'] if t['tid'] == int(words[0])]
        check(mine and mine[0].get('comm_hex') == name.hex(), str(mine))
    status, out, err = ctx.run(['captures', 'list', directory])
    check(status == 0 and b'\x1b' not in out, tail(out))
    return found[0]
