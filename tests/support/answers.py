#!/usr/bin/env python3
"""An https endpoint that answers what it is told: for tests of clients.

answers.py CERT KEY FOLDER

Serves FOLDER/answers.json over TLS, read anew for each request: {PATH: {"status": N, "body": TEXT,
"location": URL, "length": BYTES}}. "HERE" in a body or location is the address of this server; a body
with "length" is padded to that many bytes. Prints "ready PORT".
"""
import http.server
import json
import ssl
import sys

cert, key, folder = sys.argv[1:4]


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(f"{folder}/answers.json", encoding="utf-8") as file:
            answer = json.load(file).get(self.path, {"status": 404, "body": "{}"})
        here = f"https://localhost:{self.server.server_port}"
        body = answer.get("body", "").replace("HERE", here).encode()
        body += b" " * (answer.get("length", 0) - len(body))
        self.send_response(answer.get("status", 200))
        if "location" in answer:
            self.send_header("Location", answer["location"].replace("HERE", here))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # who refuses a long answer closes early

    def log_message(self, *args):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(f"ready {server.server_port}", flush=True)
server.serve_forever()
