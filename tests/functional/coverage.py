#!/usr/bin/env python3
"""docs/verification-coverage.md against the tests: a rule that is done or done in part has a test
that names it, every rule has exactly one line, and states are words that the page explains."""
import os
import pathlib
import re
import sys

source = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
page = (source / "docs/verification-coverage.md").read_text()
rows = re.findall(r"^\| ((?:ORD|Q|AK|L|D|SB|B|ALG|X|J|S)-\d+) \| (\w+) \| (.+) \|$", page, re.M)
counts = {"ORD": 1, "Q": 22, "AK": 13, "L": 16, "D": 5, "SB": 17, "B": 14, "ALG": 7, "X": 10, "J": 10, "S": 9}
tests = "\n".join(path.read_text(errors="replace") for path in (source / "tests").rglob("*")
                  if path.suffix in (".c", ".h", ".sh", ".py") and path.name != "coverage.py")
named = set(re.findall(r"(?<![A-Za-z0-9])((?:ORD|Q|AK|L|D|SB|B|ALG|X|J|S)[-_]\d+)(?![0-9])", tests))
named = {name.replace("_", "-") for name in named} | {"S-9"}  # S-9 is proven below
faults = []
seen = [row[0] for row in rows]
for prefix, count in counts.items():
    for number in range(1, count + 1):
        if seen.count(f"{prefix}-{number}") != 1:
            faults.append(f"{prefix}-{number} has {seen.count(f'{prefix}-{number}')} lines")
for rule, state, remark in rows:
    if state not in ("done", "part", "none", "later"):
        faults.append(f"{rule}: state '{state}'")
    if state in ("done", "part") and rule not in named:
        faults.append(f"{rule} is {state}, but no test names it")
    if state in ("part", "later") and len(remark) < 20:
        faults.append(f"{rule}: says too little about what is missing")
# S-9: each fuzz target has seeds that every test run replays.
for target in (source / "fuzz").glob("fuzz-*.c"):
    corpus = source / "fuzz/corpus" / target.stem.removeprefix("fuzz-")
    if not corpus.is_dir() or not any(corpus.iterdir()):
        faults.append(f"{target.name} has no seeds in {corpus.relative_to(source)}")
# Every note that an appraisal makes has its line.
notes = re.findall(r"^\| `([a-z0-9-]+)` \|", (source / "docs/reason-codes.md").read_text(), re.M)
for path in (source / "src/appraise").glob("*.c"):
    for code in re.findall(r'job_note\(\s*job,\s*"([a-z0-9-]+)"', path.read_text()):
        if code not in notes:
            faults.append(f"note {code} of {path.name} is not in docs/reason-codes.md")
states = [row[1] for row in rows]
print(f"figure: {len(rows)} rules: {states.count('done')} done, {states.count('part')} in part, "
      f"{states.count('none')} without code, {states.count('later')} later")
for fault in faults:
    print(f"FAULT: {fault}")
sys.exit(1 if faults else 0)
