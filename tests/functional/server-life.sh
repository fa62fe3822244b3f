#!/usr/bin/env bash
# A server's life: starting, starting again, refusing to start, reloading, ending.
# Runs the server as it is installed (optimised, hardened) where tools/test has built it.
[ -x "${BOOTWARDEN_RELEASE_BIN:-}/bootwarden-server" ] && export BOOTWARDEN_BIN=$BOOTWARDEN_RELEASE_BIN
# shellcheck disable=SC1091,SC2034,SC2154 # variables go to and come from the sourced file
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash"

# refuses CODE PATTERN OPTION...: ends at once with the code and one line that says it.
refuses() {
    local code=$1 pattern=$2 got lines
    shift 2
    timeout 60 "$server" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    is "exit code of '$*'" "$got" "$code"
    has "words of '$*'" "$(cat "$work/err")" "$pattern"
    is "standard output of '$*'" "$(cat "$work/out")" ''
    lines=$(grep -c '^bootwarden-server: ' "$work/err")
    if [ "$lines" -ge 1 ] && [ "$lines" -le 2 ]; then ok; else fault "'$*' says $lines lines"; fi
}

# ---- wrong use ----
is 'help' "$("$server" --help | head -1 | cut -c1-30)" 'usage: bootwarden-server --dev'
has 'version' "$("$server" --version)" '^bootwarden-server [0-9]'
refuses 2 'either --dev or --config'
refuses 2 '--dev and --config cannot both be given' --dev --config x
refuses 2 '.' --nonsense
refuses 2 "'more' is not expected" --dev more
refuses 2 'ADDR:PORT' --dev --listen nonsense
refuses 2 'must be numeric' --dev --listen example.org:1
refuses 2 'port must be' --dev --listen 127.0.0.1:99999
refuses 2 'port 0 is one port' --dev --listen 127.0.0.1:0 --listen guest=127.0.0.1:0
refuses 2 'an address before is the same' --dev --listen 127.0.0.1:1 --listen 0.0.0.0:1
refuses 2 "'toast' is no role" --dev --listen toast=127.0.0.1:1
refuses 2 'must be 1 to' --dev --workers 0
refuses 2 'RS256' --dev --signing-algorithm HS256
refuses 2 'https://' --dev --endpoint http://x
refuses 2 'cannot be read' --config "$work/none.ini"
refuses 2 "$work: is a folder, not a file" --config "$work"
refuses 2 '/dev/null: is a device or a pipe, not a file' --config /dev/null
mkfifo "$work/fifo"
refuses 2 'fifo: is a device or a pipe, not a file' --config "$work/fifo"
printf '[server]\ndata = %s\nlisten = 127.0.0.1:1\n\ncolour = red\n' "$work/x" >"$work/bad.ini"
refuses 2 "bad.ini:5: unknown key 'colour' in section \[server\]" --config "$work/bad.ini"
printf '[server]\ndata = %s\nworkers = many\n' "$work/x" >"$work/bad.ini"
refuses 2 'bad.ini:3: workers: must be 1 to' --config "$work/bad.ini"
printf '[server]\nlisten = 127.0.0.1:1\n' >"$work/bad.ini"
refuses 2 'data is missing' --config "$work/bad.ini"

# ---- the first start, and the second: same address, same keys ----
start_dev "$work/data"
first=$endpoint
has 'address' "$first" '^https://localhost:[0-9]+$'
is 'one line' "$(cat "$work/data.out")" "ready $first"
is 'environment' "$(. "$work/data/dev.env" && echo "$BOOTWARDEN_ENDPOINT $BOOTWARDEN_CA")" "$first $work/data/tls/ca.pem"
call GET /certs
keys=$body
call GET /.well-known/openid-configuration
is 'issuer' "$(jq -r .issuer <<<"$body")" "$first"
for host in localhost 127.0.0.1; do
    curl -sS --noproxy '*' --cacert "$ca" "https://$host:$port/healthz" >/dev/null && ok || fault "$host is not in the certificate"
done
is 'modes of private files' "$(find "$work/data" -name '*.key' ! -perm 600 -o -name 'data.sqlite*' ! -perm 600)" ''
is 'mode of the folder' "$(stat -c %a "$work/data")" 700

# Another server on the same folder, and on the same address.
refuses 2 'another server is running on this folder' --dev --data "$work/data"
refuses 3 "127.0.0.1:$port: the address is in use" --dev --data "$work/other" --listen "127.0.0.1:$port"
stop_server
start_dev "$work/data"
is 'same address' "$endpoint" "$first"
call GET /certs
is 'same keys' "$body" "$keys"

# Killed in the middle: the next start finds everything.
kill -9 "$server_pid"
wait "$server_pid" 2>/dev/null
start_dev "$work/data"
call GET /readyz
is 'ready after being killed' "$status" 200
stop_server

