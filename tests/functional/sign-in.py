#!/usr/bin/env python3
"""Signing in as clients of Azure do, over real HTTPS: secrets, certificates, passwords, codes for devices,
refresh tokens, managed identities; what is refused, who is locked out, and what a client is told before."""
import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse
import uuid

SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/support"))
from azure_agent import wait_for  # noqa: E402
from world import BIN, World  # noqa: E402

AZ = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
passed, failed = 0, 0


def check(what, got, wanted=True):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print(f"FAULT: {what}: got {str(got)[:400]!r}, wanted {wanted!r}")


world = World()
env = world.server("data")
endpoint, tenant = env["BOOTWARDEN_ENDPOINT"], env["BOOTWARDEN_TENANT"]
arm = endpoint + "/"
scope = f"{arm}/.default offline_access openid profile"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = {}

    def __getitem__(self, name):
        return self.json.get(name)

    def number(self):
        return (self.json.get("error_codes") or [0])[0]


def call(method, path, form=None, headers=(), at="127.0.0.1"):
    command = ["curl", "-sS", "--interface", at, "--noproxy", "*", "--cacert", env["BOOTWARDEN_CA"], "-X", method, "-i", "-m", "60"]
    for header in headers:
        command += ["-H", header]
    if form is not None:
        command += ["--data-binary", "@-"]
    done = subprocess.run(command + [endpoint + path], capture_output=True, text=True, check=True,
                          input=urllib.parse.urlencode(form) if isinstance(form, dict) else form)
    head, _, body = done.stdout.partition("\n\n")
    lines = head.splitlines()
    return Answer(int(lines[0].split()[1]),
                  dict((name.lower(), value) for name, value in (line.split(": ", 1) for line in lines[1:])), body)


def token(path="/adfs/oauth2/token/", at="127.0.0.1", **form):
    return call("POST", path, form, at=at)


def part(text, index):
    text = text.split(".")[index] if "." in text else text
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def claims(answer, name="access_token"):
    return part(answer[name], 1)


def tenants(answer):
    return call("GET", "/tenants?api-version=2022-12-01", headers=[f"Authorization: Bearer {answer['access_token']}"])


def command(*words, stdin=""):
    return subprocess.run([BIN / "bootwarden-server", *words, "--data", env["data"]], capture_output=True, text=True,
                          input=stdin)


def password(name, secret, **more):
    return token(client_id=AZ, grant_type="password", client_info="1", username=name, password=secret, scope=scope,
                 **more)


# ---- what a client is told before it signs in ----
for version, kind in {"2015-01-01": "flat", "2016-02-02": "flat", "2019-05-01": "list", "2020-01-01": "list",
                      "2022-09-01": "one", "2025-01-01-preview": "one"}.items():
    said = call("GET", f"/metadata/endpoints?api-version={version}")
    check(f"status of endpoints {version}", said.status, 200)
    check(f"shape of endpoints {version}",
          "list" if isinstance(said.json, list) else "flat" if "galleryEndpoint" in said.json else "one", kind)
    cloud = said.json[0] if isinstance(said.json, list) else said.json
    check(f"login endpoint {version}", cloud["authentication"]["loginEndpoint"], endpoint + "/adfs")
    check(f"audience {version}", cloud["authentication"]["audiences"], [arm])
    if kind != "flat":
        check(f"suffixes {version}", isinstance(cloud["suffixes"], dict))
        check(f"resource manager {version}", cloud["resourceManager"], endpoint)
        aliases = call("GET", cloud["vmImageAliasDoc"][len(endpoint):])
        check("aliases", aliases["outputs"]["aliases"]["value"]["Linux"]["Ubuntu2204"]["architecture"], "x64")
for query, code in {"": "MissingApiVersionParameter", "?api-version=now": "InvalidApiVersionParameter",
                    "?api-version=2022-9-01": "InvalidApiVersionParameter",
                    "?api-version=2022-13-01": "InvalidApiVersionParameter"}.items():
    said = call("GET", "/metadata/endpoints" + query)
    check(f"endpoints {query}", (said.status, said["error"]["code"]), (400, code))
