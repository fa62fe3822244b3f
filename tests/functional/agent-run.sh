#!/usr/bin/env bash
# shellcheck disable=SC2154,SC2034
# The service in the guest, with a real server and a software TPM: healthy, changed, unreachable,
# silent; a server, a TPM and a disk that go away and come back; settings from the owner.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
agent='' busy='' hearing=''
end_run_test() {
    local pid
    for pid in $agent $busy $hearing; do kill -9 "$pid" 2>/dev/null; done
    end_guest_test
}
trap end_run_test EXIT

start_server
set -a
. "$data/dev.env"
set +a
vm() { "$bin/bootwarden" vm "$@" >"$work/out" 2>"$work/err"; }
shown() { vm show web --output json; jq -r "$1" <"$work/out"; }
state_is() { [ "$(shown .state)" = "$1" ]; }
# next_second: what is stamped from now on is later than what was.
next_second() {
    local now tries=60
    now=$(date +%s)
    until [ "$(date +%s)" -gt "$now" ] || [ $((tries -= 1)) -le 0 ]; do sleep 0.05; done
}
settings() {
    cat >"$work/agent.conf" <<EOF
# as an owner would write it
server = $BOOTWARDEN_ENDPOINT
ca = $BOOTWARDEN_CA
name = web
tcti = $VTPM_TCTI
event-log = $VTPM_EVENT_LOG
state = ${state:-$work/state}
period = ${period:-3s}
contact = 1s
EOF
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$work/agent.conf"
}
start_agent() {
    "$bin/bootwarden-agent" run --config "$work/agent.conf" --retry-wait 0.2 2>>"$work/agent.log" &
    agent=$!
}
stop_agent() {
    kill -TERM "$agent"
    wait "$agent"
    local code=$?
    agent=''
    check 'the agent ends well when told to' test "$code" -eq 0
}

# stale_with SED WORDS: the status, altered so, counts for nothing, unless the agent wrote a new one.
stale_with() {
    sed -i "$1" "$work/state/status.json"
    "$bin/bootwarden-agent" status --config "$work/agent.conf" >"$work/out" 2>"$work/err"
    [ $? -eq 1 ] && grep -q "^stale .*: $2" "$work/out"
}

# ---- settings that are wrong ----
boot vm1 a-secureboot-healthy
cp "$VTPM_CA" "$data/trust/ek/"
settings 'perod = 5'
expect 2 "agent.conf:10: there is no setting 'perod'" run --config "$work/agent.conf"
settings 'azure = perhaps'
expect 2 'agent.conf:10: azure takes yes or no' run --config "$work/agent.conf"
settings '[section]' 'x = y'
expect 2 'agent.conf:10: there are no sections, but .section.' run --config "$work/agent.conf"
settings 'retry'
expect 2 'agent.conf:10: is not of the form' run --config "$work/agent.conf"
settings 'retries = 4'
expect 2 'agent.conf:10: retries takes a number from 0 to 3' run --config "$work/agent.conf"
settings 'retry-wait = soon'
expect 2 'agent.conf:10: retry-wait takes 0 to 300 seconds' run --config "$work/agent.conf"
settings 'name = other'
expect 2 'agent.conf:10: name is set twice, in line 4, too: remove one' run --config "$work/agent.conf"
settings 'silence-limit = 1s'
expect 2 'agent.conf:10: silence-limit takes 5 seconds or more' run --config "$work/agent.conf"
settings 'attest-server = http://localhost:1'
expect 2 "agent.conf:10: 'http://localhost:1' must begin with https://" run --config "$work/agent.conf"
settings
BOOTWARDEN_CA=/nonexist expect 2 "^bootwarden-agent: --ca .or BOOTWARDEN_CA.: the CA file '/nonexist' does not exist" run --config "$work/agent.conf"
expect 2 "^bootwarden-agent: --tcti: no TCTI is called 'nonsense'" run --config "$work/agent.conf" --tcti nonsense
settings 'join-token = bwj_x' 'proxy = http://u:s3cret@127.0.0.1:1'
chmod 644 "$work/agent.conf"
expect 2 "^bootwarden-agent: $work/agent.conf holds a join token and can be read by everybody.*chmod 640 $work/agent.conf" \
    run --config "$work/agent.conf" --tcti nonsense
