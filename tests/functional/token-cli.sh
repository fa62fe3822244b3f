#!/usr/bin/env bash
# shellcheck disable=SC2154
# `bootwarden token` as a relying party uses it: a real token of a real server, then everything
# that can be wrong with a token, a key set and an endpoint (rules J-1 to J-8).
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
. "$source/tests/support/token.bash"
helper=$bin/helper-token

# expect CODE PATTERN ARGUMENT...: exit status, and a pattern in what is said.
expect() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 60 "$bin/bootwarden" "$@" >"$work/out" 2>"$work/err" <"${input:-/dev/null}"
    got=$?
    if [ "$got" -ne "$code" ] || ! cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
        fault "bootwarden $*: exit $got, wanted $code and /$pattern/"
    elif LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/out" "$work/err"; then
        fault "bootwarden $*: control characters" # D-5
    elif [ "$code" -ge 2 ] && [ "$(wc -l <"$work/err")" -ne 1 ]; then
        fault "bootwarden $*: not one line of error"
    else
        passed=$((passed + 1))
    fi
}

# ---- a real token ----
nonce=n-$$-$RANDOM
real_token "$nonce" "$work/token"
token=$(cat "$work/token")
ca=(--ca "$BOOTWARDEN_CA")
online=(--endpoint "$endpoint" "${ca[@]}")
offline=(--jwks "$work/keys.json" --issuer "$endpoint")

expect 0 '^VALID: ' token verify "$work/token" "${online[@]}"
check 'says that no nonce was demanded' grep -q 'No nonce was demanded' "$work/out"
expect 0 '^VALID: ' token verify "$work/token" "${offline[@]}" --nonce "$nonce" --claim secureboot=true \
    --claim 'x-ms-ver="1.0"' --claim x-ms-azurevm-ostype=Linux --claim 'x-ms-azurevm-attested-pcrs=[0,1,2,3,4,5,6,7]' \
    --claim "x-ms-runtime.client-payload.nonce=$(printf %s "$nonce" | base64)" --skew 5
check 'each check has its line' test "$(grep -c '^  ok  ' "$work/out")" -eq 13
expect 0 '^VALID: ' token verify "$token" "${offline[@]}"
input=$work/token expect 0 '^VALID: ' token verify - "${offline[@]}"
printf '{"token":"%s"}' "$token" >"$work/token.json"
expect 0 '^VALID: ' token verify "$work/token.json" "${offline[@]}"
printf '\n  %s \r\n' "$token" >"$work/blanks"
expect 0 '^VALID: ' token verify "$work/blanks" "${offline[@]}"
expect 0 '"valid": true' token verify "$work/token" "${offline[@]}" --nonce "$nonce" -o json
check 'JSON holds the claims of a valid token' jq -e --arg iss "$endpoint" \
    '.fault == null and .claims.secureboot and .claims.iss == $iss and (.checks | length == 8 and all(.result == "ok"))' "$work/out"

expect 0 '^NOT VERIFIED: ' token inspect "$work/token"
check 'times in words' grep -qE '^  exp .*20[0-9-]+T[0-9:]+Z, in [78] hours?$' "$work/out"
check 'what the guest sent along' grep -qF "(\"$nonce\")" "$work/out"
check 'a text that looks like a number is in quotes' grep -qE '^  x-ms-ver +"1.0"$' "$work/out"
expect 0 '"verified": false' token inspect "$token" --output json
check 'inspect as JSON' jq -e '.signed and .header.typ == "JWT" and .payload.secureboot' "$work/out"

# ---- not what was demanded ----
expect 1 '^NOT VALID: it does not carry the nonce' token verify "$work/token" "${offline[@]}" --nonce other
expect 1 'claim secureboot +is true; wanted is false' token verify "$work/token" "${offline[@]}" --claim secureboot=false
expect 1 'is the text "1.0"; wanted is the fraction 1, which is of another kind' \
    token verify "$work/token" "${offline[@]}" --claim x-ms-ver=1.0
