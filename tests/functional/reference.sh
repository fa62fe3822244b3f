#!/usr/bin/env bash
# Reference data as users meet it: list and show, data that is missing or broken, minimums, a
# revoked loader, the server, and what an installation holds (B-4, SB-13, SB-14, SB-16).
. "$(dirname "$0")/../support/server.bash"
bin=$BOOTWARDEN_BIN/bootwarden
data=$BOOTWARDEN_SOURCE/data/reference
good=$boots/a-secureboot-healthy
log=$good/eventlog.bin

# expect CODE PATTERN ARGUMENT...: exit status, pattern in what was printed, one line of error.
expect() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 60 "$bin" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
        ok
    else
        fault "bootwarden $*: exit $got, wanted $code and /$pattern/: $(head -3 "$work/err")"
    fi
}

# ---- list and show ----
expect 2 'EVIDENCE|list \| show|needs' reference
expect 2 "there is no 'lst'; write list or show" reference lst
expect 2 'list takes no more words' reference list shim
expect 2 'show takes a NAME or DIGEST' reference show
expect 2 "'images' is not one of authorities" reference show --kind images shim
expect 0 '^revoked-images +2026-[0-9-]+ +672 ' reference list
is 'kinds listed' "$("$bin" reference list --output json | jq length)" "$(find "$data" -name '*.json' | wc -l)"
expect 0 '^name +Debian OVMF snakeoil key' reference show snakeoil
expect 0 '^test_key +yes' reference show 282e8130
expect 0 '^cves +CVE-2023-28005$' reference show --kind revoked-images cve-2023-28005
expect 0 '^lines +shim,4, grub,5$' reference show 2025021800
expect 1 "nothing is known of 'nonsense" reference show nonsense
expect 1 "nothing is known of 'nonsense" reference show shim nonsense
expect 1 'nothing is known of .\\x1b' reference show $'\e[31mred'
expect 1 'nothing is known' reference show --kind svn snakeoil
"$bin" reference show --kind revoked-images -o json >"$work/all.json"
is 'revoked images in JSON' "$(jq '[.[] | select(.kind == "revoked-images")] | length' "$work/all.json")" 672
is 'digests are of one form' "$(jq '[.[] | select(.sha256 | test("^[0-9a-f]{64}$"))] | length' "$work/all.json")" 672