check 'and the password of a proxy' grep -q 'holds the password of a proxy and can be read' "$work/err"
check 'which is not repeated' test "$(grep -c s3cret "$work/err")" -eq 0
chmod 640 "$work/agent.conf"
expect 2 '^bootwarden-agent: --tcti' run --config "$work/agent.conf" --tcti nonsense
check 'a file for some is not warned of' test "$(wc -l <"$work/err")" -eq 1
settings
: >"$work/token"
chmod 644 "$work/token"
expect 2 "$work/token is empty, and no token is sent" run --config "$work/agent.conf" --join-token-file "$work/token" --tcti nonsense
check 'a token file that everybody can read' grep -q "$work/token holds a join token and can be read" "$work/err"
period=0s settings
expect 2 'agent.conf:8: period takes 1 to 1440 minutes' run --config "$work/agent.conf"
expect 2 'settings: .*none.conf' run --config "$work/none.conf"
expect 1 'has not written its status yet' status --state "$work/none"

# ---- healthy, and what people see ----
settings
start_agent
until_true 'healthy' 20 state_is healthy
expect 0 '^Boot integrity attested' status --config "$work/agent.conf"
check 'the first word is what it came to' grep -qE '^attested \(20' "$work/out"
expect 4 "state belongs to another bootwarden-agent run .process $agent.: end that one" run --config "$work/agent.conf"
# Of another boot, and of long ago.
until_true 'a status of another boot counts for nothing' 10 stale_with 's/"bootId": *"[^"]*"/"bootId":"other"/' 'this machine has booted since'
until_true 'nor does one of 2020' 10 stale_with 's/"timestampUTC": *"20../"timestampUTC":"2020/' 'it is older than three periods'
check 'the owner sees the extension' test "$(shown .extensionStatus.status.status)" = success
check 'and the agent' test "$(shown .agentVersion)" = "$("$bin/bootwarden-agent" --version | cut -d' ' -f2)"
check 'and how often it comes' test "$(shown .periodSeconds)" -eq 3
first=$(shown .provenAt)
proven_again() { [ "$(shown .provenAt)" \> "$first" ]; }
until_true 'it proves itself again' 20 proven_again
check 'no port is listened on' test -z "$(find "/proc/$agent/fd" "/proc/$(tr -d ' ' <"/proc/$agent/task/$agent/children")/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | while read -r inode; do
    awk -v i="$inode" '$4 == "0A" && $10 == i' /proc/net/tcp /proc/net/tcp6; done)"

# ---- the owner asks, and sets ----
stop_agent
settings
sed -i '/^period/d' "$work/agent.conf"
start_agent
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
proven_since() { ! [ "$(shown .provenAt)" \< "$since" ]; }
until_true 'a first round at the start' 20 proven_since
next_second # times have seconds
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
check 'the owner asks for a proof' vm attest web
until_true 'and gets it long before the period is over' 20 proven_since
echo '{"AttestationConfig":{"AscSettings":{"ascReportingFrequency":"7"}}}' >"$work/settings.json"
check 'settings' vm extension set web --settings "$work/settings.json"
until_true 'the new settings are followed at the next contact' 20 eval '[ "$(shown .periodSeconds)" -eq 420 ]'
echo '{"AttestationConfig":{"AscSettings":{"ascReportingFrequency":"often"}}}' >"$work/settings.json"
check 'settings that are none are refused' test "$(vm extension set web --settings "$work/settings.json"; echo $?)" -eq 3
check 'and which member it is' grep -q 'ascReportingFrequency: must be minutes' "$work/err"
for url in 'https://x/?a=1' 'https://u@x' 'https://' 'https://x '; do
    echo '{"AttestationConfig":{"MaaSettings":{"maaEndpoint":"'"$url"'"}}}' >"$work/settings.json"
    check "no address: $url" test "$(vm extension set web --settings "$work/settings.json"; echo $?)" -eq 3
    check 'and which member it is' grep -q 'maaEndpoint: must ' "$work/err"
