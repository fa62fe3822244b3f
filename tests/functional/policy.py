#!/usr/bin/env python3
"""bootwarden policy as people and scripts meet it: every conformance case through `eval`, what is
said about a bad policy, the layout in files, and exit statuses."""
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile

source = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"])
program = os.path.join(os.environ["BOOTWARDEN_BIN"], "bootwarden")
work = pathlib.Path(tempfile.mkdtemp(prefix="bootwarden."))
passed = 0
faults = 0


def expect(what, got, wanted):
    global passed, faults
    if got == wanted:
        passed += 1
    else:
        faults += 1
        print(f"FAULT: {what}: got {got!r}, wanted {wanted!r}")


def run(*arguments, given=None):
    return subprocess.run([program, "policy", *map(str, arguments)], input=given,
                          capture_output=True, timeout=60)


def file(name, text):
    path = work / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def has(what, text, *wanted):
    text = text.decode()
    for piece in wanted:
        expect(f"{what} says {piece!r}", piece in text, True)
    expect(f"{what} is printable", all(c.isprintable() or c == "\n" for c in text), True)


# ---- every conformance case ----
cases = json.loads((source / "tests/vectors/policy/cases.json").read_text())
for case in cases:
    policy = file("case.txt", case["policy"])
    claims = file("case.json", json.dumps(case["incoming_claims"]))
    ran = run("eval", policy, "--claims", claims, "--explain", "--output", "json")
    got = json.loads(ran.stdout)
    wanted = case["expect"]
    name = case["name"]
    expect(f"{name}: exit status", ran.returncode,
           {"permit": 0, "deny": 1, "error": 2}[wanted["result"]])
    for member in ("result", "reason"):
        expect(f"{name}: {member}", got.get(member), wanted.get(member))
    if wanted["result"] == "error":
        expect(f"{name}: error", {k: got["error"][k] for k in ("code", "kind")}, wanted["error"])
        expect(f"{name}: line", got["error"]["line"] >= 1, True)
    else:
        expect(f"{name}: issued", got["issued"], wanted.get("issued", []))
        expect(f"{name}: properties", got["properties"], wanted.get("properties", []))
        if "token_claims" in wanted:
            expect(f"{name}: token", got["token_claims"], wanted["token_claims"])
        for rule in got["explain"]:
            expect(f"{name}: why", bool(rule["why"]), True)
print(f"policy: {len(cases)} cases through the command")
expect("cases", len(cases), 399)

# ---- check ----
bad = file("bad.txt", 'version=1.2;\nauthorizationrules{\n\t[typ=="\x1b[31m"] => permit();\n};\n')
ran = run("check", bad)
expect("bad policy", ran.returncode, 1)
expect("nothing on standard output", ran.stdout, b"")
has("a fault", ran.stderr, f"bootwarden policy: {bad}:3:3: unknown-property: ",
    '\n     [typ=="\\x1b[31m"] => permit();\n      ^\n')
got = json.loads(run("check", "-o", "json", bad).stdout)
expect("valid", got["valid"], False)
expect("fault in JSON", {k: got["errors"][0][k] for k in ("code", "kind", "line", "column", "symbol", "rule")},
       {"code": "PolicyParsingError", "kind": "unknown-property", "line": 3, "column": 3,
        "symbol": "typ", "rule": "claimRule > claimPropertyCondition"})
odd = file("odd.txt", 'version=1.2; authorizationrules{ => issue(type="a", value=1); => permit(); };')
ran = run("check", odd)
expect("warnings", ran.returncode, 0)
has("a warning", ran.stderr, f"{odd}:1:37: warning: issue in authorizationrules")
has("a valid policy", ran.stdout, "valid, x-ms-policy-hash ")
expect("strict", run("check", "--strict", odd).returncode, 1)
got = json.loads(run("check", "-o", "json", odd).stdout)
expect("warnings in JSON", (got["valid"], got["errors"], len(got["warnings"]), got["warnings"][0]["line"]),
       (True, [], 1, 1))
ran = run("check", "-", given=b"version=1.0;authorizationrules{=>permit();};")
expect("standard input", ran.returncode, 0)
ran = run("check", file("large.txt", b"version=1.0;" + b" " * (256 * 1024)))
expect("too large", ran.returncode, 1)
has("too large", ran.stderr, "too-large: a policy has at most 262144 bytes")
ran = run("check", file("bytes.txt", b"version=1.0;\n\xff"))
has("broken text", ran.stderr, "bytes.txt:2:1: encoding:")
expect("huge", run("check", file("huge.txt", b"x" * (8 * 1024 * 1024))).returncode, 2)
expect("no file", run("check", work / "none").returncode, 2)

