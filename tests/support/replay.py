"""replay.py - says again to a server what clients said in a recording, and compares the answers.

    replay = Replay(env)                  # env: the assignments of a server's dev.env
    lines = replay.file("az274-vm-show")  # what differs, a line each; none: as the clients need it

The recorded answers sufficed for the clients, and nothing is known of which members they read: so each
that was recorded must be there, with the same JSON type; its value may be another. Long operations are
followed by their headers, as the clients do; one that is done at once is as good.

What a file needs and does not make itself is made first: by the recorded file that made it, or plainly.
"""
import html.parser
import http.client
import json
import re
import ssl
import time
import urllib.parse

import transcripts
from transcripts import plain

LIMIT_S = 30
DONE = {"succeeded", "failed", "canceled"}
# Entries of these arrays are looked for by what they are; of all others by their name, or the first.
BY_KIND = {"resourceTypes": "resourceType", "statuses": "code", "values": "name"}
VERSION = "?api-version=2024-03-01"
MACHINES = "providers/microsoft.compute/virtualmachines/"
TRUSTED = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
# What the recorder had been told before, where that does not follow from the file itself.
SAID_BEFORE = {"az245-resource-show": ("az245hybrid-vm-create", "az245hybrid-vm-extension-set"),
               "az274-resource-show": ("az274-vm-extension-set",),
               "az274-vm-extension-set-default-autoupgrade": ("az274-vm-extension-set-default-autoupgrade",)}
# Where the recording wants the extension refused.
UNTRUSTED = ("badvm", "failvm")
LINUX, WINDOWS = ({"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2", "version": "latest"},
                  {"publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": "2022-datacenter-g2", "version": "latest"})


def kind_of(value):
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "null"


def entry_like(wanted, ours, member):
    """Of an array: the entry that stands for a recorded one. None when the client would miss it."""
    if not isinstance(wanted, dict):
        return ours[0]
    if member in BY_KIND:
        def kind(one):
            # PowerState/running and PowerState/starting are the same status.
            word = str(one.get(BY_KIND[member], "")).lower() if isinstance(one, dict) else ""
            return word.split("/")[0] if member == "statuses" else word

        return next((one for one in ours if kind(one) == kind(wanted)), None)
    name = str(wanted.get("name", "")).lower()
    same = [one for one in ours if isinstance(one, dict) and name and str(one.get("name", "")).lower() == name]
    return (same or ours)[0]


def differences(wanted, ours, path=""):
    """A line for each member that was recorded and is not there, or is of another type."""
    if wanted is None:
        return
    if kind_of(wanted) != kind_of(ours):
        yield f"{path or 'the body'}: {kind_of(ours)}, recorded {kind_of(wanted)}"
    elif isinstance(wanted, dict):
        for name, value in wanted.items():
            inside = f"{path}.{name}" if path else name
            if value is None or name == "nextLink":
                continue  # a list may well fit on one page
            if name not in ours:
                yield f"{inside}: missing"
            else:
                yield from differences(value, ours[name], inside)
    elif isinstance(wanted, list) and wanted and not ours:
        yield f"{path}: empty, recorded with {len(wanted)}"
    elif isinstance(wanted, list):
        # Which providers a deployment lists follows from its template; the recorder named the same one always.
        member = "" if path.endswith("providers[].resourceTypes") else path.rsplit(".", 1)[-1]
        seen = set()
        for value in wanted:
            like = entry_like(value, ours, member)
            if like is None:
                yield f"{path}: no entry {value.get(BY_KIND[member])}"
                continue
            for line in differences(value, like, f"{path}[]"):
                if line not in seen:
                    seen.add(line)
                    yield line


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and its fields with their types."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.buttons = "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action = attrs.get("action", "")
        elif tag in ("input", "button") and attrs.get("name"):
            which = self.buttons if tag == "button" or attrs.get("type") in ("submit", "radio") else self.fields
            which.append((attrs["name"], attrs.get("type", "text"), attrs.get("value", "")))


