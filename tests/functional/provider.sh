#!/usr/bin/env bash
# bootwarden provider against a server as it is installed for one host: everything that can be asked,
# and everything that can be wrong, each with one line that says what, where and what to do.
. "${BOOTWARDEN_SOURCE:?}/tests/support/server.bash" || exit 4
bin=$BOOTWARDEN_BIN/bootwarden
unset "${!BOOTWARDEN_@}"
PERMIT='version=1.0; authorizationrules{=> permit();}; issuancerules{};'

# say CODE PATTERN WORD...: exit status, and what is on standard error, in one line.
say() {
    local code=$1 pattern=$2 got
    shift 2
    what="provider $*"
    timeout 60 "$bin" provider "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    is "exit status of '$what'" "$got" "$code"
    has "standard error of '$what'" "$(cat "$work/err")" "$pattern"
    is "lines of error of '$what'" "$(wc -l <"$work/err")" 1
    is "a secret in '$what'" "$(grep -cFe "${BOOTWARDEN_CLIENT_SECRET:-no secret}" "$work/err")" 0
}
# run WORD...: must end with 0; its output in $out.
run() {
    what="provider $*"
    local got
    out=$(timeout 60 "$bin" provider "$@" 2>"$work/err")
    got=$?
    is "exit status of '$what' ($(head -c 300 "$work/err"))" "$got" 0
}
# shows PATTERN: the last run did.
shows() { has "output of '$what'" "$out" "$1"; }
# json FILTER WANTED: of the last run's output
json() { is "$1 of '$what'" "$(jq -r "$1" <<<"$out" 2>&1)" "$2"; }
person() {
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 2 -subj "/CN=$1" -keyout "$work/$1.key" \
        -out "$work/$1.pem" 2>/dev/null
}
by() { printf '%s\n' --sign-key "$work/$1.key" --sign-cert "$work/$1.pem"; }

# ---- no server, no use ----
say 2 'no server is named; set BOOTWARDEN_ENDPOINT or write --endpoint' list
say 2 "'http://localhost:1' must begin with https://; check --endpoint or BOOTWARDEN_ENDPOINT" list --endpoint http://localhost:1 --subscription s
say 2 "the CA file '/nonexistent' does not exist; check --ca or BOOTWARDEN_CA" list --endpoint https://localhost:1 --ca /nonexistent --subscription s
say 2 'no subscription is named; set BOOTWARDEN_SUBSCRIPTION' list --endpoint https://localhost:1
say 2 'BOOTWARDEN_TENANT is not set, so nobody can sign in; set BOOTWARDEN_TENANT, BOOTWARDEN_CLIENT_ID and BOOTWARDEN_CLIENT_SECRET, or BOOTWARDEN_TOKEN$' list --endpoint https://localhost:1 --subscription s
say 2 "there is no 'polcy'; did you mean 'policy'" polcy
say 2 "there is no 'policy sett'; did you mean 'policy set'" policy sett
say 2 "signer needs a verb: list, add, remove; see 'bootwarden provider --help'" signer
say 2 "unknown option '--secret'" list --secret x
for verb in list show create update delete rotate-key 'policy show' 'policy set' 'policy reset' 'signer list' 'signer add' 'signer remove'; do
    # shellcheck disable=SC2086
    run $verb --help
    shows "^usage: bootwarden provider $verb "
done
"$bin" provider >/dev/null 2>&1
is 'exit status without a verb' $? 2

# Two more who sign in, with the secret of the first: one reads in a group, one writes policies of one
# provider and may nothing else.
reader=11111111-1111-4111-8111-111111111111
author=22222222-2222-4222-8222-222222222222
start_dev "$work/data"
stop_server
jq --arg r $reader --arg a $author '.principals += [.principals[0] * {clientId: $r, objectId: $r, name: "reader"},
    .principals[0] * {clientId: $a, objectId: $a, name: "author"}]' "$work/data/identity/principals.json" >"$work/principals"
