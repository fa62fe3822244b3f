#!/usr/bin/env bash
# shellcheck disable=SC2154,SC2034
# bootwarden-agent check: each step fails once, and says what is wrong, where, and what to do. A step
# that fails is the first that does; what could not be tried then is skipped, never green.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
command -v jq >/dev/null || { echo 'jq is missing: run tools/setup'; exit 1; }

mkfifo "$work/stub.in"
python3 "$source/tests/support/stub-server.py" "$work/stub" <"$work/stub.in" >"$work/stub.log" 2>&1 &
stub_pid=$!
exec 7>"$work/stub.in" # it ends when nobody holds this end any more
trap 'exec 7>&-; kill "$stub_pid" 2>/dev/null; end_guest_test' EXIT
for ((i = 0; i < 1200; i++)); do
    [ -e "$work/stub/ready" ] && break
    read -rt 0.05 <> <(:) || :
done
[ -e "$work/stub/ready" ] || { echo "the stub servers do not start:"; cat "$work/stub.log"; exit 1; }
stub() { echo "https://localhost:$(cat "$work/stub/$1")"; }

# efivars FOLDER SECURE-BOOT SETUP-MODE [SHIM-OFF]: as Linux shows them, with four bytes before each.
efivars() {
    mkdir -p "$work/$1/efivars"
    printf '\6\0\0\0\'"$2" >"$work/$1/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    printf '\6\0\0\0\'"$3" >"$work/$1/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    [ $# -lt 4 ] || printf '\6\0\0\0\'"$4" >"$work/$1/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23"
}
efivars on 1 0
boot vm a-secureboot-healthy
vm=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
efi=(--efivars "$work/on/efivars")

