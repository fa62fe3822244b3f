#!/usr/bin/env bash
# Exchanges that were recorded from the real service, sent to a real server: status, content type, members
# and what can be computed are as recorded. Below HTTP tests/unit/service/t-recorded.c does the same.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

recordings=${BOOTWARDEN_DATA:-$BOOTWARDEN_SOURCE/../shared/data}/attestation
[ -d "$recordings" ] || { echo "skipped: no public corpora"; exit 77; }
set_policy=$recordings/policy-set-exchange.json
first_tpm=$recordings/tpm-attest-init-exchange.json

start_dev "$work/data"
# shellcheck source=/dev/null
. "$work/data/dev.env"
ca=$BOOTWARDEN_CA

# sign_in RESOURCE: an access token
sign_in() {
    curl -sS --cacert "$ca" -d grant_type=client_credentials -d "client_id=$BOOTWARDEN_CLIENT_ID" \
        --data-urlencode "client_secret=$BOOTWARDEN_CLIENT_SECRET" -d "scope=$1/.default" \
        "$BOOTWARDEN_ENDPOINT/$BOOTWARDEN_TENANT/oauth2/v2.0/token" | jq -r .access_token
}
content_type() { sed -nE 's/^content-type: //Ip' <<<"$head"; }
# part N: of the compact token in standard input, decoded
part() { cut -d. -f"$1" | basenc --base64url -d 2>/dev/null; }
# shape FILTER: names and kinds of the members of a JSON object in standard input, in their order
shape() { jq -c "$1 | to_entries | map([.key, (.value | type)])"; }
decode_data() { jq -r .data | tr -d '=\n' | basenc --base64url -d 2>/dev/null; }
# same WHAT FILTER OURS THEIRS: one value of two JSON texts
same() { is "$1" "$(jq -c "$2" <<<"$3")" "$(jq -c "$2" <<<"$4")"; }

manage="Authorization: Bearer $(sign_in https://management.azure.com)"
data="Authorization: Bearer $(sign_in https://attest.azure.net)"
call PUT "/subscriptions/$BOOTWARDEN_SUBSCRIPTION/resourceGroups/rg/providers/Microsoft.Attestation/attestationProviders/recorded?api-version=2021-06-01" \
    -H "$manage" -H 'Content-Type: application/json' -d '{"location":"East US"}'
is "a provider" "$status" 201
endpoint=$(jq -r .properties.attestUri <<<"$body")

# ---- a policy is set ----
read -r method path < <(jq -r .request_line "$set_policy")
call "$method" "$path" -H "$data" -H "Content-Type: $(jq -r .request_content_type "$set_policy")" \
    --data-binary "$(jq -r .request_body "$set_policy")"
is "status of a policy that is set" "$status" "$(jq .response_status "$set_policy")"
is "content type of it" "$(content_type)" "$(jq -r .response_content_type "$set_policy")"
is "members of the answer" "$(shape . <<<"$body")" "$(shape .response_body <"$set_policy")"
for part in 1 2; do
    ours=$(jq -r .token <<<"$body" | part $part)
    theirs=$(jq -r .response_body.token "$set_policy" | part $part)
    [ -n "$theirs" ] && ok || fault "the recorded token has no part $part"
    is "members of part $part of the token" "$(shape . <<<"$ours")" "$(shape . <<<"$theirs")"
done
same "the policy's hash" '.["x-ms-policy-token-hash"]' "$ours" "$theirs"
same "the result" '.["x-ms-policy-result"]' "$ours" "$theirs"
same "how long it is good" '.exp - .iat' "$ours" "$theirs"
is "its issuer" "$(jq -r .iss <<<"$ours")" "$endpoint"

# ---- the first exchange of TPM evidence, which that policy allows ----
# Its status and type were not recorded: those of the exchange that was recorded with it.
call POST "/attest/Tpm?${path#*\?}" -H "$data" -H 'Content-Type: application/json' -d "$(jq -c .request "$first_tpm")"
is "status of a first exchange" "$status" "$(jq .response_status "$set_policy")"
is "content type of a first exchange" "$(content_type)" "$(jq -r .response_content_type "$set_policy")"
is "members of a first exchange" "$(shape . <<<"$body")" "$(shape .response <"$first_tpm")"
ours=$(decode_data <<<"$body")
theirs=$(jq .response "$first_tpm" | decode_data)
is "members of its message" "$(shape . <<<"$ours")" "$(shape . <<<"$theirs")"
is "members of its payload" "$(shape .payload <<<"$ours")" "$(shape .payload <<<"$theirs")"
same "length of a challenge" '.payload.challenge | length' "$ours" "$theirs"

# ---- the keys: what each recorded one says, each of ours says too ----
call GET /certs
is "status of the keys" "$status" 200
theirs=$(jq -c '.keys[0] | keys - ["use", "alg"]' "$recordings/maa-certs-response-2020.json")
is "members of a key" "$(jq -c --argjson wanted "$theirs" '[.keys[] | $wanted - keys] | add' <<<"$body")" '[]'
stop_server
report