# ---- fmt ----
ugly = 'version= 1.2; // v\nauthorizationrules{c :[type=="a"]=>add(claim=c);\n// own\n=>permit();};'
neat = ('version=1.2; // v\n\nauthorizationrules\n{\n    c:[type=="a"] => add(claim=c);\n'
        "    // own\n    => permit();\n};\n")
path = file("ugly.txt", ugly)
path.chmod(0o640)
link = work / "link.txt"
link.symlink_to(path)
expect("to standard output", run("fmt", path).stdout.decode(), neat)
expect("the file stays", path.read_text(), ugly)
ran = run("fmt", "--check", path)
expect("would change", (ran.returncode, ran.stdout.decode()), (1, f"{path}\n"))
expect("written", run("fmt", "--write", link).returncode, 0)
expect("what was written", path.read_text(), neat)
expect("the mode stays", stat.S_IMODE(path.stat().st_mode), 0o640)
expect("the link stays", link.is_symlink(), True)
expect("nothing to change", (run("fmt", "-c", path, link).returncode, run("fmt", "-w", path).returncode), (0, 0))
ran = run("fmt", path, bad)
expect("one of two is no policy", (ran.returncode, ran.stdout.decode()), (2, neat))
expect("both ways", run("fmt", "-w", "-c", path).returncode, 2)
expect("standard input is not written", run("fmt", "-w", "-", given=b"").returncode, 2)
expect("standard input", run("fmt", "-", given=ugly.encode()).stdout.decode(), neat)

# ---- eval ----
policy = file("policy.txt", 'version=1.2;\nauthorizationrules{\n[type=="a", value==false] => deny();\n=> permit();};\n'
              'issuancerules{\nc:[type=="t"] => issue(type="t", value=c.value);};')
claims = file("claims.json", json.dumps([{"type": "a", "value": True}, {"type": "t", "value": "\x1b]0;x"}]))
ran = run("eval", policy, "-c", claims, "-e")
expect("permit", ran.returncode, 0)
has("permit", ran.stdout, "permit: line 4 permits without condition", 't = "\\x1b]0;x"',
    "did not fire: condition 1, [type==\"a\", value==false]: of 1 claim with type==\"a\", none has value==false",
    "fired: permits")
ran = run("eval", policy, "-c", file("off.json", '[{"type":"a","value":false}]'))
expect("deny", ran.returncode, 1)
has("deny", ran.stdout, "deny: line 3 denies: a is false")
ran = run("eval", file("fails.txt", 'version=1.2;authorizationrules{\n=> add(type="x", value=NegateBool(1));};'), "-c", claims)
expect("fails", ran.returncode, 2)
has("fails", ran.stdout, "error: type-mismatch")
has("fails", ran.stderr, ":2:1: type-mismatch: NegateBool: the first argument is of kind Integer")
ran = run("eval", bad, "-c", claims)
expect("no policy", ran.returncode, 2)
has("no policy", ran.stderr, "unknown-property")
for text, wanted in (
        ("{}", "must be an array of claims"),
        ("[1]", "[0]: must be an object"),
        ('[{"type":"a"}]', "[0].value: is missing"),
        ('[{"type":"a","value":1.5}]', "[0].value: must be a string, a whole number"),
        ('[{"type":"a","value":9223372036854775808}]', "[0].value: must be"),
        ('[{"type":"a","value":1,"valueType":"String"}]', "[0].valueType: does not fit"),
        ('[{"type":"a","value":1,"issuer":"me"}]', "[0].issuer: must be AttestationService"),
        ('[{"type":"a","value":1,"readonly":true}]', "[0].readonly: is no member"),
        ("[", "is not valid JSON")):
    ran = run("eval", policy, "-c", file("wrong.json", text))
    expect(f"claims {text}", ran.returncode, 2)
    has(f"claims {text}", ran.stderr, wanted)

# ---- words ----
for arguments, wanted in (
        ((), "usage: bootwarden policy VERB"),
        (("chek",), "there is no 'chek'; write check, fmt or eval"),
        (("check",), "see 'bootwarden policy check --help'"),
        (("eval", policy), "--claims is missing"),
        (("eval", "-", "-c", "-"), "cannot both come from standard input"),
        (("eval", "--clams", "x", policy), "did you mean '--claims'")):
    ran = run(*arguments)
    expect(f"policy {arguments}", ran.returncode, 2)
    has(f"policy {arguments}", ran.stderr, wanted)
for verb in ("check", "fmt", "eval"):
    ran = run(verb, "--help")
    expect(f"{verb} --help", ran.returncode, 0)
    has(f"{verb} --help", ran.stdout, f"usage: bootwarden policy {verb}", "Exit status")

print(f"policy: {passed} checks passed, {faults} failed")
for path in work.iterdir():
    path.unlink()
work.rmdir()
sys.exit(1 if faults else 0)
