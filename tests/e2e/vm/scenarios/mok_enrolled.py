"""Somebody enrolled a machine owner key: the boot proves, and compared with the healthy one it is changed."""
import subprocess

import agent
import uefivars
from lab import NAME, expect


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
        proof, request = agent.attest_recorded(boot, scene.service)
        state = scene.service.state(NAME)
        boot.power_off()
    expect(proof.code == agent.DONE, f"not proven: {proof}")
    # TODO(monitor): "changed", once the service compares with the boot before.
    expect(state["lastVerdict"] == "healthy", f"the service says: {state}")
    scene.expect_comparison(request, "changed", ["change-mok"])
