"""gate.py - the network between the guest and one port of our server, which somebody may block.

    with Gate(port) as gate:      # PORT of the loopback is behind it
        gate.port                 # where the guest goes
        gate.close()              # connections are refused, as by a port where nobody listens
        gate.drop()               # they get no answer at all, as behind a firewall
        gate.open()

The port stays ours all the time. Connections that are there when it is blocked end.
"""
import select
import socket
import threading

WAITING = 16
LOOK_EVERY_S = 0.5
CONNECT_LIMIT_S = 10
FILL_S = 0.3  # a connection that is not there after it waits for a place in the queue


class Gate:
    """Open at first. One thread uses it."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.port = 0
        self.placeholder = self.socket()  # it never listens
        self.port = self.placeholder.getsockname()[1]
        self.listener = self.thread = None
        self.fillers = []
        self.is_ending = threading.Event()

    def socket(self):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", self.port))
        return made

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *exception):
        self.close()
        self.placeholder.close()

    def open(self):
        self.close()
        self.listener = self.socket()
        self.listener.listen(WAITING)
        self.is_ending.clear()
        self.thread = threading.Thread(target=self.let_through, daemon=True)
        self.thread.start()

    def close(self):
        if self.thread is not None:
            self.is_ending.set()
            self.thread.join()
            self.thread = None
        for ours in (self.listener, *self.fillers):
            if ours is not None:
                ours.close()
        self.listener, self.fillers = None, []

    def drop(self):
        """Nobody takes the connections of a queue that is full; the kernel drops who comes then."""
        self.close()
        self.listener = self.socket()
        self.listener.listen(0)
        is_full = False
        while not is_full:
            filler = socket.socket()
            self.fillers.append(filler)
            filler.settimeout(FILL_S)
            try:
                filler.connect(("127.0.0.1", self.port))
            except TimeoutError:
                is_full = True

    def let_through(self):
        pairs = {}
        while not self.is_ending.is_set():
            for ready in select.select([self.listener, *pairs], [], [], LOOK_EVERY_S)[0]:
                if ready is self.listener:
                    pairs |= self.take()
                elif ready in pairs and not pass_on(ready, pairs[ready]):
                    for end in (ready, pairs[ready]):
                        del pairs[end]
                        end.close()
        for end in pairs:
            end.close()

    def take(self):
        """A new connection: its two ends, each with the other."""
        outside = self.listener.accept()[0]
        try:
            inside = socket.create_connection(("127.0.0.1", self.server_port), CONNECT_LIMIT_S)
        except OSError:  # the server is away
            outside.close()
            return {}
        return {outside: inside, inside: outside}


def pass_on(giver, taker):
    """What is there to pass on; False when the connection has ended."""
    try:
        data = giver.recv(65536)
        taker.sendall(data)
    except OSError:
        return False
    return bool(data)