# ---- folders that cannot be used ----
chmod 644 "$work/data/secret.key"
refuses 2 "chmod 600 $work/data/secret.key" --dev --data "$work/data"
chmod 600 "$work/data/secret.key"
chmod 640 "$work/data/tls/server.key"
refuses 2 "chmod 600 $work/data/tls/server.key" --dev --data "$work/data"
chmod 600 "$work/data/tls/server.key"
for key in "$work"/data/signing/*.key; do
    chmod 604 "$key"
    refuses 2 "chmod 600 $key" --dev --data "$work/data"
    chmod 600 "$key"
done
: >"$work/file"
for folder in '' /tls /signing /guest-ca /trust /trust/ek /trust/ak /trust/db; do
    chmod g+w "$work/data$folder"
    refuses 2 "^bootwarden-server: $work/data$folder: can be written by its group .*chmod go-w $work/data$folder\$" --dev --data "$work/data"
    chmod g-w,o+w "$work/data$folder"
    refuses 2 "$work/data$folder: can be written by everybody .*chmod go-w $work/data$folder\$" --dev --data "$work/data"
    chmod o-w "$work/data$folder"
done
for file in trust/ek/a.pem trust/ak/b.DER trust/db/c.esl trust/db/db-1234; do
    : >"$work/data/$file"
    chmod 664 "$work/data/$file"
    refuses 2 "$work/data/$file: can be written by its group .*chmod go-w $work/data/$file" --dev --data "$work/data"
    rm "$work/data/$file"
done
chmod 620 "$work/data/data.sqlite"
refuses 2 "chmod 600 $work/data/data.sqlite" --dev --data "$work/data"
chmod 600 "$work/data/data.sqlite"
cp "$work/data/port" "$work/port"
for text in '' 'x' '0' '-1' '65536' '4015 1' '4015x' '999999999999'; do
    echo "$text" >"$work/data/port"
    refuses 2 "$work/data/port: holds no port number; write the port" --dev --data "$work/data"
    is 'and it is left as it was' "$(cat "$work/data/port")" "$text"
done
printf '4015\0\n' >"$work/data/port"
refuses 2 "holds no port number" --dev --data "$work/data"
head -c 100 /dev/zero >"$work/data/port"
refuses 2 "$work/data/port: is larger than" --dev --data "$work/data"
rm "$work/data/port"
refuses 2 "$work/data/port: is missing, but was here before" --dev --data "$work/data"
cp "$work/port" "$work/data/port"
refuses 3 '192.0.2.1:1: cannot bind: .*this machine has no such address.*--listen' --dev --data "$work/far" --listen 192.0.2.1:1
for piece in data.sqlite secret.key guest-ca/ca.key guest-ca/ca.pem tls/ca.pem trust/ek; do
    mv "$work/data/$piece" "$work/aside"
    refuses 2 "$work/data/$piece: is missing, but was here before: restore it from a backup; or, for a new one, remove $work/data/initialised" --dev --data "$work/data"
    mv "$work/aside" "$work/data/$piece"
done
refuses 2 "$work/file" --dev --data "$work/file/data"
refuses 2 '/proc/nowhere' --dev --data /proc/nowhere
cp "$work/data/data.sqlite" "$work/kept.sqlite"
sqlite3 "$work/data/data.sqlite" 'PRAGMA user_version = 99'
refuses 2 'newer version \(schema 99' --dev --data "$work/data"
echo 'this is no database, but a text of some length, so that it could be one, at least to the eye, if not to the mind' >"$work/data/data.sqlite"
refuses 4 'data.sqlite: the file is no database' --dev --data "$work/data"
cp "$work/kept.sqlite" "$work/data/data.sqlite"
start_dev "$work/data"
stop_server

# A remembered port that somebody else has.
start_dev "$work/squatter" --listen "127.0.0.1:$(cat "$work/data/port")"
refuses 3 'is in use by another program; choose another with --listen' --dev --data "$work/data"
stop_server

# ---- a configuration, roles, an algorithm ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/tls.key" -out "$work/tls.pem" \
    -days 30 -subj /CN=one -addext subjectAltName=DNS:localhost 2>/dev/null
chmod 600 "$work/tls.key"
p1=$(cat "$work/data/port")
p2=$(cat "$work/squatter/port")
[ "$p1" != "$p2" ] || p2=$((p1 + 1))
cat >"$work/good.ini" <<INI
; a comment
[server]
data = $work/configured
listen = attest=127.0.0.1:$p1
listen = guest,metrics=127.0.0.1:$p2
endpoint = https://localhost:$p1/
workers = 2
tls-certificate = $work/tls.pem
tls-key = $work/tls.key

[signing]
algorithm = ES256
INI
# What a service manager hears, a message a line.
python3 -c 'import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
    listener.bind(sys.argv[1])
    while True:
        print(listener.recv(2048).decode().replace("\n", " "), flush=True)' "$work/notify" >>"$work/heard" &
pids+=($!)
wait_for [ -S "$work/notify" ]
export NOTIFY_SOCKET=$work/notify
start_server "$work/configured" --config "$work/good.ini"
unset NOTIFY_SOCKET
wait_for grep -qx "READY=1 STATUS=Serving https://localhost:$p1" "$work/heard" && ok || fault 'systemd is not told that it serves'
is 'endpoint without a last slash' "$endpoint" "https://localhost:$p1"
ca=$work/tls.pem
call GET /certs
is 'algorithm' "$(jq -r '.keys[0].alg' <<<"$body")" ES256
call POST /guest/v1/join -d '{}'
is 'guest calls on the attest address' "$status" 404
call GET /metrics
is 'metrics on the attest address' "$status" 404
endpoint="https://localhost:$p2"
call GET /certs
is 'certs on the guest address' "$status" 404
call POST /guest/v1/join -d '{}'
is 'guest calls on the guest address' "$status" 400
call GET /metrics
is 'metrics on the guest address' "$status" 200
call GET /healthz
is 'health on every address' "$status" 200
if [ -e "$work/configured/dev.env" ]; then fault 'dev.env without --dev'; else ok; fi

# ---- reloading ----
served() { openssl s_client -connect "localhost:$p1" </dev/null 2>/dev/null | openssl x509 -noout -subject; }
reloads() { grep -c "event=server.reload .*what=$1" "$work/configured.log"; }
is 'first certificate' "$(served)" 'subject=CN = one'
: >"$work/heard"
echo broken >"$work/tls.pem"
kill -HUP "$server_pid"
wait_for eval '[ "$(reloads trust)" -ge 1 ]'
has 'a broken certificate is reported' "$(grep what=tls "$work/configured.log")" 'cause=".*tls.pem: is no usable certificate'
is 'and the old one stays' "$(served)" 'subject=CN = one'
wait_for eval '[ "$(xargs <"$work/heard")" = "RELOADING=1 READY=1" ]' && ok || fault "systemd is told: $(xargs <"$work/heard")"
openssl req -x509 -key "$work/tls.key" -out "$work/tls.pem" -days 30 -subj /CN=two -addext subjectAltName=DNS:localhost 2>/dev/null
kill -HUP "$server_pid"
wait_for eval '[ "$(reloads trust)" -ge 2 ]'
is 'second certificate' "$(served)" 'subject=CN = two'
cp "$boots/a-secureboot-healthy/ca_issuer.pem" "$work/configured/trust/ek/"
wait_for eval 'grep -q "event=trust.loaded .* ek=1 " "$work/configured.log"' && ok || fault 'a new trust file is not seen'
chmod 666 "$work/configured/trust/ek/ca_issuer.pem"
wait_for eval 'grep -q "event=trust.unreadable .*chmod go-w .*ca_issuer.pem" "$work/configured.log"' && ok || fault 'a loose trust file is not seen'
has 'and is left out' "$(grep 'event=trust.loaded' "$work/configured.log" | tail -1)" ' ek=0 .*unreadable=1'
chmod 644 "$work/configured/trust/ek/ca_issuer.pem"
wait_for eval 'grep "event=trust.loaded" "$work/configured.log" | tail -1 | grep -q " ek=1 .*unreadable=0"' && ok || fault 'chmod of a trust file is not seen'

# ---- ending: a request that runs is finished ----
mkfifo "$work/pipe"
openssl s_client -quiet -verify_quiet -connect "localhost:$p1" <"$work/pipe" >"$work/late" 2>/dev/null &
client=$!
exec 7>"$work/pipe"
printf 'POST /attest/AzureGuest?api-version=2020-10-01 HTTP/1.1\r\nHost: l\r\nContent-Length: 2\r\n\r\n' >&7
open_connections() { curl -sS --noproxy '*' --cacert "$work/tls.pem" "https://localhost:$p2/metrics" | sed -n 's/^bootwarden_http_connections //p'; }
wait_for eval '[ "$(open_connections)" -ge 2 ]'
kill -TERM "$server_pid"
wait_for grep -q event=server.stopping "$work/configured.log"
printf '{}' >&7
wait_for grep -q AttestationInfo "$work/late" && ok || fault 'the running request got no answer'
exec 7>&-
wait "$client"
wait "$server_pid"
is 'exit code' "$?" 0
has 'last line' "$(tail -1 "$work/configured.log")" '^event=server.stopped '
has 'what systemd was told last' "$(tail -1 "$work/heard")" '^STOPPING=1$'
report
