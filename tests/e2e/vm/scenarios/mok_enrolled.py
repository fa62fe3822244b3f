"""Somebody enrolled a machine owner key: changed, and said in these words."""
import subprocess

import uefivars
from lab import NAME, expect, told_of


def certificate(folder):
    """A key of the machine's owner: its certificate as DER."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj",
                    "/CN=Machine Owner Key", "-keyout", folder / "mok.key", "-out", folder / "mok.der",
                    "-outform", "DER"], check=True, capture_output=True, timeout=60)
    return (folder / "mok.der").read_bytes()


def scenario(scene):
    uefivars.enroll_mok(scene.machine.variables, certificate(scene.folder))
    with scene.service, scene.boot("enrolled MOK", scene.disk()) as boot:
        listed = boot.run("strings /sys/firmware/efi/efivars/MokListRT-*").output
        expect("Machine Owner Key" in listed, f"shim does not know the key: {listed[:300]}")
        shown, told = scene.proven(boot), scene.service.told(NAME)
        boot.power_off()
    expect(shown["state"] == "changed", f"the service shows: {told}")
    for words in (shown["why"], told_of(told, "change-mok")):
        expect("machine owner key" in words, f"the machine owner key is not named: {words}")
