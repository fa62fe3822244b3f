#!/usr/bin/env python3
"""A thousand mutations of each real request: always an error that says where, never a crash.

The agent talks to the server through a recorder, with a software TPM that shows a recorded boot, so
that the requests are those of a real guest; the published Trusted Launch evidence comes along where
it is there. Each is then mutated (bytes of the body, bytes and lengths inside the inner document, TPM
structures cut at every length) and sent. Every answer must be a 4xx in the documented shape; the
server must live, end well, and hold no more memory at the end than after the first round.

One of the attest requests is good as it stands and stays so (as Azure's client sends it, with no
challenge that is used up): of its mutations only those may be accepted that leave everything as it
was that the TPM signed or that is checked against it.
"""
import base64
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(os.environ["BOOTWARDEN_BIN"])
SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tests/support"))
from between import Between, unwrap, wrap  # noqa: E402
DATA = pathlib.Path(os.environ.get("BOOTWARDEN_DATA", SOURCE.parent / "shared/data"))
BOOT = SOURCE / "tests/vectors/boots/a-secureboot-healthy"
MUTATIONS = 1000
# Page caches of the store and arenas of the allocator fill up to here; 6000 more mutations add nothing to it.
MEMORY_SLACK_KIB = 8192
rng = random.Random(20261122)  # the same mutations in every run
faults = []


class Server:
    def __init__(self, binary, folder):
        self.folder = folder
        self.log = open(f"{folder}.log", "w", encoding="utf-8")
        self.process = subprocess.Popen([binary, "--dev", "--data", folder, "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready https://"):
            raise SystemExit(f"FAULT: the server does not start: {line!r}")
        self.port = int(line.rsplit(":", 1)[1])
        self.tls = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
        self.connection = None

    def post(self, path, body, headers=None):
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=60)
            try:
                self.connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                # The server may close a kept connection between two requests; not twice in a row.
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise
        raise AssertionError

    def memory_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0])

    def stop(self):
        if self.connection is not None:
            self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        if code != 0:
            faults.append(f"the server ended with {code}")
            print(pathlib.Path(f"{self.folder}.log").read_text()[-3000:])


def record_requests(server, work):
    """What a real guest sends, path by path, through a recorder with the server's own certificate."""
    recorder = Between(server.port, server.folder)
    recorder.start()
    env = dict(os.environ, BOOTWARDEN_BIN=str(BIN))
    started = subprocess.run([SOURCE / "tools/demo-vtpm", "start", f"{work}/vm", "--boot", BOOT],
                             capture_output=True, text=True, timeout=120, env=env)
    if started.returncode != 0:
        raise SystemExit(f"FAULT: no software TPM: {started.stderr}")
    try:
        vm = dict(line.split("=", 1) for line in started.stdout.splitlines() if "=" in line)
        vm = {name: value.strip("'\"") for name, value in vm.items()}
        shutil.copy(vm["VTPM_CA"], f"{server.folder}/trust/ek/lab.pem")
        time_limit = time.monotonic() + 10
        agent = None

        def attest(*options):
            return subprocess.run([BIN / "bootwarden-agent", "attest", "--server",
                                   f"https://localhost:{recorder.port}", "--ca", f"{server.folder}/tls/ca.pem",
                                   "--tcti", vm["VTPM_TCTI"], "--event-log", BOOT / "eventlog.bin", "--output", "token",
                                   "--retries", "0", *options],
                                  capture_output=True, text=True, timeout=120)

        # The trust folder is read again when it changes: allow the server that moment.
        while time.monotonic() < time_limit:
            agent = attest()
            if agent.returncode == 0:
                break
        with_challenge = {path: (bearer, body) for path, bearer, body in recorder.recorded}
        if agent.returncode == 0:
            agent = attest("--azure")
        if agent.returncode != 0:
            raise SystemExit(f"FAULT: the agent: {agent.stderr} {agent.stdout}")
    finally:
        subprocess.run([SOURCE / "tools/demo-vtpm", "stop", f"{work}/vm"], timeout=60, check=False, capture_output=True)
        recorder.stop()
    found = [(path, path.split("?")[0], bearer, body) for path, (bearer, body) in with_challenge.items()]
    path, bearer, body = recorder.recorded[-1]
    return found + [(path, "good request", bearer, body)]


def published_request():
    info = DATA / "attestation/azureguest-trustedlaunch-windows-tpminfo.json"
    if not info.exists():
        print("skipped: no public corpora")
        return None
    inner = {"AttestationProtocolVersion": "2.0", "ClientPayload": {}, "IsolationInfo": {"Type": "TrustedLaunch"},
             "OSBuild": "Tm90QXBwbGljYWJsZQ==", "OSDistro": "TWljcm9zb2Z0", "OSType": "V2luZG93cw==",
             "OSVersionMajor": 10, "OSVersionMinor": 0, "TcgLogs": "", "TpmInfo": json.loads(info.read_text())}
    return wrap(json.dumps(inner).encode())


def scramble(data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        at = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 0xff, 0x22, 0x5c, 0x7b, 0x7d, 0x80, rng.randrange(256)))
        elif kind == 2:
            del data[at:at + rng.randrange(1, 40)]
        elif kind == 3:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 20)))
        else:
            data = data[:at + 1]
        if not data:
            data = bytearray(b"{")
    return bytes(data)


