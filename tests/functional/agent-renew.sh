#!/usr/bin/env bash
# shellcheck disable=SC2154,SC2034,SC2016,SC2119
# Certificates that a cloud gave are renewed at its metadata service: machines in the cloud's form (no
# endorsement certificate, an AK certificate of a CA in trust/ak) with software TPMs, and a metadata
# service that is good, late, of the older form, or lies. Each attests all the while.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
declare -A agents=()
metadata_pid=''
end_renew_test() {
    local pid
    for pid in "${agents[@]}" $metadata_pid; do kill -9 "$pid" 2>/dev/null; done
    end_guest_test
}
trap end_renew_test EXIT
trap 'end_renew_test; exit 130' INT TERM

start_server
set -a
. "$data/dev.env"
set +a
vm() { "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err"; }
shown() { vm show "$1" --output json; jq -r "$2" <"$work/out"; }
state_is() { [ "$(shown "$1" .state)" = "$2" ]; }
said() { grep -qE -- "$2" "$work/$1.log"; }

# ---- the cloud ----
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/cloud.key" -out "$work/cloud.pem" \
    -subj '/CN=Global Virtual TPM CA - 01' -days 1000 2>/dev/null
openssl genrsa -out "$work/other.key" 2048 2>/dev/null
mkdir -p "$data/trust/ak"
cp "$work/cloud.pem" "$data/trust/ak/"
"$source/tests/support/metadata-service.py" "$work/cloud.pem" "$work/cloud.key" "$work/other.key" "$work/calls" \
    >"$work/metadata.url" 2>"$work/metadata.log" &
metadata_pid=$!
until_true 'the metadata service is there' 20 test -s "$work/metadata.url"
metadata=$(cat "$work/metadata.url")
printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=2.23.133.8.3\n' >"$work/ak.ext"

# certify NAME DAYS: the cloud's certificate for the key, into the TPM.
certify() {
    tpm2_readpublic -T "$VTPM_TCTI" -c 0x81000003 -f pem -o "$work/ak.pem" -Q
    openssl x509 -new -force_pubkey "$work/ak.pem" -subj "/CN=$(cat "$work/$1.guid").TrustedVM.Azure.example" \
        -CA "$work/cloud.pem" -CAkey "$work/cloud.key" -extfile "$work/ak.ext" -days "$2" -outform DER \
        -out "$work/$1.der" 2>/dev/null
    tpm2_nvundefine -T "$VTPM_TCTI" -C o 0x1c101d0 >/dev/null 2>&1
    # As a cloud has it: the index is larger than the certificate.
    { cat "$work/$1.der"; head -c 64 /dev/zero; } >"$work/padded"
    tpm2_nvdefine -T "$VTPM_TCTI" -C o -s "$(stat -c %s "$work/padded")" -a 'ownerread|ownerwrite|authread|authwrite' 0x1c101d0 >/dev/null
    tpm2_nvwrite -T "$VTPM_TCTI" -C o -i "$work/padded" 0x1c101d0
}
held() { tpm2_nvread -T "$(cat "$work/$1.tcti")" -C o 0x1c101d0 >"$work/$1.now"; }
still_held() { held "$1" && cmp -s <(head -c "$(stat -c %s "$work/$1.der")" "$work/$1.now") "$work/$1.der"; }
# renewed NAME: the TPM holds a certificate for its key that ends in more than a year.
renewed() {
    held "$1" && ! cmp -s "$work/$1.now" "$work/$1.der" &&
        openssl x509 -inform DER -in "$work/$1.now" -noout -checkend $((380 * 86400)) &&
        [ "$(openssl x509 -inform DER -in "$work/$1.now" -pubkey -noout)" = "$(openssl x509 -inform DER -in "$work/$1.der" -pubkey -noout)" ]
}

