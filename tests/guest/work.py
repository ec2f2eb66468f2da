# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Work that the host makes for a guest."""

import threading
import time


class Client(threading.Thread):
    """Requests to memcached, one after the other, a while apart; nothing depends on how fast they are answered."""

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection, self.answered, self.stopping = connection, 0, False

    def run(self):
        self.connection.settimeout(60)
        try:
            while not self.stopping:
                self.connection.sendall(b'get nothing\r\n')
                if not self.connection.recv(100).endswith(b'END\r\n'):
                    return
                self.answered += 1
                time.sleep(0.02)
        except OSError:
            return

    def stop(self):
        self.stopping = True
        self.connection.close()
