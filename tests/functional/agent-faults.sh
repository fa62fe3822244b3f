#!/usr/bin/env bash
# shellcheck disable=SC2154
# Everything around the agent that can be wrong: each fault is one line that says what, where and
# what to do, with the documented exit status; what no repetition mends is not repeated.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy

nowhere=(--server https://localhost:1)
# ---- the command line ----
expect 2 'which service\? --server https://host:port' attest
expect 2 "^bootwarden-agent: --server .*'http://localhost:1' must begin with https://" \
    attest --server http://localhost:1
expect 2 "'localhost' is not an address like https://host:port" attest --server localhost
expect 2 "must hold no user and no query" attest --server https://me:secret@localhost
expect 2 "unknown option '--bogus'; see bootwarden-agent --help" attest "${nowhere[@]}" --bogus
expect 2 "takes text, json or token, not 'xml'" attest "${nowhere[@]}" --output xml
expect 2 'takes a number from 0 to 3' attest "${nowhere[@]}" --retries 4
expect 2 'takes 0 to 300 seconds' attest "${nowhere[@]}" --retry-wait never
expect 2 'needs a value: TCTI' attest "${nowhere[@]}" --tcti ''
expect 2 "is run, attest, enroll, check or status" prove "${nowhere[@]}"
for words in --help --version; do
    timeout 20 "$bin/bootwarden-agent" $words >/dev/full 2>"$work/err"
    check "$words on a full disk" test $? -eq 4
    check "$words on a full disk says so" grep -q 'standard output: No space left' "$work/err"
done

# ---- the TPM ----
expect 4 'has no TPM 2.0: /dev/none does not exist; give the VM a virtual TPM, or .*--tcti' \
    attest "${nowhere[@]}" --tcti device:/dev/none
expect 4 "no TPM answers at 'swtpm:path=/nonexistent'.*check --tcti, and that it runs" \
    attest "${nowhere[@]}" --tcti swtpm:path=/nonexistent
expect 4 "no TPM answers at 'device:/dev/null'" attest "${nowhere[@]}" --tcti device:/dev/null
expect 2 "no TCTI is called 'nonsense'; the kernel's TPM is device:/dev/tpmrm0" \
    attest "${nowhere[@]}" --tcti nonsense
mkfifo "$work/pipe"
expect 2 'is no device; the kernel.s TPM is device:/dev/tpmrm0' attest "${nowhere[@]}" --tcti "device:$work/pipe"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && mknod -m 600 "$work/tpmrm0" c 1 3 2>/dev/null &&
    chmod 755 "$work" && setpriv --reuid=65534 --clear-groups test -x "$bin/bootwarden-agent"; then
    setpriv --reuid=65534 --clear-groups "$bin/bootwarden-agent" attest "${nowhere[@]}" \
        --tcti "device:$work/tpmrm0" >"$work/out" 2>"$work/err"
    check 'no permission is 4' test $? -eq 4
    check 'no permission names the group' \
        grep -qE "no permission to use $work/tpmrm0; run as root, or add the user to the group tss" "$work/err"
else
    echo 'skipped: no other user to fail with'
fi

# ---- files ----
boot vm a-secureboot-healthy
vm=(--tcti "$VTPM_TCTI" --event-log "$VTPM_EVENT_LOG")
: >"$work/no-ca.pem"
expect 2 "the CA file '/tmp' is no file" attest "${vm[@]}" "${nowhere[@]}" --ca /tmp
expect 2 'event log: /nonexistent: cannot open: No such file.*check --event-log' \
    attest "${vm[@]:0:2}" "${nowhere[@]}" --event-log /nonexistent
expect 2 'event log: .*named pipe.*check --event-log' attest "${vm[@]:0:2}" "${nowhere[@]}" --event-log "$work/pipe"
expect 2 'IMA log: .*check --ima-log' attest "${vm[@]}" "${nowhere[@]}" --ima-log /nonexistent

# ---- the way to the service: what passes is tried again, what does not is not ----
once() { check "$1: one try" test "$(grep -c 'trying again' "$work/err")" -eq 0; }
again() { check "$1: tried again" grep -q 'trying again in 0.0 s' "$work/err"; }
quick=(--retries 1 --retry-wait 0.01)
expect 3 'Guest endpoint unreachable: localhost:1\. Connection refused\. Check that the service runs and that firewalls' \
    attest "${vm[@]}" "${nowhere[@]}" "${quick[@]}"
again 'nobody listens'
expect 3 'unreachable: nowhere.invalid:443\. the name cannot be resolved.*Check the name in --server and the DNS' \
    attest "${vm[@]}" --server https://nowhere.invalid "${quick[@]}"
https_proxy=http://nowhere.invalid:3128 expect 3 'name of the proxy nowhere.invalid:3128 cannot be resolved.*Check https_proxy' \
    attest "${vm[@]}" --server https://attest.example:1 "${quick[@]}"

start_server
expect 2 "the CA file '$work/no-ca.pem' holds no certificate" attest "${vm[@]}" --ca "$work/no-ca.pem"
once 'a CA file without a certificate'
# Another CA, the system's, and another name: none of them will be right in five seconds.
expect 3 'Guest endpoint not trusted: localhost:[0-9]+\. .*certificate.*Name the CA of the service with --ca' \
    attest "${vm[@]}" --ca "$boots/a-secureboot-healthy/ca_root.pem"
once 'another CA'
BOOTWARDEN_CA='' expect 3 'not trusted: .*Name the CA of the service with --ca' attest "${vm[@]}"
once "the system's CAs"
stop_server

# A service that is down for a while, one that never answers, and one that is none: no TLS.
python3 - "$work/stub" <<'STUB' &
import os, socket, ssl, subprocess, sys, threading
folder = sys.argv[1]
os.mkdir(folder)
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                "-keyout", folder + "/key.pem", "-out", folder + "/ca.pem"], check=True,
               stderr=subprocess.DEVNULL)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/ca.pem", folder + "/key.pem")
