"""A machine boots as it should: its agent starts by itself; a token, and the state healthy."""
import pathlib

import agent
from lab import NAME, expect
from service import brief


def scenario(scene):
    shown, proof = scene.healthy.shown, scene.healthy.proof
    expect(shown["name"] == NAME and shown["state"] == "healthy", f"the service shows: {brief(shown)}")
    expect(shown["proof"]["freshness"] == "challenge", f"not over a challenge: {brief(shown)}")
    expect(shown["history"][0]["from"] == "never-reported", f"it was not new: {brief(shown)}")
    expect(proof.code == agent.DONE and proof.result == "token", f"no token: {proof}")
    expect(proof.document["signatureChecked"] is True, f"the token's signature was not checked: {proof}")
    expect(proof.document["claims"]["secureboot"] is True, f"Secure Boot is not claimed: {proof}")
    # What the guest says of itself; the modules that it loaded are the initramfs's.
    facts, modules = shown["guestFacts"], scene.lab.parts.modules(scene.lab.release)
    expect(facts["KernelRelease"] == scene.lab.release and facts["SecureBoot"] is True, f"the guest says: {facts}")
    expect({module["Name"] for module in facts["Modules"]} == {pathlib.PurePath(path).stem for path in modules}
           and all(module["Signer"] for module in facts["Modules"]), f"modules and their signers: {facts['Modules']}")
