#!/usr/bin/env bash
# shellcheck disable=SC2154
# libbootwarden as other programs meet it: what it exports and needs, its header in C and C++,
# examples/README.md typed as it stands against an installed tree, with a token of a real server.
set -u
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
. "$source/tests/support/token.bash"
BUILD=$(dirname "$bin")
library=$BUILD/lib/libbootwarden.so
header=$source/include/bootwarden.h
san=()
if nm -D "$library" | grep -q __asan_init; then
    san=("-fsanitize=address,undefined")
fi
cc() { command cc "${san[@]}" "$@"; }

# ---- symbols ----
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
grep -oE '\bbootwarden_[a-z_]+\(' "$header" | tr -d '(' | sort -u >"$work/declared"
check 'exported is what the header declares' diff "$work/declared" "$work/exported"
check 'bootwarden_* alone' test -s "$work/exported" -a "$(grep -vc '^bootwarden_' "$work/exported")" -eq 0
nm -D --with-symbol-versions --defined-only "$library" | awk '$2 == "T"' >"$work/versions"
check 'every symbol has its version' test "$(grep -c '@@BOOTWARDEN_0$' "$work/versions")" -eq "$(wc -l <"$work/exported")"
nm --extern-only --defined-only "$BUILD/lib/libbootwarden.a" | awk 'NF == 3 { print $3 }' | sort >"$work/static"
check 'the static library exports the same' diff "$work/declared" "$work/static"
check 'the name that programs note' grep -q 'SONAME.*\[libbootwarden.so.0\]' <(readelf -d "$library")
if [ ${#san[@]} -eq 0 ]; then
    nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' >"$work/imported"
    # No files, network, clock, environment or output.
    grep -nxE '(f?open|openat|creat|read|write|f?printf|puts|socket|connect|getaddrinfo|(secure_)?getenv|time|gettimeofday|clock_gettime|pthread_create|exit|abort|signal)(64)?' \
        "$work/imported" >"$work/found"
    check "imports nothing that reaches out: $(tr '\n' ' ' <"$work/found")" test ! -s "$work/found"
fi

# ---- header ----
strict=(-Wall -Wextra -Werror -Wpedantic -fsyntax-only)
for compiler in gcc clang; do
    check "header in C11 with $compiler" "$compiler" -x c -std=c11 "${strict[@]}" -Wstrict-prototypes "$header"
done
for compiler in g++ clang++; do
    check "header in C++11 with $compiler" "$compiler" -x c++ -std=c++11 "${strict[@]}" -Wno-pragma-once-outside-header "$header"
done
while read -r name; do
    check "$name is in the manual page" grep -q "^\.F[no] .*$name" "$source/man/libbootwarden.3"
done <"$work/declared"
check 'the example sees no header of ours but the public one' \
    test "$(grep -c '#include "' "$source/examples/relying-party.c")" -eq 0
check 'the example is short' test "$(wc -l <"$source/examples/relying-party.c")" -lt 100

# ---- examples/README.md, as it stands ----
# typed SECTION: the commands of that section, in the folder where a reader would be.
typed() { sed -n "/^## $1\$/,/^## /s/^    //p" "$source/examples/README.md"; }
NONCE=n-$$-$RANDOM
PREFIX=$work/prefix
mkdir "$work/user"
cd "$work/user" || exit 1
cp "$source/examples/relying-party.c" .
commands=$(typed Build)
check 'the README has commands' test "$(grep -c '^cc ' <<<"$commands")" -eq 2
if ! eval "$commands" >"$work/out" 2>"$work/err"; then
    fault 'the commands of examples/README.md, section Build'
fi
check 'pkg-config knows the version' test "$(pkg-config --modversion bootwarden)" = "$(sed -n 's/^project(bootwarden VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")"
real_token "$NONCE" token.jwt
export ISSUER=$endpoint CA=$BOOTWARDEN_CA PATH=$bin:$PATH
commands=$(typed Run)
if (set -e; eval "$commands") >"$work/out" 2>"$work/err"; then
    passed=$((passed + 1))
else
    fault 'the commands of examples/README.md, section Run'
fi
check 'the machine is let in by name' grep -qE '^welcome, [0-9A-F-]{36}$' "$work/out"
check 'and the command says so too' grep -q '^VALID: ' "$work/out"

# A tree may be moved.
mv "$PREFIX" "$work/moved"
check 'pkg-config finds a tree that was moved' grep -qF "$work/moved" <(PKG_CONFIG_PATH=$work/moved/lib/pkgconfig \
    pkg-config --cflags --libs bootwarden)
mv "$work/moved" "$PREFIX"

# ---- decisions ----
export LD_LIBRARY_PATH=$PREFIX/lib
# decides CODE PATTERN ARGUMENT...: the shared, the static and the build tree's program agree.
decides() {
    local code=$1 pattern=$2 program got
    shift 2
    for program in ./relying-party ./relying-party-static "$BUILD/examples/relying-party"; do
        "$program" "$@" >"$work/out" 2>"$work/err"
        got=$?
        if [ "$got" -eq "$code" ] && cat "$work/err" "$work/out" | grep -qE -- "$pattern"; then
            passed=$((passed + 1))
        else
            fault "$program $*: exit $got, wanted $code and /$pattern/"
        fi
    done
}
check 'the shared program needs the library' grep -q 'libbootwarden.so.0' <(readelf -d relying-party)
check 'the static one does not' test "$(readelf -d relying-party-static | grep -c libbootwarden)" -eq 0
decides 0 '^welcome, ' keys.json token.jwt "$ISSUER" "$NONCE"
decides 1 '^denied: the token does not carry the nonce' keys.json token.jwt "$ISSUER" other
decides 1 '^denied: the token is of another issuer' keys.json token.jwt https://localhost:1 "$NONCE"
decides 1 '^denied: ' keys.json keys.json "$ISSUER" "$NONCE"
decides 2 'No such file' none.json token.jwt "$ISSUER" "$NONCE"
decides 2 '^usage: ' keys.json token.jwt
mkdir other
"$bin/helper-token" sign p256 other
decides 1 "^denied: the token's key is not in the key set" other/jwks.json token.jwt "$ISSUER" "$NONCE"
now=$(date +%s)
# minted CLAIMS: a token of the other issuer with them
minted() {
    jq -nc --argjson more "$1" --argjson now "$now" '{iss: "i", exp: ($now + 600), nonce: "n"} + $more' >claims
    "$bin/helper-token" mint other claims >minted
}
minted '{"secureboot":false}'
decides 1 '^denied: the machine booted without Secure Boot' other/jwks.json minted i n
minted '{"secureboot":"true"}'
decides 1 '^denied: the claim is of another kind' other/jwks.json minted i n
minted '{}'
decides 1 '^denied: the token has no such claim' other/jwks.json minted i n
minted '{"secureboot":true}'
decides 1 'does not say which machine' other/jwks.json minted i n
minted "{\"exp\":$((now - 3600)),\"secureboot\":true}"
decides 1 '^denied: the token has expired' other/jwks.json minted i n

# ---- neighbours ----
# A program with functions of the same names as ours, in C, and one in C++.
cat >neighbour.c <<'E2'
#include <bootwarden.h>
#include <stdio.h>
int arena_new(void);
int arena_new(void) { return 7; }
int main(void)
{
    struct bootwarden_keys *keys = NULL;
    return arena_new() == 7 && bootwarden_keys_new("{\"keys\":[]}", 11, &keys, NULL) == BOOTWARDEN_OK
               ? (bootwarden_keys_free(keys), 0) : 1;
}
E2
read -ra shared <<<"$(pkg-config --cflags --libs bootwarden)"
read -ra static <<<"$(pkg-config --cflags bootwarden) $PREFIX/lib/libbootwarden.a $(pkg-config --libs libcrypto yyjson)"
check 'a neighbour of the same name, static' cc -o neighbour neighbour.c "${static[@]}"
check 'and neither takes the other for itself' ./neighbour
check 'shared' cc -o neighbour neighbour.c "${shared[@]}"
check 'as well' ./neighbour
cat >neighbour.cc <<'E2'
#include <bootwarden.h>
#include <cstring>
int main()
{
    bootwarden_demands demands = {};
    demands.size = sizeof(demands);
    bootwarden_token *token = nullptr;
    return bootwarden_token_verify(nullptr, "", 0, &demands, &token, nullptr) == BOOTWARDEN_E_USAGE &&
                   std::strcmp(bootwarden_version(), "") != 0 ? 0 : 1;
}
E2
check 'in C++' g++ "${san[@]}" -std=c++11 -Wall -Wextra -Werror -o neighbour-cc neighbour.cc "${shared[@]}"
check 'and runs' ./neighbour-cc

report
