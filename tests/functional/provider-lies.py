#!/usr/bin/env python3
"""bootwarden provider against a server that lies: what a provider answers is believed only when a token
verifies under its published keys, is of this provider, valid now, and about what was sent.

The server is our own, with a certificate that the command trusts; only its answers are bad. Each case
names what is wrong with one answer; the command must end with 3, say why in one line, and print
nothing.
"""
import base64
import hashlib
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time

program = os.environ["BOOTWARDEN_BIN"] + "/bootwarden"
work = pathlib.Path(tempfile.mkdtemp(prefix="bootwarden-lies."))
EMPTY = "eyJhbGciOiJub25lIn0.."
PERMIT = "version=1.0; authorizationrules{=> permit();}; issuancerules{};"


def openssl(*words, given=None):
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout


def b64url(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


class Key:
    """A key with a certificate that it signed itself."""

    def __init__(self, name):
        self.name, self.key, self.cert = name, work / f"{name}.key", work / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "2", "-subj", f"/CN={name}",
                "-addext", "subjectAltName=DNS:localhost", "-keyout", str(self.key), "-out", str(self.cert))
        self.der = openssl("x509", "-in", str(self.cert), "-outform", "DER")

    def jwk(self):
        return {"kty": "RSA", "use": "sig", "kid": self.name, "x5c": [base64.b64encode(self.der).decode()]}

    def token(self, claims, header=None):
        header = {"alg": "RS256", "kid": self.name, "typ": "JWT"} | (header or {})
        signed = f"{b64url(json.dumps(header))}.{b64url(json.dumps(claims))}"
        return f"{signed}.{b64url(openssl('dgst', '-sha256', '-sign', str(self.key), given=signed.encode()))}"


