#!/usr/bin/env bash
# A rollout that goes wrong, with six machines of one group: the first wave gets a version that does
# not work, nobody else is offered it, the owner sees why, resumes it, and it goes on past the machine
# that failed. Two of the six are real agents under their supervisors; four are sessions of software
# TPMs, whose word about themselves is all that a server has of any guest's upgrade.
# shellcheck disable=SC1091,SC2034,SC2154 # variables go to and come from the sourced files
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash"
. "$BOOTWARDEN_SOURCE/tests/support/tpm-guest.bash"
. "$BOOTWARDEN_SOURCE/tests/support/agent-version.bash"
bin=$BOOTWARDEN_BIN
vtpm=$BOOTWARDEN_SOURCE/tools/demo-vtpm
finish_waves() {
    local vm
    for vm in "$work"/vm?; do [ -d "$vm" ] && "$vtpm" stop "$vm"; done
    finish
}
trap finish_waves EXIT
platform=linux-$(uname -m)
version=0.1.2
vm() { "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err"; }
package() { "$bin/bootwarden" package "$@" >"$work/out" 2>"$work/err"; }
# rollout FILTER: of the package in the list
rollout() { package list --output json && jq -r ".[0] | $1" <"$work/out"; }
rollout_is() { [ "$(rollout "$1")" = "$2" ]; }
shown() { vm show "$1" --output json; jq -r "$2" <"$work/out"; }
await() { # WORDS COMMAND...
    if wait_for "${@:2}"; then ok; else fault "$1"; tail -3 "$work"/*.log; fi
}
# guest NAME JSON-MEMBERS: its goal state's request; the version that it is offered in $offer
guest() {
    call POST /guest/v1/goalstate -H "Authorization: Bearer ${tokens[$1]}" \
        -d "{\"agentVersion\":\"0.1.0\",\"platform\":\"$platform\",\"periodSeconds\":600$2}"
    is "$1 asks for its goal state" "$status" 200
    offer=$(jq -r '.package.version // "none"' <<<"$body")
}
fetch() { # NAME: the package, as that guest
    curl -sSf --noproxy '*' --cacert "$ca" -m 60 -o "$work/fetched" -H "Authorization: Bearer ${tokens[$1]}" \
        "$endpoint/guest/v1/package/$version" || fault "$1 cannot fetch"
}
takes=',"takesPackages":true'
contacts_of() { grep -c "path=/guest/v1/goalstate status=200.*machine=$1" "$work/data.log"; }
# hear NAME N: so many more contacts of a real agent
hear() {
    local id before
    id=$(shown "$1" .id)
    before=$(contacts_of "$id")
    await "$1 goes on asking" eval "[ \$(contacts_of $id) -ge $((before + $2)) ]"
}

# ---- six machines ----
start_dev "$work/data"
set -a
. "$work/data/dev.env"
set +a
declare -A tokens
for name in db mail queue cache; do
    make_tpm "$name"
    [ -e "$work/data/trust/ek/tools.pem" ] || cp "$work/ca/issuercert.pem" "$work/data/trust/ek/tools.pem"
    join_as "$name"
    tokens[$name]=$token
    guest "$name" ''
done
openssl genpkey -algorithm ed25519 -out "$work/key.pem" 2>/dev/null
chmod 600 "$work/key.pem"
openssl pkey -in "$work/key.pem" -pubout -out "$work/pub.pem" 2>/dev/null
for name in web1 web2; do
    eval "$("$vtpm" start "$work/vm${name#web}" --boot "$boots/a-secureboot-healthy" --ca "$work/vm-ca" --name "$name")"
    cp "$VTPM_CA" "$work/data/trust/ek/vm.pem"
    cat >"$work/$name.conf" <<END
server = $BOOTWARDEN_ENDPOINT
ca = $BOOTWARDEN_CA
name = $name
tcti = $VTPM_TCTI
event-log = $VTPM_EVENT_LOG
state = $work/state-$name
period = 5s
contact = 1s
upgrade-key = $work/pub.pem
upgrade-after = 1s
upgrade-deadline = 5s
END
    "$bin/bootwarden-agent" run --config "$work/$name.conf" 2>"$work/$name.log" &
    pids+=("$!")
done
for name in web1 web2; do await "$name is healthy" eval "[ \$(shown $name .state) = healthy ]"; done

# ---- the first wave: one of six, a real agent that gets a version that ends at once ----
{ cat "$bin/helper-agent"; printf exit; } >"$work/broken"
say_version "$work/broken" "$version" "$work/agent-$version"
package sign --key "$work/key.pem" -o "$work/next.pkg" "$work/agent-$version" || fault 'cannot sign'
package publish "$work/next.pkg" --key "$work/pub.pem" || fault 'cannot publish'
for name in db mail queue cache web2 web1; do
    vm extension set "$name" --automatic-upgrade on || fault "cannot set $name"
done
await 'the first wave stops it' rollout_is .state stopped
first=$(rollout .why | sed -n 's/^machine \(web[12]\): .*/\1/p')
second=web$((3 - ${first#web}))
has 'a real agent failed' "$first" '^web[12]$'
is 'one machine had it' "$(rollout '"\(.offered) \(.taken) \(.confirmed) \(.failed)"')" '0 0 0 1'

# ---- nobody else is offered it, and the owner sees why ----
for name in db mail queue cache; do
    guest "$name" "$takes"
    is "$name is offered nothing" "$offer" none
done
hear "$second" 2
is 'nor is the other agent' "$(rollout '"\(.offered) \(.taken) \(.confirmed) \(.failed)"')" '0 0 0 1'
is 'it has fetched nothing' "$(shown "$second" .upgrade)" null
package list
has 'the list says that it stopped' "$(cat "$work/out")" "^$version +$platform +stopped +0 +0 +0 +1\$"
has 'and why' "$(cat "$work/out")" "^    machine $first: it ended by itself with exit status 7"
is 'the machine shows it' "$(shown "$first" '.upgrade | "\(.version) \(.state)"')" "$version failed"
await 'and runs what it ran before' eval "[ \"\$(shown $first '.agentVersion + \" \" + .state')\" = '0.1.0 healthy' ]"

# ---- the owner goes on: past the machine that failed ----
vm extension set "$second" --automatic-upgrade off || fault 'cannot set'
package resume "$version" || fault 'cannot resume'
hear "$first" 3
is 'what the failed one says does not stop it again' "$(rollout .state)" running
guest db "$takes"
is 'another machine has its turn' "$offer" "$version"
guest mail "$takes"
is 'and no second one with it' "$offer" none
fetch db
is 'it fetches the package' "$(sha256sum <"$work/fetched" | cut -d' ' -f1)" "$(rollout .sha256)"
guest db ",\"upgrade\":{\"runs\":\"$version.0\"}"
is 'and runs it for good' "$(rollout '"\(.state) \(.taken) \(.confirmed) \(.failed)"')" 'running 0 1 1'
guest mail "$takes"
is 'then the next has its turn' "$offer" "$version"
guest mail ",\"upgrade\":{\"runs\":\"$version\"}"
is 'two are through' "$(rollout .confirmed)" 2

# ---- one that takes it and is disabled leaves its place, and nothing stops ----
guest queue "$takes"
is 'queue is offered it' "$offer" "$version"
fetch queue
is 'queue is half way' "$(rollout .taken)" 1
vm disable queue || fault 'cannot disable'
await 'its place is free' rollout_is .taken 0
is 'the rollout runs' "$(rollout .state)" running

# ---- a second machine that fails stops it once more ----
vm extension set "$second" --automatic-upgrade on || fault 'cannot set'
await 'the other agent stops it' rollout_is .state stopped
has 'by its own name' "$(rollout .why)" "^machine $second: it ended by itself with exit status 7"
guest cache "$takes"
is 'the last one never gets it' "$offer" none
is 'in the end' "$(rollout '"\(.offered) \(.taken) \(.confirmed) \(.failed)"')" '0 0 2 2'
report
