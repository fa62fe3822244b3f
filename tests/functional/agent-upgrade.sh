#!/usr/bin/env bash
# shellcheck disable=SC2154,SC2034
# Upgrades of a running agent, with a real server and a software TPM: to the next version; back from
# versions that do not work; packages that are refused; losses of power in between.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
. "$BOOTWARDEN_SOURCE/tests/support/agent-version.bash"
agent=''
end_upgrade_test() { [ -n "$agent" ] && kill -9 "$agent" 2>/dev/null; end_guest_test; }
trap end_upgrade_test EXIT

start_server
set -a
. "$data/dev.env"
set +a
vm() { "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err"; }
package() { "$bin/bootwarden" package "$@" >"$work/out" 2>"$work/err"; }
shown() { vm show web --output json; jq -r "$1" <"$work/out"; }
# listed VERSION FILTER: of the package in the list
listed() { package list --output json; jq -r ".[] | select(.version == \"$1\") | $2" <"$work/out"; }
is() { [ "$("${@:3}")" = "$2" ] || { echo "not $1 $2"; return 1; }; }
said() { grep -qE "$1" "$work/agent.log"; }
slots=$work/state/slots

openssl genpkey -algorithm ed25519 -out "$work/key.pem" 2>/dev/null
openssl genpkey -algorithm ed25519 -out "$work/other.pem" 2>/dev/null
chmod 600 "$work/key.pem" "$work/other.pem"
openssl pkey -in "$work/key.pem" -pubout -out "$work/pub.pem" 2>/dev/null
strip -o "$work/next" "$bin/bootwarden-agent-next"
own=linux-$(uname -m) other=linux-aarch64 machine='\xb7'
[ "$own" != "$other" ] || other=linux-x86_64 machine='\x3e'
cp "$work/next" "$work/next-other"
printf '%b' "$machine" | dd of="$work/next-other" bs=1 seek=18 conv=notrunc 2>/dev/null

# ---- packages as files ----
# cli CODE PATTERN ARGUMENT...
cli() {
    local code=$1 pattern=$2 got
    shift 2
    package "$@"
    got=$?
    if [ "$got" -eq "$code" ] && cat "$work/out" "$work/err" | grep -qE -- "$pattern"; then
        passed=$((passed + 1))
    else
        fault "bootwarden package $*: exit $got, wanted $code and /$pattern/"
    fi
}
# saying VERSION PROGRAM: one that does not work, as that version; says where it is.
saying() {
    say_version "$2" "$1" "$2-$1"
    echo "$2-$1"
}
sign() { # VERSION PROGRAM [OPTION...]: into $work/VERSION.pkg
    package sign --version "$1" --key "$work/key.pem" -o "$work/$1.pkg" "${@:3}" "$(saying "$1" "$2")" || fault "cannot sign $1"
}
broken() { # MANNER: an agent that does not work, in $work/MANNER
    { cat "$bin/helper-agent"; printf %s "$1"; } >"$work/$1"
    chmod 755 "$work/$1"
}
for manner in exit hang mute lost; do broken "$manner"; done
cli 2 'give --key and --output' sign "$work/next"
to_sign=(sign --key "$work/key.pem" -o "$work/x")
cli 2 'must be two to four numbers' "${to_sign[@]}" --version 1 "$work/next"
cli 2 'says that it is version 0.1.1, not 0.2.0' "${to_sign[@]}" --version 0.2.0 "$work/next"
cli 2 "next-other: is a program for $other, not for $own" "${to_sign[@]}" --platform "$own" "$work/next-other"
cli 2 "'linux-z80' is not one of linux-" "${to_sign[@]}" --platform linux-z80 "$work/next"
cli 2 'minimum: must be earlier than the version' "${to_sign[@]}" --minimum 0.1.2 "$work/next"
cli 2 'is no program of Linux' "${to_sign[@]}" "$work/key.pem"
cli 2 'does not say its version: it is no bootwarden-agent' "${to_sign[@]}" "$(type -P true)"
check 'nothing was made' test ! -e "$work/x"
cli 0 '0.1.1 for linux-' "${to_sign[@]}" --version 0.1.1.0 --platform "$own" "$work/next"
install -m 600 "$work/pub.pem" "$work/none-private.pem"
cli 2 'no Ed25519 key|no private key' sign --key "$work/none-private.pem" -o "$work/x" "$work/next"
chmod 644 "$work/other.pem"
cli 2 'chmod' sign --key "$work/other.pem" -o "$work/x" "$work/next"
chmod 600 "$work/other.pem"
cli 0 'bootwarden-agent 0.1.1 for linux-' sign --version 0.1.1 --key "$work/key.pem" -o "$work/0.1.1.pkg" "$work/next"
cli 0 'signature +not verified' show "$work/0.1.1.pkg"
cli 0 'signature +verified' show "$work/0.1.1.pkg" --key "$work/pub.pem"
openssl pkey -in "$work/other.pem" -pubout -out "$work/other-pub.pem" 2>/dev/null
cli 1 'signed by none of the keys' show "$work/0.1.1.pkg" --key "$work/other-pub.pem"
head -c 5000 "$work/0.1.1.pkg" >"$work/short.pkg"
cli 1 'not whole' show "$work/short.pkg"
cli 1 'not whole' publish "$work/short.pkg"
head -c 50 "$work/0.1.1.pkg" >"$work/shorter.pkg"
cli 2 'ends within its header' show "$work/shorter.pkg"
cli 2 'is no package' show "$work/next"
cli 0 'no package is published' list
cli 3 "no package of version '9.9'" stop 9.9

