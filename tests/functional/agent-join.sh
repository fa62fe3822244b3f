#!/usr/bin/env bash
# shellcheck disable=SC2154
# Who may join, with real software TPMs: tokens, approval, endorsement keys that were named, TPMs
# that nobody vouches for; and the attacks of verification-rules section 2, AK-5 to AK-7.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
start_server --join approval
set -a
. "$data/dev.env"
set +a

vm() { "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err"; }
# machine VM: the options that make the agent use this VM's TPM.
machine() {
    boot "$1" a-secureboot-healthy
    tpm=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
}
joins() { vm joins --output json; jq -r "$1" <"$work/out"; }
machines() { vm list --output json; jq -r 'length' <"$work/out"; }

# await_tpm VM: until its software TPM listens; without it there is nothing to test.
await_tpm() {
    local tries=100
    until grep -q "00010000 .* $work/$1/sock\$" /proc/net/unix; do
        [ $((tries -= 1)) -gt 0 ] || { echo "the software TPM of $1 does not start:"; cat "$work/$1/log"; exit 1; }
        sleep 0.1
    done
}

# ---- waiting and admitting ----
machine vm1
cp "$VTPM_CA" "$data/trust/ek/"
expect 1 'waits for an owner.*bootwarden vm admit [0-9a-f]{64}' enroll "${tpm[@]}" --name web --retries 0
check 'who waits is no machine (AK-6)' test "$(machines)" -eq 0
check 'the list shows it with its maker' test "$(joins '.waiting[0] | .name + " " + (.maker | test("swtpm") | tostring)')" = 'web true'
ek1=$(joins '.waiting[0].ekDigest')
expect 1 'waits for an owner' attest "${tpm[@]}" --name web --retries 0
check 'it asks again and is there once' test "$(joins '.waiting | length')" -eq 1
check 'admit by a name that nobody has' test "$(vm admit nobody; echo $?)" -eq 3
check 'admit' vm admit web
check 'it says under which name' grep -q '^web: it becomes a machine' "$work/out"
expect 0 'enrolled: web' enroll "${tpm[@]}" --name web
check 'the log says by whose word' grep -q 'name=web announced-by=' "$work/server.log"
check 'and the audit log what it was about' grep -q '"detail":"name=web ek=[0-9a-f]* uses=1"' "$data/audit.log"
check 'and it is one machine' test "$(machines)" -eq 1
check 'nobody waits any more' test "$(joins '(.waiting | length) + (.announced | length)')" -eq 0
expect 0 'signature ok' attest "${tpm[@]}"
vm show web --output json
check 'under the same key' test "$(jq -r .ekDigest <"$work/out")" = "$ek1"

# ---- rejecting ----
machine vm2
expect 1 "waits for an owner.*No join token was sent: $work/nonex: no such file" \
    enroll "${tpm[@]}" --name db --join-token-file "$work/nonex" --retries 0
check 'reject' vm reject db
expect 3 'Rejected: an owner rejected this endorsement key' enroll "${tpm[@]}" --name db --retries 0
check 'who was rejected can be admitted after all' vm admit db
expect 0 'enrolled: db' enroll "${tpm[@]}" --name db

# ---- tokens ----
machine vm3
vm announce mail --output json
token=$(jq -r .token <"$work/out")
echo "$token" >"$work/token"
check 'a token is known by its beginning' grep -q '^bwj_' "$work/token"
check 'the name is kept' test "$(vm announce mail; echo $?)" -eq 3
echo 'bwj_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' >"$work/wrong"
expect 3 'InvalidJoinToken' enroll "${tpm[@]}" --join-token-file "$work/wrong" --retries 0
expect 0 'enrolled: mail' enroll "${tpm[@]}" --join-token-file "$work/token" --name other
check 'a known machine needs no token' test "$(machines)" -eq 3
expect 0 'enrolled: mail' enroll "${tpm[@]}"
# a token for another one is said, whatever the command, and what helps
vm announce next --output json
jq -r .token <"$work/out" >"$work/next"
expect 0 "token was not used: this TPM is the machine 'mail' already.*bootwarden vm remove mail" attest "${tpm[@]}" --join-token-file "$work/next"
check 'the owner follows it' vm remove mail
expect 0 'proven' attest "${tpm[@]}" --join-token-file "$work/next"
check 'and it is the one that was announced' test "$(sqlite3 "$data/data.sqlite" "SELECT count(*) FROM machines WHERE name = 'next'")" -eq 1
machine vm4
expect 3 'InvalidJoinToken' enroll "${tpm[@]}" --join-token-file "$work/token" --retries 0
vm announce --uses 2 --output json
jq -r .token <"$work/out" >"$work/many"
check 'a name that is announced' vm announce kept
expect 3 'Conflict: this name is kept for a guest that was announced' enroll "${tpm[@]}" --join-token-file "$work/many" --name kept --retries 0
check 'and what to do about it' grep -q 'Give another --name, or the join token' "$work/err"
check 'the log says which' grep -q "conflict=name-announced name=kept ek=" "$work/server.log"
expect 0 'enrolled: four' enroll "${tpm[@]}" --join-token-file "$work/many" --name four
machine vm5
expect 0 'enrolled: five' enroll "${tpm[@]}" --join-token-file "$work/many" --name five
machine vm6
expect 3 'InvalidJoinToken' enroll "${tpm[@]}" --join-token-file "$work/many" --name six --retries 0

