#!/usr/bin/env python3
"""A server whose log nobody reads: it serves on, counts the lines that it dropped, and ends."""
import http.client
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import tempfile

REQUESTS = 2000  # their lines fill a pipe of 64 KiB several times
LIMIT_S = 60

folder = tempfile.mkdtemp(prefix="bootwarden.")
server = subprocess.Popen([f"{os.environ['BOOTWARDEN_BIN']}/bootwarden-server", "--dev", "--data", folder,
                           "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
faults = []
signal.alarm(3 * LIMIT_S)
try:
    port = int(server.stdout.readline().rsplit(":", 1)[1])
    tls = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
    connection = http.client.HTTPSConnection("localhost", port, context=tls, timeout=LIMIT_S)
    for _ in range(REQUESTS):
        connection.request("GET", "/certs")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            faults.append(f"GET /certs: {answer.status}")
            break
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    dropped = [int(line.split()[1]) for line in text.splitlines()
               if line.startswith("bootwarden_log_lines_dropped_total ")]
    print(f"figure: {REQUESTS} requests served beside an unread log, {dropped} lines dropped")
    if not dropped or dropped[0] == 0:
        faults.append("no dropped line was counted")
    connection.close()
    server.send_signal(signal.SIGTERM)
    code = server.wait(LIMIT_S)
    if code != 0:
        faults.append(f"the server ended with {code}")
finally:
    signal.alarm(0)
    server.kill()
    server.wait()
    subprocess.run(["rm", "-rf", folder], check=False)
for fault in faults:
    print(f"FAULT: {fault}")
sys.exit(1 if faults else 0)
