# tpm-guest.bash - for functional tests: guests that tpm2-tools and curl play, without our agent.
# Source it behind server.bash. make_tpm sets tpm, the folder of the TPM in use.
# shellcheck disable=SC2154

# make_tpm NAME: state and certified endorsement keys; all TPMs of one CA.
make_tpm() {
    local dir=$work/$1
    mkdir -p "$dir" "$work/ca"
    printf 'create_certs_tool=%s\ncreate_certs_tool_config=%s\ncreate_certs_tool_options=%s\n' \
        "$(command -v swtpm_localca)" "$work/ca/localca.conf" "$work/ca/options" >"$work/ca/setup.conf"
    printf 'statedir=%s\nsigningkey=%s\nissuercert=%s\ncertserial=%s\n' \
        "$work/ca" "$work/ca/signkey.pem" "$work/ca/issuercert.pem" "$work/ca/certserial" >"$work/ca/localca.conf"
    printf -- '--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n' >"$work/ca/options"
    swtpm_setup --tpm2 --tpmstate "$dir" --create-ek-cert --overwrite --config "$work/ca/setup.conf" \
        >"$dir/setup.log" 2>&1 || { cat "$dir/setup.log"; exit 1; }
    swtpm socket --tpm2 --tpmstate "dir=$dir" --server "type=unixio,path=$dir/sock" \
        --ctrl "type=unixio,path=$dir/sock.ctrl" --flags startup-clear 2>/dev/null &
    pids+=("$!")
    wait_for listens "$dir/sock"
    use_tpm "$1"
    tpm2_createek -Q -G rsa -c "$dir/ek.ctx" -u "$dir/ek.tss"
    tpm2_createak -Q -C "$dir/ek.ctx" -c "$dir/ak.ctx" -G rsa -g sha256 -s rsassa -u "$dir/ak.tss"
    tpm2_flushcontext -Q -t
    tpm2_nvread -Q -C o 0x1c00002 -o "$dir/ek.der"
}
use_tpm() {
    tpm=$work/$1
    export TPM2TOOLS_TCTI=swtpm:path=$tpm/sock
}
b64() { base64 -w0 "$1"; }
join_body() {
    jq -nc --arg c "$(b64 "$1/ek.der")" --arg e "$(b64 "$1/ek.tss")" --arg a "$(b64 "$2")" --arg n "$3" \
        '{ekCertificate:$c, ekPublic:$e, akPublic:$a} + (if $n == "" then {} else {name:$n} end)'
}
# open_credential: what the last answer challenges, opened by the TPM in use with its AK.
open_credential() {
    local session=$tpm/session.ctx
    {
        printf '\xba\xdc\xc0\xde\x00\x00\x00\x01'
        jq -r .credentialBlob <<<"$body" | base64 -d
        jq -r .encryptedSecret <<<"$body" | base64 -d
    } >"$tpm/credential"
    tpm2_startauthsession -Q --policy-session -S "$session"
    tpm2_policysecret -Q -S "$session" -c e
    tpm2_activatecredential -Q -c "$tpm/ak.ctx" -C "$tpm/ek.ctx" -i "$tpm/credential" -o "$tpm/secret" \
        -P "session:$session" 2>"$tpm/error"
    local code=$?
    tpm2_flushcontext -Q "$session"
    tpm2_flushcontext -Q -t
    return $code
}
activate_body() { jq -nc --arg s "$1" --arg k "$(b64 "$2")" '{session:$s, secret:$k}'; }

# join_as NAME: the TPM in use becomes that machine; its session's token in $token.
join_as() {
    call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ak.tss" "$1")"
    is "$1 joins" "$status" 200
    token=$(jq -r .session <<<"$body")
    open_credential || fault "activatecredential: $(cat "$tpm/error")"
    call POST /guest/v1/activate -d "$(activate_body "$token" "$tpm/secret")"
    is "$1 is activated" "$status" 200
    token=$(jq -r .sessionToken <<<"$body")
}
