#!/usr/bin/env bash
# shellcheck disable=SC2154
# One machine goes through the recorded boots, proves each to the server, and gets the answer that
# the recording calls for: 0 a token, 1 refused with this reason. (What the recordings forge in
# quotes and keys cannot be shown by a TPM; tests/functional/verify-boots.py judges those.)
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"

boot vm a-secureboot-healthy
start_server
cp "$VTPM_CA" "$data/trust/ek/lab.pem"
# The operator names the test keys that these boots were signed with; the list behind the four
# attribute bytes of efivarfs.
for case in k-uki-healthy n-systemd-boot; do
    tail -c +5 "$boots/$case"/efivars/db-* >"$data/trust/db/$case.esl"
done

while read -r case code reason; do
    boot vm "$case"
    expect "$code" "$reason" attest --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG"
done <<'CASES'
a-secureboot-healthy 0 ^verdict
b-secureboot-off 1 secure-boot-off
b-setup-mode 1 secure-boot-off
c-cmdline-changed 0 ^verdict
d-extra-bootloader-sboff 1 secure-boot-off
d-grub-tampered-sboff 1 secure-boot-off
d-initrd-tampered 0 ^verdict
d-kernel-tampered-sboff 1 secure-boot-off
e-refused-then-fallback 0 ^verdict
f-kernel-update 0 ^verdict
g-mok-own-kernel 0 ^verdict
g-mok-unused 0 ^verdict
h-dbx-revokes-loader-sboff 1 secure-boot-off
h-dbx-update 0 ^verdict
i-warm-reboot 0 ^verdict
j-log-cmdline-text-forged 1 event-digest
j-log-secureboot-text-forged 1 event-digest
k-uki-healthy 0 ^verdict
k-uki-update 0 ^verdict
k-uki-creds-sysext 0 ^verdict
l-sha256-only-bank 0 ^verdict
m-shim-validation-disabled 1 shim-validation-off
n-systemd-boot 0 ^verdict
p-two-vcpus 0 ^verdict
CASES

report