BODY = b'{"error":{"code":"ServiceUnavailable","message":"the database is full"}}'

def tls(raw):
    try:
        with context.wrap_socket(raw, server_side=True) as peer:
            while peer.recv(65536):
                peer.sendall(b"HTTP/1.1 503 Down\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
    except OSError:
        pass

def plain(raw):
    raw.recv(100)
    raw.sendall(b"HTTP/1.1 400 This is http\r\n\r\n")
    raw.close()

def serve(name, handle):
    listener = socket.create_server(("127.0.0.1", 0))
    with open(f"{folder}/{name}.new", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(f"{folder}/{name}.new", f"{folder}/{name}")
    while True:
        threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

threading.Thread(target=serve, args=("plain", plain), daemon=True).start()
serve("tls", tls)
STUB
stub_pid=$!
trap 'kill $stub_pid 2>/dev/null; end_guest_test' EXIT
for ((i = 0; i < 200; i++)); do
    [ -s "$work/stub/tls" ] && [ -s "$work/stub/plain" ] && break
    read -rt 0.05 <> <(:) || :
done
expect 3 'Joining refused: localhost:[0-9]+ said 503 ServiceUnavailable: the database is full\. Try again later; .*operator' \
    attest "${vm[@]}" --server "https://localhost:$(cat "$work/stub/tls")" --ca "$work/stub/ca.pem" "${quick[@]}"
again 'a service that is down'
expect 3 'not trusted: 127.0.0.1:[0-9]+\. .*Write --server with a name that stands in the service.s certificate' \
    attest "${vm[@]}" --server "https://127.0.0.1:$(cat "$work/stub/tls")" --ca "$work/stub/ca.pem"
once 'a name that is not in the certificate'
expect 3 'unreachable: localhost:[0-9]+\. TLS failed.*Check that an https service listens on that port' \
    attest "${vm[@]}" --server "https://localhost:$(cat "$work/stub/plain")" --ca "$work/stub/ca.pem" --retries 0

report
