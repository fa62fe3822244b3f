#!/usr/bin/env bash
# Who may sign in: the built-in identity provider as clients of Entra ID use it, configured issuers,
# principals, the audit log.
# shellcheck disable=SC1091,SC2034,SC2154 # variables go to and come from the sourced file
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash"

token_request() { # PATH FIELD=VALUE...: like call, with a form
    local path=$1 field fields=()
    shift
    for field in "$@"; do
        fields+=(--data-urlencode "$field")
    done
    call POST "$path" "${fields[@]}"
}
# oauth WHAT STATUS ERROR NUMBER: the last answer, in the shape of Entra ID's refusals
oauth() {
    is "status of $1" "$status" "$2"
    is "error of $1" "$(jq -r .error <<<"$body")" "$3"
    is "number of $1" "$(jq -r '.error_codes[0]' <<<"$body")" "$4"
    has "description of $1" "$(jq -r .error_description <<<"$body")" "^AADSTS$4: "
    has "time of $1" "$(jq -r .timestamp <<<"$body")" '^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}Z$'
}
claims() { jq -r .access_token <<<"$body" | cut -d. -f2 | jq -Rr 'gsub("-";"+")|gsub("_";"/")|. + ("==="[:((4 - length % 4) % 4)])|@base64d'; }
audited() { jq -s -c "$1" "$work/data/audit.log"; }

# ---- what --dev makes ----
start_dev "$work/data"
. "$work/data/dev.env"
guid='^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
has 'tenant' "$BOOTWARDEN_TENANT" "$guid"
has 'subscription' "$BOOTWARDEN_SUBSCRIPTION" "$guid"
has 'client id' "$BOOTWARDEN_CLIENT_ID" "$guid"
has 'client secret' "$BOOTWARDEN_CLIENT_SECRET" '^[A-Za-z0-9_-]{43}$'
is 'modes of what holds secrets' "$(find "$work/data/identity" "$work/data/dev.env" "$work/data/audit.log" -type f ! -perm 600)" ''
is 'the secret is kept in one place' "$(grep -rl -- "$BOOTWARDEN_CLIENT_SECRET" "$work/data" | sort | sed "s#$work/##")" $'data/dev.env\ndata/identity/dev.secret'
is 'the secret is in no log' "$(grep -c -- "$BOOTWARDEN_CLIENT_SECRET" "$work/data.log")" 0

# ---- discovery, as MSAL asks for it ----
T=/$BOOTWARDEN_TENANT
call GET "$T/v2.0/.well-known/openid-configuration"
is 'issuer' "$(jq -r .issuer <<<"$body")" "$endpoint$T/v2.0"
is 'token endpoint' "$(jq -r .token_endpoint <<<"$body")" "$endpoint$T/oauth2/v2.0/token"
is 'authorization endpoint' "$(jq -r .authorization_endpoint <<<"$body")" "$endpoint$T/oauth2/v2.0/authorize"
keys=$(jq -r .jwks_uri <<<"$body")
call GET "${keys#"$endpoint"}"
is 'keys' "$(jq -r '.keys | length' <<<"$body")" 1
is 'no private part' "$(jq -r '.keys[0] | has("d")' <<<"$body")" false
kid=$(jq -r '.keys[0].kid' <<<"$body")
call GET "/common/discovery/instance?api-version=1.1&authorization_endpoint=$endpoint/common/oauth2/v2.0/authorize"
is 'instance' "$(jq -r .tenant_discovery_endpoint <<<"$body")" "$endpoint$T/v2.0/.well-known/openid-configuration"
call GET /adfs/.well-known/openid-configuration
is 'token endpoint of az' "$(jq -r .token_endpoint <<<"$body")" "$endpoint/adfs/oauth2/token/"
call GET /99999999-9999-4999-8999-999999999999/v2.0/.well-known/openid-configuration
oauth 'another tenant' 400 invalid_tenant 90002