# look CODE ARGUMENT...: one check as JSON in $work/out, its exit status, and what is true of all.
look() {
    local code=$1 got
    shift
    ${within:-} timeout 120 "$bin/bootwarden-agent" check --output json "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" -eq "$code" ] && passed=$((passed + 1)) || fault "check $*: exit $got, wanted $code"
    check "check $*: the form of docs/formats/agent-check.md" jq -e --argjson code "$got" '
        (keys == ["ok", "steps"]) and (.ok == ($code == 0)) and
        (.ok == all(.steps[]; .status != "failed")) and
        all(.steps[];
            (keys == ["host", "id", "message", "port", "proxy", "remedy", "seconds", "status"]) and
            (.status | IN("ok", "warning", "failed", "skipped")) and .message != "" and
            (.remedy != "") and (.seconds >= 0 and .seconds < 120) and
            (if .status == "failed" or .status == "warning" then .remedy != null else true end) and
            (if .status == "skipped" then .message | startswith("because ") else true end)) and
        ([.steps[].id] | length == (unique | length))' "$work/out"
}
# step ID STATUS MESSAGE-PATTERN [REMEDY-PATTERN]: of the check before.
step() {
    check "$1 is $2: /$3/ /${4:-}/ in: $(jq -c --arg id "$1" '.steps[] | select(.id == $id)' "$work/out")" \
        jq -e --arg id "$1" --arg status "$2" --arg message "$3" --arg remedy "${4:-}" '
        .steps | map(select(.id == $id)) | length == 1 and .[0].status == $status and
        (.[0].message | test($message)) and ((.[0].remedy // "") | test($remedy))' "$work/out"
}
# fails CODE ID MESSAGE-PATTERN REMEDY-PATTERN ARGUMENT...: that step fails first; nothing that needs
# it is anything but skipped.
fails() {
    local code=$1 id=$2 message=$3 remedy=$4
    shift 4
    look "$code" "$@"
    step "$id" failed "$message" "$remedy"
    check "$id fails first in: $(jq -c '[.steps[] | .id + "=" + .status]' "$work/out")" \
        jq -e --arg id "$id" 'first(.steps[] | select(.status == "failed")).id == $id' "$work/out"
}
# skipped ID...: and why.
skipped() {
    local id
    for id in "$@"; do
        step "$id" skipped '^because [a-z/-]+ (failed|cannot be set up|was not tried)'
    done
}
# at ID HOST PORT: what the step says of host and port.
at() {
    check "$1 names host $2 and port $3" jq -e --arg id "$1" --arg host "$2" --argjson port "$3" \
        '.steps[] | select(.id == $id) | .host == $host and .port == $port' "$work/out"
}
way=(name proxy tcp tls http)

# What waits for a time limit does so beside the rest, without the TPM, which serves one at a time.
# later NAME ARGUMENT...: such a check; collect NAME: its result, as that of look.
declare -A waiting
later() {
    local name=$1
    shift
    ${within:-} timeout 120 "$bin/bootwarden-agent" check --output json --tcti device:/dev/none "$@" \
        >"$work/later-$name" 2>"$work/later-$name.err" </dev/null &
    waiting[$name]=$!
}
collect() {
    wait "${waiting[$1]}"
    check "$1: exit 4, for the TPM comes first" test $? -eq 4
    cp "$work/later-$1" "$work/out"
    cp "$work/later-$1.err" "$work/err"
}
refused=$(cat "$work/stub/refused") full=$(cat "$work/stub/full")
later silent --server "$(stub silent)" --ca "$work/stub/ca.pem"
later full --server "https://127.0.0.1:$full"

# ---- all is well ----
start_server
port=${BOOTWARDEN_ENDPOINT##*:}
cp "$VTPM_CA" "$data/trust/ek/lab.pem"
look 0 "${vm[@]}" "${efi[@]}" --name vm1
check 'every step is there, in order' test "$(jq -r '[.steps[].id] | join(" ")' "$work/out")" = \
    'tpm secure-boot event-log ak-certificate address name proxy tcp tls http provider enrolment policy'
check 'every step is ok' jq -e 'all(.steps[]; .status == "ok")' "$work/out"
step tpm ok "the TPM 2.0 at swtpm:path=$work/vm/tpm.sock works and has SHA-256 PCRs"
step secure-boot ok '^Secure Boot is on$'
step event-log ok '^[1-9][0-9]* events with SHA-256 digests: '
step ak-certificate ok 'no attestation key yet: .* will be made at enrolment'
step address ok "^Attestation endpoint localhost:$port\$"
step name ok '^localhost is .*127\.0\.0\.1 \(IPv4\)'
step proxy ok '^none is set'
step tcp ok "^connected to .*$port"
step tls ok "issued by 'CN=Bootwarden TLS CA [0-9a-f]+', until 20[0-9-]+T[0-9:]+Z \\([0-9]+ days left\\)"
step http ok "localhost:$port answers \\(200\\)"
step provider ok "^https://localhost:$port is an attestation provider"
step enrolment ok '^this machine is vm1 there \([0-9a-f-]{36}\); a new certificate'
step policy ok '^the boot is proven, and the policy accepts it: a token until 20'
for id in address "${way[@]}" provider enrolment policy; do at "$id" localhost "$port"; done
look 0 "${vm[@]}" "${efi[@]}"
step ak-certificate ok 'has a certificate until 20[0-9TZ:-]+ \(36[45] days left\)'
step enrolment ok '^this machine is vm1 there \([0-9a-f-]{36}\)$'
look 0 "${vm[@]}" "${efi[@]}" --azure
step enrolment skipped '^because --azure needs none'
step policy ok 'the boot is proven'
expect 0 '^all well: 13 ok, 0 warnings, 0 failed, 0 skipped$' check "${vm[@]}" "${efi[@]}"
timeout 60 "$bin/bootwarden-agent" check "${vm[@]}" "${efi[@]}" >/dev/full 2>"$work/err"
check 'a full disk is no success' test $? -eq 4
expect 2 'output token goes with attest' check "${vm[@]}" --output token
expect 2 'efivars goes with check' attest "${vm[@]}" "${efi[@]}"

# ---- tpm ----
fails 4 tpm 'no TPM 2.0: /dev/none does not exist$' '^Give the VM a virtual TPM, or name another one with --tcti\.$' \
    "${vm[@]:2}" "${efi[@]}" --tcti device:/dev/none
skipped ak-certificate enrolment policy
step http ok '200' # the way to the service is looked at all the same
fails 4 tpm "no TPM answers at 'swtpm:path=/nonexistent'" '^Check --tcti, and that it runs' \
    "${vm[@]:2}" "${efi[@]}" --tcti swtpm:path=/nonexistent
fails 2 tpm "no TCTI is called 'nonsense'" "kernel's TPM is device:/dev/tpmrm0" \
    "${vm[@]:2}" "${efi[@]}" --tcti nonsense
# The agent for another user: it and its folder must be readable.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && mknod -m 600 "$work/tpmrm0" c 1 3 2>/dev/null &&
    chmod 755 "$work" && setpriv --reuid=65534 --clear-groups test -x "$bin/bootwarden-agent"; then
    install -m 600 "$VTPM_EVENT_LOG" "$work/log.bin"
    within='setpriv --reuid=65534 --clear-groups' fails 4 tpm "no permission to use $work/tpmrm0\$" \
        '^Run as root, or add the user to the group tss' --tcti "device:$work/tpmrm0" --event-log "$work/log.bin" "${efi[@]}"
    step event-log failed 'Permission denied' 'Check --event-log'
    # The kernel's own log, as the user of the service before systemd-tmpfiles gave it to its group.
    cat >"$work/no-right" <<'WITHIN'
#!/bin/sh
mount -t tmpfs -o mode=755 none /sys/kernel/security && mkdir /sys/kernel/security/tpm0 &&
    install -m 400 "$1" /sys/kernel/security/tpm0/binary_bios_measurements && shift &&
    exec setpriv --reuid=65534 --clear-groups "$@"
WITHIN
    chmod +x "$work/no-right"
    within="unshare --mount --propagation private $work/no-right $VTPM_EVENT_LOG" fails 4 tpm 'no permission' 'tss' \
        --tcti "device:$work/tpmrm0" "${efi[@]}"
    step event-log failed 'no permission to read the event log /sys/kernel/security' \
        '^For the user of the service: systemd-tmpfiles --create bootwarden-agent.conf, else run as root\.$'
else
    echo 'skipped: no other user to fail with'
fi
# A TPM without the bank that is needed.
mkdir "$work/sha1"
swtpm_setup --tpm2 --tpmstate "$work/sha1" --pcr-banks sha1 >"$work/setup.log" 2>&1
swtpm socket --tpm2 --tpmstate "dir=$work/sha1" --flags startup-clear --server "type=unixio,path=$work/sha1.sock" \
    --ctrl "type=unixio,path=$work/sha1.sock.ctrl" --daemon --pid "file=$work/sha1.pid" || fault 'swtpm does not start'
fails 4 tpm '^the TPM has no SHA-256 PCRs$' '^Switch that bank on in the firmware' "${vm[@]:2}" "${efi[@]}" --tcti "swtpm:path=$work/sha1.sock"
kill "$(cat "$work/sha1.pid")" 2>/dev/null
# In lockout everything of ours works, since nothing of ours has a password.
export TPM2TOOLS_TCTI=$VTPM_TCTI
{
    tpm2_dictionarylockout -s -n 1 -t 700 -l 700
    tpm2_createprimary -Q -C o -p secret -c "$work/key.ctx"
    for _ in 1 2 3; do tpm2_create -Q -C "$work/key.ctx" -P wrong -u "$work/key.pub" -r "$work/key.priv"; done
    tpm2_flushcontext -t
} >/dev/null 2>&1
look 0 "${vm[@]}" "${efi[@]}"
step tpm warning 'is in lockout after wrong passwords' 'every 700 s.*tpm2_dictionarylockout -c'
step policy ok 'the boot is proven'
tpm2_dictionarylockout -c
tpm2_changeauth -Q -c o owned
look 0 "${vm[@]}" "${efi[@]}"
step tpm warning 'its owner hierarchy has a password: this machine can prove its boot, but not join' \
    'tpm2_changeauth -c owner'
tpm2_changeauth -Q -c o -p owned ''

# ---- secure-boot ----
sb() { # STATUS FOLDER MESSAGE REMEDY: the boot itself is good, and so says the policy
    look 0 "${vm[@]}" --efivars "$work/$2/efivars"
    step secure-boot "$1" "$3" "$4"
}
efivars off 0 0
efivars setup 0 1
efivars shim 1 0 1
efivars shim-on 1 0 0
efivars broken 2 0
mkdir -p "$work/unmounted/efivars" "$work/unsupported/efivars"
echo >"$work/unsupported/efivars/Boot0000-8be4df61-93ca-11d2-aa0d-00e098032b8c"
accepted='; the policy of the service accepts that$'
sb warning off "^Secure Boot is off in the firmware$accepted" 'Turn it on.*Trusted Launch'
sb warning setup "setup mode: it holds no platform key.*$accepted" 'Restore the factory keys'
sb warning shim "shim was told not to check.*$accepted" 'mokutil --enable-validation'
sb warning nowhere "did not boot by UEFI \\(legacy BIOS\\).*$accepted" 'UEFI firmware'
sb warning unsupported "no variable SecureBoot.*$accepted" 'firmware with Secure Boot'
sb warning unmounted '^cannot tell: the variables of the firmware are not shown$' 'mount -t efivarfs'
sb warning broken '^cannot tell: .* cannot be read, or hold something else' 'Run as root'
sb ok shim-on '^Secure Boot is on$' ''
# Without an answer of the service it stays what it is.
fails 1 secure-boot '^Secure Boot is off in the firmware$' 'Turn it on' "${vm[@]}" \
    --efivars "$work/off/efivars" --server https://localhost:1
step tcp failed 'Connection refused'

# ---- event-log ----
: >"$work/empty"
head -c 300 /dev/zero >"$work/zero.bin"
head -c 900 "$VTPM_EVENT_LOG" >"$work/cut.bin"
# One event of the old form: PCR 0, type 8, SHA-1, two bytes.
{ printf '\0\0\0\0\10\0\0\0'; head -c 20 /dev/zero; printf '\2\0\0\0ab'; } >"$work/old.bin"
log() { # FILE MESSAGE REMEDY
    fails 1 event-log "$2" "$3" --tcti "$VTPM_TCTI" "${efi[@]}" --event-log "$1"
}
log "$work/empty" "^the event log of the firmware is empty: $work/empty\$" 'boots by UEFI with a virtual TPM 2.0.*securityfs'
step policy failed '^the answer is no: verdict cannot-judge: no-log: ' '.'
log "$work/zero.bin" "^the event log of the firmware is none \\(.*\\): $work/zero.bin" 'securityfs'
log "$work/cut.bin" 'is none \(event 5 .*: data of 1041 bytes where 130 are left' 'securityfs'
log "$work/old.bin" 'no SHA-256 digests \(it does not begin with a Spec ID event, as with a TPM 1.2\)' 'Give the VM a TPM 2.0'
fails 2 event-log 'event log: /nonexistent: cannot open: No such file' 'Check --event-log' \
    --tcti "$VTPM_TCTI" "${efi[@]}" --event-log /nonexistent
step policy skipped 'because event-log failed'
if [ ! -e /sys/kernel/security/tpm0/binary_bios_measurements ]; then
    fails 1 event-log 'does not exist: /sys/kernel/security/tpm0/binary_bios_measurements' \
        'mount -t securityfs' --tcti "$VTPM_TCTI" "${efi[@]}"
fi

# ---- address ----
fails 2 address "'http://localhost:1' must begin with https://" '^Write --server \(or BOOTWARDEN_ENDPOINT\) as https://host:port\.$' \
    "${vm[@]}" "${efi[@]}" --server http://localhost:1
skipped "${way[@]}" provider enrolment policy
fails 2 address 'is not an address like https://host:port' '^Write --server' "${vm[@]}" "${efi[@]}" --server localhost
fails 2 address 'must hold no user and no query' '^Write --server' "${vm[@]}" "${efi[@]}" --server https://me:s3cret@localhost
check 'no password is repeated' test "$(cat "$work/out" "$work/err" | grep -c s3cret)" -eq 0
fails 2 attestation/address "'attest.example' is not an address" '^Write --attest-server as' \
    "${vm[@]}" "${efi[@]}" --attest-server attest.example
step guest/http ok "localhost:$port answers"

# ---- name ----
fails 3 name '^Attestation endpoint unreachable: nowhere.invalid:8443\. The name nowhere.invalid cannot be resolved: ' \
    '(Check the name in --server|The DNS server of this machine does not answer).*resolv.conf' "${vm[@]}" "${efi[@]}" --server https://nowhere.invalid:8443
at name nowhere.invalid 8443
skipped proxy tcp tls http provider enrolment policy

# ---- tcp ----
fails 3 tcp "^Attestation endpoint unreachable: localhost:$refused\\. Connection refused; tried 127\\.0\\.0\\.1 \\(IPv4\\).*\\.\$" \
    'Check that the service runs and that firewalls' "${vm[@]}" "${efi[@]}" --server "https://localhost:$refused"
at tcp localhost "$refused"
step name ok 127.0.0.1
step proxy ok 'none is set'
skipped tls http provider enrolment policy
collect full
step tcp failed "^Attestation endpoint unreachable: 127\\.0\\.0\\.1:$full\\. Connection timed out\\.\$" \
    "^Allow outbound $full to service tag AzureAttestation, or to 127\\.0\\.0\\.1 \\(TCP\\)"
at tcp 127.0.0.1 "$full"

# ---- tls ----
export BOOTWARDEN_CA=$work/stub/ca.pem
tls() { # STUB MESSAGE REMEDY
    fails 3 tls "$2" "$3" "${vm[@]}" "${efi[@]}" --server "$(stub "$1")"
    at tls localhost "$(cat "$work/stub/$1")"
    step tcp ok "$(cat "$work/stub/$1")"
    skipped http provider enrolment policy
}
tls plain '^Attestation endpoint unreachable: localhost:[0-9]+\. TLS failed: .*wrong version' 'Check that an https service listens on that port'
tls cut 'unreachable: localhost:[0-9]+\. TLS failed: .*(reset|SYSCALL)' 'application rule that allows https to localhost:[0-9]+'
collect silent
step tls failed 'unreachable: localhost:[0-9]+\. connected, but TLS timed out\.' 'must not inspect it'
skipped http provider
tls ended "not trusted: localhost:[0-9]+\\. .*certificate has expired\\. It shows a certificate for DNS:localhost.* issued by 'CN=Stub CA', valid from 2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z \\(the clock of this machine: 20" \
    'Check the clock of this machine; when it is right, the service.s operator renews'
tls early 'not yet valid.* valid from 2098-' 'Check the clock of this machine'
tls other-name "no alternative certificate subject name matches.* It shows a certificate for DNS:somebody.example, issued by 'CN=Stub CA'" \
    'Write --server with a name that stands in the service.s certificate.*bypass rule for localhost'
tls inspected "issued by 'CN=Example Corp TLS Inspection, O=Example Corp'.*; the CA that is trusted is 'CN=Stub CA'" \
    "^If 'CN=Example Corp TLS Inspection, O=Example Corp' belongs to a proxy or firewall that inspects TLS: have it leave out localhost:[0-9]+ \\(a bypass rule\\).*--ca"
BOOTWARDEN_CA='' fails 3 tls 'unable to get local issuer certificate' 'bypass rule' "${vm[@]}" "${efi[@]}" --server "$(stub elsewhere)"
BOOTWARDEN_CA=$VTPM_EVENT_LOG fails 2 tls "the CA file '$VTPM_EVENT_LOG' holds no certificate in PEM form" \
    'Name a PEM file with the CA of the service in --ca' "${vm[@]}" "${efi[@]}" --server "$(stub elsewhere)"
skipped http provider enrolment policy
step tcp skipped 'because tls cannot be set up'
BOOTWARDEN_CA=/nonexistent fails 2 tls "the CA file '/nonexistent' does not exist" 'Name a PEM file' \
    "${vm[@]}" "${efi[@]}" --server "$(stub elsewhere)"

# ---- http ----
http() { # STUB MESSAGE REMEDY
    fails 3 http "$2" "$3" "${vm[@]}" "${efi[@]}" --server "$(stub "$1")"
    at http localhost "$(cat "$work/stub/$1")"
    step tls ok "issued by 'CN=Stub CA'"
    skipped provider enrolment policy
}
http closes '^Attestation endpoint unreachable: localhost:[0-9]+\. the server closed the connection without an answer' 'operator finds the cause in its log'
http down '^Attestation endpoint unavailable: localhost:[0-9]+ answers 503' 'Try again later.*operator'
http large 'the answer is larger than 1048576 bytes' '.'

# ---- provider ----
provider() { # STUB MESSAGE
    fails 3 provider "^https://localhost:[0-9]+ is no attestation provider: $2" \
        'Write the attestation URI of a provider in --server' "${vm[@]}" "${efi[@]}" --server "$(stub "$1")"
    step policy skipped 'because provider failed'
}
provider nothing 'it answers 404 to GET .well-known/openid-configuration'
provider page '.well-known/openid-configuration is no JSON object'
provider other '.well-known/openid-configuration names no issuer or no jwks_uri'
look 3 "${vm[@]}" "${efi[@]}" --server "$(stub elsewhere)"
step provider warning 'is an attestation provider that calls itself https://elsewhere.example/' 'Write --server https://elsewhere.example/'

# ---- enrolment ----
BOOTWARDEN_CA=$data/tls/ca.pem
fails 3 provider 'it answers 404' 'Write the attestation URI' "${vm[@]}" "${efi[@]}" --server "$BOOTWARDEN_ENDPOINT/providers/nobody"
look 0 "${vm[@]}" "${efi[@]}" --server "https://127.0.0.1:$port"
step provider warning "calls itself $BOOTWARDEN_ENDPOINT" "Write --server $BOOTWARDEN_ENDPOINT"
rm "$data/trust/ek/lab.pem"
boot vm2 a-secureboot-healthy
vm2=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
for ((i = 0; i < 100; i++)); do # until the server has noticed that the CA is gone
    "$bin/bootwarden-agent" enroll "${vm2[@]:0:2}" >/dev/null 2>"$work/err" || break
    boot vm2 a-secureboot-healthy
done
fails 3 enrolment '^Joining refused: localhost:[0-9]+ said 403 Untrusted: ' \
    '^The service.s operator puts the CA of this kind of TPM into trust/ek\.$' "${vm2[@]}" "${efi[@]}"
at enrolment localhost "$port"
skipped policy
cp "$VTPM_CA" "$data/trust/ek/lab.pem"

# ---- ak-certificate ----
export TPM2TOOLS_TCTI=$VTPM_TCTI
{
    tpm2_evictcontrol -Q -C o -c 0x81000003
    tpm2_createprimary -Q -C o -c "$work/other.ctx"
    tpm2_evictcontrol -Q -C o -c "$work/other.ctx" 0x81000003
    tpm2_flushcontext -t
} >/dev/null 2>&1
fails 4 ak-certificate 'handle 0x81000003, where the attestation key belongs, holds another key' \
    '^If nothing needs it: tpm2_evictcontrol -C o -c 0x81000003\.$' "${vm2[@]}" "${efi[@]}"
skipped enrolment policy
# A certificate for somebody else's key is replaced.
openssl x509 -in "$work/stub/good.crt" -outform DER -out "$work/foreign.der"
{
    tpm2_nvundefine -Q -C o 0x01c101d0
    tpm2_nvdefine -Q -C o -s "$(stat -c %s "$work/foreign.der")" -a 'ownerread|ownerwrite|authread|authwrite' 0x01c101d0
    tpm2_nvwrite -Q -C o -i "$work/foreign.der" 0x01c101d0
    tpm2_evictcontrol -Q -C o -c 0x81000003
} >/dev/null 2>&1
for ((i = 0; i < 100; i++)); do # until the server has noticed that the CA is back
    "$bin/bootwarden-agent" enroll "${vm2[@]:0:2}" --name vm2 >/dev/null 2>"$work/err" && break
done
tpm2_nvundefine -Q -C o 0x01c101d0 >/dev/null 2>&1
tpm2_nvdefine -Q -C o -s "$(stat -c %s "$work/foreign.der")" -a 'ownerread|ownerwrite|authread|authwrite' 0x01c101d0 >/dev/null
tpm2_nvwrite -Q -C o -i "$work/foreign.der" 0x01c101d0
look 0 "${vm2[@]}" "${efi[@]}"
step ak-certificate warning 'the certificate in the TPM is for another key' 'the right one is made there'
step enrolment ok 'this machine is vm2 there .*; a new certificate'

# ---- policy ----
boot vm2 b-secureboot-off
fails 1 secure-boot 'Secure Boot is off' 'Turn it on' --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" \
    --efivars "$work/off/efivars"
step policy failed '^the answer is no: verdict unhealthy: secure-boot-off: ' '^Turn Secure Boot on'
# The firmware's variables lie; what was measured does not.
fails 1 policy '^the answer is no: verdict unhealthy: secure-boot-off: ' '^Turn Secure Boot on' \
    --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" "${efi[@]}"
at policy localhost "$port"
expect 1 '^failed   policy: the answer is no: verdict unhealthy' check --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" "${efi[@]}"
check 'each reason has a line' grep -qE '^         secure-boot-off: ' "$work/out"
check 'the remedy stands below' grep -qE '^         what to do: Turn Secure Boot on' "$work/out"
check 'the last line says so' grep -qE '^not well: 12 ok, 0 warnings, 1 failed, 0 skipped$' "$work/out"

# ---- monitor ----
boot vm3 a-secureboot-healthy
look 0 --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" "${efi[@]}" --name vm3
check 'nothing has changed' jq -e 'all(.steps[]; .id != "monitor")' "$work/out"
boot vm3 c-cmdline-changed
look 0 --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" "${efi[@]}"
step policy ok 'the boot is proven'
step monitor warning 'sees this machine as changed' 'bootwarden vm approve vm3\.$'
at monitor localhost "$port"
stop_server

# ---- somebody has to let it in ----
data=$work/closed
start_server --join approval
cp "$VTPM_CA" "$data/trust/ek/lab.pem"
boot vm4 a-secureboot-healthy
vm4=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
fails 3 enrolment "its join token is missing: $work/nonex: no such file" 'bootwarden vm token VM -g GROUP' \
    "${vm4[@]}" "${efi[@]}" --name vm4 --join-token-file "$work/nonex"
check 'and it asked for no place' test "$(sqlite3 "$data/data.sqlite" 'SELECT count(*) FROM waiting')" -eq 0
fails 3 enrolment '^This machine waits for an owner: .*Endorsement key [0-9a-f]{64}\.$' \
    '^The owner runs: bootwarden vm admit [0-9a-f]{64}$' "${vm4[@]}" "${efi[@]}" --name vm4
skipped policy
echo 'bwj_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' >"$work/wrong"
fails 3 enrolment '403 InvalidJoinToken' '^Check the token for typing errors.*bootwarden vm token VM -g GROUP.*bootwarden vm announce' \
    "${vm4[@]}" "${efi[@]}" --join-token-file "$work/wrong"
set -a
. "$data/dev.env"
set +a
check 'an owner says no' "$bin/bootwarden" vm reject vm4
fails 3 enrolment '403 Rejected' '^The owner lets it in after all: bootwarden vm admit' "${vm4[@]}" "${efi[@]}" --name vm4
check 'and yes' "$bin/bootwarden" vm admit vm4
look 0 "${vm4[@]}" "${efi[@]}" --name vm4
echo '{"AttestationConfig":{"MaaSettings":{"maaEndpoint":"https://nowhere.invalid:8443"}}}' >"$work/settings.json"
check 'and names another attestation endpoint' "$bin/bootwarden" vm extension set vm4 --settings "$work/settings.json"
fails 3 attestation/name '^Attestation endpoint unreachable: nowhere.invalid:8443' \
    "(Check the name in maaEndpoint of the owner's settings|The DNS server of this machine)" "${vm4[@]}" "${efi[@]}"
check 'no option is blamed that nobody gave' test "$(grep -c attest-server "$work/out")" -eq 0
expect 3 'nowhere.invalid' attest "${vm4[@]}" --attest-server https://nowhere.invalid:8443 --retries 0
check 'and disables it' "$bin/bootwarden" vm disable vm4
fails 3 enrolment 'disabled by an operator' '^Its owner lets it in again: bootwarden vm enable NAME\.$' "${vm4[@]}" "${efi[@]}"
"$demo_vtpm" stop "$work/vm3"
"$demo_vtpm" stop "$work/vm4"
data=$work/data
stop_server

# ---- two addresses, an IPv6 literal, a provider's path ----
read -r attest_port guest_port < <(python3 -c 'import socket
a, b = socket.create_server(("::1", 0), family=socket.AF_INET6), socket.create_server(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
guest=https://127.0.0.1:$guest_port
attest="https://[::1]:$attest_port"
"$bin/bootwarden-server" --dev --data "$work/two" --listen "attest=[::1]:$attest_port" \
    --listen "guest=127.0.0.1:$guest_port" --name six.example --endpoint "$attest" 2>>"$work/server.log" >/dev/null &
server_pid=$!
for ((i = 0; i < 300; i++)); do
    curl -sf --noproxy '*' --cacert "$work/two/tls/ca.pem" "$attest/certs" >/dev/null 2>&1 && break
    read -rt 0.1 <> <(:) || :
done
cp "$VTPM_CA" "$work/two/trust/ek/lab.pem"
export BOOTWARDEN_CA=$work/two/tls/ca.pem
unset BOOTWARDEN_ENDPOINT
two=("${vm[@]}" "${efi[@]}" --server "$guest" --attest-server "$attest")
"$demo_vtpm" stop "$work/vm2"
look 0 "${two[@]}"
both='tpm secure-boot event-log ak-certificate attestation/address attestation/name attestation/proxy attestation/tcp attestation/tls attestation/http provider guest/address guest/name guest/proxy guest/tcp guest/tls guest/http enrolment policy'
check 'both ways are walked' test "$(jq -r '[.steps[].id] | join(" ")' "$work/out")" = "$both"
at attestation/tcp ::1 "$attest_port"
at guest/tcp 127.0.0.1 "$guest_port"
at enrolment 127.0.0.1 "$guest_port"
at policy ::1 "$attest_port"
step attestation/name ok '^::1 \(IPv6\) is an address'
step guest/http ok 'answers \(405\)'
# The service says itself where attestation is: no option of this machine is to blame.
look 0 "${vm[@]}" "${efi[@]}" --server "$guest"
check 'both ways are walked without --attest-server' test "$(jq -r '[.steps[].id] | join(" ")' "$work/out")" = "$both"
at attestation/tcp ::1 "$attest_port"
at guest/tcp 127.0.0.1 "$guest_port"
step provider ok "is an attestation provider"
step enrolment ok '^this machine is'
step policy ok 'the boot is proven'
expect 0 '^verdict: proven' attest "${vm[@]}" --server "$guest" --attest-server "$attest"
expect 0 '^enrolled' enroll "${vm[@]:0:2}" --server "$guest" --attest-server "$attest"
fails 3 guest/tcp "^Guest endpoint unreachable: localhost:$refused\\. Connection refused" 'Check that the service runs' \
    "${vm[@]}" "${efi[@]}" --server "https://localhost:$refused" --attest-server "$attest"
step provider ok .
skipped guest/tls guest/http enrolment policy
fails 3 guest/tcp "^Guest endpoint unreachable: 127\\.0\\.0\\.1:$full\\. Connection timed out\\." \
    "^Allow outbound $full to 127\\.0\\.0\\.1 \\(TCP\\)" "${vm[@]}" "${efi[@]}" --server "https://127.0.0.1:$full" --attest-server "$attest"
fails 3 attestation/tcp "^Attestation endpoint unreachable: localhost:$refused\\. " 'Check that the service runs' \
    "${vm[@]}" "${efi[@]}" --server "$guest" --attest-server "https://localhost:$refused"
step enrolment ok 'this machine is'
step policy skipped 'because attestation/tcp failed'
# With Azure's form and a certificate nothing is asked of the guest API.
look 0 "${vm[@]}" "${efi[@]}" --server "https://localhost:$refused" --attest-server "$attest" --azure
check 'the guest API is not walked' jq -e 'all(.steps[]; .id | startswith("guest/") | not)' "$work/out"

# ---- namespaces of this test's own: names, routes and packets that get lost ----
cat >"$work/within" <<'WITHIN'
#!/usr/bin/env bash
# within NET HOSTS RESOLV COMMAND...: with these files in place of /etc/hosts and /etc/resolv.conf;
# NET is "here", or "lost": one interface, on which packets to 10.0.2.2 and fd00:2::2 get lost.
set -e
mount --bind "$2" /etc/hosts
mount --bind "$3" /etc/resolv.conf
if [ "$1" = lost ]; then
    ip link set lo up
    ip link add v0 type veth peer name v1
    ip address add 10.0.2.1/24 dev v0
    ip address add fd00:2::1/64 dev v0 nodad
    ip link set v0 up
    ip link set v1 up
    ip neighbour add 10.0.2.2 lladdr 02:00:00:00:00:01 dev v0 nud permanent
    ip neighbour add fd00:2::2 lladdr 02:00:00:00:00:01 dev v0 nud permanent
fi
exec "${@:4}"
WITHIN
chmod +x "$work/within"
printf '::1 six.example\n127.0.0.1 localhost\n10.0.2.2 lost.example\nfd00:2::2 lost.example\n' >"$work/hosts"
printf 'nameserver 127.0.0.1\n' >"$work/resolv.conf" # where no name server is
spaces=(--map-root-user --mount)
if unshare "${spaces[@]}" --net "$work/within" lost "$work/hosts" "$work/resolv.conf" true 2>/dev/null; then
    # A name with an IPv6 address alone.
    within="unshare ${spaces[*]} $work/within here $work/hosts $work/resolv.conf"
    look 0 "${vm[@]}" "${efi[@]}" --server "$guest" --attest-server "https://six.example:$attest_port"
    step attestation/name ok '^six.example is ::1 \(IPv6\)$'
    step attestation/tcp ok "connected to port $attest_port of ::1"
    # The name server does not answer.
    fails 3 name 'The name unknown.example cannot be resolved: Temporary failure' \
        "DNS server of this machine does not answer.*resolv.conf.*allow outbound 53" \
        "${vm[@]}" "${efi[@]}" --server https://unknown.example
    at name unknown.example 443
    within="unshare ${spaces[*]} --net $work/within lost $work/hosts $work/resolv.conf"
    # No route, and nobody at the address.
    fails 3 tcp '^Attestation endpoint unreachable: 10\.9\.9\.9:443\. Network is unreachable' \
        'no route to 10\.9\.9\.9: check its network interface and its default route' \
        "${vm[@]}" "${efi[@]}" --server https://10.9.9.9
    fails 3 tcp '^Attestation endpoint unreachable: \[2001:db8::9\]:443\. Network is unreachable' \
        'default route for IPv6' "${vm[@]}" "${efi[@]}" --server 'https://[2001:db8::9]'
    at tcp 2001:db8::9 443
    fails 3 tcp '^Attestation endpoint unreachable: 10\.0\.2\.3:443\. No route to host' \
        'Check that 10\.0\.2\.3 is the right address' "${vm[@]}" "${efi[@]}" --server https://10.0.2.3
    # As a network security group drops it (decisions, section 10).
    later lost --server https://lost.example:8443
    fails 3 tcp '^Attestation endpoint unreachable: 10\.0\.2\.2:8443\. Connection timed out\.$' \
        '^Allow outbound 8443 to service tag AzureAttestation, or to 10\.0\.2\.2 \(TCP\)' \
        "${vm[@]}" "${efi[@]}" --server https://10.0.2.2:8443
    at tcp 10.0.2.2 8443
    check 'it took its time' jq -e '.steps[] | select(.id == "tcp") | .seconds >= 9' "$work/out"
    collect lost
    step tcp failed '^Attestation endpoint unreachable: lost.example:8443\. Connection timed out; tried .*10\.0\.2\.2 \(IPv4\)' \
        'Allow outbound 8443 to service tag AzureAttestation, or to lost.example'
    step name ok '10\.0\.2\.2 \(IPv4\)'
    step name ok 'fd00:2::2 \(IPv6\)'
    # The same words from attest.
    $within timeout 120 "$bin/bootwarden-agent" attest "${vm[@]}" --server https://10.0.2.2:8443 --azure --retries 0 \
        >"$work/out" 2>"$work/err"
    check 'attest: exit 3' test $? -eq 3
    check 'attest says the same' grep -qE '^bootwarden-agent: Attestation endpoint unreachable: 10\.0\.2\.2:8443\. Connection timed out\. Allow outbound 8443 to service tag AzureAttestation' "$work/err"
    # The CA that is taken when nobody names one.
    cp -a /etc "$work/etc" 2>/dev/null
    mkdir -p "$work/etc/bootwarden"
    printf '#!/bin/sh\nmount --bind "%s" /etc && exec "$@"\n' "$work/etc" >"$work/with-etc"
    chmod +x "$work/with-etc"
    within="env -u BOOTWARDEN_CA unshare ${spaces[*]} $work/with-etc"
    fails 3 attestation/tls 'unable to get local issuer' 'bypass rule.*--ca' "${two[@]}"
    step guest/tls failed 'Guest endpoint not trusted: .*unable to get local issuer' 'bypass rule.*--ca'
    cp "$work/two/tls/ca.pem" "$work/etc/bootwarden/ca.pem"
    look 0 "${two[@]}"
    : >"$work/etc/bootwarden/ca.pem"
    fails 2 attestation/tls "the CA file '/etc/bootwarden/ca.pem' holds no certificate" 'Name a PEM file' "${two[@]}"
    within=
else
    echo 'skipped: no namespaces to lose packets in'
fi

report
