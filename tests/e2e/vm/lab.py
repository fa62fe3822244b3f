"""lab.py - what the scenarios have in common: parts, the tested programs, and a machine that proved itself.

Every scenario begins where the healthy boot ended: with copies of that machine (its TPM and its
firmware's variables) and of the server that knows it. So none needs another one, and two may run at
the same time; a TPM copied for each has the clock that the copied server expects.
"""
import contextlib
import dataclasses
import os
import pathlib
import threading
import time

import agent
import disk
import guest
import machine
import parts
import tpm
from fault import Fault, LabError
from service import SOURCE, Service, brief

NAME = "web"
LOOK_EVERY_S = 0.3
PROOF_LIMIT_S = 90  # an agent that is busy joining, on a host that is busy
COMMAND_LINE = "root=LABEL=root ro console=ttyS0 quiet no_timer_check panic=-1"
# With Secure Boot off, Debian's "linux" starts the kernel past its EFI stub, and there is no event log.
# linuxefi is what "linux" becomes with Secure Boot on; so one configuration serves both.
GRUB_CONFIG = """set timeout=0
menuentry 'Debian' {{
	linuxefi /boot/vmlinuz-{release} {command_line}
	initrdefi /boot/initrd.img-{release}
}}
"""


def programs_folder(variable):
    """A folder of our programs, from the environment."""
    folder = os.environ.get(variable)
    return pathlib.Path(folder) if folder else None


@dataclasses.dataclass
class Healthy:
    """What the healthy boot left: the machine switched off, the server stopped, what both said."""
    machine: machine.Machine
    service: Service
    shown: dict  # by the service, after the agent had started by itself
    proof: agent.Proof
    request: bytes  # its evidence once more, recorded


class Lab:
    """One run of the runner. FOLDER is removed at its end."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = programs_folder("BOOTWARDEN_BIN") or SOURCE / "build/release/bin"
        in_guest = programs_folder("BOOTWARDEN_RELEASE_BIN") or self.programs
        if not (in_guest / "bootwarden-agent").exists():
            in_guest = self.programs
        for program in (self.programs / "bootwarden-server", in_guest / "bootwarden-agent"):
            if not program.exists():
                raise LabError(f"{program} is not there: build it, or set BOOTWARDEN_BIN")
        self.missing_packages()
        self.parts = parts.parts()
        self.release, self.newer_release = self.parts.releases
        self.tpm_maker = tpm.TpmMaker(folder / "ca")
        self.input_disk = guest.write_disk(folder / "input.tar", [in_guest / "bootwarden-agent"],
                                           ["libtss2-tcti-device.so.0"])
        self.lock = threading.Lock()
        self.made_healthy = self.no_healthy = None
        self.boots = []  # (words, seconds) of every boot
        self.rounds_ms = []  # of the agent, from session to report

    @staticmethod
    def missing_packages():
        missing = [name for name in ("qemu-system-x86_64", "swtpm", "swtpm_setup", "mformat", "mke2fs", "depmod",
                                     "setpriv", "openssl") if guest.find_program(name) is None]
        missing += [str(path) for path in (machine.FIRMWARE / "OVMF_CODE_4M.ms.fd",) if not path.exists()]
        if missing:
            raise LabError(f"missing: {', '.join(missing)}; tools/setup installs them")

    def disk(self, path, release=None, command_line=COMMAND_LINE, grub=None):
        """A boot disk of Debian's parts, with another kernel, command line or GRUB when named."""
        release = release or self.release
        folder = path.parent
        config, initramfs = folder / f"{path.stem}.grub.cfg", folder / f"{path.stem}.initrd"
        config.write_text(GRUB_CONFIG.format(release=release, command_line=command_line))
        guest.write_initramfs(initramfs, self.parts, release)
        return disk.make(path, {
            "/EFI/BOOT/BOOTX64.EFI": self.parts.path("shimx64.efi"),
            "/EFI/BOOT/grubx64.efi": grub or self.parts.path("grubx64.efi"),
            "/EFI/BOOT/mmx64.efi": self.parts.path("mmx64.efi"),
            "/EFI/debian/grub.cfg": config,
            f"/boot/vmlinuz-{release}": self.parts.kernel(release),
            f"/boot/initrd.img-{release}": initramfs})

    @contextlib.contextmanager
    def boot(self, words, its_machine, boot_disk, folder):
        """Switches a machine on; at the end of the block it is off, and how long it took is noted."""
        with machine.Boot(its_machine, boot_disk, self.input_disk, folder) as boot:
            self.boots.append((words, boot.seconds))
            try:
                yield boot
            except Fault as fault:
                try:
                    said = agent.log(boot).strip()[-800:]
                except LabError:  # the machine is off
                    raise fault from None
                raise Fault(f"{fault}\n    agent: {said}") from fault

    def wait_judged(self, boot):
        """Waits until the agent, which started by itself, logs that the service judged this boot."""
        wait_until(lambda: agent.rounds_ms(boot), f"a proof by the agent of {boot.machine.name}", PROOF_LIMIT_S)
        self.rounds_ms.append(agent.rounds_ms(boot)[-1])

    def healthy(self):
        """The healthy boot; the first who asks makes it."""
        with self.lock:
            if self.no_healthy:
                raise LabError(f"the healthy boot failed: {self.no_healthy}")
            if self.made_healthy is None:
                try:
                    self.made_healthy = self.make_healthy()
                except Exception as error:
                    self.no_healthy = str(error).splitlines()[0]
                    raise
            return self.made_healthy

    def make_healthy(self):
        folder = self.folder / "healthy-boot"
        folder.mkdir()
        its_machine = machine.Machine.make(folder / "machine", NAME, self.tpm_maker)
        service = Service(self.programs, folder / "data")
        service.trust(self.tpm_maker.certificates())
        with service:
            # A period that outlasts scenarios in which it is switched off.
            its_machine.install(agent.files(service, NAME, period="60"))
            with self.boot("first boot", its_machine, self.disk(folder / "disk.img"), folder / "boot") as boot:
                self.wait_judged(boot)
                shown = service.shown(NAME)
                proof = agent.attest(boot)
                again, request = agent.attest_recorded(boot, service)
                if again.code != agent.DONE:
                    raise Fault(f"the healthy boot is not proven: {again}")
                boot.power_off()
        return Healthy(its_machine, service, shown, proof, request)


