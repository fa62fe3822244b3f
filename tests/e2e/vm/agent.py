"""agent.py - what the guest runs of ours, and how its answer is read. The one place that knows."""
import dataclasses
import json
import re

from fault import Fault

HOST = "10.0.2.2"  # the host's loopback, as the guest sees it
# On the machine's own disk, which the guest has as /own; the agent knows the first by itself.
CONFIG, CA_FILE = "/etc/bootwarden/agent.conf", "/etc/bootwarden/ca.pem"
LOG = "/var/log/agent.log"
ROUND = re.compile(r"event=agent\.round .*outcome=(?:attested|refused) .*\bms=(\d+)")
LIMIT_S = 120
DONE, REFUSED, UNREACHED = 0, 1, 3  # exit codes


@dataclasses.dataclass
class Proof:
    """What the agent got for its evidence."""
    code: int
    document: dict  # its JSON, {} when there is none
    errors: str

    @property
    def result(self):
        return self.document.get("result", "")

    @property
    def verdict(self):
        return self.document.get("verdict", "")

    @property
    def reasons(self):
        """Codes of the reasons for a refusal."""
        return [reason["code"] for reason in self.document.get("reasons", [])]

    @property
    def words(self):
        """All that is told to a person."""
        told = [reason[part] for reason in self.document.get("reasons", []) for part in ("text", "remedy")]
        return " ".join([self.document.get("message", ""), *told])

    def __str__(self):
        return f"exit {self.code}, {json.dumps(self.document)[:1500]} {self.errors[-600:]}"


def files(service, name, **different):
    """{PATH: bytes} of what an owner installs beside the program: its settings, and the CA they name."""
    settings = {"server": f"https://{HOST}:{service.port}", "ca": CA_FILE, "name": name, "period": "20s",
                "contact": "2s"} | {key.replace("_", "-"): value for key, value in different.items()}
    return {CONFIG: "".join(f"{key} = {value}\n" for key, value in settings.items()).encode(),
            CA_FILE: service.ca()}


# ---- the service in the guest ----

def start(boot):
    """Starts it as the guest's init does at each boot."""
    boot.start("bootwarden-agent run", LOG)


def kill(boot):
    """Kills it; was it there?"""
    return boot.run("kill -KILL $(pidof bootwarden-agent)").code == 0


def log(boot):
    """What it wrote in this boot, since it was started last."""
    return boot.get(LOG).decode(errors="replace").rpartition("event=agent.start")[2]


def rounds_ms(boot):
    """How long each round took in which the service judged the boot."""
    return [int(match) for match in ROUND.findall(log(boot))]


# ---- one proof ----

def attest(boot, port=None):
    """The guest proves its boot once, to the service or to who listens on PORT, and waits for the answer."""
    other = f" --server https://{HOST}:{port}" if port else ""
    answer = boot.run(f"bootwarden-agent attest --output json{other}", LIMIT_S)
    try:
        document = json.loads(answer.output) if answer.output else {}
    except ValueError as error:
        raise Fault(f"the agent writes no JSON: {answer.output[:300]!r}") from error
    return Proof(answer.code, document, answer.errors)


def attest_recorded(boot, service, change=None):
    """The same through a recorder: (proof, body of the request with the evidence)."""
    with service.between(change) as between:
        proof = attest(boot, between.port)
        bodies = [body for path, _, body in between.recorded if path.startswith("/attest/")]
    if not bodies:
        raise Fault(f"the agent sends no evidence: {proof}")
    return proof, bodies[-1]
