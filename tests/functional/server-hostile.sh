#!/usr/bin/env bash
# Hostile HTTP: whatever comes, the answer is the documented error, and the server lives.
# shellcheck disable=SC1091,SC2034,SC2154 # variables go to and come from the sourced file
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash"

start_dev "$work/data"
attest='/attest/AzureGuest?api-version=2020-10-01'
json='Content-Type: application/json'

# A raw TLS connection: what comes on standard input goes out, what comes back is printed.
raw() { timeout 60 openssl s_client -quiet -verify_quiet -connect "localhost:$port" -CAfile "$ca" 2>/dev/null; }

# ---- slow clients, in the background, since they have to be waited for ----
# Half a request, then silence with the connection open.
hold() { printf '%b' "$1"; read -rt 40 <> <(:); }
hold 'GET /healthz HTTP/1.1\r\nHost: lo' | raw >"$work/slow-head" &
slow_head=$!
hold 'POST /attest/AzureGuest?api-version=2020-10-01 HTTP/1.1\r\nHost: l\r\nContent-Length: 900\r\n\r\n{"a' |
    raw >"$work/slow-body" &
slow_body=$!
# A byte a second does not buy more time.
(printf 'GET /healthz HTTP/1.1\r\n'; for i in {1..40}; do printf 'x' || break; read -rt 1 <> <(:); done) 2>/dev/null |
    raw >"$work/slow-drip" &
slow_drip=$!
# TCP and half a ClientHello.
exec 8<>"/dev/tcp/127.0.0.1/$port"
printf '\x16\x03\x01\x02\x00\x01\x00' >&8

# ---- bodies ----
what='empty body' && call POST "$attest" -H "$json" -d '' && refused 400 InvalidParameter 'JSON|empty'
what='no JSON' && call POST "$attest" -H "$json" -d 'hello' && refused 400 InvalidParameter 'byte [0-9]+'
what='an array' && call POST "$attest" -d '[]' && refused 400 InvalidParameter 'object'
what='no member' && call POST "$attest" -d '{}' && refused 400 InvalidParameter 'AttestationInfo'
what='a number' && call POST "$attest" -d '{"AttestationInfo":1}' && refused 400 InvalidParameter 'AttestationInfo'
what='no base64' && call POST "$attest" -d '{"AttestationInfo":"!!!!"}' && refused 400 InvalidParameter 'AttestationInfo'
what='mixed base64' && call POST "$attest" -d '{"AttestationInfo":"a-b+"}' && refused 400 InvalidParameter 'AttestationInfo'
what='inner nonsense' && call POST "$attest" -d "{\"AttestationInfo\":\"$(printf 'nonsense' | basenc --base64url)\"}" &&
    refused 400 InvalidParameter '.'
what='twice' && call POST "$attest" -d '{"AttestationInfo":"e30","AttestationInfo":"e30"}' &&
    refused 400 InvalidParameter 'AttestationInfo.*twice'
what='twice in another case' && call POST "$attest" -d '{"AttestationInfo":"e30","attestationinfo":"e30"}' &&
    refused 400 InvalidParameter 'twice'
deep=$(printf '[%.0s' {1..5000})
what='deep JSON' && call POST "$attest" -d "{\"a\":$deep" && refused 400 InvalidParameter 'deep'
what='broken UTF-8' && call POST "$attest" --data-binary $'{"AttestationInfo":"\xff\xfe"}' && refused 400 InvalidParameter '.'
what='NUL bytes' && printf '{"a":"\0"}' >"$work/nul" && call POST "$attest" --data-binary "@$work/nul" &&
    refused 400 InvalidParameter '.'
what='compressed' && call POST "$attest" -H 'Content-Encoding: gzip' -d 'x' && refused 415 UnsupportedMediaType 'compressed'

