#!/usr/bin/env python3
"""Hostile requests to the resource manager: each is answered in bounded time with an error that says
what is wrong, or done; the server lives, keeps its memory, and says after a kill what was half-made."""
import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import shlex
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

BIN = pathlib.Path(os.environ["BOOTWARDEN_BIN"])
ANSWER_MAX_S = 30  # of one request, with sanitizers on a busy machine
END_MAX_S = 120  # of a deployment or of a group
# Of a build with sanitizers, which keeps for a while what was freed; it takes a third of this.
MEMORY_MAX_KIB = 1024 * 1024
VERSION = "api-version=2024-11-01"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
OVER = {"Succeeded", "Failed", "Canceled"}
faults, passed = [], 0


def need(condition, words):
    global passed
    if condition:
        passed += 1
    else:
        faults.append(words)
        print(f"FAULT: {words}", flush=True)
    return condition


class Server:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.log = open(f"{folder}.log", "a", encoding="utf-8")
        self.start()

    def start(self):
        self.process = subprocess.Popen([BIN / "bootwarden-server", "--dev", "--data", self.folder, "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready https://"):
            raise SystemExit(f"FAULT: the server does not start: {line!r}")
        self.port = int(line.rsplit(":", 1)[1])
        self.tls = ssl.create_default_context(cafile=self.folder / "tls/ca.pem")
        self.env = dict(word.split("=", 1) for word in shlex.split((self.folder / "dev.env").read_text(), comments=True)
                        if "=" in word)
        self.subscription = f"/subscriptions/{self.env['BOOTWARDEN_SUBSCRIPTION']}"
        self.token = None
        self.token = self.token_of(self.env["BOOTWARDEN_CLIENT_ID"], self.env["BOOTWARDEN_CLIENT_SECRET"])

    def sign_in(self, client, secret):
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret,
                "resource": "https://management.azure.com/"}
        mine, self.token = self.token, None
        _, value, _ = self.send("POST", f"/{self.env['BOOTWARDEN_TENANT']}/oauth2/token", urllib.parse.urlencode(form),
                                {"Content-Type": "application/x-www-form-urlencoded"})
        self.token = mine
        return value

    def token_of(self, client, secret):
        answer = self.sign_in(client, secret)
        need("access_token" in answer, f"no token: {answer}")
        return answer["access_token"]

    def principal(self, name):
        """Somebody else: token and object id."""
        made = self.command("principal", "add", name, "--output", "json")
        return self.token_of(made["clientId"], made["secret"]), made["objectId"]

    def audited(self):
        return [json.loads(line) for line in (self.folder / "audit.log").read_text(encoding="utf-8").splitlines()]

    def command(self, *words):
        """JSON of a command on the server's own disk."""
        done = subprocess.run([BIN / "bootwarden-server", *words, "--data", self.folder], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout) if done.stdout.startswith("{") else None

    def send(self, method, path, body=None, headers=None):
        """Status, JSON or None, headers. On a connection of its own; path as it is."""
        wanted = {"Content-Type": "application/json", **(headers or {})}
        if self.token and "/oauth2/" not in path:
            wanted.setdefault("Authorization", f"Bearer {self.token}")
        link = http.client.HTTPSConnection("localhost", self.port, context=self.tls, timeout=ANSWER_MAX_S)
        try:
            link.putrequest(method, path, skip_host="Host" in wanted, skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else body
            if data is not None:
                wanted["Content-Length"] = str(len(data))
            for name, value in wanted.items():
                link.putheader(name, value)
            link.endheaders(data)
            answer = link.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text) if text else None, answer.headers
            except ValueError:
                return answer.status, None, answer.headers
        finally:
            link.close()

    def ask(self, method, path, body=None, **headers):
        """Below the subscription, with an api-version."""
        path = f"{self.subscription}{path}{'&' if '?' in path else '?'}{VERSION}"
        return self.send(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body,
                         {name.replace("_", "-"): value for name, value in headers.items()})

    def memory_kib(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/status").read_text().split("VmHWM:")[1].split()[0])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        return code


def code_of(value):
    return value.get("error", {}).get("code", "") if isinstance(value, dict) else ""


def refused(what, answer, statuses, words=""):
    status, value, _ = answer
    said = value.get("error", {}).get("message", "") if isinstance(value, dict) else ""
    need(status in statuses and (status < 400 or (code_of(value) and said)) and words in said,
         f"{what}: {status} {json.dumps(value)[:300]}, wanted {statuses} {words}")


def wait(what, done, limit=END_MAX_S):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = done()
        if value is not None:
            return value
        time.sleep(0.05)
    need(False, f"{what}: not in {limit} s")
    return None


def template(resources=(), **more):
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def deployment(document, **more):
    return {"properties": {"mode": "Incremental", "template": document, **more}}


def disk(name, **more):
    return {"type": "Microsoft.Compute/disks", "apiVersion": "2024-11-01", "name": name, "location": "westus",
            "properties": {}, **more}


def nested(depth):
    inner = template([disk("innermost")])
    for level in range(depth):
        inner = template([{"type": "Microsoft.Resources/deployments", "apiVersion": "2021-04-01", "name": f"n{level}",
                           "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
                                          "template": inner}}])
    return inner


