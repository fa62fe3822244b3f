#!/usr/bin/env bash
# bootwarden network: exit codes, messages and JSON; what a kernel makes of rulesets is network-nft.py.
set -uo pipefail
network() { "$BOOTWARDEN_BIN/bootwarden" network "$@"; }
vectors=$BOOTWARDEN_SOURCE/tests/vectors/network
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE PATTERN ARGUMENTS...: the exit code, and a pattern in what was said.
expect() {
    local code=$1 pattern=$2 said got
    shift 2
    said=$(network "$@" 2>&1)
    got=$?
    [ "$got" = "$code" ] || fail "network $*: exit $got, expected $code: $said"
    grep -qE -- "$pattern" <<<"$said" || fail "network $*: no '$pattern' in: $said"
}

tags=(--tags "$vectors/ServiceTags_SelfHosted_20261122.json")
flow=(--vnet 10.77.0.0/16 --local 10.77.0.10 --remote 198.51.100.20:443)
blocking=$vectors/nsg-blocking.json guest=$vectors/nsg-guest.json

# What is wrong.
sed 's/"priority": 4096/"priority": 200/' "$blocking" >"$work/conflict.json"
sed 's/10.77.1.0\/28/10.77.1.1\/28/' "$blocking" >"$work/bits.json"
sed 's/AzureAttestation/AzureAttestatoin/' "$guest" >"$work/typo.json"
echo '{"name":"x"' >"$work/broken.json"
expect 2 'FILE' check
expect 2 'cannot open' check "$work/none.json"
expect 2 'JSON' check "$work/broken.json"
expect 1 'DenyInternet.priority: conflicts with rule AllowDnsNtp.*\[SecurityRuleConflict\]' check "$work/conflict.json"
expect 1 'write 10.77.1.0/28.*\[SecurityRuleInvalidAddressPrefix\]' check "$work/bits.json"
expect 0 'valid' check "$work/typo.json"
expect 1 'AzureAttestatoin, which is not known' check "${tags[@]}" "$work/typo.json"
expect 2 'AzureAttestatoin, which is not known' test --nsg "$work/typo.json" "${tags[@]}" "${flow[@]}"
expect 2 '--local is missing' test --remote 198.51.100.20:443
expect 2 'needs the port of the service' test --local 10.77.0.10 --remote 198.51.100.20
expect 2 'must be IPv4, or both IPv6' test --local 10.77.0.10 --remote '[2001:db8::1]:443'
expect 2 'is no address' test --local 10.77.0.10 --remote 'server:443'
expect 2 '--vnet: .* has bits behind' test --vnet 10.77.0.1/16 --local 10.77.0.10 --remote 10.0.0.1:1
expect 2 '--interface is missing' export --vnet 10.77.0.0/16
expect 2 '--vnet is missing' export -i veh0 -a 10.77.0.10
expect 2 'is no name of an interface' export --vnet 10.77.0.0/16 -i 'a"b' -a 10.77.0.10
expect 2 'NAME=ADDRESS' export --vnet 10.77.0.0/16 -i a
expect 2 'of several' export --vnet 10.77.0.0/16 -i a -i b -a 10.77.0.10
expect 2 'is there twice' export --vnet 10.77.0.0/16 -i a=10.77.0.1 -i a=10.77.0.2
expect 2 'exclude each other' export --refresh --refresh-tag x --vnet 10.77.0.0/16 -i a=10.77.0.1
expect 2 "no rule of these groups names the service tag 'Storage'" export --nsg "$guest" "${tags[@]}" \
    --vnet 10.77.0.0/16 -i a=10.77.0.1 --refresh-tag Storage

# What is right.
expect 0 'nsg-guest with 5 rules' check "${tags[@]}" "$guest" "$blocking"
expect 0 'allowed: rule AllowAttestation of nsg-guest, at the nic' test --nsg "$guest" "${tags[@]}" "${flow[@]}"
expect 1 'to service tag AzureAttestation in network security group nsg-blocking' test --nsg "$blocking" "${tags[@]}" \
    "${flow[@]}"
expect 0 'no group has a say' test "${flow[@]}"
expect 0 'an address of the platform' test --nsg "$blocking" --local 10.77.0.10 --remote 169.254.169.254:80
expect 0 'flush set inet bootwarden_nsg st_AzureAttestation_v4' export --nsg "$guest" "${tags[@]}" \
    --vnet 10.77.0.0/16 -i a=10.77.0.1,2001:db8::1 --refresh

answer=$(network test --nsg "$guest" --subnet-nsg "$blocking" "${tags[@]}" "${flow[@]}" -o json)
jq -e '.access == "Deny" and .ruleName == "securityRules/DenyInternet" and .stage == "subnet" and .priority == 4096
    and .networkSecurityGroup == "nsg-blocking" and (.steps | length) == 2 and (.remedies | length) == 1
    and .remedies[0].rule.properties.destinationAddressPrefix == "AzureAttestation"' <<<"$answer" >/dev/null ||
    fail "JSON of a denial: $answer"

# The rule that is proposed, put into the group, is the remedy.
jq --argjson rule "$(jq '.remedies[0].rule' <<<"$answer")" '.properties.securityRules += [$rule]' "$blocking" \
    >"$work/repaired.json"
expect 0 'allowed: rule Allow-AzureAttestation-443 of nsg-blocking, at the subnet' test --nsg "$guest" \
    --subnet-nsg "$work/repaired.json" "${tags[@]}" "${flow[@]}"

answer=$(network check -o json "$guest" "$work/conflict.json")
jq -e '(.[0].valid and .[0].errors == []) and (.[1].valid | not)
    and .[1].errors[0].code == "SecurityRuleConflict" and .[1].errors[0].target == "priority"' <<<"$answer" >/dev/null ||
    fail "JSON of check: $answer"

echo "network: $failures failures"
[ "$failures" = 0 ]
