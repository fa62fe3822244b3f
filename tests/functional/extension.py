#!/usr/bin/env python3
"""The Guest Attestation extension, driven as Azure's guest agent drives one (tests/support/azure_agent.py):
the package that tools/extension-package makes, a real server, software TPMs. Docs:
docs/formats/extension.md.

Whatever status, heartbeat and event was ever written has been read and held against its schema.
"""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/support"))
from azure_agent import NAME, PATIENCE, Fault, Handler, Machine, need, wait_for  # noqa: E402
from world import BIN, Blocked, Gate, Proxy, World, closed_port  # noqa: E402

FAILED = re.escape(NAME) + r" provisioning failed\. "
world = World()
package = world.work / "extension.zip"
server = None
lane = threading.local()  # vm: the TPM of this lane's machines, of which one lives at a time
LANES = 3
scenarios = []


def scenario(function):
    scenarios.append(function)
    return function


def slow(function):
    """Waits out the retries of an attestation, 5, 10 and 20 seconds: begins first."""
    scenarios.remove(function)
    scenarios.insert(0, function)
    return function


def conf(*more, tpm=None):
    tpm = tpm or lane.vm
    return (f"tcti = {tpm['VTPM_TCTI']}", f"event-log = {tpm['VTPM_EVENT_LOG']}", f"ca = {server['BOOTWARDEN_CA']}", *more)


def reporting(url, attest="", **more):
    """The public settings, in the shape of the portal."""
    return {"AttestationConfig": {"MaaSettings": {"maaEndpoint": attest, "maaTenantName": "GuestAttestation"},
                                  "AscSettings": {"ascReportingEndpoint": url, "ascReportingFrequency": "", **more},
                                  "useCustomToken": "false", "disableAlerts": "false"}}


def expect_error(handler, code, words, sub, sequence=0, seconds=PATIENCE):
    status = handler.verdict(sequence, seconds)
    message = status["formattedMessage"]["message"]
    need(status["status"] == "error" and status["code"] == code, f"status {status}")
    need(re.match(FAILED + words, message), f"/{words}/ does not match: {message}")
    need(sub is None or handler.sub(sub, sequence)["code"] == code, f"no {sub} in {status}")


def expect_attested(handler, sequence=0):
    status = handler.verdict(sequence)
    need(status["status"] == "success" and status["code"] == 0 and status["operation"] == "Enable", f"status {status}")
    need(status["formattedMessage"]["message"].startswith("Boot integrity attested"), f"status {status}")
    for name in ("Vtpm", "Connectivity", "BootIntegrity"):
        need(handler.sub(name, sequence)["status"] == "success", f"{name} in {status}")


# ---- the package ----

@scenario
def the_package_is_small_whole_and_the_same_each_time(machine):
    again = world.work / "again.zip"
    make_package(again)
    need(again.read_bytes() == package.read_bytes(), "two packages of the same input differ")
    handler = Handler(machine(), package)
    manifest = json.loads((handler.folder / "HandlerManifest.json").read_text())
    need(len(manifest) == 1, "the manifest is no array of one")
    for name in ("install", "enable", "disable", "uninstall", "update"):
        need(manifest[0]["handlerManifest"][f"{name}Command"] == f"bin/handler {name}", f"{name}Command")
    for name, value in (("rebootAfterInstall", False), ("reportHeartbeat", True), ("continueOnUpdateFailure", False),
                        ("supportsMultipleExtensions", False), ("updateMode", "UpdateWithInstall")):
        need(manifest[0]["handlerManifest"][name] == value, name)
    need(manifest[0]["resourceLimits"]["services"][0]["name"] == "guestattestation.service", "resourceLimits")
    # What it carries is what it uses.
    loaded = subprocess.run(["ldd", handler.folder / "bin/bootwarden-agent"], capture_output=True, text=True, check=True,
                            env=os.environ | {"LD_LIBRARY_PATH": str(handler.folder / "lib")}).stdout
    for path in (handler.folder / "lib").iterdir():
        need("tcti-device" in path.name or str(path) in loaded, f"{path.name} is not used")
    need("not found" not in loaded, loaded)


