#!/usr/bin/env bash
# shellcheck disable=SC2154
# What `bootwarden vm` says to people of machines that are not well: the reason before everything
# else, whole where no terminal cuts it, and on a terminal with its end; whom an announcement is for.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
start_server
set -a
. "$data/dev.env"
set +a
vm() { "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err"; }
# says PATTERN ARGUMENT...: a pattern in what `bootwarden vm` says.
says() {
    local pattern=$1
    shift
    vm "$@"
    check "bootwarden vm $*: /$pattern/" grep -qE -- "$pattern" "$work/out"
}

boot vm1 a-secureboot-healthy
cp "$VTPM_CA" "$data/trust/ek/"
expect 0 'enrolled: web' enroll --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" --name web

# ---- the reason ----
prefix='Microsoft.Azure.Security.LinuxAttestation.GuestAttestation provisioning failed. '
why="kernel-cmdline: was 'root=UUID=0b6f8c3e-51ab-4f5e-8c33-3a1f0a3b2c1d ro quiet splash', is 'root=UUID=0b6f8c3e-51ab-4f5e-8c33-3a1f0a3b2c1d ro quiet splash init=/bin/sh'"
sqlite3 "$data/data.sqlite" "UPDATE monitor SET state = 'unreachable', why = '$prefix' || '${why//\'/\'\'}'"
says '^web +unreachable +-  +kernel-cmdline: was .* splash init=/bin/sh.$' list
says '^web +unreachable' list --state unreachable
says '^no machine is in this state$' list --state silent
says '^  why +kernel-cmdline: was' show web
says "\"why\": \"$prefix" list --output json
# on_terminal COLUMNS COMMAND...: as it looks on a terminal of that width
on_terminal() { script -qec "stty cols $1; ${*:2}" /dev/null | tr -d '\r'; }
on_terminal 80 "'$bin/bootwarden' vm list" >"$work/out"
check 'on a terminal the end is seen, too' grep -qE "^web .* kernel.*\.\.\..*init=/bin/sh'$" "$work/out"
check 'in one line' test "$(awk '{ if (length > 80) n++ } END { print n + 0 }' "$work/out")" -eq 0
on_terminal 400 "'$bin/bootwarden' vm list" >"$work/out"
check 'a wide one cuts nothing' grep -qF "$why" "$work/out"

# ---- announcing ----
says '^any machine that has this token is announced until 2' announce --uses 3
says '^  @[0-9]+ +until 2.*; whoever shows its token, 3 left$' joins
says '^mail is announced until 2' announce mail
check 'the token belongs into a file of its own' grep -q 'join-token-file = /etc/bootwarden/join-token' "$work/out"
check 'and not into the settings, which everybody may read' eval '! grep -q "join-token = " "$work/out"'
says '^mail is announced, and has not joined$' show mail
check 'which is no machine yet' test "$(vm show mail; echo $?)" -eq 1
says '^  what to do +start the agent in its guest with .*: bootwarden vm token mail -g GROUP' show mail
says '^  until +2' show Mail
vm show mail --output json
check 'and the same for programs' test "$(jq -r '.state + " " + .name' <"$work/out")" = 'announced mail'
vm show male
check 'what was not announced is none' test $? -eq 3
check 'in words' grep -q "no machine 'male'\W*$" "$work/err"
says '^the machine with this TPM is announced until 2' announce --ek "$(printf 'ab%.0s' {1..32})"
says '^Its TPM is enough' announce db --ek "$(printf 'ac%.0s' {1..32})"
says '^  joins with +its TPM$' show db
says '^  EK digest +acac' show db
report