# machine NAME DAYS HOW [SETTING...]: a guest of the cloud whose certificate has so many days; its service runs.
machine() {
    local name=$1 days=$2 how=$3 index
    shift 3
    boot "vm-$name" a-secureboot-healthy
    echo "$VTPM_TCTI" >"$work/$name.tcti"
    for index in $(tpm2_getcap -T "$VTPM_TCTI" handles-nv-index | sed 's/^- //'); do
        tpm2_nvundefine -T "$VTPM_TCTI" -C p "$index" >/dev/null 2>&1
    done
    "$bin/bootwarden-agent" enroll --tcti "$VTPM_TCTI" --retries 0 --name none >/dev/null 2>&1
    cat /proc/sys/kernel/random/uuid >"$work/$name.guid"
    certify "$name" "$days"
    vm announce "$name" --output json
    jq -r .token <"$work/out" >"$work/$name.token"
    cat >"$work/$name.conf" <<EOF
server = $BOOTWARDEN_ENDPOINT
ca = $BOOTWARDEN_CA
name = $name
join-token-file = $work/$name.token
tcti = $VTPM_TCTI
event-log = $VTPM_EVENT_LOG
state = $work/$name.state
period = 60
contact = 1s
EOF
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$work/$name.conf"
    # A proxy that is not there: it is not for this address.
    http_proxy=http://127.0.0.1:1 BOOTWARDEN_METADATA=$metadata/$how \
        "$bin/bootwarden-agent" run --config "$work/$name.conf" --retry-wait 0.2 2>>"$work/$name.log" &
    agents[$name]=$!
}
# A round now, which the agent's supervisor passes on.
round() { kill -USR1 "${agents[$1]}"; }
rounds() { grep -c 'event=agent.round' "$work/$1.log"; }
sub() { jq -r --arg n AkCertificate '.[0].status.substatus[] | select(.name == $n) | .status + " " + .formattedMessage.message' <"$work/$1.state/status.json"; }

machine order 60 order 'azure = yes' # a minute by itself: begins first
machine late 60 late
machine liar 20 liar
machine short 45 short
machine fresh 120 good
machine mute 60 mute
machine garbage 60 garbage
machine good 60 good

# ---- good ----
until_true 'the certificate is renewed' 60 renewed good
check 'the log says when it began' said good 'event=agent.renew .*outcome=begins days=(59|60) '
until_true 'and until when it is good now' 10 said good 'event=agent.renew .*outcome=renewed until=20'
again() { [ "$(rounds "$1")" -ge 2 ] && [ "$(grep -c 'event=agent.round .*outcome=attested' "$work/$1.log")" -ge 2 ]; }
until_true 'the service accepts the machine with the new certificate' 30 again good
check 'healthy' state_is good healthy
check 'no warning in the status' test -z "$(sub good)"
check 'what was written is the certificate and nothing behind it' test "$(openssl x509 -inform DER -in "$work/good.now" -outform DER | sha256sum)" = "$(sha256sum <"$work/good.now")"
check 'two calls were enough' test "$(grep -c '^good ' "$work/calls")" -eq 2
before=$(rounds good)
round good
until_true 'another round' 30 eval '[ "$(rounds good)" -gt "$before" ]'
check 'brings no more calls' test "$(grep -c '^good ' "$work/calls")" -eq 2
expect 0 'certificate until 20.*\((399|400) days left\)$' check --config "$work/good.conf" --efivars "$work/none"

# ---- time enough ----
until_true 'a machine with 120 days attests' 30 state_is fresh healthy
check 'and asks for nothing' test "$(grep -c 'event=agent.renew' "$work/fresh.log")" -eq 0
check 'and keeps what it has' still_held fresh

