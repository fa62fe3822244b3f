#!/usr/bin/env python3
"""A systemctl for tests: daemon-reload, restart, start and stop of units in $BOOTWARDEN_ROOT/run, as far as
ExecStart goes. Each process is one of its own session, as under systemd. SYSTEMCTL_FAILS: nothing works."""
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

units = pathlib.Path(os.environ["BOOTWARDEN_ROOT"]) / "run/systemd/system"
verb, unit = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
with open(os.environ["SYSTEMCTL_LOG"], "a", encoding="utf-8") as log:
    log.write(f"{verb} {unit}\n")
if os.environ.get("SYSTEMCTL_FAILS"):
    sys.exit(1)
if verb == "daemon-reload":
    sys.exit(0)
if "LD_LIBRARY_PATH" in os.environ:
    sys.exit("the libraries of the extension are not the system's")
pid_file = units / f"{unit}.pid"


def stop():
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    pid_file.unlink()
    for _ in range(1000):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    sys.exit(f"{pid} does not end")


if verb in ("stop", "restart"):
    stop()
if verb in ("start", "restart"):
    words = next(line.removeprefix("ExecStart=") for line in (units / unit).read_text().splitlines()
                 if line.startswith("ExecStart="))
    process = subprocess.Popen(shlex.split(words), start_new_session=True, cwd="/", stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid_file.write_text(str(process.pid))
