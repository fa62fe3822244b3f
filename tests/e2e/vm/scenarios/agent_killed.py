"""The agent is killed: silent after three periods, and not before; healthy again when it is started."""
import datetime

import agent
from lab import NAME, expect
from service import brief

PERIOD_S = 4
SILENT_PERIODS = 3
SLACK_S = 6  # for whoever notices


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def scenario(scene):
    scene.install(period=f"{PERIOD_S}s", contact="1s")
    with scene.service, scene.boot("agent killed", scene.disk()) as boot:
        shown = scene.proven(boot)
        expect(shown["state"] == "healthy" and shown["periodSeconds"] == PERIOD_S, f"the service shows: {brief(shown)}")
        expect(agent.kill(boot), "there was no agent to kill")
        shown = scene.wait_state("silent")
        after_s = (time_of(shown["since"]) - time_of(shown["provenAt"])).total_seconds()
        expect(SILENT_PERIODS * PERIOD_S <= after_s <= SILENT_PERIODS * PERIOD_S + SLACK_S,
               f"silent {after_s} seconds after the last proof, with a period of {PERIOD_S}: {brief(shown)}")
        told = scene.service.told(NAME)
        expect("before that it was healthy" in told, f"the last verdict is not told: {told}")
        agent.start(boot)
        again = scene.wait_state("healthy")
        boot.power_off()
    expect(again["id"] == shown["id"], f"another machine: {brief(again)}")
