"""service.py - our server on the host, and how it sees machines. The one place that knows."""
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import time

import agent
import processes
from fault import Fault, LabError
from gate import Gate

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(SOURCE / "tests/support"))
from between import Between, unwrap, wrap  # noqa: E402,F401

START_LIMIT_S = 60
COMMAND_LIMIT_S = 60
HEALTHY, NOT_HEALTHY = 0, 1  # exit codes of `bootwarden vm show`


def free_port():
    """A port of the loopback that nobody has; the system is slow to give the same one out again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def brief(shown):
    """What a fault needs of what Service.shown gives."""
    said = {member: shown[member] for member in ("name", "state", "since", "why", "verdict", "provenAt", "history")}
    proof = shown["proof"] or {}
    return {**said, "resetCount": proof.get("resetCount"), "reasons": [one["code"] for one in proof.get("reasons", [])]}


class Service:
    """bootwarden-server on the loopback, with the folder DATA. PROGRAMS is the folder of our programs."""

    def __init__(self, programs, data):
        self.programs, self.data = programs, data
        # Named, since copies of one server, each of which would want the port of the first, run at once.
        self.port = free_port()
        self.listen, self.endpoint = [f"127.0.0.1:{self.port}"], f"https://{agent.HOST}:{self.port}"
        self.process = None

    def trust(self, certificates):
        """Before it starts: whose endorsement keys it believes."""
        folder = self.data / "trust/ek"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lab.pem").write_text(certificates)

    def copy(self, data):
        """A server that knows what this one knew; this one is stopped."""
        shutil.copytree(self.data, data, ignore=shutil.ignore_patterns("lock"))
        return Service(self.programs, data)

    @contextlib.contextmanager
    def gate(self):
        """Before it starts: attestation is on a port of its own, behind a Gate that guests are told of."""
        port = free_port()
        with Gate(port) as gate:
            self.listen = [f"guest,manage=127.0.0.1:{self.port}", f"attest=127.0.0.1:{port}"]
            self.endpoint = f"https://{agent.HOST}:{gate.port}"
            yield gate

    def __enter__(self):
        log = pathlib.Path(f"{self.data}.log")
        listen = [word for address in self.listen for word in ("--listen", address)]
        self.process = processes.start([self.programs / "bootwarden-server", "--dev", "--data", self.data,
                                        "--endpoint", self.endpoint, *listen], log)
        deadline = time.monotonic() + START_LIMIT_S
        while "\nready https://" not in "\n" + log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                processes.end(self.process)
                raise LabError(f"the server does not start: {log.read_text()[-800:]}")
            time.sleep(0.02)
        return self

    def __exit__(self, kind, error, trace):
        if self.process is None:
            return
        code = processes.end(self.process)
        self.process = None
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

    # ---- what people ask it ----

    def owner(self):
        """The environment of the machines' owner, who is on this side of the network."""
        lines = (self.data / "dev.env").read_text().splitlines()
        named = dict(shlex.split(line)[0].split("=", 1) for line in lines if "=" in line)
        return {**os.environ, **named, "BOOTWARDEN_ENDPOINT": f"https://localhost:{self.port}"}

    def command(self, program, *arguments, codes=(0,)):
        """Runs one of our programs on the host, as the owner: exit code and what it writes."""
        done = subprocess.run([self.programs / program, *map(str, arguments)], capture_output=True, text=True,
                              env=self.owner(), timeout=COMMAND_LIMIT_S, check=False)
        if done.returncode not in codes:
            raise Fault(f"{program} {' '.join(map(str, arguments))}: exit {done.returncode}: "
                        f"{(done.stderr or done.stdout)[-600:]}")
        return done.returncode, done.stdout

    def told(self, name):
        """What `bootwarden vm show` tells a person of a machine."""
        return self.command("bootwarden", "vm", "show", name, codes=(HEALTHY, NOT_HEALTHY))[1]

    def shown(self, name):
        """The same for programs."""
        code, text = self.command("bootwarden", "vm", "show", name, "--output", "json", codes=(HEALTHY, NOT_HEALTHY))
        shown = json.loads(text)
        if (code == HEALTHY) != (shown["state"] == "healthy"):
            raise Fault(f"bootwarden vm show {name} ends with {code}, and the machine is {shown['state']}")
        return shown

    def ask(self, verb, name):
        """`bootwarden vm approve` and others that answer with no more than that it is done."""
        self.command("bootwarden", "vm", verb, name)

    def refused_copies(self, name):
        """How often somebody showed evidence of this machine that was not his: what the operator sees."""
        _, text = self.command("bootwarden-server", "machine", "show", name, "--data", self.data, "--output", "json")
        return json.loads(text)["refusedCopies"]