def bomb(document):
    return {"type": "Microsoft.Resources/deployments", "apiVersion": "2021-04-01", "name": "[concat('n',copyIndex())]",
            "copy": {"name": "l", "count": 800},
            "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "template": document}}


# A billion times the same word, by variables that double each other.
LAUGHS = {"l0": "ha" * 100, **{f"l{i}": f"[concat({','.join([f'variables({chr(39)}l{i - 1}{chr(39)})'] * 10)})]" for i in range(1, 12)}}


def templates(server):
    path = "/resourcegroups/g/providers/Microsoft.Resources/deployments/hostile"
    one = "resourceId('Microsoft.Compute/disks','%s')"
    cycle = [disk("a", dependsOn=[f"[{one % 'b'}]"]), disk("b", dependsOn=[f"[{one % 'a'}]"])]
    deep = "[" + "concat(" * 10000 + "'a'" + ")" * 10000 + "]"
    cases = [
        ("a cycle", deployment(template(cycle)), {400}, "ircular"),
        ("a resource that depends on itself", deployment(template([disk("a", dependsOn=[f"[{one % 'a'}]"])])), {400}, "ircular"),
        ("a missing parameter", deployment(template(parameters={"p": {"type": "string"}})), {400}, "'p'"),
        ("a parameter of another type", deployment(template(parameters={"p": {"type": "int"}}), parameters={"p": {"value": "x"}}), {400}, "p"),
        ("parameters that are no object", deployment(template(), parameters=[1]), {400}, ""),
        ("a template that is a list", deployment([]), {400}, ""),
        ("a template that is text", deployment("text"), {400}, ""),
        ("resources that are a number", deployment({**template(), "resources": 5}), {400}, ""),
        ("a resource that is null", deployment(template([None])), {400}, ""),
        ("a resource without a name", deployment(template([{"type": "Microsoft.Compute/disks", "apiVersion": "2024-11-01"}])), {400}, ""),
        ("2000 resources", deployment(template([disk(f"d{i}") for i in range(2000)])), {400}, "800"),
        ("a loop of 2000", deployment(template([disk("[concat('d',copyIndex())]", copy={"name": "l", "count": 2000})])), {400}, ""),
        ("a loop of a negative number", deployment(template([disk("[concat('d',copyIndex())]", copy={"name": "l", "count": -1})])), {400}, ""),
        ("twice the same resource", deployment(template([disk("a"), disk("A")])), {400}, ""),
        ("an expression 10000 deep", deployment(template(outputs={"o": {"type": "string", "value": deep}})), {400}, ""),
        ("a billion laughs", deployment(template(variables=LAUGHS, outputs={"o": {"type": "string", "value": "[variables('l11')]"}})), {400}, ""),
        ("a variable that is itself", deployment(template(variables={"a": "[variables('a')]"}, outputs={"o": {"type": "string", "value": "[variables('a')]"}})), {400}, ""),
        ("a range of a billion", deployment(template(outputs={"o": {"type": "array", "value": "[range(0,1000000000)]"}})), {400}, ""),
        ("50 deployments inside each other", deployment(nested(50)), {400}, ""),
        ("6 deployments inside each other", deployment(nested(6)), {400}, "5 levels"),
        ("800 deployments of 800 each", deployment(template([bomb(template([bomb(template([disk("d")]))]))])), {400}, "800"),
        ("a link", {"properties": {"mode": "Incremental", "templateLink": {"uri": "file:///etc/passwd"}}}, {400}, "links"),
        ("a mode that is none", deployment(template(), mode="Destroy"), {400}, "mode"),
        ("a type of nobody", deployment(template([{**disk("a"), "type": "No.Such/things"}])), {400}, ""),
        ("a name with slashes", deployment(template([disk("../../x")])), {400}, ""),
    ]
    for what, body, statuses, words in cases:
        for verb, tail in (("POST", "/validate"), ("POST", "/whatIf"), ("PUT", "")):
            begun = time.monotonic()
            answer = server.ask(verb, path + tail, body)
            took = time.monotonic() - begun
            # What-if tells of what it can, and leaves the rest to the deployment; validate's result is the error.
            refused(f"{what} ({tail or 'PUT'})", answer, statuses | ({200} if tail else set()),
                    words if tail != "/whatIf" else "")
            need(tail != "/validate" or code_of(answer[1]), f"{what} is valid: {json.dumps(answer[1])[:300]}")
            need(took < ANSWER_MAX_S / 2, f"{what} ({tail}) took {took:.1f} s")
    large = '{"properties":{"mode":"Incremental","template":{"a":"%s"}}}'
    refused("a template over its limit", server.ask("PUT", path, large % ("x" * (4 * 1024 * 1024 + 1000))), {413})
    refused("5 MiB and more", server.ask("PUT", path, large % ("x" * (5 * 1024 * 1024 + 1000))), {413})
    for what, body in (("braces", "{" * 100000), ("brackets", '{"properties":{"template":' + "[" * 100000),
                       ("a comment without end", '{"properties":{/* '), ("a string without end", '{"properties":{"template":"'),
                       ("bytes that are no UTF-8", b'{"properties":{"template":"\xff\xfe"}}'), ("nothing", "")):
        refused(f"a deployment of {what}", server.ask("PUT", path, body), {400})
    status, value, _ = server.ask("GET", path)
    need(status == 404, f"something of all that is there: {status} {code_of(value)}")


def bodies(server):
    path = "/resourceGroups/g/providers/Microsoft.Compute/disks/hostile"
    many = ",".join(f'"m{i}":1' for i in range(40000))
    cases = [
        ("40000 members", '{"location":"westus","properties":{%s}}' % many, {400}, ""),
        ("512 KiB and one byte", '{"location":"westus","properties":{"a":"%s"}}' % ("x" * 512 * 1024), {413}, ""),
        ("a depth of 100", '{"location":"westus","properties":' + '{"a":' * 100 + "1" + "}" * 101, {400}, ""),
        ("a depth of 100000", "[" * 100000, {400}, ""),
        ("2000 tags", {"location": "westus", "tags": {f"t{i}": "v" for i in range(2000)}}, {400}, ""),
        ("51 tags", {"location": "westus", "tags": {f"t{i}": "v" for i in range(51)}}, {400}, "50"),
        ("twice the location", '{"location":"westus","LOCATION":"eastus"}', {400}, "LOCATION"),
        ("a NUL in a name", '{"location":"westus","properties":{"a\\u0000b":1}}', {400}, "NUL"),
        ("half a surrogate", '{"location":"westus","properties":{"a":"\\ud800"}}', {400}, ""),
        ("a number without end", '{"location":"westus","properties":{"a":1e99999}}', {400}, ""),
        ("a list", "[]", {400}, ""),
        ("a word", "null", {400}, ""),
        ("half", '{"location":', {400}, ""),
    ]
    for what, body, statuses, words in cases:
        refused(f"a body of {what}", server.ask("PUT", path, body), statuses, words)
    status, _, _ = server.ask("GET", path)
    need(status == 404, f"one of them was kept: {status}")
    just = '{"location":"westus","properties":{"a":"%s"}}'
    status, _, _ = server.ask("PUT", path, just % ("x" * (512 * 1024 - len(just) + 2)))
    need(status == 200, f"the largest body that is allowed: {status}")
    sums = {"bytes": ('{"properties":{"s%d":"' + "x" * 400 * 1024 + '"}}', {413}),
            "values": ('{"properties":{"s%d":[' + ",".join(["0"] * 39000) + "]}}", {400})}
    for what, (body, statuses) in sums.items():
        for at in (path + "-sum", "/resourceGroups/sum"):
            server.ask("PUT", at, {"location": "westus"})
            answers = [server.ask("PATCH", at, body % i) for i in range(3)]
            refused(f"PATCHes that add up to too many {what}", answers[-1], statuses)
            need(server.ask("GET", at)[0] == 200, f"{at} cannot be read for its {what}")
            need(server.ask("DELETE", at)[0] in (200, 202), f"{at} cannot be deleted for its {what}")
            wait(f"the end of {at}", lambda: server.ask("GET", at)[0] == 404 or None)
    refused("a list of what was patched", server.ask("GET", "/providers/Microsoft.Compute/disks"), {200})


def paths(server):
    below = "/resourceGroups/g/providers/Microsoft.Compute/disks/"
    for name in ("a%2Fb", "a%00b", "..", ".", "%2e%2e", "a" * 300, "%ff%fe", "gr%C3%BCn", "a%20b", "%3Cscript%3E", "a'b", "a%0d%0aX:y",
                 "%", "%4", "a%25b", "a;b", "nul\\", "a" * 8000):
        for method in ("GET", "PUT", "DELETE"):
            answer = server.ask(method, below + name, '{"location":"westus"}' if method == "PUT" else None)
            # What cannot be there is deleted already.
            refused(f"{method} of {name[:30]}", answer, {400, 403, 404, 405, 414, 431} | ({204} if method == "DELETE" else set()))
    refused("300 segments", server.ask("GET", "/a" * 300), {400, 404})
    refused("slashes alone", server.send("GET", "//////?" + VERSION), {400, 404, 401, 200})
    status, _, _ = server.ask("GET", "//resourceGroups///g//")
    need(status == 200, f"slashes twice are one: {status}")
    group = f"{server.subscription}/resourceGroups/g"
    for version in ("", "x", "2024", "2024-11-01'", "9999-99-99-preview-and-much-more-than-that-which-is-too-long", "2024-11-01%00", "%0a"):
        refused(f"api-version {version!r}", server.send("GET", f"{group}?api-version={version}"), {400})
    refused("no api-version", server.send("GET", group), {400}, "api-version")
    for token in ("x", "!!!", "%2F%2F", "A" * 4000, "%00", "YWJj%00"):
        refused(f"$skiptoken {token[:20]}", server.ask("GET", f"/resources?$skiptoken={token}"), {200, 400})
    for words in ("x", "name eq", "name eq 'x", "a eq 'b' or c eq 'd'", "(" * 500, "name eq 'x' and " * 200, "'" * 999, "not name eq 'x'"):
        refused(f"$filter {words[:20]}", server.ask("GET", f"/resources?$filter={urllib.parse.quote(words)}"), {400})
    for top in ("0", "-1", "99999999999999999999", "x"):
        for path in ("/resources", "/resourcegroups", "/providers/Microsoft.Compute/virtualMachines",
                     "/providers/Bootwarden.Monitor/machines"):
            refused(f"$top={top} of {path}", server.ask("GET", f"{path}?$top={top}"), {400}, "$top")
    for path in ("/providers/Microsoft.Compute/virtualMachines", "/providers/Bootwarden.Monitor/machines"):
        refused(f"$filter of {path}", server.ask("GET", f"{path}?$filter=nonsense"), {400}, "$filter")
    for tags in ("*", 'W/"x"', ",".join(f'"{i}"' for i in range(500)), '"' * 1000, "*,*,*", ""):
        status, value, _ = server.ask("PUT", "/resourceGroups/conditions", {"location": "westus"}, If_Match=tags)
        need(status == 412, f"If-Match {tags[:20]!r}: {status} {code_of(value)}")
        server.ask("GET", "/resourceGroups/g", If_None_Match=tags)


def hosts(server):
    """A client follows addresses in answers with its token: they lead to this server, whatever it was called."""
    own = f"https://localhost:{server.port}/"
    for host, wanted in (("evil.test", own), (f"evil.test:{server.port}", own), ("localhost:1", own),
                         (f"localhost.evil.test:{server.port}", own), (f"127.0.0.1:{server.port}", f"https://127.0.0.1:{server.port}/"),
                         (f"LOCALHOST:{server.port}", own)):
        server.ask("PUT", "/resourceGroups/hosts", {"location": "westus"})
        _, value, _ = server.ask("GET", "/resourcegroups?$top=1", Host=host)
        need(value.get("nextLink", "").startswith(wanted), f"Host {host}: nextLink {value.get('nextLink')}")
        status, _, headers = server.ask("DELETE", "/resourceGroups/hosts", Host=host)
        need(status == 202 and headers["Location"].startswith(wanted), f"Host {host}: {status} Location {headers['Location']}")
        wait("the group's end", lambda: True if server.ask("GET", "/resourceGroups/hosts")[0] == 404 else None)
        name = f"d{len(host)}"
        status, _, headers = server.ask("PUT", f"/resourcegroups/g/providers/Microsoft.Resources/deployments/{name}",
                                        deployment(template([disk(name)])), Host=host)
        need(headers["Azure-AsyncOperation"].startswith(wanted), f"Host {host}: {status} {headers['Azure-AsyncOperation']}")
        wait("a deployment", lambda n=name: ended(server, n))


ROLE = "/providers/Microsoft.Authorization/roleAssignments/"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def places(server):
    """Who had rights in a place has none in the next one of its name, however the first came to its end."""
    token, oid = server.principal("eve")
    group, at = "/resourceGroups/place", "/resourceGroups/place/providers/Microsoft."
    net = f"{at}Network/virtualNetworks/n"
    subnets = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
               "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}]}
    number = [0]

    def ask_role(scope):
        return server.ask("PUT", f"{scope}{ROLE}{number[0]:08d}-0000-4000-8000-000000000000", {"properties": {
            "principalId": oid, "roleDefinitionId": f"{server.subscription}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"}})

    def give(scope):
        number[0] += 1
        status, value, _ = ask_role(scope)
        need(status == 201, f"a role at {scope}: {status} {code_of(value)}")
        need(is_let(scope), f"the role at {scope} gives nothing")

    def is_let(scope):
        mine, server.token = server.token, token
        status, _, _ = server.ask("GET", scope)
        server.token = mine
        return status != 403

    def make(scope):
        if scope.startswith(net):
            body = {"location": "westus", "properties": subnets}
            status, value, _ = server.ask("PUT", net, body)
        else:
            status, value, _ = server.ask("PUT", scope, {"location": "eastus" if "Attestation" in scope else "westus", "properties": {}})
        need(status in (200, 201), f"{scope}: {status} {value}")

    def gone(scope, end, again=()):
        for one in (*again, scope):
            make(one)
        give(scope)
        end()
        for one in (*again, scope):
            make(one)
        need(not is_let(scope), f"a role outlived {scope} ({end.__name__})")

    def delete(scope):
        status, _, _ = server.ask("DELETE", scope)
        need(status in (200, 202), f"DELETE {scope}: {status}")
        wait(f"{scope} is gone", lambda: True if server.ask("GET", scope)[0] == 404 else None)

    def resource_deleted():
        delete(f"{at}Compute/disks/d")

    def group_deleted():
        delete(group)

    def deployed_completely():
        status, _, _ = server.ask("PUT", f"{at}Resources/deployments/all", deployment(template(), mode="Complete"))
        need(status in (200, 201), f"the complete deployment: {status}")
        need(wait("the complete deployment", lambda: ended(server, "all", "place")) == "Succeeded", "it failed")

    def subnet_deleted():
        delete(f"{net}/subnets/s")

    def network_deleted():
        delete(net)

    def network_without_it():
        status, _, _ = server.ask("PUT", net, {"location": "westus", "properties": {**subnets, "subnets": []}})
        need(status == 200, f"the network without its subnet: {status}")

    def provider_deleted():
        delete(f"{at}Attestation/attestationProviders/placeprov")

    disk_d = f"{at}Compute/disks/d"
    for scope, code in ((group, "ResourceGroupNotFound"), (disk_d, "ResourceGroupNotFound"), (f"{net}/subnets/s", "ResourceNotFound")):
        status, value, _ = ask_role(scope)
        need((status, code_of(value)) == (404, code), f"a role at {scope}, which is not there: {status} {code_of(value)}")
    gone(disk_d, resource_deleted, [group])
    gone(disk_d, group_deleted, [group])
    gone(group, group_deleted)
    gone(disk_d, deployed_completely, [group])
    for end in (subnet_deleted, network_deleted, network_without_it):
        gone(f"{net}/subnets/s", end, [group])
    gone(f"{at}Attestation/attestationProviders/placeprov", provider_deleted, [group])
    lines = server.audited()
    ends = [line for line in lines if line["event"] == "finish" and line.get("detail") == "roles=1"]
    need(len(ends) == number[0], f"{number[0]} roles ended, the audit log knows of {len(ends)}")
    steps = [line for line in lines if line.get("cause") and line["method"] == "DELETE" and "/disks/d" in line.get("path", "")]
    need([line["event"] for line in steps] == ["begin", "finish"] and steps[0]["oid"] != oid and "peer" not in steps[0],
         f"the step of the deployment: {steps}")
    asked = [line["id"] for line in lines if "deployments/all" in line.get("path", "") and line["event"] == "begin"]
    need(steps and steps[0]["cause"] in asked, f"{steps} come from none of {asked}")
    status, value, _ = server.ask("GET", "/providers/Microsoft.Insights/eventtypes/management/values")
    need(any(event["operationName"]["value"] == "Microsoft.Compute/disks/delete" for event in value["value"]), "not in the activity log")


def many_at_once(server):
    """200 deployments at the same time: who is told to come again is served in the end, and all end."""
    def one(i):
        body = deployment(template([disk(f"m{i}-{j}") for j in range(3)]))
        end, tries = time.monotonic() + END_MAX_S, 0
        while True:
            status, _, headers = server.ask("PUT", f"/resourcegroups/g/providers/Microsoft.Resources/deployments/many{i}", body)
            tries += 1
            if status not in (429, 503) or time.monotonic() > end:
                return status, tries
            need(0 < int(headers.get("Retry-After", 0)) <= 60, f"{status} without Retry-After")
            time.sleep(0.5)

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(200)))
    need({status for status, _ in answers} == {201}, f"answers: {sorted({status for status, _ in answers})}")
    states = {wait(f"deployment many{i}", lambda i=i: ended(server, f"many{i}")) for i in range(200)}
    need(states == {"Succeeded"}, f"the deployments ended {states}")


