#!/usr/bin/env python3
"""Every command of docs/owners.md, typed in order into one shell, with the unmodified az 2.74.

Left out are those of the guest, which has no machine here (az-guest.py tells that story), and the server's
start. Words in capitals are replaced by what they stand for.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
os.environ.setdefault("BOOTWARDEN_BIN", str(HERE.parent.parent / "build/asan/bin"))
sys.path.insert(0, str(HERE.parent / "support"))
from az import Az, NOISE  # noqa: E402
from owner import Owner  # noqa: E402

SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
LIMIT_S = 120
ELSEWHERE = re.compile(r"^(bootwarden-server|bootwarden-agent|apt|install|systemctl|printf '(server|join))")
# No guest has joined here: the exit code of a command that says so.
ENDS_WITH = {"bootwarden vm show": 1}
# An az in PATH that is the chroot's, in the folder that the shell is in, too.
AZ = """#!/bin/bash
exec {super} /usr/sbin/chroot {root} env -i {words} BOOTWARDEN_SUBSCRIPTION="$BOOTWARDEN_SUBSCRIPTION" \\
    bash -c 'cd {inside} && exec az "$@"' az "$@"
"""


def commands(text):
    """Of the page: what is indented by four, without the words behind three spaces or more."""
    whole = re.sub(r"\\\n\s+", "", text)
    found = [re.sub(r" {3,}.*", "", line[4:]) for line in whole.splitlines() if line.startswith("    ") and line[4] != " "]
    return [one for one in found if not ELSEWHERE.match(one)]


def typed(shell, command, limit=LIMIT_S):
    """Its exit code and what it said, both of them."""
    shell.stdin.write(f"{{ {command}\n}} >said 2>&1 </dev/null; echo $? >&3\n")
    shell.stdin.flush()
    return int(shell.codes.readline())


def main():
    owner = Owner()
    az = Az("2.74", owner.env)
    passed, failed = 0, 0
    try:
        os.chmod(az.home, 0o755)
        (az.home / "bin").mkdir()
        words = " ".join(f"'{name}={value}'" for name, value in az.environment().items())
        (az.home / "bin/az").write_text(AZ.format(super=" ".join(az.super), root=az.root, words=words, inside=az.inside))
        (az.home / "bin/az").chmod(0o755)
        shutil.copytree(SOURCE / "examples", az.home / "examples")
        (az.home / "tools").symlink_to(SOURCE / "tools")
        path = f"{az.home}/bin:{os.environ['BOOTWARDEN_BIN']}:{os.environ['PATH']}"
        read, write = os.pipe()
        shell = subprocess.Popen(["timeout", "--foreground", str(20 * LIMIT_S), "bash", "-c", f"exec bash 3>&{write}"], text=True,
                                 stdin=subprocess.PIPE, cwd=az.home, pass_fds=[write], env={"PATH": path, "HOME": str(az.home)})
        os.close(write)
        shell.codes = os.fdopen(read)
        means = {"DIR": str(owner.env["data"]), "HOST": "127.0.0.1", "PORT": owner.env["BOOTWARDEN_ENDPOINT"].rsplit(":", 1)[1], "NSG": "webNSG",
                 "OID": json.loads(owner.command("user", "list", "--output", "json"))["users"][0]["objectId"]}
        todo = commands((SOURCE / "docs/owners.md").read_text(encoding="utf-8"))
        while todo:
            command = re.sub(r"\b(DIR|HOST|PORT|NSG|OID)\b", lambda found: means[found[0]], todo.pop(0))
            code = typed(shell, command)
            said = (az.home / "said").read_text(encoding="utf-8")
            wanted = next((right for start, right in ENDS_WITH.items() if command.startswith(start)), 0)
            print(f"{'ok   ' if code == wanted else 'FAULT'} {command[:110]}", flush=True)
            if code != wanted:
                failed += 1
                print("\n".join(line for line in said.splitlines() if not re.search(NOISE, line))[-800:])
                continue
            passed += 1
            if "az-env --login" in command:  # what it prints is typed, too, with the first way of signing in
                printed = re.sub(r"\\\n\s+", "", said).splitlines()
                todo[:0] = [line for line in printed if line.startswith("az cloud register") or line.startswith("az cloud set")
                            or line.startswith("az login --service-principal")]
        shell.stdin.close()
        shell.wait(timeout=LIMIT_S)
    finally:
        az.end()
        owner.world.end()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed < 15 else 0


sys.exit(main())