expect 1 'the token has no such claim' token verify "$work/token" "${offline[@]}" --claim nothing=null
expect 1 'meant for somebody else' token verify "$work/token" "${offline[@]}" --audience me
expect 1 '^NOT VALID: it is of another issuer' token verify "$work/token" --jwks "$work/keys.json" --issuer https://localhost:1
expect 1 'expired at 20[0-9-]+T[0-9:]+Z, 3[67][0-9] days ago|1 year ago' \
    token verify "$work/token" "${offline[@]}" --time "$(($(date +%s) + 366 * 86400))"
expect 1 '^NOT VALID: it is of the future' token verify "$work/token" "${offline[@]}" --time 2020-01-01
expect 1 'not-ok' token verify "$work/token" "${offline[@]}" --nonce other -o json
check 'JSON of a token that is not valid has no claims' \
    jq -e '(.valid | not) and .fault == "nonce" and (has("claims") | not) and (.remedy | length > 0)' "$work/out"

# ---- forged ----
header=$(part 0 "$work/token") claims=${token#*.} claims=${claims%.*} signature=${token##*.}
forge() { printf '%s.%s.%s' "$(printf %s "$1" | b64url)" "${2:-$claims}" "${3-$signature}"; }
for alg in none None nOnE; do # J-1
    expect 1 '^NOT VALID: nobody signed it' token verify "$(forge "{\"alg\":\"$alg\",\"typ\":\"JWT\"}" '' '')" "${offline[@]}"
done
expect 0 'NONE$' token inspect "$(forge '{"alg":"none"}' '' '')"
expect 1 'algorithm' token verify "$(forge "$(jq -c '.alg = "HS256"' <<<"$header")")" "${offline[@]}" # J-2
expect 1 'algorithm' token verify "$(forge "$(jq -c 'del(.alg)' <<<"$header")")" "${offline[@]}"
expect 1 'the signature does not hold' token verify "$(forge "$(jq -c '.extra = 1' <<<"$header")")" "${offline[@]}"
expect 1 'critical extensions' token verify "$(forge "$(jq -c '.crit = ["x"]' <<<"$header")")" "${offline[@]}" # J-5
expect 1 'does not name its key' token verify "$(forge "$(jq -c 'del(.kid)' <<<"$header")")" "${offline[@]}"
expect 1 "'../../key' is none of the 1 keys" token verify "$(forge "$(jq -c '.kid = "../../key"' <<<"$header")")" "${offline[@]}" # J-3
check 'an unknown key: keys may have rotated' grep -q 'may have rotated.*fetch it again' "$work/out"
check 'and nothing else was checked' test "$(grep -c 'not checked: ' "$work/out")" -eq 3
expect 1 'The keys were fetched just now' token verify "$(forge "$(jq -c '.kid = "x"' <<<"$header")")" "${online[@]}"
lies=$(part 1 "$work/token" | jq -c '.secureboot = true | .exp = 9999999999' | b64url)
expect 1 'the signature does not hold' token verify "$(forge "$header" "$lies")" "${offline[@]}"
for cut in 1 40 400; do
    expect 1 '^NOT VALID: ' token verify "${token:0:${#token}-cut}" "${offline[@]}"
done
expect 1 'does not have three parts' token verify "${token%.*.*}" --jwks "$work/keys.json" --issuer "$endpoint"
expect 1 'does not have three parts' token verify "$token.a.b" "${offline[@]}" # J-8
expect 1 'a\\x1b\[31m' token verify "$(forge '{"alg":"RS256","kid":"a\u001b[31m"}')" "${offline[@]}" # D-5

# ---- other keys ----
mkdir "$work/other"
"$helper" sign rsa "$work/other"
expect 1 'its key is not the issuer' token verify "$work/token" --jwks "$work/other/jwks.json" --issuer "$endpoint"
kid=$(jq -r .kid <<<"$header")
jq -c --arg kid "$kid" '.keys[0].kid = $kid' "$work/other/jwks.json" >"$work/swapped.json"
expect 1 'the signature does not hold' token verify "$work/token" --jwks "$work/swapped.json" --issuer "$endpoint"
jq -c -s '{keys: (.[0].keys + .[1].keys)}' "$work/keys.json" "$work/other/jwks.json" >"$work/both.json"
expect 0 '^VALID' token verify "$work/token" --jwks "$work/both.json" --issuer "$endpoint"
other_kid=$(jq -r '.keys[0].kid' "$work/other/jwks.json")
expect 1 'the signature does not hold' token verify \
    "$(forge "$(jq -c --arg kid "$other_kid" '.kid = $kid' <<<"$header")")" --jwks "$work/both.json" --issuer "$endpoint"
jq -c '.keys += .keys' "$work/keys.json" >"$work/twice.json"
expect 2 'keys\[1\]: key with this kid is there twice' token verify "$work/token" --jwks "$work/twice.json" --issuer "$endpoint"
jq -c '.keys[0] |= {kid, kty: "oct", k: "AAAA"}' "$work/keys.json" >"$work/secret.json"
expect 1 'Of the key set 1 more was left out' token verify "$work/token" --jwks "$work/secret.json" --issuer "$endpoint"
for claims_of in '{"iss":"i"}' '[]' 'no json'; do
    printf %s "$claims_of" >"$work/claims"
    "$helper" mint "$work/other" "$work/claims" >"$work/minted"
    expect 1 '^NOT VALID: it (does not say when|holds no claims)' \
        token verify "$work/minted" --jwks "$work/other/jwks.json" --issuer i
done

# ---- endpoints ----
env -u BOOTWARDEN_CA "$bin/bootwarden" token verify "$work/token" --endpoint "$endpoint" >"$work/out" 2>"$work/err"
check 'without its CA the endpoint is not trusted' test $? -eq 3
check 'and what to do' grep -q 'name its CA with --ca FILE or BOOTWARDEN_CA' "$work/err"
expect 0 '^VALID: ' token verify "$work/token" --endpoint "$endpoint"
expect 0 '^VALID: ' token verify "$work/token" "${offline[@]}"
BOOTWARDEN_CA=/nonexistent expect 2 "CA file '/nonexistent' does not exist" token verify "$work/token" --endpoint "$endpoint"
expect 2 'must begin with https://' token verify "$work/token" --endpoint "http://${endpoint#https://}"
expect 2 'is not an address like https' token verify "$work/token" --endpoint file:///etc/passwd
expect 2 'must hold no user' token verify "$work/token" --endpoint "https://user@localhost:1"
expect 2 "CA file '/nonexistent' does not exist" token verify "$work/token" --endpoint "$endpoint" --ca /nonexistent
expect 2 'holds no certificate' token verify "$work/token" --endpoint "$endpoint" --ca "$work/keys.json"
expect 3 'localhost:1: .*check name, port' token verify "$work/token" --endpoint https://localhost:1 "${ca[@]}"
expect 3 "calls itself '$endpoint', not '$endpoint/'" token verify "$work/token" --endpoint "$endpoint/" "${ca[@]}"
expect 3 'calls itself|answered 404' token verify "$work/token" --endpoint "$endpoint/providers/none" "${ca[@]}"

serve python3 "$source/tests/support/answers.py" "$data/tls/server.pem" "$data/tls/server.key" "$work"
false_endpoint=https://localhost:$served
metadata=/.well-known/openid-configuration
# answer PATTERN CODE JSON: of the endpoint, to the question for its metadata; keys are at /certs
answer() {
    jq -n --arg m "$metadata" --argjson a "$3" --rawfile keys "$work/keys.json" \
        '{($m): $a, "/certs": {body: $keys}}' >"$work/answers.json"
    expect "$2" "$1" token verify "$work/token" --endpoint "$false_endpoint" "${ca[@]}"
}
answer 'OpenID metadata: .*is not valid JSON' 3 '{"body":"<html>hello</html>"}'
answer 'is empty, expected JSON' 3 '{"body":""}'
answer 'OpenID metadata.issuer: is missing' 3 '{"body":"{}"}'
answer 'has the same member twice|occurs twice' 3 '{"body":"{\"issuer\":\"HERE\",\"issuer\":\"HERE\",\"jwks_uri\":\"HERE/certs\"}"}'
answer "calls itself '$endpoint'" 3 "{\"body\":\"{\\\"issuer\\\":\\\"$endpoint\\\",\\\"jwks_uri\\\":\\\"HERE/certs\\\"}\"}"
answer 'jwks_uri: .*is not of the endpoint.s own origin' 3 \
    "{\"body\":\"{\\\"issuer\\\":\\\"HERE\\\",\\\"jwks_uri\\\":\\\"$endpoint/certs\\\"}\"}"
answer 'jwks_uri: .*does not begin with https' 3 '{"body":"{\"issuer\":\"HERE\",\"jwks_uri\":\"http://localhost/certs\"}"}'
answer 'jwks_uri: .*does not begin with https' 3 '{"body":"{\"issuer\":\"HERE\",\"jwks_uri\":\"https:a\"}"}'
answer 'jwks_uri' 3 '{"body":"{\"issuer\":\"HERE\",\"jwks_uri\":\"https://\"}"}'
answer 'jwks_uri: .*must hold no user' 3 '{"body":"{\"issuer\":\"HERE\",\"jwks_uri\":\"https://localhost@evil.example/certs\"}"}'
answer 'answered 500' 3 '{"status":500,"body":"{}"}'
answer 'answered 302.*redirects are not followed' 3 "{\"status\":302,\"location\":\"$endpoint$metadata\"}"
answer 'the answer is larger than 262144 bytes' 3 '{"length":300000,"body":"{}"}'
answer 'answered 404 to GET /none' 3 '{"body":"{\"issuer\":\"HERE\",\"jwks_uri\":\"HERE/none\"}"}'
answer 'keys|missing' 3 "{\"body\":\"{\\\"issuer\\\":\\\"HERE\\\",\\\"jwks_uri\\\":\\\"HERE$metadata\\\"}\"}"
# It may serve the right keys: the token is of another issuer than this endpoint.
answer '^NOT VALID: it is of another issuer' 1 '{"body":"{\"issuer\":\"HERE\",\"jwks_uri\":\"HERE/certs\"}"}'

# ---- wrong use ----
expect 2 'needs --jwks FILE and --issuer URL, or --endpoint URL' token verify "$work/token"
expect 2 'jwks needs --issuer' token verify "$work/token" --jwks "$work/keys.json"
expect 2 'endpoint stands alone' token verify "$work/token" "${online[@]}" --issuer "$endpoint"
expect 2 'ca is for --endpoint' token verify "$work/token" "${offline[@]}" "${ca[@]}"
expect 2 "'secureboot' is not NAME=VALUE" token verify "$work/token" "${offline[@]}" --claim secureboot
expect 2 'is not a number from 0 to 300' token verify "$work/token" "${offline[@]}" --skew 301
expect 2 'cannot both be standard input' token verify - --jwks - --issuer "$endpoint"
expect 2 '\-\-time: expected' token verify "$work/token" "${offline[@]}" --time yesterday
expect 2 '\-\-time: expected' token verify "$work/token" "${offline[@]}" --time @-5
expect 2 "there is no 'verfy'; did you mean 'verify'" token verfy
expect 2 'needs inspect or verify' token
expect 2 'needs TOKEN' token inspect
expect 2 'none: cannot open' token inspect "$work/none"
expect 2 'is empty; expected a token' token inspect /dev/null
expect 2 'token: .*missing' token inspect "$work/keys.json"
expect 2 'does not have three parts' token inspect "$source/README.md"
expect 2 'keys: is missing' token verify "$work/token" --jwks "$work/token.json" --issuer "$endpoint"
printf '{"token":"%s"}' "$(printf '{"Jwt":""}' | b64url)" >"$work/sealed"
expect 2 'is sealed, and only the machine opens it' token inspect "$work/sealed"
expect 0 'bootwarden token verify' token --help
expect 0 'Exit status' token verify --help
expect 0 'Nothing is verified' token inspect --help
"$bin/bootwarden" token inspect "$work/token" >/dev/full 2>"$work/err"
check 'a full disk is no success' test $? -eq 4

report
