#!/usr/bin/env python3
"""run.py - end-to-end scenarios with real virtual machines.

    tests/e2e/vm/run.py [--keep] [--jobs N] [SCENARIO...]
    tests/e2e/vm/run.py --list

  --keep     leave the folder with machines, disks and logs, and say where it is
  --jobs N   so many scenarios at a time (default: one for each processor, at most 2)

The programs are those in the folder BOOTWARDEN_BIN (default: build/release/bin); the agent in the
guest comes from BOOTWARDEN_RELEASE_BIN when that is set.
Exit 0 when all passed, 1 when one failed, 2 on wrong usage, 4 when the lab cannot work here.
"""
import argparse
import concurrent.futures
import importlib
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import processes  # noqa: E402
from fault import Fault, LabError  # noqa: E402
from lab import Lab, Scene  # noqa: E402

FIRST = "healthy"  # the others begin with what it leaves
MOST_JOBS = 2


def names():
    found = sorted(path.stem.replace("_", "-") for path in (HERE / "scenarios").glob("[a-z]*.py"))
    return [FIRST, *(name for name in found if name != FIRST)]


def arguments():
    parser = argparse.ArgumentParser(usage="run.py [--keep] [--jobs N] [SCENARIO...] | --list", add_help=False)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=max(1, min(MOST_JOBS, os.cpu_count() or 1)))
    parser.add_argument("--help", action="store_true")
    parser.add_argument("scenarios", nargs="*")
    wanted = parser.parse_args()
    unknown = [name for name in wanted.scenarios if name not in names()]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {', '.join(names())}")
    wanted.scenarios = wanted.scenarios or names()
    return wanted


def play(lab, name):
    """One scenario: its fault in words, or None."""
    started = time.monotonic()
    try:
        if name != FIRST:
            lab.healthy()
            started = time.monotonic()  # the wait for it is not this one's
        importlib.import_module(f"scenarios.{name.replace('-', '_')}").scenario(Scene(lab, name))
        fault = None
    except (Fault, LabError) as error:
        fault = str(error)
    except Exception:  # a mistake in a scenario is a fault as well, and the others go on
        fault = traceback.format_exc()
    if processes.stopping():
        return fault
    seconds = time.monotonic() - started
    print(f"FAULT: {name} ({seconds:.1f} s): {fault}" if fault else f"ok {name} ({seconds:.1f} s)", flush=True)
    return fault


def interrupted(number, _):
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def play_all(lab, wanted):
    """Plays the scenarios; how many failed."""
    pool = concurrent.futures.ThreadPoolExecutor(wanted.jobs)
    try:
        waiting = [pool.submit(play, lab, name) for name in wanted.scenarios]
        return sum(1 for scenario in waiting if scenario.result())
    except BaseException:
        processes.stop_all()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def figure(words, seconds):
    if seconds:
        print(f"figure: {len(seconds)} {words}: median {statistics.median(seconds):.1f} s, "
              f"slowest {max(seconds):.1f} s")


def main():
    wanted = arguments()
    if wanted.help or wanted.list:
        print(__doc__.strip() if wanted.help else "\n".join(names()))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bootwarden-vm."))
    try:
        started = time.monotonic()
        lab = Lab(folder)
        failed = play_all(lab, wanted)
        for words, seconds in lab.boots:
            print(f"  {seconds:6.1f} s  {words}")
        figure(f"boots of virtual machines, {wanted.jobs} at a time", [seconds for _, seconds in lab.boots])
        figure("attestations in virtual machines, from session to report", [ms / 1000 for ms in lab.rounds_ms])
        print(f"figure: {len(wanted.scenarios)} scenarios with virtual machines: {time.monotonic() - started:.0f} s")
    except LabError as error:
        print(f"FAULT: {error}")
        return 4
    finally:
        if wanted.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(wanted.scenarios) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
