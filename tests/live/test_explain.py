# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""`whylate explain`: that it agrees with what was measured, what it says of damaged and hostile input."""

import json
import os
import re
import shutil
import stat
import subprocess
import time

from harness import Fail, Skip, check, go, now_ns, tail

WHYS = set('''none cpu_rt cpu_normal preempted irq softirq timer_late steal cpu_quota rt_throttled disk lock_busy lock_waiting
    answer major_fault reclaim own_user own_kernel own stopped slept slow_wake queued event other unknown many'''.split())
ROLES = set('path held on_top waited_for request function'.split())
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOSTILE = b'\x1b[2J\xff\n\x9b<'


# ---- surroundings -----------------------------------------------------------------------------------

def _sleeper(ctx, *args):
    """Slow 3 ms of every 20 ms."""
    p, words = ctx.helper('sleeper', 'count=1000000', 'sleep_us=20000', 'busy_us=3000', 'gate=1', *args)
    go(p)
    return p, int(words[0])


def _captures(ctx, tid, seconds, *args, meanwhile=None):
    """Paths of captures of that task, in DIR/whylate-captures."""
    directory = os.path.join(ctx.dir, 'whylate-captures')
    w = ctx.watch('-t', tid, '--captures', directory, '--timeout', 'none', *args)
    end = time.monotonic() + seconds
    if meanwhile:
        meanwhile()
    while time.monotonic() < end:
        time.sleep(0.05)
    w.stop()
    found = sorted(n for n in os.listdir(directory) if n[0] != '.')
    check(found, 'no capture was taken')
    return [os.path.join(directory, n) for n in found]


def _load(path):
    with open(path, encoding='utf-8') as f:
        return json.load(f)


def _json(ctx, *args):
    status, out, err = ctx.run(['explain', *args, '--json'])
    check(status == 0 and out.count(b'\n') == 1, 'explain %s: exit %d, %r, %r' % (args, status, out[:200], tail(err)))
    return json.loads(out.decode('utf-8'))


def _walk(nodes):
    for n in nodes:
        yield n
        yield from _walk(n.get('children', []))


def _check_path(x):
    """The response's own stretches follow each other; what is below lies inside the window."""
    check(x['path'], 'no path')
    top = [n for n in x['path'] if n['role'] == 'path']
    check(top[0]['at_ns'] == 0, 'begins at %d' % top[0]['at_ns'])
    for a, b in zip(top, top[1:]):
        check(a['at_ns'] <= b['at_ns'], 'not in order: %s, %s' % (a, b))
        check('count' in a or a['at_ns'] + a['ns'] <= b['at_ns'], 'they overlap: %s, %s' % (a, b))
    check(sum(n['ns'] for n in top) <= x['response_ns'], 'longer than the response')
    for n in _walk(x['path']):
        check(n['role'] in ROLES and n.get('ns', 0) >= 0, str(n))
    check(sum(1 for n in _walk(x['path']) if n.get('root')) <= 1, 'several root causes')


def _check_agrees(ctx, path):
    """What was measured is what is told; what is added fits to it."""
    measured, x = _load(path + '/response.json'), _json(ctx, path)
    for key, value in measured.items():
        if key != 'cause':
            check(x[key] == value, '%s: %s: %r, measured %r' % (path, key, x[key], value))
    for key in 'kind', 'ns', 'share':
        check(x['cause'][key] == measured['cause'][key], '%s: cause.%s: %r, %r' % (path, key, x['cause'], measured['cause']))
    check(sum(s['ns'] for s in x['segments']) == x['response_ns'], 'segments do not sum')
    check(x['why'] in WHYS and x['confidence'] in ('sure', 'likely', 'guess'), str(x['why']))
    begin, end = int(x['window']['begin']), int(x['window']['end'])
    check(begin < end and int(x['end']['ts']) <= end, str(x['window']))
    if x['root']:
        check(0 < x['root']['ns'] <= x['response_ns'], str(x['root']))
    _check_path(x)
    return x