def ended(server, name, group="g"):
    status, value, _ = server.ask("GET", f"/resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}")
    state = value["properties"]["provisioningState"] if status == 200 else f"{status}"
    return state if state in OVER or status != 200 else None


SLOW = template([disk("[concat('s',copyIndex())]", copy={"name": "l", "count": 700, "mode": "serial"})])


def group_that_goes(server):
    server.ask("PUT", "/resourceGroups/goes", {"location": "westus"})
    status, _, _ = server.ask("PUT", "/resourcegroups/goes/providers/Microsoft.Resources/deployments/d", deployment(SLOW))
    need(status == 201, f"the slow deployment: {status}")
    status, _, headers = server.ask("DELETE", "/resourceGroups/goes")
    need(status == 202 and headers.get("Location"), f"DELETE while deploying: {status}")
    refused("PUT into it", server.ask("PUT", "/resourceGroups/goes/providers/Microsoft.Compute/disks/new", {"location": "westus"}), {409, 404})
    wait("the group's end", lambda: True if server.ask("GET", "/resourceGroups/goes")[0] == 404 else None)
    status, value, _ = server.ask("GET", "/resources?$filter=resourceGroup%20eq%20'goes'")
    need(status == 200 and not value["value"], f"left of the group: {status} {str(value)[:200]}")