# ---- a liar, and one that shortens ----
until_true 'a certificate for another key is not taken' 30 said liar 'event=agent.renew .*outcome=failed .*not for the key of this TPM'
check 'the old one stays' still_held liar
before=$(rounds liar)
round liar
until_true 'attestation goes on' 30 eval '[ "$(rounds liar)" -gt "$before" ]'
check 'healthy' state_is liar healthy
check 'the status warns' eval 'sub liar | grep -qE "^warning .*\(19 days left\) and could not be renewed: 127\.0\.0\.1:[0-9]+: the new certificate is not for the key of this TPM\. .*169\.254\.169\.254 port 80"'
check 'and so does the owner'"'"'s view' test "$(shown liar '[.extensionStatus.status.substatus[] | select(.name == "AkCertificate")][0].status')" = warning
check 'one sequence a day' test "$(grep -c '^liar ' "$work/calls")" -eq 2
"$bin/bootwarden-agent" check --config "$work/liar.conf" --efivars "$work/none" --output json >"$work/out" 2>"$work/err"
check 'check warns, too' test "$(jq -r '.steps[] | select(.id == "ak-certificate") | .status + (.message | test("19 days left\\); run renews it")|tostring) + (.remedy | test("169.254.169.254 port 80")|tostring)' <"$work/out")" = warningtruetrue
until_true 'one that ends earlier is not taken' 30 said short 'event=agent.renew .*outcome=failed .*no later than the one in the TPM'
check 'the old one stays' still_held short
check 'with 45 days nobody is warned' test -z "$(sub short)"
"$bin/bootwarden-agent" check --config "$work/short.conf" --efivars "$work/none" --output json >"$work/out" 2>"$work/err"
check 'check says that it is tried' test "$(jq -r '.steps[] | select(.id == "ak-certificate") | .status + (.message | test("44 days left\\); run renews it at the metadata service 169.254.169.254")|tostring)' <"$work/out")" = oktrue

until_true 'what is no certificate is not taken' 30 said garbage 'event=agent.renew .*outcome=failed'
check 'the old one stays' still_held garbage

# ---- one that never answers ----
until_true 'the call is made' 30 grep -q '^mute ' "$work/calls"
check 'the machine is well meanwhile' state_is mute healthy
before=$(rounds mute)
round mute
until_true 'a round does not wait for the call' 30 eval '[ "$(rounds mute)" -gt "$before" ]'
kill -TERM "${agents[mute]}"
until_true 'nor does the end' 10 eval '! kill -0 "${agents[mute]}"'
wait "${agents[mute]}"
check 'which is a good one' test $? -eq 0
unset 'agents[mute]'
check 'the old one stays' still_held mute

# ---- late ----
check 'a service that is late is waited for' said late 'event=agent.renew .*outcome=waits step=vm .*it answered 404.* next=30'
check 'the machine is well meanwhile' state_is late healthy
until_true 'and asked again after half a minute' 60 renewed late

# ---- the older form ----
check 'without the newer form the older one is used' said order 'event=agent.renew .*outcome=waits step=renew .*it answered 400.* then=order'
until_true 'and gives its certificate after a minute' 100 renewed order
check 'Azure'"'"'s form attests on with it' said order 'outcome=attested'
check 'in four calls' test "$(grep -c '^order ' "$work/calls")" -eq 4
check 'no agent fell' eval 'for pid in "${agents[@]}"; do kill -0 "$pid" || exit 1; done'

# ---- a stopgap ----
kill "${agents[liar]}"
wait "${agents[liar]}" 2>/dev/null
unset 'agents[liar]'
VTPM_TCTI=$(cat "$work/liar.tcti")
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/cloud.key" -out "$work/cloud.pem" \
    -subj '/CN=MICROSOFT AZURE TRUSTED VM RSA 01' -days 1000 2>/dev/null
certify liar 200
expect 4 'Attestation key not provisioned: NV index 0x01c101d0 .*Try again later' attest --config "$work/liar.conf" --retries 0
expect 4 'ak-certificate: Attestation key not provisioned' check --config "$work/liar.conf" --efivars "$work/none"
check 'it stays where it is' still_held liar
report
