"""plane.py - for tests of network rules: a server, its resource manager, and short ways to networks there.

    plane = Plane(world, "lab")           # a server of its own, signed in as its owner
    plane.done("GET", path)               # what it answers; anything but success is a fault
    plane.refused("Code", "PUT", path, body, words="a pattern", target="member")
"""
import json
import re
import shutil
import subprocess
import urllib.parse

from owner import member, need
from replay import Connection
from world import BIN

VERSION = "api-version=2022-07-01"


class Plane:
    """A server, and who may do everything there."""

    def __init__(self, world, name, *options):
        self.env = world.server(name, *options)
        self.log = world.work / f"{name}.log"
        self.link = Connection(self.env)
        form = {"grant_type": "client_credentials", "client_id": self.env["BOOTWARDEN_CLIENT_ID"],
                "client_secret": self.env["BOOTWARDEN_CLIENT_SECRET"], "resource": "https://management.azure.com/"}
        status, _, value = self.link.ask("POST", f"/{self.env['BOOTWARDEN_TENANT']}/oauth2/token",
                                         {"Content-Type": "application/x-www-form-urlencoded"},
                                         urllib.parse.urlencode(form))
        need(status == 200, f"no token: {status} {value}")
        self.headers = {"Authorization": f"Bearer {value['access_token']}", "Content-Type": "application/json"}
        self.subscription = f"/subscriptions/{self.env['BOOTWARDEN_SUBSCRIPTION']}"
        self.group = f"{self.subscription}/resourceGroups/lab"
        self.network = f"{self.group}/providers/Microsoft.Network"
        self.compute = f"{self.group}/providers/Microsoft.Compute"

    def ask(self, method, path, body=None):
        status, _, value = self.link.ask(method, f"{path}{'&' if '?' in path else '?'}{VERSION}", self.headers,
                                         None if body is None else json.dumps(body))
        return status, value

    def done(self, method, path, body=None):
        status, value = self.ask(method, path, body)
        need(200 <= status < 300, f"{method} {path.rsplit('/', 2)[-2:]}: {status} {json.dumps(value)[:400]}")
        return value

    def put(self, path, properties, **more):
        return self.done("PUT", path, {"location": "westus", "properties": properties, **more})

    def refused(self, code, method, path, body=None, words="", target=None, status=400):
        seen, value = self.ask(method, path, body)
        error = (value or {}).get("error", {})
        need((seen, error.get("code")) == (status, code), f"{seen} {json.dumps(value)[:300]}, wanted {status} {code}")
        need(re.search(words, error["message"]), f"'{error['message'][:300]}' does not say /{words}/")
        need(target is None or error.get("target") == target, f"target {error.get('target')}, wanted {target}")

    def interface(self, name, addresses, group=None, subnet="lab/subnets/one", **more):
        configurations = [{"name": f"c{i}", "properties": {
            "privateIPAddress": address, "privateIPAllocationMethod": "Static",
            "subnet": {"id": f"{self.network}/virtualNetworks/{subnet}"}}} for i, address in enumerate(addresses)]
        properties = {"ipConfigurations": configurations}
        if group:
            properties["networkSecurityGroup"] = {"id": f"{self.network}/networkSecurityGroups/{group}"}
        return self.put(f"{self.network}/networkInterfaces/{name}", properties, **more)

    def virtual_network(self, subnet_group=None):
        subnet = {"addressPrefix": "10.77.0.0/24"}
        if subnet_group:
            subnet["networkSecurityGroup"] = {"id": f"{self.network}/networkSecurityGroups/{subnet_group}"}
        peering = {"remoteVirtualNetwork": {"id": f"{self.network}/virtualNetworks/peer"}}
        return self.put(f"{self.network}/virtualNetworks/lab", {
            "addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}, "subnets": [{"name": "one", "properties": subnet}],
            "virtualNetworkPeerings": [{"name": "to-peer", "properties": peering}]})

    def machine(self, name, interface, **more):
        return self.put(f"{self.compute}/virtualMachines/{name}", {
            "networkProfile": {"networkInterfaces": [{"id": f"{self.network}/networkInterfaces/{interface}"}]}, **more})

    def tags(self):
        return self.done("GET", f"{self.subscription}/providers/Microsoft.Network/locations/westus/serviceTags")

    def said(self, words):
        return re.search(words, self.log.read_text()) is not None


