"""machine.py - one virtual machine: what stays of it between boots, and a boot of it.

    with Boot(machine, disk, input_disk, folder) as boot:
        answer = boot.run("uname -r")
        boot.reboot()
        boot.power_off()

Leaving the block ends QEMU at once, as a power failure, if it still runs. When something went wrong,
the message has the end of the guest's serial console; the whole of it is FOLDER/serial.log.
"""
import base64
import contextlib
import dataclasses
import pathlib
import re
import shutil
import socket
import subprocess
import time

import guest
import processes
from fault import LabError

FIRMWARE = pathlib.Path("/usr/share/OVMF")
BOOT_LIMIT_S = 120
ATTEMPTS = 2  # a busy host can stall the emulated timer, and the kernel then gives up
POWER_OFF_LIMIT_S = 30
RUN_LIMIT_S = 60
ANSWER_MAX_BYTES = 16 << 20
LOOK_EVERY_S = 1.0
CONSOLE_LINES = 8  # of each log that an error shows
# What firmware and shim write on the console when they do not start what is not signed.
REFUSALS = ("Security Violation", "Access Denied")
CONSOLE_NOISE = re.compile(r"\x1b\[[0-9;=?]*[A-Za-z]|[^\x20-\x7e\n]")


class NoBoot(LabError):
    """The machine did not come up in time: stuck, or crashed."""


class Refused(LabError):
    """Secure Boot let the machine not start."""


