#!/usr/bin/env python3
"""`bootwarden network export` in a real kernel: rulesets, packets, counters.

Three network namespaces of this test's own, guest - host - world. For every flow of
tests/vectors/network/flow-vectors.json the ruleset is loaded on the host and the packet is sent; the
kernel's verdict and the rule whose counter moved must be what `bootwarden network test` says.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(os.environ["BOOTWARDEN_BIN"]) / "bootwarden"
VECTORS = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"]) / "tests/vectors/network"
TAGS = VECTORS / "ServiceTags_SelfHosted_20261122.json"
TABLE = "bootwarden_nsg"
NAMES = {role: f"bw{os.getpid()}{role}" for role in ("guest", "other", "host", "world")}
GUEST, GUEST6, OTHER = "10.77.0.10", "2001:db8:1::10", "10.77.2.10"
VNET = ("10.77.0.0/16", "10.88.0.0/16")
CLONE_NEWNET = 0x40000000
LIMIT_S = 10
RANDOM_FLOWS = 60
libc = ctypes.CDLL(None, use_errno=True)
failures = 0


def fail(text):
    global failures
    failures += 1
    print(f"FAILED: {text}")


def run(*words, check=True, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=check,
                          **more)


def ip(role, *words):
    run("ip", "-n", NAMES[role], *words)


def nft(text, check=True):
    return run("ip", "netns", "exec", NAMES["host"], "nft", "-f", "-", input=text, check=check)


@contextlib.contextmanager
def inside(role):
    """What is opened in here stays in that namespace."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{NAMES[role]}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


def link(a, a_name, b, b_name):
    ip(a, "link", "add", a_name, "type", "veth", "peer", "name", b_name, "netns", NAMES[b])
    ip(a, "link", "set", a_name, "up")
    ip(b, "link", "set", b_name, "up")


