#!/usr/bin/env python3
"""What az-replay.py compares with, held against answers that are known: the recorded ones pass, all of
them; spoilt ones do not, each for its fault."""
import copy
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
sys.path.insert(0, str(HERE.parent / "support"))
import transcripts  # noqa: E402
import replay as replaying  # noqa: E402
from replay import Replay, differences  # noqa: E402

# These clients were ended before their operation was: its last recorded answer says that it goes on.
CUT = ("npm-compute-ext-create-async-failed", "npm-deployments-whatif")
replaying.LIMIT_S = 2
passed = failed = 0


def check(what, is_right, said=""):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    if not is_right:
        print(f"FAULT: {what}: {said}")


def replayed(standin, name):
    standin.play(*transcripts.read(name))
    replay = Replay(standin.env)
    replay.is_preparing = False
    return replay.file(name)


def without(path):
    """Leaves a member out of every answer that has it; "[]" goes into the first entry."""
    *way, last = path.replace("[]", ".0").lstrip(".").split(".")

    def change(_, response):
        response = copy.deepcopy(response)
        inside = response
        for word in way:
            try:
                inside = inside[int(word) if word.isdigit() else word]
            except (KeyError, IndexError, TypeError):
                return response
        if isinstance(inside, dict):
            inside.pop(last, None)
        return response

    return change


def with_state(word):
    def change(one, response):
        if isinstance(response, dict) and response.get("status") == "Succeeded":
            return response | {"status": word}
        return response

    return change


LISTED = {"value": [{"name": "a", "n": 1, "flag": True, "note": None}]}
TABLE = [  # recorded, ours, what is said
    (LISTED, {"value": [{"name": "b", "n": 2.5, "flag": False}]}, []),
    (LISTED, {"value": [{"name": "x"}, {"name": "A", "n": 1, "flag": True}]}, []),
    (LISTED, {"value": []}, ["value: empty, recorded with 1"]),
    (LISTED, {}, ["value: missing"]),
    (LISTED, [], ["the body: array, recorded object"]),
    (LISTED, {"value": [{"name": "a", "n": "1", "flag": 1}]},
     ["value[].n: string, recorded number", "value[].flag: number, recorded boolean"]),
    ({"statuses": [{"code": "PowerState/running"}]}, {"statuses": [{"code": "PowerState/starting"}]}, []),
    ({"statuses": [{"code": "PowerState/running"}]}, {"statuses": [{"code": "ProvisioningState/succeeded"}]},
     ["statuses: no entry PowerState/running"]),
    ({"resourceTypes": [{"resourceType": "virtualMachines/extensions"}]}, {"resourceTypes": [{"resourceType": "virtualMachines"}]},
     ["resourceTypes: no entry virtualMachines/extensions"]),
    ({"nextLink": "x", "tags": None, "features": []}, {"features": []}, []),
    ({"features": []}, {}, ["features: missing"]),
]
for recorded, ours, said in TABLE:
    check(f"{recorded} and {ours}", list(differences(recorded, ours)) == said, list(differences(recorded, ours)))

SPOILT = [  # file, what is left out, what is said of it
    ("az274-vm-show", "properties.securityProfile.uefiSettings", "properties.securityProfile.uefiSettings: missing"),
    ("az274-vm-list", "value[].properties.vmId", "value[].properties.vmId: missing"),
    ("az274-vm-get-instance-view", "properties.instanceView.statuses", "properties.instanceView.statuses: missing"),
    ("az274-cloud-register", "suffixes", "suffixes: missing"),
    ("az274-vm-extension-image-list", "[].name", "[].name: missing"),
    ("az274-deployment-group-what-if", "properties.changes", "properties.changes: missing"),
    ("az274-login-sp", "access_token", "access_token: missing"),
    ("az274-error-vm-notfound", "error.code", "error.code: missing"),
]

with tempfile.TemporaryDirectory() as folder:
    with transcripts.Standin(pathlib.Path(folder)) as standin:
        for name in transcripts.names():
            lines = replayed(standin, name)
            if name in CUT:
                check(f"{name} never ends", len(lines) == 1 and lines[0].endswith("not done in 2 s"), lines)
            else:
                check(f"{name} against its own answers", not lines, lines)
        for name, path, said in SPOILT:
            standin.change = without(path)
            lines = replayed(standin, name)
            check(f"{name} without {path}", any(line.endswith(said) for line in lines), lines)
        standin.change = with_state("Failed")
        lines = replayed(standin, "az274-vm-extension-set")
        check("an operation that fails", any("status: Failed, recorded Succeeded" in line for line in lines), lines)
        standin.change = None
        standin.play()
        replay = Replay(standin.env)
        replay.is_preparing = False
        lines = replay.file("az274-vm-show")
        check("a server that knows nothing", lines and "status 404, recorded 200" in lines[0], lines)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
