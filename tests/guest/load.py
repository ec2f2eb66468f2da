# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Work for two tracers, in few programs (starting one takes the emulator a second): each role a process."""

import mmap
import os
import signal
import socket
import sys
import threading
import time


def naps():
    while True:
        time.sleep(0.05)


def pipes():
    """A client that thinks, and a server in another process."""
    ask, asked = os.pipe(), os.pipe()
    if os.fork():
        while True:
            os.write(ask[1], b'question')
            os.read(asked[0], 100)
            time.sleep(0.06)
    while True:
        os.read(ask[0], 100)
        os.write(asked[1], b'answer')


def packets():
    """Over loopback: a stimulus that is a softirq without an interrupt."""
    server, client = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    server.bind(('127.0.0.1', 0))
    if os.fork():
        while True:
            client.sendto(b'question', server.getsockname())
            client.recv(100)
            time.sleep(0.06)
    while True:
        _, peer = server.recvfrom(100)
        server.sendto(b'answer', peer)


def disk():
    fd, buffer = os.open('/dev/vda', os.O_RDWR | os.O_DIRECT), mmap.mmap(-1, 65536)
    while True:
        for _ in range(2):
            os.preadv(fd, [buffer], 0)
            os.pwritev(fd, [buffer], 0)
        time.sleep(0.2)


def threads():
    """One hands work to another, which sleeps on a futex meanwhile."""
    work = threading.Semaphore(0)

    def worker():
        while True:
            work.acquire()

    threading.Thread(target=worker, daemon=True).start()
    while True:
        work.release()
        time.sleep(0.08)


def births():
    while True:
        if not os.fork():
            time.sleep(0.01)
            os._exit(0)
        os.wait()
        time.sleep(0.3)


signal.signal(signal.SIGTERM, signal.SIG_DFL)
for role in (naps, pipes, packets, disk, threads, births):
    if not os.fork():
        role()
if len(sys.argv) > 1:
    open(sys.argv[1], 'w').close()  # at it
signal.pause()
