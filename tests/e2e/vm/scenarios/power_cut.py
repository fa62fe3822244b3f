"""The agent is killed, and then the power cut, in the midst of proving: what comes next proves as ever."""
import agent
from lab import NAME, expect, wait_until

MOMENTS_S = (0.1, 0.3, 0.5, 0.7)  # of the second that a proof takes


def newest(scene):
    return scene.service.state(NAME)["attestations"][0]["tokenId"]


def scenario(scene):
    disk = scene.disk()
    with scene.service:
        with scene.boot("power cycle", disk) as boot:
            killed = 0
            for moment in MOMENTS_S:
                pid = agent.start(boot, scene.service)
                boot.run(f"sleep {moment}")
                killed += boot.kill(pid)
            expect(killed > 0, "the agent had always ended before it was killed")
            proof = agent.attest(boot, scene.service)
            expect(proof.code == agent.DONE, f"not proven after the agent was killed: {proof}")
            seen = newest(scene)
            boot.start(f"while :; do {agent.command(boot, scene.service)}; done")
            wait_until(lambda: newest(scene) != seen, "a proof by an agent that runs beside")
            boot.cut_power()
        with scene.boot("after a power cut", disk) as boot:
            proof = agent.attest(boot, scene.service)
            state = scene.service.state(NAME)
            boot.power_off()
    expect(proof.code == agent.DONE, f"not proven after a power cut: {proof}")
    expect(state["lastVerdict"] == "healthy" and state["id"] == scene.healthy.state["id"], f"the service says: {state}")
