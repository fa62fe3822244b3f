#!/usr/bin/env bash
# make.sh - made the files beside it: kernel modules that hold nothing but .modinfo, most of them
# signed, in the folder of a kernel that does not exist. Needs gcc, openssl, xz, zstd and depmod;
# tests need none of these. The key is thrown away, so another run gives other signatures.
set -euo pipefail
cd "$(dirname "$0")"

release=6.1.0-test
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
into=$work/lib/modules/$release
mkdir -p "$into/kernel"

# key FILE COMMON-NAME
key() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -sha256 -set_serial 0x66F54E1566A0 \
        -utf8 -subj "/CN=$2" -keyout "$work/$1.key" -out "$work/$1.crt" 2>/dev/null
}

# module NAME MEMBER...: an object with these members of .modinfo
module() {
    local name=$1 text=''
    shift
    for member in "name=$name" "$@"; do text+="$member\\0"; done
    printf 'const char modinfo[] __attribute__((section(".modinfo"))) = "%s";\n' "$text" >"$work/m.c"
    gcc -c -Os -fno-ident -fno-asynchronous-unwind-tables "$work/m.c" -o "$into/kernel/$name.ko"
    strip --strip-unneeded "$into/kernel/$name.ko"
}

# sign NAME KEY: what the kernel's scripts/sign-file appends
sign() {
    local file=$into/kernel/$1.ko
    openssl cms -sign -binary -noattr -nocerts -md sha256 -outform DER -signer "$work/$2.crt" \
        -inkey "$work/$2.key" -in "$file" -out "$work/sig" 2>/dev/null
    {
        cat "$work/sig"
        printf '\0\0\2\0\0\0\0\0'
        printf '%08x' "$(stat -c %s "$work/sig")" | sed 's/../\\x&/g' | xargs -0 printf '%b'
        printf '~Module signature appended~\n'
    } >>"$file"
}

key ours 'Bootwarden test signer'
key odd "$(printf 'line\033[31m%.0s' 1 2 3 4 5 6)"

module bw_good license=GPL srcversion=0123456789ABCDEF0123456
sign bw_good ours
module bw_packed license=GPL
sign bw_packed ours
module bw_squeezed license=GPL
sign bw_squeezed ours
module bw_unsigned license=GPL
module bw_lies license=GPL 'sig_id=PKCS#7' 'signer=Somebody Important' sig_key=01:02 sig_hashalgo=sha512
module bw_odd license=GPL
sign bw_odd odd
for name in bw_big_a bw_big_b bw_big_c bw_damaged; do module $name license=GPL; done
xz --check=crc32 "$into/kernel"/{bw_packed,bw_big_a,bw_big_b,bw_big_c}.ko
zstd -q --rm "$into/kernel/bw_squeezed.ko"
depmod -b "$work" "$release" 2>/dev/null

# Tests put something large, and something that is no module, where these were.
rm "$into/kernel"/{bw_big_a,bw_big_b,bw_big_c}.ko.xz "$into/kernel/bw_damaged.ko"
cp "$into/modules.dep.bin" "$into/kernel"/* .