def build(vectors):
    for role in NAMES:
        run("ip", "netns", "add", NAMES[role])
        ip(role, "link", "set", "lo", "up")
        run("ip", "netns", "exec", NAMES[role], "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
            "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
    link("host", "veh0", "guest", "g0")
    link("host", "veh1", "other", "g1")
    link("host", "up0", "world", "w0")
    for role, dev, address in (("host", "veh0", "10.77.0.1/24"), ("host", "veh0", "2001:db8:1::1/64"),
                               ("host", "veh1", "10.77.2.1/24"), ("host", "up0", "192.168.250.1/30"),
                               ("host", "up0", "2001:db8:ffff::1/64"), ("guest", "g0", f"{GUEST}/24"),
                               ("guest", "g0", f"{GUEST6}/64"), ("other", "g1", f"{OTHER}/24"),
                               ("world", "w0", "192.168.250.2/30"), ("world", "w0", "2001:db8:ffff::2/64")):
        nodad = ("nodad",) if ":" in address else ()
        ip(role, "addr", "add", address, "dev", dev, *nodad)
    for role, via4, via6 in (("guest", "10.77.0.1", "2001:db8:1::1"), ("other", "10.77.2.1", None),
                             ("host", "192.168.250.2", "2001:db8:ffff::2"),
                             ("world", "192.168.250.1", "2001:db8:ffff::1")):
        ip(role, "route", "add", "default", "via", via4)
        if via6:
            ip(role, "-6", "route", "add", "default", "via", via6)
    ends = {"169.254.169.254"}
    for vector in vectors:
        ends |= {vector["flow"]["src"], vector["flow"]["dst"]}
    for end in ends - {GUEST, GUEST6, "10.77.0.1"}:
        nodad = ("nodad",) if ":" in end else ()
        ip("world", "addr", "add", end, "dev", "lo", *nodad)


def bootwarden(*words, codes=(0,)):
    done = run(BIN, "network", *words, check=False)
    if done.returncode not in codes:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def place(nic, subnet, tags=TAGS):
    words = ["--tags", tags]
    for prefix in VNET:
        words += ["--vnet", prefix]
    for option, name in (("--nsg", nic), ("--subnet-nsg", subnet)):
        if name != "none":
            words += [option, name if os.sep in str(name) else VECTORS / f"{name}.json"]
    return words


def load(nic, subnet, *more, tags=TAGS):
    nft(bootwarden("export", *place(nic, subnet, tags), *(more or (
        "--interface", "veh0", "--address", GUEST, "--address", GUEST6))))


def counters():
    """{(chain, comment): packets} of every rule that counted something."""
    done = run("ip", "netns", "exec", NAMES["host"], "nft", "-j", "list", "table", "inet", TABLE)
    found = {}
    for item in json.loads(done.stdout)["nftables"]:
        rule = item.get("rule", {})
        for part in rule.get("expr", []):
            packets = part["counter"]["packets"] if isinstance(part.get("counter"), dict) else 0
            if packets:
                key = (rule["chain"], rule.get("comment", ""))
                found[key] = found.get(key, 0) + packets
    return found


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Flow:
    """One new connection from one namespace to another: `arrives` until it did, or a rule dropped it."""
    port = 40000  # never one that a connection had before

    def __init__(self, source_role, source, target_role, target, port, kind="TCP"):
        Flow.port += 1
        self.is_tcp = kind == "TCP"
        how = socket.SOCK_STREAM if self.is_tcp else socket.SOCK_DGRAM
        with inside(target_role):
            self.server = socket.socket(family(target), how)
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind((target, port))
        with inside(source_role):
            self.client = socket.socket(family(source), how)
        self.client.bind((source, Flow.port))
        self.client.setblocking(False)
        self.peer = None
        if self.is_tcp:
            self.server.listen()
            self.client.connect_ex((target, port))
        else:
            self.client.sendto(b"x", (target, port))

    def arrives(self, was_dropped):
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if select.select([self.server], [], [], 0.05)[0]:
                if self.is_tcp:
                    self.peer = self.server.accept()[0]
                return True
            if was_dropped():
                return False
        raise AssertionError("the packet neither arrived nor did a rule drop it")

    def echoes(self):
        """What is connected carries bytes; None: nothing came for a while, and was not refused."""
        self.client.send(b"y")
        return bool(select.select([self.peer], [], [], 1)[0]) and self.peer.recv(1) == b"y"

    def close(self):
        for end in (self.client, self.peer, self.server):
            if end:
                end.close()


def kernel_says(flow):
    """Did it arrive? A counter of a rule that denies (they are named so) says that it did not."""
    try:
        return flow.arrives(lambda: any(
            comment.split(" ")[-1].startswith(("Deny", "anti-spoof")) for _, comment in counters()))
    finally:
        flow.close()


def check_flow(what, nic, subnet, flow, expect=None):
    """Evaluator and kernel agree on the verdict and on every rule that was asked for it."""
    out = flow["direction"] == "Outbound"
    bracket = lambda end, port: f"[{flow[end]}]:{flow[port]}"
    local, remote = (("src", "sport"), ("dst", "dport")) if out else (("dst", "dport"), ("src", "sport"))
    said = json.loads(bootwarden("test", *place(nic, subnet), "--direction", flow["direction"].lower(),
                                 "--protocol", flow["protocol"].lower(), "--local", bracket(*local), "--remote",
                                 bracket(*remote), "-o", "json", codes=(0, 1)))
    load(nic, subnet)
    target = "host" if flow["dst"] == "10.77.0.1" else "world" if out else "guest"
    arrived = kernel_says(Flow("guest" if out else "world", flow["src"], target, flow["dst"], flow["dport"],
                               flow["protocol"]))
    expect = expect or said
    if ("Allow" if arrived else "Deny", said["access"]) != (expect["access"],) * 2:
        fail(f"{what}: expected {expect['access']}, evaluator {said['access']}, kernel arrived={arrived}")
    if (said["ruleName"], said["stage"]) != (expect["ruleName"], expect["stage"]):
        fail(f"{what}: expected {expect['ruleName']} at {expect['stage']}, said {said['ruleName']}, {said['stage']}")
    # The rules that counted: those that the evaluator names, up to the one that denies.
    wanted = []
    for step in (step for step in said["steps"] if step["rule"]):
        wanted.append(f"{step['priority']} {step['rule']}")
        if step["access"] == "Deny":
            break
    counted = sorted(comment for chain, comment in counters())
    if counted != sorted(wanted):
        fail(f"{what}: counted {counted}, wanted {sorted(wanted)}")


def check_vector(vector):
    nic, subnet = vector["nicNsg"], vector["subnetNsg"]
    check_flow(f"{vector['why']} ({nic}, {subnet})", nic, subnet, vector["flow"], vector["expect"])


def check_random(folder, vectors):
    """Groups of rules as they come, the same in every run: whatever they say, both read the same."""
    dice = random.Random(20261122)
    ends4 = sorted({end for v in vectors for end in (v["flow"]["src"], v["flow"]["dst"])
                    if ":" not in end} - {GUEST, "10.77.0.1"})
    prefixes = [["*"], ["Internet"], ["VirtualNetwork"], ["AzureAttestation"], ["AzureKeyVault"], ["0.0.0.0/0"],
                ["::/0"], [GUEST], ["10.0.0.0/8", "2001:db8::/32"], ["198.51.100.0/24", "198.51.100.20"],
                ["192.0.2.0/25", "203.0.113.0/24", "10.88.0.0/16"], ["2001:db8:a77e::20"], ["AzureLoadBalancer"]]
    ports = [["*"], ["443"], ["0-1023"], ["53", "8000-9000"], ["1024-65535"]]

    def made(direction, index):
        access = dice.choice(("Allow", "Deny"))
        members = {f"{side}AddressPrefixes": dice.choice(prefixes) for side in ("source", "destination")}
        members |= {f"{side}AddressPrefix": None for side in ("source", "destination")}
        members |= {"destinationPortRange": None, "destinationPortRanges": dice.choice(ports)}
        return rule(f"{access}{direction}{index}", 100 + index, access, direction=direction,
                    protocol=dice.choice(("*", "Tcp", "Udp")), **members)

    for i in range(RANDOM_FLOWS):
        groups = [group(folder, f"{name}{i}", *(made(way, n) for n in range(dice.randrange(9))
                                                for way in ("Inbound", "Outbound"))) for name in ("nic", "subnet")]
        flow = {"direction": dice.choice(("Outbound", "Inbound")), "protocol": dice.choice(("TCP", "UDP")),
                "sport": 40000, "dport": dice.choice((53, 443, 8080, 30000))}
        inner, outer = (GUEST6, "2001:db8:a77e::20") if dice.random() < 0.2 else (GUEST, dice.choice(ends4))
        flow["src"], flow["dst"] = (inner, outer) if flow["direction"] == "Outbound" else (outer, inner)
        check_flow(f"random {i} {flow}", groups[0], dice.choice((groups[1], "none")), flow)


def with_prefixes(folder, prefixes):
    document = json.loads(TAGS.read_text())
    for value in document["values"]:
        if value["name"] == "AzureAttestation":
            value["properties"]["addressPrefixes"] = prefixes
    path = folder / "tags.json"
    path.write_text(json.dumps(document))
    return path


def check_refresh(folder):
    load("nsg-guest", "none")
    new = lambda: Flow("guest", GUEST, "world", "198.51.100.20", 443)
    kept = new()
    if not kept.arrives(lambda: False) or not kept.echoes():
        fail("the connection before the refresh")
    for prefixes, arrives in ((["192.0.2.64/26"], False), (["198.51.100.20/32", "2001:db8:a77e::/64"], True),
                              ([], False), (["198.51.100.0/27", "198.51.100.32/27", "0.0.0.0/0"], True)):
        load("nsg-guest", "none")  # counters begin at none again; the sets follow
        tags = with_prefixes(folder, prefixes)
        nft(bootwarden("export", *place("nsg-guest", "none", tags), "--interface", f"veh0={GUEST},{GUEST6}",
                       "--refresh-tag", "azureattestation"))
        kept.server.close()
        if kernel_says(new()) != arrives:
            fail(f"after a refresh to {prefixes} a new connection {'does not arrive' if arrives else 'arrives'}")
        if not kept.echoes():
            fail(f"after a refresh to {prefixes} what was connected is not any more")
    kept.close()
    before = run("ip", "netns", "exec", NAMES["host"], "nft", "list", "table", "inet", TABLE).stdout
    if nft(f"flush set inet {TABLE} st_AzureAttestation_v4\nadd element inet {TABLE} st_NoTag_v4 {{ 1.2.3.4 }}\n",
           check=False).returncode == 0:
        fail("a transaction with a set that is not there")
    if run("ip", "netns", "exec", NAMES["host"], "nft", "list", "table", "inet", TABLE).stdout != before:
        fail("a transaction that failed changed something")


def rule(name, priority, access, **more):
    properties = {"protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*", "sourceAddressPrefix": "*",
                  "destinationAddressPrefix": "*", "direction": "Outbound", "access": access, "priority": priority}
    return {"name": name, "properties": {**properties, **more}}


def group(folder, name, *rules):
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"name": name, "properties": {"securityRules": rules}}))
    return path