# ---- refusals ----
id=client_id=$BOOTWARDEN_CLIENT_ID secret=client_secret=$BOOTWARDEN_CLIENT_SECRET
grant=grant_type=client_credentials data=scope=https://attest.azure.net/.default
token_request "$T/oauth2/v2.0/token"
oauth 'an empty request' 400 invalid_request 900144
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "$data"
oauth 'no secret' 401 invalid_client 7000218
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "client_secret=wrong" "$data"
oauth 'a wrong secret' 401 invalid_client 7000215
known=$(jq -S 'del(.trace_id,.correlation_id,.timestamp)|.error_description|sub("\u0027.*?\u0027";"")' <<<"$body")
token_request "$T/oauth2/v2.0/token" "$grant" "client_id=nobody" "client_secret=wrong" "$data"
oauth 'an unknown client' 401 invalid_client 7000215
is 'both look alike' "$(jq -S 'del(.trace_id,.correlation_id,.timestamp)|.error_description|sub("\u0027.*?\u0027";"")' <<<"$body")" "$known"
token_request "$T/oauth2/v2.0/token" grant_type=authorization_code "$id" "$secret" "$data"
oauth 'a code of a browser' 400 unsupported_grant_type 70003
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "$secret" scope=https://attest.azure.net
oauth 'a scope without .default' 400 invalid_scope 1002012
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "$secret" scope=https://graph.microsoft.com/.default
oauth 'an unknown resource' 400 invalid_resource 500011
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "$secret" "$data" "$data"
oauth 'a field twice' 400 invalid_request 9000411
token_request /99999999-9999-4999-8999-999999999999/oauth2/v2.0/token "$grant" "$id" "$secret" "$data"
oauth 'another tenant' 400 invalid_request 90002
head -c 20000 /dev/zero | tr '\0' a >"$work/large"
call POST "$T/oauth2/v2.0/token" --data-binary "@$work/large"
is 'a large body' "$status" 413
call GET "$T/oauth2/v2.0/token"
is 'GET' "$status" 405

# ---- tokens ----
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "$secret" "$data" client_info=1 'claims={"access_token":{}}'
is 'status' "$status" 200
has 'not to be kept' "$head" '^Cache-Control: no-store$'
is 'type and time' "$(jq -c '[.token_type,.expires_in,.ext_expires_in]' <<<"$body")" '["Bearer",3599,3599]'
is 'key of the token' "$(jq -r .access_token <<<"$body" | cut -d. -f1 | jq -Rr '. + ("==="[:((4 - length % 4) % 4)])|@base64d|fromjson|.kid')" "$kid"
is 'claims' "$(claims | jq -c '[.aud,.iss,.tid,.azp,.idtyp,.ver,(.oid==.sub),(.exp-.iat)]')" \
    "[\"https://attest.azure.net\",\"$endpoint$T/v2.0\",\"$BOOTWARDEN_TENANT\",\"$BOOTWARDEN_CLIENT_ID\",\"app\",\"2.0\",true,3600]"
oid=$(claims | jq -r .oid)
token_request "$T/oauth2/token" "$grant" "$id" "$secret" resource=https://management.azure.com/
is 'claims of version 1' "$(claims | jq -c '[.aud,.iss,.appid,.ver]')" \
    "[\"https://management.azure.com/\",\"$endpoint$T/\",\"$BOOTWARDEN_CLIENT_ID\",\"1.0\"]"
is 'numbers of version 1' "$(jq -c '[.expires_in,.resource]' <<<"$body")" '["3599","https://management.azure.com/"]'
token_request "/adfs/oauth2/token/?client-request-id=1" "$grant" "$id" "$secret" "scope=$endpoint//.default"
is 'audience of az' "$(claims | jq -r .aud)" "$endpoint/"

call POST "$T/oauth2/v2.0/token" -u "$BOOTWARDEN_CLIENT_ID:$BOOTWARDEN_CLIENT_SECRET" -d "$grant" --data-urlencode "$data"
is 'id and secret in the header' "$status" 200
call POST "$T/oauth2/v2.0/token" -u "$BOOTWARDEN_CLIENT_ID:x" -d "$grant" --data-urlencode "$data"
oauth 'a wrong secret in the header' 401 invalid_client 7000215
has 'how to come again' "$head" '^WWW-Authenticate: Basic realm='

# ---- guessing ----
codes=
for _ in $(seq 12); do
    token_request "$T/oauth2/v2.0/token" "$grant" "client_id=somebody" "client_secret=guess" "$data"
    codes="$codes $status"
done
is 'guesses' "$codes" ' 401 401 401 401 401 401 401 401 401 401 429 429'
# A minute from the first guess on.
has 'when to come again' "$head" '^Retry-After: (5[0-9]|60)$'
token_request "$T/oauth2/v2.0/token" "$grant" "$id" "$secret" "$data"
is 'others are not locked out' "$status" 200