head -c 10485760 /dev/zero >"$work/ten"
what='10 MiB' && call POST "$attest" -H "$json" --data-binary "@$work/ten" && refused 413 RequestTooLarge '1048576'
what='10 MiB without asking' && call POST "$attest" -H 'Expect:' --data-binary "@$work/ten" && refused 413 RequestTooLarge '1048576'
what='10 MiB in chunks' && call POST "$attest" -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary "@$work/ten" &&
    refused 413 RequestTooLarge '1048576'
head -c 70000 /dev/zero | tr '\0' ' ' >"$work/seventy"
what='64 KiB guest' && call POST /guest/v1/join --data-binary "@$work/seventy" && refused 413 RequestTooLarge '65536'
# A body below the limit, and 100-continue: read and refused for what it says.
what='1 MiB of spaces' && head -c 1048576 /dev/zero | tr '\0' ' ' >"$work/one" &&
    call POST "$attest" -H 'Expect: 100-continue' --data-binary "@$work/one" && refused 400 InvalidParameter '.'

# ---- paths, methods, versions ----
what='no path' && call GET /none && refused 404 NotFound '/none'
what='double slash' && call GET //certs && refused 404 NotFound '//certs'
what='trailing slash' && call GET /certs/ && refused 404 NotFound '/certs/'
what='encoded slash' && call GET /certs%2fx && refused 400 InvalidParameter 'escape'
what='encoded NUL' && call GET /certs%00 && refused 400 InvalidParameter 'escape'
what='broken escape' && call GET /certs%zz && refused 400 InvalidParameter 'escape'
what='dots' && call GET /guest/../certs && refused 404 NotFound '.'
what='wrong method' && call DELETE /certs && refused 405 MethodNotAllowed 'GET, HEAD'
has 'Allow' "$head" '^Allow: GET, HEAD$'
what='GET of a POST' && call GET "$attest" && refused 405 MethodNotAllowed 'POST'
what='unknown method' && call BREW /certs && refused 501 NotImplemented '.'
what='no version' && call POST /attest/AzureGuest -d '{}' && refused 400 InvalidParameter 'api-version is missing'
what='unknown version' && call POST '/attest/AzureGuest?api-version=1999-01-01' -d '{}' &&
    refused 400 InvalidParameter "'1999-01-01' is not known"
for type in SgxEnclave OpenEnclave SevSnpVm TdxVm; do
    what=$type && call POST "/attest/$type?api-version=2025-06-01" -d '{}' && refused 400 InvalidOperation "$type is not judged here"
done
what='unknown type' && call POST '/attest/Toaster?api-version=2025-06-01' -d '{}' && refused 404 NotFound 'AzureGuest'
many=()
for i in {1..70}; do many+=(-H "h$i: x"); done
what='many headers' && call GET /certs "${many[@]}" && refused 431 RequestHeadersTooLarge '.'
what='long header' && call GET /certs -H "x: $(head -c 20000 /dev/zero | tr '\0' a)" && refused 431 RequestHeadersTooLarge '.'
what='no session' && call POST /guest/v1/challenge -d '{}' && refused 401 Unauthorized 'session token'
what='foreign session' && call POST /guest/v1/challenge -H 'Authorization: Bearer AAAA' -d '{}' && refused 401 Unauthorized '.'

# ---- what must work ----
for version in 2018-09-01-preview 2020-10-01 2022-08-01 2022-09-01-preview 2023-04-01-preview 2025-06-01 2026-03-11-preview; do
    what=$version && call POST "/attest/azureguest?API-Version=$version" -d '{}' && refused 400 InvalidParameter 'AttestationInfo'
done
for path in /certs /.well-known/openid-configuration '/certs?api-version=2025-06-01' /healthz /readyz; do
    call GET "$path"
    is "status of $path" "$status" 200
    if jq -e . <<<"$body" >/dev/null; then ok; else fault "$path is not JSON"; fi
    call GET "$path" -I
    is "status of HEAD $path" "$status" 200
