#!/usr/bin/env python3
"""`bootwarden eventlog` on every kind of file: logs of confidential VMs, canonical logs, and what is no
log, which is called what it is. `bootwarden verify` judges no log of a confidential VM (L-10)."""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ["BOOTWARDEN_BIN"]) / "bootwarden"
SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
BOOTS = SOURCE / "tests/vectors/boots"
GOOD = BOOTS / "a-secureboot-healthy"
SIZES = {4: 20, 11: 32, 12: 48, 13: 64}
failed = passed = 0


def run(*arguments, stdin=None):
    done = subprocess.run([BIN, *arguments], capture_output=True, input=stdin, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(name, good):
    global failed, passed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED: {name}", file=sys.stderr)


def events(log):
    size = struct.unpack_from("<I", log, 28)[0]
    at = 32 + size
    yield 0, 3, {}, log[32:at]
    while at < len(log):
        pcr, kind, count = struct.unpack_from("<III", log, at)
        at, digests = at + 12, {}
        for _ in range(count):
            alg, = struct.unpack_from("<H", log, at)
            digests[alg] = log[at + 2:at + 2 + SIZES[alg]]
            at += 2 + SIZES[alg]
        size, = struct.unpack_from("<I", log, at)
        yield pcr, kind, digests, log[at + 4:at + 4 + size]
        at += 4 + size


def as_ccel(log):
    """The same boot in the registers of a confidential VM, and their values in SHA-256."""
    everything = list(events(log))
    header = everything[0][3]
    out = struct.pack("<II", 1, 3) + bytes(20) + struct.pack("<I", len(header)) + header
    values = {1: bytes(32), 2: bytes(32), 3: bytes(32)}
    for pcr, kind, digests, data in everything[1:]:
        if pcr == 0 or (kind == 4 and pcr not in (4, 7)):
            continue
        register = 1 if pcr in (1, 7) else 2 if pcr < 7 else 3
        out += struct.pack("<III", register, kind, len(digests))
        out += b"".join(struct.pack("<H", alg) + digest for alg, digest in digests.items())
        out += struct.pack("<I", len(data)) + data
        if kind != 3:
            values[register] = hashlib.sha256(values[register] + digests[11]).digest()
    return out, values


work = pathlib.Path(tempfile.mkdtemp())
try:
    # ---- the log of a confidential VM ----
    ccel, values = as_ccel((GOOD / "eventlog.bin").read_bytes())
    padded = work / "CCEL"
    padded.write_bytes(ccel + b"\xff" * 1000)
    code, out, err = run("eventlog", "-o", "json", padded)
    log = json.loads(out)
    check("ccel is read with its padding", code == 0 and log["register_kind"] == "rtmr")
    check("values by name", log["registers"]["sha256"] ==
          {f"RTMR{number - 1}": value.hex() for number, value in values.items()})
    check("events by name", {event["register"] for event in log["events"][1:]} == {"RTMR0", "RTMR1", "RTMR2"})
    check("no PCR is named", not any("pcr" in event for event in log["events"]))
    check("Secure Boot", log["facts"]["secure_boot"]["state"] == "enabled")
    check("its worth is said", any(odd["code"] == "shared-registers" for odd in log["oddities"]))
    code, out, err = run("eventlog", padded)
    check("text names registers", code == 0 and "confidential VM" in out and "\n  RTMR0 " in out and "  PCR " not in out)
    code, out, err = run("eventlog", "--pcr", "2", "--events", padded)
    check("filter by number", code == 0 and "RTMR1" in out and "RTMR0" not in out)
    padded.write_bytes(ccel + b"\xff" * 1000 + b"\0")
    code, out, err = run("eventlog", padded)
    check("other padding is refused with its place", code == 2 and "at byte" in err and out == "")

    # ---- and evidence with it: cannot judge, not healthy ----
    folder = work / "boot"
    shutil.copytree(GOOD, folder)
    (folder / "eventlog.bin").write_bytes(ccel)
    code, out, err = run("verify", folder, "--trust", f"ek={GOOD}/ca_root.pem", "--time", "2026-12-01", "-o", "json")
    result = json.loads(out)
    check("verify does not judge it", code == 1 and result["verdict"] in ("cannot-judge", "not-verified"))
    check("verify says why", any(reason["code"] == "log-unsupported" and "RTMR" in reason["text"]
                                 for reason in result["reasons"]))
    code, out, err = run("verify", GOOD, "--trust", f"ek={GOOD}/ca_root.pem", "--baseline", folder, "--time", "2026-12-01")
    check("nor takes it as baseline", code == 2 and "no baseline" in err)

    # ---- canonical logs ----
    cel = SOURCE / "fuzz/corpus/cel/cos"
    code, out, err = run("eventlog", cel)
    check("cel as text", code == 0 and "canonical event log" in out and "RTMR3" in out and "image reference" in out)
    check("cel, all authentic", "[not what was measured" not in out)
    code, out, err = run("eventlog", "-o", "json", "-", stdin=cel.read_bytes())
    log = json.loads(out)
    check("cel as JSON", log["format"] == "cel-tlv" and len(log["records"]) == 6 and
          all(record["matches_data"] for record in log["records"]))
    changed = cel.read_bytes().replace(b"A=b", b"A=\x1b")
    code, out, err = run("eventlog", "-", stdin=changed)
    check("a changed content is marked, and escaped", "A=\\x1b [not what was measured" in out and "\x1b" not in out)
    code, out, err = run("eventlog", "-", stdin=cel.read_bytes()[:-1])
    check("a cut cel is refused with its place", code == 2 and "at byte" in err and "record 5" in err)

    def field(kind, value):
        return struct.pack(">BI", kind, len(value)) + value

    def record(number, index):
        content = b"event of index %d" % index
        return (field(0, struct.pack(">Q", number)) + field(2, struct.pack(">I", index)) +
                field(3, field(11, hashlib.sha256(content).digest())) + field(9, content))

    many = b"".join(record(i, i % 66) for i in range(140))
    code, out, err = run("eventlog", "-", stdin=many)
    check("registers beyond the limit are told of", code == 0 and "Not shown: 4 records of further registers" in out)
    code, out, err = run("eventlog", "-o", "json", "-", stdin=many)
    check("also in JSON", json.loads(out)["records_without_register"] == 4)

    # ---- differences ----
    keys = next((SOURCE / "tests/vectors/boots/k-uki-healthy").glob("efivars/db-*"), None)
    uki = BOOTS / "k-uki-healthy"
    code, out, err = run("eventlog", "diff", uki, uki)
    check("a test key is bad", code == 1 and "unhealthy: a test key" in out)
    code, out, err = run("eventlog", "diff", uki, uki, "--trust", f"db={keys}")
    check("unless it is named", code == 0 and "healthy: nothing unexplained" in out)
    code, out, err = run("eventlog", "diff", uki, uki, "--trust", f"ek={keys}")
    check("other anchors are refused", code == 2 and "only db=PATH" in err)
    code, out, err = run("eventlog", "diff", uki, uki, "--trust", f"db={work}/none")
    check("a missing anchor is named", code == 2 and f"{work}/none" in err)
    code, out, err = run("eventlog", "diff", BOOTS / "f-kernel-update", GOOD)
    check("an older kernel does not explain itself", code == 1 and
          "an OLDER one" in out.splitlines()[0] and "UNEXPLAINED  kernel:" in out)

    # ---- what is no log ----
    seeds = SOURCE / "fuzz/corpus/file-kind"
    for name, content, words in (
            ("empty", b"", "it is empty"), ("zeros", bytes(4096), "nothing but zeros"),
            ("ones", b"\xff" * 4096, "nothing but bytes of FF"), ("text", b"hello world\n" * 9, "this is text"),
            ("json", b'{"a": 1}' * 9, "this is JSON"), ("ima", (seeds / "ima").read_bytes(), "IMA measurement list"),
            ("acpi", (seeds / "acpi-ccel").read_bytes(), "the ACPI table CCEL"),
            ("pem", (GOOD / "ca_root.pem").read_bytes(), "this is a certificate"),
            ("quote", b"\xffTCG\x80\x18" + bytes(100), "this is a quote of a TPM"),
            ("cut", (GOOD / "eventlog.bin").read_bytes()[:-1], "at byte"),
            ("noise", bytes(range(1, 200)), "at byte")):
        code, out, err = run("eventlog", "-", stdin=content)
        check(f"{name} is called what it is: {err}", code == 2 and words in err and out == "")
finally:
    shutil.rmtree(work)
print(f"eventlog-kinds: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
