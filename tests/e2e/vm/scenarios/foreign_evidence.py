"""A guest shows another machine's evidence as its own, old or under its own key: not verified."""
import json

import agent
from lab import NAME, expect
from machine import Machine
from service import brief, unwrap, wrap

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
    scene.install(other, period="60")
    with scene.service, scene.boot("another machine", scene.disk(), other) as boot:
        before = scene.service.shown(NAME)
        scene.lab.wait_judged(boot)
        for change, reason in CASES:
            def forge(path, body, change=change):
                return altered(body, scene.healthy.request, change) if path.startswith("/attest/") else body
            proof, _ = agent.attest_recorded(boot, scene.service, forge)
            expect(proof.code == agent.REFUSED and proof.verdict == "not-verified" and reason in proof.reasons,
                   f"{change.__doc__} {proof}")
        after = scene.service.shown(NAME)
        boot.power_off()
    # A forgery is no word of the machine whose evidence it shows.
    expect(before["state"] == "healthy" and after == before,
           f"the service shows {brief(before)}\nand then {brief(after)}")
    expect(scene.service.refused_copies(NAME) > 0, "that copies were shown is not told")