cat "$work/principals" >"$work/data/identity/principals.json"
jq -c --arg r $reader --arg a $author '{roleAssignments: [
    {principalId: $r, tenantId: .tenant, roleDefinitionId: "acdd72a7-3385-48ef-bd42-f606fba81ae7",
     scope: "/subscriptions/\(.subscription)/resourceGroups/vault"},
    {principalId: $a, tenantId: .tenant, roleDefinitionId: "bbf86eb8-f7b4-4cce-96e4-18cddf81d86e",
     scope: "/subscriptions/\(.subscription)/resourceGroups/bootwarden/providers/Microsoft.Attestation/attestationProviders/corp"}
    ]}' "$work/principals" >"$work/access"
install -m 600 "$work/access" "$work/data/access.json"
start_dev "$work/data"
set -a
# shellcheck source=/dev/null
. "$work/data/dev.env"
set +a
for name in owner second stranger; do person $name; done
echo "$PERMIT" >"$work/permit.txt"
group=/subscriptions/$BOOTWARDEN_SUBSCRIPTION/resourceGroups

# ---- wrong everything ----
say 3 'localhost:1: Connection refused; does the server run, and is the address right' list --endpoint https://localhost:1
BOOTWARDEN_CLIENT_SECRET=hush say 3 "signing in as $BOOTWARDEN_CLIENT_ID at localhost:$port is refused: .*; check BOOTWARDEN_CLIENT_ID and BOOTWARDEN_CLIENT_SECRET$" list
BOOTWARDEN_TENANT=nowhere say 3 "Tenant 'nowhere' not found; check BOOTWARDEN_TENANT" list
BOOTWARDEN_CLIENT_SECRET='' say 2 'BOOTWARDEN_CLIENT_SECRET is not set' list
BOOTWARDEN_CA='' say 3 "the server's certificate is refused.*; name the CA of the server with --ca or BOOTWARDEN_CA" list
say 3 "certificate is refused.*is --ca or BOOTWARDEN_CA the CA of this server" list --ca "$work/owner.pem"
BOOTWARDEN_TOKEN=nonsense say 3 'refused with 401 .*the token in BOOTWARDEN_TOKEN must be valid, for https://management.azure.com,' list
BOOTWARDEN_TOKEN=$'a\nb: c' say 2 'characters no token has; check BOOTWARDEN_TOKEN' list
say 3 'refused with 404 SubscriptionNotFound' list --subscription 00000000-0000-0000-0000-000000000009
say 3 'answers with 404 and something that is not this service|refused with 404' list --endpoint "$BOOTWARDEN_ENDPOINT/elsewhere"

# ---- providers ----
run list
shows '^NAME +LOCATION +GROUP +TRUST +ADDRESS$'
shows "^sharedeus +East US +\(shared\) +AAD +$endpoint\$"
say 2 "needs --location; 'bootwarden provider list' shows" create corp
say 2 "'a-b': a provider's name has letters and digits alone" create a-b -l eastus
say 2 "'sharedmine': names that begin with 'shared' are the service's own" create sharedmine -l eastus
say 2 "option --tag: 'env' is no tag; write NAME=VALUE" create corp -l eastus --tag env
say 3 'there is no such region.*; .bootwarden provider list. shows the locations' create corp -l atlantis
say 3 'the region West US is not served here; .bootwarden provider list. shows the locations' create corp -l westus
say 2 "$work/permit.txt: holds no certificate in PEM form" create corp -l eastus --signer "$work/permit.txt"
say 2 "$work/none: cannot open: .*; check the name" create corp -l eastus --signer "$work/none"
say 3 "there is no provider 'corp' in the subscription" show corp

run create corp --location eastus --tag env=test --tag team=boot
shows '^corp$'
shows "address +$endpoint/providers/corp\$"
shows 'resource group +bootwarden$'
shows 'trust model +AAD: '
shows 'tags +env=test, team=boot$'
say 3 "of this name in the resource group bootwarden already; 'bootwarden provider update' changes it" create corp -l eastus
say 3 'refused with 409 NameAlreadyExists: .*; names are unique on a server; choose another' create corp -l eastus -g other
run create isolated -l 'East US' -g vault --signer "$work/owner.pem" --tpm-authentication disabled -o json
json .properties.trustModel Isolated
json .properties.tpmAttestationAuthentication Disabled
json .id "$group/vault/providers/Microsoft.Attestation/attestationProviders/isolated"

