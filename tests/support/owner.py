"""owner.py - for tests of the owner's side: a server, who may sign in to it, and steps that are told
one by one.

    here = Owner()                        # a server of its own, with westus as its home
    here.env                              # its dev.env, with "data" its folder
    here.managed_identity("runner")       # (address for MSI_ENDPOINT, object id)
    here.certificate()                    # PEM file with key and certificate of the service principal
    story = Story()
    with story.step("a group is made"):   # prints ok or FAULT; the next step is done in any case
        need(az.run(...).value["name"] == "rg", "what is wrong")
    sys.exit(story.end())
"""
import contextlib
import json
import re
import subprocess
import time
import urllib.parse

import world
from replay import Connection

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


class Fault(AssertionError):
    """What should be so, and is not."""


def need(condition, words):
    if not condition:
        raise Fault(words)


def member(value, path):
    """Of what az shows: properties.statuses.0.code; None where the way ends."""
    for word in path.split("."):
        if isinstance(value, list) and word.isdigit() and int(word) < len(value):
            value = value[int(word)]
        else:
            value = value.get(word) if isinstance(value, dict) else None
    return value


def need_members(value, wanted):
    """wanted: {path: value}; a compiled expression must match, a type must be the value's."""
    for path, right in wanted.items():
        seen = member(value, path)
        if isinstance(right, type):
            is_right = isinstance(seen, right)
        elif isinstance(right, re.Pattern):
            is_right = isinstance(seen, str) and right.search(seen)
        else:
            is_right = seen == right and isinstance(seen, bool) == isinstance(right, bool)
        need(is_right, f"{path} is {json.dumps(seen)[:200]}, wanted {getattr(right, 'pattern', right)}")


class Owner:
    def __init__(self):
        self.world = world.World()
        self.env = self.world.server("owner", "--region", "westus")
        self.link, self.token = Connection(self.env), None

    def command(self, *words):
        """bootwarden-server with these words on this server's folder; what it says."""
        done = subprocess.run([world.BIN / "bootwarden-server", *words, "--data", self.env["data"]], capture_output=True, text=True)
        need(done.returncode == 0, f"bootwarden-server {' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.strip()[-200:]}")
        return done.stdout

    def add_principal(self, *words):
        """As the command shows it: objectId, clientId, secret."""
        return json.loads(self.command("principal", "add", *words, "--output", "json"))

    def call(self, method, path, body):
        if not self.token:
            form = {"grant_type": "client_credentials", "client_id": self.env["BOOTWARDEN_CLIENT_ID"],
                    "client_secret": self.env["BOOTWARDEN_CLIENT_SECRET"], "scope": self.env["BOOTWARDEN_ENDPOINT"] + "//.default"}
            status, _, value = self.link.ask("POST", f"/{self.env['BOOTWARDEN_TENANT']}/oauth2/v2.0/token",
                                             {"Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(form))
            need(status == 200, f"no token: {status} {value}")
            self.token = value["access_token"]
        return self.link.ask(method, path, {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
                             json.dumps(body))

    def give_role(self, object_id, name, role=READER):
        """name: a GUID, of the assignment."""
        subscription = f"/subscriptions/{self.env['BOOTWARDEN_SUBSCRIPTION']}"
        body = {"properties": {"principalId": object_id, "principalType": "ServicePrincipal",
                               "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"}}
        path = f"{subscription}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01"
        status, _, value = self.call("PUT", path, body)
        need(status in (200, 201), f"role assignment: {status} {json.dumps(value)[:200]}")

    def managed_identity(self, name):
        known = self.add_principal(name, "--managed")
        path = next((value for value in known.values() if "/identity/oauth2/token" in str(value)), None)
        need(path and "objectId" in known, f"principal add --managed says {sorted(known)}")
        return urllib.parse.urljoin(self.env["BOOTWARDEN_ENDPOINT"], path), known["objectId"]

    def certificate(self):
        folder = self.world.work
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=owner",
                        "-keyout", folder / "sp.key", "-out", folder / "sp.pem"], check=True, capture_output=True)
        self.command("principal", "add-certificate", self.env["BOOTWARDEN_CLIENT_ID"], folder / "sp.pem")
        (folder / "sp-both.pem").write_text((folder / "sp.key").read_text() + (folder / "sp.pem").read_text())
        return folder / "sp-both.pem"

    def end(self):
        self.world.end()


class Story:
    def __init__(self):
        self.n_passed, self.failed, self.start = 0, [], time.monotonic()

    @contextlib.contextmanager
    def step(self, name):
        begin = time.monotonic()
        try:
            yield
        except Exception as error:  # each step tells, and the next one is done
            self.failed.append(name)
            print(f"FAULT: {name}: {type(error).__name__ if not isinstance(error, Fault) else ''} {error}"[:700].replace("\n", " "),
                  flush=True)
        else:
            self.n_passed += 1
            print(f"ok    {name} ({time.monotonic() - begin:.1f} s)", flush=True)

    def end(self):
        print(f"{self.n_passed} passed, {len(self.failed)} failed")
        print(f"figure: unmodified clients, {self.n_passed} of {self.n_passed + len(self.failed)} steps in {time.monotonic() - self.start:.0f} s")
        if self.failed:
            print("failed: " + "; ".join(self.failed))
        return 1 if self.failed else 0
