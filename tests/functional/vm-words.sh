#!/usr/bin/env bash
# shellcheck disable=SC2154
# What `bootwarden vm` says to people of machines that are not well: the reason before everything
# else, whole where no terminal cuts it, and on a terminal with its end; whom an announcement is for;
# which of two is meant where a virtual machine resource and another machine have one name.
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

# ---- virtual machines, and other machines of the same name ----
# got CODE OUT ERR ARGUMENT...: exit code, a pattern in what is said and one on standard error; "" where
# nothing is said.
fits() { if [ -z "$1" ]; then test ! -s "$2"; else grep -qE -- "$1" "$2"; fi; }
got() {
    local code=$1 out=$2 err=$3
    shift 3
    vm "$@"
    check "bootwarden vm $*: exit $code" test $? -eq "$code"
    check "bootwarden vm $*: /$out/" fits "$out" "$work/out"
    check "bootwarden vm $*: /$err/ in its errors" fits "$err" "$work/err"
}
# Nothing is due any more that would judge them otherwise.
well() {
    until_true 'they were judged' 10 eval '[ "$(sqlite3 "$data/data.sqlite" "SELECT count(*) FROM monitor WHERE due = 1")" -eq 0 ]'
    sqlite3 "$data/data.sqlite" "UPDATE monitor SET state = 'healthy', why = '', is_off = 0"
}
token=$(curl -sf --cacert "$BOOTWARDEN_CA" -d grant_type=client_credentials -d "client_id=$BOOTWARDEN_CLIENT_ID" \
    --data-urlencode "client_secret=$BOOTWARDEN_CLIENT_SECRET" -d resource=https://management.azure.com/ \
    "$BOOTWARDEN_ENDPOINT/$BOOTWARDEN_TENANT/oauth2/token" | jq -r .access_token)
groups=/subscriptions/$BOOTWARDEN_SUBSCRIPTION/resourceGroups
# arm METHOD PATH [BODY]: below the groups.
arm() {
    check "$1 $2" curl -sf --cacert "$BOOTWARDEN_CA" -X "$1" -H "Authorization: Bearer $token" \
        -H 'Content-Type: application/json' "$BOOTWARDEN_ENDPOINT$groups/$2?api-version=2022-08-01" -d "${3-}"
}
machines=providers/Microsoft.Compute/virtualMachines
key=$(printf 'k%.0s' {1..40})
data_of_key=$(printf '#cloud-config\nbootwarden-join-token: %s\n' "$key" | base64 -w0)

well
got 0 '^web is healthy' '' show web
arm PUT rg '{"location":"westus"}'
arm PUT rg2 '{"location":"westus"}'
trusted='"securityProfile":{"securityType":"TrustedLaunch","uefiSettings":{"secureBootEnabled":true,"vTpmEnabled":true}}'
arm PUT "rg/$machines/web" '{"location":"westus","properties":{"osProfile":{"customData":"'"$data_of_key"'"},'"$trusted"'}}'
arm PUT "rg2/$machines/bare" '{"location":"westus","properties":{}}'
another="the virtual machine 'web' in group rg is another one, which has not joined: bootwarden vm show web -g rg"
got 1 '^web is healthy' "$another" show web
got 1 '^web is healthy' "$another" show WEB
got 0 '^web +healthy' "$another" list
got 0 '^no machine is in this state$' '' list --state silent
own=$(sqlite3 "$data/data.sqlite" "SELECT id FROM machines WHERE name = 'web'")
got 0 '^web is healthy' '' show "$own"
got 1 '^web-[0-9a-f]+ is announced, and has not joined$' '' show web -g rg
says '^  what to do +start the agent .*: bootwarden vm token web -g rg$' show web -g rg
vm show web -g rg --output json
check 'and the same for programs' jq -e '.state == "announced" and .machine' "$work/out"
got 1 '' "the guest of 'web' in group rg has not joined: bootwarden vm show web -g rg" remove web -g rg
got 0 'it will prove itself' "the machine 'web' of id $own is meant" attest web
got 1 '^bare has not joined$' '' show bare
says 'what to do +.*: bootwarden vm token bare -g rg2 makes one$' show bare
got 3 '' 'bare in group rg: refused with 404' show bare -g rg

