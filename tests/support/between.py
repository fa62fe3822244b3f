"""between.py - a man in the middle who is trusted: between agent and server, with the server's own key.

    between = Between(port, folder, change)
    between.start()
    ... the agent talks to between.port; between.recorded is what it sent, in order ...
    between.stop()

PORT is the server's, FOLDER its data. CHANGE(path, body) may return another body for a POST request.
"""
import base64
import http.client
import http.server
import json
import ssl
import threading

LIMIT_S = 60


def unwrap(body):
    """The inner document of a POST /attest/AzureGuest."""
    text = json.loads(body)["AttestationInfo"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def wrap(inner):
    """The request around an inner document."""
    return json.dumps({"AttestationInfo": base64.urlsafe_b64encode(inner).rstrip(b"=").decode()}).encode()


class Between:
    """Listens on the loopback. `recorded` holds (path, headers with the bearer token, body) of each POST."""

    def __init__(self, port, folder, change=None):
        self.server_port, self.change = port, change
        self.outside = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
        self.recorded = []
        inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        inside.load_cert_chain(f"{folder}/tls/server.pem", f"{folder}/tls/server.key")
        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.listener.socket = inside.wrap_socket(self.listener.socket, server_side=True)
        self.port = self.listener.server_port

    def start(self):
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()

    def ask(self, method, path, bearer, body):
        connection = http.client.HTTPSConnection("localhost", self.server_port, context=self.outside, timeout=LIMIT_S)
        try:
            connection.request(method, path, body or None, {"Content-Type": "application/json", **bearer})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def handler(self):
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                bearer = {"Authorization": self.headers["Authorization"]} if self.headers.get("Authorization") else {}
                if self.command == "POST":
                    body = between.change(self.path, body) if between.change else body
                    between.recorded.append((self.path, bearer, body))
                status, text = between.ask(self.command, self.path, bearer, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = forward

            def log_message(self, *args):
                pass

        return Handler
