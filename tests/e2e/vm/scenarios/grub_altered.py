"""GRUB is replaced by an altered one: refused under Secure Boot; without it unhealthy, and said why."""
import agent
import uefivars
from lab import NAME, expect
from machine import Refused

TEXT, OTHER_TEXT = b"Welcome to GRUB!", b"Welcome to grub?"


def is_refused(scene, disk):
    """Shim does not start it: no guest, and nothing that the service could hear."""
    try:
        with scene.boot("refused GRUB", disk):
            return False
    except Refused:
        return True


def scenario(scene):
    image = scene.lab.parts.path("grubx64.efi").read_bytes()
    expect(image.count(TEXT) == 1, "this GRUB has no text to alter")
    altered = scene.folder / "grubx64.efi"
    altered.write_bytes(image.replace(TEXT, OTHER_TEXT))
    disk = scene.disk(grub=altered)
    expect(is_refused(scene, disk), "an altered GRUB runs under Secure Boot")
    uefivars.secure_boot_off(scene.machine.variables)
    with scene.service, scene.boot("altered GRUB", disk) as boot:
        proof, request = agent.attest_recorded(boot, scene.service)
        state = scene.service.state(NAME)
        boot.power_off()
    expect(proof.code == agent.REFUSED and proof.verdict == "unhealthy", f"not refused as unhealthy: {proof}")
    expect("secure-boot-off" in proof.reasons and "Secure Boot" in proof.words, f"Secure Boot is not named: {proof}")
    expect(state["lastVerdict"] == "unhealthy", f"the service says: {state}")
    compared = scene.expect_comparison(request, "unhealthy", ["secure-boot-off", "change-loader"])
    words = " ".join(entry["text"] for entry in compared["reasons"] if entry["code"] == "change-loader")
    expect("grub" in words.lower(), f"GRUB is not named: {words}")