# ---- the agent ----
boot vm1 a-secureboot-healthy
cp "$VTPM_CA" "$data/trust/ek/"
keys=$work/pub.pem after=1s deadline=5s silence=60s
settings() {
    cat >"$work/agent.conf" <<END
server = $BOOTWARDEN_ENDPOINT
ca = $BOOTWARDEN_CA
name = web
tcti = $VTPM_TCTI
event-log = $VTPM_EVENT_LOG
state = $work/state
period = 3s
contact = 1s
upgrade-key = $keys
upgrade-after = $after
upgrade-deadline = $deadline
silence-limit = $silence
END
}
start_agent() {
    "${program:-$bin/bootwarden-agent}" run --config "$work/agent.conf" --retry-wait 0.2 2>>"$work/agent.log" &
    agent=$!
}
child() { tr -d ' ' <"/proc/$agent/task/$agent/children"; }
gone() { ! kill -0 "$1"; }
end_agent() { # SIGNAL: the supervisor alone is told
    local pid
    pid=$(child)
    kill "$1" "$agent"
    wait "$agent" 2>/dev/null
    code=$?
    agent=''
    until_true 'the agent goes with its supervisor' 5 gone "$pid"
}
stop_agent() {
    end_agent -TERM
    check 'the agent ends well when told to' test "$code" -eq 0
}
cut_power() { # the TPM loses what was in it, too
    end_agent -9
    boot vm1 a-secureboot-healthy
    settings
}
runs() { until_true "$1 runs" 40 is version "$1" shown .agentVersion; }
contacts() { # as many more contacts as $1, whatever else happens
    local i last
    for i in $(seq "$1"); do
        last=$(grep -c 'path=/guest/v1/goalstate status=200' "$work/server.log")
        until_true 'the agent asks for its goal state' 20 eval '[ "$(grep -c "path=/guest/v1/goalstate status=200" "$work/server.log")" -gt '"$last"' ]'
    done
}

settings
start_agent
until_true 'healthy' 20 is state healthy shown .state
supervisor=$agent

