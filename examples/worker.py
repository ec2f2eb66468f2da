#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
Jobs with work marks, in Python: two threads and a queue between them.

    cc -O2 -shared -fPIC -I../include -o libmark.so mark_helper.c
    whylate watch --until mark --over 5ms -- python3 worker.py ./libmark.so 200
"""

import ctypes
import queue
import sys
import threading
import time

mark = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else './libmark.so')
JOBS = int(sys.argv[2]) if len(sys.argv) > 2 else 200


def cookie(number):
    return b'job %d' % number


def store(jobs):
    for _ in range(JOBS):
        number = jobs.get()
        mark.mark_step(cookie(number), b'store')
        time.sleep(0.02 if number % 50 == 49 else 0.001)  # every 50th is slow
        mark.mark_end(cookie(number))


def main():
    jobs = queue.Queue()
    thread = threading.Thread(target=store, args=(jobs,))
    thread.start()
    time.sleep(0.5)  # whylate looks for new libraries four times a second
    for number in range(JOBS):
        mark.mark_begin(cookie(number))
        sum(range(2000))
        jobs.put(number)
        time.sleep(0.002)
    thread.join()


if __name__ == '__main__':
    main()
