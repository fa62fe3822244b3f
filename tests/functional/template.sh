#!/usr/bin/env bash
# `bootwarden template expand`: what it shows, in both forms; faults with their places; exit statuses.
set -u
bin=${BOOTWARDEN_BIN:?}/bootwarden
examples=${BOOTWARDEN_SOURCE:?}/examples/templates
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
# is WHAT GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAULT: $1: '$2', wanted '$3'"
        head -5 "$work/err" "$work/out"
    fi
}
# has WHAT FILE PATTERN
has() {
    if grep -qE -- "$3" "$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAULT: $1: no '$3' in"
        head -20 "$2"
    fi
}
# expand CODE ARGUMENT...: with work/in on standard input
expand() {
    local code=$1
    shift
    timeout 60 "$bin" template expand "$@" <"$work/in" >"$work/out" 2>"$work/err"
    is "exit status of expand $*" "$?" "$code"
}
# refuses WORDS TEMPLATE ARGUMENT...: one line
refuses() {
    local words=$1
    printf '%s' "$2" >"$work/in"
    shift 2
    expand 2 - "$@"
    is "output" "$(cat "$work/out")" ''
    is "words" "$(cat "$work/err")" "bootwarden template: $words"
}
query() { "$bin" jmespath -o compact "$1" <"$work/out"; }
: >"$work/in"
head='{"$schema":"https://x/schemas/2019-04-01/deploymentTemplate.json#","contentVersion":"1.0.0.0",'

# ---- faults ----
refuses "-: the text is empty, expected JSON" ''
refuses "-:1:3: the content was invalid and could not be read: a comment begins that does not end" '{ /* x'
refuses "-:2:15: 'resources' must be an array or an object" "$head
 \"resources\": 1}"
refuses "-:3:9: resources[0].name: The template function 'nosuch' is not valid: there is none of that name" "$head
 \"resources\": [ { type: \"A.B/c\",
  name: \"[nosuch()]\" } ]}"
refuses "-:1:123: parameters.p: The value for the template parameter 'p' at line '1' and column '123' is not provided" \
    "${head}resources:[],parameters:{ p:{type:\"string\"}}}"
# with a file of parameters: each fault under the name of the file that has it
one="${head}resources:[],parameters:{ p:{type:\"string\"}}}"
given() { printf '%s' "$1" >"$work/p.json"; }
given '{"parameters":{"p":{"value":"x"}}}'
printf '%s' "$one" >"$work/in"
expand 0 -p "$work/p.json" -o json -
is "as az takes it, without a schema" "$(query 'parameters.p.value')" '"x"'
given '{"parameters":{"value":"x"}}'
printf '%s' "${one/ p:/ parameters:}" >"$work/in"
expand 0 -p "$work/p.json" -o json -
is "a parameter of that name" "$(query 'parameters.parameters.value')" '"x"'
given '{"p":{"value":"x"},
 "m":{"value":1}}'
refuses "$work/p.json:2:6: parameters.m: The parameter 'm' was supplied, but the template has none of this name; those it has are 'p'" \
    "$one" -p "$work/p.json"
given '{"parameters":
 {"p":{"value":7}}}'
refuses "$work/p.json:2:7: parameters.p: The provided value for the template parameter is not valid: a value of type 'String' is expected, it is an integer" \
    "$one" -p "$work/p.json"
given '{"p":"x"}'
refuses "$work/p.json:1:6: parameters.p: must be an object with a 'value'" "$one" -p "$work/p.json"
given '{"p":{"value":"x"},}'
refuses "$work/p.json:1:19: the content was invalid and could not be read: the text is not valid JSON: trailing comma is not allowed" \
    "$one" -p "$work/p.json"
given '{"parameters":[1]}'
expand 2 -p "$work/p.json" -
given '{}'
refuses "-:1:123: parameters.p: The value for the template parameter 'p' at line '1' and column '123' is not provided" "$one" -p "$work/p.json"
refuses "-:1:95: the template has the unknown member 'x'" "${head}x:1}"
refuses "-:1:181: resources[0].properties: links to templates are not supported; put the template itself into 'template'" \
    "${head}resources:[{type:\"Microsoft.Resources/deployments\",apiVersion:\"1\",name:\"n\",properties:{templateLink:{}}}]}"