done
is 'HEAD has no body' "$(printf 'HEAD /certs HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n' | raw | tail -1 | tr -d '\r')" ''
call GET /certs -H 'x-ms-client-request-id: 0123' -H 'x-ms-return-client-request-id: true'
has 'client id' "$head" '^x-ms-client-request-id: 0123$'
call GET /certs -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
has 'trace' "$head" '^x-ms-request-id: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01$'
has 'date' "$head" '^Date: ..., [0-9]{2} ... [0-9]{4} [0-9:]{8} GMT$'
call POST "$attest" -d '{}'
has 'no-store' "$head" '^Cache-Control: no-store$'

# ---- bytes that are no HTTP, connections that end early ----
for i in {1..20}; do
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    head -c 2000 /dev/urandom >&9 2>/dev/null
    exec 9>&-
done
exec 9<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | cat >&9
has 'plain HTTP' "$(timeout 20 cat <&9)" 'this port speaks HTTPS'
exec 9>&-
for i in {1..20}; do
    printf 'POST %s HTTP/1.1\r\nHost: l\r\nContent-Length: 1000\r\n\r\n{' "$attest" | raw >/dev/null &
    early[i]=$!
done
for i in {1..20}; do wait "${early[i]}"; done
is 'bare line feeds' "$(printf 'GET /certs HTTP/1.1\nHost: l\n\n' | raw | head -1 | tr -d '\r')" 'HTTP/1.1 400 Bad Request'
is 'two lengths' "$(printf 'POST /certs HTTP/1.1\r\nHost: l\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n' | raw | head -1 | tr -d '\r')" \
    'HTTP/1.1 400 Bad Request'
is 'TLS 1.1' "$(openssl s_client -connect "localhost:$port" -tls1_1 </dev/null 2>&1 | grep -c 'BEGIN CERTIFICATE')" 0

# ---- many at once ----
list=$(for i in {1..100}; do echo "url=\"$endpoint/certs\""; echo "output=/dev/null"; done)
codes=$(curl -sS --noproxy '*' --cacert "$ca" -Z --parallel-max 50 -w '%{http_code}\n' -K - <<<"$list" | sort | uniq -c | tr -s ' ')
is '100 at once' "$codes" ' 100 200'

# ---- the slow ones ----
wait "$slow_head"
has 'slow head' "$(cat "$work/slow-head")" '^HTTP/1.1 408 Request Timeout'
wait "$slow_drip"
has 'dripping head' "$(cat "$work/slow-drip")" '^HTTP/1.1 408 Request Timeout'
wait "$slow_body"
has 'slow body' "$(cat "$work/slow-body")" '"code":"RequestTimeout"'
# The half-open handshake was ended by the server: the read sees the end.
timeout 30 cat <&8 >/dev/null
is 'half-open TLS ends' "$?" 0
exec 8>&-

# ---- alive, and knows what happened ----
call GET /metrics
has 'metrics type' "$head" '^Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8$'
is 'metrics end' "$(tail -1 <<<"$body")" '# EOF'
has 'requests counted' "$body" '^bootwarden_http_requests_total\{route="/attest/AzureGuest",status="413"\} 3$'
has 'timeouts counted' "$body" '^bootwarden_http_requests_timed_out_total [1-9]'
has 'histogram' "$body" '^bootwarden_http_request_duration_seconds_bucket\{route="/certs",le="\+Inf"\} [0-9]+$'
kill -0 "$server_pid" && ok || fault 'the server is gone'
is 'lines on standard output' "$(wc -l <"$work/data.out")" 1
if grep -vE '^event=[a-z.]+ ' "$work/data.log"; then fault 'log lines of another form'; else ok; fi
has 'closing line' "$(cat "$work/data.log")" 'event=http.request .* method=POST path=/attest/AzureGuest status=400 code=InvalidParameter us=[0-9]+ '
stop_server
report
