#!/usr/bin/env bash
# shellcheck disable=SC2154
# bootwarden-agent as people run it: software TPMs that show recorded boots, the real server.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"

# Without a TPM, and without a server.
expect 4 'has no TPM 2.0.*--tcti' attest --server https://localhost:1 --tcti device:/nonexistent/tpm
expect 2 '\-\-ca .*/nonexistent. does not exist' attest --server https://localhost:1 --ca /nonexistent
boot vm1 a-secureboot-healthy
vm1=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
expect 3 'endpoint unreachable: localhost:1\. .*firewalls' attest "${vm1[@]}" \
    --server https://localhost:1 --retries 1 --retry-wait 0.01
check 'one retry was announced' grep -q 'trying again in 0\.0' "$work/err"
expect 3 'endpoint unreachable: localhost:1\. ' attest "${vm1[@]}" --server https://localhost:1 --azure \
    --retries 0

# A TPM whose CA nobody named.
start_server
expect 3 'Joining refused: localhost:[0-9]+ said 403 Untrusted: .* operator puts the CA of this kind of TPM into trust/ek' \
    attest "${vm1[@]}"
expect 2 'event log: /nonexistent.*check --event-log' attest --tcti "$VTPM_TCTI" --event-log /nonexistent
cp "$VTPM_CA" "$data/trust/ek/lab.pem"

# Joining, then proving.
expect 0 '^enrolled: vm1$' enroll "${vm1[@]:0:2}" --name vm1
check 'the machine has an id' grep -qE '^machine id: [0-9a-f-]{36}$' "$work/out"
expect 0 '^verdict: proven' attest "${vm1[@]}"
check 'the signature was checked' \
    grep -qE "^token: signature ok, issuer $BOOTWARDEN_ENDPOINT, expires 20" "$work/out"
expect 0 '"result": "token"' attest "${vm1[@]}" --output json
check 'the claims are those of a healthy boot' jq -e --arg iss "$BOOTWARDEN_ENDPOINT" \
    '.signatureChecked and .claims.secureboot and .claims.iss == $iss and
     .claims["x-ms-azurevm-attested-pcrs"] == [0,1,2,3,4,5,6,7,8,9,11,12,13,14]' "$work/out"
first_id=$(jq -r '.claims["x-ms-azurevm-vmid"]' "$work/out")
expect 0 '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' attest "${vm1[@]}" --output token
check 'the token is all there is on standard output, without a line end' test "$(wc -l <"$work/out")" -eq 0
expect 0 '^verdict: proven' attest "${vm1[@]}" --azure
check 'the plain form attests what Azure does' grep -q '^attested PCRs: 0 1 2 3 4 5 6 7$' "$work/out"
timeout 60 "$bin/bootwarden-agent" attest "${vm1[@]}" >/dev/full 2>"$work/err"
check 'a full disk is no success' test $? -eq 4

# The same machine after a reboot into something else: the answer is no, with every reason.
boot vm1 b-secureboot-off
expect 1 '^  secure-boot-off: ' attest "${vm1[@]:0:2}" --event-log "$VTPM_EVENT_LOG"
check 'the verdict comes first' grep -q '^verdict: unhealthy$' "$work/out"
check 'each reason has its remedy' awk '/^  [a-z0-9-]+: /{ if (open) exit 1; open = 1 }
    /^    what to do: [A-Z]/{ open = 0; n++ } END { exit open || n == 0 }' "$work/out"
expect 1 '"secure-boot-off"' attest "${vm1[@]:0:2}" --event-log "$VTPM_EVENT_LOG" --output json
check 'JSON names verdict, code, and each reason with its remedy' \
    jq -e '.result == "refused" and .verdict == "unhealthy" and .code == "PolicyEvaluationError" and
        (.reasons | length > 0 and all(.code != "" and .text != "" and .remedy != "")) and
        any(.reasons[]; .code == "secure-boot-off" and (.remedy | startswith("Turn Secure Boot on")))' \
    "$work/out"
expect 1 'secure-boot-off' attest "${vm1[@]:0:2}" --event-log "$VTPM_EVENT_LOG" --output token
check 'a refusal leaves standard output empty for a token' test ! -s "$work/out"
boot vm1 m-shim-validation-disabled
expect 1 '^  shim-validation-off: ' attest "${vm1[@]:0:2}" --event-log "$VTPM_EVENT_LOG"

# Lies about a good boot.
boot vm1 a-secureboot-healthy
expect 1 '^  log-replay: ' attest "${vm1[@]:0:2}" --event-log "$boots/j-log-truncated/eventlog.bin"
check 'a forged log is not verified' grep -q '^verdict: not-verified$' "$work/out"
expect 1 '^  log-replay: ' attest "${vm1[@]:0:2}" --event-log "$boots/f-kernel-update/eventlog.bin"
expect 1 '^  no-log: ' attest "${vm1[@]:0:2}" --event-log /dev/null
TPM2TOOLS_TCTI=$VTPM_TCTI tpm2_pcrextend 10:sha256="$(printf 'a5%.0s' {1..32})" 2>/dev/null
expect 1 '^  ima-replay: ' attest "${vm1[@]}" --ima-log "$boots/a-secureboot-healthy/ima.bin"
expect 0 '^verdict: proven' attest "${vm1[@]}"
# Something was measured after the boot that no log explains.
TPM2TOOLS_TCTI=$VTPM_TCTI tpm2_pcrextend 9:sha256="$(printf '5a%.0s' {1..32})" 2>/dev/null
expect 1 '^  log-replay: .*PCR 9' attest "${vm1[@]}"

# Two machines do not share a name; each is its own.
boot vm2 i-powercycle
vm2=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
expect 3 'said 409 Conflict' attest "${vm2[@]}" --name vm1
expect 0 '"result": "token"' attest "${vm2[@]}" --name vm2 --output json
check 'another machine has another id' \
    test "$(jq -r '.claims["x-ms-azurevm-vmid"]' "$work/out")" != "$first_id"

# The server is new: it knows neither machine nor the CA of the certificate in the TPM.
stop_server
mv "$data" "$work/old-data"
start_server
cp "$VTPM_CA" "$data/trust/ek/lab.pem"
expect 0 '^verdict: proven' attest "${vm2[@]}" --name vm2
expect 0 '^verdict: proven' attest "${vm2[@]}" --name vm2

# What another program keeps at our handle is named and left alone.
boot vm3 a-secureboot-healthy
export TPM2TOOLS_TCTI=$VTPM_TCTI
tpm2_createprimary -Q -C o -c "$work/other.ctx" 2>/dev/null
tpm2_evictcontrol -Q -C o -c "$work/other.ctx" 0x81000003 2>/dev/null
tpm2_flushcontext -t 2>/dev/null
expect 4 '0x81000003.*holds another key.*tpm2_evictcontrol' attest --tcti "$VTPM_TCTI"
check 'the other key is still there' tpm2_readpublic -c 0x81000003

# Nothing stays loaded in a TPM after all this.
for vm in vm1 vm2 vm3; do
    export TPM2TOOLS_TCTI=swtpm:path=$work/$vm/tpm.sock
    for kind in handles-transient handles-loaded-session handles-saved-session; do
        check "$vm: no $kind" test -z "$(tpm2_getcap $kind 2>&1)"
    done
done

# A TPM that went away.
"$demo_vtpm" stop "$work/vm2"
expect 4 'no TPM answers at' attest "${vm2[@]}"

report