for path in "/adfs", f"/adfs/{tenant}", "/adfs/bootwarden.test", f"/{tenant}", f"/{tenant}/v2.0":
    said = call("GET", path + "/.well-known/openid-configuration")
    check(f"status of {path}", said.status, 200)
    for member in "issuer", "authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "jwks_uri":
        check(f"{member} of {path}", said[member].startswith(endpoint + "/"))
    check(f"tenant in the issuer of {path}", said["issuer"].split("/")[3], tenant)
    keys = call("GET", said["jwks_uri"][len(endpoint):])
    check(f"keys of {path}", len(keys["keys"]), 1)
check("an unknown domain", call("GET", "/adfs/example.com/.well-known/openid-configuration").number(), 90002)

# ---- passwords ----
user, secret = env["BOOTWARDEN_USER"], env["BOOTWARDEN_PASSWORD"]
for what, answer, number in (
        ("no user name", token(client_id=AZ, grant_type="password", password=secret, scope=scope), 900144),
        ("no password", token(client_id=AZ, grant_type="password", username=user, scope=scope), 900144),
        ("an unknown application", token(client_id=str(uuid.uuid4()), grant_type="password", username=user,
                                         password=secret, scope=scope), 700016),
        ("a wrong password", password(user, "wrong"), 50126),
        ("an unknown user", password("nobody@bootwarden.test", "wrong"), 50126),
        ("another resource", token(client_id=AZ, grant_type="password", username=user, password=secret,
                                   scope="https://graph.microsoft.com/.default"), 500011),
        ("a scope of nothing", token(client_id=AZ, grant_type="password", username=user, password=secret,
                                     scope="openid profile"), 70011)):
    check(what, (answer.status, answer.number()), (400, number))
    check(f"{what}: no token", answer["access_token"], None)
signed_in = password(user.upper(), secret)
check("the right password", (signed_in.status, signed_in["token_type"], signed_in["scope"]), (200, "Bearer", scope))
check("not to be kept", signed_in.headers["cache-control"], "no-store")
said = claims(signed_in)
check("the access token", (said["aud"], said["tid"], said["upn"], said["appid"], said["idtyp"], said["ver"]),
      (arm, tenant, user, AZ, "user", "1.0"))
mine = claims(signed_in, "id_token")
check("the id token", (mine["aud"], mine["upn"], mine["preferred_username"], mine["tid"], mine["oid"], mine["name"]),
      (AZ, user, user, tenant, said["oid"], "Developer"))
check("client info", part(signed_in["client_info"], 0), {"uid": said["oid"], "utid": tenant})
mine = dict(grant_type="password", client_id=env["BOOTWARDEN_CLIENT_ID"], username=user, password=secret, scope=scope)
check("by an application with a secret, without it", token(**mine).number(), 7000218)
check("with it", claims(token(**mine, client_secret=env["BOOTWARDEN_CLIENT_SECRET"]))["appidacr"], "1")
newer = token(f"/{tenant}/oauth2/v2.0/token?client-request-id=1", client_id=AZ, grant_type="password", username=user,
              password=secret, scope=f"{endpoint}/user_impersonation openid")
check("version 2.0", (claims(newer)["ver"], claims(newer)["azp"], claims(newer)["preferred_username"]),
      ("2.0", AZ, user))
check("no refresh token that was not asked for", newer["refresh_token"], None)
check("no client info that was not asked for", newer["client_info"], None)
by_name = token(client_id=AZ, grant_type="refresh_token", refresh_token=signed_in["refresh_token"],
                resource=f"{endpoint}/graph")
check("az asks for the object id of a name", by_name.number(), 500011)
check("which it must be given", "--assignee-object-id" in by_name["error_description"], True)
check("tenants", tenants(signed_in)["value"][0]["tenantId"], tenant)
check("domains", tenants(signed_in)["value"][0]["domains"], ["bootwarden.test"])
check("tenants for nobody", call("GET", "/tenants?api-version=2022-12-01").status, 401)
check("an id token opens nothing", call("GET", "/tenants", headers=[
    f"Authorization: Bearer {signed_in['id_token']}"]).status, 401)

# ---- refresh tokens ----
refreshed = token(client_id=AZ, grant_type="refresh_token", refresh_token=signed_in["refresh_token"], client_info="1",
                  scope=scope)