boot vm2 i-powercycle
cp "$VTPM_CA" "$data/trust/ek/second.pem"
second=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" --retries 0)
expect 3 "Give another --name, or the join token .*No join token was sent: $work/nonex: no such file" \
    enroll "${second[@]}" --name mail --join-token-file "$work/nonex"
expect 3 'Give another --name, or the join token of the machine that was announced.$' enroll "${second[@]}" --name mail
: >"$work/key"
expect 3 "No join token was sent: $work/key: holds no join token" enroll "${second[@]}" --name mail --join-token-file "$work/key"
expect 1 "its join token is missing: $work/nonex: no such file" check "${second[@]}" --join-token-file "$work/nonex"
check 'and everybody may join' test "$(sqlite3 "$data/data.sqlite" 'SELECT count(*) FROM machines')" -eq 1
echo "$key" >"$work/key"
expect 0 'enrolled: web-' enroll --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" --join-token-file "$work/key"
well
got 0 '^web-[0-9a-f]+ is healthy$' '' show web -g RG
got 1 '^web is healthy' "'web' in group rg is another one, the machine [0-9a-f-]{36}: " show web
guest=$(sqlite3 "$data/data.sqlite" "SELECT id FROM machines WHERE name LIKE 'web-%'")
rename() { sqlite3 "$data/data.sqlite" "UPDATE machines SET name = '$1' WHERE id = '$own'"; }
rename "$guest"
says '^web-[0-9a-f]+ is healthy$' show "$guest" # whoever else took that for its name
rename web
arm PUT "rg2/$machines/web" '{"location":"westus","properties":{}}'
got 1 '^web has not joined$' '' show web -g rg2
got 0 'are refused from now on' '' disable web -g rg
got 1 '^web-[0-9a-f]+ is not-applicable$' '' show web -g rg
got 0 'counts again' '' enable web -g rg
well
got 0 'forgotten' "the machine 'web' of id $own is meant, which is none of those" remove web
got 1 '' "'web' in group rg2 is another one, which has not joined" show web

# ---- why it is not monitored ----
# off PATTERN PATTERN: why, and what to do, of the guest of rg's web; as the machine says it.
off() {
    says "^  why +$1" show "$guest"
    says "^  what to do +$2" show "$guest"
    says "^web-[0-9a-f]+ +not-applicable .*$1" list
}
arm PUT "rg/$machines/web" '{"location":"westus","properties":{'"$trusted"'}}'
off 'its virtual machine has no extension GuestAttestation' 'Switch monitoring on: az vm extension set'
arm PUT "rg/$machines/web/extensions/GuestAttestation" '{"location":"westus","properties":{"type":"GuestAttestation",
    "publisher":"Microsoft.Azure.Security.LinuxAttestation","typeHandlerVersion":"1.0"}}'
says '^web-[0-9a-f]+ is never-reported' show "$guest"
arm POST "rg/$machines/web/deallocate"
off 'its owner says that its virtual machine is stopped' 'When it runs: az vm start'
says '^  what to do +When it runs: az vm start -g rg -n web' show web -g rg
check 'the log says so' grep -q 'to=not-applicable .*is stopped' "$work/server.log"
arm DELETE "rg/$machines/web/extensions/GuestAttestation"
off 'its virtual machine has no extension' 'Switch monitoring on: az vm extension set'
arm POST "rg/$machines/web/start"
off 'its virtual machine has no extension' 'Switch monitoring on: az vm extension set'
says '^  what to do +Install it: az vm extension set -g rg --vm-name web' show web -g rg
got 0 'are refused' '' disable web -g rg
off 'an operator disabled it' 'An operator disabled it; to let it in again: bootwarden vm enable NAME'
got 0 'counts again' '' enable web -g rg
off 'monitoring is not on, or' 'When its virtual machine is stopped: az vm start'
well

# Who has a role at the group alone sees what is said of the machine there.
"$bin/bootwarden-server" principal add looker --data "$data" --output json >"$work/looker"
arm PUT "rg/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111" \
    "$(jq '{properties: {principalId: .objectId, principalType: "ServicePrincipal", roleDefinitionId:
        "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"}}' "$work/looker")"
BOOTWARDEN_CLIENT_ID=$(jq -r .clientId "$work/looker") BOOTWARDEN_CLIENT_SECRET=$(jq -r .secret "$work/looker")
got 0 '^web-[0-9a-f]+ is healthy$' 'Bootwarden.Monitor/machines/read' show web -g rg
got 3 '' 'refused with 403' show web
report
