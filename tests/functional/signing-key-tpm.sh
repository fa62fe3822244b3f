#!/usr/bin/env bash
# Signing keys that are held outside the server: here by a TPM behind an OpenSSL provider, which is
# the way to a PKCS#11 module too. Tokens hold, and the server never has the key.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1

. "$BOOTWARDEN_SOURCE/tests/support/signing-tpm.bash" || exit 1

start_tpm
make_key rsa2048 0x81000010

# ---- what is refused ----
mkdir -m 700 "$work/data" "$work/data/signing"
key=$work/data/signing/tpm.key
printf 'handle:0x81000010\n' >"$key"
chmod 644 "$key"
not_started 'tpm.key: holds a private key but its mode is 0644' --openssl-provider tpm2
chmod 600 "$key"
not_started 'tpm.key: names a key that no OpenSSL provider finds: is the provider loaded'
not_started "OpenSSL has no provider 'nonsense'" --openssl-provider nonsense
not_started 'must be the name of an OpenSSL provider' --openssl-provider ../tpm2
printf 'handle:0x81000099\n' >"$key"
not_started 'tpm.key: names a key that no OpenSSL provider finds' --openssl-provider tpm2
printf 'handle:0x81000010 handle:0x81000011\n' >"$key"
not_started 'tpm.key: is no key, and not one URI alone' --openssl-provider tpm2
printf 'file:/etc/hostname\n' >"$key"
not_started 'tpm.key: holds no private key' --openssl-provider tpm2

# ---- tokens hold ----
printf 'handle:0x81000010\n' >"$key"
start_dev "$work/data" --openssl-provider tpm2
# shellcheck source=/dev/null
. "$work/data/dev.env"
data=$(sign_in https://attest.azure.net)
token=$(token_of "$endpoint" "$data")
is "alg" "$(header "$token" .alg)" RS256
holds "the token of a key in a TPM" "$token"
jq -r '.keys[0].x5c[0]' "$work/certs.json" | base64 -d | openssl x509 -inform der -noout -pubkey >"$work/published.pem"
is "the published key is the TPM's" "$(<"$work/published.pem")" "$(<"$work/0x81000010.pub")"
openssl x509 -in "$work/data/signing/tpm.pem" -noout -checkend 0 >/dev/null
is "its certificate" $? 0
# More at once than a TPM answers: one after the other, none is lost.
for i in {1..12}; do token_of "$endpoint" "$data" >"$work/token.$i" & waiting+=($!); done
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
token=$(token_of "$endpoint/providers/own" "$data")
is "the TPM signs" "$(header "$token" .kid)" "$(jq -r '.keys[0].kid' "$work/certs.json")"
is "rotation" "$(status -X POST "$own/rotateKey?api-version=2021-06-01")" 409
has "its words" "$(<"$work/answer")" 'held outside the server'
stop_server
report
