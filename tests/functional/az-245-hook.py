#!/usr/bin/env python3
"""The owner's side with Debian 12's azure-cli 2.45.0 in its own profile, with a start-up hook beside it that lowers
two API versions.
tests/support/az_story.py says what is done."""
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BOOTWARDEN_SOURCE", str(HERE.parent.parent))
os.environ.setdefault("BOOTWARDEN_BIN", str(HERE.parent.parent / "build/asan/bin"))
sys.path.insert(0, str(HERE.parent / "support"))
import az_story  # noqa: E402

az_story.main("2.45-hook")
