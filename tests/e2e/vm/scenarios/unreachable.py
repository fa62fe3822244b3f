"""Attestation is blocked and the guest API is not: unreachable, not unhealthy; host and port are named."""
import agent
from lab import NAME, expect

SETTINGS = {"period": "20s", "contact": "1s", "retries": "0"}


def check(boot, where):
    """`bootwarden-agent check` in the guest names what is in the way."""
    answer = boot.run("bootwarden-agent check", agent.LIMIT_S)
    expect(answer.code == agent.UNREACHED and where in answer.output,
           f"bootwarden-agent check ends with {answer.code} and says: {answer.output}{answer.errors}")


def blocked(scene, boot, where, words):
    scene.service.ask("attest", NAME)
    shown = scene.wait_state("unreachable")
    expect(where in shown["why"] and words in shown["why"], f"why: {shown['why']}")
    told = scene.service.told(NAME)
    expect("unhealthy" not in told and shown["verdict"] == "healthy", f"what it proved before is lost: {told}")
    if scene.lab.has_check:
        check(boot, where)


def scenario(scene):
    with scene.service.gate() as gate:
        where = f"{agent.HOST}:{gate.port}"
        scene.install(**SETTINGS)
        with scene.service, scene.boot("attestation blocked", scene.disk()) as boot:
            expect(scene.proven(boot)["state"] == "healthy", "not healthy while the way was open")
            for block, words in ((gate.close, "refused"), (gate.drop, "timed out")):
                block()
                blocked(scene, boot, where, words)
                gate.open()
                scene.service.ask("attest", NAME)
                scene.wait_state("healthy")
            boot.power_off()
    if not scene.lab.has_check:
        print("skipped: this agent has no command check, which would name host and port in the guest", flush=True)
