#!/usr/bin/env python3
"""Every request of the recorded clients (tests/vectors/az-transcripts) said again to a server: each answer
must have what the recorded one had, for that is what the clients need. tests/support/replay.py says how
it is compared.

    az-replay.py [--only PATTERN]... [--env FILE]    files whose names match; against a running server's dev.env
    az-replay.py --list                              names of the files, in order

A line for each file, and one for each difference. Exit 1 when anything is missing.
"""
import argparse
import fnmatch
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
os.environ.setdefault("BOOTWARDEN_BIN", str(HERE.parent.parent / "build/asan/bin"))
sys.path.insert(0, str(HERE.parent / "support"))
import transcripts  # noqa: E402
import world  # noqa: E402
from owner import Fault, Owner  # noqa: E402
from replay import Replay  # noqa: E402

# (files, text in the line) -> why that is right. The recorder's server was not Azure.
KNOWN = {
    ("az245-resource-create-extension", "virtualMachines/vmh%2FGuestAttestation: status 400"):
        "a name with a slash is az's mistake; the recorder took it, we refuse it with what to write instead",
    ("*-set-async-failed", "failvm"):
        "the recorder failed the extension by the machine's name; here no extension fails before an agent speaks",
    ("npm-compute-ext-create-async-failed", "failvm"): "as above",
    ("az274-deployment-validate-error", "guest-attestation-linux/validate"):
        "the recorder refused a good template by the machine's name",
    ("az274-deployment-group-create-windows", "deployments/ga2"):
        "the recorder's vm2 runs Linux, and this template installs the extension for Windows",
    ("az274-deployment-group-what-if", "guest-attestation-windows/whatIf"):
        "the same machine and template: what-if refuses what a deployment would",
    ("az274-deployment-create-failed", "deployments/dfail"):
        "failvm is no machine with Trusted Launch, so the template is refused before it fails",
    ("az274-vm-extension-set-default-autoupgrade", "resources[].properties.settings"):
        "the recorder's vmA had settings from before",
    ("*service-tags", "serviceTags: values"):
        "AzureAttestation is not regional, and networkFeatures are of the download alone (network-rules section 2)",
    ("npm-attestation-default-by-location", "defaultProvider: value"):
        "the recorder gave a list; one provider is right (attestation-api section 8)",
    ("npm-attest-openid", "/.well-known/openid-configuration"):
        "the recorder answered with its sign-in's document; that of attestation has other members, which its client reads",
    ("npm-attest-tpm", "/attest/Tpm"):
        "the recorder answered anything; the real exchange is functional/sdk-attestation",
}


def reason(name, line):
    return next((why for (files, text), why in KNOWN.items() if fnmatch.fnmatch(name, files) and text in line), None)


def managed_url(here):
    """Where a managed identity that may read gets its tokens; nothing where the server has no such thing."""
    found = {}
    try:
        found["BOOTWARDEN_MANAGED_URL"], object_id = here.managed_identity("replay")
        here.give_role(object_id, "5f3a2c14-6f0e-4c39-9a53-0d1f6a7a1c01")
    except Fault as fault:
        print(f"note: {fault}")
    return found


def play(env, names):
    replay, n_right, n_lines = Replay(env), 0, 0
    for name in names:
        lines = replay.file(name)
        known = {why for why in (reason(name, line) for line in lines) if why}
        lines = [line for line in lines if not reason(name, line)]
        print(f"{'FAULT' if lines else 'ok   '} {name}" + (f": {len(lines)}" if lines else "") +
              "".join(f" (known: {why})" for why in sorted(known)), flush=True)
        for line in lines:
            print(f"        {line}")
        n_right += not lines
        n_lines += len(lines)
    for path, why in sorted(replay.refusals.items()):
        print(f"note: {path.split('/resourcegroups/')[-1]} could not be made beforehand: {why}")
    print(f"{n_right} passed, {len(names) - n_right} failed")
    print(f"table: recorded clients: {n_right} of {len(names)} files answered as needed, {n_lines} differences")
    return n_lines == 0


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--only", action="append", metavar="PATTERN", help="files whose names match; a word is looked for")
    words.add_argument("--env", metavar="FILE", type=pathlib.Path, help="dev.env of a server that runs")
    words.add_argument("--list", action="store_true")
    words = words.parse_args()
    names = [name for name in transcripts.names() if not words.only or any(
        fnmatch.fnmatch(name, one if set(one) & set("*?[") else f"*{one}*") for one in words.only)]
    if words.list:
        print("\n".join(names))
        return True
    if not names:
        print("no file has such a name; see --list", file=sys.stderr)
        sys.exit(2)
    if words.env:
        return play(world.assignments(words.env.read_text()) | {"data": words.env.parent}, names)
    here = Owner()
    try:
        return play(here.env | managed_url(here), names)
    finally:
        here.end()


sys.exit(0 if main() else 1)
