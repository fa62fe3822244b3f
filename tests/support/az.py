"""az.py - Azure's own command line client, unmodified, in its chroot (tools/az-root), against a server.

    az = Az("2.74", env)            # env: the assignments of a server's dev.env
    az.register()                   # cloud register, cloud set
    az.login()                      # as the service principal of dev.env
    shown = az.run("vm", "show", "-g", "rg", "-n", "vm").value
    first, second = az.run_many(["group", "list"], ["vm", "list"])
    az.end()

Each has a HOME of its own in the chroot: several do not disturb each other. Nothing is mounted: files are
copied in by put(). A run of a real process takes about a second, most of it az's own loading; run_many()
forks from a process that has loaded once.
"""
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
CLOUD = "Local"
LIMIT_S = 120
# What Debian's packages say in every run: modules that miss libraries of theirs.
NOISE = "Warning:|Error loading command module|WARNING: The default value of '--size'"
HYBRID = "2020-09-01-hybrid"
Way = collections.namedtuple("Way", "release profile hook")
# The three ways in which `az vm` runs: Debian 13's as it is; Debian 12's, whose default API versions its
# own libraries lack, in an older profile, or with a hook beside it.
WAYS = {"2.74": Way("trixie", None, False), "2.45-hybrid": Way("bookworm", HYBRID, False),
        "2.45-hook": Way("bookworm", None, True)}


class AzError(Exception):
    """az did not end as it should have."""


class Answer:
    """code, out, err; value: what was printed as JSON, None where it is not JSON."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = tuple(words), code, out, err
        self.value = None
        with contextlib.suppress(ValueError):
            self.value = json.loads(out)

    def __str__(self):
        said = [line for line in self.err.splitlines() if line.strip() and not re.search(NOISE, line)]
        words = " ".join(self.words[:1] + tuple("***" if before in ("-p", "--password") else word
                                                for before, word in zip(self.words, self.words[1:])))
        return f"az {words[:120]}: exit {self.code}: {' | '.join(said[-4:])[-500:]}"


def root_of(release):
    """The chroot's folder. Without the package source the test ends as skipped."""
    made = subprocess.run([SOURCE / "tools/az-root", release], capture_output=True, text=True)
    if made.returncode == 77:
        print(f"skipped: {made.stderr.strip().splitlines()[-1]}")
        sys.exit(77)
    if made.returncode != 0:
        raise AzError(made.stderr.strip())
    return pathlib.Path(made.stdout.strip())


