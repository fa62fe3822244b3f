"""Attestation is blocked and the guest API is not: unreachable, not unhealthy; host and port are named."""
import json

import agent
from lab import NAME, expect

SETTINGS = {"period": "20s", "contact": "1s", "retries": "0"}


def check(boot, port):
    """`bootwarden-agent check` in the guest names what is in the way."""
    answer = boot.run("bootwarden-agent check --output json", agent.LIMIT_S)
    expect(answer.code == agent.UNREACHED, f"bootwarden-agent check ends with {answer.code}: {answer.errors}")
    failed = [step for step in json.loads(answer.output)["steps"] if step["status"] == "failed"]
    found = [(step["id"], step["host"], step["port"]) for step in failed]
    expect(found == [("attestation/tcp", agent.HOST, port)], f"bootwarden-agent check finds {failed}")
    expect(f"{agent.HOST}:{port}" in failed[0]["message"], f"host and port are not told: {failed}")


def blocked(scene, boot, port, words):
    scene.service.ask("attest", NAME)
    shown, told = scene.wait_state("unreachable"), scene.service.told(NAME)
    expect(f"{agent.HOST}:{port}" in shown["why"] and words in shown["why"], f"why: {shown['why']}")
    expect("unhealthy" not in told and shown["verdict"] == "healthy", f"what it proved before is lost: {told}")
    check(boot, port)


def scenario(scene):
    with scene.service.gate() as gate:
        scene.install(**SETTINGS)
        with scene.service, scene.boot("attestation blocked", scene.disk()) as boot:
            expect(scene.proven(boot)["state"] == "healthy", "not healthy while the way was open")
            for block, words in ((gate.close, "refused"), (gate.drop, "timed out")):
                block()
                blocked(scene, boot, gate.port, words)
                gate.open()
                scene.service.ask("attest", NAME)
                scene.wait_state("healthy")
            boot.power_off()
