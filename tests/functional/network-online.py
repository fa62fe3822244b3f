#!/usr/bin/env python3
"""Network rules of a real server: groups and what is refused of them, what is in use, service tags that
are replaced while it runs, the flows of tests/vectors/network, effective rules, the export; and a guest
that a rule keeps from its attestation endpoint, which its extension says, until the rule that the server
proposes lets it through."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
os.environ.setdefault("BOOTWARDEN_BIN", str(HERE.parent.parent / "build/asan/bin"))
sys.path.insert(0, str(HERE.parent / "support"))
from azure_agent import wait_for  # noqa: E402
from owner import Story, member, need  # noqa: E402
from plane import Guest, Plane, rule  # noqa: E402
from world import BIN, SOURCE, Gate, World  # noqa: E402

VECTORS = SOURCE / "tests/vectors/network"
TAGS = VECTORS / "ServiceTags_SelfHosted_20261122.json"
ATTEST = "198.51.100.16/28, 198.51.100.64/31, 2001:db8:a77e::/48"


def prefixes(tags, name):
    return next((one["properties"]["addressPrefixes"] for one in tags["values"] if one["name"] == name), None)


def replace_file(path, text):
    """Whole, as an operator should."""
    other = path.with_suffix(".new")
    other.write_text(text)
    other.chmod(0o600)
    other.rename(path)


def groups(story, plane):
    nsg = f"{plane.network}/networkSecurityGroups/closed"
    with story.step("bad groups are refused with code, member and what to write"):
        def one(**changes):
            return {"location": "westus", "properties": {"securityRules": [{"name": "r", "properties": rule() | changes}]}}

        table = (("SecurityRuleInvalidPriority", one(priority=99), "priority", "100"),
                 ("SecurityRuleInvalidAddressPrefix", one(destinationAddressPrefix="10.0.0.5/24"),
                  "destinationAddressPrefix", "10.0.0.0/24"),
                 ("SecurityRuleInvalidAddressPrefix", one(destinationAddressPrefix="AzureAttestatoin"),
                  "destinationAddressPrefix", "AzureAttestatoin, which is not known"),
                 ("SecurityRuleInvalidPortRange", one(destinationPortRange="9-1"), "destinationPortRange", ""),
                 ("InvalidParameter", one(protocol="Any"), "protocol", ""),
                 ("InvalidRequestFormat", one(unheard="of"), "unheard", "unheard"))
        for code, body, target, words in table:
            plane.refused(code, "PUT", nsg, body, words, target)
        body = one()
        body["properties"]["securityRules"].append({"name": "s", "properties": rule()})
        plane.refused("SecurityRuleConflict", "PUT", nsg, body, "both are Outbound with priority 4000", "priority")
        body["properties"]["securityRules"][1] = {"name": "R", "properties": rule(4001)}
        plane.refused("DuplicateResourceName", "PUT", nsg, body)
        asg = [{"id": f"{plane.network}/applicationSecurityGroups/nobody"}]
        body = one(destinationApplicationSecurityGroups=asg)
        del body["properties"]["securityRules"][0]["properties"]["destinationAddressPrefix"]
        plane.refused("InvalidResourceReference", "PUT", nsg, body, "applicationSecurityGroups/nobody")
        need(plane.ask("GET", nsg)[0] == 404, "a refused group is there")
    with story.step("a group is shown as Azure shows it"):
        seen = plane.put(nsg, {"securityRules": [{"name": "DenyInternet", "id": "x", "properties": rule(access="deny", protocol="TCP")}],
                               "defaultSecurityRules": [{"name": "mine", "properties": rule()}], "resourceGuid": "mine"})
        properties = seen["properties"]
        first = properties["securityRules"][0]
        need(member(first, "properties.access") == "Deny" and member(first, "properties.protocol") == "Tcp", str(first))
        need(first["id"] == f"{nsg}/securityRules/DenyInternet" and first["etag"] == seen["etag"] and
             first["type"].endswith("/securityRules") and member(first, "properties.provisioningState") == "Succeeded" and
             member(first, "properties.destinationAddressPrefixes") == [], str(first))
        need([one["name"] for one in properties["defaultSecurityRules"]] == [
            "AllowVnetInBound", "AllowAzureLoadBalancerInBound", "DenyAllInBound", "AllowVnetOutBound",
            "AllowInternetOutBound", "DenyAllOutBound"], "default rules")
        need(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", properties["resourceGuid"]), properties["resourceGuid"])
        again = plane.done("PUT", nsg, seen)
        need(again["properties"]["securityRules"][0]["properties"] == first["properties"], "read back, it is another")
    with story.step("default rules are there, and stay"):
        one = plane.done("GET", f"{nsg}/defaultSecurityRules/DENYALLOUTBOUND")
        need(member(one, "properties.priority") == 65500 and one["id"].endswith("/defaultSecurityRules/DenyAllOutBound"), str(one))
        need(len(plane.done("GET", f"{nsg}/defaultSecurityRules")["value"]) == 6, "not six")
        need(plane.ask("GET", f"{nsg}/defaultSecurityRules/none")[0] == 404, "no such rule")
        need(plane.ask("GET", f"{plane.network}/networkSecurityGroups/none/defaultSecurityRules")[0] == 404, "no such group")
        need(plane.ask("DELETE", f"{nsg}/defaultSecurityRules/DenyAllOutBound")[0] in (404, 405), "a default rule is deleted")
    with story.step("rules come and go one by one"):
        plane.refused("SecurityRuleConflict", "PUT", f"{nsg}/securityRules/other", {"properties": rule()},
                      "conflicts with rule DenyInternet", "priority")
        allow = plane.done("PUT", f"{nsg}/securityRules/allow", {"properties": rule(100, "Allow", "azureattestation", "443")})
        need(allow["name"] == "allow" and member(allow, "properties.priority") == 100, str(allow))
        need(len(plane.done("GET", f"{nsg}/securityRules")["value"]) == 2, "not two")
        plane.done("DELETE", f"{nsg}/securityRules/allow")
        need(plane.ask("GET", f"{nsg}/securityRules/allow")[0] == 404, "it is there")


def in_use(story, plane):
    with story.step("what is in use stays"):
        plane.put(f"{plane.network}/virtualNetworks/peer", {"addressSpace": {"addressPrefixes": ["10.88.0.0/16"]}})
        status, value = plane.ask("PUT", f"{plane.network}/virtualNetworks/lab", {"location": "westus", "properties": {
            "addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}, "subnets": [{"name": "one", "properties": {
                "addressPrefix": "10.77.0.0/24",
                "networkSecurityGroup": {"id": f"{plane.network}/networkSecurityGroups/nobody"}}}]}})
        need((status, value["error"]["code"]) == (400, "InvalidResourceReference"), f"{status} {value}")
        plane.virtual_network("closed")
        plane.put(f"{plane.network}/publicIPAddresses/public", {})
        plane.interface("nic", ["10.77.0.10", "2001:db8:1::10"], "closed")
        nic = plane.done("GET", f"{plane.network}/networkInterfaces/nic")
        nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {"id": f"{plane.network}/publicIPAddresses/public"}
        plane.done("PUT", f"{plane.network}/networkInterfaces/nic", nic)
        nsg = plane.done("GET", f"{plane.network}/networkSecurityGroups/closed")["properties"]
        need([one["id"] for one in nsg["networkInterfaces"]] == [f"{plane.network}/networkInterfaces/nic"], "networkInterfaces")
        need([one["id"] for one in nsg["subnets"]] == [f"{plane.network}/virtualNetworks/lab/subnets/one"], "subnets")
        for code, path, who in (
                ("InUseNetworkSecurityGroupCannotBeDeleted", "networkSecurityGroups/closed", "networkInterfaces/nic, .*subnets/one"),
                ("InUseSubnetCannotBeDeleted", "virtualNetworks/lab", "networkInterfaces/nic/ipConfigurations/c0"),
                ("InUseSubnetCannotBeDeleted", "virtualNetworks/lab/subnets/one", "networkInterfaces/nic/ipConfigurations/c0"),
                ("PublicIPAddressCannotBeDeleted", "publicIPAddresses/public", "networkInterfaces/nic/ipConfigurations/c0")):
            plane.refused(code, "DELETE", f"{plane.network}/{path}", words=who)
        plane.refused("InUseSubnetCannotBeDeleted", "PUT", f"{plane.network}/virtualNetworks/lab", {
            "location": "westus", "properties": {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}, "subnets": []}})
    with story.step("a network that is put without a word about subnets keeps them"):
        seen = plane.put(f"{plane.network}/virtualNetworks/lab", {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}})
        need([one["name"] for one in seen["properties"]["subnets"]] == ["one"], str(seen)[:300])
    with story.step("and what is not, goes"):
        del nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"], nic["properties"]["networkSecurityGroup"]
        plane.done("PUT", f"{plane.network}/networkInterfaces/nic", nic)
        plane.virtual_network()
        plane.done("DELETE", f"{plane.network}/networkSecurityGroups/closed")
        plane.done("DELETE", f"{plane.network}/publicIPAddresses/public")
    with story.step("another subscription's group is not even there"):
        foreign = plane.network.replace(plane.env["BOOTWARDEN_SUBSCRIPTION"], "00000000-0000-0000-0000-000000000001")
        nic["properties"]["networkSecurityGroup"] = {"id": f"{foreign}/networkSecurityGroups/closed"}
        plane.refused("LinkedAuthorizationFailed", "PUT", f"{plane.network}/networkInterfaces/nic", nic, status=403,
                      words="networkSecurityGroups/join/action.* or the linked scope.s. are invalid")


def service_tags(story, plane):
    file = plane.env["data"] / "service-tags.json"
    document = json.loads(TAGS.read_text())
    with story.step("our own tags are listed, with filters"):
        tags = plane.tags()
        need(tags["cloud"] == "SelfHosted" and isinstance(tags["changeNumber"], str), str(tags)[:200])
        need(prefixes(tags, "AzureAttestation") == ATTEST.split(", "), str(tags)[:600])
        details = f"{plane.subscription}/providers/Microsoft.Network/locations/westus/serviceTagDetails"
        one = plane.done("GET", f"{details}?tagName=azureATTESTATION&noAddressPrefixes=true")["value"]
        need(len(one) == 1 and "addressPrefixes" not in one[0]["properties"], str(one))
        need(plane.done("GET", f"{details}?tagName=None")["value"] == [], "a tag that is not there")
    with story.step("an operator's file adds tags, and takes none of ours"):
        replace_file(file, TAGS.read_text())
        wait_for("the file's tags", lambda: prefixes(plane.tags(), "AzureKeyVault.WestEurope"))
        need(prefixes(plane.tags(), "AzureAttestation") == ATTEST.split(", "), "our own was replaced")
        need(prefixes(plane.tags(), "AzureKeyVault.WestEurope") == ["203.0.113.144/29"], "its prefixes")
    for name in ("nsg-guest", "nsg-blocking"):
        group = json.loads((VECTORS / f"{name}.json").read_text())
        plane.done("PUT", f"{plane.network}/networkSecurityGroups/{name}", group | {"location": "westus"})
    with story.step("a file that cannot be read changes nothing"):
        before = plane.tags()
        replace_file(file, '{"changeNumber": 1, "cloud": "SelfHosted", "values": [')
        wait_for("the log", lambda: plane.said(f"level=error what=service-tags.json file={file} cause=.*at byte.*"
                                               "the tags that were in force stay.*remedy=.*mend the file"))
        need(plane.tags() == before, "the tags are others")
    with story.step("nor does one that empties a tag which a rule names"):
        lesser = document | {"values": [one for one in document["values"] if one["name"] != "AzureKeyVault.WestEurope"]}
        replace_file(file, json.dumps(lesser))
        wait_for("the log", lambda: plane.said("AllowKeyVaultWE of group nsg-guest names it"))
        need(plane.tags() == before, "the tags are others")
    with story.step("a better one is in force at once"):
        changed = json.loads(TAGS.read_text())
        changed["changeNumber"] += 1
        next(one for one in changed["values"] if one["name"] == "AzureKeyVault")["properties"]["addressPrefixes"].append("192.0.2.0/31")
        replace_file(file, json.dumps(changed))
        wait_for("the change", lambda: "192.0.2.0/31" in prefixes(plane.tags(), "AzureKeyVault"))
        need(int(plane.tags()["changeNumber"]) == int(before["changeNumber"]) + 1, "its number")
        replace_file(file, TAGS.read_text())
        wait_for("the first file", lambda: prefixes(plane.tags(), "AzureKeyVault") == prefixes(before, "AzureKeyVault"))


def flows(story, plane):
    watcher = f"{plane.network}/networkWatchers/w"
    machine = f"{plane.compute}/virtualMachines/web"
    plane.put(watcher, {})
    plane.machine("web", "nic")
    document = json.loads((VECTORS / "flow-vectors.json").read_text())
    with story.step(f"{len(document['vectors'])} flows end as the vectors say"):
        for vector in document["vectors"]:
            flow, expect = vector["flow"], vector["expect"]
            nic, subnet = (None if name == "none" else name for name in (vector["nicNsg"], vector["subnetNsg"]))
            plane.virtual_network(subnet)
            plane.interface("nic", ["10.77.0.10", "2001:db8:1::10"], nic)
            ends = (("local", "remote"), ("src", "dst"), ("sport", "dport"))
            if flow["direction"] == "Inbound":
                ends = (("remote", "local"), ends[1], ends[2])
            body = {"targetResourceId": machine, "direction": flow["direction"], "protocol": flow["protocol"]}
            for end, address, port in zip(*ends):
                body |= {f"{end}IPAddress": flow[address], f"{end}Port": str(flow[port])}
            seen = plane.done("POST", f"{watcher}/ipFlowVerify", body)
            need(seen == {"access": expect["access"], "ruleName": expect["ruleName"] or ""}, f"{vector['why']}: {seen}")
    good = {"targetResourceId": machine, "direction": "Outbound", "protocol": "TCP", "localIPAddress": "10.77.0.10",
            "localPort": "*", "remoteIPAddress": "192.0.2.1", "remotePort": "443"}
    with story.step("questions that are none are refused with their member"):
        need(plane.done("POST", f"{watcher}/ipFlowVerify", good | {"targetNicResourceId": f"{plane.network}/networkInterfaces/NIC"})["access"], "nic")
        for name, value in (("direction", "Up"), ("protocol", "ICMP"), ("localIPAddress", "::ffff:1.2.3.4"), ("remoteIPAddress", "::1"),
                            ("remotePort", "*"), ("remotePort", "70000"), ("localPort", None),
                            ("targetNicResourceId", f"{plane.network}/networkInterfaces/none")):
            plane.refused("InvalidParameter", "POST", f"{watcher}/ipFlowVerify", good | {name: value}, target=name)
        plane.refused("InvalidResourceReference", "POST", f"{watcher}/ipFlowVerify", good | {"targetResourceId": machine + "x"})
    with story.step("effective rules, with tags written out"):
        plane.virtual_network("nsg-blocking")
        plane.interface("nic", ["10.77.0.10", "2001:db8:1::10"], "nsg-guest")
        seen = plane.done("POST", f"{plane.network}/networkInterfaces/nic/effectiveNetworkSecurityGroups")["value"]
        need([one["networkSecurityGroup"]["id"].rsplit("/", 1)[1] for one in seen] == ["nsg-guest", "nsg-blocking"], "groups")
        need(seen[0]["association"]["networkInterface"]["id"].endswith("/nic") and
             seen[1]["association"]["subnet"]["id"].endswith("/one"), "associations")
        allow = next(one for one in seen[0]["effectiveSecurityRules"] if one["name"] == "securityRules/AllowAttestation")
        need(allow["expandedDestinationAddressPrefix"] == ATTEST.split(", "), str(allow))
        need(allow["expandedSourceAddressPrefix"] == ["10.77.0.0/16", "10.88.0.0/16"], "the peer's prefixes are missing")
        view = plane.done("POST", f"{watcher}/securityGroupView", {"targetResourceId": machine})["networkInterfaces"][0]
        rules = view["securityRuleAssociations"]
        need(len(rules["networkInterfaceAssociation"]["securityRules"]) == 5 and len(rules["defaultSecurityRules"]) == 6, str(view)[:300])
    with story.step("application security groups have members"):
        asg = f"{plane.network}/applicationSecurityGroups/databases"
        plane.put(asg, {})
        plane.interface("db", ["10.77.0.20"])
        db = plane.done("GET", f"{plane.network}/networkInterfaces/db")
        db["properties"]["ipConfigurations"][0]["properties"]["applicationSecurityGroups"] = [{"id": asg.upper().replace(plane.group.upper(), plane.group)}]
        plane.done("PUT", f"{plane.network}/networkInterfaces/db", db)
        deny = rule(100, "Deny", destinationApplicationSecurityGroups=[{"id": asg}])
        del deny["destinationAddressPrefix"]
        plane.done("PUT", f"{plane.network}/networkSecurityGroups/nsg-guest/securityRules/no-databases", {"properties": deny | {"priority": 101}})
        for address, access in (("10.77.0.20", "Deny"), ("10.77.0.21", "Allow")):
            plane.virtual_network()
            seen = plane.done("POST", f"{watcher}/ipFlowVerify", good | {"remoteIPAddress": address})
            need(seen["access"] == access, f"{address}: {seen}")
        plane.done("DELETE", f"{plane.network}/networkSecurityGroups/nsg-guest/securityRules/no-databases")


def who_may(story, plane):
    with story.step("a watcher's right is none to look at a machine"):
        scope, data = f"{plane.network}/networkWatchers/w", plane.env["data"]
        made = json.loads(subprocess.run([BIN / "bootwarden-server", "principal", "add", "watcher", "--output", "json", "--data",
                                          data], check=True, capture_output=True, text=True).stdout)
        words = {re.sub("[^a-z]", "", key.lower()): value for key, value in made.items()}
        replace_file(data / "access.json", json.dumps({"roleAssignments": [{
            "principalId": words["objectid"], "tenantId": plane.env["BOOTWARDEN_TENANT"], "scope": scope,
            "roleDefinitionId": "b24988ac-6180-42a0-ab88-20f7382dd24c"}]}))
        form = {"grant_type": "client_credentials", "client_id": words["clientid"], "client_secret": words["secret"],
                "resource": "https://management.azure.com/"}

        def token():
            return plane.link.ask("POST", f"/{plane.env['BOOTWARDEN_TENANT']}/oauth2/token",
                                  {"Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(form))

        wait_for("the role", lambda: plane.said("access.loaded .*assignments=3"))
        wait_for("the principal", lambda: token()[0] == 200)
        value = token()[2]
        owner, plane.headers = plane.headers, plane.headers | {"Authorization": f"Bearer {value['access_token']}"}
        body = {"targetResourceId": f"{plane.compute}/virtualMachines/web", "direction": "Outbound", "protocol": "TCP",
                "localIPAddress": "10.77.0.10", "localPort": "*", "remoteIPAddress": "192.0.2.1", "remotePort": "443"}
        try:
            plane.done("GET", scope)
            plane.refused("LinkedAuthorizationFailed", "POST", f"{scope}/ipFlowVerify", body, status=403)
            plane.refused("LinkedAuthorizationFailed", "POST", f"{scope}/securityGroupView", body, status=403)
        finally:
            plane.headers = owner


def export(story, plane):
    rules = f"{plane.subscription}/providers/Bootwarden.Monitor/networkRules"
    nic = f"{plane.network}/networkInterfaces/nic"
    with story.step("no interface is named: nothing to export"):
        plane.refused("NetworkRulesNotExportable", "GET", rules, words="bootwarden-interface", status=409)
    with story.step("a name that no host has is refused where it is written"):
        status, value = plane.ask("PATCH", nic, {"tags": {"bootwarden-interface": 'a"; flush ruleset; #'}})
        need((status, value["error"]["code"]) == (400, "InvalidParameter"), f"{status} {value}")
    with story.step("named interfaces become one ruleset"):
        plane.done("PATCH", nic, {"tags": {"bootwarden-interface": "veh0"}})
        seen = plane.done("GET", rules)
        need(seen["table"] == "bootwarden_nsg" and seen["interfaces"] == [
            {"interface": "veh0", "networkInterface": nic, "addresses": ["10.77.0.10", "2001:db8:1::10"]}], str(seen)[:300])
        text = plane.done("GET", f"{rules}?format=nft")
        need(text == seen["ruleset"] and "100 AllowAttestation" in text and 'elements = { "veh0" }' in text, text[:300])
        need(plane.done("GET", f"{plane.group}/providers/Bootwarden.Monitor/networkRules?format=nft") == text, "of the group")
        if shutil.which("nft") and os.geteuid() == 0:
            done = subprocess.run(["unshare", "-n", "nft", "-c", "-f", "-"], input=text, capture_output=True, text=True)
            need(done.returncode == 0 or "Operation not permitted" in done.stderr, done.stderr[:300])
        refresh = plane.done("GET", f"{rules}?format=nft&refresh=azureattestation")
        need("flush set" in refresh and "198.51.100.16/28" in refresh and "chain" not in refresh, refresh[:300])
        plane.refused("NetworkRulesNotExportable", "GET", f"{rules}?refresh=AzureKeyVault", words="no rule of these groups names", status=409)
        plane.refused("InvalidParameter", "GET", f"{rules}?format=xml", target="format")
    with story.step("and the command prints it"):
        need(command(plane, "export").stdout == text, "another text")
        need(command(plane, "export", "--tag", "AzureAttestation").stdout == refresh, "another refresh")
    with story.step("a group that is not there is said to be, one without interfaces has nothing to export"):
        other = f"{plane.subscription}/resourceGroups/empty"
        for output in ("json", "nft"):
            path = f"{other}/providers/Bootwarden.Monitor/networkRules?format={output}"
            plane.refused("ResourceGroupNotFound", "GET", path, words="'empty' could not be found", status=404)
        done = command(plane, "export", "-g", "empty")
        need(done.returncode == 3 and done.stdout == "" and "'empty' could not be found" in done.stderr, f"{done}")
        plane.put(other, {})
        plane.refused("NetworkRulesNotExportable", "GET", path, words="bootwarden-interface", status=409)
        done = command(plane, "export", "-g", "empty")
        need(done.returncode == 3 and done.stdout == "" and "bootwarden-interface" in done.stderr, f"{done}")


def command(plane, *words):
    env = os.environ | {name: str(value) for name, value in plane.env.items() if name.startswith("BOOTWARDEN_")}
    return subprocess.run([BIN / "bootwarden", "network", *words], capture_output=True, text=True, env=env, timeout=60)


def tests_of_machines(story, plane):
    with story.step("bootwarden network test: allowed, denied, not known"):
        plane.virtual_network()
        for words, code, said in ((("web", "198.51.100.20"), 0, "allowed: rule AllowAttestation of nsg-guest, at the nic"),
                                  (("web", "192.0.2.1", "443"), 1, "denied: rule DenyInternet of nsg-guest"),
                                  (("web", "-g", "lab", "10.77.0.9", "22"), 0, "AllowVnetOutBound"),
                                  (("web", "www.example.net"), 3, "HostNotKnown.*give an address"),
                                  (("web", "192.0.2.1", "0"), 3, "from 1 to 65535"),
                                  (("nobody",), 3, "no virtual machine .* is called 'nobody'"),
                                  (("nobody", "-g", "lab"), 3, "ResourceNotFound"),
                                  (("web", "--local", "10.0.0.1"), 2, "leave out")):
            done = command(plane, "test", *words)
            need(done.returncode == code and re.search(said, done.stdout + done.stderr), f"{words}: {done.returncode} {done.stdout}{done.stderr}")
        seen = json.loads(command(plane, "test", "web", "-o", "json").stdout)
        need(seen["host"] == "localhost" and "198.51.100.16" in [one["address"] for one in seen["addresses"]], str(seen)[:300])


class Way(Gate):
    """A port that refuses until it is opened."""

    def __init__(self, port):
        self.port_behind, self.opened, self.n_taken = port, threading.Event(), 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def open(self):
        self.opened.set()
        self.listener.listen()
        threading.Thread(target=self.take, daemon=True).start()


def guest(story, world):
    plane = Plane(world, "guests")
    way = Way(urllib.parse.urlsplit(plane.env["BOOTWARDEN_ENDPOINT"]).port)
    here = Guest(world, plane, f"https://127.0.0.1:{way.port}")
    here.start(plane.env["BOOTWARDEN_ENDPOINT"])
    try:
        with story.step("a guest whose way is blocked: the extension says by which rule, and what helps"):
            wait_for("the extension to fail", here.is_blocked)
            words = here.connectivity()["message"]
            wanted = (f"Network rule DenyInternet (network security group web-nsg, of the interface) blocks it. Allow outbound {way.port} "
                      "to service tag AzureAttestation: az network nsg rule create --resource-group lab --nsg-name web-nsg ")
            need(words.startswith(wanted), words)
            message = here.state()["instanceView"]["statuses"][0]["message"]
            need(re.search(rf"LinuxAttestation.GuestAttestation provisioning failed. Attestation endpoint unreachable: 127.0.0.1:{way.port}", message)
                 and words in message, message)
        with story.step("the rule that is proposed is the one that helps"):
            seen = plane.done("POST", f"{here.machine}/testNetwork")
            need(seen["access"] == "Deny" and seen["ruleName"] == "securityRules/DenyInternet" and seen["stage"] == "nic" and
                 seen["networkSecurityGroup"] == here.nsg and seen["priority"] == 4000, str(seen)[:300])
            need(seen["remedies"][0]["command"] in words, f"{seen['remedies'][0]['command']} is not in {words}")
            here.follow_remedy()
            need(plane.done("POST", f"{here.machine}/testNetwork")["access"] == "Allow", "still denied")
        with story.step("what is left is no rule's fault, and no rule is named"):
            need(here.state()["provisioningState"] == "Failed" and here.connectivity() is None, str(here.connectivity()))
        with story.step("with the way open the extension succeeds, and nobody touched the guest"):
            way.open()
            wait_for("the extension to succeed", lambda: here.state()["provisioningState"] == "Succeeded")
    finally:
        here.end()


def start_without_the_list(story, world):
    """A server whose list of service tags is broken when it starts, and rules that name one of them."""
    plane = Plane(world, "late", "--attest-addresses", ATTEST)
    file, machine = plane.env["data"] / "service-tags.json", f"{plane.compute}/virtualMachines/web"
    replace_file(file, TAGS.read_text())
    wait_for("the file's tags", lambda: prefixes(plane.tags(), "AzureKeyVault"))
    plane.put(plane.group, {})
    plane.put(f"{plane.network}/networkSecurityGroups/vault", {"securityRules": [
        {"name": "DenyVault", "properties": rule(100, to="AzureKeyVault")}]})
    plane.put(f"{plane.network}/virtualNetworks/peer", {"addressSpace": {"addressPrefixes": ["10.88.0.0/16"]}})
    plane.virtual_network()
    plane.interface("nic", ["10.77.0.10"], "vault")
    plane.machine("web", "nic")
    server = world.servers[-1]
    server.terminate()
    server.wait()
    replace_file(file, "{")
    with story.step("a server starts without the list, and says what is wrong, where, and what to do"):
        plane = Plane(world, "late", "--attest-addresses", ATTEST)
        need(plane.said(f"level=error what=service-tags.json file={file} cause=.*only the server's own tags are known.*"
                        "remedy=.*mend the file"), "nothing about the file")
        need(plane.said("level=warn what=rules .*vault.DenyVault.*the service tag AzureKeyVault, which is not known.*"
                        "remedy="), "nothing about the rules")
    with story.step("its rules give no verdict but name the rule, the group and the tag"):
        words = ("rule DenyVault of the network security group vault names the service tag AzureKeyVault, which is not known; "
                 "check its spelling, or import a list that has it.*ask again")
        for question in (f"{machine}/testNetwork", f"{plane.network}/networkInterfaces/nic/effectiveNetworkSecurityGroups"):
            plane.refused("NetworkRulesNotEvaluable", "POST", question, {}, words, status=409)
    with story.step("with the list mended they do, without another start"):
        replace_file(file, TAGS.read_text())
        wait_for("the file's tags", lambda: prefixes(plane.tags(), "AzureKeyVault"))
        need(plane.done("POST", f"{machine}/testNetwork")["access"] == "Allow", "no verdict")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends all the same
    world, story = World(), Story()
    try:
        plane = Plane(world, "lab", "--attest-addresses", ATTEST)
        plane.put(plane.group, {})
        for part in (groups, in_use, service_tags, flows, who_may, export, tests_of_machines):
            part(story, plane)
        guest(story, world)
        start_without_the_list(story, world)
    finally:
        with contextlib.suppress(OSError):
            if story.failed:
                for log in world.work.glob("*.log"):
                    print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}")
        world.end()
    print(f"{story.n_passed} passed, {len(story.failed)} failed")
    sys.exit(1 if story.failed else 0)


main()
