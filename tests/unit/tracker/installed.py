#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
The tracker library as others meet it: installed, found by pkg-config, linked both ways, with the
example on top. Prints TAP. Usage: installed.py BUILD_DIR SOURCE_DIR
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD, SOURCE = sys.argv[1:3]
HEADER = os.path.join(SOURCE, 'include', 'latency_tracker.h')
JOBS, SLOW, STUCK = 400, (100, 200, 250, 300, 400), 250


def run(*argv, **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=100, check=False, **kw)
    assert not p.returncode, '%s: status %d\n%s' % (' '.join(argv), p.returncode, p.stdout)
    return p.stdout


def install(root):
    """Only what the library installs: the rest of the tree need not be built."""
    lib, pc = os.path.join(root, 'lib'), os.path.join(BUILD, 'meson-private')
    os.makedirs(lib)
    os.makedirs(os.path.join(root, 'include'))
    for header in (HEADER, os.path.join(SOURCE, 'include', 'latency_tracker_ret.h')):
        shutil.copy(header, os.path.join(root, 'include'))
    for name in os.listdir(os.path.join(BUILD, 'src', 'tracker')):
        path = os.path.join(BUILD, 'src', 'tracker', name)
        if name.startswith('liblatency_tracker.') and not os.path.isdir(path):
            shutil.copy(path, lib, follow_symlinks=False)
    with open(os.path.join(pc, 'liblatency_tracker.pc'), encoding='utf-8') as f:
        text = re.sub(r'(?m)^prefix=.*', 'prefix=' + root, f.read())
    text = re.sub(r'(?m)^libdir=.*', 'libdir=${prefix}/lib', text)
    with open(os.path.join(root, 'liblatency_tracker.pc'), 'w', encoding='utf-8') as f:
        f.write(text)
    return dict(os.environ, PKG_CONFIG_PATH=root, LD_LIBRARY_PATH=lib)


def declared():
    with open(HEADER, encoding='utf-8') as f:
        code = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
    return {name for name in re.findall(r'\b(latency_tracker_\w+)\(', code)
            if name != 'latency_tracker_callback'}


def check_symbols(root, env):
    """What the header declares, with its version, and nothing else."""
    text = run('nm', '-D', '--defined-only', os.path.join(root, 'lib', 'liblatency_tracker.so'))
    names = {}
    for line in text.splitlines():
        kind, name = line.split()[1:3]
        if kind == 'T':
            names.update([name.split('@@')])
    assert set(names) == declared(), set(names) ^ declared()
    assert set(names.values()) == {'LATENCY_TRACKER_0.1'}, names
    return '%d functions' % len(names)


def check_header(root, env):
    """The header needs nothing before it, in C and in C++."""
    run('cc', '-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only', '-x', 'c',
        HEADER)
    if not shutil.which('g++'):
        return 'C'
    run('g++', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c++', HEADER)
    return 'C and C++'


def check_output(text):
    """Every slow job is told by its number, the stuck one before its end and after it."""
    ended = {int(m[0]): float(m[1]) for m in re.findall(r'job (\d+): ([\d.]+) ms.*done', text)}
    for job in SLOW:
        assert ended.get(job, 0) >= (300 if job == STUCK else 20), 'job %d\n%s' % (job, text)
    early = text.find('job %d: not done after' % STUCK)
    assert 0 <= early < text.find('job %d: %.1f ms after all' % (STUCK, ended[STUCK])), text
    count, = re.findall(r'(?m)^(\d+) jobs,', text)
    over, before, missed = map(int, re.findall(
        r'(\d+) over 5 ms, (\d+) over 100 ms before they ended, (\d+) not', text)[0])
    assert int(count) == JOBS and missed == 0, text
    # A late job is told although it is over the threshold anyway: once.
    assert over == len(ended) == len(re.findall('done by', text)), text
    assert before == len(re.findall('not done', text)), text
    return '%d slow jobs told' % over


def check_example(root, env, *flags):
    program = os.path.join(root, 'slow_jobs')
    words = run('pkg-config', '--cflags', '--libs', *flags, 'liblatency_tracker', env=env).split()
    if flags:
        # Ours as an archive, the others' as they are.
        words = [os.path.join(root, 'lib', 'liblatency_tracker.a')
                 if w == '-llatency_tracker' else w for w in words]
    run('cc', '-O2', '-Wall', '-Werror', os.path.join(SOURCE, 'examples', 'slow_jobs.c'), *words,
        '-o', program, env=env)
    needs = run('ldd', program, env=env)
    assert ('liblatency_tracker.so.0' in needs) == (not flags), needs
    return check_output(run(program, env=env))


def main():
    checks = [('symbols', check_symbols, ()), ('header', check_header, ()),
              ('example with the shared library', check_example, ()),
              ('example with the archive', check_example, ('--static',))]
    print('1..%d' % len(checks))
    with tempfile.TemporaryDirectory() as root:
        env = install(os.path.join(root, 'it'))
        for i, (name, check, args) in enumerate(checks, 1):
            try:
                print('ok %d %s: %s' % (i, name, check(os.path.join(root, 'it'), env, *args)))
            except (AssertionError, subprocess.TimeoutExpired) as e:
                print('not ok %d %s' % (i, name))
                print('\n'.join('# ' + line for line in str(e).splitlines()))


main()
