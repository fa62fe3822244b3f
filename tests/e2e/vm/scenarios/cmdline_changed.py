"""Another kernel command line: changed, with the difference; its owner approves it, and it stays healthy."""
from lab import COMMAND_LINE, NAME, expect, told_of

OTHER = f"{COMMAND_LINE} apparmor=0"


def scenario(scene):
    disk = scene.disk(command_line=OTHER)
    with scene.service:
        with scene.boot("other command line", disk) as boot:
            shown, told = scene.proven(boot), scene.service.told(NAME)
            boot.power_off()
        expect(shown["state"] == "changed", f"the service shows: {told}")
        before, _, after = told_of(told, "change-cmdline").splitlines()[0].partition(" → ")
        expect(before.endswith(COMMAND_LINE) and after.endswith(OTHER), f"the difference is not told: {told}")
        scene.service.ask("approve", NAME)
        shown, told = scene.service.shown(NAME), scene.service.told(NAME)
        expect(shown["state"] == "healthy" and "approved by" in shown["why"], f"approved, and: {told}")
        with scene.boot("approved command line", disk) as boot:
            shown, told = scene.proven(boot), scene.service.told(NAME)
            expect(OTHER in boot.run("cat /proc/cmdline").output, "it did not boot with the approved one")
            boot.power_off()
    expect(shown["state"] == "healthy", f"it boots as approved, and: {told}")