# ---- nobody asked for upgrades ----
cli 0 'its signature was not looked at: --key' publish "$work/0.1.1.pkg"
check 'withdrawn again' package withdraw 0.1.1
cli 0 '0.1.1 for linux-.* is published' publish "$work/0.1.1.pkg" --key "$work/pub.pem"
check 'a signature that was verified is not spoken of' eval '! grep -q "not looked at" "$work/out"'
cli 3 'is published already' publish "$work/0.1.1.pkg"
contacts 3
check 'automatic upgrade off: nothing is offered' is offered 0 listed 0.1.1 '.offered + .taken + .confirmed + .failed'
check 'a package that is not offered is not handed out' test "$(grep -c 'path=/guest/v1/package' "$work/server.log")" -eq 0

# ---- from N to N+1 ----
check 'automatic upgrade on' vm extension set web --automatic-upgrade on --minor-upgrades off
runs 0.1.1
until_true 'and is confirmed' 20 is confirmed 1 listed 0.1.1 .confirmed
check 'nobody else has a place' is open 0 listed 0.1.1 '.offered + .taken'
check 'the same supervisor' kill -0 "$supervisor"
check 'from a slot' grep -q '^slot = a$' "$slots/current"
check 'for good' grep -q '^state = good$' "$slots/current"
check 'the owner sees it' is upgrade '0.1.1 confirmed' shown '.upgrade.version + " " + .upgrade.state'
until_true 'healthy under the new version' 20 is state healthy shown .state
until_true 'the extension tells how upgrades stand' 20 is status success \
    shown '.extensionStatus.status.substatus[] | select(.name == "AutomaticUpgrade") | .status'
own_memory() { awk '/RssAnon/ {print $2}' "/proc/$1/status"; }
echo "RssAnon: supervisor $(own_memory "$agent") kB, agent $(own_memory "$(child)") kB"
ldd "$bin/bootwarden-agent" | grep -q asan ||
    check 'both together take less than 4 MiB' test "$(($(own_memory "$agent") + $(own_memory "$(child)")))" -lt 4096

# ---- versions that do not work ----
# falls_back VERSION MANNER WHY
falls_back() {
    sign "$1" "$work/$2"
    check "$1 is published" package publish "$work/$1.pkg"
    until_true "$1 ($2) stops its rollout" 60 is state stopped listed "$1" .state
    check "$1: why" is why true listed "$1" ".why | test(\"$3\")"
    check "$1: the machine has failed" is upgrade "$1 failed" shown '.upgrade.version + " " + .upgrade.state'
    runs 0.1.1
    check "$1: what ran before runs for good" grep -q '^state = good$' "$slots/current"
    check "$1: logged" grep -q "event=rollout.stopped .*version=$1 .*machine web" "$work/server.log"
}
falls_back 0.1.2 exit 'machine web: it ended by itself with exit status 7'
falls_back 0.1.3 hang 'the service was not reached within the time'
falls_back 0.1.4 mute 'the service was not reached within the time'
falls_back 0.1.5 lost 'not reached within the time for it; it said: unreachable: no way to anywhere'
cli 0 '0.1.5 .* running' resume 0.1.5
contacts 3
check 'a machine that failed is not offered it again' is offered 0 listed 0.1.5 '.offered + .taken'
until_true 'healthy through all of it' 20 is state healthy shown .state
until_true 'status says what did not hold' 20 is warning true \
    shown '.extensionStatus.status.substatus[] | select(.name == "AutomaticUpgrade") | .formattedMessage.message | test("0.1.5 did not hold")'

