# server.bash - for functional tests: one bootwarden-server on a folder of its own, and counting.
# Source it. Sets work (removed at the end), endpoint, ca, port; every process started here ends
# with the test.
set -u
server=${BOOTWARDEN_BIN:?}/bootwarden-server
export boots=${BOOTWARDEN_SOURCE:?}/tests/vectors/boots
work=$(mktemp -d)
passed=0
failed=0
server_pid=
pids=()

finish() {
    local pid
    for pid in "${pids[@]}"; do
        { kill -9 "$pid" && wait "$pid"; } 2>/dev/null
    done
    rm -rf "$work"
}
trap finish EXIT
trap '' PIPE # the other side may close first

ok() { passed=$((passed + 1)); }
fault() {
    failed=$((failed + 1))
    echo "FAULT: $*"
}
# is WHAT GOT WANTED
is() {
    if [ "$2" = "$3" ]; then ok; else fault "$1: got '$2', wanted '$3'"; fi
}
# has WHAT TEXT PATTERN
has() {
    if grep -qE -- "$3" <<<"$2"; then ok; else fault "$1: no /$3/ in: ${2:0:600}"; fi
}
report() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# wait_for CONDITION...: until the command succeeds; gives up after half a minute.
wait_for() {
    local tries=600
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        read -rt 0.05 <> <(:) || :
    done
}

# listens SOCKET: is it taking connections? (Its file is there a little earlier.)
listens() { grep -q "00010000 .* $1\$" /proc/net/unix; }

# start_server FOLDER OPTION...: returns when it serves. Log in FOLDER.log, output in FOLDER.out.
start_server() {
    local folder=$1
    shift
    : >"$folder.out"
    "$server" "$@" >"$folder.out" 2>>"$folder.log" &
    server_pid=$!
    pids+=("$server_pid")
    if ! wait_for eval "grep -q '^ready ' '$folder.out' || ! kill -0 $server_pid 2>/dev/null" ||
        ! grep -q '^ready ' "$folder.out"; then
        echo "FAULT: the server does not start: $*"
        tail -5 "$folder.log"
        exit 1
    fi
    endpoint=$(sed -n 's/^ready //p' "$folder.out")
    port=${endpoint##*:}
    ca=$folder/tls/ca.pem
}
start_dev() { start_server "$1" --dev --data "$1" "${@:2}"; }

# stop_server: asks it to end and checks that it ends well.
stop_server() {
    local code
    kill -TERM "$server_pid"
    wait "$server_pid"
    code=$?
    is "exit code after SIGTERM" "$code" 0
}

# call METHOD PATH [CURL OPTION...]: status in $status, head in $head, body in $body.
call() {
    local method=$1 path=$2
    shift 2
    status=$(curl -sS --noproxy '*' --cacert "$ca" -X "$method" -m 60 --path-as-is \
        -o "$work/body" -D "$work/head" -w '%{http_code}' "$@" "$endpoint$path" 2>"$work/curl")
    body=$(cat "$work/body" 2>/dev/null)
    head=$(tr -d '\r' <"$work/head" 2>/dev/null)
    : >"$work/body"
}
# refused STATUS CODE PATTERN: the last call's answer, in the shape that every refusal has.
refused() {
    is "status of '${what:-}'" "$status" "$1"
    is "code of '${what:-}'" "$(jq -r .error.code <<<"$body" 2>/dev/null)" "$2"
    has "message of '${what:-}'" "$(jq -r .error.message <<<"$body" 2>/dev/null)" "$3"
    has "x-ms-error-code of '${what:-}'" "$head" "^x-ms-error-code: $2\$"
    has "type of '${what:-}'" "$head" '^Content-Type: application/json; charset=utf-8$'
    has "request id of '${what:-}'" "$head" '^x-ms-request-id: .+'
    has "version of '${what:-}'" "$head" '^x-ms-maa-service-version: [0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$'
}
