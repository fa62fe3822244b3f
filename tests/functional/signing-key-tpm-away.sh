#!/usr/bin/env bash
# A TPM that goes away and comes back while the server runs: 503 meanwhile, with words for the
# operator, and no restart.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1
. "$BOOTWARDEN_SOURCE/tests/support/signing-tpm.bash" || exit 1

start_tpm
make_key rsa2048 0x81000010
make_key ecc256 0x81000011
mkdir -m 700 "$work/data" "$work/data/signing"
printf 'handle:0x81000010\n' >"$work/data/signing/tpm.key"
chmod 600 "$work/data/signing/tpm.key"
start_dev "$work/data" --openssl-provider tpm2
# shellcheck source=/dev/null
. "$work/data/dev.env"
log=$work/data.log
data=$(sign_in https://attest.azure.net)
ask() { call GET '/policies/AzureGuest?api-version=2020-10-01' -H "Authorization: Bearer $data"; }
is_status() { ask && [ "$status" = "$1" ]; }
is_ready() { call GET /readyz && [ "$status" = 200 ]; }
metric() { curl -sS --cacert "$ca" "$endpoint/metrics" | sed -n "s/^$1 //p"; }
lines() { grep -c "^event=$1 " "$log"; }

holds "a token before" "$(token_of "$endpoint" "$data")"
call GET /readyz
is "ready before" "$status" 200
is "failures before" "$(metric bootwarden_signing_failures_total)" 0

# ---- it is away ----
stop_tpm
ask
refused 503 SigningKeyUnavailable 'the key that signs cannot be used now'
has "when to come again" "$head" '^Retry-After: [0-9]+'
for i in {1..20}; do
    ask
    [ "$status" = 503 ] || fault "request $i without the TPM: $status"
done
call GET /readyz
refused 503 ServiceUnavailable 'tokens cannot be signed: .*log says which'
is "alive" "$(curl -sS --cacert "$ca" -o /dev/null -w '%{http_code}' "$endpoint/healthz")" 200
is "lines about it" "$(lines signing.failed)" 1
line=$(grep '^event=signing.failed ' "$log")
has "the file" "$line" 'file=[^ ]*/signing/tpm.key '
has "the cause" "$line" 'cause="[^"]{10,}'
has "the remedy" "$line" 'advice="[^"]{10,}'
is "the URI in the log" "$(grep -c 0x8100 "$log")" 0
is "internal faults" "$(grep -c 'fault=crypto\|status=500' "$log")" 0
[ "$(metric bootwarden_signing_failures_total)" -ge 21 ] || fault "failures are not counted"

# ---- it is back: a probe alone brings the key back ----
start_tpm
wait_for is_ready || fault "the server is not ready when the TPM is back"
ask
is "a token when it is back" "$status" 200
holds "that token" "$(jq -r .token <<<"$body")"
is "lines about it" "$(lines signing.restored)" 1

# ---- away and back in one moment: nobody notices, or is told to come again ----
stop_tpm
start_tpm
wait_for is_status 200 || fault "no token after a short absence"
is "status 500" "$(grep -c status=500 "$log")" 0

# ---- many at once, while it goes and comes ----
for i in {1..8}; do
    for _ in {1..5}; do
        curl -sS --cacert "$ca" -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $data" \
            "$endpoint/policies/AzureGuest?api-version=2020-10-01"
    done >"$work/codes.$i" &
    waiting+=($!)
done
stop_tpm
start_tpm
for pid in "${waiting[@]}"; do wait "$pid"; done
is "answers but 200 and 503" "$(cat "$work"/codes.* | grep -cv '^200$\|^503$')" 0
wait_for is_status 200 || fault "no token after that"

# ---- another key in its place is not taken for it ----
stop_server
tpm2_evictcontrol -Q -C o -c 0x81000011 >"$work/tools.log" 2>&1 || fault "no room"
start_dev "$work/data" --openssl-provider tpm2
data=$(sign_in https://attest.azure.net)
wait_for is_status 200
stop_tpm
ask
is "without the TPM" "$status" 503
start_tpm
# The server holds no connection now, so that a tool gets one.
tpm2_evictcontrol -Q -C o -c 0x81000010 >"$work/tools.log" 2>&1 || fault "the key stays"
rm -f "$work/primary.ctx"
make_key rsa2048 0x81000010
for i in {1..4}; do
    ask
    is "with another key there" "$status" 503
    read -rt 0.5 <> <(:) || :
done
call GET /readyz
is "readyz with another key there" "$status" 503
stop_server
report