def somebody_who_is_removed(server):
    """A deployment goes no further when the principal who began it is gone."""
    who = server.command("principal", "add", "leaver", "--output", "json")
    rule = "00000000-0000-4000-8000-000000000001"
    status, value, _ = server.ask("PUT", f"/providers/Microsoft.Authorization/roleAssignments/{rule}", {"properties": {
        "principalId": who["objectId"], "principalType": "ServicePrincipal",
        "roleDefinitionId": f"{server.subscription}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"}})
    need(status == 201, f"the role: {status} {json.dumps(value)[:200]}")
    answer = server.sign_in(who["clientId"], who["secret"])
    if not need("access_token" in answer, f"no token: {answer}"):
        return
    token = answer["access_token"]
    server.ask("PUT", "/resourceGroups/leaver", {"location": "westus"})
    path = "/resourcegroups/leaver/providers/Microsoft.Resources/deployments/d"
    status, value, _ = server.ask("PUT", path, deployment(SLOW), Authorization=f"Bearer {token}")
    need(status == 201, f"the deployment: {status} {json.dumps(value)[:300]}")
    server.command("principal", "remove", who["clientId"])
    need("access_token" not in server.sign_in(who["clientId"], who["secret"]), "who is removed signs in")  # seen now
    state = wait("the end", lambda: ended(server, "d", "leaver"))
    _, value, _ = server.ask("GET", path)
    need(state == "Failed" and "AuthorizationFailed" in json.dumps(value), f"it ended {state}: {json.dumps(value)[:500]}")


