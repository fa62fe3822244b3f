#!/usr/bin/env python3
"""`bootwarden verify` on evidence put together from several genuine boots: nothing of it passes.

The pieces are all real; only their combination is a lie. Each case names the rule it proves.
"""
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
BOOTS = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"]) / "tests/vectors/boots"
GOOD, LATER, UPDATE = "a-secureboot-healthy", "i-powercycle", "f-kernel-update"  # one machine, one AK
manifest = json.loads((BOOTS / GOOD / "manifest.json").read_text())


def verify(folder, *more):
    done = subprocess.run([BIN, "verify", folder, "--trust", f"ek={BOOTS / GOOD}/ca_root.pem", "--time",
                           "2026-12-01", "--enrolled-ak", manifest["ak_rsa_name"], "--enrolled-ak",
                           manifest["ak_ecc_name"], "-o", "json", *more], capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1):
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def append_event(log, pcr, kind, digests, data):
    return log + struct.pack("<III", pcr, kind, len(digests)) + b"".join(
        struct.pack("<H", alg) + digest for alg, digest in digests) + struct.pack("<I", len(data)) + data


def take(*names):
    """Files of a later boot in place of the good one's."""
    return lambda folder: [shutil.copy(BOOTS / LATER / name, folder) for name in names]


def edit_log(edit):
    def change(folder):
        path = folder / "eventlog.bin"
        path.write_bytes(edit(path.read_bytes()))
    return change


def ima_record(text, pcr=10):
    return struct.pack("<I", pcr) + hashlib.sha1(text).digest() + struct.pack("<I", 6) + b"ima-ng" + \
        struct.pack("<I", len(text)) + text


def ima_starts(bytes_):
    """Where each record of a list begins, and its end."""
    starts, at = [0], 0
    while at < len(bytes_):
        at += 24
        for _ in range(2):  # the template's name, its data
            at += 4 + struct.unpack_from("<I", bytes_, at)[0]
        starts.append(at)
    return starts


def edit_ima(edit):
    def change(folder):
        path = folder / "ima.bin"
        path.write_bytes(edit(path.read_bytes()))
    return change


ZEROS = [(0x0004, bytes(20)), (0x000b, bytes(32)), (0x000c, bytes(48))]
CASES = [
    # name, what is done to a copy of the good boot, reason that must be there
    ("untouched", lambda folder: None, None),
    ("Q-16 quotes of two boots", take("quote_rsa_allbanks.attest", "quote_rsa_allbanks.sig"), "quotes-mixed"),
    ("Q-19 log of the boot before an update", lambda folder: [
        shutil.copy(BOOTS / UPDATE / name, folder) for name in
        ("quote_rsa.attest", "quote_rsa.sig", "pcrs_sha256.bin", "pcrs_sha1.bin", "pcrs_sha384.bin", "ima.bin",
         "quote_rsa_allbanks.attest", "quote_rsa_allbanks.sig", "quote_ecc.attest", "quote_ecc.sig")], "log-replay"),
    ("Q-12 PCR values of another boot", lambda folder: shutil.copy(
        BOOTS / UPDATE / "pcrs_sha256.bin", folder), "pcr-digest"),
    ("Q-5 signature of another scheme", lambda folder: shutil.copy(
        BOOTS / GOOD / "quote_ecc.sig", folder / "quote_rsa.sig"), "signature"),
    ("Q-3 signature over the other quote", lambda folder: shutil.copy(
        BOOTS / GOOD / "quote_rsa_allbanks.sig", folder / "quote_rsa.sig"), "signature"),
    ("B-10 an event appended to PCR 8", edit_log(
        lambda log: append_event(log, 8, 0x0D, ZEROS, b"grub_cmd: true\0")), "log-replay"),
    ("B-10 an event appended to a PCR nobody extended", edit_log(
        lambda log: append_event(log, 15, 0x0D, ZEROS, b"x")), "log-replay"),
    ("L-4 a partial record at the end", edit_log(lambda log: log + b"\x08\0\0\0"), "log-malformed"),
    ("L-5 an empty log", edit_log(lambda log: b""), "no-log"),
    ("L-5 a log of zeros", edit_log(lambda log: bytes(len(log))), "no-log"),
    ("L-12 no IMA list, PCR 10 quoted", lambda folder: (folder / "ima.bin").unlink(), "log-unexplained-pcr"),
    ("L-12 an IMA record changed", lambda folder: (folder / "ima.bin").write_bytes(
        (BOOTS / GOOD / "ima.bin").read_bytes()[:-1] + b"~"), "ima-replay"),
    ("L-12 an IMA list that grew since the quote", edit_ima(
        lambda ima: ima + b"".join(ima_record(b"later %d" % i) for i in range(30))), None),
    ("L-12 an IMA list cut before the quoted value", edit_ima(lambda ima: ima[:ima_starts(ima)[-2]]), "ima-replay"),
    ("L-12 an IMA list that lacks a record in the middle", edit_ima(
        lambda ima: ima[:ima_starts(ima)[3]] + ima[ima_starts(ima)[4]:] + ima_record(b"later")), "ima-replay"),
    ("L-12 an IMA list with a record put in", edit_ima(
        lambda ima: ima[:ima_starts(ima)[3]] + ima_record(b"more") + ima[ima_starts(ima)[3]:]), "ima-replay"),
    ("L-12 a record for another PCR behind the quoted part", edit_ima(
        lambda ima: ima + ima_record(b"later", 11)), "ima-replay"),
    ("AK-10 EK certificate of another TPM", lambda folder: shutil.copy(
        BOOTS / "k-uki-healthy/ek_rsa_cert.der", folder), "ek-chain"),
    ("AK-5 no EK certificate at all", lambda folder: [
        (folder / name).unlink() for name in ("ek_rsa_cert.der", "ek_ecc_cert.der")], "ek-chain"),
    ("Q-4 a quote cut by one byte", lambda folder: (folder / "quote_rsa.attest").write_bytes(
        (BOOTS / GOOD / "quote_rsa.attest").read_bytes()[:-1]), "attest-malformed"),
    ("Q-4 a quote with a byte behind it", lambda folder: (folder / "quote_rsa.attest").write_bytes(
        (BOOTS / GOOD / "quote_rsa.attest").read_bytes() + b"\0"), "attest-malformed"),
]


def main():
    failed = 0
    for name, change, wanted in CASES:
        with tempfile.TemporaryDirectory() as work:
            folder = pathlib.Path(work) / "boot"
            shutil.copytree(BOOTS / GOOD, folder)
            change(folder)
            answer = verify(folder)
            codes = {reason["code"] for reason in answer["reasons"]}
            good = answer["verdict"] == "healthy" if wanted is None else \
                answer["verdict"] in ("not-verified", "cannot-judge") and wanted in codes
            if not good:
                print(f"FAULT: {name}: {answer['verdict']} {sorted(codes)}, wanted {wanted}")
                failed += 1
    # A genuine IMA list may have grown since the quote, but not be damaged there.
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work) / "boot"
        shutil.copytree(BOOTS / GOOD, folder)
        grown = (BOOTS / UPDATE / "ima.bin").read_bytes()
        record = grown[len(grown) - 200:]  # no whole record: only checks that damage behind the quote is found
        (folder / "ima.bin").write_bytes((BOOTS / GOOD / "ima.bin").read_bytes() + record)
        if "ima-replay" not in {reason["code"] for reason in verify(folder)["reasons"]}:
            print("FAULT: a damaged record behind the quoted part of the IMA list is not found")
            failed += 1
    print(f"verify-mixed: {len(CASES) + 1 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
