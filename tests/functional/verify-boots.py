#!/usr/bin/env python3
"""`bootwarden verify` on every recorded boot: the verdicts and findings that the manifests demand.

Options per boot: the EK anchor of the lab, the boot's own nonce, the AK names that its manifest
says were made under the EK, the db file where test keys are meant, the baseline that it names.
"""
import json
import os
import pathlib
import subprocess
import sys

BIN = pathlib.Path(os.environ["BOOTWARDEN_BIN"]) / "bootwarden"
BOOTS = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"]) / "tests/vectors/boots"
TIME = "2026-12-01T00:00:00Z"

# What a manifest's word allows (decisions section 1).
ALLOWED = {
    "trusted": {"healthy"},
    "trusted-after-update": {"healthy", "changed"},
    "changed": {"changed"},
    "untrusted": {"unhealthy", "not-verified", "cannot-judge"},
    "no-evidence": {"cannot-judge"},
}
# The reason code of each fault, and no other code of its verdict beside it unless named here.
REASONS = {
    "j-attest-wrong-magic": {"magic"},
    "j-ek-foreign-ca": {"ek-chain"},
    "j-log-cmdline-text-forged": {"event-digest"},
    "j-log-secureboot-text-forged": {"event-digest", "secure-boot-unknown"},
    "j-log-sha1-digests-forged": {"log-replay"},
    "j-log-truncated": {"log-replay"},
    "j-old-log-new-quote": {"log-replay"},
    "j-quote-from-other-ak": {"signature"},
    "j-quote-replayed": {"nonce"},
    "j-quote-without-pcr7": {"pcr-missing"},
    "j-software-ak": {"ak-unproven"},
    "b-secureboot-off": {"secure-boot-off"},
    "b-secureboot-off-nolog": {"no-log"},
    "b-setup-mode": {"secure-boot-off", "secure-boot-keys-missing"},
    "d-extra-bootloader-sboff": {"secure-boot-off"},
    "d-grub-tampered-sboff": {"secure-boot-off"},
    "d-kernel-tampered-sboff": {"secure-boot-off"},
    "h-dbx-revokes-loader-sboff": {"secure-boot-off", "revoked-image"},
    "m-shim-validation-disabled": {"shim-validation-off"},
    "m-shim-validation-disabled-nolog": {"no-log"},
    "e-unsigned-grub-refused-by-shim": {"no-evidence"},
    "e-unsigned-loader-refused": {"no-evidence"},
    "h-dbx-revokes-loader-sbon": {"no-evidence"},
}
# The changes against the baseline, all of them, with whether something explains them. A boot that
# is not listed shows none.
CHANGES = {
    "c-cmdline-changed": {"change-cmdline": False, "change-grub-config": False},
    "d-extra-bootloader-sboff": {"change-loader": False},
    "d-grub-tampered-sboff": {"change-loader": False},
    "d-initrd-tampered": {"change-initrd": False},
    "d-kernel-tampered-sboff": {"change-kernel": False},
    "e-refused-then-fallback": {"change-boot-path": False, "change-grub-config": False},
    "f-kernel-update": {"change-kernel": True, "change-cmdline": True, "change-initrd": False,
                        "change-grub-config": False},
    "g-mok-own-kernel": {"change-mok": False, "change-kernel": False},
    "g-mok-unused": {"change-mok": False},
    "h-dbx-update": {"change-dbx": True},
    "j-log-cmdline-text-forged": {"change-cmdline": False, "change-grub-config": False},
    "k-uki-creds-sysext": {"change-credentials": False, "change-sysext": False,
                           "change-initrd": False},
    "k-uki-update": {"change-uki": True, "change-initrd": False},
    "p-two-vcpus": {"change-firmware": False},
}


