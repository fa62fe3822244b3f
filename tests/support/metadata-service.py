#!/usr/bin/env python3
"""The metadata service of a cloud, as far as certificates of attestation keys go: tests/support/
metadata-service.py CA-CERTIFICATE CA-KEY OTHER-KEY LOG. Prints its address. In front of the path stands
a word that says how it behaves:

    good     issues a certificate of 400 days for the key of the one that is sent
    late     says 404 to the first call, and is good then
    order    knows the older form alone: a GUID first, the certificate when it is asked for
    liar     issues a certificate for another key
    short    issues one that ends tomorrow
    garbage  answers what is no certificate
    mute     takes the call and never answers

LOG gets a line for each call: word, method, path."""
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import uuid

CA, CA_KEY, OTHER_KEY, LOG = sys.argv[1:]
VM = "0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10"
COMPUTE, TVM = "/metadata/instance/compute/vmId", "/metadata/THIM/tvm/certificate/"
lock = threading.Lock()
was_late, orders = set(), {}


def openssl(*words, given=None):
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout.decode()


def issue(old, days=400, key=None):
    with tempfile.NamedTemporaryFile("w") as public, tempfile.NamedTemporaryFile("w") as extensions:
        public.write(openssl("pkey", "-in", key, "-pubout") if key else openssl("x509", "-pubkey", "-noout", given=old))
        public.flush()
        extensions.write("keyUsage=critical,digitalSignature\nextendedKeyUsage=2.23.133.8.3\n")
        extensions.flush()
        name = openssl("x509", "-subject", "-noout", "-nameopt", "multiline", given=old).split("= ", 1)[1].strip()
        return openssl("x509", "-new", "-force_pubkey", public.name, "-subj", f"/CN={name}", "-CA", CA, "-CAkey", CA_KEY,
                       "-extfile", extensions.name, "-days", str(days))


class Metadata(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, old):
        _, word, rest = self.path.split("/", 2)
        parts = urllib.parse.urlsplit("/" + rest)
        path, query = parts.path, dict(urllib.parse.parse_qsl(parts.query, strict_parsing=True))
        with lock, open(LOG, "a") as log:
            log.write(f"{word} {self.command} /{rest}\n")
            is_late = word == "late" and word not in was_late
            was_late.add(word)
        if word == "mute":
            threading.Event().wait()
        if is_late:
            return self.answer(404, "not yet")
        if self.headers.get("Metadata") != "true":
            return self.answer(400, "no Metadata: true")
        if path == COMPUTE and query == {"api-version": "2019-03-11", "format": "text"}:
            return self.answer(200, VM)
        if query.get("vmId") != VM or str(uuid.UUID(query["requestId"])) != query["requestId"]:
            return self.answer(400, "not this machine, or no request id")
        if path == TVM + "renew" and old is not None and query["api-version"] == "2023-07-01" and word != "order":
            return self.answer(200, self.renew(word, old))
        if path == TVM + "renew" and old is not None and query["api-version"] == "2021-12-01" and word == "order":
            number = str(uuid.uuid4())
            orders[number] = issue(old)
            return self.answer(200, number)
        if path == TVM + "query" and query["api-version"] == "2021-12-01" and query.get("guid") in orders:
            return self.answer(200, orders[query["guid"]])
        return self.answer(400, "nothing known of that")

    @staticmethod
    def renew(word, old):
        pem = {"good": lambda: issue(old), "late": lambda: issue(old), "short": lambda: issue(old, days=1),
               "liar": lambda: issue(old, key=OTHER_KEY), "garbage": lambda: "x" * 5000}[word]()
        return json.dumps({"AkCertPem": pem, "CertQueryId": str(uuid.uuid4())})

    def do_GET(self):
        self.serve(None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        is_form = self.headers.get("Content-Type") == "application/x-www-form-urlencoded"
        self.serve(urllib.parse.unquote(body).encode() if is_form else None)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