tls, published, other = Key("tls"), Key("published"), Key("other")
answer = {}  # what the next requests get: set by each case


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(answer.get("breaks_at", "-")):
            self.close_connection = True
            return
        if self.path == "/certs":
            status, text = 200, answer.get("certs", json.dumps({"keys": [published.jwk()]}))
        else:
            status, text = answer["status"], answer["body"](body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", f"{uri}/elsewhere")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_PUT = do_POST = reply

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(tls.cert, tls.key)
server.socket = context.wrap_socket(server.socket, server_side=True)
uri = f"https://localhost:{server.server_address[1]}"
threading.Thread(target=server.serve_forever, daemon=True).start()


def claims(**more):
    now = int(time.time())
    return {"iss": uri, "iat": now, "nbf": now, "exp": now + 3600} | more


def policy_jws(text, header='{"alg":"none"}'):
    payload = json.dumps({"AttestationPolicy": b64url(text)})
    return f"{b64url(header)}.{b64url(payload)}."


def token(text, **more):
    return {"status": 200, "body": lambda _: json.dumps({"token": text}), **more}


def plain(status, text):
    return {"status": status, "body": lambda _: text}


def result(make):
    """An answer to a change: the claims may depend on what was sent."""
    return {"status": 200, "body": lambda body: json.dumps({"token": published.token(claims(**make(body)))})}


def of(body):
    return b64url(hashlib.sha256(body).digest())


good = policy_jws(PERMIT)
shown = claims(**{"x-ms-policy": good})
changed = {"x-ms-policy-result": "Updated"}
SHOW, SET, RESET = ["policy", "show"], ["policy", "set"], ["policy", "reset"]
THUMBPRINT = hashlib.sha1(other.der).hexdigest().upper()
PRESENT = {"x-ms-policycertificates-result": "IsPresent"}

CASES = [  # command, words of the refusal, answer
    (SHOW, "unknown key 'other'", token(other.token(shown))),
    (SHOW, "signature does not verify", token(other.token(shown, {"kid": "published"}))),
    (SHOW, "algorithm 'none' is not the key's", token(f"{b64url(json.dumps({'alg': 'none', 'kid': 'published', 'typ': 'JWT'}))}.{b64url(json.dumps(shown))}.")),
    (SHOW, "of another issuer", token(published.token(shown | {"iss": uri + "/providers/other"}))),
    (SHOW, "has expired", token(published.token(shown | {"exp": 1000000000}))),
    (SHOW, "not valid yet", token(published.token(shown | {"nbf": int(time.time()) + 3600}))),
    (SHOW, "for another audience", token(published.token(shown | {"aud": "somebody"}))),
    (SHOW, "three parts", token("abc")),
    (SHOW, "has no token", plain(200, "{}")),
    (SHOW, "has no token", plain(200, '{"token":7}')),
    (SHOW, "not this service's", plain(200, "<html>")),
    (SHOW, "refused with 307", plain(307, "")),
    (SHOW, "refused with 500.*the server's log says more", plain(500, '{"error":{"code":"InternalError","message":"x"}}')),
    (SHOW, r"refused with 400 \\x1b\[2J: a\\nb", plain(400, '{"error":{"code":"\\u001b[2J","message":"a\\nb"}}')),
    (SHOW, "its keys \\(/certs\\).*not believed", token(published.token(shown), certs='{"keys":7}')),
    (SHOW, "unknown key", token(published.token(shown), certs='{"keys":[]}')),
    (SHOW, "not believed", token(published.token(claims()))),
    (SHOW, "AttestationPolicy", token(published.token(claims(**{"x-ms-policy": EMPTY[:-1] + b64url("{}") + "."})))),
    (SHOW, "not believed", token(published.token(claims(**{"x-ms-policy": policy_jws(PERMIT, '{"alg":"RS256"}')})))),
    (SET, "of another request", result(lambda _: changed)),
    (SET, "of another request", result(lambda body: changed | {"x-ms-policy-token-hash": of(body + b" ")})),
    (SET, "of another request", result(lambda body: {"x-ms-policy-result": "Removed", "x-ms-policy-token-hash": of(body)})),
    (RESET, "of another request", result(lambda _: changed)),
    (["signer", "list"], "not believed", result(lambda _: {"x-ms-policy-certificates": {"keys": [{"kty": "RSA"}]}})),
    (["signer", "add"], "of another request", result(lambda _: PRESENT)),
    (["signer", "add"], "of another request", result(lambda _: PRESENT | {"x-ms-certificate-thumbprint": "00" * 20})),
    (["signer", "remove"], "of another request", result(lambda _: PRESENT | {"x-ms-certificate-thumbprint": THUMBPRINT})),
    # What is right is believed: or all of the above proves nothing.
    (SHOW, None, token(published.token(shown))),
    (SHOW, None, token(published.token(claims(**{"x-ms-policy": EMPTY})))),
    (SET, None, result(lambda body: changed | {"x-ms-policy-token-hash": of(body)})),
    (RESET, None, result(lambda _: {"x-ms-policy-result": "Removed"})),
    (["signer", "list"], None, result(lambda _: {"x-ms-policy-certificates": {"keys": []}})),
    (["signer", "add"], None, result(lambda _: PRESENT | {"x-ms-certificate-thumbprint": THUMBPRINT})),
]


def words(command):
    if command[0] == "policy":
        return [*command, uri, "Tpm"] + ([str(work / "permit.txt")] if command == SET else [])
    signing = ["--sign-key", str(published.key), "--sign-cert", str(published.cert)]
    return [*command, uri] + ([] if command[1] == "list" else [str(other.cert), *signing])


def check(command, refusal, made):
    answer.clear()
    answer.update(made)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOOTWARDEN_") and "proxy" not in name.lower()}
    environment |= {"BOOTWARDEN_ENDPOINT": uri, "BOOTWARDEN_CA": str(tls.cert), "BOOTWARDEN_TOKEN": "t0ken"}
    run = subprocess.run([program, "provider", *words(command)], env=environment, capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=60)
    if refusal is None:
        return [] if run.returncode == 0 else [f"exit {run.returncode}: {run.stderr}"]
    faults = [] if run.returncode == 3 else [f"exit {run.returncode}, wanted 3"]
    if not re.search(refusal, run.stderr) or run.stderr.count("\n") != 1:
        faults.append(f"wanted one line with /{refusal}/: {run.stderr}")
    if run.stdout:
        faults.append(f"standard output: {run.stdout[:200]}")
    return faults


def check_rotation():
    """A connection that breaks in the middle: what is advised must work where a CA is named."""
    corp = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Attestation/attestationProviders/corp"
    resource = {"id": corp, "name": "corp", "properties": {"attestUri": uri, "trustModel": "AAD"}}
    answer.clear()
    answer.update(plain(200, json.dumps({"value": [resource]})) | {"breaks_at": corp + "/rotateKey"})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOOTWARDEN_") and "proxy" not in name.lower()}
    environment |= {"BOOTWARDEN_ENDPOINT": uri, "BOOTWARDEN_CA": str(tls.cert), "BOOTWARDEN_TOKEN": "t0ken", "BOOTWARDEN_SUBSCRIPTION": "s"}
    run = subprocess.run([program, "provider", "rotate-key", "corp"], env=environment, capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=60)
    wanted = f"; 'curl --cacert {tls.cert} {uri}/certs' shows whether the change was made"
    return [] if run.returncode == 3 and wanted in run.stderr else [f"exit {run.returncode}: {run.stderr}"]


(work / "permit.txt").write_text(PERMIT)
failed = 0
try:
    for command, refusal, made in CASES:
        for words_of_fault in check(command, refusal, made):
            failed += 1
            print(f"FAULT: {' '.join(command)}, '{refusal}': {words_of_fault}")
    for words_of_fault in check_rotation():
        failed += 1
        print(f"FAULT: rotate-key: {words_of_fault}")
finally:
    server.shutdown()
    for file in work.iterdir():
        file.unlink()
    work.rmdir()
print(f"provider-lies: {len(CASES)} answers, {failed} faults")
sys.exit(1 if failed else 0)