@dataclasses.dataclass
class Machine:
    """What makes a machine itself: TPM's state, firmware's variables and its own disk, in one folder."""
    folder: pathlib.Path
    name: str

    @classmethod
    def make(cls, folder, name, tpm_maker):
        """A machine that never ran: Secure Boot on, with the keys of a retail PC."""
        folder.mkdir()
        tpm_maker.make(folder / "tpm", name)
        shutil.copyfile(FIRMWARE / "OVMF_VARS_4M.ms.fd", folder / "vars.fd")
        guest.write_own_disk(folder / "own.img", {})
        return cls(folder, name)

    @property
    def tpm(self):
        return self.folder / "tpm"

    @property
    def variables(self):
        return self.folder / "vars.fd"

    @property
    def own_disk(self):
        return self.folder / "own.img"

    def install(self, files):
        """Makes its own disk anew, with {PATH: bytes}; the machine is off."""
        guest.write_own_disk(self.own_disk, files)

    def copy(self, folder):
        """The machine as it is now. Only one of the two is the machine: their TPMs are the same one."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(".lock"))
        return Machine(folder, self.name)


@dataclasses.dataclass
class Answer:
    """What a script in the guest did."""
    code: int
    output: str
    errors: str


class Boot:
    """A machine that is switched on. One thread uses it."""

    def __init__(self, machine, disk, input_disk, folder):
        self.machine, self.disk, self.input_disk = machine, disk, input_disk
        self.folder = pathlib.Path(folder)
        self.seconds = 0.0  # from switching on, or restarting, until the guest was ready
        self.qemu = self.swtpm = self.channel = None
        self.received = b""
        self.number = 0

    # ---- on and off ----

    def __enter__(self):
        self.folder.mkdir(parents=True)
        before = self.folder / "machine-before"
        self.machine.copy(before)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.switch_on()
                return self
            except NoBoot:
                self.cut_power()
                if attempt == ATTEMPTS:
                    raise
                # A machine stopped half way may have written half of its state.
                shutil.rmtree(self.machine.folder)
                Machine(before, self.machine.name).copy(self.machine.folder)
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / "serial.log").rename(self.folder / f"serial-{attempt}.log")
            except BaseException:
                self.cut_power()
                raise
        raise AssertionError

    def __exit__(self, *exception):
        self.cut_power()
        shutil.rmtree(self.folder / "machine-before", ignore_errors=True)

    def switch_on(self):
        started = time.monotonic()
        control, swtpm_end = socket.socketpair()
        self.channel, qemu_end = socket.socketpair()
        self.received = b""
        with control, swtpm_end, qemu_end:
            self.swtpm = processes.start(
                ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.machine.tpm}",
                 "--ctrl", f"type=unixio,clientfd={swtpm_end.fileno()}"],
                self.folder / "swtpm.log", [swtpm_end.fileno()])
            self.qemu = processes.start(self.command(control.fileno(), qemu_end.fileno()),
                                        self.folder / "qemu.log", [control.fileno(), qemu_end.fileno()])
        self.wait_ready(started)

    def command(self, tpm_fd, channel_fd):
        """The emulator is always TCG: a /dev/kvm that opens may still fail at the first guest."""
        return ["qemu-system-x86_64", "-machine", "q35,smm=on", "-accel", "tcg", "-cpu", "qemu64,+rdrand", "-smp", "1",
                "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
                "-serial", f"file:{self.folder}/serial.log",
                "-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1",
                "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={FIRMWARE}/OVMF_CODE_4M.ms.fd",
                "-drive", f"if=pflash,format=raw,unit=1,file={self.machine.variables}",
                "-chardev", f"socket,id=tpm,fd={tpm_fd}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                "-device", "tpm-crb,tpmdev=tpm0",
                "-drive", f"if=none,id=boot,format=raw,snapshot=on,file={self.disk}",
                "-device", "virtio-blk-pci,drive=boot,bootindex=1",
                "-drive", f"if=none,id=input,format=raw,readonly=on,file={self.input_disk}",
                "-device", "virtio-blk-pci,drive=input",
                "-drive", f"if=none,id=own,format=raw,file={self.machine.own_disk}",
                "-device", "virtio-blk-pci,drive=own",
                "-device", "virtio-serial-pci", "-chardev", f"socket,id=lab,fd={channel_fd}",
                "-device", "virtserialport,chardev=lab,name=lab",
                "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile="]

    def power_off(self):
        """An orderly end from inside."""
        self.send("poweroff -f")
        self.wait_ended()

    def cut_power(self):
        """An abrupt end from outside; nothing happens when the machine is off."""
        for process in (self.qemu, self.swtpm):
            if process is not None:
                processes.kill(process)
        if self.channel is not None:
            self.channel.close()
        self.qemu = self.swtpm = self.channel = None

    def reboot(self):
        """A restart from inside: the firmware begins anew, the TPM is reset. Returns when it is up."""
        started = time.monotonic()
        self.send("reboot -f")
        self.wait_ready(started)

    # ---- what the guest does ----

    def run(self, script, limit_s=RUN_LIMIT_S):
        """Runs a shell script in the guest as root, and waits for its end."""
        number = self.send(script)
        head, code, output, errors = self.line(time.monotonic() + limit_s, f"an answer to: {script[:200]}").split()
        if int(head) != number:
            raise self.trouble(f"the guest answers {head} instead of {number}")
        return Answer(int(code), decoded(output), decoded(errors))

    def start(self, command, log):
        """Starts a program in the guest and leaves it running. Its output is added to the guest's file LOG."""
        answer = self.run(f"{command} >>{log} 2>&1 &")
        if answer.code != 0:
            raise self.trouble(f"{command} cannot be started: {answer.errors}")

    def get(self, path):
        """Bytes of a file in the guest."""
        answer = self.run(f"base64 {path}")
        if answer.code != 0:
            raise self.trouble(f"{path} cannot be read: {answer.errors}")
        return base64.b64decode(answer.output)

    # ---- the channel ----

    def send(self, script):
        self.number += 1
        with contextlib.suppress(OSError):  # who is not there any more gives no answer either
            self.channel.sendall(f"{self.number} {base64.b64encode(script.encode()).decode()}\n".encode())
        return self.number

    def line(self, deadline, what):
        """The next line that the guest writes; NoBoot is for the caller to tell from other trouble."""
        while b"\n" not in self.received:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.trouble(f"the time is up, without {what}")
            self.channel.settimeout(min(left, LOOK_EVERY_S))
            try:
                more = self.channel.recv(65536)
            except TimeoutError:
                self.look_for_refusal()
                continue
            if not more:
                raise self.trouble(f"QEMU ended, without {what}")
            self.received += more
            if len(self.received) > ANSWER_MAX_BYTES:
                raise self.trouble("the guest says too much")
        line, self.received = self.received.split(b"\n", 1)
        return line.decode(errors="replace")

    def look_for_refusal(self):
        for words in REFUSALS:
            if words in self.console():
                raise self.trouble(words, Refused)

    def wait_ready(self, started):
        try:
            while not self.line(started + BOOT_LIMIT_S, "the machine being up").startswith("ready "):
                pass  # the answer to what was running when the machine restarted
        except Refused:
            raise
        except LabError as error:
            raise NoBoot(str(error)) from error
        self.seconds = time.monotonic() - started

    def wait_ended(self):
        try:
            self.qemu.wait(POWER_OFF_LIMIT_S)
            self.swtpm.wait(POWER_OFF_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise self.trouble("the machine does not switch off") from error

    def console(self):
        """What the machine wrote on its serial console, as plain text."""
        path = self.folder / "serial.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return re.sub(r" {3,}", "  ", CONSOLE_NOISE.sub("", text))

    def trouble(self, words, kind=LabError):
        """An error with the end of what the programs said."""
        said = [f"    console: {line}" for line in self.console().strip().splitlines()[-CONSOLE_LINES:]]
        for name in ("qemu.log", "swtpm.log"):
            path = self.folder / name
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            said += [f"    {name}: {line}" for line in lines[-CONSOLE_LINES:]]
        return kind("\n".join([f"{self.machine.name}: {words}", *said]))


def decoded(word):
    return "" if word == "-" else base64.b64decode(word).decode(errors="replace")