# ---- packages that are refused ----
# plant VERSION FILE: the server hands out FILE as that version, whoever made it
plant() {
    python3 - "$data" "$1" "$2" <<'END'
import hashlib, pathlib, sqlite3, sys
folder, version, path = sys.argv[1:]
body = pathlib.Path(path).read_bytes()
db = sqlite3.connect(folder + "/data.sqlite", timeout=20)
name, = db.execute("SELECT file FROM packages WHERE version = ?", (version,)).fetchone()
pathlib.Path(folder, "packages", name).write_bytes(body)
db.execute("UPDATE packages SET size = ?, digest = ?, is_running = 1 WHERE version = ?",
           (len(body), hashlib.sha256(body).digest(), version))
db.commit()
END
}
# refused VERSION WHY: of the package in $work/bad.pkg
refused() {
    sign "$1" "$work/exit"
    check 'automatic upgrade off' vm extension set web --automatic-upgrade off
    check "$1 is published" package publish "$work/$1.pkg"
    plant "$1" "$work/bad.pkg"
    check 'automatic upgrade on' vm extension set web --automatic-upgrade on
    until_true "$1 stops its rollout" 30 is state stopped listed "$1" .state
    check "$1: why" is why true listed "$1" ".why | test(\"$2\")"
    check "$1: 0.1.1 runs" is version 0.1.1 shown .agentVersion
    check "$1: nothing of it was run" sh -c '! grep -q "event=upgrade.trial version='"$1"'" "$1"' - "$work/agent.log"
}
package sign --key "$work/other.pem" -o "$work/bad.pkg" "$(saying 0.1.6 "$work/exit")"
refused 0.1.6 'signed by none of the keys in'
sign 0.1.7 "$work/exit"
{ head -c -4 "$work/0.1.7.pkg"; printf hang; } >"$work/bad.pkg"
refused 0.1.7 'not the one that its manifest names'
sign 0.1.8 "$work/exit"
head -c -9 "$work/0.1.8.pkg" >"$work/bad.pkg"
refused 0.1.8 'ends before its program does'
package sign --key "$work/key.pem" -o "$work/bad.pkg" "$work/next-other"
refused 0.1.9 "is for $other, this machine is $own"
sign 0.1.0 "$work/exit"
cp "$work/0.1.0.pkg" "$work/bad.pkg"
refused 0.1.10 'version 0.1.0 is not later than 0.1.1'
sign 0.1.12 "$work/exit" --minimum 0.1.5
cp "$work/0.1.12.pkg" "$work/bad.pkg"
refused 0.1.11 'wants to follow 0.1.5 or later, not 0.1.1'

# ---- minor versions ----
sign 0.2.0 "$work/exit"
check '0.2.0 is published' package publish "$work/0.2.0.pkg"
contacts 3
check 'minor upgrades off: not offered' is open 0 listed 0.2.0 '.offered + .taken + .failed'
check 'minor upgrades on' vm extension set web --minor-upgrades on
until_true 'offered then' 30 is state stopped listed 0.2.0 .state
sign 1.0.0 "$work/exit"
check '1.0.0 is published' package publish "$work/1.0.0.pkg"
contacts 2
check 'another major version is never offered' is open 0 listed 1.0.0 '.offered + .taken + .failed'

# ---- shortly after a boot; without keys ----
stop_agent
sign 0.2.1 "$work/exit"
after=1440
settings
start_agent
runs 0.1.1
check '0.2.1 is published' package publish "$work/0.2.1.pkg"
if [ "$(cut -d. -f1 /proc/uptime)" -lt 86000 ]; then
    contacts 3
    check 'shortly after a boot nothing is offered' is open 0 listed 0.2.1 '.offered + .taken + .failed'
fi
stop_agent
after=1s keys=$work/none.pem
settings
start_agent
contacts 3
check 'without keys nothing is offered' is open 0 listed 0.2.1 '.offered + .taken + .failed'
until_true 'without keys the slot is not trusted either' 20 is version 0.1.0 shown .agentVersion
until_true 'and the status says so' 20 is words true \
    shown '.extensionStatus.status.substatus[] | select(.name == "AutomaticUpgrade") | .formattedMessage.message | test("no keys to verify packages with")'