def long_ends(server):
    """What is too long to be kept ends all the same, and what is refused does not run."""
    path = "/resourcegroups/g/providers/Microsoft.Resources/deployments/long"
    document = template(parameters={"p": {"type": "object"}}, outputs={"o": {"type": "object", "value": "[parameters('p')]"}})
    states = set()
    for size in range(2000000, 4000000, 300000):
        status, _, _ = server.ask("PUT", path, deployment(document, parameters={"p": {"value": {"a": "z" * size}}}))
        if status == 201:
            states.add(wait(f"the end of one with {size} bytes", lambda: ended(server, "long")))
        else:
            need(status == 413, f"{size} bytes: {status}")
            status, value, _ = server.ask("GET", path)
            need(status == 404 or value["properties"]["provisioningState"] in OVER, f"refused, and it is {str(value)[-200:]}")
        status, value, _ = server.ask("DELETE", path)
        need(status in (200, 204), f"DELETE after {size} bytes: {status} {str(value)[:200]}")
    need(states == {"Succeeded", "Failed"}, f"they ended {states}")


def all_of(server, path):
    found, link = [], None
    while True:
        status, value, _ = server.send("GET", link) if link else server.ask("GET", path)
        if not need(status == 200, f"{path}: {status}"):
            return found
        found += value["value"]
        if "nextLink" not in value:
            return found
        link = value["nextLink"].split(str(server.port), 1)[1]