class Scene:
    """What one scenario works with: a folder, copies of machine and server, and the lab."""

    def __init__(self, lab, name):
        self.lab = lab
        self.healthy = lab.healthy()
        self.folder = lab.folder / name
        self.folder.mkdir()
        self.machine = self.healthy.machine.copy(self.folder / "machine")
        self.service = self.healthy.service.copy(self.folder / "data")
        self.install()
        self.resets = self.healthy.shown["proof"]["resetCount"]

    def disk(self, **different):
        return self.lab.disk(self.folder / "disk.img", **different)

    def boot(self, words, boot_disk, its_machine=None):
        """Switches a machine on, this scenario's unless another is named. WORDS name the boot and its folder."""
        folder = self.folder / f"boot-{words.replace(' ', '-')}"
        return self.lab.boot(words, its_machine or self.machine, boot_disk, folder)

    def install(self, its_machine=None, **settings):
        """What its owner installs on a machine that is off: the agent's settings, for this scenario's server."""
        its_machine = its_machine or self.machine
        its_machine.install(agent.files(self.service, its_machine.name, **settings))

    def proven(self, boot):
        """Waits until the agent has proven this boot, which the service had not seen; how that shows it then."""
        self.lab.wait_judged(boot)
        shown = self.service.shown(NAME)
        resets = shown["proof"]["resetCount"]
        expect(resets > self.resets, f"the proof is not of this boot: {brief(shown)}")
        self.resets = resets
        return shown

    def wait_state(self, state, limit_s=PROOF_LIMIT_S):
        """Waits until the service sees the machine like this; how it shows it."""
        def is_so():
            return self.service.shown(NAME)["state"] == state
        try:
            wait_until(is_so, f"the state {state}", limit_s)
        except Fault as fault:
            raise Fault(f"{fault}\n{self.service.told(NAME)}") from fault
        return self.service.shown(NAME)


def expect(is_so, words):
    """The scenario ends here when it is not so."""
    if not is_so:
        raise Fault(words)


def told_of(told, code):
    """What `vm show` tells of a reason or a change: its line and the one below it."""
    lines = told.splitlines()
    for number, line in enumerate(lines):
        if line.startswith((f"  {code}:", f"  {code} (explained):")):
            return "\n".join(lines[number:number + 2])
    raise Fault(f"nothing is told of {code}: {told}")


def wait_until(condition, words, limit_s=30):
    """Waits for something that the host can see."""
    deadline = time.monotonic() + limit_s
    while not condition():
        expect(time.monotonic() < deadline, f"not within {limit_s} seconds: {words}")
        time.sleep(LOOK_EVERY_S)
