"""The machine restarts from inside: healthy again, the same machine, its TPM's reset counter up."""
from lab import expect
from service import brief


def scenario(scene):
    with scene.service, scene.boot("power cycle", scene.disk()) as boot:
        cycled = scene.proven(boot)
        boot.reboot()
        scene.lab.boots.append(("warm reboot", boot.seconds))
        restarted = scene.proven(boot)
        boot.power_off()
    seen = [scene.healthy.shown, cycled, restarted]
    for shown in seen:
        expect(shown["state"] == "healthy", f"the service shows: {brief(shown)}")
    for member in ("id", "ekDigest", "joined"):
        values = [shown[member] for shown in seen]
        expect(len(set(values)) == 1, f"{member} is another one: {values}")
    resets = [shown["proof"]["resetCount"] for shown in seen]
    expect(resets[0] < resets[1] < resets[2], f"reset counter after each boot: {resets}")
