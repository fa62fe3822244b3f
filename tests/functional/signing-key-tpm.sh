#!/usr/bin/env bash
# Signing keys that are held outside the server: here by a TPM behind an OpenSSL provider, which is
# the way to a PKCS#11 module too. Tokens hold, and the server never has the key.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

for tool in swtpm swtpm_setup tpm2_createprimary; do
    command -v "$tool" >/dev/null || { fault "$tool is missing: run tools/setup"; report; }
done

# refused PATTERN OPTION...: the server does not start, with exit code 2 and these words.
refused() {
    local pattern=$1 said
    shift
    said=$("$server" --dev --data "$work/data" "$@" 2>&1)
    is "exit code: $pattern" $? 2
    has "words" "$said" "$pattern"
    is "the URI in them" "$(grep -c 0x8100 <<<"$said")" 0
}
token_of() {
    curl -sS --cacert "$ca" -H "Authorization: Bearer $data" "$1/policies/AzureGuest?api-version=2020-10-01" |
        jq -r .token
}
sign_in() {
    curl -sS --cacert "$ca" -d grant_type=client_credentials -d "client_id=$BOOTWARDEN_CLIENT_ID" \
        --data-urlencode "client_secret=$BOOTWARDEN_CLIENT_SECRET" -d "scope=$1/.default" \
        "$endpoint/$BOOTWARDEN_TENANT/oauth2/v2.0/token" | jq -r .access_token
}
header() { cut -d. -f1 <<<"$1" | tr '_-' '/+' | base64 -d 2>/dev/null | jq -r "$2"; }

# ---- a TPM with one key that signs, and that cannot leave it ----
mkdir "$work/state"
swtpm_setup --tpm2 --tpmstate "$work/state" --pcr-banks sha256 >"$work/setup.log" 2>&1
swtpm socket --tpm2 --tpmstate "dir=$work/state" --flags not-need-init,startup-clear \
    --server "type=unixio,path=$work/tpm" --ctrl "type=unixio,path=$work/tpm.ctrl" \
    >"$work/tpm.log" 2>&1 &
pids+=($!)
wait_for [ -S "$work/tpm" ] || { fault "swtpm did not start"; report; }
export TPM2TOOLS_TCTI="swtpm:path=$work/tpm" TPM2OPENSSL_TCTI="swtpm:path=$work/tpm"
{
    cd "$work" || exit 1
    tpm2_createprimary -Q -C o -G rsa2048 -c primary.ctx &&
        tpm2_create -Q -C primary.ctx -G rsa2048 -u key.pub -r key.priv \
            -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' &&
        tpm2_flushcontext -t &&
        tpm2_load -Q -C primary.ctx -u key.pub -r key.priv -c key.ctx &&
        tpm2_evictcontrol -Q -C o -c key.ctx 0x81000010 &&
        tpm2_flushcontext -t &&
        tpm2_readpublic -Q -c 0x81000010 -f pem -o public.pem
} >"$work/tools.log" 2>&1 || { cat "$work/tools.log"; fault "the TPM makes no key"; report; }

# ---- what is refused ----
mkdir -m 700 "$work/data" "$work/data/signing"
key=$work/data/signing/tpm.key
printf 'handle:0x81000010\n' >"$key"
chmod 644 "$key"
refused 'tpm.key: holds a private key but its mode is 0644' --openssl-provider tpm2
chmod 600 "$key"
refused 'tpm.key: names a key that no OpenSSL provider finds: is the provider loaded'
refused "OpenSSL has no provider 'nonsense'" --openssl-provider nonsense
refused 'must be the name of an OpenSSL provider' --openssl-provider ../tpm2
printf 'handle:0x81000099\n' >"$key"
refused 'tpm.key: names a key that no OpenSSL provider finds' --openssl-provider tpm2
printf 'handle:0x81000010 handle:0x81000011\n' >"$key"
refused 'tpm.key: is no key, and not one URI alone' --openssl-provider tpm2
printf 'file:/etc/hostname\n' >"$key"
refused 'tpm.key: holds no private key' --openssl-provider tpm2

# ---- tokens hold ----
printf 'handle:0x81000010\n' >"$key"
start_dev "$work/data" --openssl-provider tpm2
# shellcheck source=/dev/null
. "$work/data/dev.env"
data=$(sign_in https://attest.azure.net)
token=$(token_of "$endpoint")
is "alg" "$(header "$token" .alg)" RS256
curl -sS --cacert "$ca" "$endpoint/certs" >"$work/certs.json"
printf '%s' "$token" >"$work/token.jwt"
said=$("$BOOTWARDEN_BIN/bootwarden" token verify --jwks "$work/certs.json" --issuer "$endpoint" "$work/token.jwt" 2>&1)
is "the token of a key in a TPM" $? 0
[ "$failed" -eq 0 ] || echo "$said"
jq -r '.keys[0].x5c[0]' "$work/certs.json" | base64 -d | openssl x509 -inform der -noout -pubkey >"$work/published.pem"
is "the published key is the TPM's" "$(<"$work/published.pem")" "$(<"$work/public.pem")"
openssl x509 -in "$work/data/signing/tpm.pem" -noout -checkend 0 >/dev/null
is "its certificate" $? 0
# More at once than a TPM answers: one after the other, none is lost.
for i in {1..12}; do token_of "$endpoint" >"$work/token.$i" & waiting+=($!); done
for pid in "${waiting[@]}"; do wait "$pid"; done
held=0
for i in {1..12}; do
    "$BOOTWARDEN_BIN/bootwarden" token verify --jwks "$work/certs.json" --issuer "$endpoint" "$work/token.$i" \
        >/dev/null 2>&1 && held=$((held + 1))
done
is "tokens that hold, of 12 at once" "$held" 12
is "private keys on the disk of the signer" "$(grep -lr 'PRIVATE KEY' "$work/data/signing" | wc -l)" 0

# ---- a provider of one's own: its operator makes the next key ----
manage=$(sign_in https://management.azure.com)
own=$endpoint/subscriptions/$BOOTWARDEN_SUBSCRIPTION/resourceGroups/rg/providers/Microsoft.Attestation/attestationProviders/own
status() { curl -sS -o "$work/answer" -w '%{http_code}' --cacert "$ca" -H "Authorization: Bearer $manage" "$@"; }
is "made" "$(status -X PUT "$own?api-version=2021-06-01" -d '{"location":"eastus"}')" 201
stop_server
printf 'handle:0x81000010\n' >"$work/data/signing/own/tpm.key"
chmod 600 "$work/data/signing/own/tpm.key"
start_dev "$work/data" --openssl-provider tpm2
data=$(sign_in https://attest.azure.net)
manage=$(sign_in https://management.azure.com)
own=$endpoint/subscriptions/$BOOTWARDEN_SUBSCRIPTION/resourceGroups/rg/providers/Microsoft.Attestation/attestationProviders/own
curl -sS --cacert "$ca" "$endpoint/providers/own/certs" >"$work/own.json"
is "both keys are published" "$(jq '.keys | length' "$work/own.json")" 2
token=$(token_of "$endpoint/providers/own")
is "the TPM signs" "$(header "$token" .kid)" "$(jq -r '.keys[0].kid' "$work/certs.json")"
is "rotation" "$(status -X POST "$own/rotateKey?api-version=2021-06-01")" 409
has "its words" "$(<"$work/answer")" 'held outside the server'
stop_server
report
