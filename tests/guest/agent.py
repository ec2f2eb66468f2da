# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
Runs in the guest and does what the host asks: one JSON object a line on the second serial line, one
line back with the same id. Programs write to files in the share, which the host reads itself.

  {"id":1,"do":"spawn","command":"…"}     -> {"id":1,"pid":77}; a shell command, group of its own
  {"id":2,"do":"wait","pid":77,"timeout":9} -> {"id":2,"status":0}; null: still running
  {"id":3,"do":"signal","pid":77,"signal":2,"group":false}
  {"id":4,"do":"sweep"}  -> kills what is left of earlier commands; new complaints of the kernel, BPF objects
  {"id":5,"do":"end"}
"""

import json
import os
import re
import signal
import subprocess
import sys
import termios
import threading
import time
import tty

sys.dont_write_bytecode = True
sys.path.insert(0, '/share')
import harness  # noqa: E402

# What a kernel says when it finds itself in disorder.
COMPLAINT = re.compile(r'BUG:|WARNING:|scheduling while atomic|Oops|lockdep|possible recursive|circular locking|'
                       r'inconsistent lock|blocked for more than|soft lockup|hard LOCKUP|rcu_\w+ (self-)?detected|'
                       r'general protection|refcount_t|KASAN|page allocation failure')

# RPS on PREEMPT_RT raises NET_RX in an IPI: before 6.5 the kernel warns of that by itself.
OWN_COMPLAINT = re.compile(r'WARNING:.*do_softirq_post_smp_call_flush')


class Agent:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)
        self.lock = threading.Lock()
        self.children = {}
        self.log = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        self.bpf = harness.bpf_objects()

    def tell(self, **reply):
        with self.lock:
            os.write(self.fd, json.dumps(reply).encode() + b'\n')

    def do_spawn(self, command, name):
        with open('/share/%s.out' % name, 'wb') as out, open('/share/%s.err' % name, 'wb') as err:
            child = subprocess.Popen(['/bin/bash', '-c', command], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                     process_group=0, cwd='/share')
        self.children[child.pid] = child
        return {'pid': child.pid}

    def do_wait(self, pid, timeout):
        try:
            return {'status': self.children[pid].wait(timeout)}
        except subprocess.TimeoutExpired:
            return {'status': None}

    def do_signal(self, pid, signal, group):
        try:
            (os.killpg if group else os.kill)(pid, signal)
        except ProcessLookupError:
            return {'gone': True}
        return {}

    def complaints(self):
        lines, found = 0, []
        while True:
            try:
                line = os.read(self.log, 8192).decode('utf-8', 'replace')
            except BlockingIOError:
                return lines, found
            except BrokenPipeError:  # overwritten before we came
                found.append('kernel log lines lost')
                continue
            lines += 1
            if COMPLAINT.search(line) and not OWN_COMPLAINT.search(line):
                found.append(line.split(';', 1)[-1].split('\n')[0])

    def do_sweep(self):
        for pid, child in list(self.children.items()):
            self.do_signal(pid, signal.SIGKILL, True)
            child.wait()
            del self.children[pid]
        lines, found = self.complaints()
        # Programs go away after a grace period.
        for _ in range(20):
            left = sorted(harness.bpf_objects() - self.bpf)
            if not left:
                break
            time.sleep(0.25)
        self.bpf.update(left)  # told once
        return {'lines': lines, 'complaints': found[:20], 'bpf': left}

    def do(self, request):
        ident, what = request.pop('id'), request.pop('do')
        try:
            self.tell(id=ident, **getattr(self, 'do_' + what)(**request))
        except Exception as e:  # the host must hear of it
            self.tell(id=ident, error='%s: %s' % (type(e).__name__, e))

    def serve(self):
        self.tell(ready=os.uname().release)
        with os.fdopen(os.dup(self.fd), 'rb') as lines:
            for line in lines:
                request = json.loads(line)
                if request['do'] == 'end':
                    return
                threading.Thread(target=self.do, args=(request,), daemon=True).start()


Agent(sys.argv[1]).serve()
