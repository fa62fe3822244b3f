#!/usr/bin/env python3
"""Puts a client payload into what a guest sends, between agent and server.

client-payload.py PORT FOLDER NAME=VALUE...

PORT is the server's, FOLDER its data: the certificate is the server's own. Prints "ready PORT" and
serves until it is ended. Of POST /attest/AzureGuest the inner document gets
"ClientPayload": {NAME: base64 of VALUE}, which is how a relying party's nonce comes to the service
(no TPM signs it). Everything else passes through as it is.
"""
import base64
import http.client
import http.server
import json
import ssl
import sys

port, folder = int(sys.argv[1]), sys.argv[2]
payload = {name: base64.b64encode(value.encode()).decode()
           for name, value in (word.split("=", 1) for word in sys.argv[3:])}
outside = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")


def with_payload(body):
    text = json.loads(body)["AttestationInfo"]
    inner = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    inner["ClientPayload"] = payload
    text = base64.urlsafe_b64encode(json.dumps(inner).encode()).decode().rstrip("=")
    return json.dumps({"AttestationInfo": text}).encode()


class Between(http.server.BaseHTTPRequestHandler):
    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/attest/AzureGuest"):
            body = with_payload(body)
        headers = {"Content-Type": "application/json"}
        if self.headers.get("Authorization"):
            headers["Authorization"] = self.headers["Authorization"]
        server = http.client.HTTPSConnection("localhost", port, context=outside, timeout=60)
        server.request(self.command, self.path, body or None, headers)
        answer = server.getresponse()
        text = answer.read()
        server.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = forward

    def log_message(self, *args):
        pass


inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
inside.load_cert_chain(f"{folder}/tls/server.pem", f"{folder}/tls/server.key")
between = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
between.socket = inside.wrap_socket(between.socket, server_side=True)
print(f"ready {between.server_port}", flush=True)
between.serve_forever()
