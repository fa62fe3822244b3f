#!/usr/bin/env bash
# The command with input that is none and output that cannot be written: always one line that says
# what, where and what to do, always the documented exit status, never a wait without end.
set -u
bin=${BOOTWARDEN_BIN:?}/bootwarden
boots=${BOOTWARDEN_SOURCE:?}/tests/vectors/boots
good=$boots/a-secureboot-healthy
log=$good/eventlog.bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
fault() {
    failed=$((failed + 1))
    echo "FAULT: $*"
    head -5 "$work/err" "$work/out"
}

# judge WHAT GOT CODE PATTERN: the exit status, one line of error with the pattern.
judge() {
    if [ "$2" -ne "$3" ]; then
        fault "$1: exit $2, wanted $3"
    elif ! grep -qE -- "$4" "$work/err"; then
        fault "$1: standard error lacks /$4/"
    elif [ "$(grep -vc 'freshness is not checked' "$work/err")" -ne 1 ]; then
        fault "$1: more than one line of error"
    else
        passed=$((passed + 1))
    fi
}
# expect CODE PATTERN ARGUMENT...
expect() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 20 ${as_nobody:-} "$bin" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    judge "bootwarden $*" "$got" "$code" "$pattern"
}

# ---- words ----
expect 2 "option --output: 'xml' is not one of text, json\$" verify -o xml "$good"
expect 2 "'foo=bar': there is no role 'foo'; write ek=PATH.*ak=PATH.*db=PATH" verify --trust foo=bar "$good"
expect 2 "there is no role 'foo'; write ek=" verify --trust foo= "$good"
expect 2 "'ek=' names no file or folder; write ek=PATH" verify --trust ek= "$good"
expect 2 'option --trust needs a value: \[ek=\|ak=\|db=\]PATH' verify "$good" --trust
expect 2 'option --nonce needs a value, not an empty one: HEX' verify "$good" --nonce ''
expect 2 'option --nonce is given twice; give it once' verify "$good" --nonce 00 --nonce 01
expect 2 "unknown option '-x'; see 'bootwarden verify --help'" verify -x "$good"
expect 2 "unknown option '--trast'; did you mean '--trust'" verify --trast a "$good"
expect 2 'takes one EVIDENCE, see' verify "$good" "$good"
expect 2 'EVIDENCE is empty: name a file or folder' verify ''
expect 2 "'99' is not a number from 0 to 23" eventlog -p 99 "$log"
expect 2 "'x' is not a number from 0 to 23" eventlog -p x "$log"
expect 2 "unknown command 'log'; see 'bootwarden --help'" log "$log"

# ---- input that is none ----
: >"$work/empty"
mkfifo "$work/fifo"
truncate -s 10G "$work/huge"
mkdir "$work/nothing" "$work/other" "$work/pipes"
echo text >"$work/other/notes.txt"
mkfifo "$work/pipes/eventlog.bin"
for command in verify eventlog; do
    expect 2 "$work/none: cannot open: No such file or directory; check the name" $command "$work/none"
    expect 2 "$work/empty: .*is empty" $command "$work/empty"
    expect 2 '/dev/null: .*is empty' $command /dev/null
    expect 2 "$work/fifo: is a named pipe.*copy its bytes into a file" $command "$work/fifo"
    expect 2 "$work/huge: is larger than 1048576 bytes" $command "$work/huge"
    expect 2 'is larger than' $command /dev/zero
