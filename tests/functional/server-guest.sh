#!/usr/bin/env bash
# The guest API with software TPMs, spoken by tpm2-tools and curl: a second reader of
# docs/formats/guest-api.md, beside our own agent.
# shellcheck disable=SC1091,SC2034,SC2154 # variables go to and come from the sourced file
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash"

. "$BOOTWARDEN_SOURCE/tests/support/tpm-guest.bash"

make_tpm one
make_tpm two
start_dev "$work/data"

# ---- who may join ----
use_tpm one
what='unknown maker' && call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ak.tss" web)" &&
    refused 403 Untrusted "issued by 'CN=swtpm-localca'.*trust/ek"
cp "$work/ca/issuercert.pem" "$work/data/trust/ek/"
what='certificate of another EK' && call POST /guest/v1/join -d "$(join_body "$work/two" "$tpm/ak.tss" web | jq -c --arg e "$(b64 "$tpm/ek.tss")" '.ekPublic=$e')" &&
    refused 400 InvalidParameter 'ekCertificate: is for another key'
what='EK as AK' && call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ek.tss" web)" && refused 400 InvalidParameter '^akPublic'

# AK-5: only the TPM that holds both keys reads the secret.
call POST /guest/v1/join -d "$(join_body "$tpm" "$work/two/ak.tss" stolen)"
is 'join with an AK of another TPM' "$status" 200
if open_credential; then fault 'a TPM opened a credential for a key it does not hold'; else ok; fi
what='guessed secret' && head -c 32 /dev/zero >"$tpm/guess" &&
    call POST /guest/v1/activate -d "$(activate_body "$(jq -r .session <<<"$body")" "$tpm/guess")" && refused 401 ActivationFailed 'secret is wrong'

# ---- joining ----
call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ak.tss" web)"
is 'join' "$status" 200
session=$(jq -r .session <<<"$body")
open_credential && ok || fault "activatecredential: $(cat "$tpm/error")"
what='session before activation' && call POST /guest/v1/session -d "{\"akPublic\":\"$(b64 "$tpm/ak.tss")\"}" && refused 404 NotFound 'join first'
call POST /guest/v1/activate -d "$(activate_body "$session" "$tpm/secret")"
is 'activate' "$status" 200
id=$(jq -r .machineId <<<"$body")
token=$(jq -r .sessionToken <<<"$body")
is 'name' "$(jq -r .name <<<"$body")" web
jq -r .akCertificate <<<"$body" | base64 -d | openssl x509 -inform der -out "$tpm/ak.pem"
jq -r '.caCertificates[0]' <<<"$body" | base64 -d | openssl x509 -inform der -out "$tpm/ca.pem"
text=$(openssl x509 -in "$tpm/ak.pem" -noout -text)
has 'subject' "$text" "Subject: CN = $id.TrustedVM"
has 'URI' "$text" "URI:urn:uuid:$id"
has 'EKU' "$text" '2.23.133.8.3'
is 'chain' "$(openssl verify -purpose any -CAfile "$tpm/ca.pem" "$tpm/ak.pem" 2>&1)" "$tpm/ak.pem: OK"
tpm2_readpublic -Q -c "$tpm/ak.ctx" -f pem -o "$tpm/ak.pub.pem" 
is 'certified key' "$(openssl x509 -in "$tpm/ak.pem" -noout -pubkey)" "$(cat "$tpm/ak.pub.pem")"
tpm2_flushcontext -Q -t
what='activated again' && call POST /guest/v1/activate -d "$(activate_body "$session" "$tpm/secret")" && refused 401 ActivationFailed 'used before'

# Challenges are for sessions, fresh every time.
call POST /guest/v1/challenge -H "Authorization: Bearer $token" -d '{}'
is 'challenge' "$status" 200
first=$(jq -r .context <<<"$body")
call POST /guest/v1/challenge -H "Authorization: bearer $token" -d '{}'
if [ "$first" != "$(jq -r .context <<<"$body")" ]; then ok; else fault 'the same challenge twice'; fi

# ---- again: the same machine, also after a restart ----
stop_server
start_dev "$work/data"
call POST /guest/v1/session -d "{\"akPublic\":\"$(b64 "$tpm/ak.tss")\"}"
is 'session' "$status" 200
session=$(jq -r .session <<<"$body")
open_credential && ok || fault "activatecredential for a session: $(cat "$tpm/error")"
call POST /guest/v1/activate -d "$(activate_body "$session" "$tpm/secret")"
is 'the same machine' "$(jq -r .machineId <<<"$body")" "$id"

# ---- AK-7 ----
what='another AK' && tpm2_createak -Q -C "$tpm/ek.ctx" -c "$tpm/ak2.ctx" -G rsa -g sha256 -s rsassa -u "$tpm/ak2.tss" && tpm2_flushcontext -Q -t &&
    call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ak2.tss" '')" && refused 409 Conflict 'another attestation key; .*bootwarden-server machine replace NAME'
if grep -qE "$id|web" <<<"$body"; then fault 'a refusal names a machine'; else ok; fi
has 'the log names it' "$(tail -1 "$work/data.log")" "status=409 .*conflict=other-attestation-key machine=$id name=web"
use_tpm two
# Names are not told to who has not shown a TPM.
call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ak.tss" Web)"
is 'join under a taken name' "$status" 200
session=$(jq -r .session <<<"$body")
open_credential && ok || fault "activatecredential under a taken name: $(cat "$tpm/error")"
what='taken name' && call POST /guest/v1/activate -d "$(activate_body "$session" "$tpm/secret")" && refused 409 Conflict "name 'Web' belongs"
call POST /guest/v1/join -d "$(join_body "$tpm" "$tpm/ak.tss" '')"
session=$(jq -r .session <<<"$body")
open_credential && ok || fault "activatecredential of the second TPM: $(cat "$tpm/error")"
call POST /guest/v1/activate -d "$(activate_body "$session" "$tpm/secret")"
is 'second machine' "$status" 200
if [ "$(jq -r .machineId <<<"$body")" != "$id" ]; then ok; else fault 'two machines with one id'; fi
is 'machines stored' "$(sqlite3 "$work/data/data.sqlite" 'SELECT count(*) FROM machines WHERE is_active')" 2

# Secrets and tickets do not reach the log.
if grep -qEe "$token|$session|$(b64 "$tpm/secret" | cut -c1-20)" "$work/data.log"; then fault 'a secret is in the log'; else ok; fi
stop_server
report