def scramble_value(value):
    """One member somewhere in a document, changed: its bytes if it is base64, else the value."""
    members = []

    def walk(node):
        for key, child in (node.items() if isinstance(node, dict) else enumerate(node)):
            members.append((node, key, child))
            if isinstance(child, (dict, list)):
                walk(child)

    walk(value)
    if not members:
        return {"unknown": rng.choice((None, 1, "x", []))}
    node, key, child = rng.choice(members)
    if isinstance(child, str) and rng.randrange(4):
        try:
            raw = base64.b64decode(child, validate=True)
            node[key] = base64.b64encode(scramble(raw) if raw else b"x").decode()
            return value
        except ValueError:
            pass
    node[key] = rng.choice((None, True, -1, 1e300, "", "A" * 5000, [], {}, [[[]]], 2**63, "\u0000", child))
    return value


def mutations(body, is_attest):
    """About MUTATIONS bodies, and every structure of an attest request cut at every length."""
    for _ in range(MUTATIONS * 2 // 5):
        yield scramble(body)
    if not is_attest:
        for _ in range(MUTATIONS * 3 // 5):
            yield json.dumps(scramble_value(json.loads(body))).encode()
        return
    inner = unwrap(body)
    for _ in range(MUTATIONS * 2 // 5):
        yield wrap(json.dumps(scramble_value(json.loads(inner))).encode())
    for _ in range(MUTATIONS // 5):
        yield wrap(scramble(inner))
    document = json.loads(inner)
    for name, text in document["TpmInfo"].items():
        if isinstance(text, str):
            raw = base64.b64decode(text)
            for length in range(len(raw)):
                cut = json.loads(inner)
                cut["TpmInfo"][name] = base64.b64encode(raw[:length]).decode()
                yield wrap(json.dumps(cut).encode())


def proven_members(body):
    """What a quote, a signature or the policy of a key covers."""
    document = json.loads(unwrap(body))
    info = dict(document["TpmInfo"])
    info.pop("AikCert")  # the key is known; that the certificate is for it is checked, its path is not
    return info


def is_same_proof(mutated, original):
    try:
        return proven_members(mutated) == proven_members(original)
    except (ValueError, KeyError, TypeError):
        return False


def check(server, path, bearer, body, counts, original):
    status, text = server.post(path, body, bearer)
    counts[status] = counts.get(status, 0) + 1
    if 400 <= status < 500:
        try:
            error = json.loads(text)["error"]
            good = set(error) == {"code", "message"} and error["code"] and error["message"]
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            faults.append(f"{path}: {status} without the documented shape: {text[:200]!r}")
    elif status != 200:
        faults.append(f"{path}: status {status}: {text[:200]!r} for {body[:200]!r}")
    elif path.startswith("/attest/") and not (original and is_same_proof(body, original)):
        faults.append(f"{path}: a mutated request got a token: {body[:200]!r}")
    # 200 on /guest/: a mutation that touches nothing that matters (a name, an ignored member).


def run(binary, work, what, watch_memory):
    server = Server(binary, f"{work}/{what}")
    try:
        requests = record_requests(server, f"{work}/{what}-vm")
        published = published_request()
        if published is not None:
            requests.append(("/attest/AzureGuest?api-version=2020-10-01", "published evidence", {}, published))
        for path, name, bearer, body in requests:
            original = body if name == "good request" else None
            if original and server.post(path, body, bearer)[0] != 200:
                faults.append(f"{path}: the good request is not accepted as it stands")
            counts = {}
            sent = 0
            memory = 0
            for mutation in mutations(body, path.startswith("/attest/")):
                check(server, path, bearer, mutation, counts, original)
                sent += 1
                if sent == MUTATIONS // 2:
                    memory = server.memory_kib()
            grown = server.memory_kib() - memory
            print(f"figure: {what} {name}: {sent} mutations, answers "
                  f"{dict(sorted(counts.items()))}, memory {grown:+d} KiB since the {MUTATIONS // 2}th")
            if watch_memory and grown > MEMORY_SLACK_KIB:
                faults.append(f"{name}: memory grew by {grown} KiB")
            if len(faults) > 5:
                return
        if server.process.poll() is not None:
            faults.append("the server died")
    finally:
        server.stop()
    log = pathlib.Path(f"{server.folder}.log").read_text(errors="replace")
    if "ERROR: AddressSanitizer" in log or "runtime error:" in log or "LeakSanitizer" in log:
        faults.append("a sanitizer spoke: " + log[log.find("ERROR: "):][:1000])


def main():
    with tempfile.TemporaryDirectory() as work:
        run(BIN / "bootwarden-server", work, "tested", False)
        release = pathlib.Path(os.environ.get("BOOTWARDEN_RELEASE_BIN", SOURCE / "build/release/bin"))
        if (release / "bootwarden-server").exists():
            run(release / "bootwarden-server", work, "release", True)
        else:
            print("figure: memory is only watched with a release build, which is not there")
    for fault in faults[:10]:
        print(f"FAULT: {fault}")
    print(f"server-mutations: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
