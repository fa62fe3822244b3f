"""agent.py - what the guest runs of ours, and how its answer is read. The one place that knows."""
import dataclasses
import json

from fault import Fault

HOST = "10.0.2.2"  # the host's loopback, as the guest sees it
CA_FILE = "/tmp/bootwarden-ca.pem"
LIMIT_S = 120
DONE, REFUSED = 0, 1


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


def command(boot, service, port=None):
    """The command that proves this boot to the service, or to who listens on another PORT in between."""
    boot.put(CA_FILE, service.ca())
    return (f"bootwarden-agent attest --server https://{HOST}:{port or service.port} --ca {CA_FILE}"
            f" --name {boot.machine.name} --output json --retry-wait 1")


def attest(boot, service, port=None):
    """The guest proves its boot, and waits for the answer."""
    answer = boot.run(command(boot, service, port), LIMIT_S)
    try:
        document = json.loads(answer.output) if answer.output else {}
    except ValueError as error:
        raise Fault(f"the agent writes no JSON: {answer.output[:300]!r}") from error
    return Proof(answer.code, document, answer.errors)


def start(boot, service):
    """The agent runs beside what the guest is told next; its pid there."""
    return boot.start(command(boot, service))


def attest_recorded(boot, service, change=None):
    """The same through a recorder: (proof, body of the request with the evidence)."""
    with service.between(change) as between:
        proof = attest(boot, service, between.port)
        bodies = [body for path, _, body in between.recorded if path.startswith("/attest/")]
    if not bodies:
        raise Fault(f"the agent sends no evidence: {proof}")
    return proof, bodies[-1]
