#!/usr/bin/env python3
"""The EXAMPLES of every manual page, typed in order into one shell, with the programs in PATH.

Replaced are only folders in /tmp and /var/lib (by one of our own), the kernel's event log (by a
recorded one: a machine that runs tests may have none) and, in a configuration, addresses that are
not here. Commands for an operator find a machine of the name that they use. An example must end with
0, unless the text before it says which exit status it has.
"""
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

source = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
bin_folder = os.environ["BOOTWARDEN_BIN"]
KERNEL_LOG = "/sys/kernel/security/tpm0/binary_bios_measurements"
BOOT = "tests/vectors/boots/a-secureboot-healthy"
RECORDED_LOG = source / BOOT / "eventlog.bin"
LIMIT_S = 120


def plain(line):
    for roff, character in (("\\&", ""), ("\\e", "\\"), ("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`")):
        line = line.replace(roff, character)
    return line


def examples(page):
    """(words before, text) of each display in the EXAMPLES section."""
    section = re.search(r"^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", page.read_text(), re.M | re.S)
    words, block, found = [], None, []
    for line in section.group(1).splitlines() if section else []:
        if line.startswith(".Bd"):
            block = []
        elif line == ".Ed":
            found.append((" ".join(words), "\n".join(block)))
            words, block = [], None
        elif block is not None:
            block.append(plain(line))
        else:
            words.append(line)
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Page:
    def __init__(self, page, folder):
        self.name = page.name
        self.folder = pathlib.Path(folder)
        self.environment = dict(os.environ, PATH=f"{bin_folder}:{os.environ['PATH']}",
                                PKG_CONFIG_PATH=f"{bin_folder}/../pkgconfig")  # the library of this build
        for name in ("BOOTWARDEN_ENDPOINT", "BOOTWARDEN_CA", "BOOTWARDEN_BIN"):
            self.environment.pop(name, None)
        self.shell = subprocess.Popen(
            ["bash"], cwd=source, env=self.environment, stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.servers = []
        self.machines = set()
        self.faults = 0

    def here(self, text):
        return text.replace("/tmp/", f"{self.folder}/").replace(KERNEL_LOG, str(RECORDED_LOG))

    def fault(self, example, words):
        self.faults += 1
        print(f"FAULT: {self.name}: {words}\n  {example}")

    def serve(self, arguments, example):
        """The terminal in which a server runs: until it says that it is ready."""
        log = open(self.folder / "server.log", "w+")
        server = subprocess.Popen(arguments, env=self.environment, cwd=source, text=True,
                                  stdout=subprocess.PIPE, stderr=log)
        self.servers.append(server)
        ready, _, _ = select.select([server.stdout], [], [], LIMIT_S)
        if not ready or not server.stdout.readline().startswith("ready "):
            log.seek(0)
            self.fault(example, f"the server is not ready: {log.read()[-400:]}")

    def type(self, words, example):
        wanted = re.search(r"exit status (\d)", words)
        wanted = [0, int(wanted.group(1))] if wanted else [0]
        for command in re.split(r"(?<!\\)(?<!\|)\n", self.here(example)):
            self.shell.stdin.write(f"{command}\nprintf '\\n#%s\\n' $?\n")
            self.shell.stdin.flush()
            status, said = self.answer()
            # Only a program of ours may say no.
            allowed = wanted if re.search(r"bootwarden(-agent)? ", command) else [0]
            if status not in allowed:
                self.fault(command, f"exit status {status}, wanted {allowed}: {said[-600:]}")
        if len(wanted) > 1 and not self.said_no:
            self.fault(example, "nothing here has the exit status that the text says")

    said_no = False

    def answer(self):
        said = ""
        for line in self.shell.stdout:
            if re.fullmatch(r"#\d+\n", line):
                status = int(line[1:])
                self.said_no = self.said_no or status == 1
                return status, said
            said += line
        return -1, said

    def administer(self, words, example):
        """Commands on the machines of the server that the page started, one of which has this name."""
        name = re.search(r"machine (?:show|replace|disable|enable|remove|forget-clock) (\S+)", example)
        example = example.replace("/var/lib/bootwarden", "/tmp/bootwarden")
        if name and name.group(1) not in self.machines:
            self.machines.add(name.group(1))
            vm = f"/tmp/vm-{name.group(1)}"
            self.type("", ". /tmp/bootwarden/dev.env; export BOOTWARDEN_ENDPOINT BOOTWARDEN_CA\n"
                      f'eval "$(tools/demo-vtpm start {vm} --boot {BOOT})"\n'
                      'install -m 644 "$VTPM_CA" /tmp/bootwarden/trust/ek/operated.pem\n'
                      f'bootwarden-agent enroll --tcti "$VTPM_TCTI" --name {name.group(1)}')
        self.type(words, example)

    def configure(self, example):
        """A configuration file: with addresses of this machine it must serve."""
        text = example.replace("/var/lib/bootwarden", f"{self.folder}/configured")
        text = re.sub(r"\d+\.\d+\.\d+\.\d+:\d+", lambda _: f"127.0.0.1:{free_port()}", text)
        path = self.folder / "server.conf"
        path.write_text(text + "\n")
        self.serve(["bootwarden-server", "--config", str(path)], example)

    def end(self):
        self.shell.stdin.close()
        try:
            self.shell.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.shell.kill()
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


def check(page):
    folder = tempfile.mkdtemp(prefix="bootwarden.")
    typed = Page(page, folder)
    found = examples(page)
    signal.alarm(LIMIT_S)
    try:
        for words, example in found:
            if example.startswith("["):
                typed.configure(example)
            elif example.startswith("bootwarden-server machine "):
                typed.administer(words, example)
            elif example.startswith("bootwarden-server "):
                typed.serve(typed.here(example).split(), example)
            else:
                typed.said_no = False
                typed.type(words, example)
        if not found:
            typed.fault("EXAMPLES", "there are none")
    finally:
        signal.alarm(0)
        typed.end()
        for vm in pathlib.Path(folder).glob("vm*"):
            subprocess.run([source / "tools/demo-vtpm", "stop", vm], check=False)
        shutil.rmtree(folder)
    print(f"{page.name}: {len(found)} examples, {typed.faults} faults")
    return typed.faults


pages = sorted((source / "man").glob("*.[1-8]"))
faults = sum(check(page) for page in pages)
sys.exit(1 if faults or not pages else 0)
