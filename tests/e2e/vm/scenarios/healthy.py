"""A machine boots as it should: a token, and the verdict healthy."""
import agent
from lab import NAME, expect


def scenario(scene):
    proof, state = scene.healthy.proof, scene.healthy.state
    expect(proof.code == agent.DONE and proof.result == "token", f"no token: {proof}")
    expect(proof.document["signatureChecked"] is True, f"the token's signature was not checked: {proof}")
    expect(proof.document["claims"]["secureboot"] is True, f"Secure Boot is not claimed: {proof}")
    expect(state["name"] == NAME and state["lastVerdict"] == "healthy", f"the service says: {state}")
    expect(state["attestations"][0]["freshness"] == "challenge", f"not over a challenge: {state}")
