#!/usr/bin/env bash
# Attestation providers by path and by host name: shared ones that nobody changes, own ones with
# roles, what is closed to the public, and what is told to people and scripts.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

permit='version=1.0; authorizationrules{=> permit();}; issuancerules{};'
# jws TEXT: a policy, unsigned
jws() {
    local inner outer
    inner=$(printf '%s' "$1" | basenc --base64url -w0 | tr -d =)
    outer=$(printf '{"AttestationPolicy":"%s"}' "$inner" | basenc --base64url -w0 | tr -d =)
    printf 'eyJhbGciOiJub25lIn0.%s.' "$outer"
}
# sign_in ID SECRET RESOURCE: an access token
sign_in() {
    curl -sS --cacert "$BOOTWARDEN_CA" -d grant_type=client_credentials -d "client_id=$1" \
        --data-urlencode "client_secret=$2" -d "scope=$3/.default" \
        "$BOOTWARDEN_ENDPOINT/$BOOTWARDEN_TENANT/oauth2/v2.0/token" | jq -r .access_token
}
# call METHOD URL [TOKEN] [CURL OPTION]...: status in $status, body in $body
call() {
    local method=$1 url=$2 token=${3:-}
    shift 2
    [ $# -eq 0 ] || shift
    body=$(curl -sS --cacert "$BOOTWARDEN_CA" -X "$method" ${token:+-H "Authorization: Bearer $token"} \
        -w '\n%{http_code}' "$@" "$url")
    status=${body##*$'\n'}
    body=${body%$'\n'*}
}
code() { jq -r '.error.code' <<<"$body"; }
claim() { jq -r .token <<<"$body" | cut -d. -f2 | tr '_-' '/+' | base64 -d 2>/dev/null | jq -r "$1"; }
resources=
resource() { printf '%s%s/%s?api-version=2021-06-01' "$BOOTWARDEN_ENDPOINT" "$resources" "$1"; }
query='api-version=2020-10-01'

start_server "$work/data" --dev --data "$work/data" --region eastus --region 'West Europe'
. "$work/data/dev.env"
resources=/subscriptions/$BOOTWARDEN_SUBSCRIPTION/resourceGroups/rg/providers/Microsoft.Attestation/attestationProviders
manage=$(sign_in "$BOOTWARDEN_CLIENT_ID" "$BOOTWARDEN_CLIENT_SECRET" https://management.azure.com)
data=$(sign_in "$BOOTWARDEN_CLIENT_ID" "$BOOTWARDEN_CLIENT_SECRET" https://attest.azure.net)

# ---- every region's provider, for people and for scripts ----
call GET "$BOOTWARDEN_ENDPOINT/providers"
is "regions" "$(jq -r '[.value[].region] | join(",")' <<<"$body")" eastus,westeurope
is "the home region is the bare host" "$(jq -r '.value[0].attestUri' <<<"$body")" "$BOOTWARDEN_ENDPOINT"
weu=$(jq -r '.value[1].attestUri' <<<"$body")
call GET "$BOOTWARDEN_ENDPOINT/"
has "page for people" "$body" 'sharedeus'
call GET "$weu/"
has "page of another region" "$body" 'West Europe'
call GET "$weu/.well-known/openid-configuration"
is "issuer of another region" "$(jq -r .issuer <<<"$body")" "$weu"
call GET "$BOOTWARDEN_ENDPOINT/certs"
home=$(jq -r '.keys[0].kid' <<<"$body")
call GET "$weu/certs"
[ "$(jq -r '.keys[0].kid' <<<"$body")" != "$home" ] && ok || fault "two providers with one key"
call GET "$BOOTWARDEN_ENDPOINT/providers/none/certs"
is "nobody's address" "$status $(code)" "404 ProviderNotFound"

call GET "$weu/tcbbaselines/SgxEnclave?api-version=2025-06-01"
is "baselines, of which there are none" "$status $(jq -c . <<<"$body")" '200 {"tcbBaselines":[]}'
call GET "$weu/tcbbaselines/Nonsense?api-version=2025-06-01"
is "baselines of no type" "$status $(code)" "404 NotFound"
has "baselines of no type" "$body" "no TCB baselines of 'Nonsense': it is no attestation type"
call POST "$weu/attest/azureguest?$query" "" -d '{}'
is "paths have no case" "$status $(code)" "400 InvalidParameter"

# ---- nobody changes a shared provider, an Owner neither ----
for token in "" "$manage" "$data"; do
    call PUT "$BOOTWARDEN_ENDPOINT/policies/AzureGuest?$query" "$token" -H 'Content-Type: text/plain' -d "$(jws "$permit")"
    is "set on a shared provider" "$status $(code)" "401 Unauthorized"
    call POST "$weu/policies/AzureGuest:reset?$query" "$token" -H 'Content-Type: text/plain' -d 'eyJhbGciOiJub25lIn0..'
    is "reset on a shared provider" "$status $(code)" "401 Unauthorized"
    call POST "$BOOTWARDEN_ENDPOINT/certificates:add?$query" "$token" -d '"a.b.c"'
    is "signer of a shared provider" "$status $(code)" "401 Unauthorized"
done
has "why not" "$body" 'Access to /certificates:add requires a valid JWT bearer token; no token will do here: this provider is shared and nobody changes it'
call GET "$BOOTWARDEN_ENDPOINT/policies/AzureGuest:reset?$query" "$data"
is "a reset is posted" "$status $(code)" "405 MethodNotAllowed"
call DELETE "$BOOTWARDEN_ENDPOINT/policies/AzureGuest?$query" "$data" -i
has "what a policy can do" "$body" '^Allow: GET, HEAD, PUT.$'
call GET "$BOOTWARDEN_ENDPOINT/policies/AzureGuest?$query"
is "reading without signing in" "$status $(code)" "401 Unauthorized"
call GET "$BOOTWARDEN_ENDPOINT/policies/AzureGuest?$query" "$data"
is "reading signed in" "$status" 200
call POST "$BOOTWARDEN_ENDPOINT/attest/Tpm?$query" "$data" -d '{"data":"eyJwYXlsb2FkIjp7InR5cGUiOiJhaWtjZXJ0In19"}'
is "no TPM policy on a shared provider" "$status $(code)" "400 Bad request"
call DELETE "$(resource sharedeus)" "$manage"
is "nobody removes a shared provider" "$status" 400
call GET "$BOOTWARDEN_ENDPOINT/certs"
is "and is there still" "$(jq -r '.keys[0].kid' <<<"$body")" "$home"

# ---- one's own ----
call PUT "$(resource own1)" "$manage" -H 'Content-Type: application/json' -d '{"location":"West Europe"}'
is "made" "$status $(jq -r .properties.attestUri <<<"$body")" "201 $BOOTWARDEN_ENDPOINT/providers/own1"
own=$BOOTWARDEN_ENDPOINT/providers/own1
call PUT "$own/policies/Tpm?$query" "$data" -H 'Content-Type: text/plain' -d "$(jws "$permit")"
is "policy set" "$status $(claim '.["x-ms-policy-result"]')" "200 Updated"
call PUT "$own/policies/Tpm?$query" "$data" -H 'Content-Type: text/plain' -d "$(jws 'version=1.0; authorizationrules{ => permit() };')"
is "bad policy" "$status $(code)" "400 PolicyParsingError"
call PUT "$own/policies/Tpm?$query" "$data" -H 'Content-Type: text/plain' -d ""
has "an empty body" "$status $body" '^400 .*JWS'
for pair in add:Remove remove:Add; do
    call POST "$own/certificates:${pair%:*}?$query" "$data" -H 'Content-Type: application/json' -d "{\"policyCertificateTo${pair#*:}\":\"a.b.\"}"
    is "a body of the other operation" "$status $(code)" "400 InvalidOperation"
    has "a body of the other operation" "$body" "expected a JWS as a JSON string, or as the member policyCertificateTo[AR][a-z]+ alone"
done
call GET "$own/policies/Tpm?$query" "$data"
is "the one before stays" "$(claim '.["x-ms-policy"]')" "$(jws "$permit")"
call PUT "$own/policies/Tpm" "$data" -d "$(jws "$permit")"
is "no version" "$status $(code)" "400 InvalidParameter"
for type in SgxEnclave OpenEnclave SevSnpVm TdxVm; do
    call POST "$own/attest/$type?$query" "" -d '{}'
    is "$type is refused clearly" "$status $(code)" "400 InvalidOperation"
done

# ---- roles: a reader reads, a contributor writes, a stranger does neither ----
for role in fd1bd22b-8476-40bc-a0bc-69b95687b9f3 bbf86eb8-f7b4-4cce-96e4-18cddf81d86e none; do
    "$server" principal add "$role" --data "$work/data" >"$work/principal" 2>&1 || fault "principal add: $(cat "$work/principal")"
    id=$(grep -oE 'client id +[0-9a-f-]{36}' "$work/principal" | grep -oE '[0-9a-f-]{36}')
    object=$(grep -oE 'object id +[0-9a-f-]{36}' "$work/principal" | grep -oE '[0-9a-f-]{36}')
    secret=$(sed -nE 's/^secret +//p' "$work/principal")
    [ "$role" = none ] || jq -n --arg role "$role" --arg object "$object" --arg tenant "$BOOTWARDEN_TENANT" \
        --arg scope "$resources/own1" \
        '{roleAssignments:[{principalId:$object,tenantId:$tenant,roleDefinitionId:$role,scope:$scope}]}' >"$work/$role.json"
    printf '%s %s\n' "$id" "$secret" >"$work/$role.secret"
done
jq -s '{roleAssignments:[.[].roleAssignments[]]}' "$work"/*-*-*.json >"$work/access.json"
install -m 600 "$work/access.json" "$work/data/access.json"
wait_for grep -q 'event=access.loaded.*assignments=4' "$work/data.log" || fault "roles were not read: $(tail -3 "$work/data.log")"
may() {
    local id secret token
    read -r id secret <"$work/$1.secret"
    token=$(sign_in "$id" "$secret" https://attest.azure.net)
    call GET "$own/policies/Tpm?$query" "$token"
    is "$1 reads" "$status" "$2"
    call PUT "$own/policies/Tpm?$query" "$token" -H 'Content-Type: text/plain' -d "$(jws "$permit")"
    is "$1 writes" "$status" "$3"
    call POST "$own/attest/Tpm?$query" "$token" -d '{"data":"eyJwYXlsb2FkIjp7InR5cGUiOiJhaWtjZXJ0In19"}'
    is "$1 attests" "$status" "$2"
    call GET "$BOOTWARDEN_ENDPOINT/policies/AzureGuest?$query" "$token"
    is "$1 reads at the shared provider" "$status" 200
}
may fd1bd22b-8476-40bc-a0bc-69b95687b9f3 200 401
may bbf86eb8-f7b4-4cce-96e4-18cddf81d86e 200 200
may none 401 401

# ---- closed to the public; without a credential for TPM evidence ----
call PATCH "$(resource own1)" "$manage" -d '{"properties":{"tpmAttestationAuthentication":"Disabled"}}'
call POST "$own/attest/Tpm?$query" "" -d '{"data":"eyJwYXlsb2FkIjp7InR5cGUiOiJhaWtjZXJ0In19"}'
is "TPM evidence without a credential" "$status" 200
call PATCH "$(resource own1)" "$manage" -d '{"properties":{"publicNetworkAccess":"Disabled"}}'
is "closed" "$(jq -r .properties.publicNetworkAccess <<<"$body")" Disabled
call GET "$own/certs"
is "closed to the public" "$status $(code)" "403 PublicNetworkAccessDisabled"
call DELETE "$(resource own1)" "$manage"
is "deleted" "$status" 200
call GET "$own/certs"
is "gone" "$status" 404
stop_server

# ---- by host name ----
suffix=attest.bootwarden.test
start_server "$work/hosts" --dev --data "$work/hosts" --region eastus --host-suffix "$suffix"
. "$work/hosts/dev.env"
port=${BOOTWARDEN_ENDPOINT##*:}
at() { curl -sS --cacert "$BOOTWARDEN_CA" --resolve "$1:$port:127.0.0.1" "https://$1:$port/.well-known/openid-configuration" "${@:2}"; }
is "by host" "$(at "sharedeus.eus.$suffix" | jq -r .issuer)" "https://sharedeus.eus.$suffix:$port"
is "whatever the case" "$(at "SharedEUS.eus.$suffix" | jq -r .issuer)" "https://sharedeus.eus.$suffix:$port"
is "nobody's host" "$(at "nobody.eus.$suffix" -o /dev/null -w '%{http_code}')" 404
is "one dot at the end" "$(at "sharedeus.eus.$suffix" -H "Host: sharedeus.eus.$suffix.:$port" -o /dev/null -w '%{http_code}')" 200
for wrong in "sharedeus.eus.$suffix.." "sharedeus.eus.$suffix@evil" "sharedeus.eus.$suffix/x" "[sharedeus.eus.$suffix]" \
    "sharedeus.eus.$suffix:$port:9" "sharedeus.eus.$suffix:x@y"; do
    is "Host: $wrong" "$(at "sharedeus.eus.$suffix" -H "Host: $wrong" -o /dev/null -w '%{http_code}')" 400
done
is "a target of another host" "$(at "sharedeus.eus.$suffix" --request-target "https://nobody.eus.$suffix/certs" -o /dev/null -w '%{http_code}')" 400
is "the bare host is home" "$(curl -sS --cacert "$BOOTWARDEN_CA" "$BOOTWARDEN_ENDPOINT/.well-known/openid-configuration" | jq -r .issuer)" \
    "https://sharedeus.eus.$suffix:$port"

# ---- words on the command line ----
for wrong in "--region mars" "--region eastus --region 'East US'" "--host-suffix nodots" "--host-suffix Upper.case"; do
    eval "\"$server\" --dev --data \"$work/none\" $wrong" >"$work/said" 2>&1
    is "$wrong" $? 2
done
report