run list -o json
json '[.[].name] | sort | join(" ")' 'corp isolated sharedeus'
run list --group vault
is 'lines of a group' "$(wc -l <<<"$out")" 2
run show ISOLATED --group VAULT -o json
json .name isolated
run show sharedeus
shows 'resource group +none: shared by everybody'
say 3 "there is no provider 'cirp' in the subscription .*; did you mean 'corp'" show cirp
say 3 "there is no provider 'corp' in the resource group vault" show corp -g vault

run update corp --tpm-authentication disabled --tag a=b=c --untag env -o json
json .properties.tpmAttestationAuthentication Disabled
json '.tags | tojson' '{"team":"boot","a":"b=c"}'
run update corp --tpm-authentication enabled
shows 'tags +team=boot, a=b=c$'
run create odd -l eastus -g 'Grüppe.(1)' --tag 'ü=1 & 2'
run update odd --tag a=b -o json
json '.tags | tojson' '{"ü":"1 & 2","a":"b"}'
run show odd -g 'Grüppe.(1)'
shows 'resource group +Grüppe.\(1\)$'
run delete odd
for odd in .. 'a b' a/b a%2fb "$(printf '%091d' 0)"; do say 2 "'$odd' is no resource group: " show corp -g "$odd"; done
say 2 'is no resource group' create other -l eastus -g 'a b'
say 2 'is no resource group' list -g 'a?b'
say 2 'nothing to change is named; write --tpm-authentication' update corp
for change in 'update --tag a=b' delete rotate-key; do
    # shellcheck disable=SC2086
    say 3 'sharedeus is shared by everybody and belongs to the service: nobody changes it; .bootwarden provider create.' $change sharedeus
done

# ---- policies ----
run policy show corp AzureGuest
is 'the default policy' "$out" "$("$bin" provider policy show sharedeus azureguest 2>/dev/null)"
has 'where it is from' "$(cat "$work/err")" '^bootwarden provider: corp, policy of AzureGuest: the default, not signed, x-ms-policy-hash [A-Za-z0-9_-]{43}$'
run policy show corp Tpm
has 'none' "$(cat "$work/err")" 'none is set, and there is no default'
is 'none on standard output' "$out" ''
printf '%s\t/* \303\244 */\r\n\n' "$PERMIT" >"$work/odd.txt" # byte for byte
run policy set corp Tpm "$work/odd.txt"
shows '^corp, policy of Tpm: set, x-ms-policy-hash'
"$bin" provider policy show corp Tpm >"$work/back.txt" 2>/dev/null
cmp -s "$work/odd.txt" "$work/back.txt" && ok || fault 'a policy comes back as another'
script -qec "'$bin' provider policy show corp Tpm" /dev/null >"$work/terminal" 2>/dev/null </dev/null
has 'on a terminal' "$(cat "$work/terminal")" "/\* ä \*/\\\\r"
hash=$("$bin" policy check -o json "$work/odd.txt" | jq -r .hash)
run policy show corp VbsEnclave -o json
json .origin set
json .policyHash "$hash"
json .signer null
run policy reset corp Tpm -o json
json .result Removed
say 2 "there is no attestation type 'Tmp'; did you mean 'Tpm'" policy show corp Tmp
say 2 "$work/none: cannot open" policy set corp Tpm "$work/none"
say 3 "sharedeus is shared by everybody .* nobody changes it" policy set sharedeus Tpm "$work/permit.txt"
say 3 "sharedeus is shared by everybody .* nobody changes it" policy reset sharedeus Tpm
say 3 "policy of Tpm: refused with 401 Unauthorized: .*shared providers are changed by nobody" policy set "$endpoint" Tpm "$work/permit.txt"