class Connection:
    """One request after the other to one server; answers as (status, headers, value)."""

    def __init__(self, env):
        url = urllib.parse.urlsplit(env["BOOTWARDEN_ENDPOINT"])
        self.host, self.context = url.netloc, ssl.create_default_context(cafile=env["BOOTWARDEN_CA"])
        self.link = None

    def ask(self, method, path, headers, body=None):
        for attempt in (1, 2):  # a connection kept open may have been closed meanwhile
            try:
                self.link = self.link or http.client.HTTPSConnection(self.host, context=self.context, timeout=LIMIT_S)
                self.link.request(method, path.replace(" ", "%20"), body, headers)
                answer = self.link.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.link.close()
                self.link = None
                if attempt == 2:
                    raise
        try:
            value = json.loads(text) if text.strip() else None
        except ValueError:
            value = text.decode(errors="replace")
        return answer.status, {name.lower(): given for name, given in answer.getheaders()}, value


def approve_device(link, address, code, user, password):
    """What a person does with a device code: opens the page, fills in its form, and allows."""
    path = urllib.parse.urlsplit(address).path
    form = Form(str(link.ask("GET", path, {"Accept": "text/html"})[2]))
    given = {}
    for name, kind, value in form.fields:
        if kind == "hidden":
            given[name] = value
        elif kind == "password":
            given[name] = password
        else:
            given[name] = code if "code" in name else user
    given |= next(({name: value} for name, _, value in form.buttons
                   if re.search("allow|approve|yes|continue", f"{name} {value}", re.IGNORECASE)), {})
    return link.ask("POST", urllib.parse.urljoin(path, form.action), {"Content-Type": "application/x-www-form-urlencoded"},
                    urllib.parse.urlencode(given))


