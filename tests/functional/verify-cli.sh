#!/usr/bin/env bash
# `bootwarden verify` used wrongly, on unreadable input, and as its manual page says.
set -u
bin=${BOOTWARDEN_BIN:?}/bootwarden
boots=${BOOTWARDEN_SOURCE:?}/tests/vectors/boots
good=$boots/a-secureboot-healthy
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# expect CODE PATTERN ARGUMENT...: the exit code, and a pattern in standard error or output.
expect() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 60 "$bin" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAULT: bootwarden $*: exit $got, wanted $code and /$pattern/"
        head -5 "$work/err" "$work/out"
    fi
}

ak=$(jq -r .ak_rsa_name "$good/manifest.json")
nonce=$(jq -r .nonce "$good/manifest.json")

# Wrong use: exit 2, the option named, help offered.
expect 2 'usage|EVIDENCE' verify
expect 2 'unknown option|enroled' verify "$good" --enroled-ak "$ak"
expect 2 'not a TPM name' verify "$good" --enrolled-ak 000b12
expect 2 'not a TPM name' verify "$good" --enrolled-ak "0004${ak:4}"
expect 2 'hexadecimal' verify "$good" --nonce 12x
expect 2 'expected 2026' verify "$good" --time yesterday
expect 2 'cannot open' verify "$good" --trust ek=/nonexistent
expect 2 'cannot open' verify /nonexistent
expect 2 'no event log' verify "$good" --baseline "$boots/b-secureboot-off-nolog"
expect 2 'did you mean' verfy "$good"
printf 'not json' >"$work/text"
expect 2 'not valid JSON.*at byte' verify "$work/text"
printf '{"AttestationInfo":"e30"}' >"$work/empty"
expect 2 'AttestationInfo.*missing' verify "$work/empty"
printf '{"AttestationInfo":"e30","AttestationInfo":"e30"}' >"$work/twice"
expect 2 'twice' verify "$work/twice"
head -c 2000000 /dev/zero >"$work/large"
expect 2 'larger than' verify "$work/large"
expect 2 'certificate' verify "$good" --trust "ek=$work/text"

# The answer is no: exit 1, verdict first.
expect 1 '^not-verified' verify "$good"
expect 1 'ak-unproven' verify "$good" --trust "ek=$good/ca_root.pem"
mkdir "$work/folder"
expect 1 '^cannot-judge' verify "$work/folder"
expect 1 'no-evidence' verify "$work/folder"
# Windows' records in the log of another loader.
mkdir "$work/windows"
cp "$BOOTWARDEN_SOURCE/fuzz/corpus/facts/windows" "$work/windows/eventlog.bin"
expect 1 'kernel off.*not surely measured by Windows' verify "$work/windows"
expect 1 'antimalware +Windows Defender' verify "$work/windows"
: >"$work/log"

# The answer is yes.
expect 0 '^healthy' verify "$good" --trust "ek=$good/ca_root.pem" --enrolled-ak "$ak" --nonce "$nonce" --time 2026-12-01
# Expired certificates: time is an input.
expect 1 'not yet valid|outside its validity|ek-chain' verify "$good" --trust "ek=$good/ca_root.pem" \
    --enrolled-ak "$ak" --time 2000-01-01