def check_platform(folder):
    """Exempt from "deny everything", but not from a rule that names the service, at its port."""
    deny = group(folder, "a", rule("DenyAll", 100, "Deny"))
    named = group(folder, "b", rule("DenyMetadata", 100, "Deny", destinationAddressPrefix="AzurePlatformIMDS"))
    for nsg, port, arrives in ((deny, 80, True), (named, 80, False), (named, 8080, True)):
        load(nsg, "none")
        if kernel_says(Flow("guest", GUEST, "world", "169.254.169.254", port)) != arrives:
            fail(f"metadata service at port {port} with {nsg.stem}: expected arrives={arrives}")
        code = run(BIN, "network", "test", *place(nsg, "none"), "--local", GUEST, "--remote",
                   f"169.254.169.254:{port}", check=False).returncode
        if code != (0 if arrives else 1):
            fail(f"the evaluator on the metadata service at port {port} with {nsg.stem}: exit {code}")


def check_neighbours(folder):
    """From guest to guest both are asked; nobody sends in another's name; nothing else is forwarded."""
    both = ("--interface", f"veh0={GUEST},{GUEST6}", "--interface", f"veh1={OTHER}")
    closed = group(folder, "c", rule("DenyAll", 100, "Deny", direction="Inbound"))
    load("nsg-guest", "none", *both)
    if not kernel_says(Flow("guest", GUEST, "other", OTHER, 8080)):
        fail("guests of one network do not reach each other")
    load(closed, "none", *both)
    if kernel_says(Flow("guest", GUEST, "other", OTHER, 8080)):
        fail("an inbound rule does not hold between two guests of one host")
    load("none", "none", *both)
    ip("guest", "addr", "add", "10.77.0.99/32", "dev", "lo")
    if kernel_says(Flow("guest", "10.77.0.99", "world", "192.0.2.1", 443)):
        fail("a guest sends in another's name")
    load("none", "none", "--interface", "veh1", "--address", OTHER)
    silent = Flow("guest", GUEST, "world", "192.0.2.1", 443)
    if select.select([silent.server], [], [], 1)[0]:
        fail("what no interface of the table is part of is forwarded")
    silent.close()
    load("none", "none", "--interface", "veh1", "--address", OTHER, "--forward-others")
    if not kernel_says(Flow("guest", GUEST, "world", "192.0.2.1", 443)):
        fail("--forward-others does not let through what belongs to others")


