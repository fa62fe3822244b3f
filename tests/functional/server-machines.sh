#!/usr/bin/env bash
# What an operator does to machines, beside a running server and without one: software TPMs that
# join, are in each other's way, are replaced, restored from a snapshot, disabled and removed.
# shellcheck disable=SC2154
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"

# machine CODE PATTERN ARGUMENT...: exit code, and a pattern in what the command says.
machine() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 60 "$bin/bootwarden-server" machine "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
        passed=$((passed + 1))
    else
        fault "bootwarden-server machine $*: exit $got, wanted $code and /$pattern/"
    fi
}
on() { machine "$@" --data "$data"; }

# ---- wrong use, and folders that are no server's ----
machine 2 'which command'
machine 2 "'frobnicate' is no command; there are list, show" frobnicate
machine 2 'machine disable: which one' disable
machine 2 'takes no machine' list web
machine 2 "'more' is not expected" show web more
machine 2 'must be table or json' list --output xml
machine 2 'is for list and show' disable web --output json
machine 2 '--ek is for replace' disable web --ek "$(printf '0%.0s' {1..64})"
machine 2 '--ek must be a SHA-256 digest' replace web --ek 0123
machine 2 'see bootwarden-server machine --help' list --nonsense
machine 0 '^usage: bootwarden-server machine list' --help
machine 2 'there is no database here.*--data must name the folder of a server' list --data "$work/none"
check 'and none was made' test ! -e "$work/none"
mkdir "$work/text" && echo 'this is no database, but a text of some length, so that it could be one, at least to the eye, if not to the mind' >"$work/text/data.sqlite"
machine 4 'the file is no database' list --data "$work/text"

# ---- joining, and a conflict ----
start_server
on 0 '^ID +NAME +STATE' list
on 1 "no machine has the name or id 'web'" show web
boot vm1 a-secureboot-healthy
vm1=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
cp "$VTPM_CA" "$data/trust/ek/lab.pem"
expect 0 '^verdict: proven' attest "${vm1[@]}" --name web
id=$(sqlite3 "$data/data.sqlite" "SELECT id FROM machines WHERE name = 'web'")
on 0 "^$id  web .* active .*Z  20.*Z  healthy$" list
on 0 '"lastVerdict": ?"healthy"' list --output json
check 'the list is JSON' jq -e --arg id "$id" \
    '.machines == [.machines[0]] and (.machines[0] | .id == $id and .name == "web" and .state == "active")' "$work/out"
on 0 '^last seen +20..-' show WEB
on 0 ' healthy +challenge' show "${id^^}"
on 0 '"freshness": ?"challenge"' show web --output json
check 'one machine is JSON' jq -e '.attestations[0].verdict == "healthy" and .changes == [] and .clock.clockMs > 0' "$work/out"

boot vm2 i-powercycle
vm2=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
expect 3 "409 Conflict: the name 'web' belongs .*bootwarden-server machine replace web" attest "${vm2[@]}" --name web
check 'the log says which machine' grep -q "conflict=name-taken machine=$id name=web" "$work/server.log"

# ---- replaced: the other TPM becomes the machine, the first one is nobody ----
on 0 "^machine web \($id\) has no attestation key any more" replace web
on 0 "^$id  web +replaced" list
on 0 'was replaced already' replace "$id"
check 'replaced, it has proved nothing' grep -qE "^$id  web +replaced .*Z  never +-\$" <(
    "$bin/bootwarden-server" machine list --data "$data")
on 0 'has no attestation key since it was replaced, and so no clock' forget-clock web
# for the first TPM alone, then for the one that the log named
ek1=$("$bin/bootwarden-server" machine show web --data "$data" --output json | jq -r .ekDigest)
ek2=$(sed -n 's/.*conflict=name-taken .* ek=\([0-9a-f]*\).*/\1/p' "$work/server.log" | tail -1)
on 0 'Only the TPM with the endorsement key that was named' replace web --ek "$ek1"
on 0 "^waits only for +endorsement key $ek1" show web
expect 3 '409 Conflict: the place of this machine is kept' attest "${vm2[@]}" --name web
on 0 'Only the TPM with' replace web --ek "${ek2^^}"
expect 3 '409 Conflict: the place of this machine is kept' attest "${vm1[@]}" --name web
on 0 'was replaced already' replace web --ek "$ek2"
expect 0 '^enrolled: ' enroll --tcti "${vm2[1]}" --name web
on 0 "^$id  web +active .*Z  never +-$" list
on 0 '"lastVerdict": ?null' list --output json
expect 0 '^verdict: proven' attest "${vm2[@]}" --name web
expect 0 "\"x-ms-azurevm-vmid\": \"${id^^}\"" attest "${vm2[@]}" --output json
on 0 "^  20.* +$(id -un) +replace$" show web
check 'and who took it up' grep -qE ' - +joined again$' "$work/out"
check 'history stays' test "$(grep -cE '  healthy  ' "$work/out")" -ge 3
expect 3 "409 Conflict: the name 'web' belongs" attest "${vm1[@]}" --name web
expect 0 '^verdict: proven' attest "${vm1[@]}" --name first
on 1 "stays as it is: this endorsement key belongs to machine first" replace web --ek "$ek1"

