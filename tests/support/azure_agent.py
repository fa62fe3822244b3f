"""Azure's Linux guest agent by its documented contract, as far as an extension sees it: folders,
HandlerEnvironment.json, settings, environment and time limits of commands, their order, and what it
reads back. All of it below a folder of the test's own.

Every status file, heartbeat and event that is ever written is read by a thread of its own while
commands and services run, and held against its schema.
"""
import base64
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import zipfile

NAME = "Microsoft.Azure.Security.LinuxAttestation.GuestAttestation"
LIMITS = {"install": 900, "enable": 300, "disable": 900, "update": 900, "uninstall": 300}
HEARTBEAT_AGE_MAX = 300
PATIENCE = 270  # a verdict comes in five minutes; a busy machine's TPM takes a while to make keys


class Fault(AssertionError):
    pass


def need(condition, words):
    if not condition:
        raise Fault(words)


def wait_for(what, condition, seconds=PATIENCE):
    """What condition returns, once that is true."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Fault(f"not in {seconds} s: {what}")
        time.sleep(0.02)


# ---- schemas ----

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def check_message(message, what):
    need(isinstance(message, dict) and set(message) == {"lang", "message"}, f"{what}: formattedMessage {message}")
    need(all(isinstance(text, str) and text for text in message.values()), f"{what}: empty formattedMessage")
    need(len(message["message"]) <= 1024, f"{what}: the message is cut by the guest agent")


def check_status(text):
    need(len(text) <= 128 * 1024, "larger than 128 KiB")
    document = json.loads(text)
    need(isinstance(document, list) and len(document) == 1, "no array of one")
    top = document[0]
    need(set(top) == {"version", "timestampUTC", "status"}, f"members {set(top)}")
    need(top["version"] == "1.0" and TIME.fullmatch(top["timestampUTC"]), "version or time")
    status = top["status"]
    need(set(status) == {"name", "operation", "configurationAppliedTime", "status", "code", "formattedMessage",
                         "substatus"}, f"members {set(status)}")
    need(status["name"] == NAME and TIME.fullmatch(status["configurationAppliedTime"]), "name or time")
    need(status["operation"] in ("Install", "Enable", "Update", "Disable"), f"operation {status['operation']}")
    for each in [status, *status["substatus"]]:
        need(each["status"] in ("transitioning", "warning", "error", "success"), f"status {each['status']}")
        is_zero = {"success": True, "transitioning": True, "error": False, "warning": each["code"] == 0}
        need(isinstance(each["code"], int) and (each["code"] == 0) == is_zero[each["status"]],
             f"code {each['code']} of {each['status']}")
        check_message(each["formattedMessage"], each["name"])
    for each in status["substatus"]:
        need(set(each) == {"name", "status", "code", "formattedMessage"}, f"substatus members {set(each)}")
    return document


def check_heartbeat(text):
    document = json.loads(text)
    need(isinstance(document, list) and len(document) == 1, "no array of one")
    need(set(document[0]) == {"version", "heartbeat"} and document[0]["version"] == 1.0, "version")
    beat = document[0]["heartbeat"]
    need(set(beat) == {"status", "code", "formattedMessage"}, f"members {set(beat)}")
    need(beat["status"] in ("Ready", "NotReady", "Installing", "Unresponsive"), f"status {beat['status']}")
    need(isinstance(beat["code"], int), "code")
    check_message(beat["formattedMessage"], "heartbeat")
    return document


def check_event(text):
    need(len(text) <= 6 * 1024, "larger than 6 KiB")
    event = json.loads(text)
    need(set(event) == {"Version", "Timestamp", "TaskName", "EventLevel", "Message", "EventPid", "EventTid",
                        "OperationId"}, f"members {set(event)}")
    need(all(isinstance(value, str) for value in event.values()), "values that are no strings")
    need(event["EventLevel"] in ("Informational", "Warning", "Error"), event["EventLevel"])
    datetime.datetime.strptime(event["Timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    return event


class Reader(threading.Thread):
    """Reads what appears in the folders of handlers, as soon as it does."""

    def __init__(self):
        super().__init__(daemon=True)
        self.folders, self.seen, self.faults, self.history = [], {}, [], []
        self.ended = threading.Event()

    def look(self, path, check):
        try:
            state = path.stat()
            key = (state.st_ino, state.st_mtime_ns, state.st_size)
            if self.seen.get(path) == key:
                return
            text = path.read_bytes()
        except FileNotFoundError:
            return
        self.seen[path] = key
        if path.suffix == ".settings":
            return
        try:
            self.history.append((path, check(text)))
        except (Fault, ValueError, KeyError, TypeError) as fault:
            self.faults.append(f"{path}: {fault!r} in {text[:600]!r}")

    def round(self):
        for handler in list(self.folders):
            for path in handler.status_folder.glob("*.status"):
                self.look(path, check_status)
            self.look(handler.folder / "heartbeat.log", check_heartbeat)
            for path in handler.machine.events.glob("*.json"):
                self.look(path, check_event)

    def run(self):
        while not self.ended.wait(0.002):
            self.round()

    def end(self):
        self.ended.set()
        self.join()
        self.round()

    def statuses(self, handler, sequence):
        """The words that this status file has had, one after the other."""
        return [document[0]["status"]["status"] for path, document in list(self.history)
                if path == handler.status_folder / f"{sequence}.status"]


# ---- a machine ----

class Machine:
    """A root of its own: etc, run, var. conf: lines of /etc/bootwarden/agent.conf."""

    def __init__(self, root, conf=(), **environment):
        self.root = pathlib.Path(root)
        self.library = self.root / "var/lib/waagent"
        self.logs = self.root / "var/log/azure" / NAME
        self.events = self.logs / "events"
        for folder in (self.library, self.events, self.root / "etc/bootwarden", self.root / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / "etc/os-release").write_text('NAME="Test"\nPRETTY_NAME="Test Linux 1"\nVERSION_ID="1"\n')
        self.set_conf(*conf)
        keep = ("PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "LANG")
        self.environment = {name: os.environ[name] for name in keep if name in os.environ}
        # Nothing on this machine may be asked for where it is: what a test needs, it says.
        self.environment |= {"BOOTWARDEN_ROOT": str(self.root), "BOOTWARDEN_METADATA": "http://127.0.0.1:1"} | environment
        self.reader = Reader()
        self.reader.start()

    def set_conf(self, *lines):
        (self.root / "etc/bootwarden/agent.conf").write_text("".join(line + "\n" for line in lines))

    def certificate(self):
        """One as the guest agent keeps it, for protected settings: its thumbprint."""
        cert, key = self.library / "new.crt", self.library / "new.prv"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "2", "-subj",
                        "/CN=LinuxTransport", "-keyout", key, "-out", cert], check=True, capture_output=True)
        words = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha1"], check=True,
                               capture_output=True, text=True).stdout
        thumbprint = words.split("=")[1].strip().replace(":", "")
        cert.rename(self.library / f"{thumbprint}.crt")
        key.rename(self.library / f"{thumbprint}.prv")
        return thumbprint

    def protect(self, thumbprint, settings):
        sealed = subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-aes256",
                                 self.library / f"{thumbprint}.crt"], input=json.dumps(settings).encode(), check=True,
                                capture_output=True).stdout
        return base64.b64encode(sealed).decode()

    def service(self):
        """(keeper, worker) from the lock's file; None when nobody runs."""
        try:
            keeper = int((self.root / "run/bootwarden-extension/service.lock").read_text().split("\n")[0])
            children = pathlib.Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
            line = pathlib.Path(f"/proc/{keeper}/cmdline").read_bytes()
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        if f"{self.root}/".encode() not in line or not children:
            return None
        return keeper, int(children[0])

    def processes(self):
        """All that have this root in their command line, but for those that end already."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if f"{self.root}/".encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def reboot(self):
        """All processes end at once, and what was in /run is gone."""
        self.kill_all()
        shutil.rmtree(self.root / "run")
        (self.root / "run").mkdir()

    def kill_all(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for("the end of all processes", lambda: not self.processes())

    def end(self):
        self.kill_all()
        self.reader.end()
        return self.reader.faults


class Handler:
    """One version of the extension on a machine."""

    def __init__(self, machine, package, version="1.0.0.1"):
        self.machine, self.version = machine, version
        self.folder = machine.library / f"{NAME}-{version}"
        self.status_folder, self.config = self.folder / "status", self.folder / "config"
        with zipfile.ZipFile(package) as file:
            file.extractall(self.folder)  # without the modes, as the guest agent does
        for path in self.folder.rglob("*"):
            if path.is_file():
                path.chmod(path.stat().st_mode | 0o100)
        self.manifest = json.loads((self.folder / "HandlerManifest.json").read_text())[0]["handlerManifest"]
        for folder in (self.status_folder, self.config):
            folder.mkdir(mode=0o700)
        (self.folder / "HandlerEnvironment.json").write_text(json.dumps([{
            "name": NAME, "version": 1.0, "handlerEnvironment": {
                "logFolder": str(machine.logs), "configFolder": str(self.config),
                "statusFolder": str(self.status_folder), "heartbeatFile": str(self.folder / "heartbeat.log"),
                "eventsFolder": str(machine.events), "eventsFolder_preview": str(machine.events)}}]))
        machine.reader.folders.append(self)

    def settings(self, sequence, public=None, protected=None, thumbprint=None, text=None):
        """The file that the guest agent writes; public None: no settings at all, an empty file."""
        if text is None:
            text = "" if public is None and protected is None else json.dumps({"runtimeSettings": [{"handlerSettings": {
                "publicSettings": public, "protectedSettings": protected,
                "protectedSettingsCertThumbprint": thumbprint}}]})
        (self.config / f"{sequence}.settings").write_text(text)

    def start(self, operation, sequence=0, **environment):
        """The command, begun: through a shell, in the handler's folder, in a process group of its own."""
        environment = self.machine.environment | {
            "AZURE_GUEST_AGENT_EXTENSION_PATH": str(self.folder), "AZURE_GUEST_AGENT_EXTENSION_VERSION": self.version,
            "ConfigSequenceNumber": str(sequence), "AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS": "168.63.129.16",
            "AZURE_GUEST_AGENT_EXTENSION_SUPPORTED_FEATURES": "[]"} | environment
        return subprocess.Popen(self.manifest[f"{operation}Command"], shell=True, cwd=self.folder, env=environment,
                                start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, operation, code=0, words=""):
        """Its end; words: a pattern in what it says on standard error (or output, when it succeeds)."""
        try:
            out, err = process.communicate(timeout=LIMITS[operation])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Fault(f"{operation} overruns its {LIMITS[operation]} s")
        need(process.returncode == code, f"{operation}: exit {process.returncode}, wanted {code}: {out}{err}")
        said = err if code else out
        need(re.search(words, said), f"{operation}: /{words}/ is not in: {said}")
        return said

    def run(self, operation, code=0, words="", sequence=0, **environment):
        return self.finish(self.start(operation, sequence, **environment), operation, code, words)

    # ---- what the guest agent reads ----

    def status(self, sequence=0):
        try:
            return json.loads((self.status_folder / f"{sequence}.status").read_text())[0]["status"]
        except FileNotFoundError:
            return None

    def heartbeat(self):
        path = self.folder / "heartbeat.log"
        need(time.time() - path.stat().st_mtime <= HEARTBEAT_AGE_MAX, "the heartbeat is old")
        return json.loads(path.read_text())[0]["heartbeat"]["status"]

    def sub(self, name, sequence=0):
        status = self.status(sequence)
        return next((each for each in status["substatus"] if each["name"] == name), None) if status else None

    def verdict(self, sequence=0, seconds=PATIENCE):
        """The status, once it is final."""
        wait_for(f"a final status {sequence} of {self.version}",
                 lambda: (self.status(sequence) or {"status": "transitioning"})["status"] != "transitioning", seconds)
        return self.status(sequence)

    # ---- orders of commands ----

    def first_install(self, sequence=0):
        self.run("install", sequence=sequence)
        need((self.folder / "heartbeat.log").exists(), "no heartbeat when install returns")
        self.run("enable", sequence=sequence)

    def copy_from(self, other):
        for path in [*other.config.glob("*.settings"), *other.status_folder.glob("*.status")]:
            target = self.folder / path.parent.name / path.name
            shutil.copy2(path, f"{target}.new")  # whole, for our reader
            os.rename(f"{target}.new", target)
        if (other.folder / "mrseq").exists():
            shutil.copy2(other.folder / "mrseq", self.folder / "mrseq")

    def update_from(self, other, sequence=0):
        self.copy_from(other)
        codes = {"AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE": "0"}
        versions = {"VERSION": self.version, "AZURE_GUEST_AGENT_UPDATING_FROM_VERSION": other.version}
        other.run("disable", sequence=sequence)
        self.run("update", sequence=sequence, **versions, **codes)
        other.run("uninstall", sequence=sequence)
        codes["AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE"] = "0"
        if self.manifest.get("updateMode", "updatewithinstall").lower() == "updatewithinstall":
            self.run("install", sequence=sequence, **versions, **codes)
        self.run("enable", sequence=sequence, **codes)

    def delete(self, sequence=0):
        self.run("disable", sequence=sequence)
        self.run("uninstall", sequence=sequence)
        shutil.rmtree(self.folder)