stop_agent
check '0.2.1 is withdrawn' package withdraw 0.2.1
check 'and its file is gone' test "$(find "$data/packages" -type f | wc -l)" -eq "$(package list --output json; jq length <"$work/out")"

# ---- losses of power ----
keys=$work/pub.pem deadline=600s
settings
start_agent
runs 0.1.1
sign 0.2.2 "$work/hang"
check '0.2.2 is published' package publish "$work/0.2.2.pkg"
on_trial() { grep -q '^state = trial$' "$slots/current"; }
until_true '0.2.2 is on trial' 30 on_trial
cut_power
start_agent
contacts 1
check 'what worked runs after the loss of power' grep -q '^state = good$' "$slots/current"
check '0.1.1, that is' is version 0.1.1 shown .agentVersion
until_true '0.2.2 is tried once more' 30 on_trial
cut_power
start_agent
until_true 'and then never again' 30 is state stopped listed 0.2.2 .state
check 'with reasons' is why true listed 0.2.2 '.why | test("cut off twice|did not confirm")'
runs 0.1.1
until_true 'healthy' 20 is state healthy shown .state
stop_agent

# At moments of every kind, on the way to a version that works.
rm -rf "$work/state/slots"
check 'all packages are withdrawn' package withdraw 0.1.1
for version in 0.1.2 0.1.3 0.1.4 0.1.5; do package withdraw "$version"; done
deadline=5s
settings
start_agent
runs 0.1.0
check '0.1.1 is published anew' package publish "$work/0.1.1.pkg"
for moment in 0.9 0.3 1.4 0.6 1.1 0.2 1.7 0.5; do
    sleep "$moment"
    cut_power
    for slot in a b; do
        [ ! -e "$slots/$slot/header" ] || check 'a header has its program' test -s "$slots/$slot/agent"
    done
    start_agent
done
contacts 2
check 'a version that works runs' eval 'is v 0.1.1 shown .agentVersion || is v 0.1.0 shown .agentVersion'
until_true 'healthy after all of them' 30 is state healthy shown .state

# ---- a slot that was damaged; an installed program that is later ----
stop_agent
rm -rf "$work/state/slots"
package withdraw 0.1.1
settings
start_agent
runs 0.1.0
check '0.1.1 is published anew' package publish "$work/0.1.1.pkg"
runs 0.1.1
until_true 'confirmed' 20 is confirmed 1 listed 0.1.1 .confirmed
check '0.1.1 is withdrawn' package withdraw 0.1.1
stop_agent
cp "$slots/a/agent" "$work/kept"
printf x | dd of="$slots/a/agent" bs=1 seek=5000 conv=notrunc 2>/dev/null
start_agent
runs 0.1.0
stop_agent
cp "$work/kept" "$slots/a/agent"
chmod 770 "$slots/a/agent"
: >"$work/agent.log"
start_agent
until_true 'a program that others may write is not run' 20 said 'others may write it'
runs 0.1.0
stop_agent
chmod 700 "$slots/a/agent"
program=$bin/bootwarden-agent-next
: >"$work/agent.log"
start_agent
until_true 'the installed one runs when it is as late' 20 said 'not later than 0.1.1'
runs 0.1.1
check 'it is no slot that runs' test "$(readlink "/proc/$(child)/exe")" = "$program"
stop_agent

# ---- an agent that dies, or hangs ----
program=''
settings
start_agent
runs 0.1.1
kill -9 "$(child)"
until_true 'an agent that dies is started again' 20 said 'event=agent.ended .*signal 9'
until_true 'and works' 20 is state healthy shown .state
stop_agent
silence=5s
settings
: >"$work/agent.log"
start_agent
until_true 'it goes round' 20 said 'event=agent.round'
kill -STOP "$(child)"
until_true 'one that gives no sign of life is started again' 30 said 'event=agent.ended .*no sign of life'
: >"$work/agent.log"
until_true 'and goes round' 30 said 'event=agent.round .*outcome=attested'
stop_agent
report
