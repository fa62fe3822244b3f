#!/bin/sh
# A software TPM activates what tpm_make_credential made, under an RSA and an ECC endorsement key,
# and refuses it for another key's name (rule AK-5).
set -eu

bin=${BOOTWARDEN_BIN:?folder with the built programs}
for tool in swtpm swtpm_setup tpm2_createek tpm2_createak tpm2_activatecredential; do
    if ! command -v "$tool" >/dev/null; then
        echo "no $tool: tools/setup installs it"
        exit 1
    fi
done

work=$(mktemp -d)
tpm=
stop() {
    if [ -n "$tpm" ]; then
        kill "$tpm" 2>/dev/null || true
        wait "$tpm" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM

mkdir "$work/state"
swtpm_setup --tpm2 --tpmstate "$work/state" --pcr-banks sha256 >"$work/setup.log" 2>&1
swtpm socket --tpm2 --tpmstate "dir=$work/state" --flags not-need-init,startup-clear \
    --server "type=unixio,path=$work/tpm" --ctrl "type=unixio,path=$work/tpm.ctrl" \
    >"$work/tpm.log" 2>&1 &
tpm=$!
tries=0
until grep -q "00010000 .* $work/tpm\$" /proc/net/unix; do # it listens
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$tpm" 2>/dev/null; then
        cat "$work/tpm.log"
        echo "swtpm did not start"
        exit 1
    fi
    sleep 0.1
done
export TPM2TOOLS_TCTI="swtpm:path=$work/tpm"

flush() {
    tpm2_flushcontext -t 2>/dev/null || true
}

# check NAME: ak.ctx was named, other.ctx was not.
check() {
    "$bin/helper-credential" "$work/ek.pub" "$work/ak.name" "$work/secret" "$work/credential"
    rm -f "$work/opened"
    activate "$work/ak.ctx" || {
        cat "$work/activate.log"
        echo "$1: the named key could not activate"
        exit 1
    }
    flush
    cmp "$work/secret" "$work/opened"
    if activate "$work/other.ctx"; then
        echo "$1: another key activated"
        exit 1
    fi
    echo "$1: activated by the named key alone"
    flush
}

head -c 32 /dev/urandom >"$work/secret"

# Endorsement keys of the standard templates: a session satisfies their policy (PolicySecret).
activate() {
    tpm2_startauthsession --policy-session -S "$work/session" >/dev/null
    tpm2_policysecret -S "$work/session" -c e >/dev/null
    tpm2_activatecredential -Q -c "$1" -C "$work/ek.ctx" -i "$work/credential" \
        -o "$work/opened" -P "session:$work/session" 2>"$work/activate.log" && result=0 || result=1
    tpm2_flushcontext "$work/session" >/dev/null
    return $result
}
for kind in rsa ecc; do
    scheme=rsassa
    if [ "$kind" = ecc ]; then
        scheme=ecdsa
    fi
    tpm2_createek -Q -c "$work/ek.ctx" -G "$kind" -u "$work/ek.pub"
    flush
    for name in ak other; do
        tpm2_createak -Q -C "$work/ek.ctx" -c "$work/$name.ctx" -G "$kind" -g sha256 \
            -s "$scheme" -n "$work/$name.name"
        flush
    done
    check "$kind"
done

# Larger keys and other symmetric sizes: primaries of the endorsement hierarchy without policy,
# because tpm2-tools cannot satisfy the policies of the larger templates.
activate() {
    tpm2_activatecredential -Q -c "$1" -C "$work/ek.ctx" -i "$work/credential" \
        -o "$work/opened" 2>"$work/activate.log"
}
parent='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt'
signer='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'
for kind in rsa2048:aes256cfb:sha256 rsa3072:aes256cfb:sha384 ecc256:aes128cfb:sha256 \
    ecc384:aes256cfb:sha384; do
    key=${kind%:*}
    tpm2_createprimary -Q -C e -g "${kind##*:}" -G "$key" -a "$parent" -c "$work/ek.ctx"
    flush
    tpm2_readpublic -Q -c "$work/ek.ctx" -o "$work/ek.pub"
    flush
    for name in ak other; do
        tpm2_create -Q -C "$work/ek.ctx" -G ecc256:ecdsa-sha256:null -a "$signer" \
            -u "$work/$name.pub" -r "$work/$name.priv"
        flush
        tpm2_load -Q -C "$work/ek.ctx" -u "$work/$name.pub" -r "$work/$name.priv" \
            -c "$work/$name.ctx" -n "$work/$name.name"
        flush
    done
    check "$kind"
done
