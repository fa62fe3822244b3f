"""The machine restarts from inside: healthy again, the same machine, its TPM's reset counter up."""
import agent
from lab import NAME, expect


def scenario(scene):
    with scene.service, scene.boot("power cycle", scene.disk()) as boot:
        proof = agent.attest(boot, scene.service)
        before = scene.service.state(NAME)
        expect(proof.code == agent.DONE, f"not proven after a power cycle: {proof}")
        boot.reboot()
        scene.lab.boots.append(("warm reboot", boot.seconds))
        proof = agent.attest(boot, scene.service)
        after = scene.service.state(NAME)
        boot.power_off()
    expect(proof.code == agent.DONE, f"not proven after a warm reboot: {proof}")
    expect(after["lastVerdict"] == "healthy", f"the service says: {after}")
    for member in ("id", "akName", "ekDigest", "created"):
        expect(before[member] == after[member] == scene.healthy.state[member], f"{member} is another one: {after}")
    resets = [state["clock"]["resetCount"] for state in (scene.healthy.state, before, after)]
    expect(resets[0] < resets[1] < resets[2], f"reset counter after each boot: {resets}")