# ---- a life ----

@scenario
def a_machine_goes_through_the_life_of_an_extension(machine):
    m = machine(*conf())
    h = Handler(m, package)
    h.settings(0, reporting(server["BOOTWARDEN_ENDPOINT"]))
    began = time.monotonic()
    h.first_install()
    need(time.monotonic() - began < 60, "install and enable take long")
    expect_attested(h)
    need(m.reader.statuses(h, 0)[0] == "transitioning", "no status in transition before the verdict")
    wait_for("a heartbeat that is ready", lambda: h.heartbeat() == "Ready")
    need((h.folder / "mrseq").read_text().strip() == "0", "mrseq")
    wait_for("a line in extension.log", lambda: "event=agent.round" in (m.logs / "extension.log").read_text())

    # Azure's agent starts anew: the same number again, nothing happens.
    before, service = (h.status_folder / "0.status").read_bytes(), m.service()
    began = time.monotonic()
    h.run("enable", words="enabled already")
    need(time.monotonic() - began < 10, "enabling again takes long")
    need(m.service() == service and (h.status_folder / "0.status").read_bytes() == before, "enabling again changed it")

    # Other settings, in the older shape.
    h.settings(1, {"AttestationEndpointCfg": {"maaEndpoint": "", "maaTenantName": "GuestAttestation",
                                              "ascReportingEndpoint": server["BOOTWARDEN_ENDPOINT"],
                                              "useAlternateToken": "false", "disableAlerts": "false"}})
    h.run("enable", sequence=1)
    expect_attested(h, 1)
    need(m.service() != service and (h.folder / "mrseq").read_text().strip() == "1", "the settings were not taken up")
    need(service[0] not in m.processes(), "the process of the older settings lives on")

    # The number is not said: the settings that were written last count, whatever their number.
    h.settings(7, reporting(server["BOOTWARDEN_ENDPOINT"]))
    os.utime(h.config / "1.settings")
    os.utime(h.config / "7.settings", (1, 1))
    h.run("enable", words="enabled already", ConfigSequenceNumber="")

    # Two at once.
    h.settings(2, reporting(server["BOOTWARDEN_ENDPOINT"]))
    both = [h.start("enable", 2), h.start("enable", 2)]
    for process in both:
        h.finish(process, "enable")
    expect_attested(h, 2)
    need(len(m.processes()) == 2, f"not one service: {m.processes()}")

    # The worker is killed: its keeper starts another. The keeper is killed: nothing stays behind.
    keeper, worker = m.service()
    os.kill(worker, signal.SIGKILL)
    wait_for("another worker", lambda: m.service() and m.service()[0] == keeper and m.service()[1] != worker)
    os.kill(keeper, signal.SIGKILL)
    wait_for("the end of the worker", lambda: not m.processes())
    h.run("enable", sequence=2)
    need(m.service() and m.service()[0] != keeper, "enabling does not start it again")

    # A reboot: what was good stays, until it is good again.
    h.verdict(2)
    m.reboot()
    n = len(m.reader.statuses(h, 2))
    h.run("enable", sequence=2)
    wait_for("a status after the reboot", lambda: len(m.reader.statuses(h, 2)) > n)
    need(set(m.reader.statuses(h, 2)[n:]) == {"success"}, f"after a reboot: {m.reader.statuses(h, 2)[n:]}")

    h.run("disable", sequence=2)
    need(not m.processes() and h.status(2)["operation"] == "Disable", "disabling leaves something")
    need(h.heartbeat() == "NotReady", "disabled, and ready")
    h.run("enable", sequence=2)
    expect_attested(h, 2)
    h.delete(2)
    need(not m.processes(), "deleting leaves a process")


