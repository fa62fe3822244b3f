#!/usr/bin/env bash
# shellcheck disable=SC2154
# Proxies on the way of the agent's calls, real ones: which is used, who decides that, what is said
# when it does not let the agent through; and no word of a password anywhere.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
. "$source/tests/support/squid.bash"
stub_pid=
end() {
    exec 7>&-
    [ -z "$stub_pid" ] || kill "$stub_pid" 2>/dev/null
    end_squids
    end_guest_test
}
trap end EXIT
trap 'end; exit 130' INT TERM

mkfifo "$work/stub.in"
python3 "$source/tests/support/stub-server.py" "$work/stub" <"$work/stub.in" >"$work/stub.log" 2>&1 &
stub_pid=$!
exec 7>"$work/stub.in"
for ((i = 0; i < 1200; i++)); do
    [ -e "$work/stub/ready" ] && break
    read -rt 0.05 <> <(:) || :
done
[ -e "$work/stub/ready" ] || { echo "the stub servers do not start:"; cat "$work/stub.log"; exit 1; }

read -r port denied_port dead_port tls_port < <(python3 -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))')
secret='p@ss/w:rd#s3cret' encoded='p%40ss%2Fw%3Ard%23s3cret'
printf 'vm user:%s\n' "$(openssl passwd -apr1 "$secret")" >"$work/basic.passwd"
printf 'vm user:squid:%s\n' "$(printf 'vm user:squid:%s' "$secret" | md5sum | cut -d' ' -f1)" >"$work/digest.passwd"
chmod 644 "$work"/*.passwd
start_squid open "acl denied port $denied_port" 'http_access deny denied' \
    'acl bad dstdomain denied.example' 'http_access deny bad'
open=http://127.0.0.1:$squid_port open_at=127.0.0.1:$squid_port
start_squid basic "auth_param basic program $squid_helpers/basic_ncsa_auth $work/basic.passwd" \
    'auth_param basic realm squid' 'acl known proxy_auth REQUIRED' 'http_access deny !known'
basic_at=127.0.0.1:$squid_port
start_squid digest "auth_param digest program $squid_helpers/digest_file_auth -c $work/digest.passwd" \
    'auth_param digest realm squid' 'acl known proxy_auth REQUIRED' 'http_access deny !known'
digest_at=127.0.0.1:$squid_port
start_squid tls "https_port 127.0.0.1:$tls_port tls-cert=$work/stub/good.crt tls-key=$work/stub/good.key"
basic=http://vm%20user:$encoded@$basic_at

# The service has a name that the proxies know, and this machine does not.
export https_proxy=$open
boot vm a-secureboot-healthy
start_server --listen "127.0.0.1:$port" --name attest.example --endpoint "https://attest.example:$port"
unset https_proxy
cp "$VTPM_CA" "$data/trust/ek/lab.pem"
vm=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG" --retries 0)
mkdir -p "$work/on/efivars"
printf '\6\0\0\0\1' >"$work/on/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
# Everything that any run prints, for the end.
said=$work/said
: >"$said"
run() {
    local code=$1
    shift
    expect "$code" "$@"
    cat "$work/out" "$work/err" >>"$said"
}
# step CODE ID STATUS MESSAGE REMEDY ARGUMENT...: a step of check, which names its proxy.
step() {
    local code=$1 id=$2 status=$3 message=$4 remedy=$5 got
    shift 5
    timeout 120 "$bin/bootwarden-agent" check --output json "${vm[@]:0:4}" --efivars "$work/on/efivars" "$@" \
        >"$work/out" 2>"$work/err" </dev/null
    got=$?
    cat "$work/out" "$work/err" >>"$said"
    check "check $*: exit $got, wanted $code" test "$got" -eq "$code"
    check "$id is $status: /$message/ /$remedy/ in: $(jq -c --arg id "$id" '.steps[] | select(.id == $id)' "$work/out")" \
        jq -e --arg id "$id" --arg status "$status" --arg message "$message" --arg remedy "$remedy" '
        .steps | map(select(.id == $id)) | length == 1 and .[0].status == $status and
        (.[0].message | test($message)) and ((.[0].remedy // "") | test($remedy))' "$work/out"
}
by() { check "the proxy is $1" jq -e --arg proxy "$1" 'all(.steps[] | select(.host != null and .id != "address"); .proxy == $proxy)' "$work/out"; }
directly() { check 'no proxy is used' jq -e 'all(.steps[]; .proxy == null)' "$work/out"; }
skipped() { # ID...
    local id
    for id in "$@"; do
        check "$id is skipped" jq -e --arg id "$id" '.steps[] | select(.id == $id) | .status == "skipped" and (.message | startswith("because "))' "$work/out"
    done
}
# ---- without a proxy the name is not known ----
run 3 "Guest endpoint unreachable: attest.example:$port\\. the name cannot be resolved" attest "${vm[@]}"
step 3 name failed "The name attest.example cannot be resolved" '(use a proxy that knows it \(--proxy\)|DNS server of this machine)'
directly

# ---- with one, from each place ----
run 0 '^verdict: proven' attest "${vm[@]}" --proxy "$open"
check 'it went through' passed_squid open "CONNECT attest.example:$port .* HIER_DIRECT/127.0.0.1"
run 0 '^enrolled' enroll "${vm[@]:0:2}" --proxy "$open/"
https_proxy=$open run 0 '^verdict: proven' attest "${vm[@]}"
HTTPS_PROXY=$open_at run 0 '^verdict: proven' attest "${vm[@]}"
https_proxy='' ALL_PROXY=$open run 0 '^verdict: proven' attest "${vm[@]}"
http_proxy=$open run 3 'the name cannot be resolved' attest "${vm[@]}"
https_proxy=http://127.0.0.1:1 run 0 '^verdict: proven' attest "${vm[@]}" --proxy "$open"
step 0 proxy ok "^by the proxy $open_at, from the settings\$" '' --proxy "$open"
by "$open_at"
check 'all is well through it' jq -e '[.steps[] | select(.status != "ok")] | map(.id) == ["name"]' "$work/out"
skipped name
check 'who looks the name up' jq -e --arg at "$open_at" \
    '.steps[] | select(.id == "name") | .message == "because the proxy \($at) looks the name up, not this machine"' "$work/out"
check 'tcp says who connects' jq -e --arg m "the proxy $open_at connects to attest.example:$port" '.steps[] | select(.id == "tcp") | .message == $m' "$work/out"
https_proxy=$open step 0 proxy ok "^by the proxy $open_at, from https_proxy\$" ''
HTTPS_PROXY=$open step 0 proxy ok ', from HTTPS_PROXY$' ''
all_proxy=$open step 0 proxy ok ', from all_proxy$' ''
ALL_PROXY=$open step 0 proxy ok ', from ALL_PROXY$' ''

# ---- hosts that need none ----
# Attestation, too: its address is otherwise the one that the service says.
at_address() { here=(--server "https://$1:$port" --attest-server "https://$1:$port"); }
at_address localhost
https_proxy=$open no_proxy=example step 3 proxy skipped 'because name failed' ''
directly
https_proxy=$open NO_PROXY=attest.example run 3 'the name cannot be resolved' attest "${vm[@]}"
run 3 'the name cannot be resolved' attest "${vm[@]}" --proxy "$open" --no-proxy .example
NO_PROXY=attest.example run 0 '^verdict: proven' attest "${vm[@]}" --proxy "$open" --no-proxy other
step 0 proxy ok "^not used, although one is set in the settings: it is this machine itself" '' --proxy "$open" "${here[@]}"
directly
https_proxy=$open no_proxy=-loopback step 0 proxy ok 'although one is set in https_proxy: it is this machine itself' '' "${here[@]}"
: >"$work/squid-open/access.log"
at_address 127.0.0.1
step 0 proxy ok "^by the proxy $open_at, from the settings" '' --proxy "$open" --no-proxy=-loopback "${here[@]}"
check 'unless the user says so' passed_squid open "CONNECT 127.0.0.1:$port"
: >"$work/squid-open/access.log"
for host in 169.254.169.254 168.63.129.16 '[fe80::1]'; do # refused at once, or without a route
    HTTPS_PROXY=$open timeout 60 "$bin/bootwarden-agent" check --output json --tcti device:/dev/none --server "https://$host" >"$work/out" 2>"$work/err"
    directly
done
check 'metadata and link-local addresses never go by a proxy' test ! -s "$work/squid-open/access.log"
step 3 proxy ok "^not used, although one is set in the settings: '127.0.0.0/8' in the settings excludes 127.0.0.2\$" '' \
    --proxy "$open" --no-proxy=-loopback,127.0.0.0/8 --server "https://127.0.0.2:$dead_port"
no_proxy=10.0.0.0/8,attest.example step 3 name failed 'attest.example cannot be resolved' '' --proxy "$open"

# ---- who is asking ----
run 0 '^verdict: proven' attest "${vm[@]}" --proxy "$basic"
check 'the user is known' passed_squid basic "CONNECT attest.example:$port vm user"
https_proxy=$basic run 0 '^verdict: proven' attest "${vm[@]}"
run 0 '^verdict: proven' attest "${vm[@]}" --proxy "http://vm%20user:$encoded@$digest_at"
check 'by Digest' passed_squid digest "CONNECT attest.example:$port vm user"
step 0 proxy ok "^by the proxy $basic_at, from the settings with a user\$" '' --proxy "$basic"
by "$basic_at"
for command in attest enroll; do
    run 3 "^bootwarden-agent: Guest endpoint unreachable: attest.example:$port\\. the proxy $basic_at wants a user and a password, and none are set \\(407\\)\\. Write the proxy as http://USER:PASSWORD@$basic_at \\(signs but letters and digits as %XX\\) in the settings" \
        $command "${vm[@]:0:2}" --proxy "http://$basic_at"
done
https_proxy=http://vm%20user:wrong-s3cret@$basic_at run 3 "the proxy $basic_at refuses the user or the password that are set \\(407\\)\\. Correct user and password of the proxy in https_proxy" \
    attest "${vm[@]}"
run 3 "the proxy $digest_at refuses the user or the password that are set \\(407\\)" attest "${vm[@]}" --proxy "http://vm%20user:wrong-s3cret@$digest_at"
step 3 proxy failed "^Attestation endpoint unreachable: attest.example:$port\\. the proxy $basic_at wants a user and a password, and none are set \\(407\\)\\.\$" \
    "^Write the proxy as http://USER:PASSWORD@$basic_at" --proxy "$basic_at"
by "$basic_at"
skipped name tcp tls http provider enrolment policy
step 3 proxy failed "the proxy $basic_at refuses the user or the password that are set \\(407\\)" 'Correct user and password of the proxy in the settings' \
    --proxy "http://vm%20user:wrong-s3cret@$basic_at"
# What no repetition mends is not repeated.
run 3 '407' attest "${vm[@]:0:4}" --proxy "$basic_at" --retry-wait 0.01
check '407: one try' test "$(grep -c 'trying again' "$work/err")" -eq 0

# ---- rules of the proxy ----
run 3 "Guest endpoint unreachable: denied.example:$port\\. the rules of the proxy $open_at forbid the way to denied.example:$port \\(403\\)\\. Have the proxy's rules allow CONNECT to denied.example:$port, or reach it without the proxy: --no-proxy denied.example" \
    attest "${vm[@]}" --proxy "$open" --server "https://denied.example:$port"
check '403: one try' test "$(grep -c 'trying again' "$work/err")" -eq 0
step 3 proxy failed "the rules of the proxy $open_at forbid the way to attest.example:$denied_port \\(403\\)" \
    "allow CONNECT to attest.example:$denied_port" --proxy "$open" --server "https://attest.example:$denied_port"
by "$open_at"
skipped tcp tls http provider enrolment policy

# ---- what the proxy cannot reach ----
step 3 tcp failed "^Attestation endpoint unreachable: attest.example:$dead_port\\. the proxy $open_at cannot reach attest.example:$dead_port \\(503, ERR_CONNECT_FAIL 111\\)\\.\$" \
    "^Allow the proxy outbound $dead_port to service tag AzureAttestation, or to attest.example \\(TCP\\).*Its DNS must know the name" \
    --proxy "$open" --server "https://attest.example:$dead_port"
check 'the proxy itself is well' jq -e '.steps[] | select(.id == "proxy") | .status == "ok"' "$work/out"
skipped tls http provider enrolment policy
run 3 "the proxy $open_at cannot reach attest.example:$dead_port \\(503, ERR_CONNECT_FAIL 111\\)\\. Allow the proxy outbound $dead_port to attest.example" \
    attest "${vm[@]}" --proxy "$open" --server "https://attest.example:$dead_port"

# ---- no proxy there, or none that is one ----
run 3 "Guest endpoint unreachable: attest.example:$port\\. no connection to the proxy 127\\.0\\.0\\.1:$dead_port: Connection refused\\. Check that the proxy runs there and that the right one is set in the settings" \
    attest "${vm[@]}" --proxy "http://127.0.0.1:$dead_port"
https_proxy=127.0.0.1:$dead_port step 3 proxy failed "no connection to the proxy 127\\.0\\.0\\.1:$dead_port: Connection refused" \
    'the right one is set in https_proxy; --no-proxy leaves it out'
by "127.0.0.1:$dead_port"
skipped name tcp tls http provider enrolment policy
step 3 proxy failed 'the name of the proxy nowhere.invalid:3128 cannot be resolved' \
    'Check https_proxy or --proxy \(it was taken from the settings\) and the DNS' --proxy http://nowhere.invalid:3128
step 3 proxy failed "TLS with the proxy $open_at failed: .*wrong version" 'most have an address that begins with http://' --proxy "https://$open_at"
stub_proxy() { echo "127.0.0.1:$(cat "$work/stub/$1")"; }
step 3 proxy failed "the proxy $(stub_proxy proxy-ntlm) wants NTLM, which is not spoken here \\(407\\)" 'offer Basic or Digest' \
    --proxy "http://vm%20user:$encoded@$(stub_proxy proxy-ntlm)"
step 3 proxy failed "the proxy $(stub_proxy proxy-negotiate) wants a Kerberos ticket, and this machine has none that it takes \\(407\\)" 'kinit' \
    --proxy "http://:@$(stub_proxy proxy-negotiate)"
step 3 proxy failed "the proxy $(stub_proxy proxy-negotiate) wants a Kerberos ticket, and this machine has none that it takes \\(407\\)" 'kinit' \
    --proxy "http://vm%20user:$encoded@$(stub_proxy proxy-negotiate)"
step 3 proxy failed "the proxy $(stub_proxy proxy-none) does not open the way to attest.example:$port \\(405\\)" 'is a proxy for https \(CONNECT\)' \
    --proxy "$(stub_proxy proxy-none)"
step 3 proxy failed "the proxy $(stub_proxy proxy-closes) does not open the way to attest.example:$port: " 'is a proxy for https \(CONNECT\)' \
    --proxy "$(stub_proxy proxy-closes)"
step 3 proxy failed "the proxy $(stub_proxy silent) did not open the way to attest.example:$port in time" "Allow the proxy outbound $port to service tag AzureAttestation" \
    --proxy "$(stub_proxy silent)"
step 3 proxy failed "no connection to the proxy $(stub_proxy full): Connection timed out" "Allow outbound $(cat "$work/stub/full") to the proxy 127\\.0\\.0\\.1 \\(TCP\\)" \
    --proxy "$(stub_proxy full)"
# One that looks into the connection.
step 3 tls failed "issued by 'CN=Example Corp TLS Inspection, O=Example Corp'.*; the CA that is trusted is 'CN=Bootwarden TLS CA" \
    "have it leave out attest.example:$port \\(a bypass rule\\)" --proxy "$(stub_proxy proxy-inspects)"
by "$(stub_proxy proxy-inspects)"
skipped http provider enrolment policy
check 'proxy and tcp are well' jq -e '[.steps[] | select(.id == ("proxy", "tcp")) | .status] == ["ok", "ok"]' "$work/out"

# ---- other kinds of proxies ----
cat "$BOOTWARDEN_CA" "$work/stub/ca.pem" >"$work/both.pem"
run 0 '^verdict: proven' attest "${vm[@]}" --proxy "https://localhost:$tls_port" --ca "$work/both.pem"
check 'a proxy that speaks TLS' passed_squid tls "CONNECT attest.example:$port"
step 3 proxy failed "the certificate of the proxy localhost:$tls_port is refused: " "CA of the proxy into the system's certificates" \
    --proxy "https://localhost:$tls_port"
run 0 '^verdict: proven' attest "${vm[@]}" --proxy "socks5h://$(stub_proxy socks)"
ALL_PROXY=socks5h://$(stub_proxy socks) step 0 proxy ok "^by the proxy $(stub_proxy socks), from ALL_PROXY" ''
step 3 proxy failed "the proxy $(stub_proxy socks) does not open the way to denied.example:443: " 'is a proxy for https' \
    --proxy "socks5h://$(stub_proxy socks)" --server https://denied.example
step 3 name failed 'attest.example cannot be resolved' '' --proxy "socks5://$(stub_proxy socks)"

# ---- words that are no proxy ----
for text in "http://vm:$secret@$basic_at" "ftp://vm:s3cret@$basic_at" "http://vm:s3cret@" "http://vm:12#s3cret@$basic_at"; do
    run 2 '^bootwarden-agent: --proxy \(or https_proxy\): the proxy in the settings is no address like http://host:port' attest "${vm[@]}" --proxy "$text"
    https_proxy=$text run 2 'the proxy in https_proxy is no address like http://host:port.*not shown here' attest "${vm[@]}"
    step 2 proxy failed 'the proxy in the settings is no address like http://host:port' 'Correct it, or leave the proxy out' --proxy "$text"
    skipped name tcp tls http provider enrolment policy
done
https_proxy="http://vm:s3cret#@$basic_at" timeout 20 "$bin/bootwarden" token verify eyJhbGciOiJSUzI1NiJ9.e30.AAAA --endpoint https://attest.example >"$work/out" 2>"$work/err"
check 'the command refuses it too' test $? -eq 2
check 'and says so' grep -q 'the proxy in https_proxy is no address' "$work/err"
cat "$work/out" "$work/err" >>"$said"
https_proxy="http://vm:s3cret#@$basic_at" BOOTWARDEN_TOKEN=x timeout 20 "$bin/bootwarden" provider list --subscription x \
    --endpoint https://attest.example >"$work/out" 2>"$work/err"
check 'the command refuses it too' test $? -eq 2
check 'and names no other culprit' grep -qE 'the proxy in https_proxy is no address.*\)$' "$work/err"
cat "$work/out" "$work/err" >>"$said"
run 2 'must hold no user and no query' attest "${vm[@]}" --server "https://me:s3cret@attest.example"

# ---- secrets ----
check 'nothing that was printed holds a password' test "$(grep -cE "s3cret|w:rd|p@ss|%40ss|$(printf 'vm user:%s' "$secret" | base64)" "$said")" -eq 0
test -s "$said" || fault 'nothing was looked at'

report