# ---- the audit log ----
is 'every refused sign-in' "$(audited '[.[]|select(.action=="sign-in")]|length')" 22
is 'reasons' "$(audited '[.[].reason]|unique')" \
    '["grant-unsupported","request-incomplete","request-malformed","resource-unknown","scope-invalid","secret-limited","secret-missing","secret-wrong","tenant-unknown"]'
is 'who tried' "$(audited '[.[]|select(.reason=="secret-limited")][0]|[.name,.method,.status]')" '["somebody","POST",429]'
is 'no secret' "$(grep -c -e guess -e "$BOOTWARDEN_CLIENT_SECRET" "$work/data/audit.log")" 0
token_request "$T/oauth2/v2.0/token" "$grant" $'client_id=a\n{"event":"finish"}\r\e[31m' client_secret=x "$data"
is 'one line' "$(tail -1 "$work/data/audit.log" | jq -r .reason)" secret-wrong
is 'nothing unprintable' "$(LC_ALL=C grep -c '[^ -~]' "$work/data/audit.log")" 0
mv "$work/data/audit.log" "$work/rotated"
kill -HUP "$server_pid"
wait_for [ -e "$work/data/audit.log" ]
token_request "$T/oauth2/v2.0/token"
is 'goes on in a new file' "$(audited 'length')" 1
call GET /metrics
has 'sign-ins are counted' "$body" 'bootwarden_sign_ins_total\{result="secret-wrong"\} 1[0-9]'
has 'lines are counted' "$body" 'bootwarden_audit_lines_total\{event="refused"\} 2[0-9]'