# What is no policy is shown, and not sent: the audit log knows of no try.
run policy set corp Tpm "$work/permit.txt"
audited=$(wc -l <"$work/data/audit.log")
printf 'version=1.0;\nauthorizationrules{=> permti();};\nissuancerules{};\n' >"$work/bad.txt"
"$bin" provider policy set corp Tpm "$work/bad.txt" >"$work/out" 2>"$work/err"
is 'exit status of a bad policy' $? 1
has 'a bad policy' "$(sed -n 1p "$work/err")" "^bootwarden provider policy set: $work/bad.txt:2:23: syntax: .*'permti'"
has 'its line' "$(sed -n 2p "$work/err")" '^ +authorizationrules\{=> permti\(\);\};$'
has 'its caret' "$(sed -n 3p "$work/err")" '^ +\^$'
has 'what became of it' "$(sed -n 4p "$work/err")" 'nothing was sent; the policy that was there stays$'
is 'a try of a bad policy' "$(wc -l <"$work/data/audit.log")" "$audited"
head -c 300000 /dev/zero | tr '\0' ' ' >"$work/huge.txt"
"$bin" provider policy set corp Tpm "$work/huge.txt" >"$work/out" 2>"$work/err"
is 'exit status of a policy that is too large' $? 1
run policy show corp Tpm
is 'the policy that was there' "$out" "$PERMIT"

# ---- a policy with very many oddities ----
{
    echo 'version=1.2; authorizationrules{'
    for i in {1..300}; do echo "=> issue(type=\"a$i\", value=1);"; done
    echo '=> permit();};'
} >"$work/odd.txt"
run policy set corp SgxEnclave "$work/odd.txt"
is 'warnings that are printed' "$(grep -c ': warning: ' "$work/err")" 10
has 'warnings that are not' "$(tail -1 "$work/err")" "odd.txt: and [0-9]+ more warnings; see 'bootwarden policy check'\$"

# ---- isolated: signed or not at all ----
say 3 "isolated, policy of Tpm: refused with 400 InvalidOperation: .*; sign it with --sign-key KEY.pem --sign-cert CERT.pem$" policy set isolated Tpm "$work/permit.txt"
mapfile -t owner < <(by owner)
mapfile -t second < <(by second)
mapfile -t stranger < <(by stranger)
say 3 'refused with 400 InvalidParameter: the signer is none of' policy set isolated Tpm "$work/permit.txt" "${stranger[@]}"
say 2 'stranger.pem: its first certificate is not of the key in --sign-key' policy set isolated Tpm "$work/permit.txt" --sign-key "$work/owner.key" --sign-cert "$work/stranger.pem"
say 2 '--sign-key and --sign-cert belong together' policy set isolated Tpm "$work/permit.txt" --sign-key "$work/owner.key"
cp "$work/owner.key" "$work/loose.key"
chmod 644 "$work/loose.key"
say 2 'loose.key: holds a private key but its mode is 0644; run: chmod 600 [^;]*$' policy set isolated Tpm "$work/permit.txt" --sign-key "$work/loose.key" --sign-cert "$work/owner.pem"
say 2 'owner.pem: holds a certificate and no private key; it belongs to --sign-cert, its key to --sign-key$' policy set isolated Tpm "$work/permit.txt" --sign-key "$work/owner.pem" --sign-cert "$work/owner.pem"
openssl pkcs8 -topk8 -passout pass:x -in "$work/owner.key" -out "$work/closed.key"
chmod 600 "$work/closed.key"
say 2 'closed.key: holds no private key in PKCS#8 PEM form without a passphrase; .openssl pkey' policy set isolated Tpm "$work/permit.txt" --sign-key "$work/closed.key" --sign-cert "$work/owner.pem"
# Issued by a signer that is a CA, for a server: whoever has it must not set policies.
openssl req -new -newkey rsa:2048 -nodes -subj /CN=web -keyout "$work/web.key" -out "$work/web.csr" 2>/dev/null
openssl x509 -req -in "$work/web.csr" -CA "$work/owner.pem" -CAkey "$work/owner.key" -CAcreateserial -days 2 -out "$work/web.pem" \
    -extfile <(printf 'keyUsage=keyEncipherment\nextendedKeyUsage=serverAuth\n') 2>/dev/null
mapfile -t web < <(by web)
say 3 'refused with 400 InvalidParameter: .*its keyUsage has no digitalSignature' policy set isolated Tpm "$work/permit.txt" "${web[@]}"
openssl x509 -req -in "$work/web.csr" -CA "$work/owner.pem" -CAkey "$work/owner.key" -CAcreateserial -days 2 -out "$work/web.pem" \
    -extfile <(printf 'keyUsage=digitalSignature\n') 2>/dev/null
