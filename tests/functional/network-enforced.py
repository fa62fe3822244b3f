#!/usr/bin/env python3
"""Network rules in force: a guest in a network namespace of its own, behind a host that loads what the
server exports. The blocking rule keeps the agent from its attestation endpoint, the extension says so, and
the rule that the server proposes repairs it, with no change in the guest. Ends with 77 where namespaces
are not permitted."""
import ctypes
import os
import pathlib
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
os.environ.setdefault("BOOTWARDEN_BIN", str(HERE.parent.parent / "build/asan/bin"))
sys.path.insert(0, str(HERE.parent / "support"))
from azure_agent import wait_for  # noqa: E402
from owner import Story, need  # noqa: E402
from plane import Guest, Plane  # noqa: E402
from world import BIN, World  # noqa: E402

HOST, GUEST = f"bw{os.getpid()}h", f"bw{os.getpid()}g"
CLONE_NEWNET = 0x40000000
ATTEST, REPORT = "192.0.2.1:8443", "10.77.0.1:8444"


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


def build():
    """From here on this process, and what it starts, is the host."""
    if os.geteuid() != 0 or ip("netns", "add", HOST).returncode != 0:
        print("skipped: network namespaces are not permitted")
        sys.exit(77)
    for words in (("netns", "add", GUEST), ("-n", HOST, "link", "set", "lo", "up"), ("-n", GUEST, "link", "set", "lo", "up"),
                  ("-n", HOST, "addr", "add", "192.0.2.1/32", "dev", "lo"),
                  ("-n", HOST, "link", "add", "veh0", "type", "veth", "peer", "name", "eth0", "netns", GUEST),
                  ("-n", HOST, "addr", "add", "10.77.0.1/24", "dev", "veh0"), ("-n", HOST, "link", "set", "veh0", "up"),
                  ("-n", GUEST, "addr", "add", "10.77.0.10/24", "dev", "eth0"), ("-n", GUEST, "link", "set", "eth0", "up"),
                  ("-n", GUEST, "route", "add", "default", "via", "10.77.0.1")):
        done = ip(*words)
        need(done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}")
    with open(f"/run/netns/{HOST}") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def load(plane):
    """What a host does after each change: bootwarden network export | nft -f -"""
    env = os.environ | {name: str(value) for name, value in plane.env.items() if name.startswith("BOOTWARDEN_")}
    text = subprocess.run([BIN / "bootwarden", "network", "export"], capture_output=True, text=True, env=env, timeout=60)
    need(text.returncode == 0, text.stderr)
    done = subprocess.run(["nft", "-f", "-"], input=text.stdout, capture_output=True, text=True)
    need(done.returncode == 0, done.stderr[:300])


def counted(comment):
    """Did the rule with this comment meet a packet?"""
    rules = subprocess.run(["nft", "list", "table", "inet", "bootwarden_nsg"], capture_output=True, text=True).stdout
    return any(comment in line and "packets 0 " not in line for line in rules.splitlines())


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends all the same
    world, story, here = World(), Story(), None
    build()
    try:
        plane = Plane(world, "host", "--listen", ATTEST, "--listen", REPORT, "--endpoint", f"https://{ATTEST}")
        here = Guest(world, plane, f"https://{ATTEST}")
        load(plane)
        here.start(f"https://{REPORT}", "ip", "netns", "exec", GUEST)
        with story.step("the kernel drops what the rule denies, and the extension names the rule"):
            wait_for("the extension to fail", here.is_blocked)
            need(counted("4000 DenyInternet"), "the rule met no packet")
            need("Network rule DenyInternet (network security group web-nsg" in here.connectivity()["message"], "other words")
        with story.step("the rule that the server proposes repairs it, with no change in the guest"):
            need(here.agent.poll() is None, "the agent ended")
            here.follow_remedy()
            load(plane)
            wait_for("the extension to succeed", lambda: here.state()["provisioningState"] == "Succeeded")
            need(counted("3999 Allow-AzureAttestation-8443"), "the rule met no packet")
    finally:
        if here:
            here.end()
        if story.failed:
            for log in world.work.glob("*.log"):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}")
        world.end()
        for name in (GUEST, HOST):
            ip("netns", "delete", name)
    print(f"{story.n_passed} passed, {len(story.failed)} failed")
    sys.exit(1 if story.failed else 0)


main()