expand 2 "$work/none"
has "missing file" "$work/err" 'none: cannot open'
expand 2
expand 2 - - -
expand 2 - --output xml
for scope in '--subscription abc' '-g a/b' '-g a.' "-g $(printf 'g%.0s' {1..91})" --location=; do
    # shellcheck disable=SC2086
    expand 2 "$examples/guest-attestation.json" $scope
done
has "empty location" "$work/err" 'needs a value, not an empty one: LOCATION'
printf '[]' >"$work/parameters"
expand 2 "$examples/guest-attestation.json" --parameters "$work/parameters"
has "parameters" "$work/err" 'the parameters must be a JSON object'
expand 2 "$examples/guest-attestation.json"
has "nothing given" "$work/err" "guest-attestation.json:[0-9]+:[0-9]+: .*'machines' at line"
timeout 60 "$bin" template nosuch >"$work/out" 2>"$work/err"
is "unknown verb" "$?" 2
python3 -c 'print("{" + " " * (5 << 20) + "}")' >"$work/in"
expand 2 -
has "too large" "$work/err" 'larger than|at most 4194304'

# ---- results ----
for form in file request bare; do
    case $form in
    file) cp "$examples/guest-attestation.parameters.json" "$work/parameters" ;;
    bare) echo '{"Machines":{"value":["web1","web2"]},"endpoint":{"value":"https://localhost:8443"}}' >"$work/parameters" ;;
    request)
        { echo '{"properties": {"parameters": {"machines":{"value":["web1","web2"]},"endpoint":{"value":"https://localhost:8443"}}, "mode": "Incremental", template:'
            cat "$examples/guest-attestation.json"
            echo '}}'; } >"$work/in"
        ;;
    esac
    if [ $form = request ]; then
        expand 0 - -o json -g web -l westeurope --subscription 11111111-1111-1111-1111-111111111111
    else
        expand 0 "$examples/guest-attestation.json" -p "$work/parameters" -o json -g web -l westeurope \
            --subscription 11111111-1111-1111-1111-111111111111
    fi
    is "ids ($form)" "$(query 'resources[*].id')" '["/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/web1/extensions/GuestAttestation","/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/web2/extensions/GuestAttestation"]'
    is "body ($form)" "$(query 'resources[1].body.[location,properties.settings.AttestationConfig.MaaSettings.maaEndpoint]')" '["westeurope","https://localhost:8443"]'
    is "outputs ($form)" "$(query 'keys(outputs.states.value[0])')" '["$unknown"]'
    is "parameters ($form)" "$(query 'parameters.machines.type')" '"Array"'
done
printf '%s' "${head}resources:[{type:\"A.B/c\",apiVersion:\"1\",name:\"b\",dependsOn:[\"a\"],tags:{t:\"\\u202ex\"}},{type:\"A.B/c\",apiVersion:\"1\",name:\"a\"},{type:\"A.B/c\",apiVersion:\"1\",name:\"s\",condition:false}]}" >"$work/in"
expand 0 -
is "order" "$(grep -oE '^[0-9]\. |/c/[abs].*$|after.*' "$work/out" | tr -d '\n')" \
    '1. /c/a2. /c/bafter 13. /c/s (skipped: its condition is false)'
has "escaped for terminals" "$work/out" '\\u\{202e\}x'

# ---- as many as a template may have ----
printf '%s' "${head}resources:[{type:\"A.B/c\",apiVersion:\"1\",name:\"[concat('c',copyIndex())]\",copy:{name:\"l\",count:800},properties:{p:\"[padLeft('x',20000)]\"}}]}" >"$work/in"
expand 0 -
is "resources of 800, shown" "$(grep -cE '^[0-9]+\. .*/c/c[0-9]+$' "$work/out")" 800
expand 0 - -o json
is "resources of 800 as JSON" "$(python3 -c 'import json, sys; print(len(json.load(sys.stdin)["resources"]))' <"$work/out")" 800
python3 -c 'import json; print(json.dumps({"machines": {"value": [f"m{i}" for i in range(800)]}}))' >"$work/parameters"
expand 0 "$examples/guest-attestation.json" -p "$work/parameters"
is "machines of the example" "$(grep -cE '^[0-9]+\. .*/GuestAttestation$' "$work/out")" 800

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
