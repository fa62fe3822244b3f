"""Runs several command lines of the az that is installed here, each in a child of one process that has
loaded the modules they share: az's own entry program, unmodified, without its second of loading.

Standard input: one JSON object a line, {"words": [...], "out": FILE, "err": FILE, "limit": SECONDS};
standard output: the exit code of each, a line each.
"""
import importlib
import json
import os
import runpy
import signal
import sys

SHARED = ("azure.cli.core", "azure.cli.core.commands", "azure.cli.core.commands.parameters", "azure.cli.core.aaz",
          "azure.cli.core.commands.arm", "azure.cli.core.commands.client_factory", "azure.cli.core._profile",
          "azure.cli.core.auth.identity", "azure.cli.core.extension", "azure.core.polling", "azure.mgmt.core",
          "azure.cli.command_modules.vm", "azure.cli.command_modules.vm.commands",
          "azure.cli.command_modules.resource", "azure.cli.command_modules.network", "msal", "requests")
ENTRY = "/usr/bin/az"


def run(order):
    """In the child. Never returns."""
    for number, name in ((1, order["out"]), (2, order["err"])):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    signal.alarm(int(order["limit"]))
    sys.argv = [ENTRY, *order["words"]]
    code = 0
    try:
        runpy.run_path(ENTRY, run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # as the interpreter itself would end
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main():
    for name in SHARED:
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # another release has it elsewhere: its child loads it
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            run(order)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


main()
