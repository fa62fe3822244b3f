#!/usr/bin/env python3
"""Puts a client payload into what a guest sends, between agent and server.

client-payload.py PORT FOLDER NAME=VALUE...

PORT is the server's, FOLDER its data: the certificate is the server's own. Prints "ready PORT" and
serves until it is ended. Of POST /attest/AzureGuest the inner document gets
"ClientPayload": {NAME: base64 of VALUE}, which is how a relying party's nonce comes to the service
(no TPM signs it). Everything else passes through as it is.
"""
import base64
import json
import sys

sys.dont_write_bytecode = True
from between import Between, unwrap, wrap  # noqa: E402

port, folder = int(sys.argv[1]), sys.argv[2]
payload = {name: base64.b64encode(value.encode()).decode()
           for name, value in (word.split("=", 1) for word in sys.argv[3:])}


def with_payload(path, body):
    if not path.startswith("/attest/AzureGuest"):
        return body
    inner = json.loads(unwrap(body))
    inner["ClientPayload"] = payload
    return wrap(json.dumps(inner).encode())


between = Between(port, folder, with_payload)
print(f"ready {between.port}", flush=True)
between.listener.serve_forever()