run policy set isolated Tpm "$work/permit.txt" "${web[@]}"
run policy set isolated Tpm "$work/permit.txt" "${owner[@]}"
shows 'set, signed by CN=owner, x-ms-policy-hash'
# A key that another command hands over is read once, as it can be.
run policy set isolated Tpm "$work/permit.txt" --sign-key <(cat "$work/owner.key") --sign-cert "$work/owner.pem"
shows 'set, signed by CN=owner, x-ms-policy-hash'
run policy show isolated Tpm -o json
json .signer.subject CN=owner
say 2 'only a signer changes who signs; write --sign-key' signer add isolated "$work/second.pem"
say 3 'refused with 400 InvalidParameter' signer add isolated "$work/stranger.pem" "${stranger[@]}"
run signer add isolated "$work/second.pem" "${owner[@]}"
shows '^isolated: CN=second signs policies from now on \([0-9A-F]{40}\)$'
run signer list isolated -o json
json 'map(.subject) | join(" ")' 'CN=owner CN=second'
run policy reset isolated Tpm "${second[@]}" -o json
json .signer.subject CN=second
run signer remove isolated "$work/second.pem" "${owner[@]}" -o json
json .result IsAbsent
say 3 'refused with 400 InvalidParameter' policy set isolated Tpm "$work/permit.txt" "${second[@]}"
say 3 'the last policy signing certificate cannot be removed' signer remove isolated "$work/owner.pem" "${owner[@]}"
run signer list isolated
shows '^[0-9A-F]{40}  20[0-9TZ:-]{18}  CN=owner$'
run signer list corp
has 'no signers' "$(cat "$work/err")" 'corp has no policy signers: its policies need no signature'
say 3 'has the trust model AAD' signer add corp "$work/owner.pem" "${owner[@]}"

# A signer that an authority issued, with its chain, where the authority is registered.
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=issued -keyout "$work/issued.key" -out "$work/issued.csr" 2>/dev/null
openssl x509 -req -in "$work/issued.csr" -CA "$work/owner.pem" -CAkey "$work/owner.key" -days 1 -out "$work/leaf.pem" \
    -extfile <(echo basicConstraints=critical,CA:FALSE) 2>/dev/null
cat "$work/leaf.pem" "$work/owner.pem" >"$work/issued.pem"
mapfile -t issued < <(by issued)
run policy set isolated Tpm "$work/permit.txt" "${issued[@]}"
shows 'signed by CN=issued'

