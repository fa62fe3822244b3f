#!/usr/bin/env bash
# Azure's own client for attestation, unmodified, against a server as it is installed for one host; and
# again with providers at host names of their own. The guest whose evidence it carries has a software TPM.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

modules=$BOOTWARDEN_SOURCE/build/sdk
demo_vtpm=$BOOTWARDEN_SOURCE/tools/demo-vtpm
command -v node >/dev/null || { fault "there is no node: run tools/setup"; report; }
# The Node of Debian 12 has the global that these clients need behind a switch.
major=$(node --version | sed -E 's/^v([0-9]+).*/\1/')
[ "$major" -ge 19 ] || export NODE_OPTIONS=--experimental-global-webcrypto
[ -d "$modules/node_modules/@azure/attestation" ] || { fault "the clients are missing: run tools/sdk"; report; }
cp "$BOOTWARDEN_SOURCE"/tests/sdk/*.mjs "$work/"
ln -s "$modules/node_modules" "$work/node_modules"
cp "$modules/package.json" "$work/"

end_with_tpm() {
    "$demo_vtpm" stop "$work/vm"
    finish
}
trap end_with_tpm EXIT
vtpm=$("$demo_vtpm" start "$work/vm" --boot "$boots/a-secureboot-healthy") || { fault "no software TPM"; report; }
eval "$vtpm"
openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 2 -subj '/CN=maker of attestation keys' \
    -keyout "$work/akca.key" -out "$work/akca.pem" 2>/dev/null || { fault "no CA for attestation keys"; report; }
export TPM2TOOLS_TCTI=$VTPM_TCTI BOOTWARDEN_GUEST_LOG=$VTPM_EVENT_LOG BOOTWARDEN_GUEST_CA=$work/akca

# run FOLDER SUFFIX WORDS: the client's checks against a server on that folder; SUFFIX is empty without
# host names.
run() {
    local said code audit address=/providers/sdkaad
    start_server "$1" --dev --data "$1" ${2:+--host-suffix "$2"}
    cp "$work/akca.pem" "$1/trust/ak/"
    set -a
    # shellcheck source=/dev/null
    . "$1/dev.env"
    set +a
    said=$(cd "$work" && BOOTWARDEN_HOST_SUFFIX=$2 NODE_EXTRA_CA_CERTS=$BOOTWARDEN_CA timeout 300 node attestation.mjs 2>&1)
    code=$?
    is "exit code of the client's checks${2:+ at $2}" "$code" 0
    has "the client's checks${2:+ at $2}" "$said" '^attestation.mjs: 22 passed, 0 failed$'
    [ "$code" -eq 0 ] || echo "$said"
    echo "figure: Azure's client, providers ${3}: $(tail -1 <<<"$said")"

    # What was refused and what was changed stands in the audit log, and nobody's secret.
    [ -z "$2" ] || address=
    audit=$(cat "$1/audit.log")
    has "audit of a change" "$audit" "\"event\":\"finish\".*\"path\":\"$address/policies/TPM\".*\"status\":200"
    has "audit of a shared provider" "$audit" '"event":"refused".*"path":"/policies/TPM".*"reason":"shared-provider"'
    is "secrets in the audit log" "$(grep -cFe "$BOOTWARDEN_CLIENT_SECRET" "$1/audit.log")" 0
    stop_server
}

run "$work/data" '' 'by path'
run "$work/hosts" attest.bootwarden.test 'by host name'
report
