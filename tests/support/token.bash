# token.bash - for functional tests of those who rely on tokens. Source it after guest.bash.
pids=()
end_token_test() {
    local pid
    trap '' INT TERM
    for pid in "${pids[@]}"; do
        { kill "$pid" && wait "$pid"; } 2>/dev/null
    done
    end_guest_test
}
trap end_token_test EXIT
trap 'end_token_test; exit 130' INT TERM

# serve PROGRAM ARGUMENT...: one that says "ready PORT"; the port in $served.
serve() {
    local tries=0
    : >"$work/ready"
    "$@" >"$work/ready" 2>>"$work/serve.log" &
    pids+=($!)
    until grep -q '^ready ' "$work/ready"; do
        [ $((tries += 1)) -le 300 ] || { echo "$1 does not start"; tail -5 "$work/serve.log"; exit 1; }
        sleep 0.1
    done
    served=$(sed -n 's/^ready //p' "$work/ready")
}

# real_token NONCE FILE: of a machine that a real server found good, with that nonce sent along.
# Sets endpoint; the server stays.
real_token() {
    boot vm1 a-secureboot-healthy
    start_server
    cp "$VTPM_CA" "$data/trust/ek/lab.pem"
    endpoint=$BOOTWARDEN_ENDPOINT
    serve python3 "$source/tests/support/client-payload.py" "${endpoint##*:}" "$data" "nonce=$1"
    "$bin/bootwarden-agent" attest --server "https://localhost:$served" --ca "$BOOTWARDEN_CA" --azure \
        --tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" --output token >"$2" 2>"$work/err" </dev/null ||
        { echo "no token: $(cat "$work/err")"; exit 1; }
    curl -sf --cacert "$BOOTWARDEN_CA" "$endpoint/certs" >"$work/keys.json" || exit 1
}

# base64url of standard input
b64url() { base64 -w0 | tr '+/' '-_' | tr -d =; }
# part N FILE: that part of a compact token, decoded
part() { jq -rR "split(\".\")[$1] | gsub(\"-\"; \"+\") | gsub(\"_\"; \"/\") | . + \"===\"[0:(4 - length % 4) % 4] | @base64d" "$2"; }