def kills(server):
    """kill -9 in the middle of a deployment, and of a group's end: afterwards each says what became of it."""
    operations = "/resourcegroups/k/deployments/d/operations"
    server.ask("PUT", "/resourceGroups/k", {"location": "westus"})
    server.ask("PUT", "/resourcegroups/k/providers/Microsoft.Resources/deployments/d", deployment(SLOW))
    wait("the deployment's first resources", lambda: True if len(all_of(server, operations)) > 5 else None)
    server.kill()
    server.start()
    status, value, _ = server.ask("GET", "/resourcegroups/k/providers/Microsoft.Resources/deployments/d")
    properties = value["properties"] if status == 200 else {}
    need(properties.get("provisioningState") == "Failed" and "stopped" in properties.get("error", {}).get("message", ""),
         f"after the kill the deployment says {json.dumps(properties)[:300]}")
    made = {one["id"].lower() for one in all_of(server, "/resourceGroups/k/resources")}
    told = {one["properties"]["targetResource"]["id"].lower(): one["properties"]["provisioningState"] for one in all_of(server, operations)}
    need(made and made <= set(told), f"made without a record: {sorted(made - set(told))[:3]}")
    need(set(told.values()) <= {"Succeeded", "Failed"}, f"states of its operations: {set(told.values())}")
    need(all(one in made for one, state in told.items() if state == "Succeeded"), "a record says that something was made that is not there")
    need(len(told) < 700, "the deployment was over before the kill")
    server.ask("PUT", "/resourcegroups/k/providers/Microsoft.Resources/deployments/fill",
               deployment(template([disk("[concat('f',copyIndex())]", copy={"name": "l", "count": 700})])))
    wait("the filling", lambda: ended(server, "fill", "k"))
    status, _, _ = server.ask("DELETE", "/resourceGroups/k")
    need(status == 202, f"DELETE of the group: {status}")
    server.kill()
    server.start()
    wait("the group's end after the kill", lambda: True if server.ask("GET", "/resourceGroups/k")[0] == 404 else None)
    left = [one["id"] for one in all_of(server, "/resources") if "/resourcegroups/k/" in one["id"].lower()]
    need(not left, f"left of the group: {left[:3]}")
    status, _, _ = server.ask("PUT", "/resourceGroups/k", {"location": "eastus"})
    need(status == 201, f"the group's name is free: {status}")


