#!/usr/bin/env bash
# `bootwarden jmespath`: results in each form, faults shown in their place, exit statuses, limits.
set -u
bin=${BOOTWARDEN_BIN:?}/bootwarden
log=${BOOTWARDEN_SOURCE:?}/tests/vectors/boots/a-secureboot-healthy/eventlog.bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
fault() {
    failed=$((failed + 1))
    echo "FAULT: $*"
    head -5 "$work/err" "$work/out"
}
# is WHAT GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        fault "$1: '$2', wanted '$3'"
    fi
}
# gives CODE OUTPUT ARGUMENT...: with the document on standard input
gives() {
    local code=$1 wanted=$2 got
    shift 2
    timeout 60 "$bin" jmespath "$@" <"$work/document" >"$work/out" 2>"$work/err"
    got=$?
    is "exit status of jmespath $*" "$got" "$code"
    is "jmespath $*" "$(cat "$work/out")" "$wanted"
}
# refuses WORDS EXPRESSION MARKED...: one line of words, the expression, the place below
refuses() {
    local words=$1 shown=$2 mark=$3
    shift 3
    timeout 60 "$bin" jmespath "$@" <"$work/document" >"$work/out" 2>"$work/err"
    is "exit status of jmespath $*" "$?" 2
    is "output of jmespath $*" "$(cat "$work/out")" ''
    is "words of jmespath $*" "$(sed -n 1p "$work/err")" "bootwarden jmespath: $words"
    is "line of jmespath $*" "$(sed -n 2p "$work/err")" "  $shown"
    is "mark of jmespath $*" "$(sed -n 3p "$work/err")" "  $mark"
    is "lines of jmespath $*" "$(wc -l <"$work/err")" 3
}
# complains WORDS ARGUMENT...: one line
complains() {
    local words=$1
    shift
    timeout 60 "$bin" jmespath "$@" <"$work/document" >"$work/out" 2>"$work/err"
    is "exit status of jmespath $*" "$?" 2
    is "jmespath $*" "$(cat "$work/err")" "bootwarden jmespath: $words"
}

# ---- faults ----
echo '{"a":[1,2,"x"],"b":{"c":null}}' >"$work/document"
refuses "syntax: the expression ends where ']' is expected" 'a[?b' '    ^' 'a[?b'
refuses "syntax: '12' stands where an expression (a number is written in backticks) is expected" \
    'E[?P == 12]' '        ^' 'E[?P == 12]'
refuses "syntax: '#' begins nothing" '"ä€" | #' '       ^' '"ä€" | #'
refuses "syntax: '\\x1b' begins nothing" 'a \x1b[31m' '  ^' $'a \e[31m'
refuses "syntax: '#' begins nothing" 'a |\n#' '     ^' $'a |\n#'
refuses 'unknown-function: there is no function lenght(); did you mean length()?' \
    'a | lenght(@)' '    ^' 'a | lenght(@)'
refuses 'unknown-function: there is no function frobnicate()' 'frobnicate(@)' '^' 'frobnicate(@)'
refuses 'invalid-arity: length() takes 1 argument, not 2' 'length(a,b)' '^' 'length(a,b)'
refuses 'invalid-type: argument 1 of sum() must be an array of numbers, not array with string' \
    'sum(a)' '^' 'sum(a)'
refuses 'invalid-value: the step of a slice cannot be 0' 'a[::0]' ' ^' 'a[::0]'
long=$(printf 'a.%.0s' {1..200})
refuses "syntax: '#' begins nothing" "...$(printf 'a.%.0s' {1..24})#$(printf '.b%.0s' {1..23})...." \
    "$(printf ' %.0s' {1..51})^" "$long#$(printf '.b%.0s' {1..200})"
complains "the expression is empty; '@' gives the whole document" ''
complains "needs EXPRESSION [FILE]; see 'bootwarden jmespath --help'"
complains "option --output: 'xml' is not one of json, compact, text" -o xml a
complains "unknown option '--chek'; did you mean '--check'?" --chek a
complains "$work/none: cannot open: No such file or directory; check the name" a "$work/none"
mkfifo "$work/fifo"
timeout 20 "$bin" jmespath a "$work/fifo" 2>"$work/err"
is 'a named pipe' "$?" 2
is 'document' "$(echo '{,}' | "$bin" jmespath a 2>&1)" \
    'bootwarden jmespath: -: the text is not valid JSON: unexpected character, expected a string for object key (at byte 1)'
is 'a member twice' "$(echo '{"a":1,"a":2}' | "$bin" jmespath a 2>&1)" \
    'bootwarden jmespath: -: a: member occurs twice'
is 'depth' "$(printf '[%.0s' {1..129} | "$bin" jmespath a 2>&1)" \
    'bootwarden jmespath: -: JSON is nested deeper than 128 levels (at byte 128)'

# ---- limits ----
bomb=$(printf '[@,@]|%.0s' {1..64})@
complains 'the result: the text of a value is longer than 16777216 bytes' "$bomb"
complains 'limit: the query takes more steps than it may' "$bomb | $(printf '[*]%.0s' {1..64})"
complains "limit: the expression is longer than 65536 bytes" "$(printf 'abcdefgh%.0s' {1..8193})"
refuses 'limit: the expression is nested deeper than 64 levels' \
    "...$(printf '(%.0s' {1..49})" "$(printf ' %.0s' {1..51})^" "$(printf '(%.0s' {1..66})"

# ---- results ----
gives 0 '[
  1,
  2,
  "x"
]' a
gives 0 '[1,2,"x"]' a -o compact
gives 0 $'1\n2\nx' -o text a
gives 0 '[1,2,"x"]' -o compact 'a' -
gives 0 '{"a":[1,2,"x"],"b":{"c":null}}' --output=compact @ "$work/document"
gives 0 'null' nothing
gives 0 'null' -o text nothing
gives 0 '{"c":null}' -o text b
gives 1 'null' --check nothing
gives 1 '[]' -o compact -c 'a[?@ > `9`]'
gives 1 'false' -c '!a'
gives 0 '0' -c '`0`'
gives 0 'x' -c -o text 'a[2]'
echo '["\u001b[31m\u202e","\u00e4","a\nb"]' >"$work/document"
gives 0 '["\u001b[31m\u202e","ä","a\nb"]' -o compact @
gives 0 '\x1b[31m\u{202e}
ä
a\nb' -o text @
printf '18446744073709551615' >"$work/document"
gives 0 18446744073709551615 @
is 'a log' "$("$bin" eventlog -o json "$log" |
    "$bin" jmespath -o compact "length(events[?pcr == \`7\` && type == 'EV_SEPARATOR'])")" 1
is 'a full disk' "$("$bin" jmespath @ <"$work/document" 2>&1 >/dev/full)" \
    'bootwarden jmespath: standard output: No space left on device; the result is not whole'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
