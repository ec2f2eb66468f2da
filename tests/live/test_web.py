# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""nginx under wrk: many connections on busy workers, kept alive and closed again."""

import os
import re
import subprocess

from harness import check, free_port, need, us, wait_for_port

CONF = """worker_processes 2; daemon off; master_process on; pid %(dir)s/pid; error_log %(dir)s/err;
user root; events { worker_connections 256; }
http { access_log %(dir)s/access; server { listen 127.0.0.1:%(port)d; root %(dir)s; } }
"""
UNITS = {'us': 1e3, 'ms': 1e6, 's': 1e9}


def _server(ctx):
    d = ctx.dir + '/nginx'
    os.mkdir(d)
    os.chmod(d, 0o755)
    port = free_port()
    with open(d + '/conf', 'w') as f:
        f.write(CONF % {'dir': d, 'port': port})
    with open(d + '/index.html', 'w') as f:
        f.write('hello\n')
    p = ctx.spawn(['nginx', '-c', d + '/conf', '-p', d], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    return p, port


def _run(ctx, header, arrivals):
    """nginx logs its requests (wrk does not count all that it sends on closing connections); wrk knows the worst."""
    need('nginx', 'wrk')
    server, port = _server(ctx)
    w = ctx.watch('-n', 'nginx', '--over', '1s')
    out = ctx.spawn(['wrk', '-t1', '-c8', '-d2s', *header, 'http://127.0.0.1:%d/' % port],
                    stdout=subprocess.PIPE).communicate(timeout=30)[0].decode()
    r = w.stop()
    with open(ctx.dir + '/nginx/access') as f:
        requests = sum(1 for _ in f)
    worst = re.search(r'Latency\s+\S+\s+\S+\s+([0-9.]+)(us|ms|s)\b', out)
    worst = float(worst.group(1)) * UNITS[worst.group(2)]
    rows = [t for t in r.stats['targets'] if t['stimulus']['name'] == 'NET_RX']
    count = sum(t['count'] + t['merged'] for t in rows)
    longest = max(t['max_ns'] for t in rows)
    figures = '%d responses of %d requests, worst %s, by wrk %s' % (count, requests, us(longest), us(worst))
    check(0.99 * requests <= count <= 1.01 * requests * (1 + arrivals) + 50, figures)
    # a response may end after its client has the answer (log, going idle); it can't begin long before
    check(longest <= 1.5 * worst + 5e6, figures)
    return figures


def truth2_web_kept_alive(ctx):
    return _run(ctx, [], 0)


def truth2_web_closed(ctx):
    """
    A socket's memory is another's soon after it is closed. The worker may go back to sleep between the
    connection's arrival and the request's: two responses, then.
    """
    return _run(ctx, ['-H', 'Connection: close'], 1)
