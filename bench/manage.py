#!/usr/bin/env python3
"""What the resource manager takes, over HTTPS as clients see it: a PUT and a GET of a resource, the
first page of a list, and the server's memory, with as many virtual machines as are asked for.

  bench/manage.py [MACHINES]    how many are made, by deployments of 700 (10000)

One client on one connection, on the same machine as the server. Exit 1 when a request fails."""
import http.client
import json
import os
import pathlib
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

BIN = pathlib.Path(os.environ.get("BOOTWARDEN_BIN", pathlib.Path.cwd() / "build/release/bin"))
VERSION = "api-version=2024-11-01"
ROUNDS = 300  # a caller has 1000 changes at once, then one a second
BATCH = 700
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
PROPERTIES = {"securityProfile": {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}},
              "hardwareProfile": {"vmSize": "Standard_B2s"},
              "storageProfile": {"imageReference": {"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy",
                                                    "sku": "22_04-lts-gen2", "version": "latest"}},
              "osProfile": {"computerName": "vm", "adminUsername": "me"}}


class Server:
    def __init__(self, folder):
        with open(f"{folder}.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([BIN / "bootwarden-server", "--dev", "--data", folder, "--listen", "127.0.0.1:0"],
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready https://"):
            raise SystemExit(f"bench: the server does not start: {line!r}")
        port = int(line.rsplit(":", 1)[1])
        env = dict(word.split("=", 1) for word in shlex.split(pathlib.Path(f"{folder}/dev.env").read_text(), comments=True) if "=" in word)
        tls = ssl.create_default_context(cafile=f"{folder}/tls/ca.pem")
        self.link = http.client.HTTPSConnection("localhost", port, context=tls, timeout=60)
        self.subscription, self.headers = f"/subscriptions/{env['BOOTWARDEN_SUBSCRIPTION']}", {}
        form = {"grant_type": "client_credentials", "client_id": env["BOOTWARDEN_CLIENT_ID"],
                "client_secret": env["BOOTWARDEN_CLIENT_SECRET"], "resource": "https://management.azure.com/"}
        _, text = self.send("POST", f"/{env['BOOTWARDEN_TENANT']}/oauth2/token", urllib.parse.urlencode(form),
                            {"Content-Type": "application/x-www-form-urlencoded"})
        self.headers = {"Authorization": f"Bearer {json.loads(text)['access_token']}", "Content-Type": "application/json"}

    def send(self, method, path, body=None, headers=None):
        try:
            self.link.request(method, path, body, self.headers | (headers or {}))
            answer = self.link.getresponse()
        except (http.client.HTTPException, OSError):  # it closed the connection after its thousandth request
            self.link.close()
            self.link.request(method, path, body, self.headers | (headers or {}))
            answer = self.link.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"bench: {method} {path}: {answer.status} {text[:300]}")
        return answer.status, text

    def ask(self, method, path, body=None):
        path = f"{self.subscription}{path}{'&' if '?' in path else '?'}{VERSION}"
        return self.send(method, path, None if body is None else json.dumps(body))

    def rss_mib(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def rate(what, n, work):
    begun = time.perf_counter()
    for i in range(n):
        work(i)
    took = time.perf_counter() - begun
    print(f"{what:44} {n / took:10.0f} /s {1000 * took / n:10.2f} ms")


def deploy(server, first, n):
    """n machines from number `first` on; until all are there."""
    vm = {"type": "Microsoft.Compute/virtualMachines", "apiVersion": "2024-11-01", "location": "westus",
          "name": f"[concat('vm',string(add({first},copyIndex())))]", "copy": {"name": "vms", "count": n}, "properties": PROPERTIES}
    path = f"/resourcegroups/many/providers/Microsoft.Resources/deployments/d{first}"
    template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [vm]}
    server.ask("PUT", path, {"properties": {"mode": "Incremental", "template": template}})
    for _ in range(6000):
        state = json.loads(server.ask("GET", path)[1])["properties"]["provisioningState"]
        if state == "Succeeded":
            return
        if state == "Failed":
            raise SystemExit(f"bench: the deployment {first} failed")
        time.sleep(0.05)
    raise SystemExit(f"bench: the deployment {first} does not end")


def measure(server, machines):
    vms = "/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm"
    disks = "/resourceGroups/g/providers/Microsoft.Compute/disks/d"
    for group in ("g", "many"):
        server.ask("PUT", f"/resourceGroups/{group}", {"location": "westus"})
    print(f"{'memory of the server, empty':44} {server.rss_mib():10.1f} MiB")
    rate("PUT of a new disk", ROUNDS, lambda i: server.ask("PUT", f"{disks}{i}", {"location": "westus"}))
    rate("PUT of a new virtual machine", ROUNDS, lambda i: server.ask("PUT", f"{vms}{i}", {"location": "westus", "properties": PROPERTIES}))
    rate("GET of a disk", 2000, lambda i: server.ask("GET", f"{disks}{i % ROUNDS}"))
    rate("GET of a virtual machine", 2000, lambda i: server.ask("GET", f"{vms}{i % ROUNDS}"))
    begun = time.perf_counter()
    for first in range(0, machines, BATCH):
        deploy(server, first, min(BATCH, machines - first))
    took = time.perf_counter() - begun
    print(f"{f'{machines} virtual machines by deployments':44} {machines / took:10.0f} /s {took:10.1f} s")
    many = "/resourceGroups/many/providers/Microsoft.Compute/virtualMachines"
    for what, path in (("first page of virtual machines", many), ("first page of all resources", "/resources"),
                       ("one of them by a filter of its name", f"/resources?$filter=name%20eq%20'vm{machines - 1}'")):
        begun = time.perf_counter()
        page = json.loads(server.ask("GET", path)[1])
        while not page["value"] and "nextLink" in page:  # the filter fits nothing of what was looked through so far
            link = urllib.parse.urlsplit(page["nextLink"])
            page = json.loads(server.send("GET", f"{link.path}?{link.query}")[1])
        print(f"{what:44} {len(page['value']):10} items {1000 * (time.perf_counter() - begun):8.1f} ms")
    rate(f"PUT of a disk beside {machines} machines", 100, lambda i: server.ask("PUT", f"{disks}x{i}", {"location": "westus"}))
    print(f"{'memory of the server':44} {server.rss_mib():10.1f} MiB")


def main():
    work = tempfile.mkdtemp(prefix="bootwarden-bench.")
    server = Server(f"{work}/data")
    try:
        measure(server, int(sys.argv[1]) if len(sys.argv) > 1 else 10000)
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        shutil.rmtree(work)


main()
