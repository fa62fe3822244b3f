#!/usr/bin/env bash
# Azure's own client for attestation, unmodified, against a server as it is installed for one host; and
# again with providers at host names of their own.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

modules=$BOOTWARDEN_SOURCE/build/sdk
command -v node >/dev/null || { fault "there is no node: run tools/setup"; report; }
[ -d "$modules/node_modules/@azure/attestation" ] || { fault "the clients are missing: run tools/sdk"; report; }
cp "$BOOTWARDEN_SOURCE/tests/sdk/attestation.mjs" "$work/"
ln -s "$modules/node_modules" "$work/node_modules"
cp "$modules/package.json" "$work/"

start_server "$work/data" --dev --data "$work/data"
set -a
# shellcheck source=/dev/null
. "$work/data/dev.env"
set +a
said=$(cd "$work" && NODE_EXTRA_CA_CERTS=$BOOTWARDEN_CA timeout 300 node attestation.mjs 2>&1)
is "exit code of the client's checks" $? 0
has "the client's checks" "$said" '^attestation.mjs: 20 passed, 0 failed$'
[ "$failed" -eq 0 ] || echo "$said"

# What was refused and what was changed stands in the audit log, and nobody's secret.
audit=$(cat "$work/data/audit.log")
has "audit of a change" "$audit" '"event":"finish".*"path":"/providers/sdkaad/policies/TPM".*"status":200'
has "audit of a shared provider" "$audit" '"event":"refused".*"path":"/policies/TPM".*"reason":"shared-provider"'
is "secrets in the audit log" "$(grep -c "$BOOTWARDEN_CLIENT_SECRET" "$work/data/audit.log")" 0
report
