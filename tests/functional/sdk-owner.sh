#!/usr/bin/env bash
# Azure's own management clients, unmodified, against a server: tests/sdk/owner.mjs says what they do.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

modules=$BOOTWARDEN_SOURCE/build/sdk
command -v node >/dev/null || { fault "there is no node: run tools/setup"; report; }
# The Node of Debian 12 has the global that these clients need behind a switch.
major=$(node --version | sed -E 's/^v([0-9]+).*/\1/')
[ "$major" -ge 19 ] || export NODE_OPTIONS=--experimental-global-webcrypto
[ -d "$modules/node_modules/@azure/arm-compute" ] || { fault "the clients are missing: run tools/sdk"; report; }
cp "$BOOTWARDEN_SOURCE/tests/sdk/owner.mjs" "$modules/package.json" "$work/"
ln -s "$modules/node_modules" "$work/node_modules"

start_server "$work/data" --dev --data "$work/data" --region westus
set -a
# shellcheck source=/dev/null
. "$work/data/dev.env"
set +a
said=$(cd "$work" && BOOTWARDEN_TEMPLATES=$BOOTWARDEN_SOURCE/tests/vectors/templates \
    NODE_EXTRA_CA_CERTS=$BOOTWARDEN_CA timeout 300 node owner.mjs 2>&1)
is "exit code of the clients' checks" $? 0
has "the clients' checks" "$said" '^owner.mjs: [0-9]+ passed, 0 failed$'
grep -vE '^ok ' <<<"$said"
echo "figure: Azure's management clients: $(tail -1 <<<"$said" | cut -c1-60)"
is "secrets in the audit log" "$(grep -cFe "$BOOTWARDEN_CLIENT_SECRET" "$work/data/audit.log")" 0
stop_server
report
