# guest.bash - for functional tests of the agent: a work folder, one server, software TPMs; all of
# it ends with the test. Source it; it wants BOOTWARDEN_BIN and BOOTWARDEN_SOURCE.

bin=${BOOTWARDEN_BIN:?}
source=${BOOTWARDEN_SOURCE:?}
boots=$source/tests/vectors/boots
demo_vtpm=$source/tools/demo-vtpm
work=$(mktemp -d /tmp/bootwarden.XXXXXX)
data=$work/data
server_pid=''
passed=0
failed=0

stop_server() {
    [ -z "$server_pid" ] && return
    kill "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    server_pid=''
}

end_guest_test() {
    trap '' INT TERM
    stop_server
    for vm in "$work"/vm*/; do
        [ -d "$vm" ] && "$demo_vtpm" stop "$vm"
    done
    rm -rf "$work"
}
trap end_guest_test EXIT
trap 'end_guest_test; exit 130' INT TERM

# Waits until dev.env names the address; the server writes it when it listens.
start_server() {
    "$bin/bootwarden-server" --dev --data "$data" --listen 127.0.0.1:0 "$@" 2>>"$work/server.log" &
    server_pid=$!
    local tries=0
    until [ -s "$data/dev.env" ] && . "$data/dev.env" &&
        curl -sf --cacert "$BOOTWARDEN_CA" "$BOOTWARDEN_ENDPOINT/certs" >/dev/null; do
        if ! kill -0 "$server_pid" 2>/dev/null || [ $((tries += 1)) -gt 300 ]; then
            echo "the server does not start:"
            tail -5 "$work/server.log"
            exit 1
        fi
        sleep 0.1
    done
    export BOOTWARDEN_ENDPOINT BOOTWARDEN_CA
}

# boot VM CASE: sets VTPM_TCTI, VTPM_EVENT_LOG, VTPM_CA.
boot() {
    "$demo_vtpm" stop "$work/$1"
    "$demo_vtpm" start "$work/$1" --boot "$boots/$2" --ca "$work/ca" --name "$1" >"$work/vtpm.env" ||
        { echo "cannot show $2"; exit 1; }
    . "$work/vtpm.env"
}

fault() {
    failed=$((failed + 1))
    echo "FAULT: $*"
    head -5 "$work/err" "$work/out"
}

# expect CODE PATTERN AGENT-ARGUMENT...: exit code, and a pattern in what the agent says.
expect() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 120 "$bin/bootwarden-agent" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
        passed=$((passed + 1))
    else
        fault "bootwarden-agent $*: exit $got, wanted $code and /$pattern/"
    fi
}

# check WORDS COMMAND...: the command must succeed.
check() {
    local words=$1
    shift
    if "$@" >"$work/check.out" 2>&1; then
        passed=$((passed + 1))
    else
        fault "$words"
        head -5 "$work/check.out"
    fi
}

# until_true WORDS SECONDS COMMAND...: the command succeeds within that time.
until_true() {
    local words=$1 tries=$(($2 * 10))
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ "$tries" -le 0 ]; then
            fault "$words"
            tail -3 "$work/agent.log"
            return 1
        fi
        sleep 0.1
    done
    passed=$((passed + 1))
}

report() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
