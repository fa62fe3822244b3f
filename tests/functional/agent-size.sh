#!/usr/bin/env bash
# What the agent takes of a guest, as it is installed: the stripped program and the memory of its
# processes stay within their limits. Needs the release build, which tools/test makes.
set -u
export BOOTWARDEN_BIN=${BOOTWARDEN_RELEASE_BIN:-}
if [ ! -x "$BOOTWARDEN_BIN/bootwarden-agent" ]; then
    echo 'skipped: no release build (BOOTWARDEN_RELEASE_BIN): sizes of another one say nothing'
    exit 77
fi
exec "${BOOTWARDEN_SOURCE:?}/bench/agent.sh" 3