# ---- data that is missing or broken: never silently nothing ----
mkdir "$work/ref"
cp "$data"/*.json "$work/ref/"
expect 0 'ref/authorities.json' reference list --reference "$work/ref"
expect 0 'Secure Boot: +on' eventlog --reference "$work/ref" "$log"
for command in "reference list" "eventlog $log" "verify $good"; do
    # shellcheck disable=SC2086
    expect 2 '/nowhere/authorities.json.*reference data: .*cannot open.*--reference' $command --reference /nowhere
done
for file in "$work"/ref/*.json; do
    mv "$file" "$work/aside"
    expect 2 "$(basename "$file").*reference data: " eventlog --reference "$work/ref" "$log"
    head -c 200 "$work/aside" >"$file"
    expect 2 "$(basename "$file").*reference data: " verify --reference "$work/ref" "$good"
    printf '{}' >"$file"
    expect 2 "$(basename "$file").*reference data: is missing" reference list --reference "$work/ref"
    mv "$work/aside" "$file"
done
sed -i 's/"sha256":"80b4d969/"sha256":"zzzzd969/' "$work/ref/revoked-images.json"
expect 2 'revoked-images.json.entries\[0\].sha256: reference data: must be 64' eventlog --reference "$work/ref" "$log"
cp "$data/revoked-images.json" "$work/ref/"
# A program without its data: another folder beside it.
mkdir -p "$work/alone/bin"
cp "$bin" "$work/alone/bin/"
"$work/alone/bin/bootwarden" eventlog "$log" >"$work/out" 2>"$work/err"
is 'a program without its data: exit' $? 2
has 'a program without its data' "$(cat "$work/err")" 'alone/share/bootwarden/reference/authorities.json: reference data: .*install the reference data again'

# ---- facts have names ----
facts=$("$bin" eventlog --facts --output json "$log")
is 'the loader' "$(jq -r '.facts.images[0].known | "\(.owner) \(.name) \(.version)"' <<<"$facts")" 'Debian shim 16.1-2~deb12u1'
is 'the kernel' "$(jq -r '.facts.images[2].known.version' <<<"$facts")" '6.1.0-55-cloud-amd64'
is 'keys of db' "$(jq -r '[.facts.secure_boot.db.certificate_list[].known] | join("; ")' <<<"$facts")" \
    'Microsoft Windows Production PCA 2011; Microsoft Corporation UEFI CA 2011'
is 'the test key' "$("$bin" eventlog --facts -o json "$boots/k-uki-healthy/eventlog.bin" |
    jq -r '.facts.secure_boot.db.certificate_list[] | select(.test_key) | .known' | head -1)" 'Debian OVMF snakeoil key'

# ---- a loader becomes known as revoked: the data alone is replaced ----
shim=$(jq -r '.facts.images[0].digests.sha256' <<<"$facts")
jq -c --arg shim "$shim" '.entries += [{"sha256":$shim,"name":"shim","owner":"Debian","architectures":["x64"],
    "date":"2027-01-01","cves":["CVE-2027-0001"]}]' "$data/revoked-images.json" >"$work/ref/revoked-images.json"
ak=$(jq -r .ak_rsa_name "$good/manifest.json")
named=(--trust "ek=$good/ca_root.pem" --enrolled-ak "$ak" --time 2026-12-01)
expect 0 '^healthy' verify "$good" "${named[@]}"
expect 1 'revoked-image.*' verify "$good" "${named[@]}" --reference "$work/ref"
has 'a revoked shim' "$(cat "$work/out")" '2027-01-01: Debian, shim \(CVE-2027-0001\)'
expect 0 'image-revoked, B-4' eventlog --facts --reference "$work/ref" "$log"
cp "$data/revoked-images.json" "$work/ref/"
# The project's own data names no recorded boot's loader as revoked: verify-boots.py shows it.

# ---- minimums ----
expect 0 '^healthy' verify "$good" "${named[@]}" --sbat-minimum 2025021800
expect 1 'sbat-below-minimum' verify "$good" "${named[@]}" --sbat-minimum 2025051000
expect 2 'no such level is known' verify "$good" "${named[@]}" --sbat-minimum 2025051001
printf '' >"$work/empty"
expect 2 'is no EFI signature list' verify "$good" "${named[@]}" --dbx-minimum "$work/empty"
expect 2 'cannot open' verify "$good" "${named[@]}" --dbx-minimum /nowhere
# One list of one digest that the recorded machine's dbx does not hold.
python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex("2616c4c14c509240aca941f936934328" "4c000000" "00000000"
    "30000000" + "00" * 16 + "41cce0fc467609ca368bedba45c292f2be1b622fb9be0473cf51e7a96ee65652"))' >"$work/min.esl"
expect 1 'x-ms-azurevm-dbxvalidated is false' verify "$good" "${named[@]}" --dbx-minimum "$work/min.esl"
expect 1 'lacks 1 of the 1 revocations that are demanded' verify --verbose "$good" "${named[@]}" \
    --dbx-minimum "$work/min.esl"

# ---- the server ----
"$server" --dev --data "$work/s0" --listen 127.0.0.1:0 --reference /nowhere >"$work/out" 2>"$work/err"
is 'a server without data: exit' $? 2
has 'a server without data' "$(cat "$work/err")" '/nowhere.*reference data: '
is 'a server without data makes no folder' "$([ -e "$work/s0" ] && echo made)" ''
chmod 0666 "$work/ref/authorities.json"
"$server" --dev --data "$work/s0" --listen 127.0.0.1:0 --reference "$work/ref" >"$work/out" 2>"$work/err"
is 'a server on data that others can write: exit' $? 2
chmod 0644 "$work/ref/authorities.json"
configure() {
    printf '[server]\ndata = %s\nlisten = 127.0.0.1:0\n[judgement]\n' "$work/s1"
    printf '%s\n' "$@"
}
configure 'sbat-minimum = 2024' >"$work/conf"
"$server" --config "$work/conf" 2>"$work/err"
is 'a level that is none: exit' $? 2
has 'a level that is none' "$(cat "$work/err")" 'conf:5: sbat-minimum: must be an SBAT level'
configure 'sbat-minimum = 2024040901' >"$work/conf"
"$server" --config "$work/conf" 2>"$work/err"
is 'a level that nobody knows: exit' $? 2
has 'a level that nobody knows' "$(cat "$work/err")" 'is no SBAT level that the reference data knows'
configure "dbx-minimum = $work/empty" >"$work/conf"
"$server" --config "$work/conf" 2>"$work/err"
is 'a dbx minimum that is none: exit' $? 2
has 'a dbx minimum that is none' "$(cat "$work/err")" 'empty: is no EFI signature list'

# Replaced while it runs: SIGHUP takes the new data, and keeps the old when the new is broken.
start_server "$work/s2" --dev --data "$work/s2" --listen 127.0.0.1:0 --reference "$work/ref"
reloaded() { [ "$(grep -c 'server.reload.*what=reference' "$work/s2.log")" -ge "$1" ]; }
printf '{' >"$work/ref/svn.json"
kill -HUP "$server_pid"
wait_for reloaded 1
has 'broken data while it runs' "$(grep 'what=reference' "$work/s2.log" | head -1)" 'svn.json.*reference data'
cp "$data/svn.json" "$work/ref/"
kill -HUP "$server_pid"
wait_for reloaded 2
is 'mended data while it runs' "$(grep 'what=reference' "$work/s2.log" | sed -n 2p | grep -c cause)" 0

# ---- what is installed ----
build=$(dirname "$BOOTWARDEN_BIN")
if [ -e "$build/cmake_install.cmake" ]; then
    DESTDIR=$work/root cmake --install "$build" --prefix /usr >"$work/out" 2>&1 || fault "cmake --install: $(tail -2 "$work/out")"
    is 'installed data' "$(find "$work/root/usr/share/bootwarden/reference" -name '*.json' | wc -l)" "$(find "$data" -name '*.json' | wc -l)"
    "$work/root/usr/bin/bootwarden" reference list >"$work/out"
    has 'the installed program reads its own' "$(cat "$work/out")" "$work/root/usr/share/bootwarden/reference/svn.json"
fi
report