@scenario
def settings_come_from_this_machine_when_none_are_deployed(machine):
    """az vm create installs without any: an empty file."""
    m = machine(*conf(f"server = {server['BOOTWARDEN_ENDPOINT']}"))
    h = Handler(m, package)
    h.settings(0)
    h.first_install()
    expect_attested(h)
    machines = json.loads(bootwarden("vm", "list", "-o", "json"))
    need("healthy" in json.dumps(machines), f"the server does not know the machine: {machines}")


@scenario
def a_bad_boot_is_a_finding_and_no_fault_of_the_extension(machine):
    tpm = world.boot("bad", "b-secureboot-off")
    h = Handler(machine(*conf(tpm=tpm)), package)
    h.settings(0, reporting(server["BOOTWARDEN_ENDPOINT"]))
    h.first_install()
    status = h.verdict()
    need(status["status"] == "success" and status["code"] == 0, f"status {status}")
    finding = h.sub("BootIntegrity")
    need(finding["status"] == "error" and "secure-boot-off" in finding["formattedMessage"]["message"], f"{finding}")
    need(h.sub("Connectivity")["status"] == "success", "connectivity")
    wait_for("a heartbeat that is ready", lambda: h.heartbeat() == "Ready")


# ---- updates ----

@scenario
def an_update_keeps_what_was_known(machine):
    m = machine(*conf())
    a, b = Handler(m, package, "1.0.0.1"), Handler(m, package, "1.0.0.2")
    a.settings(3, reporting(server["BOOTWARDEN_ENDPOINT"]))
    a.first_install(3)
    expect_attested(a, 3)
    (a.folder / "state/queue/00000000000000000007.json").write_text('{"outcome":"unreachable"}')
    b.update_from(a, 3)
    need(set(m.reader.statuses(b, 3)) == {"success"}, f"the update was not quiet: {m.reader.statuses(b, 3)}")
    need((b.folder / "state").is_dir() and not (a.folder / "state").exists(), "reports that wait did not come along")
    wait_for("the service of the new version", lambda: m.service() and str(b.folder).encode() in
             pathlib.Path(f"/proc/{m.service()[0]}/cmdline").read_bytes())
    need(len(m.processes()) == 2, "more than one service")
    shutil.rmtree(a.folder)
    b.run("enable", sequence=3, words="enabled already")
    wait_for("the report that waited to be sent", lambda: not list((b.folder / "state/queue").glob("*.json")))
    b.delete(3)


@scenario
def an_update_that_races_the_installation_ends_well(machine):
    """enableAutomaticUpgrade at the first deployment: the new version comes while the old one is still in
    transition, and inherits a status that nobody would end (missionlz#1116)."""
    gate = Gate(int(server["BOOTWARDEN_ENDPOINT"].rsplit(":", 1)[1]))
    m = machine(*conf())
    a, b = Handler(m, package, "1.0.0.1"), Handler(m, package, "1.0.0.2")
    a.settings(0, reporting(f"https://localhost:{gate.port}"))
    a.run("install")
    enabling = a.start("enable")
    wait_for("a status in transition", lambda: a.status())
    b.update_from(a)
    a.finish(enabling, "enable")
    need(b.status()["status"] == "transitioning", f"{b.status()}")
    need(m.service() and len(m.processes()) == 2, "not one service")
    gate.open()
    expect_attested(b)
    b.delete()


# ---- what the extension cannot mend ----

@scenario
def no_vtpm_is_52(machine):
    m = machine("tcti = device:/dev/none", f"server = {server['BOOTWARDEN_ENDPOINT']}")
    h = Handler(m, package)
    h.settings(0)
    h.run("install")
    h.run("enable", 52, FAILED + "No vTPM to attest with: .*/dev/none does not exist.*Turn on Trusted Launch")
    expect_error(h, 52, "No vTPM", "Vtpm")
    need(h.heartbeat() == "NotReady" and not m.processes(), "no vTPM, and yet something runs")
    # It is given one: the same number again, and it goes on.
    m.set_conf(*conf(f"server = {server['BOOTWARDEN_ENDPOINT']}"))
    h.run("enable")
    expect_attested(h)