# What to do is said for the very case: which CA, which date, which certificate.
expect 1 "missing is that of the CA 'CN=swtpm-localca-rootca'" verify "$good"
expect 1 "is valid from 20" verify "$good" --trust "ek=$good/ca_root.pem" --time 2000-01-01
expect 1 'what to do: Send the log whole' verify "$boots/j-log-truncated" --trust "ek=$good/ca_root.pem"
expect 1 'PCRs 4, 5, 8, 9 \(sha1, sha256, sha384\)' verify "$boots/j-log-truncated"
# A stored result says whether freshness was checked.
named=(--trust "ek=$good/ca_root.pem" --enrolled-ak "$ak" --time 2026-12-01)
expect 0 '^freshness: not checked' verify "$good" "${named[@]}"
expect 0 '^freshness: the quotes answer the challenge' verify "$good" "${named[@]}" --nonce "$nonce"
expect 1 '^freshness: NOT fresh' verify "$good" "${named[@]}" --nonce 00
expect 0 '"freshness": ?"not-checked"' verify "$good" "${named[@]}" --output json
expect 0 '"freshness": ?"nonce"' verify "$good" "${named[@]}" --output json --nonce "$nonce"
expect 1 '"freshness": ?"failed"' verify "$good" "${named[@]}" --output json --nonce 00
expect 1 '"freshness": ?"not-checked"' verify "$boots/j-attest-wrong-magic" --output json --nonce "$nonce"
# A baseline to keep: from a good boot alone, never over another; what was announced is explained.
new=$boots/f-kernel-update
update=("$new" --trust "ek=$new/ca_root.pem" --enrolled-ak "$(jq -r .ak_rsa_name "$new/manifest.json")" --time 2026-12-01)
expect 2 'name one with --baseline' verify "$good" --announced "$work/text"
expect 2 'name one with --baseline' verify "$good" --shape-changed
expect 2 'is for --save-baseline' verify "$good" --approve
expect 1 'no baseline was saved: the verdict is not-verified' verify "$good" --save-baseline "$work/base.json"
[ ! -e "$work/base.json" ] || { failed=$((failed + 1)) && echo "FAULT: a baseline of an unproven boot"; }
expect 0 '^healthy' verify "$good" "${named[@]}" --save-baseline "$work/base.json"
expect 2 'is there already' verify "$good" "${named[@]}" --save-baseline "$work/base.json"
expect 2 'cannot|No such' verify "$good" "${named[@]}" --save-baseline "$work/none/base.json"
expect 0 '^healthy' verify "$good" "${named[@]}" --baseline "$work/base.json"
sed 's/"log": "..../"log": "!!!!/' "$work/base.json" >"$work/broken.json"
expect 2 'broken.json: log' verify "$good" "${named[@]}" --baseline "$work/broken.json"
expect 1 'UNEXPLAINED initramfs' verify "${update[@]}" --baseline "$work/base.json"
expect 1 'somebody has to approve' verify "${update[@]}" --baseline "$work/base.json" --save-baseline "$work/after.json"
expect 2 'schema.*missing' verify "${update[@]}" --baseline "$work/base.json" --announced "$good/manifest.json"
"$bin" eventlog --facts --output json "$new/eventlog.bin" | jq '{schema: "bootwarden-announcement/1", expect:
    [.facts.files[] | select(.role == "initrd" or .role == "GRUB configuration") |
     {class: (if .role == "initrd" then .role else "grub-config" end), sha256: .digests.sha256}]}' >"$work/announced.json"
expect 0 'announced by a trusted boot' verify "${update[@]}" --baseline "$work/base.json" --announced "$work/announced.json"
expect 1 '^changed' verify "${update[@]}" --baseline "$work/base.json" --save-baseline "$work/after.json" --approve
expect 0 '^healthy' verify "${update[@]}" --baseline "$work/after.json"
shape=$boots/p-two-vcpus
shaped=("$shape" --trust "ek=$shape/ca_root.pem" --enrolled-ak "$(jq -r .ak_rsa_name "$shape/manifest.json")" --time 2026-12-01 --baseline "$boots/p-one-vcpu")
expect 1 '^changed' verify "${shaped[@]}"
expect 0 'known to have another shape' verify "${shaped[@]}" --shape-changed
# A folder of anchors, the help.
mkdir "$work/trust"
cp "$good/ca_root.pem" "$work/trust/"
expect 0 '^healthy' verify "$good" -t "ek=$work/trust" -a "$ak" --time 2026-12-01
expect 0 'Exit status' verify --help
# Nothing raw from a log reaches the terminal (D-5): no control characters in any output.
for boot in "$boots"/*/; do
    timeout 60 "$bin" verify "$boot" >"$work/out" 2>&1
    if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/out"; then
        failed=$((failed + 1))
        echo "FAULT: control characters in the output for $boot"
    fi
done
echo "verify-cli: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