done
expect 2 'is a folder; name the event log in it, such as .*/eventlog.bin' eventlog "$good"
expect 2 "$work/other: is no boot folder.*eventlog.bin, quote_rsa.attest" verify "$work/other"
expect 2 'eventlog.bin: is not a regular file' verify "$work/pipes"
expect 2 "is not valid JSON.*event log alone is read by 'bootwarden eventlog'" verify "$log"
expect 2 'is a named pipe' verify "$good" --baseline "$work/fifo"
expect 2 'is no boot folder' verify "$good" --baseline "$work/other"
expect 2 'has no event log to compare with' verify "$good" --baseline "$work/empty"
expect 2 'is a named pipe' verify "$good" --trust "$work/fifo"
expect 2 'holds no certificate in PEM or DER form$' verify "$good" --trust "$work/empty"
expect 2 'is larger than' verify "$good" --trust "$work/huge"
expect 2 'is a folder without files; put certificates into it' verify "$good" --trust "$work/nothing"
expect 2 'is a folder without files; put certificates into it' verify "$good" --trust "db=$work/nothing"
# An empty folder is a machine that sent nothing: that is judged, not refused.
timeout 20 "$bin" verify "$work/nothing" >"$work/out" 2>"$work/err"
[ $? -eq 1 ] && grep -q '^cannot-judge' "$work/out" && passed=$((passed + 1)) || fault 'an empty folder'

# Root reads everything, so somebody else has to try.
if [ "$(id -u)" -ne 0 ]; then
    as_nobody=' '
elif command -v setpriv >/dev/null && setpriv --reuid=65534 --clear-groups test -x "$bin"; then
    as_nobody='setpriv --reuid=65534 --clear-groups'
fi
if [ -n "${as_nobody:-}" ]; then
    chmod 755 "$work"
    cp "$log" "$work/secret"
    chmod 000 "$work/secret"
    for command in verify eventlog; do
        expect 2 'secret: cannot open: Permission denied; run as a user who may read it' $command "$work/secret"
    done
    as_nobody=''
else
    echo 'skipped: no other user to fail with'
fi

# Pipes that do end are read: a shell's <(...), and standard input.
check() {
    local what=$1
    shift
    if timeout 20 "$@" >"$work/out" 2>"$work/err"; then passed=$((passed + 1)); else fault "$what"; fi
}
check 'a pipe of the shell' "$bin" eventlog <(cat "$log")
check '/dev/stdin' "$bin" eventlog /dev/stdin < <(cat "$log")
check 'standard input' "$bin" eventlog - <"$log"

# ---- output that cannot be written: 4, and words ----
while read -r -a words; do
    for full in /dev/full closed gone; do
        case $full in
        /dev/full) timeout 20 "$bin" "${words[@]}" >/dev/full 2>"$work/err" ;;
        closed) timeout 20 "$bin" "${words[@]}" >&- 2>"$work/err" ;;
        gone) # a reader that ended before anything was written
            mkfifo "$work/gone"
            exec 7<>"$work/gone" 8>"$work/gone" 7>&-
            timeout 20 "$bin" "${words[@]}" >&8 2>"$work/err"
            ;;
        esac
        got=$?
        : >"$work/out"
        judge "bootwarden ${words[*]} with $full" $got 4 'standard output: .*the result is not whole'
        [ $full != gone ] || { exec 8>&-; rm "$work/gone"; }
    done
done <<WORDS
verify $good
verify $good --output json
eventlog $log
eventlog $log --output json
verify --help
--help
--version
WORDS
# ---- tools: their help is the head of the script and no more; words that they do not know are refused ----
tool() {
    local code=$1 pattern=$2 got
    shift 2
    timeout 20 "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ "$got" -ne "$code" ]; then
        fault "$*: exit $got, wanted $code"
    elif ! cat "$work/out" "$work/err" | grep -qE -- "$pattern"; then
        fault "$*: no /$pattern/"
    elif grep -q 'pipefail' "$work/out"; then
        fault "$*: its help has lines of the script"
    else
        passed=$((passed + 1))
    fi
}
for name in az-env bench check fuzz package run sdk test; do
    tool 0 "tools/$name" "$BOOTWARDEN_SOURCE/tools/$name" --help
done
tool 2 'takes no arguments' "$BOOTWARDEN_SOURCE/tools/sdk" foo
bench=$(dirname "$BOOTWARDEN_BIN")/bench/bench
if [ -x "$bench" ]; then
    tool 0 '^usage: bench' "$bench" --help
    tool 2 'print is no program' "$bench" print
    tool 2 '^usage: bench' "$bench" a b
fi

echo "cli-edges: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
