#!/usr/bin/env bash
# Keys of every kind that a TPM holds sign, and no software key takes the place of one that cannot.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 1
. "$BOOTWARDEN_SOURCE/tests/support/signing-tpm.bash" || exit 1

start_tpm
make_key rsa3072 0x81000012
make_key ecc256 0x81000011
make_key ecc384 0x81000013

mkdir -m 700 "$work/data" "$work/data/signing"
key=$work/data/signing/tpm.key
names() { find "$work/data/signing" -name '*.key' -printf '%f '; }
use() {
    rm -f "$work"/data/signing/*
    printf 'handle:%s\n' "$1" >"$key"
    chmod 600 "$key"
}

# ---- a key of another algorithm: no other is made in its place ----
use 0x81000011
not_started 'tpm.key: names a key that signs ES256, but the algorithm here is RS256' --openssl-provider tpm2
is "keys after that" "$(names)" 'tpm.key '
use 0x81000012
not_started 'or set the algorithm to RS256' --openssl-provider tpm2 --signing-algorithm ES384
is "keys after that" "$(names)" 'tpm.key '

# ---- each kind ----
for kind in RS256:0x81000012 ES256:0x81000011 ES384:0x81000013; do
    IFS=: read -r algorithm handle <<<"$kind"
    use "$handle"
    start_dev "$work/data" --openssl-provider tpm2 --signing-algorithm "$algorithm"
    # shellcheck source=/dev/null
    . "$work/data/dev.env"
    data=$(sign_in https://attest.azure.net)
    token=$(token_of "$endpoint" "$data")
    is "algorithm" "$(header "$token" .alg)" "$algorithm"
    holds "the token of $kind" "$token"
    is "keys on the disk with $kind" "$(names)" 'tpm.key '
    is "keys that are published with $kind" "$(jq '.keys | length' "$work/certs.json")" 1
    is "the published key is the TPM's" "$(openssl x509 -in "$work/data/signing/tpm.pem" -noout -pubkey)" \
        "$(<"$work/$handle.pub")"
    openssl verify -CAfile "$work/data/signing/tpm.pem" "$work/data/signing/tpm.pem" >"$work/said" 2>&1
    is "its certificate" $? 0
    stop_server
    # A later start reads what this one wrote.
    before=$(<"$work/data/signing/tpm.pem")
    start_dev "$work/data" --openssl-provider tpm2 --signing-algorithm "$algorithm"
    is "the certificate after a restart" "$(<"$work/data/signing/tpm.pem")" "$before"
    stop_server
done

# ---- what openssl.cnf says of a provider holds, here where its module is ----
use 0x81000012
modules=$(openssl version -m | sed 's/.*"\(.*\)"/\1/')
cat >"$work/openssl.cnf" <<END
openssl_conf = begin
[begin]
providers = all
ssl_conf = tls
[all]
default = default_settings
tpm2 = tpm2_settings
[default_settings]
activate = 1
[tpm2_settings]
module = $modules/tpm2.so
[tls]
system_default = tls_settings
[tls_settings]
MinProtocol = TLSv1.2
END
export OPENSSL_MODULES=$work
not_started "OpenSSL has no provider 'tpm2'" --openssl-provider tpm2
export OPENSSL_CONF=$work/openssl.cnf
start_dev "$work/data" --openssl-provider tpm2
data=$(sign_in https://attest.azure.net)
holds "a token by a provider of openssl.cnf" "$(token_of "$endpoint" "$data")"
stop_tpm
start_tpm
is_signed() { [ "$(token_of "$endpoint" "$data")" != null ]; }
wait_for is_signed
holds "a token after it was started again" "$(token_of "$endpoint" "$data")"
stop_server
unset OPENSSL_CONF OPENSSL_MODULES
use 0x81000013

# ---- a certificate of the operator's beside another key ----
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other.key" -subj /CN=ours -days 90 \
    -out "$work/data/signing/tpm.pem" 2>/dev/null
before=$(<"$work/data/signing/tpm.pem")
not_started 'tpm.pem: is of another key than .*/tpm.key, and was not made by this server' \
    --openssl-provider tpm2 --signing-algorithm ES384
is "the operator's certificate" "$(<"$work/data/signing/tpm.pem")" "$before"
report
