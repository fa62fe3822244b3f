"""The next kernel of the distribution, signed by it: no boot to be afraid of."""
import agent
from lab import NAME, expect


def scenario(scene):
    release = scene.lab.newer_release
    with scene.service, scene.boot("newer kernel", scene.disk(release=release)) as boot:
        expect(boot.run("uname -r").output.strip() == release, f"the machine did not boot {release}")
        proof, request = agent.attest_recorded(boot, scene.service)
        state = scene.service.state(NAME)
        boot.power_off()
    expect(proof.code == agent.DONE, f"not proven: {proof}")
    expect(state["lastVerdict"] in ("healthy", "changed"), f"the service says: {state}")
    # The kernel is explained by who signed it; initramfs and configuration are for a person, unless
    # they were announced.
    scene.expect_comparison(request, "changed", ["change-initrd", "change-grub-config"], not_reasons=["change-kernel"])
