"""The agent is killed, and then the power cut, in the midst of proving: what comes next proves as ever."""
import agent
from lab import NAME, expect, wait_until
from service import brief

MOMENTS_S = (0.1, 0.3, 0.5, 0.7)  # of the second that a proof takes


def newest(scene):
    return scene.service.shown(NAME)["proof"]["tokenId"]


def scenario(scene):
    scene.install(period="5s")
    disk = scene.disk()
    with scene.service:
        with scene.boot("power cycle", disk) as boot:
            scene.proven(boot)
            for moment in MOMENTS_S:
                expect(agent.kill(boot), "there was no agent to kill")
                agent.start(boot)
                boot.run(f"sleep {moment}")
            seen = newest(scene)
            wait_until(lambda: newest(scene) != seen, "a proof after the agent was killed")
            boot.cut_power()
        with scene.boot("after a power cut", disk) as boot:
            shown = scene.proven(boot)
            boot.power_off()
    expect(shown["state"] == "healthy", f"the service shows: {brief(shown)}")
    expect(shown["id"] == scene.healthy.shown["id"], f"another machine: {brief(shown)}")
