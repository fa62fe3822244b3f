"""A guest shows another machine's evidence as its own, old or under its own key: not verified."""
import json

import agent
from lab import NAME, expect
from machine import Machine
from service import unwrap, wrap

OTHER = "db"
KEY_MEMBERS = ("AikCert", "AikPub")


def altered(own, other, change):
    """The request OWN, with what CHANGE(inner document, inner document of OTHER) does to it."""
    inner, foreign = json.loads(unwrap(own)), json.loads(unwrap(other))
    change(inner, foreign)
    return wrap(json.dumps(inner).encode())


def other_evidence(inner, foreign):
    """All that the other machine showed, under this machine's challenge."""
    context = inner["Bootwarden"]["Context"]
    inner.clear()
    inner.update(foreign)
    inner["Bootwarden"]["Context"] = context


def other_key(inner, foreign):
    """This machine's fresh quote, said to be by the other machine's attestation key."""
    for member in KEY_MEMBERS:
        inner["TpmInfo"][member] = foreign["TpmInfo"][member]


def other_quote(inner, foreign):
    """The other machine's quote and log, said to be by this machine's attestation key."""
    keys = {member: inner["TpmInfo"][member] for member in KEY_MEMBERS}
    inner["TpmInfo"] = {**foreign["TpmInfo"], **keys}
    inner["TcgLogs"] = foreign["TcgLogs"]


def other_request(inner, foreign):
    """The other machine's whole request once more."""
    inner.clear()
    inner.update(foreign)


CASES = ((other_request, "challenge-reused"), (other_evidence, "nonce"), (other_key, "signature"),
         (other_quote, "signature"))


def scenario(scene):
    other = Machine.make(scene.folder / OTHER, OTHER, scene.lab.tpm_maker)
    with scene.service, scene.boot("another machine", scene.disk(), other) as boot:
        proof = agent.attest(boot, scene.service)
        expect(proof.code == agent.DONE, f"the other machine is not proven: {proof}")
        for change, reason in CASES:
            def forge(path, body, change=change):
                return altered(body, scene.healthy.request, change) if path.startswith("/attest/") else body
            proof, _ = agent.attest_recorded(boot, scene.service, forge)
            expect(proof.code == agent.REFUSED and proof.verdict == "not-verified" and reason in proof.reasons,
                   f"{change.__doc__} {proof}")
        states = [scene.service.state(name) for name in (NAME, OTHER)]
        boot.power_off()
    # A forgery is no word of the machine whose evidence it shows.
    for state in states:
        expect(state["lastVerdict"] == "healthy", f"the service says: {state}")
    expect(states[0]["refusedCopies"] > 0, f"that copies were shown is not told: {states[0]}")