def slow_requests(server):
    """Many quick requests at once are all answered; slow ones leave workers to everybody else."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: server.ask("PUT", f"/resourceGroups/g/providers/Microsoft.Compute/disks/quick{i}",
                                                     {"location": "westus"})[0], range(200)))
    need(set(answers) == {200}, f"quick requests: {sorted(set(answers))}")
    text = "[length(string(map(range(0,10000),lambda('x',concat('a',string(lambdaVariables('x')))))))]"
    body = deployment(template(outputs={f"o{i}": {"type": "int", "value": text} for i in range(60)}))
    seen, over = collections.Counter(), threading.Event()

    def send():
        while not over.is_set():
            status, value, headers = server.ask("POST", "/resourcegroups/g/providers/Microsoft.Resources/deployments/slow/validate", body)
            seen[status, code_of(value), headers.get("Retry-After")] += 1

    refusal = (429, "TooManyRequests", "1")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        senders = [pool.submit(send) for _ in range(12)]
        try:
            wait("the first that is refused", lambda: True if seen[refusal] else None)
            took, end = [], time.monotonic() + 10
            while time.monotonic() < end:
                begun = time.monotonic()
                need(server.send("GET", "/healthz")[0] == 200, "the server is not well")
                took.append(time.monotonic() - begun)
        finally:
            over.set()
        for one in senders:
            one.result()
    need(set(seen) == {refusal, (200, "InvalidTemplate", None)}, f"slow requests: {seen}")
    need(statistics.median(took) < 1, f"/healthz beside slow requests: {len(took)} answers, {statistics.median(took):.1f} s each")
    print(f"slow requests: {seen[refusal]} refused; /healthz: median {statistics.median(took):.3f} s, at most {max(took):.1f} s", flush=True)


def main():
    work = tempfile.mkdtemp(prefix="bootwarden.")
    server = Server(f"{work}/data")
    try:
        status, _, _ = server.ask("PUT", "/resourceGroups/g", {"location": "westus"})
        need(status == 201, f"the group: {status}")
        for step in (templates, bodies, paths, hosts, places, many_at_once, group_that_goes, somebody_who_is_removed, long_ends, kills,
                     slow_requests):
            begun = time.monotonic()
            step(server)
            status, _, _ = server.ask("GET", "/resourceGroups/g")
            memory = server.memory_kib()
            need(status == 200, f"after {step.__name__}: {status}")
            need(memory < MEMORY_MAX_KIB, f"after {step.__name__} the server took {memory // 1024} MiB")
            print(f"{step.__name__}: {time.monotonic() - begun:.1f} s, at most {memory // 1024} MiB", flush=True)
        need(server.stop() == 0, "the server ends well")
        log = pathlib.Path(f"{work}/data.log").read_text(encoding="utf-8", errors="replace")
        need("Sanitizer" not in log and "runtime error" not in log, "the log tells of a sanitizer")
    finally:
        if server.process.poll() is None:
            server.kill()
        if not faults:
            shutil.rmtree(work)
    print(f"{passed} passed, {len(faults)} failed")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