# ---- principals, while the server runs ----
principal() { "$server" principal "$@" --data "$work/data"; }
principal add 'ci of web' --output json >"$work/ci"
is 'shown once' "$(jq -r '[.name,.tenant]|join(" ")' "$work/ci")" "ci of web $BOOTWARDEN_TENANT"
ci=client_id=$(jq -r .clientId "$work/ci") ci_secret=client_secret=$(jq -r .secret "$work/ci")
signs_in() {
    token_request "$T/oauth2/v2.0/token" "$grant" "$@" "$data"
    [ "$status" = 200 ]
}
wait_for signs_in "$ci" "$ci_secret" && ok || fault 'a new principal cannot sign in'
principal new-secret "${ci#*=}" --output json >"$work/ci2"
wait_for signs_in "$ci" "client_secret=$(jq -r .secret "$work/ci2")" && ok || fault 'a new secret is not taken'
signs_in "$ci" "$ci_secret" && fault 'an old secret is taken' || ok
has 'list' "$(principal list)" "^${ci#*=}  [0-9a-f-]{36}  ci of web$"
is 'list as JSON' "$(principal list --output json | jq -c '[.principals[].name]')" '["bootwarden-dev","ci of web"]'
has 'removed' "$(principal remove "${ci#*=}")" 'ci of web .* is removed'
refused_now() { ! signs_in "$ci" "client_secret=$(jq -r .secret "$work/ci2")"; }
wait_for refused_now && ok || fault 'a removed principal signs in'
is 'changes are audited' "$(audited '[.[]|select(.action|startswith("principal "))|[.event,.action]|join(" ")]')" \
    '["begin principal add","finish principal add","begin principal new-secret","finish principal new-secret","begin principal remove","finish principal remove"]'
principal remove 99999999-9999-4999-8999-999999999999 2>/dev/null
is 'nobody to remove' "$?" 1
principal 2>/dev/null
is 'which command' "$?" 2
principal disable X 2>"$work/err"
is 'a command that is none' "$? $(cat "$work/err")" \
    "2 bootwarden-server: principal: there is no 'disable'; see bootwarden-server principal --help"
"$server" principal list --data "$work/none" 2>/dev/null
is 'no such folder' "$?" 2

# ---- a second server believes the first one: discovery and keys over https ----
mkdir "$work/b"
config() { # LINE...: after [server]
    printf '[server]\ndata = %s\nlisten = 127.0.0.1:0\n' "$work/b/data" >"$work/b.ini"
    printf '%s\n' "$@" >>"$work/b.ini"
}
first_pid=$server_pid first=$endpoint first_ca=$ca
config '[issuer first]' "url = $first$T/v2.0" "tenant = $BOOTWARDEN_TENANT" "ca-file = $first_ca" \
    '[issuer away]' 'url = https://127.0.0.1:1/x' 'tenant = x' \
    '[identity]' 'built-in = no' '[access]' "owner = $BOOTWARDEN_TENANT/$oid"
start_server "$work/b/log" --config "$work/b.ini"
ca=$work/b/data/tls/ca.pem
wait_for grep -q "event=issuer.keys .*issuer=$first$T/v2.0 keys=1" "$work/b/log.log" && ok || fault 'keys are not fetched'
wait_for grep -q 'event=issuer.failed .*issuer=https://127.0.0.1:1/x .*its tokens are refused' "$work/b/log.log" && ok || fault 'a failure is not logged'
call GET /metrics
has 'keys are counted' "$body" "bootwarden_issuer_keys\{issuer=\"$first$T/v2.0\"\} 1"
has 'failures are counted' "$body" 'bootwarden_issuer_refreshes_total\{issuer="https://127.0.0.1:1/x",result="failed"\} 1'
call POST "$T/oauth2/v2.0/token"
is 'no provider of its own' "$status" 404
is 'nothing made for it' "$(find "$work/b/data/identity" 2>/dev/null)" ''
stop_server

# ---- configurations that are refused ----
wrong() { # PATTERN LINE...
    local pattern=$1 out
    shift
    config "$@"
    out=$(timeout 60 "$server" --config "$work/b.ini" 2>&1)
    is "exit code of '$*'" "$?" 2
    has "words of '$*'" "$out" "$pattern"
}
wrong "b.ini:5: unknown key 'colour' in section \[access\]" '[access]' 'colour = red'
wrong 'owner: must be of the form' '[access]' 'owner = a/b/c'
wrong "owner 'a' needs its tenant" '[access]' 'owner = a' '[identity]' 'built-in = no'
wrong 'built-in: must be yes or no' '[identity]' 'built-in = perhaps'
wrong 'url: must be of the form https' '[issuer a]' 'url = http://a'
wrong '\[issuer a\] url is missing' '[issuer a]' 'tenant = t'
wrong '\[issuer a\] tenant is missing' '[issuer a]' 'url = https://a'
wrong "unknown key 'x' in section \[issuer a\]" '[issuer a]' 'x = y'
wrong 'issuer https://a is there twice' '[issuer a]' 'url = https://a' 'tenant = t' '[issuer b]' 'url = https://a' 'tenant = t'
wrong 'none.json: ' '[issuer a]' 'url = https://a' 'tenant = t' "jwks-file = $work/none.json"

wrong 'none.pem: does not exist' '[issuer a]' 'url = https://a' 'tenant = t' "ca-file = $work/none.pem"

# ---- an issuer that takes the connection and says nothing: the server serves and ends ----
cat >"$work/silent.py" <<'PY'
import socket, sys, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
held = [s.accept()]
print("taken", flush=True)
time.sleep(600)
PY
python3 "$work/silent.py" >"$work/silent" &
pids+=("$!")
wait_for grep -q . "$work/silent"
config '[issuer silent]' "url = https://127.0.0.1:$(head -1 "$work/silent")/x" 'tenant = t'
start_server "$work/b/log" --config "$work/b.ini"
ca=$work/b/data/tls/ca.pem
wait_for grep -q taken "$work/silent" && ok || fault 'the silent issuer is not asked'
call GET /readyz
is 'serves meanwhile' "$status" 200
stop_server

# ---- the same after a restart; lost and loose pieces ----
server_pid=$first_pid endpoint=$first
stop_server
before=$(cat "$work/data/dev.env")
start_dev "$work/data"
is 'the same environment' "$(cat "$work/data/dev.env")" "$before"
call GET "$T/discovery/v2.0/keys"
is 'the same key' "$(jq -r '.keys[0].kid' <<<"$body")" "$kid"
stop_server
for text in '' '{"roles":[]}' '{"roleAssignments":[7]}'; do
    install -m 600 <(printf %s "$text") "$work/data/access.json"
    out=$("$server" --dev --data "$work/data" 2>&1)
    is "broken roles: '$text'" "$?" 2
    has 'what to do about them' "$out" "access.json: .*; correct it .*, or move it away"
done
rm "$work/data/access.json"
chmod 640 "$work/data/identity/principals.json"
out=$("$server" --dev --data "$work/data" 2>&1)
is 'loose principals' "$?" 2
has 'which file' "$out" 'principals.json: '
rm "$work/data/identity/principals.json"
out=$("$server" --dev --data "$work/data" 2>&1)
is 'lost principals' "$?" 2
has 'what to do' "$out" 'restore it from a backup'

report