check("refreshed", (refreshed.status, claims(refreshed)["oid"]), (200, said["oid"]))
check("another refresh token", refreshed["refresh_token"] not in (None, signed_in["refresh_token"]))
check("without a scope, as before", claims(token(client_id=AZ, grant_type="refresh_token",
                                                 refresh_token=refreshed["refresh_token"]))["aud"], arm)
other = "1950a258-227b-4e31-a9cf-717495945fc2"
check("of another application", token(client_id=other, grant_type="refresh_token",
                                      refresh_token=refreshed["refresh_token"]).number(), 70000)
bad = list(refreshed["refresh_token"])
bad[-10] = "A" if bad[-10] != "A" else "B"
check("one bit", token(client_id=AZ, grant_type="refresh_token", refresh_token="".join(bad)).number(), 70000)
check("an access token is none", token(client_id=AZ, grant_type="refresh_token",
                                       refresh_token=refreshed["access_token"]).number(), 70000)

# ---- users ----
check("a short password", command("user", "add", "ada@example.org", stdin="short\n").returncode, 2)
check("no password", command("user", "add", "ada@example.org").returncode, 2)
check("no user name", command("user", "add", "ada", stdin="long enough\n").returncode, 2)
check("no such user", command("user", "password", "ada@example.org", stdin="long enough\n").returncode, 1)
made = command("user", "add", "Ada@example.org", "--name", "Ada Example", stdin="first password\n")
check("a user", (made.returncode, "ada@example.org" in made.stdout), (0, True))
check("twice", command("user", "add", "ada@Example.org", stdin="long enough\n").returncode, 1)
check("listed", "Ada Example" in command("user", "list").stdout)
wait_for("ada to sign in", lambda: password("ada@example.org", "first password").status == 200)
ada = password("ada@example.org", "first password")
check("Ada may know her tenant", tenants(ada).status, 200)
check("another password", command("user", "password", "ada@example.org", stdin="second password\n").returncode, 0)
wait_for("the new password", lambda: password("ada@example.org", "second password").status == 200)
check("the old password", password("ada@example.org", "first password").number(), 50126)
check("the old refresh token", token(client_id=AZ, grant_type="refresh_token",
                                     refresh_token=ada["refresh_token"]).number(), 50173)
ada = password("ada@example.org", "second password")
check("disabled", command("user", "disable", "ada@example.org").returncode, 0)
wait_for("her to be refused", lambda: tenants(ada).status == 401)
check("in words", "has been disabled or removed" in tenants(ada)["error"]["message"], True)
check("her password", password("ada@example.org", "second password").number(), 50057)
check("a wrong one says nothing of it", password("ada@example.org", "wrong").number(), 50126)
check("her refresh token", token(client_id=AZ, grant_type="refresh_token",
                                 refresh_token=ada["refresh_token"]).number(), 50057)
check("enabled", command("user", "enable", "ada@example.org").returncode, 0)
wait_for("her to be let in", lambda: tenants(ada).status == 200)

# ---- lock-out ----
check("what was wrong before is forgotten", password("ada@example.org", "second password").status, 200)
for name in "ada@example.org", "nobody@example.org":
    numbers = [password(name, f"guess {i}").number() for i in range(12)]
    check(f"guesses at {name}", numbers, [50126] * 10 + [50053] * 2)
locked = password("ADA@example.org", "second password")
check("locked, also for the right password", (locked.status, locked["error"], locked.number()),
      (400, "invalid_grant", 50053))
check("for how long", 0 < int(locked.headers["retry-after"]) <= 60)
check("others are not", password(user, secret).status, 200)
check("nor is she from another address", password("ada@example.org", "second password", at="127.0.0.2").status, 200)
check("which ends no lock of this one", password("ada@example.org", "second password").number(), 50053)
check("an operator helps", command("user", "password", "ada@example.org", stdin="third password\n").returncode, 0)
wait_for("her to be let in", lambda: password("ada@example.org", "third password").status == 200)

# ---- certificates ----
work = world.work
for name in "one", "two":
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=client", "-days", "1",
                    "-keyout", work / f"{name}.key", "-out", work / f"{name}.pem"], check=True, capture_output=True)
