"""The next kernel of the distribution, signed by it: no boot to be afraid of, and explained by its signer."""
from lab import NAME, expect, told_of


def scenario(scene):
    release = scene.lab.newer_release
    with scene.service, scene.boot("newer kernel", scene.disk(release=release)) as boot:
        expect(boot.run("uname -r").output.strip() == release, f"the machine did not boot {release}")
        shown, told = scene.proven(boot), scene.service.told(NAME)
        boot.power_off()
    expect(shown["state"] in ("healthy", "changed"), f"the service shows: {told}")
    kernel = told_of(told, "change-kernel")
    expect(all(one in kernel for one in scene.lab.parts.releases), f"the kernels are not told: {kernel}")
    expect("(explained)" in kernel and "Debian Secure Boot CA" in kernel, f"its signer does not explain it: {kernel}")
    # What nobody signed is for a person, unless it was announced.
    reasons = {reason["code"] for reason in shown["proof"]["reasons"]}
    expect(reasons <= {"change-initrd", "change-grub-config"}, f"a kernel update is more than that: {told}")