def check_odd_rules(folder):
    """Every form of a rule is one that nft takes, and reads back with its comment."""
    odd = group(
        folder, "odd-1.2_3",
        rule("icmp", 101, "Allow", protocol="Icmp"), rule("esp", 102, "Allow", protocol="Esp"),
        rule("ah", 103, "Allow", protocol="Ah", destinationAddressPrefix="Internet"),
        rule("ports", 104, "Deny", destinationPortRange="", destinationPortRanges=["1-5", "3-9", "0", "65535"]),
        rule("both", 105, "Allow", protocol="Udp", sourcePortRange="68", destinationPortRange="67"),
        rule("all4", 106, "Deny", sourceAddressPrefix="0.0.0.0/0", destinationAddressPrefix="255.255.255.255"),
        rule("all6", 107, "Deny", sourceAddressPrefix="::/0", protocol="Icmp"),
        rule("mixed", 108, "Allow", destinationAddressPrefix="",
             destinationAddressPrefixes=["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "2001:db8::1"]),
        rule("never", 109, "Allow", sourceAddressPrefix="10.0.0.1", destinationAddressPrefix="2001:db8::1"),
        rule("x" * 80, 4096, "Deny", destinationAddressPrefix="AzureKeyVault.WestEurope", protocol="Tcp"),
        rule("dns", 110, "Deny", destinationAddressPrefix="azureplatformdns", protocol="Udp"),
        rule("balancer", 111, "Allow", direction="Inbound", sourceAddressPrefix="azureloadbalancer"))
    load(odd, "nsg-guest", "--interface", f"veh0={GUEST},{GUEST6}", "--interface", f"a-b.c_d={OTHER}", "--log-group",
         "77")
    listing = run("ip", "netns", "exec", NAMES["host"], "nft", "list", "table", "inet", TABLE).stdout
    for wanted in ("101 icmp", "104 ports", "107 all6", f"4096 {'x' * 80}", "110 dns", "111 balancer"):
        if f'comment "{wanted}"' not in listing:
            fail(f"the kernel has no rule {wanted}")
    if "109 never" in listing:
        fail("a rule from IPv4 to IPv6 became a line")


def main():
    if not shutil.which("nft"):
        print("skipped: there is no nft; install the package nftables")
        return 77
    if os.geteuid() != 0 or run("ip", "netns", "add", NAMES["host"] + "x", check=False).returncode != 0:
        print("skipped: network namespaces cannot be made here (not root, or not permitted)")
        return 77
    run("ip", "netns", "del", NAMES["host"] + "x")
    vectors = json.loads((VECTORS / "flow-vectors.json").read_text())["vectors"]
    try:
        build(vectors)
        if nft("table inet bwtry { chain c { ct state new accept; }; }\n", check=False).returncode != 0:
            print("skipped: this kernel has no nftables with connection tracking")
            return 77
        for vector in vectors:
            check_vector(vector)
        with tempfile.TemporaryDirectory() as folder:
            for check in (check_refresh, check_platform, check_neighbours, check_odd_rules):
                check(pathlib.Path(folder))
            check_random(pathlib.Path(folder), vectors)
    finally:
        for name in NAMES.values():
            run("ip", "netns", "del", name, check=False)
    print(f"{len(vectors)} flows, {RANDOM_FLOWS} random ones, refreshes, platform addresses, neighbours: {failures} failures")
    return 1 if failures else 0


sys.exit(main())
