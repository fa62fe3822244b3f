#!/bin/sh
# Tokens of ours verify with the jose command, and jose's tokens here (rules J-1, J-5).
set -eu

bin=${BOOTWARDEN_BIN:?folder with the built programs}
helper=$bin/helper-token
if ! command -v jose >/dev/null; then
    echo "no jose: tools/setup installs it"
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
now=$(date +%s)

for kind in rsa p256 p384; do
    mkdir "$work/$kind"
    "$helper" sign "$kind" "$work/$kind"
    # Ours, there.
    jose jws ver -i "$work/$kind/token" -k "$work/$kind/jwks.json" -O "$work/$kind/payload"
    grep -q '"iss":"https://localhost:8443"' "$work/$kind/payload"
    openssl x509 -in "$work/$kind/cert.pem" -noout -checkend 0 >/dev/null
    # Ours, here; then with another issuer, another time, another key.
    "$helper" verify "$work/$kind/jwks.json" "$work/$kind/token" https://localhost:8443 "$now"
    for fault in "https://localhost:8444 $now" "https://localhost:8443 $((now + 90000))"; do
        # shellcheck disable=SC2086
        if "$helper" verify "$work/$kind/jwks.json" "$work/$kind/token" $fault 2>/dev/null; then
            echo "$kind: verified with $fault"
            exit 1
        fi
    done
done
if "$helper" verify "$work/p384/jwks.json" "$work/p256/token" https://localhost:8443 "$now" 2>/dev/null; then
    echo "verified with another key"
    exit 1
fi

# Theirs, here.
for alg in RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512; do
    jose jwk gen -i "{\"alg\":\"$alg\",\"kid\":\"their-key\",\"use\":\"sig\"}" -o "$work/key.json"
    jose jwk pub -i "$work/key.json" -o "$work/pub.json"
    printf '{"keys":[%s]}' "$(cat "$work/pub.json")" >"$work/set.json"
    printf '{"iss":"https://issuer.example","exp":%s}' "$((now + 100))" >"$work/claims"
    jose jws sig -I "$work/claims" -k "$work/key.json" -c -o "$work/theirs" \
        -s '{"protected":{"typ":"JWT","kid":"their-key"}}'
    "$helper" verify "$work/set.json" "$work/theirs" https://issuer.example "$now"
done

# A secret in the set is left out, so its tokens have no key.
jose jwk gen -i '{"alg":"HS256","kid":"their-key"}' -o "$work/key.json"
printf '{"keys":[%s]}' "$(cat "$work/key.json")" >"$work/set.json"
jose jws sig -I "$work/claims" -k "$work/key.json" -c -o "$work/theirs" \
    -s '{"protected":{"typ":"JWT","kid":"their-key"}}'
if "$helper" verify "$work/set.json" "$work/theirs" https://issuer.example "$now" 2>/dev/null; then
    echo "an HMAC verified"
    exit 1
fi
echo "jose agrees"
