#!/usr/bin/env python3
"""From nothing to a verdict with az alone, and what a network rule does to it.

`az vm create --enable-integrity-monitoring` makes a machine whose custom data hold a join token; a guest with a
software TPM joins with it, and az shows the verdict about its boot. A rule that denies the Internet goes into
force (what `bootwarden network export` says, loaded into a kernel): az shows the extension as failed, by that
rule. A rule that allows AzureAttestation follows, and it is succeeded again. Nothing in the guest is touched.

Two network namespaces of this test's own: the host's, in which all of it runs, and the guest's.
"""
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import time

if os.environ.get("BOOTWARDEN_INSIDE") != "net":
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        print("skipped: network namespaces are not permitted here")
        sys.exit(77)
    os.environ["BOOTWARDEN_INSIDE"] = "net"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
os.environ.setdefault("BOOTWARDEN_BIN", str(HERE.parent.parent / "build/asan/bin"))
sys.path.insert(0, str(HERE.parent / "support"))
import world  # noqa: E402
from az import Az  # noqa: E402
from owner import need, need_members  # noqa: E402

GUEST_NS = f"bwg{os.getpid()}"
HOST, GUEST, SERVICE = "10.77.0.1", "10.77.0.10", "198.51.100.20"
GROUP, VM, NSG, NIC = "rg", "web", "web-nsg", "web-nic"
LIMIT_S = 90


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **more)
    need(done.returncode == 0, f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def build_network():
    """Host and guest joined as by a routed tap; the service has an address of its own behind the host."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "netns", "add", GUEST_NS)
    run("ip", "link", "add", "veh0", "type", "veth", "peer", "name", "eth0", "netns", GUEST_NS)
    for words in (("addr", "add", f"{HOST}/24", "dev", "veh0"), ("addr", "add", f"{SERVICE}/32", "dev", "lo"),
                  ("link", "set", "veh0", "up")):
        run("ip", *words)
    for words in (("link", "set", "lo", "up"), ("addr", "add", f"{GUEST}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                  ("route", "add", "default", "via", HOST)):
        run("ip", "-n", GUEST_NS, *words)


class GuestStory:
    def __init__(self):
        self.world = world.World()
        self.agent = None
        self.az = None

    def end(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait()
        if self.az:
            self.az.end()
        self.world.end()
        subprocess.run(["ip", "netns", "del", GUEST_NS], capture_output=True)

    def shown(self, *words):
        return self.az.run(*words).value

    def until(self, what, right, limit=LIMIT_S):
        """Looks until it is right; what was seen last."""
        end, seen = time.monotonic() + limit, None
        while time.monotonic() < end:
            seen = right()
            if seen:
                print(f"ok    {what}", flush=True)
                return seen
            time.sleep(0.5)
        raise AssertionError(f"{what}: not in {limit} s; at last: {json.dumps(self.extension())[:900]}")

    # ---- what az shows ----

    def view(self):
        return self.shown("vm", "get-instance-view", "-g", GROUP, "-n", VM)["instanceView"]

    def extension(self):
        found = [one for one in self.view()["extensions"] or [] if one["name"] == "GuestAttestation"]
        return found[0] if found else {}

    def status(self):
        one = (self.extension().get("statuses") or [{}])[0]
        return one.get("code", ""), one.get("message") or ""

    def substatus(self, name):
        return next((one for one in self.extension().get("substatuses") or [] if f"/{name}/" in one["code"]), {})

    def state(self):
        return self.shown("vm", "extension", "show", "-g", GROUP, "--vm-name", VM, "-n", "GuestAttestation")["provisioningState"]

    # ---- the story ----

    def start(self):
        build_network()
        self.env = self.world.server("server", "--region", "westus",
                                     "--listen", f"{SERVICE}:8443", "--listen", f"guest={HOST}:8443", "--name", SERVICE,
                                     "--name", HOST, "--endpoint", f"https://{SERVICE}:8443")
        self.az = Az("2.74", self.env)
        self.az.register()
        self.az.login()

    def create(self):
        self.token = "bwj_" + secrets.token_urlsafe(24)
        cloud = self.az.write("cloud.yaml", f"#cloud-config\nbootwarden-join-token: {self.token}\n")
        self.run_all(["group", "create", "-n", GROUP, "-l", "westus"],
                     ["network", "nsg", "create", "-g", GROUP, "-n", NSG],
                     ["network", "vnet", "create", "-g", GROUP, "-n", "net", "--address-prefix", "10.77.0.0/24",
                      "--subnet-name", "guests", "--subnet-prefix", "10.77.0.0/24"],
                     ["network", "nic", "create", "-g", GROUP, "-n", NIC, "--vnet-name", "net", "--subnet", "guests",
                      "--network-security-group", NSG, "--private-ip-address", GUEST, "--tags", "bootwarden-interface=veh0"])
        self.az.run("vm", "create", "-g", GROUP, "-n", VM, "--nics", NIC, "--image", "Canonical:ubuntu:22_04-lts-gen2:latest",
                    "--security-type", "TrustedLaunch", "--enable-secure-boot", "true", "--enable-vtpm", "true",
                    "--enable-integrity-monitoring", "--admin-username", "azureuser", "--generate-ssh-keys",
                    "--custom-data", cloud)
        shown = self.shown("vm", "show", "-g", GROUP, "-n", VM)
        need(not (shown["osProfile"] or {}).get("customData"), "the custom data are shown")
        need(self.token not in json.dumps(shown), "the token is shown")
        code, words = self.status()
        need(code == "ProvisioningState/creating" and "Waiting for the guest to join" in words, f"{code}: {words}")
        need(self.state() in ("Creating", "Updating"), self.state())
        print("ok    the machine is there, and its extension waits for a guest", flush=True)

    def run_all(self, *commands):
        for one in commands:
            self.az.run(*one)

    def join(self):
        tpm = self.world.boot("vm", "a-secureboot-healthy")
        trust = pathlib.Path(self.env["data"]) / "trust/ek"
        run("cp", tpm["VTPM_CA"], trust)
        token = self.world.work / "token"
        token.write_text(self.token)
        token.chmod(0o600)
        conf = self.world.work / "agent.conf"
        conf.write_text(f"server = https://{HOST}:8443\nca = {self.env['BOOTWARDEN_CA']}\nname = {VM}\n"
                        f"tcti = {tpm['VTPM_TCTI']}\nevent-log = {tpm['VTPM_EVENT_LOG']}\n"
                        f"state = {self.world.work / 'state'}\nperiod = 2s\ncontact = 1s\n")
        log = open(self.world.work / "agent.log", "wb")
        self.agent = subprocess.Popen(["ip", "netns", "exec", GUEST_NS, world.BIN / "bootwarden-agent", "run", "--config", conf,
                                       "--join-token-file", token, "--retry-wait", "0.2", "--retries", "1"],
                                      stdout=log, stderr=log)
        self.until("the extension is Succeeded", lambda: self.state() == "Succeeded")
        boot = self.until("the instance view says that the boot is healthy",
                          lambda: self.substatus("BootIntegrity").get("displayStatus") == "healthy" and self.substatus("BootIntegrity"))
        need_members(boot, {"code": "ComponentStatus/BootIntegrity/succeeded", "level": "Info"})
        machine = self.shown("resource", "show", "--ids", self.shown("vm", "show", "-g", GROUP, "-n", VM)["id"])["properties"]
        need_members(machine["bootIntegrity"], {"binding": "Joined", "state": "healthy", "machine": machine["vmId"],
                                                "ekDigest": re.compile("^[0-9a-f]{64}$")})
        agent = self.view()["vmAgent"]["statuses"][0]
        need(agent["displayStatus"] == "Ready", f"{agent}")
        print("ok    the machine says who it is bound to", flush=True)

    def enforce(self):
        """What the owner's rules say, into the host's kernel."""
        text = run(world.BIN / "bootwarden", "network", "export", env=os.environ | {
            name: value for name, value in self.env.items() if name.startswith("BOOTWARDEN_")})
        run("nft", "-f", "-", input=text)

    def block(self):
        self.az.run("network", "nsg", "rule", "create", "-g", GROUP, "--nsg-name", NSG, "-n", "DenyInternet", "--priority", "200",
                    "--direction", "Outbound", "--access", "Deny", "--protocol", "*", "--destination-address-prefixes", "Internet",
                    "--destination-port-ranges", "*", "--source-port-ranges", "*", "--source-address-prefixes", "*")
        self.enforce()
        self.until("a denied way makes the extension Failed", lambda: self.state() == "Failed")
        code, words = self.status()
        need(code == "ProvisioningState/failed", code)
        for wanted in ("GuestAttestation provisioning failed", "Attestation endpoint unreachable", SERVICE, "DenyInternet",
                       "Allow outbound", "AzureAttestation"):
            need(wanted in words, f"no '{wanted}' in: {words}")
        print(f"ok    and names the rule: {words[words.index('Error message'):][:600]}", flush=True)

    def allow(self):
        self.az.run("network", "nsg", "rule", "create", "-g", GROUP, "--nsg-name", NSG, "-n", "AllowAttestation", "--priority", "100",
                    "--direction", "Outbound", "--access", "Allow", "--protocol", "Tcp",
                    "--destination-address-prefixes", "AzureAttestation", "--destination-port-ranges", "8443")
        self.enforce()
        self.until("the rule that was advised makes it Succeeded again", lambda: self.state() == "Succeeded")
        self.until("and the boot is healthy", lambda: self.substatus("BootIntegrity").get("displayStatus") == "healthy")

    def remove(self):
        self.az.run("vm", "delete", "-g", GROUP, "-n", VM, "--yes")
        self.az.run("group", "delete", "-n", GROUP, "--yes")
        need(self.shown("group", "exists", "-n", GROUP) is False, "the group is still there")
        print("ok    the machine and its group are deleted", flush=True)

    def tell(self):
        began = time.monotonic()
        for step in (self.start, self.create, self.join, self.block, self.allow, self.remove):
            step()
        print(f"figure: from nothing to a verdict with az, blocked and back, in {time.monotonic() - began:.0f} s")
        print("10 passed, 0 failed")


story = GuestStory()
try:
    story.tell()
finally:
    story.end()
