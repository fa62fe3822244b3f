"""transcripts.py - what unmodified clients said to a server, and what sufficed as an answer
(tests/vectors/az-transcripts), and a server that answers so again.

    file = read("az274-vm-show")    # [Exchange]; names() are all files in the order of the recording
    with Standin(folder) as standin:
        standin.play(file)          # or play(*all()): a whole recording in its order
        ... standin.endpoint, standin.env as a server's dev.env ...
"""
import base64
import collections
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

FOLDER = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"]) / "tests/vectors/az-transcripts"
HOST = "localhost:8443"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
CLIENT = "44444444-4444-4444-4444-444444444444"
SECRET = "secret"
USER, PASSWORD = "owner@example.test", "pw"
JWT = "<jwt>"

Exchange = collections.namedtuple("Exchange", "method host path headers body status response_headers response")


def names():
    """All files, as the recording's README lists them: that is the order in which they were made."""
    listed = re.findall(r"^\| (\S+)\.jsonl \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    return listed + sorted({file.stem for file in FOLDER.glob("*.jsonl")} - set(listed))


def read(name):
    exchanges = []
    for line in (FOLDER / f"{name}.jsonl").read_text().splitlines():
        one = json.loads(line)
        one["response_headers"] = {key.lower(): value for key, value in one["response_headers"].items()}
        exchanges.append(Exchange(*(one.get(field) for field in Exchange._fields)))
    return exchanges


def plain(path):
    """A path as servers compare it: no query, no doubled or last slash, lower case."""
    path = re.sub(r"/+", "/", urllib.parse.urlsplit("//x" + path).path)
    return path.rstrip("/").lower()


def operation_urls(headers):
    """Where the client is told to ask again: path and query of each."""
    for name in ("azure-asyncoperation", "location"):
        if name in headers:
            parts = urllib.parse.urlsplit(headers[name])
            yield parts.path + (f"?{parts.query}" if parts.query else "")


def jwt():
    """Clients look into a token and verify nothing."""
    claims = {"tid": TENANT, "oid": CLIENT, "sub": CLIENT, "upn": USER, "appid": CLIENT, "iss": "recorded",
              "aud": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",  # az itself, as the reader of an id_token wants it
              "exp": int(time.time()) + 3600, "iat": int(time.time())}
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + ".c2lnbmVk"


def make_certificate(folder):
    """ca.pem, and a certificate for localhost by it: server.pem, server.key."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=Stand-in CA", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "server.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.pem", "-days", "2", "-extfile", "server.ext")


class Standin:
    """Answers each request as it was answered in the recording: the n-th of a method and path gets the
    n-th answer, those after the last one get that again. What was never asked is not found, and what
    was never put is made. change(exchange, response) may spoil an answer."""

    def __init__(self, folder, change=None):
        self.change, self.lock, self.queues, self.unknown = change, threading.Lock(), {}, []
        make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True, do_handshake_on_connect=False)
        self.host = f"localhost:{self.listener.server_port}"
        self.endpoint = f"https://{self.host}"
        self.env = {"BOOTWARDEN_ENDPOINT": self.endpoint, "BOOTWARDEN_CA": str(folder / "ca.pem"),
                    "BOOTWARDEN_TENANT": TENANT, "BOOTWARDEN_SUBSCRIPTION": SUBSCRIPTION,
                    "BOOTWARDEN_CLIENT_ID": CLIENT, "BOOTWARDEN_CLIENT_SECRET": SECRET,
                    "BOOTWARDEN_USER": USER, "BOOTWARDEN_PASSWORD": PASSWORD,
                    "BOOTWARDEN_MANAGED_URL": f"{self.endpoint}/metadata/identity/oauth2/token"}
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    @staticmethod
    def key(method, path):
        # az makes a new name for each of these; a second page differs by its query alone.
        path, page = plain(path), "page=2" in path
        return method, re.sub(r"/vm_deploy_\w{32}", "/vm_deploy_", path), page

    def play(self, *exchanges):
        with self.lock:
            self.queues = {}
            for one in exchanges:
                self.queues.setdefault(self.key(one.method, one.path), collections.deque()).append(one)

    def next(self, method, path):
        with self.lock:
            queue = self.queues.get(self.key(method, path))
            if not queue:
                self.unknown.append(f"{method} {path}")
                return None
            return queue.popleft() if len(queue) > 1 else queue[0]

    def handler(standin):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, wbufsize = "HTTP/1.1", -1  # one write for each answer

            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                if length:
                    self.rfile.read(length)
                one = standin.next(self.command, self.path)
                if one:
                    response = standin.change(one, one.response) if standin.change else one.response
                    self.say(one.status, one.response_headers, response)
                elif self.command == "PUT":
                    self.say(200, {}, {"properties": {"provisioningState": "Succeeded"}})
                else:
                    self.say(404, {}, {"error": {"code": "ResourceNotFound", "message": f"not recorded: {self.path}"}})

            def say(self, status, headers, response):
                text = "" if response in (None, "") else json.dumps(response)
                body = text.replace(HOST, standin.host).replace(JWT, jwt()).encode()
                if list(operation_urls(headers)):
                    headers = headers | {"retry-after": "1"}  # without, or at 0, az waits 30 s
                self.send_response(status)
                for name, value in headers.items():
                    if name != "content-length":
                        self.send_header(name, value.replace(HOST, standin.host))
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD" and status != 204:
                    self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = answer

            def log_message(self, *args):
                pass

        return Handler

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.listener.shutdown()
        self.listener.server_close()