class Replay:
    def __init__(self, env):
        self.env, self.link = env, Connection(env)
        self.names = {transcripts.HOST: self.link.host, "localhost:8444": self.link.host,
                      transcripts.SUBSCRIPTION: env["BOOTWARDEN_SUBSCRIPTION"], transcripts.TENANT: env["BOOTWARDEN_TENANT"],
                      transcripts.CLIENT: env["BOOTWARDEN_CLIENT_ID"]}
        managed = env.get("BOOTWARDEN_MANAGED_URL")
        if managed:
            self.names["/metadata/identity/oauth2/token"] = urllib.parse.urlsplit(managed).path
        self.learned, self.token, self.made, self.refusals = {}, {}, [], {}
        self.is_preparing = True  # not where a stand-in's answers are counted

    # ---- words of the recording as this server has them ----

    def ours(self, text):
        for recorded, mine in (self.names | self.learned).items():
            text = text.replace(recorded, mine)
        return text

    def form(self, body):
        mine = {(transcripts.SECRET, "client_secret"): self.env["BOOTWARDEN_CLIENT_SECRET"],
                (transcripts.USER, "username"): self.env.get("BOOTWARDEN_USER", transcripts.USER),
                (transcripts.PASSWORD, "password"): self.env.get("BOOTWARDEN_PASSWORD", transcripts.PASSWORD)}
        fields = urllib.parse.parse_qsl(body, keep_blank_values=True)
        return urllib.parse.urlencode([(name, mine.get((value, name)) or self.ours(value)) for name, value in fields])

    def bearer(self, path):
        """A token of the service principal, for what the path belongs to."""
        scope = ("https://attest.azure.net" if re.match("/(attest|policies|certificates)", path) else
                 f"https://{self.link.host}/") + "/.default"
        if scope not in self.token:
            form = {"grant_type": "client_credentials", "client_id": self.env["BOOTWARDEN_CLIENT_ID"],
                    "client_secret": self.env["BOOTWARDEN_CLIENT_SECRET"], "scope": scope}
            path = f"/{self.env['BOOTWARDEN_TENANT']}/oauth2/v2.0/token"
            status, _, value = self.link.ask("POST", path, {"Content-Type": "application/x-www-form-urlencoded"},
                                             urllib.parse.urlencode(form))
            if status != 200:  # a stand-in knows the path of its recording alone
                value = {"access_token": transcripts.jwt()}
            self.token[scope] = value["access_token"]
        return f"Bearer {self.token[scope]}"

    def call(self, method, path, body=None, kind="application/json", signed=True, more=()):
        headers = {"Accept": "application/json"} | ({"Authorization": self.bearer(path)} if signed else {}) | dict(more)
        if body is not None:
            headers["Content-Type"] = kind
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        elif method in ("PUT", "POST", "PATCH"):
            headers["Content-Length"] = "0"
        return self.link.ask(method, path, headers, body)

    def say(self, one):
        headers = {name.lower(): value for name, value in one.headers.items()}
        kind, body = headers.get("content-type", "application/json"), one.body
        if body is not None:
            is_form = "form-urlencoded" in kind
            body = self.form(body) if is_form else self.ours(body if isinstance(body, str) else json.dumps(body))
        more = {name: headers[name] for name in ("metadata",) if name in headers}
        return self.call(one.method, self.ours(one.path), body, kind, "authorization" in headers, more)

    # ---- one exchange ----

    @staticmethod
    def is_expected(one, status):
        """Errors must be the very same: the client's exit code follows from it."""
        return status == one.status if one.status >= 400 else status // 100 == one.status // 100

    def learn(self, one, value):
        """Names that the server chose, which later requests of the recording carry."""
        recorded = one.response
        if "/versions" in one.path and isinstance(recorded, list) and recorded and isinstance(value, list) and value:
            newest = [max((entry.get("name", "") for entry in listed),
                          key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)]) for listed in (recorded, value)]
            self.learned[f"/versions/{newest[0]}"] = f"/versions/{newest[1]}"
        if isinstance(recorded, dict) and "device_code" in recorded and isinstance(value, dict) and "device_code" in value:
            self.learned[recorded["device_code"]] = value["device_code"]
            approve_device(self.link, value.get("verification_uri", ""), value.get("user_code", ""),
                           self.env.get("BOOTWARDEN_USER", ""), self.env.get("BOOTWARDEN_PASSWORD", ""))

    @staticmethod
    def is_done(by, status, value):
        """by: the header that the client follows, or None where it looks at the resource itself."""
        if by == "location":
            return status != 202
        value = value if isinstance(value, dict) else {}
        if by:
            return str(value.get("status")).lower() in DONE
        properties = value.get("properties")
        state = properties.get("provisioningState") if isinstance(properties, dict) else None
        return status != 202 and (not state or str(state).lower() in DONE)

    def follow(self, method, path, headers, status, value):
        """Asks as the client does until the operation is done: the last status and value, and what was wrong."""
        wrong, end = [], time.monotonic() + LIMIT_S
        by = next((name for name in ("azure-asyncoperation", "location") if name in headers), None)
        url = next(transcripts.operation_urls(headers), path)
        if by and float(headers.get("retry-after", 0)) <= 0:
            wrong.append(f"Retry-After {headers.get('retry-after', 'missing')}: az waits 30 s before it asks; 1 is the least")
        if not by and self.is_done(by, status, value):
            return status, value, wrong
        if not by and method not in ("PUT", "PATCH"):
            return status, value, [f"not done ({status}), and no Azure-AsyncOperation or Location to follow"]
        while time.monotonic() < end:
            status, headers, value = self.call("GET", url)
            if status >= 400 or self.is_done(by, status, value):
                return status, value, wrong
            time.sleep(0.05)
        return status, value, wrong + [f"not done in {LIMIT_S} s"]

    def operation(self, recorded, status, value):
        """What is not as the recorded last answer about an operation."""
        if not self.is_expected(recorded, status):
            yield f"its end: status {status}, recorded {recorded.status}: {self.reason(value)}"
            return
        yield from differences(recorded.response, value)
        word = (recorded.response or {}).get("status") if isinstance(recorded.response, dict) else None
        if word and isinstance(value, dict) and str(value.get("status")).lower() != word.lower():
            yield f"status: {value.get('status')}, recorded {word}: {self.reason(value)}"

    @staticmethod
    def reason(value):
        error = value.get("error") if isinstance(value, dict) else value
        if isinstance(error, dict):
            error = f"{error.get('code')}: {error.get('message')}"
        return re.sub("/subscriptions/[0-9a-f-]{36}", "", str(error))[:160]

    def file(self, name, is_setup=False):
        """What differs from the recording, a line each."""
        exchanges, followed, lines = transcripts.read(name), set(), []
        if not is_setup:
            self.made = [name]
        self.learned = {}
        if self.is_preparing:
            for before in () if is_setup else SAID_BEFORE.get(name, ()):
                self.file(before, is_setup=True)
            self.learned = {}
            self.prepare(exchanges)
        for i, one in enumerate(exchanges):
            if one.path in followed or self.key(one) in followed or "page=2" in one.path:
                continue
            path = re.sub(r"^/subscriptions/[^/]+", "", one.path.split("?")[0]) or one.path
            status, headers, value = self.say(one)
            if not self.is_expected(one, status):
                lines.append(f"{one.method} {path}: status {status}, recorded {one.status}: {self.reason(value)}")
                followed |= set(transcripts.operation_urls(one.response_headers))
                continue
            found = list(differences(one.response, value)) if one.method != "HEAD" else []
            self.learn(one, value)
            if status < 300 and one.method not in ("GET", "HEAD"):
                urls = set(transcripts.operation_urls(one.response_headers))
                followed |= urls
                recorded = [later for later in exchanges[i + 1:] if later.path in urls]
                was_async = bool(list(transcripts.operation_urls(headers)))
                status, value, wrong = self.follow(one.method, self.ours(one.path), headers, status, value)
                found += wrong
                if recorded and (was_async or recorded[-1].response and "status" not in recorded[-1].response):
                    found += self.operation(recorded[-1], status, value)
            lines += [f"{one.method} {path}: {line}" for line in found]
        return list(dict.fromkeys(lines))  # clients ask the same again

    @staticmethod
    def key(one):
        """Where az comes back to, apart from the operation itself: .../operationResults/X."""
        return re.sub("/operationResults/", "/operations/", one.path)

    # ---- what must be there before ----

    def prepare(self, exchanges):
        there = set()
        for one in exchanges:
            needed = self.needs(one)
            for path in needed:
                if path not in there:
                    there.add(path)
                    self.make(path)
            machine = self.enables(one, needed)
            if machine and machine.rsplit("/", 1)[-1] not in UNTRUSTED:
                self.turn_on(machine)
            there.update(self.makes(one))

    @staticmethod
    def chain(path):
        """Paths of the resources on the way of a path: its group, a resource, its child; outermost first."""
        words = plain(urllib.parse.unquote(path)).split("/")
        if "/resourcegroups/" not in path.lower() or re.search("/operation(statuse|result)?s/", path.lower()):
            return []
        found = ["/".join(words[:5])]
        if len(words) > 6 and words[5] == "deployments":
            words[5:5] = ["providers", "microsoft.resources"]
        rest = words[7:words.index("providers", 7)] if "providers" in words[7:] else words[7:]
        return found + ["/".join(words[:9 + i]) for i in range(0, len(rest) // 2 * 2, 2)]

    def needs(self, one):
        """What has to be there for the recorded answer, outermost first."""
        chain = self.chain(one.path)
        is_put = one.method == "PUT" or re.search("/(validate|whatif)$", plain(one.path))
        if one.status == 404 or is_put:
            chain = chain[:-1]
        body = one.body if isinstance(one.body, str) else json.dumps(one.body)
        machine = re.search(r'"virtualMachineName1": ?\{"value": ?"(\w+)"', body)
        if is_put and machine and one.status < 400:
            chain.append(f"{chain[0]}/{MACHINES}{machine[1].lower()}")
        listed = one.response.get("value", []) if isinstance(one.response, dict) and one.method == "GET" else []
        ids = [plain(entry["id"]) for entry in listed if isinstance(entry, dict) and "id" in entry]
        return chain + [path for path in ids if path.split("/providers/")[0] in chain and f"/{MACHINES}" in path and path.count("/") == 8]

    @staticmethod
    def enables(one, needed):
        """The machine on which a recorded request puts the extension, if it does."""
        if one.method != "PUT" or one.status >= 300 or not re.search("/(extensions|deployments)/", one.path):
            return None
        return next((path for path in needed if f"/{MACHINES}" in path and path.count("/") == 8), None)

    def makes(self, one):
        """Paths of the resources that a recorded request made."""
        if one.method != "PUT" or one.status >= 300:
            return set()
        made = {self.chain(one.path)[-1]} if self.chain(one.path) else set()
        if "/deployments/" in one.path.lower() and isinstance(one.body, dict):
            group = self.chain(one.path)[0]
            for resource in one.body["properties"]["template"].get("resources", []):
                kind, name = resource["type"].split("/"), resource["name"].split("/")
                pairs = "/".join(f"{a}/{b}" for a, b in zip(kind[1:], name))
                made.add(f"{group}/providers/{kind[0]}/{pairs}".lower())
        return made

    def make(self, path):
        """As the recording made it, or else plainly. Whether that went well shows in what follows."""
        if self.call("GET", self.ours(path) + VERSION)[0] < 300:
            return
        for name in transcripts.names():
            if any(path in self.makes(one) for one in transcripts.read(name)):
                if name not in self.made:
                    self.made.append(name)
                    self.file(name, is_setup=True)
                    self.learned = {}
                break
        if self.call("GET", self.ours(path) + VERSION)[0] >= 300:
            url = self.ours(path) + VERSION
            status, value, _ = self.follow("PUT", url, *self.put(url, self.plain_body(path)))
            if status >= 300:
                self.refusals[path] = f"{status} {self.reason(value)}"

    def turn_on(self, machine):
        """Trusted Launch, without which the extension is refused: the recorder did not ask for it."""
        url = self.ours(machine)
        status, _, value = self.call("GET", url + VERSION)
        if status >= 300 or "TrustedLaunch" in json.dumps(value):
            return
        for method, path, body in (("POST", f"{url}/deallocate", None), ("PATCH", url, {"properties": {"securityProfile": TRUSTED}}),
                                   ("POST", f"{url}/start", None)):
            status, headers, value = self.call(method, path + VERSION, body)
            self.follow(method, path + VERSION, headers, status, value)

    def put(self, url, body):
        status, headers, value = self.call("PUT", url, body)
        return headers, status, value

    def plain_body(self, path):
        group, kind, name = path.split("/providers/")[0], path.rsplit("/", 2)[-2], path.rsplit("/", 1)[-1]
        body = {"location": "westus", "properties": {}}
        if kind == "virtualmachines":
            image = WINDOWS if name.startswith("win") else LINUX
            body["properties"] = {
                "hardwareProfile": {"vmSize": "Standard_DS1_v2"}, "networkProfile": {"networkInterfaces": []},
                "storageProfile": {"imageReference": image, "osDisk": {"createOption": "FromImage"}},
                "osProfile": {"computerName": name, "adminUsername": "azureuser", "adminPassword": "Passw0rd!Passw0rd"}}
            if name not in UNTRUSTED:
                body["properties"]["securityProfile"] = TRUSTED
        elif kind == "extensions":
            maker = "Windows" if "/win" in path else "Linux"
            body["properties"] = {"publisher": f"Microsoft.Azure.Security.{maker}Attestation", "type": "GuestAttestation",
                                  "typeHandlerVersion": "1.0", "autoUpgradeMinorVersion": True}
        elif kind == "networkinterfaces":
            subnet = f"{group}/providers/microsoft.network/virtualnetworks/vneta/subnets/sn"
            body["properties"] = {"ipConfigurations": [{"name": "ipconfig1", "properties": {"subnet": {"id": self.ours(subnet)}}}]}
        elif kind == "virtualnetworks":
            body["properties"] = {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
                                  "subnets": [{"name": "sn", "properties": {"addressPrefix": "10.1.0.0/24"}}]}
        elif kind == "deployments":
            del body["location"]
            body["properties"] = {"mode": "Incremental", "template": {
                "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                "contentVersion": "1.0.0.0", "resources": []}}
        return body if kind != "resourcegroups" else {"location": "westus"}