@scenario
def bad_settings_are_53_and_named(machine):
    m = machine(*conf())
    h = Handler(m, package)
    h.run("install")
    cases = [
        ("{", r"is not valid JSON|config/0"),
        ('{"runtimeSettings":[]}', "runtimeSettings"),
        ('{"runtimeSettings":[{"handlerSettings":{"publicSettings":[]}}]}', "publicSettings"),
        (reporting("http://example.org"), "ascReportingEndpoint.* https://"),
        (reporting("", attest="sharedeus"), "maaEndpoint.* https://"),
        (reporting("https://h", ascReportingFrequency="1"), 'ascReportingFrequency.*"5" to "1440"'),
        ({"AttestationConfig": {"useCustomToken": "perhaps"}}, "useCustomToken"),
    ]
    for sequence, (settings, words) in enumerate(cases):
        text = settings if isinstance(settings, str) else None
        h.settings(sequence, None if text else settings, text=text)
        h.run("enable", 53, FAILED + rf"Settings not usable: config/{sequence}\.settings.*({words})", sequence)
        expect_error(h, 53, "Settings not usable", "Settings", sequence)
    h.run("enable", 53, "ConfigSequenceNumber is no number", ConfigSequenceNumber="1x")
    m.set_conf("server https://h")
    h.settings(20)
    h.run("enable", 53, r"Settings not usable: \S*/agent\.conf:1: there is no setting", 20)
    need(not m.processes(), "bad settings, and yet something runs")
    # After good ones: what runs goes on, until there are good ones again.
    m.set_conf(*conf())
    h.settings(30, reporting(server["BOOTWARDEN_ENDPOINT"]))
    h.run("enable", sequence=30)
    expect_attested(h, 30)
    service = m.service()
    h.settings(31, reporting("ftp://example.org"))
    for _ in range(2):
        h.run("enable", 53, FAILED, 31)
        expect_error(h, 53, "Settings not usable", "Settings", 31)
    need(m.service() == service, "a slip of the pen ends the monitoring")
    h.settings(32, reporting(server["BOOTWARDEN_ENDPOINT"]))
    h.run("enable", sequence=32)
    expect_attested(h, 32)


@scenario
def what_the_program_cannot_run_on_is_51_and_52(machine):
    m = machine(*conf())
    h = Handler(m, package)
    h.settings(0, reporting(server["BOOTWARDEN_ENDPOINT"]))
    tools = world.work / "tools"
    tools.mkdir()
    (tools / "uname").write_text('#!/bin/sh\ncase $1 in -s) echo Linux ;; *) echo vax ;; esac\n')
    (tools / "uname").chmod(0o755)
    vax = {"PATH": f"{tools}:{os.environ['PATH']}"}
    for operation in ("install", "enable", "update"):
        h.run(operation, 51, FAILED + "Unsupported operating system: Test Linux 1. Its processor is vax", **vax)
        expect_error(h, 51, "Unsupported operating system", None)
    h.run("disable", **vax)
    h.run("uninstall", **vax)
    (m.root / "etc/os-release").unlink()
    for operation in ("install", "enable"):
        h.run(operation, 51, FAILED + "Unsupported operating system: .*os-release")
        expect_error(h, 51, "Unsupported", None)
    (m.root / "etc/os-release").write_text("NAME=Test\n")

    library, program = h.folder / "lib/libyyjson.so.0", h.folder / "bin/bootwarden-agent"
    good, library_bytes = program.read_bytes(), library.read_bytes()
    library.write_text("no library")
    h.run("enable", 52, FAILED + r"Missing dependency: \S*libyyjson.so.0\. ")
    expect_error(h, 52, "Missing dependency", None)
    library.write_bytes(library_bytes)
    program.write_bytes(b"\x7fELF of another world")
    h.run("enable", 51, FAILED + "Unsupported operating system: .*The program does not start")
    expect_error(h, 51, "Unsupported", None)
    program.write_bytes(good)
    h.run("enable")
    expect_attested(h)


