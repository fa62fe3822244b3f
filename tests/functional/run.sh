#!/usr/bin/env bash
# tools/run, the first command of the README: it ends well, cleans up behind itself also when it
# is interrupted, and says what is missing.
set -u
cd "${BOOTWARDEN_SOURCE:?}" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fault() { echo "FAULT: $*"; tail -20 "$work/out"; failed=1; }

# What a run made must be gone: the folder whose name it printed, and every process in it.
check_gone() {
    local folder pid
    folder=$(grep -oE '/tmp/bootwarden\.[A-Za-z0-9]+' "$work/out" | head -n 1)
    [ -z "$folder" ] && return
    [ -e "$folder" ] && fault "$1: $folder is still there"
    for pid in /proc/[0-9]*; do
        if { tr '\0' ' ' <"$pid/cmdline"; } 2>/dev/null | grep -qF "$folder/"; then
            fault "$1: process ${pid#/proc/} is still there"
        fi
    done
}

timeout 300 tools/run >"$work/out" 2>&1 || fault "tools/run: exit $?"
for words in 'verdict: proven' 'token: signature ok' 'secureboot: true' 'Secure Boot: *on' \
    'secure-boot-off: ' 'shim-validation-off: ' 'log-replay: '; do
    grep -qE "$words" "$work/out" || fault "tools/run does not say '$words'"
done
check_gone 'after a run'

tools/run --nonsense >"$work/out" 2>&1
[ $? -eq 2 ] || fault 'an unknown option is wrong usage'
BOOTWARDEN_TCTI=device:/nonexistent/tpm tools/run --this-machine >"$work/out" 2>&1
[ $? -eq 2 ] && grep -q 'has no TPM 2.0' "$work/out" || fault 'no TPM: exit 2 and words'

# Ctrl-C at each stage: the whole process group gets it. python3 because a shell starts background
# jobs with that signal ignored.
for stage in 'The server' 'A machine boots' 'verdict: proven' 'Secure Boot switched off'; do
    python3 - "$work/out" "$stage" <<'E2'
import os, signal, subprocess, sys

def fresh():
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)

run = subprocess.Popen(["tools/run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=fresh)
with open(sys.argv[1], "wb") as log:
    sent = False
    for line in run.stdout:
        log.write(line)
        if not sent and sys.argv[2].encode() in line:
            os.killpg(run.pid, signal.SIGINT)
            sent = True
sys.exit(0 if run.wait(60) == 130 and sent else 1)
E2
    [ $? -eq 0 ] || fault "interrupted at '$stage': exit status"
    check_gone "interrupted at '$stage'"
done

exit $failed
