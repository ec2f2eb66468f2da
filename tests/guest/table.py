# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Writes the results of a whole run into docs/kernels.md, between two marks."""

import time

BEGIN, END = '<!-- written by tests/guest/run --table -->', '<!-- end of what the tests write -->'
WORDS = {'ok': 'passed', 'FAIL': '**failed**', 'none': 'not on this kernel', 'skip': 'not run'}
SHORT = 60  # of a figure


def title(name, function):
    """First line of its docstring."""
    return (function.__doc__ or name).strip().split('\n')[0].rstrip('.')


def plain(text):
    """Text for a cell: nothing in it ends the cell or starts a tag."""
    return ''.join(c for c in text if c.isprintable()).translate({ord(c): '\\' + c for c in '|<*_`'})


def short(text):
    return plain(text.split('\n')[0].split(';')[0])[:SHORT]


def cell(results):
    """One cell: the same verdict with both NICs is said once, a figure per NIC."""
    if not results:
        return WORDS['none']
    verdicts = [WORDS[verdict] for _, verdict, _ in results]
    if len(set(verdicts)) > 1:
        return '<br>'.join('%s %s: %s' % (nic, w, short(text)) for (nic, _, text), w in zip(results, verdicts))
    figures = [short(text) for _, _, text in results]
    if len(set(figures)) == 1:
        return '<br>'.join(x for x in (verdicts[0], figures[0]) if x)
    return '<br>'.join([verdicts[0]] + ['%s: %s' % (nic, figure) for (nic, _, _), figure in zip(results, figures)])


def rows(checks, configs, releases, results):
    names = list(dict.fromkeys(c.name for c in configs))
    yield '| | ' + ' | '.join(names) + ' |'
    yield '|---' * (len(names) + 1) + '|'
    yield '| kernel | ' + ' | '.join(plain(releases.get(name, 'not had')) for name in names) + ' |'
    for name, function in checks:
        cells = [cell([(c.nic, *results[name, str(c)]) for c in configs if c.name == n and (name, str(c)) in results])
                 for n in names]
        yield '| %s (`%s`) | %s |' % (plain(title(name, function)), name, ' | '.join(cells))


def write(path, checks, configs, releases, results, version):
    with open(path) as f:
        text = f.read()
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError('%s: no line %r followed by %r' % (path, BEGIN, END))
    lines = ['', '%s, %s.' % (plain(version), time.strftime('%Y-%m-%d', time.gmtime())), '']
    lines += rows(checks, configs, releases, results)
    with open(path, 'w') as f:
        f.write(before + BEGIN + '\n'.join(lines) + '\n\n' + END + after)
