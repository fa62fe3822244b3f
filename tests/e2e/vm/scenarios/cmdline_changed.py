"""Another kernel command line: the boot proves, and compared with the healthy one it is changed."""
import agent
from lab import COMMAND_LINE, NAME, expect


def scenario(scene):
    other = f"{COMMAND_LINE} apparmor=0"
    with scene.service, scene.boot("other command line", scene.disk(command_line=other)) as boot:
        expect(other in boot.run("cat /proc/cmdline").output, "the machine did not boot with it")
        proof, request = agent.attest_recorded(boot, scene.service)
        state = scene.service.state(NAME)
        boot.power_off()
    expect(proof.code == agent.DONE, f"not proven: {proof}")
    # TODO(monitor): "changed", once the service compares with the boot before.
    expect(state["lastVerdict"] == "healthy", f"the service says: {state}")
    scene.expect_comparison(request, "changed", ["change-cmdline", "change-grub-config"])
