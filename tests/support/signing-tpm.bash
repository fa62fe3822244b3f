# signing-tpm.bash - for functional tests: a TPM that holds keys which sign tokens. Source it after
# server.bash. It serves one connection at a time: no tool while a server uses it.
# shellcheck shell=bash
for tool in swtpm swtpm_setup tpm2_createprimary; do
    command -v "$tool" >/dev/null || { fault "$tool is missing: run tools/setup"; report; }
done
export TPM2TOOLS_TCTI="swtpm:path=$work/tpm" TPM2OPENSSL_TCTI="swtpm:path=$work/tpm"
tpm_pid=

# start_tpm: what it keeps stays from one start to the next.
start_tpm() {
    [ -d "$work/state" ] || {
        mkdir "$work/state"
        swtpm_setup --tpm2 --tpmstate "$work/state" --pcr-banks sha256 >"$work/setup.log" 2>&1
    }
    rm -f "$work/tpm"
    swtpm socket --tpm2 --tpmstate "dir=$work/state" --flags not-need-init,startup-clear \
        --server "type=unixio,path=$work/tpm" --ctrl "type=unixio,path=$work/tpm.ctrl" \
        >>"$work/tpm.log" 2>&1 &
    tpm_pid=$!
    pids+=("$tpm_pid")
    wait_for listens "$work/tpm" || { fault "swtpm did not start"; report; }
}
stop_tpm() {
    kill "$tpm_pid"
    wait "$tpm_pid" 2>/dev/null
    rm -f "$work/tpm"
}
# make_key ALGORITHM HANDLE: one that signs and cannot leave the TPM; its public half in HANDLE.pub.
# noda: each time the power goes counts as an attack on the others, and five of them close the TPM.
make_key() {
    (
        cd "$work" || exit 1
        { [ -f primary.ctx ] || tpm2_createprimary -Q -C o -G rsa2048 -c primary.ctx \
            -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'; } &&
            tpm2_create -Q -C primary.ctx -G "$1" -u key.public -r key.private \
                -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign' &&
            tpm2_flushcontext -t &&
            tpm2_load -Q -C primary.ctx -u key.public -r key.private -c key.ctx &&
            tpm2_evictcontrol -Q -C o -c key.ctx "$2" &&
            tpm2_flushcontext -t &&
            tpm2_readpublic -Q -c "$2" -f pem -o "$2.pub"
    ) >"$work/tools.log" 2>&1 || { cat "$work/tools.log"; fault "the TPM makes no $1 key"; report; }
}

# sign_in AUDIENCE: an access token. token_of PROVIDER ACCESS-TOKEN: one that the provider signs.
sign_in() {
    curl -sS --cacert "$ca" -d grant_type=client_credentials -d "client_id=$BOOTWARDEN_CLIENT_ID" \
        --data-urlencode "client_secret=$BOOTWARDEN_CLIENT_SECRET" -d "scope=$1/.default" \
        "$endpoint/$BOOTWARDEN_TENANT/oauth2/v2.0/token" | jq -r .access_token
}
token_of() {
    curl -sS --cacert "$ca" -H "Authorization: Bearer $2" "$1/policies/AzureGuest?api-version=2020-10-01" |
        jq -r .token
}
header() { cut -d. -f1 <<<"$1" | tr '_-' '/+' | base64 -d 2>/dev/null | jq -r "$2"; }
# not_started PATTERN OPTION...: the server on data does not start, with exit code 2 and these words.
not_started() {
    local pattern=$1 said
    shift
    said=$("$server" --dev --data "$work/data" "$@" 2>&1)
    is "exit code: $pattern" $? 2
    has "words" "$said" "$pattern"
    is "the URI in them" "$(grep -c 0x8100 <<<"$said")" 0
}
# holds WHAT TOKEN: under the keys that the server publishes.
holds() {
    curl -sS --cacert "$ca" "$endpoint/certs" >"$work/certs.json"
    printf '%s' "$2" >"$work/token.jwt"
    "$BOOTWARDEN_BIN/bootwarden" token verify --jwks "$work/certs.json" --issuer "$endpoint" \
        "$work/token.jwt" >"$work/verified" 2>&1
    is "$1" $? 0
}