# ---- an endorsement key that was named; a TPM that nobody vouches for ----
expect 1 'waits for an owner' enroll "${tpm[@]}" --name six --retries 0
ek6=$(joins '.waiting[0].ekDigest')
check 'a token for many' vm announce --uses 3 --output json
many=$(jq -r .token <"$work/out")
check 'is listed with a number' vm joins --output json
number=$(jq -r '.announced[] | select(.name == null and .uses == 3) | .reference' <"$work/out")
check 'by which it is taken back' vm withdraw "$number"
printf '%s\n' "$many" >"$work/gone"
check 'and there is none of that number any more' test "$(vm withdraw "$number"; echo $?)" -eq 3
expect 3 'InvalidJoinToken' enroll "${tpm[@]}" --join-token-file "$work/gone" --retries 0
check 'withdrawn tokens are good no more' test "$(vm announce seven --output json; jq -r .token <"$work/out" >"$work/seven"; vm withdraw seven; echo $?)" -eq 0
expect 3 'InvalidJoinToken' enroll "${tpm[@]}" --join-token-file "$work/seven" --retries 0
check 'announced by its key' vm announce six --ek "$ek6"
rm -f "$data"/trust/ek/*
expect 0 'enrolled: six' enroll "${tpm[@]}"
cp "$VTPM_CA" "$data/trust/ek/"

mkdir "$work/vm7"
swtpm_setup --tpm2 --tpmstate "$work/vm7" --pcr-banks sha256 --overwrite >/dev/null
swtpm socket --tpm2 --tpmstate dir="$work/vm7" --server type=unixio,path="$work/vm7/sock" \
    --ctrl type=unixio,path="$work/vm7/sock.ctrl" --flags startup-clear >"$work/vm7/log" 2>&1 &
bare=$!
await_tpm vm7
tpm=(--tcti "swtpm:path=$work/vm7/sock" --event-log /dev/null)
expect 1 'nobody vouches for this TPM' enroll "${tpm[@]}" --name bare --retries 0
check 'the list says so, too' test "$(joins '[.waiting[] | select(.name == "bare")][0].maker')" = null
check 'an owner can admit it' vm admit bare
expect 0 'enrolled: bare' enroll "${tpm[@]}" --name bare
kill "$bare"
wait "$bare" 2>/dev/null

# ---- a cloud's TPM: no EK certificate, an AK with a certificate of the cloud ----
mkdir "$work/vm12"
swtpm_setup --tpm2 --tpmstate "$work/vm12" --pcr-banks sha256 --overwrite >/dev/null
swtpm socket --tpm2 --tpmstate dir="$work/vm12" --server type=unixio,path="$work/vm12/sock" \
    --ctrl type=unixio,path="$work/vm12/sock.ctrl" --flags startup-clear >"$work/vm12/log" 2>&1 &
cloud=$!
await_tpm vm12
tcti=swtpm:path=$work/vm12/sock
tpm=(--tcti "$tcti" --event-log /dev/null)
"$bin/bootwarden-agent" enroll "${tpm[@]}" --retries 0 >/dev/null 2>&1
tpm2_readpublic -T "$tcti" -c 0x81000003 -f pem -o "$work/ak12.pem" -Q
guid=0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/cloud.key" -out "$work/cloud.pem" \
    -subj '/CN=Global Virtual TPM CA' -days 30 2>/dev/null
printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=2.23.133.8.3\n' >"$work/ak12.ext"
# certify NAME: the cloud's certificate for the key, into the TPM.
certify() {
    openssl x509 -new -force_pubkey "$work/ak12.pem" -subj "/CN=$1" -CA "$work/cloud.pem" -CAkey "$work/cloud.key" \
        -extfile "$work/ak12.ext" -days 20 -outform DER -out "$work/ak12.der" 2>/dev/null
    tpm2_nvundefine -T "$tcti" -C o 0x1c101d0 2>/dev/null
    tpm2_nvdefine -T "$tcti" -C o -s "$(stat -c %s "$work/ak12.der")" -a 'ownerread|ownerwrite|authread|authwrite' 0x1c101d0 >/dev/null
    tpm2_nvwrite -T "$tcti" -C o -i "$work/ak12.der" 0x1c101d0
}
certify "$guid.TrustedVM.Azure.example"
vm announce cloud --output json
jq -r .token <"$work/out" >"$work/cloud.token"
expect 1 'nobody vouches for this TPM' enroll "${tpm[@]}" --name other --retries 0
mkdir -p "$data/trust/ak"
cp "$work/cloud.pem" "$data/trust/ak/"
expect 0 "enrolled: cloud" enroll "${tpm[@]}" --join-token-file "$work/cloud.token"
check "the machine has the cloud's id" grep -q "machine id: $guid" "$work/out"
vm show cloud --output json
check 'the key keeps its certificate' test "$(tpm2_nvread -T "$tcti" -C o 0x1c101d0 | sha256sum)" = "$(sha256sum <"$work/ak12.der")"
expect 0 'enrolled: cloud' enroll "${tpm[@]}"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/other.key" -out "$work/other.pem" -subj /CN=x 2>/dev/null
ak12=$(tpm2_readpublic -T "$tcti" -c 0x81000003 -o "$work/ak12.pub" -Q && base64 -w0 <"$work/ak12.pub")
kill "$cloud"
wait "$cloud" 2>/dev/null

# ---- AK-5 to AK-7, on the wire ----
post() { curl -sS --noproxy '*' --cacert "$BOOTWARDEN_CA" -o "$work/body" -w '%{http_code}' -d @- "$BOOTWARDEN_ENDPOINT/guest/v1/$1"; }
machine vm8
public() { tpm2_readpublic -T "$VTPM_TCTI" -c "$1" -o "$work/$2.pub" -Q && base64 -w0 <"$work/$2.pub"; }
"$bin/bootwarden-agent" enroll "${tpm[@]}" --name eight --retries 0 >/dev/null 2>&1
ak8=$(public 0x81000003 ak)
ek8=$(public 0x81010001 ek)
cert8=$(tpm2_nvread -T "$VTPM_TCTI" -C o 0x1c00002 2>/dev/null | base64 -w0)
join8() { jq -n --arg c "$cert8" --arg e "$ek8" --arg a "$1" '{ekCertificate: $c, ekPublic: $e, akPublic: $a}' | post join; }
check 'a challenge for the real pair' test "$(join8 "$ak8")" -eq 200
session=$(jq -r .session <"$work/body")
jq -r .credentialBlob <"$work/body" | base64 -d >"$work/blob"
jq -r .encryptedSecret <"$work/body" | base64 -d >"$work/wrapped"
activate() { jq -n --arg s "$1" --arg x "$2" '{session: $s, secret: $x}' | post activate; }
check 'AK-5: without the TPM there is no answer' test "$(activate "$session" "$(head -c32 /dev/urandom | base64 -w0)")" -eq 401
check 'AK-5: and the session is used up by the try' test "$(activate "$session" "$(head -c32 /dev/zero | base64 -w0)")" -eq 401
check 'AK-5: in words' grep -q 'was used before' "$work/body"

# A certified key is known by its certificate alone: who has that and no TPM cannot answer.
check 'a nonce for a certified key' test "$(jq -n --arg c "$(base64 -w0 <"$work/ak12.der")" --arg a "$ak12" '{akCertificate: $c, akPublic: $a}' | post join)" -eq 200
nonce=$(jq -r .nonce <"$work/body")
session12=$(jq -r .session <"$work/body")
check 'AK-5: the nonce is no answer' test "$(activate "$session12" "$nonce")" -eq 400
check 'AK-5: nor is a quote by another key' test "$(jq -n --arg c "$(base64 -w0 <"$work/ak12.der")" --arg a "$ak12" '{akCertificate: $c, akPublic: $a}' | post join >/dev/null; tpm2_quote -T "$VTPM_TCTI" -c 0x81000003 -l sha256:7 -q "$(jq -r .nonce <"$work/body" | { printf 'bootwarden join 1:'; base64 -d; } | sha256sum | cut -c1-64)" -m "$work/q" -s "$work/qs" -f plain -Q; jq -n --arg s "$(jq -r .session <"$work/body")" --arg q "$(base64 -w0 <"$work/q")" --arg g "$(base64 -w0 <"$work/qs")" '{session: $s, quote: $q, signature: $g}' | post activate)" -eq 400
check 'AK-11: a certificate for another key' test "$(jq -n --arg c "$(base64 -w0 <"$work/ak12.der")" --arg a "$ak8" '{akCertificate: $c, akPublic: $a}' | post join)" -eq 400

# The credential as the TPM opens it: 4 bytes of magic and version in front, for tpm2-tools.
open_credential() {
    { printf '\xba\xdc\xc0\xde\x00\x00\x00\x01'; cat "$work/blob" "$work/wrapped"; } >"$work/cred"
    tpm2_startauthsession -T "$VTPM_TCTI" --policy-session -S "$work/s" -Q &&
        tpm2_policysecret -T "$VTPM_TCTI" -S "$work/s" -c e -Q &&
        tpm2_activatecredential -T "$VTPM_TCTI" -c "$1" -C 0x81010001 -P "session:$work/s" -i "$work/cred" -o "$work/secret" -Q
    local code=$?
    tpm2_flushcontext -T "$VTPM_TCTI" "$work/s" 2>/dev/null
    return $code
}
# A second attestation key of the same TPM.
tpm2_createprimary -T "$VTPM_TCTI" -C e -G rsa2048:rsassa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' -c "$work/ak2.ctx" -Q
tpm2_evictcontrol -T "$VTPM_TCTI" -C o -c "$work/ak2.ctx" 0x81000009 -Q
tpm2_flushcontext -T "$VTPM_TCTI" -t 2>/dev/null
ak8b=$(public 0x81000009 ak2)
check 'a challenge for the second key' test "$(join8 "$ak8b")" -eq 200
session_b=$(jq -r .session <"$work/body")
jq -r .credentialBlob <"$work/body" | base64 -d >"$work/blob"
jq -r .encryptedSecret <"$work/body" | base64 -d >"$work/wrapped"
check 'AK-5: the TPM does not open it for another key' test "$(open_credential 0x81000003 2>/dev/null && echo opened)" = ''
check 'AK-5: for the right one it does' open_credential 0x81000009
secret_b=$(base64 -w0 <"$work/secret")
check 'a challenge for the first key, at the same time' test "$(join8 "$ak8")" -eq 200
session_a=$(jq -r .session <"$work/body")
check 'AK-6: the answer of one key does not activate the other' test "$(activate "$session_a" "$secret_b")" -eq 401
check 'AK-6: what is activated is what was challenged' test "$(activate "$session_b" "$secret_b")" -eq 202
check 'AK-6: and it is no machine yet' test "$(joins '[.waiting[] | select(.ekDigest != null)] | length')" -ge 1
ek8d=$(jq -r .ekDigest <"$work/body")
n=$(machines)
check 'an owner admits the pair that was shown' vm admit "$ek8d" --name eight
# The announced place is for the pair: another key of the same TPM does not take it.
expect 1 'waits for an owner' enroll "${tpm[@]}" --name eight --retries 0
check 'AK-6: no machine came of it' test "$(machines)" -eq "$n"

# AK-7: the same TPM with another key, another TPM under a name that is taken.
machine vm1
tpm2_evictcontrol -T "$VTPM_TCTI" -C o -c 0x81000003 -Q
tpm2_createprimary -T "$VTPM_TCTI" -C e -G rsa2048:rsassa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' -c "$work/ak3.ctx" -Q
tpm2_evictcontrol -T "$VTPM_TCTI" -C o -c "$work/ak3.ctx" 0x81000003 -Q
tpm2_flushcontext -T "$VTPM_TCTI" -t 2>/dev/null
expect 3 'Conflict: this endorsement key belongs to a machine with another attestation key' enroll "${tpm[@]}" --retries 0
mkdir -p "$work/own"
boot vm9 a-secureboot-healthy
tpm=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
vm announce nine --output json
jq -r .token <"$work/out" >"$work/nine"
expect 0 'enrolled: nine' enroll "${tpm[@]}" --join-token-file "$work/nine"
vm disable nine
expect 3 'disabled by an operator' enroll "${tpm[@]}" --retries 0
vm show nine --output json
check 'a disabled machine is not judged' test "$(jq -r .state <"$work/out")" = not-applicable

# Two guests, one token: one of them gets it.
vm announce twins --output json
jq -r .token <"$work/out" >"$work/twins"
boot vm10 a-secureboot-healthy
tcti10=$VTPM_TCTI log10=$VTPM_EVENT_LOG
boot vm11 a-secureboot-healthy
for pair in "$tcti10 $log10" "$VTPM_TCTI $VTPM_EVENT_LOG"; do
    read -r t l <<<"$pair"
    "$bin/bootwarden-agent" enroll --tcti "$t" --event-log "$l" --join-token-file "$work/twins" --retries 0 >>"$work/race" 2>&1 &
    racers+=($!)
done
for racer in "${racers[@]}"; do wait "$racer"; done
check 'one token makes one machine, also in a race' test "$(grep -c '^enrolled: twins' "$work/race")" -eq 1
report
