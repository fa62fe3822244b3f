"""service.py - our server on the host, and how it sees machines. The one place that knows."""
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import agent
import processes
from fault import Fault, LabError

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(SOURCE / "tests/support"))
from between import Between, unwrap, wrap  # noqa: E402,F401

START_LIMIT_S = 60
COMMAND_LIMIT_S = 60


def free_port():
    """A port of the loopback that nobody has; the system is slow to give the same one out again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """bootwarden-server on the loopback, with the folder DATA. PROGRAMS is the folder of our programs."""

    def __init__(self, programs, data):
        self.programs, self.data = programs, data
        self.process = self.port = None

    def trust(self, certificates):
        """Before it starts: whose endorsement keys it believes."""
        folder = self.data / "trust/ek"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lab.pem").write_text(certificates)

    def copy(self, data):
        """A server that knows what this one knew; this one is stopped."""
        shutil.copytree(self.data, data, ignore=shutil.ignore_patterns("lock"))
        return Service(self.programs, data)

    def __enter__(self):
        log = pathlib.Path(f"{self.data}.log")
        # Named, since copies of one server, each of which would want the port of the first, run at once.
        port = free_port()
        self.process = processes.start([self.programs / "bootwarden-server", "--dev", "--data", self.data,
                                        "--listen", f"127.0.0.1:{port}", "--name", agent.HOST], log)
        deadline = time.monotonic() + START_LIMIT_S
        while "\nready https://" not in "\n" + log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                processes.end(self.process)
                raise LabError(f"the server does not start: {log.read_text()[-800:]}")
            time.sleep(0.02)
        self.port = port
        return self

    def __exit__(self, kind, error, trace):
        if self.process is None:
            return
        code = processes.end(self.process)
        self.process = self.port = None
        if code != 0 and kind is None:
            raise Fault(f"the server ended with {code}: {pathlib.Path(f'{self.data}.log').read_text()[-1500:]}")

    def ca(self):
        return (self.data / "tls/ca.pem").read_bytes()

    @contextlib.contextmanager
    def between(self, change=None):
        """Somebody in the middle who records, and may change, what the guest sends."""
        between = Between(self.port, self.data, change)
        between.start()
        try:
            yield between
        finally:
            between.stop()

    def command(self, program, *arguments, codes=(0,)):
        """Runs one of our programs on the host; its JSON."""
        done = subprocess.run([self.programs / program, *map(str, arguments)], capture_output=True, text=True,
                              timeout=COMMAND_LIMIT_S, check=False)
        if done.returncode not in codes:
            raise Fault(f"{program} {' '.join(map(str, arguments))}: exit {done.returncode}: "
                        f"{(done.stderr or done.stdout)[-600:]}")
        return json.loads(done.stdout)

    def state(self, name):
        """What the service knows of a machine."""
        return self.command("bootwarden-server", "machine", "show", name, "--data", self.data, "--output", "json")

    def compare(self, before, after, work):
        """Two requests of a machine, compared offline: verdict and codes of AFTER with BEFORE as baseline."""
        work.mkdir(exist_ok=True)
        (work / "before.json").write_bytes(before)
        (work / "after.json").write_bytes(after)
        return self.command("bootwarden", "verify", "--output", "json", "--trust", self.data / "guest-ca/ca.pem",
                            "--baseline", work / "before.json", work / "after.json", codes=(0, 1))