registered = json.loads(command("principal", "add", "by certificate", "--certificate", work / "one.pem",
                                "--output", "json").stdout)
client = registered["clientId"]
check("no secret", "secret" in registered, False)


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def assertion(name="one", alg="RS256", thumbprint="x5t", padded=False, key=None, **changed):
    der = subprocess.run(["openssl", "x509", "-in", work / f"{name}.pem", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    digest = hashlib.sha1(der).digest() if thumbprint == "x5t" else hashlib.sha256(der).digest()
    now = int(time.time())
    payload = {"aud": endpoint + "/adfs/oauth2/token/", "iss": client, "sub": client, "iat": now, "exp": now + 600,
               "jti": str(uuid.uuid4())} | changed
    header = {"alg": alg, "typ": "JWT", thumbprint: encode(digest) + ("=" if padded else "")}
    text = encode(json.dumps(header).encode()) + "." + encode(json.dumps(payload).encode())
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if alg == "PS256" else []
    signature = subprocess.run(["openssl", "dgst", "-sha256", *pss, "-sign", work / f"{key or name}.key"], check=True,
                               capture_output=True, input=text.encode()).stdout
    return text + "." + encode(signature)


def by_certificate(text, path="/adfs/oauth2/token/", **more):
    return token(path, client_id=client, grant_type="client_credentials", scope=f"{arm}/.default",
                 client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                 client_assertion=text, **more)


wait_for("the certificate to count", lambda: by_certificate(assertion()).status == 200)
check("MSAL for Python", claims(by_certificate(assertion(padded=True)))["appidacr"], "2")
check("MSAL for Node", by_certificate(assertion(alg="PS256", thumbprint="x5t#S256")).status, 200)
check("version 2.0", by_certificate(assertion(aud=f"{endpoint}/{tenant}/oauth2/v2.0/token"),
                                    f"/{tenant}/oauth2/v2.0/token").status, 200)
used = assertion()
check("once", by_certificate(used).status, 200)
check("not twice", by_certificate(used).number(), 50013)
now = int(time.time())
for what, text, number in (
        ("another key", assertion(key="two"), 700027), ("another certificate", assertion("two"), 700027),
        ("an expired one", assertion(exp=now - 120), 700024), ("one of the future", assertion(nbf=now + 600), 700024),
        ("one that lives too long", assertion(exp=now + 86400), 700024),
        ("for another service", assertion(aud="https://login.example/token"), 700023),
        ("of another client", assertion(iss=str(uuid.uuid4())), 700021),
        ("about another client", assertion(sub=str(uuid.uuid4())), 700021),
        ("without an end", assertion(exp=None), 50027), ("no JWT", "x", 50027),
        ("no signature", used.rsplit(".", 1)[0] + ".", 700027),
        ("another algorithm", assertion(alg="HS256"), 50027)):
    check(what, (by_certificate(text).status, by_certificate(text).number()), (401, number))
check("two proofs", by_certificate(assertion(), client_secret="x").number(), 90014)
check("a secret for a client that has none", token(client_id=client, grant_type="client_credentials",
                                                   client_secret="", scope=scope).number(), 7000218)
check("a second certificate", command("principal", "add-certificate", client, work / "two.pem").returncode, 0)
wait_for("it to count", lambda: by_certificate(assertion("two")).status == 200)
thumb = subprocess.run(["openssl", "x509", "-in", work / "one.pem", "-noout", "-fingerprint", "-sha1"], check=True,
                       capture_output=True, text=True).stdout.split("=")[1].strip().replace(":", "")
check("the first is taken away", command("principal", "remove-certificate", client, thumb).returncode, 0)
wait_for("it not to count", lambda: by_certificate(assertion()).number() == 700027)

# ---- codes for devices ----


def begin(path="/adfs/oauth2/devicecode"):
    return call("POST", path, {"client_id": AZ, "scope": scope})


def poll(code, **more):
    return token(client_id=AZ, grant_type=DEVICE, device_code=code, code=code, client_info="1", **more)


def polled(code):
    """What comes when it may be asked again."""
    answers = []
    wait_for("the interval to pass", lambda: answers.append(poll(code)) or answers[-1]["error"] != "slow_down")
    return answers[-1]


def enter(code, name=user, text=secret, action="allow", path="/devicelogin"):
    return call("POST", path, {"code": code, "username": name, "password": text, "action": action})


begun = begin()
check("a code", (begun.status, begun["interval"], begun["expires_in"]), (200, 3, 900))
check("its form", (len(begun["user_code"]), begun["user_code"][4]), (9, "-"))
check("where to enter it", begun["verification_uri"], endpoint + "/devicelogin")
check("in words", begun["user_code"] in begun["message"] and begun["verification_uri"] in begun["message"])
page = call("GET", "/devicelogin")
check("the page", (page.status, page.headers["content-type"], "<form" in page.text, "<script" in page.text),
      (200, "text/html; charset=utf-8", True, False))
check("its policy", page.headers["content-security-policy"].startswith("default-src 'none'"))
check("no cookie", "set-cookie" in page.headers, False)
check("the address of version 1", call("GET", "/adfs/oauth2/deviceauth").status, 200)
check("not yet", (poll(begun["device_code"]).status, poll(begun["device_code"])["error"]), (400, "slow_down"))
check("a wrong code", enter("BCDF-GHJK").status, 400)
check("a wrong password", "not right" in enter(begun["user_code"], text="wrong").text)
check("half a form", enter("").status, 400)
check("markup stays text", "<b>" in enter("<b>", "<b>x</b>@y", "<b>").text, False)
done = enter(begun["user_code"].lower().replace("-", " "))
check("entered", (done.status, "Microsoft Azure CLI is signed in" in done.text, "<form" in done.text),
      (200, True, False))
check("entered once", enter(begun["user_code"]).status, 400)
got = polled(begun["device_code"])
check("the token", (got.status, claims(got)["upn"], claims(got)["aud"]), (200, user, arm))
check("with all that people get", None not in (got["refresh_token"], got["id_token"], got["client_info"]))
check("only once", poll(begun["device_code"]).number(), 70018)
begun = begin(f"/{tenant}/oauth2/v2.0/devicecode")
waiting = poll(begun["device_code"])
check("pending", (waiting.status, waiting["error"]), (400, "authorization_pending"))
check("of another application", token(client_id=other, grant_type=DEVICE,
                                      device_code=begun["device_code"]).number(), 70018)
check("denied", "refused" in enter(begun["user_code"], action="deny").text)
check("told so", polled(begun["device_code"])["error"], "access_denied")
check("a code of nobody", poll("x" * 43).number(), 70018)

# ---- managed identities ----
managed = json.loads(command("principal", "add", "vm-1", "--managed", "--output", "json").stdout)
check("shown once", managed["path"] in command("principal", "list", "--output", "json").stdout, False)


def metadata(method="POST", path=managed["path"], header="Metadata: true", **form):
    text = urllib.parse.urlencode(form)
    return (call("POST", path, form, [header]) if method == "POST" else
            call("GET", f"{path}?api-version=2018-02-01&{text}", headers=[header]))


wait_for("the identity to count", lambda: metadata(resource=arm).status == 200)
got = metadata(resource=arm)
check("its token", (claims(got)["oid"], claims(got)["tid"], claims(got)["idtyp"]),
      (managed["objectId"], tenant, "app"))
check("numbers are texts", [type(got[name]) for name in ("expires_in", "expires_on", "not_before")], [str] * 3)
check("whose and for what", (got["client_id"], got["resource"], got["token_type"]),
      (managed["clientId"], arm, "Bearer"))
check("in lower case, with a slash", (managed["path"].lower(), metadata(path=managed["path"] + "/", resource=arm).status),
      (managed["path"], 200))
check("by GET", metadata("GET", resource=endpoint).status, 200)
check("named", [metadata(resource=arm, client_id=managed["clientId"]).status,
                metadata(resource=arm, object_id=managed["objectId"]).status,
                metadata(resource=arm, msi_res_id="/subscriptions/s/resourceGroups/g/providers/"
                         "Microsoft.ManagedIdentity/userAssignedIdentities/vm-1").status], [200] * 3)
check("another one", [metadata(resource=arm, client_id=AZ).status, metadata(resource=arm, object_id=AZ).status,
                      metadata(resource=arm, msi_res_id="/x").status], [400] * 3)
check("as App Service is asked", metadata("GET", header="X-IDENTITY-HEADER: x", resource=arm).status, 200)
check("in the older way", metadata("GET", header="secret: x", resource=arm, clientid=managed["clientId"]).status, 200)
check("without the header", metadata(header="X-Other: true", resource=arm).status, 400)
check("for nothing", metadata().status, 400)
check("for another service", metadata(resource="https://graph.microsoft.com").number(), 500011)
wrong = managed["path"].replace("/metadata/", "/metadata/x", 1)
check("another address", metadata(path=wrong, resource=arm).status, 401)
check("by PUT", call("PUT", managed["path"]).status, 405)
check("further on", call("GET", managed["path"] + "/more").status, 404)
capability = managed["path"].split("/")[2]
check("its secret is in no file and no log", [str(path) for path in [*env["data"].rglob("*"), *work.glob("*.log")]
                                              if path.is_file() and capability.encode() in path.read_bytes()], [])
check("nor is a password", [str(path) for path in [*env["data"].rglob("*"), *work.glob("*.log")]
                            if path.is_file() and secret.encode() in path.read_bytes()
                            and path.name not in ("dev.env", "dev.password")], [])
check("removed", command("principal", "remove", managed["clientId"]).returncode, 0)
wait_for("its address to be nobody's", lambda: metadata(resource=arm).status == 401)
check("and its token", tenants(got).status, 401)

# ---- the identity of a virtual machine ----
COMPUTE = "/resourceGroups/g/providers/Microsoft.Compute"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
subscription = f"/subscriptions/{env['BOOTWARDEN_SUBSCRIPTION']}"


def manage(method, path, body=None, by=None):
    text = "" if body is None else json.dumps(body)
    return call(method, f"{subscription}{path}?api-version=2024-11-01", text, [
        f"Authorization: Bearer {(by or signed_in)['access_token']}", "Content-Type: application/json"])


def assign(principal):
    """As `az vm create --role` does it: without principalType."""
    return manage("PUT", f"/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", {"properties": {
        "principalId": principal,
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"}})


check("a group", manage("PUT", "/resourceGroups/g", {"location": "westus"}).status, 201)
machine = {"location": "westus", "identity": {"type": "SystemAssigned"}, "properties": {}}
own = manage("PUT", f"{COMPUTE}/virtualMachines/vm", machine)["identity"]["principalId"]
check("a stranger gets no role", assign(str(uuid.uuid4()))["error"]["code"], "PrincipalNotFound")
given = assign(own)
check("it gets a role", (given.status, given["properties"]["principalType"]), (201, "ServicePrincipal"))
first, address = [manage("POST", f"{COMPUTE}/virtualMachines/vm/createIdentityAddress").json for _ in range(2)]
check("its address is of this server", address["address"], endpoint + address["path"])
check("a new one ends the old one", metadata(path=first["path"], resource=arm).number(), 700016)
check("so does a changed one", metadata(path=address["path"].replace("/identity", "0/identity"), resource=arm).status, 401)
got = metadata(path=address["path"], resource=arm)
check("its token", (claims(got)["oid"], claims(got)["appid"], claims(got)["app_displayname"], claims(got)["idtyp"]),
      (own, address["clientId"], "vm", "app"))
check("what it may", manage("GET", f"{COMPUTE}/virtualMachines/vm", by=got).status, 200)
check("and may not", manage("DELETE", f"{COMPUTE}/virtualMachines/vm", by=got).status, 403)
check("without its identity", manage("PATCH", f"{COMPUTE}/virtualMachines/vm", {"identity": {"type": "None"}}).status, 200)
check("no token", metadata(path=address["path"], resource=arm).number(), 700016)
check("nor the one it has", manage("GET", f"{COMPUTE}/virtualMachines/vm", by=got).status, 401)
own = manage("PUT", f"{COMPUTE}/virtualMachines/vm", machine)["identity"]["principalId"]
check("another one has no role", own != claims(got)["oid"])
address = manage("POST", f"{COMPUTE}/virtualMachines/vm/createIdentityAddress").json
got = metadata(path=address["path"], resource=arm)
check("but tokens", tenants(got).status, 200)
check("it goes", manage("DELETE", f"{COMPUTE}/virtualMachines/vm").status in (200, 202))
check("and its address", metadata(path=address["path"], resource=arm).number(), 700016)
check("and its token", tenants(got).status, 401)
check("and gets no more roles", assign(own)["error"]["code"], "PrincipalNotFound")

# ---- user-assigned identities ----
IDENTITIES = "/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
users = {name: manage("PUT", f"{IDENTITIES}/{name}", {"location": "westus"})["properties"] for name in ("one", "two")}
ids = {name: f"{subscription}{IDENTITIES}/{name}" for name in users}


def naming(*names, type="UserAssigned"):
    return manage("PUT", f"{COMPUTE}/virtualMachines/vm", {
        "location": "westus", "properties": {},
        "identity": {"type": type, "userAssignedIdentities": {ids[name]: {} for name in names}}})


def whose(**form):
    answer = metadata(path=address["path"], resource=arm, **form)
    return claims(answer)["oid"] if answer.status == 200 else answer.status


oid = {name: users[name]["principalId"] for name in users}
check("it gets a role", assign(oid["one"]).status, 201)
check("the virtual machine shows them", naming("one", "two")["identity"]["userAssignedIdentities"],
      {ids[name]: {member: users[name][member] for member in ("principalId", "clientId")} for name in users})
address = manage("POST", f"{COMPUTE}/virtualMachines/vm/createIdentityAddress").json
check("its address has no principal of its own", "principalId" in address, False)
check("one has to be named", whose(), 400)
check("by what it is", [whose(client_id=users["one"]["clientId"]), whose(object_id=oid["two"]), whose(msi_res_id=ids["one"]),
                        whose(msi_res_id=ids["two"].lower())], [oid["one"], oid["two"], oid["one"], oid["two"]])
check("and no other", [whose(client_id=AZ), whose(object_id=own), whose(msi_res_id=ids["one"] + "x")], [400] * 3)
got = metadata(path=address["path"], resource=arm, client_id=users["one"]["clientId"])
poor = metadata(path=address["path"], resource=arm, object_id=oid["two"])
check("its token", (claims(got)["appid"], claims(got)["app_displayname"], claims(got)["idtyp"], got["client_id"]),
      (users["one"]["clientId"], "one", "app", users["one"]["clientId"]))
check("what it may", manage("GET", f"{COMPUTE}/virtualMachines/vm", by=got).status, 200)
check("the other may not", manage("GET", f"{COMPUTE}/virtualMachines/vm", by=poor).status, 403)
check("the only one need not be named", (naming("two").status, whose(), whose(object_id=oid["one"])), (200, oid["two"], 400))
machine_own = naming("one", "two", type="SystemAssigned, UserAssigned")["identity"]["principalId"]
check("its own comes first", (whose(), whose(msi_res_id=ids["two"])), (machine_own, oid["two"]))
check("one goes", manage("DELETE", f"{IDENTITIES}/one").status in (200, 202, 204))
check("no token", (whose(client_id=users["one"]["clientId"]), whose(msi_res_id=ids["one"])), (400, 400))
check("nor the one it has", manage("GET", f"{COMPUTE}/virtualMachines/vm", by=got).status, 401)
check("nor a role", assign(oid["one"])["error"]["code"], "PrincipalNotFound")
check("the other stays", (whose(object_id=oid["two"]), tenants(poor).status), (oid["two"], 200))

# ---- the requests of az, as they were recorded ----
TRANSCRIPTS = pathlib.Path(os.environ.get("BOOTWARDEN_DATA", SOURCE.parent / "shared/data")) / "az-transcripts"
OWN = {"https%3A%2F%2Flocalhost%3A8443": urllib.parse.quote(endpoint, safe=""),
       "44444444-4444-4444-4444-444444444444": env["BOOTWARDEN_CLIENT_ID"],
       "client_secret=secret": "client_secret=" + env["BOOTWARDEN_CLIENT_SECRET"],
       "username=owner%40example.test": "username=" + urllib.parse.quote(user, safe=""),
       "password=pw": "password=" + urllib.parse.quote(secret, safe="")}
replayed = 0
for file in sorted([*TRANSCRIPTS.glob("az*-login-*.jsonl"), *TRANSCRIPTS.glob("az*-cloud-register.jsonl")]):
    codes, last = {}, None
    for line in file.read_text().splitlines():
        seen = json.loads(line)
        if seen["path"].startswith(("/subscriptions", "/metadata/identity")):
            continue  # other parts answer these
        text = seen["body"]
        for old, new in (OWN | codes).items() if text else ():
            text = text.replace(old, new)
        headers = [f"Authorization: Bearer {last['access_token']}"] if "Authorization" in seen["headers"] else []
        answer = call(seen["method"], seen["path"], text, headers)
        check(f"{file.name} {seen['path']}: status", answer.status, seen["status"])
        missing = [name for name in seen["response"] if name not in answer.json and not (
            name == "scope" and not seen["response"][name])]
        check(f"{file.name} {seen['path']}: members", missing, [])
        if "user_code" in answer.json:
            check("entered", enter(answer["user_code"]).status, 200)
            codes = {"DC123": answer["device_code"]}
        last = answer
        replayed += 1
print(f"{replayed} recorded requests")

# ---- tools/az-env ----
tool = SOURCE / "tools/az-env"
printed = [subprocess.run([tool, *words, env["data"]], capture_output=True, text=True, check=True).stdout
           for words in ((), ("--login",))]
check("az-env prints no secret", [text for text in (secret, env["BOOTWARDEN_CLIENT_SECRET"])
                                  if text in "".join(printed)], [])
set_up = subprocess.run(["bash", "-eu", "-c", printed[0] + 'echo "$BOOTWARDEN_USER $REQUESTS_CA_BUNDLE $AZURE_CONFIG_DIR"'],
                        capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}).stdout.split()
check("az-env sets", set_up, [user, env["BOOTWARDEN_CA"], f"{env['data']}/az"])
(work / "empty").mkdir()
for folder, words in {"none": "no such folder; start a server", "empty": "dev.env is missing; start a server"}.items():
    gone = subprocess.run([tool, work / folder], capture_output=True, text=True)
    check(f"az-env of {folder}", (gone.returncode, words in gone.stderr), (2, True))
    check(f"az-env of {folder}, in a shell", subprocess.run(["bash", "-c", f". <({tool} {work / folder})"],
                                                            capture_output=True).returncode, 2)
odd = work / "it's $HOME `x` \"y\" (z)"
odd.mkdir()
(odd / "dev.env").write_text("BOOTWARDEN_CA='a b $c/ca.pem'\n")
for shell in "dash", "bash":
    told = subprocess.run([shell, "-euc", 'eval "$("$0" "$1")"; printf "%s\\n" "$AZURE_CONFIG_DIR" "$REQUESTS_CA_BUNDLE"',
                           tool, odd], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    check(f"az-env in {shell}, of an odd folder", told.stdout.splitlines(), [f"{odd}/az", "a b $c/ca.pem"])

# ---- a restart ----
used = assertion("two")
check("before it", by_certificate(used).status, 200)
world.servers[-1].terminate()
world.servers[-1].wait()
check("the same address", world.server("data")["BOOTWARDEN_ENDPOINT"], endpoint)
check("not again after it", by_certificate(used).number(), 50013)
check("but another one", by_certificate(assertion("two")).status, 200)

# ---- guesses at codes ----
statuses = [enter("BCDFGHJK").status for _ in range(12)]
check("guesses at codes end", statuses[-1], 429)

# ---- what is left behind ----
reasons = {json.loads(line)["reason"] for line in (env["data"] / "audit.log").read_text().splitlines()
           if json.loads(line).get("action") == "sign-in"}
for reason in ("password-wrong", "user-locked", "user-disabled", "code-wrong", "code-limited", "assertion-used",
               "refresh-invalid", "password-changed", "identity-unknown", "device-denied"):
    check(f"{reason} is audited", reason in reasons)
check("waiting is not", "device-pending" in reasons, False)
world.end()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
