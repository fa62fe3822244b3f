"""GRUB is replaced by an altered one: refused under Secure Boot; without it unhealthy, and said why."""
import uefivars
from lab import NAME, expect, told_of
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
        shown, told = scene.proven(boot), scene.service.told(NAME)
        boot.power_off()
    expect(shown["state"] == "unhealthy", f"the service shows: {told}")
    for words in (shown["why"], told):
        expect("Secure Boot was off" in words, f"Secure Boot is not named: {words}")
    loader = told_of(told, "change-loader")
    expect("grub" in loader and "change-loader" in shown["why"], f"GRUB is not named: {told}")
