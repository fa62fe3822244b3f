#!/usr/bin/env python3
"""Without the public corpora beside the checkout, tests that need them say so and skip, and nothing
fails: a newcomer's clone has no such folder."""
import os
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
programs = pathlib.Path(os.environ["BOOTWARDEN_BIN"]).parent / "tests"
environment = {**os.environ, "BOOTWARDEN_DATA": "/nonexistent"}
faults = []
skipped = 0
for path in sorted((source / "tests/unit").rglob("t-*.c")):
    wanted = path.read_text().count("test_needs_public_data();")
    if wanted == 0:
        continue
    program = programs / f"test-{path.parent.name}-{path.stem}"
    run = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=600)
    said = run.stdout.count("skipped: no public corpora")
    skipped += said
    if run.returncode != 0:
        faults.append(f"{program.name} ended with {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    if said != wanted:
        faults.append(f"{program.name}: {said} tests skipped, {wanted} ask for the corpora")
print(f"figure: {skipped} tests skip without the public corpora")
for fault in faults:
    print(f"FAULT: {fault}")
sys.exit(1 if faults or skipped == 0 else 0)