@scenario
def what_is_not_reached_is_named(machine):
    """The extension is enabled, and its status tells which address, why, and what to do."""
    m = machine(*conf())
    h = Handler(m, package)
    h.run("install")
    port, blocked = closed_port(), Blocked()
    for sequence, (settings, words) in enumerate([
            (reporting(f"https://localhost:{port}"), rf"Guest endpoint unreachable: localhost:{port}\. Connection refused\. \w.*\.$"),
            (reporting(f"https://127.0.0.1:{blocked.port}"),
             rf"Guest endpoint unreachable: 127\.0\.0\.1:{blocked.port}\. [Cc]onnection timed out.*\. Allow "),
    ]):
        h.settings(sequence, settings)
        h.run("enable", sequence=sequence)
        expect_error(h, 1100, words, "Connectivity", sequence)
        need(h.sub("Vtpm", sequence)["status"] == "success", "the TPM is well")
        need("--" not in h.status(sequence)["formattedMessage"]["message"], "words of a command line")
    # The address of another CA's server.
    m.set_conf(*conf()[:2], f"ca = {SOURCE}/tests/vectors/boots/a-secureboot-healthy/ca_root.pem")
    h.settings(9, reporting(server["BOOTWARDEN_ENDPOINT"]))
    h.run("enable", sequence=9)
    expect_error(h, 1100, r"Guest endpoint not trusted: localhost:\d+\. .*agent\.conf", "Connectivity", 9)
    # It becomes reachable, and nobody has to do anything: the service tries again.
    keeper, worker = m.service()
    h.delete(9)
    need(not m.processes(), "something runs on")


@slow
@scenario
def azure_form_without_an_endpoint_to_report_to(machine):
    """maaEndpoint alone: attestation in Azure's form, results in the status file only."""
    m = machine(*conf())
    h = Handler(m, package)
    h.settings(0, reporting("", attest=server["BOOTWARDEN_ENDPOINT"] + "/"))
    h.first_install()
    expect_attested(h)
    port = closed_port()
    h.settings(1, reporting("", attest=f"https://localhost:{port}"))
    h.run("enable", sequence=1)
    expect_error(h, 1100, rf"Attestation endpoint unreachable: localhost:{port}\. Connection refused\. ", "Connectivity", 1)