def rule(priority=4000, access="Deny", to="Internet", ports="*", direction="Outbound", **more):
    return {"protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": to,
            "destinationPortRange": ports, "access": access, "priority": priority, "direction": direction, **more}


class Guest:
    """A virtual machine "web" behind a group that lets nothing out, and its guest: a real agent with a
    software TPM, whose owner says where it proves itself."""

    def __init__(self, world, plane, attest_url):
        self.world, self.plane, self.agent = world, plane, None
        self.machine, self.nsg = f"{plane.compute}/virtualMachines/web", f"{plane.network}/networkSecurityGroups/web-nsg"
        self.extension = f"{self.machine}/extensions/GuestAttestation"
        plane.put(plane.group, {})
        plane.put(f"{plane.network}/virtualNetworks/peer", {"addressSpace": {"addressPrefixes": ["10.88.0.0/16"]}})
        plane.put(self.nsg, {"securityRules": [{"name": "DenyInternet", "properties": rule()}]})
        plane.virtual_network()
        plane.interface("nic", ["10.77.0.10"], "web-nsg", tags={"bootwarden-interface": "veh0"})
        plane.machine("web", "nic", securityProfile={"securityType": "TrustedLaunch", "uefiSettings": {
            "secureBootEnabled": True, "vTpmEnabled": True}})
        plane.put(self.extension, {
            "publisher": "Microsoft.Azure.Security.LinuxAttestation", "type": "GuestAttestation", "typeHandlerVersion": "1.0",
            "settings": {"AttestationConfig": {"MaaSettings": {"maaEndpoint": attest_url}}}})

    def start(self, server, *before):
        """before: words in front of the command."""
        folder, plane = self.world.work, self.plane
        vtpm = self.world.boot("vm1", "a-secureboot-healthy")
        shutil.copy(vtpm["VTPM_CA"], plane.env["data"] / "trust/ek/")
        (folder / "token").write_text(plane.done("POST", f"{self.machine}/createJoinToken")["token"])
        (folder / "token").chmod(0o600)
        (folder / "agent.conf").write_text(
            f"server = {server}\nca = {plane.env['BOOTWARDEN_CA']}\nname = web\ntcti = {vtpm['VTPM_TCTI']}\n"
            f"event-log = {vtpm['VTPM_EVENT_LOG']}\nstate = {folder}/state\nperiod = 3s\ncontact = 1s\n")
        with open(folder / "agent.log", "wb") as log:
            self.agent = subprocess.Popen([*before, BIN / "bootwarden-agent", "run", "--config", folder / "agent.conf",
                                           "--join-token-file", folder / "token", "--retry-wait", "0.2"], stderr=log)

    def state(self):
        return member(self.plane.done("GET", f"{self.extension}?$expand=instanceView"), "properties")

    def connectivity(self):
        return next((one for one in self.state()["instanceView"]["substatuses"]
                     if one["code"] == "ComponentStatus/Connectivity/failed"), None)

    def is_blocked(self):
        need(self.agent.poll() is None, "the agent ended")
        return self.connectivity() and self.state()["provisioningState"] == "Failed"

    def follow_remedy(self):
        """Puts the rule that the server proposes."""
        remedy = self.plane.done("POST", f"{self.machine}/testNetwork")["remedies"][0]
        self.plane.done("PUT", f"{remedy['networkSecurityGroup']}/securityRules/{remedy['rule']['name']}", remedy["rule"])

    def end(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait()