def _check_harmless(data, colors=False):
    text = data.decode('utf-8')
    if colors:
        text = re.sub(r'\x1b\[[0-9;]*m', '', text)
    bad = re.findall(r'[\x00-\x09\x0b-\x1f\x7f-\x9f]', text)
    check(not bad, 'control bytes %r in %r' % (bad[:5], text[:300]))


# ---- agreement --------------------------------------------------------------------------------------

def explain_agrees(ctx):
    """Ordinary captures: the same facts as response.json; text at 80 columns, for a pipe and with colours."""
    _, tid = _sleeper(ctx)
    paths = _captures(ctx, tid, 4.5, '--over', '2ms', '--keep', '100')
    for path in paths:
        x = _check_agrees(ctx, path)
        for color in 'auto', 'always':
            status, out, err = ctx.run(['explain', path, '--color', color])
            check(status == 0 and not err, 'exit %d, %r' % (status, err))
            _check_harmless(out, color == 'always')
            check((b'\x1b[' in out) == (color == 'always'), 'colours with %s' % color)
            check(b'sleeper' in out and str(tid).encode() in out, tail(out))
        plain = ctx.run(['explain', path])[1].decode()
        check(max(len(line) for line in plain.split('\n')) <= 80, plain)
        check(x['cause']['kind'] != 'running' or x['why'].startswith('own'), '%s: %s' % (x['why'], x['cause']))
        check(x['cause']['kind'] != 'none' or x['why'] == 'none', '%s: %s' % (x['why'], x['cause']))
    return '%d captures, %s' % (len(paths), x['why'])


def explain_names_the_holder(ctx):
    """A real-time task takes the CPU: it is the root cause, for as long as it ran."""
    cpu = ctx.cpus()[-1]
    p, tid = _sleeper(ctx)
    os.sched_setaffinity(tid, {cpu})
    hogs, begun = [], []

    def hog():
        code = 'import time\nt = time.monotonic()\nwhile time.monotonic() < t + 0.04: pass\n'
        time.sleep(1.5)
        begun.append(now_ns())
        for _ in range(2):
            hogs.append(ctx.spawn(['taskset', '-c', cpu, 'chrt', '-f', '50', '/usr/bin/python3', '-c', code]).pid)
            time.sleep(1.3)

    paths = _captures(ctx, tid, 0.2, '--over', '15ms', meanwhile=hog)
    for path in paths:
        x = _check_agrees(ctx, path)
        if x['cause']['kind'] not in ('wakeup', 'preempted') or int(x['end']['ts']) < begun[0]:
            continue
        check(x['root'] and x['root']['pid'] in hogs, '%s, hogs %s' % (x['root'], hogs))
        check(x['why'] in ('cpu_rt', 'preempted'), x['why'])
        check(x['root']['ns'] > 15000000, str(x['root']))
        root = [n for n in _walk(x['path']) if n.get('root')]
        check(root and root[0]['who']['pid'] in hogs, str(root))
        return '%s by %s for %d us' % (x['why'], x['root']['comm'], x['root']['ns'] / 1000)
    raise Fail('no capture of a wait for the CPU among %s' % paths)


def explain_which_capture(ctx):
    """By path, by name in ./whylate-captures, and the newest without a name, which is said."""
    _, tid = _sleeper(ctx)
    paths = _captures(ctx, tid, 3.5, '--over', '2ms', '--keep', '100')
    newest = _json(ctx)
    check(newest == _json(ctx, os.path.basename(paths[-1])) == _json(ctx, paths[-1]), 'not the same')
    _, _, err = ctx.run(['explain'])
    check(os.path.basename(paths[-1]).encode() in err and b'newest' in err, repr(err))
    status, out, err = ctx.run(['explain'], cwd='/')
    check(status == 2 and not out and b'no capture was named' in err, 'exit %d, %r' % (status, err))
    return '%d captures' % len(paths)


# ---- traces -----------------------------------------------------------------------------------------

