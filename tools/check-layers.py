#!/usr/bin/env python3
"""Hold every #include in src/ against the rooms that src/CMakeLists.txt lets its folder use.

A room may include itself, what its `USES` names, and what those use. Exit 1 names each breach.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent / "src"
uses = {}
folders = {}
for kind, words in re.findall(r"^(room|program)\(([^)]*)\)", (root / "CMakeLists.txt").read_text(), re.M):
    words = words.split()
    name = words[0]
    folder = words[1] if kind == "program" else name
    direct = []
    if "USES" in words:
        for word in words[words.index("USES") + 1:]:
            if word == "LIBS":
                break
            direct.append(word)
    uses[folder] = direct


def reach(room, seen):
    for used in uses.get(room, []):
        if used not in seen:
            seen.add(used)
            reach(used, seen)
    return seen


faults = 0
for path in sorted(root.glob("*/*.[ch]")):
    room = path.parent.name
    if room not in uses:
        print(f"{path.relative_to(root.parent)}: folder is no room in src/CMakeLists.txt")
        faults += 1
        continue
    allowed = reach(room, {room})
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'#include "([a-z0-9-]+)/', line)
        if match and match.group(1) in uses and match.group(1) not in allowed:
            print(f"{path.relative_to(root.parent)}:{number}: {room} may not use {match.group(1)}")
            faults += 1
        elif match and match.group(1) not in uses:
            print(f"{path.relative_to(root.parent)}:{number}: there is no room {match.group(1)}")
            faults += 1
sys.exit(1 if faults else 0)