done
said() { grep -q "$1" "$work/agent.log"; }
echo '{}' >"$work/settings.json"
check 'switched off' vm extension set web --wanted off --settings "$work/settings.json"
until_true 'then nothing is proven' 30 said 'outcome=idle'
check 'switched on' vm extension set web --wanted on
until_true 'healthy again' 30 state_is healthy
stop_agent

# ---- the attestation endpoint is blocked, the reporting one is not ----
stop_server
closed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
port=${BOOTWARDEN_ENDPOINT##*:}
rm -f "$data/dev.env"
"$bin/bootwarden-server" --dev --data "$data" --listen "127.0.0.1:$port" --endpoint "https://127.0.0.1:$closed" 2>>"$work/server.log" >/dev/null &
server_pid=$!
served() { curl -sf --cacert "$BOOTWARDEN_CA" "https://localhost:$port/healthz"; }
until_true 'the server is there' 20 served
export BOOTWARDEN_ENDPOINT=https://localhost:$port
settings
start_agent
until_true 'unreachable' 30 state_is unreachable
check 'not unhealthy, and it says which address' test "$(shown '.why | test("Attestation endpoint unreachable: 127.0.0.1:'"$closed"'. Connection refused")')" = true
expect 1 "^unreachable .20" status --config "$work/agent.conf"
"$bin/bootwarden-agent" status --config "$work/agent.conf" >"$work/out"
check 'no sentence ends twice' test "$(grep -cF '.. ' "$work/out")" -eq 0
check 'step by step' test "$(shown '[.extensionStatus.status.substatus[] | select(.name == "attestation/tcp")][0] | .status + " " + (.formattedMessage.message | test("127.0.0.1:'"$closed"'") | tostring)')" = 'error true'
check 'in the words of the extension' grep -q "provisioning failed. Attestation endpoint unreachable: 127.0.0.1:$closed" "$work/out"
stop_agent
stop_server
start_server
export BOOTWARDEN_ENDPOINT=https://localhost:$port
settings
start_agent
until_true 'healthy when the way is open' 30 state_is healthy

# ---- a server that goes away ----
stop_server
until_true 'the agent says so' 30 said 'outcome=unreachable.*'"localhost:$port"
queued() { [ "$(find "$work/state/queue" -name '*.json' | wc -l)" -ge "$1" ]; }
until_true 'what could not be told is kept' 30 queued 1
start_server
export BOOTWARDEN_ENDPOINT=https://localhost:$port
until_true 'and told when the server is back' 60 eval '[ "$(find "$work/state/queue" -name "*.json" | wc -l)" -eq 0 ]'
until_true 'healthy again' 30 state_is healthy

# ---- a TPM that goes away ----
"$demo_vtpm" stop "$work/vm1"
: >"$work/agent.log"
until_true 'the agent lives on without a TPM' 30 said 'outcome=failed'
check 'and says what is missing' grep -q 'no TPM answers' "$work/agent.log"
until_true 'the owner hears of it' 30 state_is cannot-judge
check 'in words' test "$(shown '.why | test("no TPM answers")')" = true
boot vm1 a-secureboot-healthy
until_true 'and is well when its TPM is back' 60 state_is healthy

# ---- a service that is busy for longer than an agent may be silent ----
stop_agent
cat >"$work/busy.py" <<'END'
import http.server, ssl, sys
folder = sys.argv[1]
class Busy(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503)
        self.send_header("Retry-After", "7")
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_GET = do_POST
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(f"{folder}/tls/server.pem", f"{folder}/tls/server.key")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
END
python3 "$work/busy.py" "$data" >"$work/busy.port" 2>/dev/null &
busy=$!
until_true 'a busy service' 20 test -s "$work/busy.port"
cat >"$work/hear.py" <<'END'
import socket, sys
hearing = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
hearing.bind(sys.argv[1])
while True:
    print(hearing.recv(4096).decode().replace("\n", " "), flush=True)
END
python3 "$work/hear.py" "$work/notify" >"$work/heard" &
hearing=$!
until_true 'who hears what systemd would' 20 test -S "$work/notify"
period=60 settings "attest-server = https://localhost:$(cat "$work/busy.port")" 'silence-limit = 5s' 'retries = 1'
: >"$work/agent.log"
NOTIFY_SOCKET=$work/notify start_agent
heard() { grep -q "$1" "$work/heard"; }
until_true 'it is ready' 20 heard READY=1
check 'before a round has ended' test "$(grep -c event=agent.round "$work/agent.log")" -eq 0
until_true 'it waits for the service, and gives up' 40 said 'event=agent.round .*outcome=failed.* said 503'
check 'and nobody ended it meanwhile' test "$(grep -c 'event=agent.ended' "$work/agent.log")" -eq 0
stop_agent
kill "$busy" "$hearing"
wait "$busy" "$hearing" 2>/dev/null
busy='' hearing=''
settings
start_agent
until_true 'healthy again' 30 state_is healthy

stop_agent

# ---- an event log that cannot be read is no fault of the TPM ----
within="unshare --mount --propagation private sh -c"
if $within 'mount -t tmpfs none /sys/kernel/security' 2>/dev/null; then
    settings
    sed -i '/^event-log/d' "$work/agent.conf"
    : >"$work/agent.log"
    $within 'mount -t tmpfs none /sys/kernel/security && mkdir -p /sys/kernel/security/tpm0/binary_bios_measurements && exec "$@"' \
        sh "$bin/bootwarden-agent" run --config "$work/agent.conf" --retry-wait 0.2 2>>"$work/agent.log" &
    agent=$!
    until_true 'the round fails' 30 said 'outcome=failed'
    until_true 'and it is said' 10 eval '"$bin/bootwarden-agent" status --config "$work/agent.conf" >"$work/out"; grep -q "^failed " "$work/out"'
    check 'of the machine' grep -qE '^  Machine +error +event log: ' "$work/out"
    check 'not of the TPM' test "$(grep -c Vtpm "$work/out")" -eq 0
    check 'and no sentence ends twice' test "$(grep -cF '.. ' "$work/out")" -eq 0
    stop_agent
else
    echo 'skipped: no file system may be mounted here'
fi

# ---- a full disk ----
mkdir "$work/small"
if mount -t tmpfs -o size=16k tmpfs "$work/small" 2>/dev/null; then
    head -c 16384 /dev/zero >"$work/small/full" 2>/dev/null
    : >"$work/agent.log"
    state=$work/small settings
    start_agent
    next_second
    since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    until_true 'a full disk keeps no proof back' 30 proven_since
    check 'and is told' said 'No space left'
    stop_agent
    umount "$work/small"
else
    echo 'skipped: no file system may be mounted here'
fi

# ---- a short limit of silence, and nothing to do for a minute ----
period=60s settings 'silence-limit = 5s'
sed -i 's/^contact = .*/contact = 60s/' "$work/agent.conf"
: >"$work/agent.log"
next_second
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
start_agent
until_true 'a first round' 20 proven_since
quiet=$((SECONDS + 7))
is_quiet_over() { [ "$SECONDS" -ge "$quiet" ]; }
until_true 'longer than the limit' 10 is_quiet_over
check 'a healthy agent is not taken for a dead one' test "$(grep -c 'no sign of life' "$work/agent.log")" -eq 0
stop_agent

# ---- killed ----
settings
next_second
since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
start_agent
until_true 'a round of its own, which tells the period' 20 proven_since
until_true 'healthy' 20 state_is healthy
until_true 'and its status says so' 20 "$bin/bootwarden-agent" status --config "$work/agent.conf"
kill -9 "$agent"
wait "$agent" 2>/dev/null
agent=''
expect 1 '^stale .*bootwarden-agent run does not run' status --config "$work/agent.conf"
check 'and what it was' grep -q '^what it came to then: attested' "$work/out"
expect 1 '"outcome": *"attested"' status --config "$work/agent.conf" --output json
check 'and why that says nothing' grep -q '^bootwarden-agent: stale: bootwarden-agent run does not run' "$work/err"
until_true 'silent after three periods' 30 state_is silent
check 'with the verdict from before' test "$(shown '.why | test("before that it was healthy")')" = true
check 'the log has every change' grep -q 'event=machine.state .*name=web from=healthy to=silent' "$work/server.log"
vm list
check 'the list says it' grep -qE '^web +silent ' "$work/out"
check 'show exits with 1' test "$(vm show web; echo $?)" -eq 1
report