# ---- disabled: refused from the next request on, until enabled ----
on 0 'is disabled: ' disable first
expect 3 '409 Conflict: this machine was disabled by an operator.*bootwarden vm enable NAME' attest "${vm1[@]}"
check 'another name is no way out of that' test -z "$(grep -e '--name' "$work/err")"
expect 1 '^  ak-untrusted: .*disabled by an operator' attest "${vm1[@]}" --azure
check 'its CA is not looked for' test -z "$(grep -e 'no CA for attestation keys' "$work/out" "$work/err")"
on 0 ' first +disabled ' list
on 0 'was disabled already' disable first
on 0 'is enabled' enable first
expect 0 '^verdict: proven' attest "${vm1[@]}"

# ---- a snapshot: the TPM's state of an earlier time ----
"$demo_vtpm" stop "$work/vm1"
cp -a "$work/vm1" "$work/snapshot"
for _ in 1 2; do
    boot vm1 a-secureboot-healthy # the reset count goes on
    expect 0 '^verdict: proven' attest "${vm1[@]:0:2}" --event-log "$VTPM_EVENT_LOG"
done
"$demo_vtpm" stop "$work/vm1"
rm -rf "$work/vm1"
cp -a "$work/snapshot" "$work/vm1"
boot vm1 a-secureboot-healthy
vm1=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
expect 1 '^  clock-went-back: .*bootwarden-server machine forget-clock NAME' attest "${vm1[@]}"
on 0 ' not-verified +challenge +clock-went-back' show first
on 0 ' first +active .* not-verified$' list
on 0 'may show any clock' forget-clock first
expect 0 '^verdict: proven' attest "${vm1[@]}"
on 0 'last verdict +healthy' show first

# ---- removed ----
on 1 "no machine has the name or id 'firs'" remove firs
# roles that were given at it, by name and by id, go with it; those at others stay
roles=$data/identity/assignments.json first=$(sqlite3 "$data/data.sqlite" "SELECT id FROM machines WHERE name = 'first'")
sub=/subscriptions/f0bbed4c-2553-498e-9d01-7c8a27f775fd at=/providers/Bootwarden.Monitor/machines
(umask 077 && jq -n --arg sub "$sub" --arg at "$at" --arg id "$first" '{roleAssignments: [["1", $at + "/FIRST"], ["2", $at + "/" + $id], ["3", $at + "/first2"], ["4", ""] |
    {name: "3f2504e0-4f89-41d3-9a0c-0305e82c330\(.[0])", principalId: "bc65970f-9de2-4e17-9384-843cd14adc74",
     principalType: "User", tenantId: "2122489c-db79-4cd6-b032-0f9ac30ac23d", scope: ($sub + .[1]),
     roleDefinitionId: "acdd72a7-3385-48ef-bd42-f606fba81ae7", createdOn: "2026-11-22T23:00:00Z", createdBy: ""}]}' >"$roles")
# a server that is writing them is waited for
exec {held}<"$data/identity"
flock "$held"
check 'remove waits' test "$(timeout 2 "$bin/bootwarden-server" machine remove first --data "$data" >/dev/null 2>&1; echo $?)" = 124
check 'with all roles as they are' test "$(jq '.roleAssignments | length' "$roles")" = 4
exec {held}<&-
on 0 '2 roles that had been given at machine first are taken away' remove first
check 'only the roles at it are gone' jq -e --arg sub "$sub" --arg at "$at" '[.roleAssignments[].scope] == [$sub + $at + "/first2", $sub]' "$roles"
on 1 'no machine' show first
expect 0 '^verdict: proven' attest "${vm1[@]}" --name first
on 0 'remove of an earlier machine of this name' show first

# ---- one's name is another's id ----
boot vm3 a-secureboot-healthy
expect 0 '^enrolled: ' enroll --tcti "$VTPM_TCTI" --name "$id"
on 1 "is the id of machine web and the name of machine [0-9a-f-]{36}" disable "$id"

# ---- without a server ----
stop_server
on 0 'is disabled: ' disable web
start_server
expect 3 'disabled by an operator' attest "${vm2[@]}"
stop_server
sqlite3 "$data/data.sqlite" 'PRAGMA user_version = 99'
on 2 'newer version \(schema 99' list
sqlite3 "$data/data.sqlite" 'PRAGMA user_version = 2'
on 2 'older version \(schema 2.*start the server of this version' list

report