def explain_recording(ctx):
    """A trace without a response: the slowest one, and the one at a time, however that is written."""
    _, tid = _sleeper(ctx)
    trace = os.path.join(ctx.dir, 'trace')
    status, _, err = ctx.run(['record', '-o', trace, '--duration', '2s', '-t', tid])
    check(status == 0, 'record: exit %d, %r' % (status, err))
    slowest = _json(ctx, trace, '--tid', tid)
    check(slowest['target']['tid'] == tid and slowest['response_ns'] > 2500000, str(slowest['target']))
    _check_path(slowest)
    check(slowest['stimulus']['kind'] == 'timer' and slowest['end']['kind'] == 'idle' and not slowest['lost'], str(slowest))
    check(slowest['budget'].get('running', 0) > 1500000, 'it runs for 3 ms: %s' % slowest['budget'])
    middle = int(slowest['stimulus']['ts']) + slowest['response_ns'] // 2
    wall = time.time_ns() - now_ns() + middle
    clock = time.strftime('%H:%M:%S', time.localtime(wall // 10 ** 9)) + '.%09d' % (wall % 10 ** 9)
    for at in str(middle), '%d.%09d' % divmod(middle, 10 ** 9), clock:
        x = _json(ctx, trace, '--tid', tid, '--at', at)
        check(x['stimulus']['ts'] == slowest['stimulus']['ts'], '--at %s: %s' % (at, x['stimulus']))
    other = _json(ctx, trace, '--tid', tid, '--at', str(int(slowest['stimulus']['ts']) - 40000000))
    check(other['stimulus']['ts'] != slowest['stimulus']['ts'], 'another time, the same response')
    status, out, err = ctx.run(['explain', trace, '--tid', '4194303'])
    check(status == 1 and b'no response of that task' in err, 'exit %d, %r' % (status, err))
    status, out, err = ctx.run(['explain', trace, '--tid', tid, '--at', '00:00:00' if wall % 86400 else '12:00:00'])
    check(status == 1 and b'is not in the trace: it goes from' in err, 'exit %d, %r' % (status, err))
    return '%d us' % (slowest['response_ns'] / 1000)


def explain_followed_recording(ctx):
    """With the system calls of targets the state machine runs along: its records are taken as they are."""
    _, tid = _sleeper(ctx)
    trace = os.path.join(ctx.dir, 'trace')
    status, _, err = ctx.run(['record', '-o', trace, '--duration', '1s', '-t', tid, '--syscalls=targets'])
    check(status == 0, 'record: exit %d, %r' % (status, err))
    x = _json(ctx, trace, '--tid', tid)
    check(x['target']['tid'] == tid and x['response_ns'] > 2500000, str(x['target']))
    check(not any('sockets' in c for c in x['caveats']), str(x['caveats']))
    _check_path(x)
    return '%d us' % (x['response_ns'] / 1000)


# ---- bad input --------------------------------------------------------------------------------------

def _check_refused(ctx, args, expected, said, **kw):
    status, out, err = ctx.run(['explain', *args], **kw)
    text = err.decode()
    check(status == expected and not out, '%s: exit %d instead of %d, %r, %r' % (args, status, expected, text, out[:100]))
    check(text.startswith('whylate: explain: ') and said in text, '%s: said %r' % (args, text))
    _check_harmless(err)


def explain_wrong_usage(ctx):
    """Status 2, and what to write instead."""
    for args, said in [(['a', 'b'], 'one too many'), (['--frob'], 'not an option'), ([''], 'not the name'),
                       (['x', '--tid', '0'], '1234'), (['x', '--tid', 'x'], '1234'), (['x', '--tid'], 'missing'),
                       (['x', '--tid=4294967296'], '1234'), (['x', '--at', '25:00:00'], '19:41:07'),
                       (['x', '--at', '5ms'], '19:41:07'), (['x', '--color', 'blue'], 'auto'), (['x', '--html='], 'a file')]:
        _check_refused(ctx, args, 2, said)
    status, out, err = ctx.run(['explain', '--help'])
    check(status == 0 and b'usage: whylate explain' in out and not err, tail(out))
    check(max(len(line) for line in out.decode().split('\n')) <= 80, 'the help is too wide')
    return '12 command lines'


def explain_not_a_capture(ctx):
    """Status 1, with the name of what was wrong."""
    d = ctx.dir
    with open(os.path.join(d, 'file'), 'wb') as f:
        f.write(b'x')
    os.mkdir(os.path.join(d, 'empty'))
    os.mkdir(os.path.join(d, '\x1b[2J'))
    for args, said in [(['nothing'], 'there is no such'), (['/nothing/at/all'], 'there is no such'), (['file'], 'Not a directory'),
                       (['empty'], 'no trace'), (['\x1b[2J'], '\\x1b[2J'), (['empty', '--tid', '1'], 'no trace')]:
        _check_refused(ctx, args, 1, said)
    if shutil.which('setpriv') and os.geteuid() == 0:
        os.chmod(os.path.join(d, 'empty'), 0o700)
        path = '/var/tmp/wl-live-%d-explain' % os.getpid()
        shutil.copy(ctx.whylate, path)
        os.chmod(path, 0o755)
        try:
            r = subprocess.run(['setpriv', '--reuid', '65534', '--clear-groups', path, 'explain', os.path.join(d, 'empty')],
                               capture_output=True, cwd='/', timeout=20)
        finally:
            os.unlink(path)
        check(r.returncode == 3 and b'Permission denied' in r.stderr, 'exit %d, %r' % (r.returncode, r.stderr))
    return '6 names'


def _damage(path, name, old, new):
    with open(os.path.join(path, name), 'r+b') as f:
        data = f.read()
        check(old in data, '%s has no %r' % (name, old))
        f.seek(0)
        f.truncate()
        f.write(data.replace(old, new, 1))


def explain_damaged(ctx):
    """Files that are cut, changed or missing: the file and the member are named, or it goes on and doubts."""
    _, tid = _sleeper(ctx)
    good = _captures(ctx, tid, 2.5, '--over', '2ms')[0]
    bad = os.path.join(ctx.dir, 'bad')

    def fresh():
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)

    for name, old, new, said in [
            ('response.json', b'{"type"', b'["type"', 'response.json: byte'),
            ('response.json', b'"type":"slow"', b'"type":"sl\\u001b"', 'response.json: type: '),
            ('response.json', b'"response_ns":', b'"response_ns":1', 'response_ns: not the sum'),
            ('response.json', b'"target":{', b'"target":5,"x":{', 'response.json: target: not an object'),
            ('response.json', b'"kind":"running"', b'"kind":"flying"', 'kind: not one of the kinds'),
            ('machine.json', b'"irqs":[', b'"irqs":5,"x":[', 'machine.json: irqs: not an array'),
            ('machine.json', b'"over_ns":"', b'"over_ns":"x', 'machine.json: config.over_ns: not a decimal'),
            ('tasks.json', b'"tid":', b'"tid":-', 'tasks.json: tasks[0].tid: out of range')]:
        fresh()
        _damage(bad, name, old, new)
        _check_refused(ctx, [bad], 1, said)
    for name in 'response.json', 'tasks.json':
        fresh()
        os.truncate(os.path.join(bad, name), os.path.getsize(os.path.join(bad, name)) // 2)
        _check_refused(ctx, [bad], 1, name + ': byte')
    fresh()
    os.unlink(bad + '/response.json')
    os.symlink('/etc/passwd', bad + '/response.json')
    _check_refused(ctx, [bad], 1, 'response.json')
    _check_streams(ctx, good, bad, fresh)
    return '11 damages refused'


def _check_streams(ctx, good, bad, fresh):
    """Damage of the trace: what is left is told; what was measured stays."""
    measured = _load(good + '/response.json')
    for damage in 'half', 'empty', 'noise', 'no metadata', 'one is missing':
        fresh()
        streams = sorted(n for n in os.listdir(bad + '/kernel') if n.startswith('cpu_'))
        for name in streams:
            path = bad + '/kernel/' + name
            if damage == 'half':
                os.truncate(path, os.path.getsize(path) // 2 + 13)
            elif damage == 'empty':
                os.truncate(path, 0)
            elif damage == 'noise':
                with open(path, 'r+b') as f:
                    f.seek(os.path.getsize(path) // 3)
                    f.write(ctx.rng.randbytes(5000))
        if damage == 'no metadata':
            os.unlink(bad + '/kernel/metadata')
        if damage == 'one is missing':
            os.unlink(bad + '/kernel/' + streams[0])
        status, out, err = ctx.run(['explain', bad, '--json'])
        check(status in (0, 1), '%s: exit %d, %r' % (damage, status, err))
        if status == 1:
            check(err.startswith(b'whylate: explain: ') and not out, '%s: %r' % (damage, err))
            continue
        x = json.loads(out)
        check(x['response_ns'] == measured['response_ns'] and x['segments'] == measured['segments'], damage)
        if damage in ('half', 'empty'):
            check(x['confidence'] != 'sure' and x['caveats'], '%s: %s, %s' % (damage, x['confidence'], x['caveats']))
        ctx.note('%s: %s, %s' % (damage, x['confidence'], x['caveats']))


def explain_hostile_names(ctx):
    """A task's name as an attacker would choose it: no control byte in any output."""
    _, tid = _sleeper(ctx, 'hex=' + HOSTILE.hex())
    path = _captures(ctx, tid, 2.5, '--over', '2ms')[0]
    html = os.path.join(ctx.dir, 'page.html')
    for args in [], ['-v'], ['--color', 'always'], ['--html', html]:
        status, out, err = ctx.run(['explain', path, *args])
        check(status == 0, 'exit %d, %r' % (status, err))
        _check_harmless(out, '--color' in args)
        check(b'\\x1b[2J\\xff' in out, 'not escaped: %r' % out[:300])
    x = _check_agrees(ctx, path)
    check(x['target']['comm_hex'] == HOSTILE.hex(), str(x['target']))
    with open(html, 'rb') as f:
        page = f.read()
    check(b'\x1b' not in page and b'\x9b<' not in page, 'a raw name in the page')
    return repr(HOSTILE)


# ---- output -----------------------------------------------------------------------------------------

def explain_page(ctx):
    """--html: private, whole or not there, nothing else replaced."""
    _, tid = _sleeper(ctx)
    path = _captures(ctx, tid, 2.5, '--over', '2ms')[0]
    place = os.path.join(ctx.dir, 'pages')
    os.mkdir(place)
    html = os.path.join(place, 'why.html')
    for _ in range(2):  # the second one replaces the first
        status, out, err = ctx.run(['explain', path, '--html', html])
        check(status == 0 and b'wrote' in err and out, 'exit %d, %r' % (status, err))
    check(os.listdir(place) == ['why.html'] and stat.S_IMODE(os.lstat(html).st_mode) == 0o600, str(os.listdir(place)))
    os.symlink('/nowhere', os.path.join(place, 'link'))
    for name, said in ('/dev/null', 'not a file'), (place, 'not a file'), (place + '/link', 'not a file'), ('/nowhere/x', 'No such'):
        status, out, err = ctx.run(['explain', path, '--html', name])
        check(status == 1 and said.encode() in err, '%s: exit %d, %r' % (name, status, err))
    check(sorted(os.listdir(place)) == ['link', 'why.html'] and stat.S_ISCHR(os.stat('/dev/null').st_mode), str(os.listdir(place)))
    return '%d bytes' % os.path.getsize(html)


def explain_stdout(ctx):
    """A reader that goes is no failure; a full disk is."""
    _, tid = _sleeper(ctx)
    path = _captures(ctx, tid, 2.5, '--over', '2ms')[0]
    for extra in [], ['--json']:
        p = ctx.spawn([ctx.whylate, 'explain', path, *extra], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.close()
        check(p.wait(20) == 0 and not p.stderr.read(), 'closed pipe: exit %d' % p.returncode)
        with open('/dev/full', 'wb') as full:
            p = ctx.spawn([ctx.whylate, 'explain', path, *extra], stdout=full, stderr=subprocess.PIPE)
            p.wait(20)
        err = p.stderr.read()
        check(p.returncode == 1 and b'No space left' in err, 'full: exit %d, %r' % (p.returncode, err))
    # without UTF-8 nothing but ASCII is drawn
    p = ctx.spawn(['env', 'LC_ALL=C', ctx.whylate, 'explain', path], stdout=subprocess.PIPE)
    out, _ = p.communicate(timeout=20)
    check(p.returncode == 0 and out.isascii() and b'|- ' in out, tail(out))
    return 'said'


def explain_in_watch(ctx):
    """watch tells of each response with a capture what `explain` tells of that capture, right after it."""
    _, tid = _sleeper(ctx)
    directory = os.path.join(ctx.dir, 'whylate-captures')
    w = ctx.watch('-t', tid, '--captures', directory, '--over', '2ms', '--keep', '100')
    time.sleep(3.5)
    r = w.stop()
    with_capture = {s['id']: s for s in r.slow if s['capture']}
    check(len(with_capture) >= 2, '%d captures' % len(with_capture))
    check({x['id'] for x in r.explained} == set(with_capture), 'explained: %s of %s' % (
        sorted(x['id'] for x in r.explained), sorted(with_capture)))
    for x in r.explained:
        later = _json(ctx, x['capture'])
        check(later['id'] == x['id'] and later['capture'] == x['capture'], str(x))
        for key in 'why', 'via', 'root', 'confidence', 'caveats', 'advice', 'window':
            check(later[key] == x[key], '%s: watch %r, explain %r' % (key, x[key], later[key]))
        check(later['cause']['text'] == x['text'], '%r, explain %r' % (x['text'], later['cause']['text']))
    return '%d of %d slow ones' % (len(r.explained), len(r.slow))


def explain_lttng(ctx):
    """A trace of LTTng's: requests to memcached's worker came by the network card's interrupt."""
    archive = os.path.join(ROOT, '..', 'shared', 'traces', 'lttng-6.1-stock.tar.xz')
    if not os.path.exists(archive):
        raise Skip('%s is not there' % archive)
    subprocess.check_call(['tar', '-C', ctx.dir, '-xf', archive])
    trace = next(d for d, _, files in os.walk(ctx.dir) if 'metadata' in files)
    text = subprocess.run(['babeltrace2', trace], stdout=-1, stderr=-3, text=True, check=True).stdout
    tid = int(re.search(r'next_comm = "mc-worker", next_tid = (\d+)', text)[1])
    card = int(re.search(r'irq_handler_entry: .*irq = (\d+), name = "virtio\d+-input', text)[1])
    x = _json(ctx, trace, '--tid', tid)
    check(x['target']['tid'] == tid and x['stimulus']['kind'] == 'irq' and x['stimulus']['nr'] == card,
          '%s by %s, the card is %d' % (x['target'], x['stimulus'], card))
    check(sum(s['ns'] for s in x['segments']) == x['response_ns'], 'segments do not sum')
    check([n['kind'] for n in x['path'][:4]] == ['irq', 'softirq_delay', 'softirq', 'wakeup'], str(x['path'][:4]))
    check(x['typical']['count'] > 400 and x['confidence'] != 'sure' and x['caveats'], str(x['typical']))
    _check_path(x)
    at = re.search(r'\[(\S+)\] \(\S+\) \S+ sched_switch: .*next_comm = "mc-worker"', text)[1]
    early = _json(ctx, trace, '--tid', tid, '--at', at)
    check(int(early['end']['ts']) < int(x['end']['ts']) or early['end'] == x['end'], '%s for --at %s' % (early['end'], at))
    return '%s, %.0f ms, by irq %d' % (x['why'], x['response_ns'] / 1e6, card)