class Metadata(http.server.BaseHTTPRequestHandler):
    answer = {}

    def do_GET(self):
        good = self.headers.get("Metadata") == "true" and self.path.startswith("/metadata/instance/compute?api-version=")
        body = json.dumps(self.answer).encode()
        self.send_response(200 if good else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@slow
@scenario
def on_azure_the_region_says_which_provider(machine):
    """No settings anywhere. The metadata service is asked without a proxy, the provider through it; the
    proxy comes from protected settings, with its password."""
    metadata = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    proxy, dead = Proxy(), f"http://127.0.0.1:{closed_port()}"
    tpm = world.boot("fresh", "a-secureboot-healthy")
    m = machine(*conf(tpm=tpm)[:2], http_proxy=dead, BOOTWARDEN_METADATA=f"http://127.0.0.1:{metadata.server_port}")
    h = Handler(m, package)
    thumbprint = m.certificate()
    Metadata.answer = {"location": "nowhere", "azEnvironment": "AzurePublicCloud"}
    h.settings(0)
    h.first_install()
    expect_error(h, 53, "No attestation endpoint: http://127.0.0.1:.*region 'nowhere'.*Set maaEndpoint", "Settings")
    Metadata.answer = {"location": "westeurope", "azEnvironment": "AzurePublicCloud"}
    # A TPM without what Azure puts there: nobody at Azure lets it join.
    h.settings(3)
    h.run("enable", sequence=3)
    expect_error(h, 52, "No attestation key certificate: NV index 0x01c101d0 of the TPM.*Trusted Launch", "Vtpm", 3)
    # It gets one, from another service than Azure.
    m.set_conf(*conf(tpm=tpm))
    h.settings(4, reporting(server["BOOTWARDEN_ENDPOINT"]))
    h.run("enable", sequence=4)
    expect_attested(h, 4)
    m.set_conf(*conf(tpm=tpm)[:2], f"proxy = {dead}")
    secret = f"http://somebody:s3cret%21@127.0.0.1:{proxy.port}"
    h.settings(1, {}, m.protect(thumbprint, {"proxyUrl": secret}), thumbprint)
    h.run("enable", sequence=1)
    wait_for("a word to the proxy", lambda: any("Proxy-Authorization" in each for each in proxy.requests))
    request = proxy.requests[-1]
    need(request.startswith("CONNECT sharedweu.weu.attest.azure.net:443 "), request)
    need("Proxy-Authorization: Basic c29tZWJvZHk6czNjcmV0IQ==" in request, request)
    expect_error(h, 1100, r"Attestation endpoint unreachable: sharedweu\.weu\.attest\.azure\.net:443\. ", "Connectivity", 1)
    for path in [*m.root.rglob("*.log"), *m.root.rglob("*.status"), *m.root.rglob("*.json")]:
        need("s3cret" not in path.read_text(), f"the password is in {path}")
    # Neither settings nor a metadata service: this is no Azure.
    metadata.shutdown()
    metadata.server_close()
    h.settings(2)
    h.run("enable", sequence=2)
    expect_error(h, 1100, rf"Instance metadata service unreachable.*127\.0\.0\.1:{metadata.server_port}\. Connection refused\. On "
                 "Azure", "Connectivity", 2)


@scenario
def protected_settings_carry_the_join_token(machine):
    strict = world.server("strict", "--join", "approval")
    shutil.copy(lane.vm["VTPM_CA"], strict["data"] / "trust/ek/lab.pem")
    tpm = world.boot("web", "a-secureboot-healthy")
    m = machine(*conf(tpm=tpm)[:2], f"ca = {strict['BOOTWARDEN_CA']}", "name = web")
    h = Handler(m, package)
    h.run("install")
    thumbprint = m.certificate()
    settings = reporting(strict["BOOTWARDEN_ENDPOINT"])
    good = m.protect(thumbprint, {"joinToken": "bwj_of_nobody"})
    other = m.certificate()
    for sequence, (protected, named, words) in enumerate([
            (good, "00" * 20, r"protectedSettings\. \S*/0{40}\.crt cannot open"),
            (good, "../../x", "protectedSettingsCertThumbprint. must be 40 hex"),
            (good, other, "protectedSettings. cannot be decrypted"),
            (good[:-8] + "AAAA" + good[-4:], thumbprint, "protectedSettings"),
            ("no base64", thumbprint, "protectedSettings. must be base64"),
            (m.protect(thumbprint, {"joinTokn": "secret-word"}), thumbprint, "protectedSettings.*joinTokn"),
            (m.protect(thumbprint, {"joinToken": 17}), thumbprint, r"protectedSettings\.joinToken\. must be a string"),
            (m.protect(thumbprint, ["secret-word"]), thumbprint, "protectedSettings"),
    ]):
        h.settings(sequence, settings, protected, named)
        h.run("enable", 53, FAILED + "Settings not usable: .*" + words, sequence)
        need("secret-word" not in json.dumps(h.status(sequence)), "a secret is told")
    # Without a token it waits for an owner; with one it is let in.
    h.settings(20, settings)
    h.run("enable", sequence=20)
    expect_error(h, 1101, "This machine waits for an owner: .*bootwarden vm admit", "Enrolment", 20)
    said = json.loads(bootwarden("vm", "announce", "web", "-o", "json", env=strict))
    token = next(value for value in said.values() if isinstance(value, str) and value.startswith("bwj_"))
    h.settings(21, settings, m.protect(thumbprint, {"joinToken": token}), thumbprint)
    h.run("enable", sequence=21)
    expect_attested(h, 21)
    for path in [*m.root.rglob("*.log"), *m.root.rglob("*.status"), *m.root.rglob("*.json")]:
        need(token not in path.read_text(), f"the token is in {path}")


# ---- when things stand still ----

@scenario
def a_service_that_hangs_does_not_hold_a_deployment(machine):
    gate = Gate(int(server["BOOTWARDEN_ENDPOINT"].rsplit(":", 1)[1]))
    m = machine(*conf(), BOOTWARDEN_VERDICT_SECONDS="3")
    h = Handler(m, package)
    h.settings(0, reporting(f"https://localhost:{gate.port}"))
    h.first_install()
    wait_for("the worker to be at it", lambda: gate.n_taken > 0)
    os.kill(m.service()[1], signal.SIGSTOP)
    expect_error(h, 1, r"No verdict: the service does not answer in time\. Look into .*extension\.log", "Service", seconds=20)
    gate.open()
    h.run("disable")  # one that stands still is ended as well
    need(not m.processes(), "the process that hung is still there")


@scenario
def what_was_said_of_a_boot_is_not_said_of_the_next(machine):
    gate = Gate(int(server["BOOTWARDEN_ENDPOINT"].rsplit(":", 1)[1]))
    gate.open()
    m = machine(*conf(), BOOTWARDEN_VERDICT_SECONDS="10")
    h = Handler(m, package)
    h.settings(0, reporting(f"https://localhost:{gate.port}"))
    h.first_install()
    expect_attested(h)
    m.reboot()
    gate.shut()
    h.run("enable")
    need(h.status()["status"] == "success", "what was said stays until something is known")
    wait_for("a verdict of this boot", lambda: h.status()["status"] != "success", 30)
    expect_error(h, 1, r"No verdict: the service does not answer in time\.", "Service")
    gate.open()


@scenario
def a_service_that_never_comes_up_is_told_by_enabling(machine):
    m = machine(*conf())
    h = Handler(m, package)
    h.settings(0, reporting(server["BOOTWARDEN_ENDPOINT"]))
    h.run("install")
    real = h.folder / "bin/handler.real"
    (h.folder / "bin/handler").rename(real)
    (h.folder / "bin/handler").write_text(f'#!/bin/sh\n[ "$1" = run ] && exit 0\nexec {real} "$@"\n')
    (h.folder / "bin/handler").chmod(0o755)
    began = time.monotonic()
    h.run("enable", 1, FAILED + "The service does not start: .*did not come up in 15 seconds")
    need(time.monotonic() - began < 120, "enabling takes too long to say so")
    expect_error(h, 1, "The service does not start", "Service")
    # One that starts and falls: three times, and the status says so.
    (h.folder / "bin/handler").unlink()
    real.rename(h.folder / "bin/handler")
    gate = Gate(1)
    h.settings(1, reporting(f"https://localhost:{gate.port}"))
    h.run("enable", sequence=1)
    for n in range(3):
        wait_for("a worker", lambda: gate.n_taken > n and m.service())
        os.kill(m.service()[1], signal.SIGKILL)
    expect_error(h, 1, "No verdict: the service ended 3 times by itself, last with killed by signal 9", "Service", 1)


# ---- systemd ----

@scenario
def under_systemd_it_is_a_unit(machine):
    """With a systemctl that does for this one unit what the real one does."""
    tools = world.work / "systemd"
    tools.mkdir()
    (tools / "systemctl").write_text((SOURCE / "tests/support/systemctl.py").read_text())
    (tools / "systemctl").chmod(0o755)
    m = machine(*conf(), PATH=f"{tools}:{os.environ['PATH']}", SYSTEMCTL_LOG=str(world.work / "systemctl.log"))
    units = m.root / "run/systemd/system"
    units.mkdir(parents=True)
    a, b = Handler(m, package, "1.0.0.1"), Handler(m, package, "1.0.0.2")
    unit = units / "guestattestation.service"
    a.settings(0, reporting(server["BOOTWARDEN_ENDPOINT"]))
    a.first_install()
    need(f"ExecStart={a.folder}/bin/handler run --extension {a.folder}\n" in unit.read_text(), unit.read_text())
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    need("guestattestation" not in said.stderr, said.stderr)
    expect_attested(a)
    b.update_from(a)
    need(str(a.folder) not in unit.read_text() and str(b.folder) in unit.read_text(), "the unit of the older version")
    expect_attested(b)
    b.delete()
    need(not unit.exists() and not m.processes(), "uninstalling leaves the unit")
    # A systemd that does not get it up: it runs without.
    c = Handler(m, package, "1.0.0.3")
    c.settings(0, reporting(server["BOOTWARDEN_ENDPOINT"]))
    c.run("install", SYSTEMCTL_FAILS="yes")
    c.run("enable", SYSTEMCTL_FAILS="yes")
    expect_attested(c)
    c.run("disable", SYSTEMCTL_FAILS="yes")
    need(not m.processes(), "disabling leaves a process")


# ---- running them ----

def bootwarden(*words, env=None):
    done = subprocess.run([BIN / "bootwarden", *words], capture_output=True, text=True, timeout=60,
                          env=os.environ | {name: str(value) for name, value in (env or server).items()})
    need(done.returncode == 0, f"bootwarden {words}: {done.stderr}")
    return done.stdout


def make_package(path):
    tool = [SOURCE / "tools/extension-package", "--bin", BIN, "--output"]
    subprocess.run([*tool, path], check=True, capture_output=True)
    done = subprocess.run([*tool, "/nonexist/x.zip"], capture_output=True, text=True)
    need(done.returncode == 1 and done.stderr.startswith("extension-package: the folder /nonexist does not exist") and
         done.stderr.count("\n") == 1, done.stderr)


def run(function, number):
    machines = []

    def machine(*lines, **environment):
        machines.append(Machine(world.work / f"root{number}", lines, **environment))
        return machines[-1]

    fault = None
    began = time.monotonic()
    try:
        function(machine)
    except Exception as error:  # pylint: disable=broad-except
        fault = error if isinstance(error, Fault) else traceback.format_exc()
    logs = [m.logs / "extension.log" for m in machines]
    faults = [each for m in machines for each in m.end()] + ([fault] if fault else [])
    words = [f"FAULT: {function.__name__}: {each}" for each in faults]
    for log in logs if faults else []:
        words += log.read_text().splitlines()[-12:] if log.exists() else [f"no {log}"]
    words.append(f"{'FAILED' if faults else 'ok'} {function.__name__} ({time.monotonic() - began:.1f} s)")
    print("\n".join(words), flush=True)
    return not faults


def run_lane(tpm, todo, results):
    lane.vm = tpm
    while True:
        try:
            number, function = todo.pop(0)
        except IndexError:
            return
        results.append(run(function, number))


def main():
    global server
    results = []
    chosen = [each for each in scenarios if not sys.argv[1:] or any(word in each.__name__ for word in sys.argv[1:])]
    try:
        make_package(package)
        tpms = [world.boot(f"vm{n}", "a-secureboot-healthy") for n in range(min(LANES, len(chosen)))]
        server = world.server("data")
        shutil.copy(tpms[0]["VTPM_CA"], server["data"] / "trust/ek/lab.pem")
        todo = list(enumerate(chosen))
        lanes = [threading.Thread(target=run_lane, args=(tpm, todo, results)) for tpm in tpms]
        for each in lanes:
            each.start()
        for each in lanes:
            each.join()
    finally:
        world.end()
    sys.exit(0 if len(results) == len(chosen) and all(results) else 1)


if __name__ == "__main__":
    main()