def end_with(process, limit):
    """What it wrote and its exit code; past the limit it is ended."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, err = process.communicate()
        err += f"\nended after {limit} s"
    return out, err


class Az:
    def __init__(self, way, env):
        self.way, self.env = WAYS[way], env
        self.root = root_of(self.way.release)
        self.super = [] if os.geteuid() == 0 else ["sudo", "-n"]
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bootwarden.", dir=self.root / "tmp"))
        self.inside = "/" + str(self.home.relative_to(self.root))
        # Further environment, for every later run: MSI_ENDPOINT.
        self.more = {}
        self.put(env["BOOTWARDEN_CA"], "ca.pem")
        self.put(SOURCE / "tests/support/az-parts/forks.py")
        if self.way.hook:
            (self.home / "hook").mkdir()
            self.put(SOURCE / "tests/support/az-parts/sitecustomize.py", "hook/sitecustomize.py")

    def put(self, file, name=None):
        """Copies a file in; its path as az sees it."""
        name = name or pathlib.Path(file).name
        shutil.copyfile(file, self.home / name)
        return f"{self.inside}/{name}"

    def write(self, name, text):
        (self.home / name).write_text(text, encoding="utf-8")
        return f"{self.inside}/{name}"

    def environment(self):
        mine = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": self.inside,
                "AZURE_CONFIG_DIR": f"{self.inside}/.azure", "REQUESTS_CA_BUNDLE": f"{self.inside}/ca.pem",
                "AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_CORE_NO_COLOR": "yes", "AZURE_CORE_OUTPUT": "json",
                "AZURE_CORE_SURVEY_MESSAGE": "no", "AZURE_CORE_LOGIN_EXPERIENCE_V2": "no",
                # Nobody asks the metadata service of a cloud that a test may run in.
                "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1",
                "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1", "PYTHONWARNINGS": "ignore"}
        if self.way.hook:
            mine["PYTHONPATH"] = f"{self.inside}/hook"
        return mine | self.more

    def start(self, *command, **options):
        """A program of the chroot, with az's environment and nothing of ours."""
        words = [f"{name}={value}" for name, value in self.environment().items()]
        return subprocess.Popen([*self.super, "/usr/sbin/chroot", self.root, "env", "-i", *words, *command], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    @staticmethod
    def check(answer, code):
        if "Please run 'az login'" in answer.err:
            raise AzError(f"az {' '.join(answer.words)[:60]}: nobody is signed in")
        if code is not None and answer.code != code:
            raise AzError(f"{answer}; wanted exit {code}")
        return answer

    def run(self, *words, code=0, limit=LIMIT_S):
        """One real process; code None: any exit code is right."""
        process = self.start("az", *words, stdin=subprocess.DEVNULL)
        out, err = end_with(process, limit)
        return self.check(Answer(words, process.returncode, out, err), code)

    def run_many(self, *commands, codes=None, limit=LIMIT_S):
        """One after the other in forks of one process; codes: the exit code wanted of each."""
        orders = [{"words": words, "limit": limit, "out": f"{self.inside}/many{i}.out", "err": f"{self.inside}/many{i}.err"}
                  for i, words in enumerate(commands)]
        process = self.start("python3", f"{self.inside}/forks.py", stdin=subprocess.PIPE)
        process.stdin.write("".join(json.dumps(order) + "\n" for order in orders))
        out, err = end_with(process, limit * len(commands) + LIMIT_S)
        ended = [int(line) for line in out.split()]
        if len(ended) != len(commands):
            raise AzError(f"{len(ended)} of {len(commands)} commands ran: {err[-300:]}")
        return [self.check(Answer(words, ended[i], *(self.read(f"many{i}.{kind}") for kind in ("out", "err"))),
                           codes[i] if codes else 0) for i, words in enumerate(commands)]

    def read(self, name):
        return subprocess.run([*self.super, "cat", self.home / name], check=True, capture_output=True, text=True).stdout

    def register(self):
        """The server as a cloud of its own, by the endpoints of the AD FS mode."""
        end = self.env["BOOTWARDEN_ENDPOINT"]
        commands = [["cloud", "register", "-n", CLOUD, "--endpoint-resource-manager", end,
                     "--endpoint-management", f"{end}/", "--endpoint-active-directory", f"{end}/adfs",
                     "--endpoint-active-directory-resource-id", f"{end}/",
                     "--endpoint-active-directory-graph-resource-id", f"{end}/graph",
                     "--endpoint-vm-image-alias-doc", f"{end}/aliases.json"],
                    ["cloud", "set", "-n", CLOUD]]
        if self.way.profile:
            commands.append(["cloud", "update", "-n", CLOUD, "--profile", self.way.profile])
        return self.run_many(*commands)

    def login(self, code=0, secret=None):
        """As the service principal of dev.env."""
        return self.run("login", "--service-principal", "-u", self.env["BOOTWARDEN_CLIENT_ID"],
                        "-p", secret or self.env["BOOTWARDEN_CLIENT_SECRET"], "--tenant", self.env["BOOTWARDEN_TENANT"],
                        code=code)

    def forget(self):
        """Signs everybody out, and forgets what was kept of the server's documents."""
        self.run("account", "clear", code=None)
        for name in ("msal_http_cache.bin", "msal_token_cache.json", "service_principal_entries.json"):
            subprocess.run([*self.super, "rm", "-f", self.home / ".azure" / name], check=True)

    def end(self):
        subprocess.run([*self.super, "rm", "-rf", "--one-file-system", self.home], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.end()
