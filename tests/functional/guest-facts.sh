#!/usr/bin/env bash
# shellcheck disable=SC2154
# What the agent says of the machine that this test runs on reaches the machine's row, as it is.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"

# vm CODE PATTERN ARGUMENT...: bootwarden vm as the owner of the server's subscription.
vm() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 60 "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
        passed=$((passed + 1))
    else
        fault "bootwarden vm $*: exit $got, wanted $code and /$pattern/"
    fi
}
# fact FILTER: of the machine's GuestFacts
fact() { jq -r ".guestFacts$1" "$work/out"; }
# same WORDS FILTER FILE: the fact is what the file says, or absent when it cannot be read
same() {
    local wanted=null
    [ -r "$3" ] && wanted=$(cat "$3")
    check "$1 is that of $3" test "$(fact "$2")" = "$wanted"
}

start_server
set -a
. "$data/dev.env"
set +a
boot vm1 a-secureboot-healthy
vm1=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
cp "$VTPM_CA" "$data/trust/ek/lab.pem"

# Joining says nothing of the machine.
expect 0 '^enrolled: web$' enroll "${vm1[@]:0:2}" --name web
vm 1 '"guestFacts": null' show web --output json
vm 1 '^web is never-reported$' show web
check 'no section without facts' test -z "$(grep '^system' "$work/out")"

expect 0 '^verdict: proven' attest "${vm1[@]}"
vm 0 '"guestFacts": \{' show web --output json
check 'what is sent is not much' test "$(fact '|tojson|utf8bytelength')" -lt 49152
check 'the kernel is this one' test "$(fact .KernelRelease)" = "$(uname -r)"
check 'the agent is this one' grep -q " $(fact .AgentVersion)\$" <("$bin/bootwarden-agent" --version)
check 'the system is this one' test "$(fact .OsName)" = "$(. /etc/os-release && echo "${PRETTY_NAME:-null}")"
same 'the boot' .BootId /proc/sys/kernel/random/boot_id
same 'the taint' .Tainted /proc/sys/kernel/tainted
lockdown=/sys/kernel/security/lockdown
[ -r $lockdown ] && sed 's/.*\[//; s/\].*//' $lockdown >"$work/lockdown"
same 'the lockdown' .Lockdown "$work/lockdown"
modules=null
[ -r /proc/modules ] && modules=$(wc -l </proc/modules)
check 'the modules are counted' test "$(fact .ModulesLoaded)" = "$modules"
check 'and each has a name' jq -e '.guestFacts.Modules // [] | all(.Name != "")' "$work/out"
check 'nothing else is told' jq -e '.guestFacts | keys - ["AgentVersion", "BootId", "KernelRelease",
    "Lockdown", "ModuleSignaturesEnforced", "Modules", "ModulesComplete", "ModulesLoaded", "Mok",
    "OsName", "OsVersion", "SbatLevel", "SecureBoot", "SetupMode", "Tainted", "TaintedBy",
    "Unread"] == []' "$work/out"
vm 0 '^system, by its own word$' show web
check 'people see the kernel' grep -qE "^  kernel +$(uname -r)\$" "$work/out"

# ---- what people are shown of it, whatever a guest says ----
# says JSON: the machine's facts are these
says() {
    stop_server
    sqlite3 "$data/data.sqlite" "UPDATE monitor SET facts = '$1'"
    start_server
}
says '{"OsName":"Debian GNU/Linux 12","KernelRelease":"6.1.0-56-amd64","Lockdown":"none","Tainted":12289,
    "TaintedBy":["PROPRIETARY_MODULE","OOT_MODULE","UNSIGNED_MODULE"],"Modules":[
    {"Name":"nvidia","Signer":null,"Taints":"POE","Unread":"no-file"},
    {"Name":"xfs","Signer":"Debian"},{"Name":"later","Signer":null,"Unread":"later"},
    {"Name":"mine","Signer":null},{"Name":"theirs","Signer":"DKMS","Taints":"OE"}]}'
vm 0 '^  OS +Debian GNU/Linux 12$' show web
check 'the lockdown' grep -qE '^  lockdown +none$' "$work/out"
check 'taints have words' grep -qE '^  tainted +PROPRIETARY_MODULE, OOT_MODULE, UNSIGNED_MODULE \(12289\)$' "$work/out"
check 'unsigned modules have names' grep -qE '^  unsigned modules +nvidia, mine, theirs$' "$work/out"
says "$(jq -nc '{OsName: "a\u001b[31mb", Tainted: 1, TaintedBy: [range(9000) | "T"],
    Modules: [range(99) | {Name: "m\(.)\n", Signer: null}]}')"
vm 0 '^  OS +a\\x1b\[31mb$' show web
check 'more than can be shown' grep -qE '^  tainted +more than can be shown; see --output json$' "$work/out"
check 'some names, and how many more' grep -qE '^  unsigned modules +m0\\n, .* and 79 more$' "$work/out"
for odd in '[]' '{"Tainted":"x","Modules":{},"OsName":3}' '{"Modules":[1,null,{"Taints":7}],"Tainted":0}'; do
    says "$odd"
    vm 0 '^web is healthy$' show web
done
check 'no taint, nothing unsigned' test "$(grep -cE '^  (tainted +no|unsigned modules +none)$' "$work/out")" -eq 2

report