# ---- a token of somebody else, for one audience ----
token=$(curl -sS --cacert "$ca" "$endpoint/$BOOTWARDEN_TENANT/oauth2/v2.0/token" -d grant_type=client_credentials \
    -d "client_id=$BOOTWARDEN_CLIENT_ID" --data-urlencode "client_secret=$BOOTWARDEN_CLIENT_SECRET" \
    -d scope=https://attest.azure.net/.default | jq -r .access_token)
(
    unset BOOTWARDEN_TENANT BOOTWARDEN_CLIENT_ID BOOTWARDEN_CLIENT_SECRET BOOTWARDEN_SUBSCRIPTION
    export BOOTWARDEN_TOKEN=$token
    [ "$("$bin" provider policy show "$endpoint/providers/corp/" Tpm 2>/dev/null)" = "$PERMIT" ] &&
        "$bin" provider policy set "$endpoint/providers/corp" Tpm "$work/permit.txt" >/dev/null &&
        [ "$("$bin" provider signer list "$endpoint/providers/isolated" -o json | jq length)" = 1 ]
) && ok || fault 'a provider by its address, with a token for it alone'
BOOTWARDEN_TOKEN=$token say 3 'refused with 401 .*must be valid, for https://management.azure.com' list

# ---- keys ----
kids() { curl -sS --cacert "$ca" "$endpoint/providers/$1/certs" | jq -r '.keys[].kid' | sort; }
before=$(kids corp)
run rotate-key corp -o json
next=$(jq -r .nextSigningKeyId <<<"$out")
json .signingKeyId "$before"
is 'keys after a rotation' "$(kids corp)" "$(printf '%s\n' "$before" "$next" | sort)"
run policy show corp Tpm # signed with the old one still, and believed
run rotate-key isolated
shows '^isolated: a new key is published$'
shows 'signs now +[A-Za-z0-9+/=]{44}$'
shows 'signs next +[A-Za-z0-9+/=]{44}, from 20[0-9TZ:-]+ on$'

# ---- who may what ----
(
    export BOOTWARDEN_CLIENT_ID=$reader
    [ "$("$bin" provider show isolated --group vault -o json | jq -r .name)" = isolated ] &&
        "$bin" provider policy show isolated Tpm --group vault >/dev/null 2>&1 &&
        "$bin" provider list --group vault >/dev/null
) && ok || fault 'a reader of a group'
BOOTWARDEN_CLIENT_ID=$reader say 3 'refused with 403 AuthorizationFailed: .*; with --group GROUP a role at the group or the provider is enough' show isolated
BOOTWARDEN_CLIENT_ID=$reader say 3 'refused with 403 AuthorizationFailed: .*; ask an owner for a role: Reader to look, Contributor to change' delete isolated -g vault
BOOTWARDEN_CLIENT_ID=$reader say 3 'refused with 401 Unauthorized: .*Attestation Reader to look, Attestation Contributor to change' policy set isolated Tpm "$work/permit.txt" -g vault "${owner[@]}"
BOOTWARDEN_CLIENT_ID=$author say 3 'refused with 403 AuthorizationFailed' policy set corp Tpm "$work/permit.txt" -g bootwarden
BOOTWARDEN_CLIENT_ID=$author run policy set "$endpoint/providers/corp" Tpm - <"$work/permit.txt"
BOOTWARDEN_CLIENT_ID=$author say 3 'refused with 401 Unauthorized' policy show "$endpoint/providers/isolated" Tpm

# ---- closed to the network ----
run update corp --public-access disabled
shows 'public network access +Disabled: its address answers nobody$'
say 3 "refused with 403 PublicNetworkAccessDisabled: .*update NAME --public-access enabled' opens it" policy show corp Tpm
run update corp --public-access enabled

# ---- interrupted in the middle of a change, and output that cannot be written ----
cat >"$work/interrupt.py" <<'E2'
import os, signal, subprocess, sys, time

run = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                       text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
def is_connecting():
    for name in os.listdir(f"/proc/{run.pid}/fd"):
        try:
            if os.readlink(f"/proc/{run.pid}/fd/{name}").startswith("socket:"):
                return True
        except OSError:
            pass
    return False

while run.poll() is None and not is_connecting():
    time.sleep(0.005)
run.send_signal(signal.SIGINT)
said = run.communicate(timeout=20)[1]
print(run.returncode, said.strip())
E2
kill -STOP "$server_pid"
said=$(BOOTWARDEN_TOKEN=$token python3 "$work/interrupt.py" "$bin" provider policy set "$endpoint/providers/corp" Tpm "$work/permit.txt")
has 'a change that is interrupted' "$said" "^-2 bootwarden provider policy set: interrupted while the change was on its way: 'bootwarden provider policy show $endpoint/providers/corp Tpm' shows whether it was made\$"
said=$(BOOTWARDEN_TOKEN=$token python3 "$work/interrupt.py" "$bin" provider list)
is 'a question that is interrupted' "$said" '-2 '
kill -CONT "$server_pid"
"$bin" provider list >/dev/full 2>"$work/err"
is 'exit status with a full disk' $? 4
has 'a full disk' "$(cat "$work/err")" 'standard output: .*; the result is not whole'

# ---- away ----
for verb in delete rotate-key 'update --public-access enabled'; do
    # shellcheck disable=SC2086
    say 2 "'$endpoint/providers/corp' is an address, .* write the provider's name, which 'bootwarden provider list' shows\$" $verb "$endpoint/providers/corp"
done
run delete corp
shows '^corp: deleted with its policies and keys; tokens that it signed cannot be verified any more$'
say 3 "there is no provider 'corp' in the subscription" delete corp
run delete isolated --group vault -o json
json .deleted true
stop_server
say 3 'Connection refused; does the server run' list
is 'secrets in the audit log' "$(grep -cFe "$BOOTWARDEN_CLIENT_SECRET" "$work/data/audit.log")" 0
report