def options(name, manifest, with_baseline):
    folder = BOOTS / name
    args = ["--trust", f"ek={folder}/ca_root.pem", "--time", TIME, "--output", "json"]
    if manifest.get("nonce"):
        args += ["--nonce", manifest["nonce"]]
    named = manifest.get("ak_created_under_this_ek") or name in ("j-attest-wrong-magic", "j-quote-without-pcr7")
    for key in ("ak_rsa_name", "ak_ecc_name"):
        if named and key in manifest:
            args += ["--enrolled-ak", manifest[key]]
    if name.startswith("k-uki-") or name == "n-systemd-boot":
        args += ["--trust", "db=" + str(next(folder.glob("efivars/db-*")))]
    if with_baseline and "baseline" in manifest:
        args += ["--baseline", str(BOOTS / manifest["baseline"])]
    return args


def verify(name, manifest, with_baseline=True):
    done = subprocess.run([BIN, "verify", str(BOOTS / name)] + options(name, manifest, with_baseline),
                          capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1):
        raise AssertionError(f"exit {done.returncode}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    if (answer["verdict"] == "healthy") != (done.returncode == 0):
        raise AssertionError(f"verdict {answer['verdict']} with exit code {done.returncode}")
    return answer


def faults(name, manifest):
    """Everything about this boot that is not as it must be; also the row for the table."""
    found = []
    answer = verify(name, manifest)
    verdict = answer["verdict"]
    codes = {reason["code"] for reason in answer["reasons"]}
    word = manifest["expected_verdict"]
    allowed = ALLOWED.get(word)
    if word == "policy":
        allowed = {"changed"}
        alone = verify(name, manifest, with_baseline=False)
        if alone["verdict"] != "healthy":
            found.append(f"without baseline: {alone['verdict']}, wanted healthy")
        if "mok-enrolled" not in {note["code"] for note in alone["notes"]}:
            found.append("without baseline: the enrolled MOK is not listed")
    if name == "d-initrd-tampered":
        allowed = {"changed"}  # looks the same as a legitimate initramfs update
    if name.startswith("j-"):
        allowed = {"not-verified"}
    if verdict not in allowed:
        found.append(f"verdict {verdict}, wanted {' or '.join(sorted(allowed))}")
    wanted = REASONS.get(name)
    if wanted is not None:
        same_verdict = {code for code in codes if not code.startswith("change-")}
        missing = wanted - codes
        extra = same_verdict - wanted
        if missing:
            found.append(f"reasons {sorted(codes)} lack {sorted(missing)}")
        if extra:
            found.append(f"unexpected reasons {sorted(extra)}")
    changes = {change["code"]: change["explained"] for change in answer.get("changes", [])}
    if changes != CHANGES.get(name, {}):
        found.append(f"changes {changes}, wanted {CHANGES.get(name, {})}")
    if word == "trusted" and "baseline" in manifest and changes:
        found.append(f"a benign boot shows changes {changes}")
    shown = sorted(codes) if codes else []
    return found, (name, word, verdict, ", ".join(shown),
                   ", ".join(f"{code}{'' if explained else '!'}" for code, explained in changes.items()))


def main():
    names = sorted(path.parent.name for path in BOOTS.glob("*/manifest.json"))
    failed = 0
    red = green = 0
    print(f"table: {'boot':34} {'manifest':21} {'verdict':13} reasons | changes (! = unexplained)")
    for name in names:
        manifest = json.loads((BOOTS / name / "manifest.json").read_text())
        try:
            found, row = faults(name, manifest)
        except (AssertionError, json.JSONDecodeError, subprocess.TimeoutExpired) as error:
            found, row = [str(error)], (name, manifest["expected_verdict"], "ERROR", "", "")
        word, verdict = row[1], row[2]
        green += word == "untrusted" and verdict == "healthy"
        red += word in ("trusted", "trusted-after-update") and verdict not in ("healthy", "changed")
        print(f"table: {row[0]:34} {row[1]:21} {row[2]:13} {row[3]} | {row[4]}")
        for fault in found:
            print(f"  FAULT: {fault}")
        failed += bool(found)
    print(f"table: {len(names)} boots, {failed} not as they must be; "
          f"{red} benign ones red, {green} malicious ones green")
    if len(names) != 42:
        print(f"  FAULT: {len(names)} boots found, 42 are recorded")
        failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
