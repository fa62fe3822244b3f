"""For functional tests of the guest's side in Python: a work folder, a real server, software TPMs that
show recorded boots, and ways to the server that hold, drop or spoil what goes through. All of it ends
with the test."""
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading

from azure_agent import wait_for

BIN = pathlib.Path(os.environ["BOOTWARDEN_BIN"])
SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
BOOTS = SOURCE / "tests/vectors/boots"


def assignments(text):
    return dict(word.split("=", 1) for word in shlex.split(text, comments=True) if "=" in word)


kept = []


class World:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bootwarden."))
        self.servers, self.vms = [], []

    def server(self, name, *options):
        """Starts it; the settings of its dev.env, and its folder as "data"."""
        data = self.work / name
        log = open(self.work / f"{name}.log", "wb")
        process = subprocess.Popen([BIN / "bootwarden-server", "--dev", "--data", data, "--listen", "127.0.0.1:0",
                                    *options], stdout=log, stderr=log)
        self.servers.append(process)
        file = data / "dev.env"
        wait_for(f"{name} to serve", lambda: process.poll() is not None or (
            file.exists() and self.is_served(assignments(file.read_text()))))
        if process.poll() is not None:
            raise RuntimeError((self.work / f"{name}.log").read_text()[-600:])
        return assignments(file.read_text()) | {"data": data}

    @staticmethod
    def is_served(env):
        return "BOOTWARDEN_ENDPOINT" in env and subprocess.run(
            ["curl", "-sf", "--cacert", env["BOOTWARDEN_CA"], env["BOOTWARDEN_ENDPOINT"] + "/certs"],
            capture_output=True).returncode == 0

    def boot(self, vm, case):
        """The machine boots into a recorded boot: its VTPM_* settings."""
        folder = self.work / vm
        subprocess.run([SOURCE / "tools/demo-vtpm", "stop", folder], check=True, capture_output=True)
        done = subprocess.run([SOURCE / "tools/demo-vtpm", "start", folder, "--boot", BOOTS / case, "--ca",
                               self.work / "ca", "--name", vm], check=True, capture_output=True, text=True)
        self.vms.append(folder)
        return assignments(done.stdout)

    def end(self):
        for process in self.servers:
            process.terminate()
            process.wait()
        for folder in self.vms:
            subprocess.run([SOURCE / "tools/demo-vtpm", "stop", folder], capture_output=True)
        shutil.rmtree(self.work)


class Gate:
    """A port on the way to another one. Closed, it takes connections and lets nothing through."""

    def __init__(self, port):
        self.port_behind, self.opened, self.n_taken = port, threading.Event(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.take, daemon=True).start()

    def open(self):
        self.opened.set()

    def shut(self):
        """For who comes from now on."""
        self.opened.clear()

    def take(self):
        while True:
            peer, _ = self.listener.accept()
            self.n_taken += 1
            threading.Thread(target=self.pass_on, args=(peer,), daemon=True).start()

    def pass_on(self, peer):
        self.opened.wait()
        try:
            behind = socket.create_connection(("127.0.0.1", self.port_behind))
        except OSError:
            peer.close()
            return
        threading.Thread(target=self.pump, args=(peer, behind), daemon=True).start()
        self.pump(behind, peer)

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Blocked:
    """A port that a firewall drops everything for: its queue of connections is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)


class Proxy:
    """Knows one word, CONNECT: wants a password, remembers what it was asked, and reaches nobody."""

    def __init__(self):
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer:
            while request := peer.recv(65536).decode("latin-1"):
                self.requests.append(request)
                first = ("502 Bad Gateway" if "Proxy-Authorization:" in request else
                         '407 Who\r\nProxy-Authenticate: Basic realm="test"')
                peer.sendall(f"HTTP/1.1 {first}\r\nContent-Length: 0\r\n\r\n".encode())


def closed_port():
    """A port that is taken, so that nobody else gets it, and where nobody listens."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    kept.append(taken)
    return taken.getsockname()[1]
