#!/usr/bin/env bash
# tools/run, the first command of the README: it ends well, cleans up behind itself also when it
# is interrupted, and says what is missing.
set -u
cd "${BOOTWARDEN_SOURCE:?}" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fault() { echo "FAULT: $*"; tail -20 "$work/out"; failed=1; }

# What a run made must be gone: its folders (TMPDIR is ours alone), and every process that has one
# of them in its command line.
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
check_gone() {
    local pid
    [ -z "$(ls -A "$TMPDIR")" ] || fault "$1: $(ls -A "$TMPDIR") is still there"
    for pid in $(grep -lsaF -f <(printf '%s/\n' "$TMPDIR") /proc/[0-9]*/cmdline); do
        fault "$1: process $(tr '\0' ' ' <"$pid") is still there"
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

# The refusals say what to do.
tools/run >"$work/out" 2>&1 || fault "tools/run again: exit $?"
for words in 'what to do: Turn Secure Boot on' "what to do: Run 'mokutil --enable-validation'" \
    'what to do: Send the whole log of this boot'; do
    grep -qF "$words" "$work/out" || fault "tools/run does not say '$words'"
done

# Ctrl-C, which the whole process group gets, and a signal to tools/run alone: when words have been
# printed, when a process is at work, and at moments spread over the run.
cat >"$work/interrupt.py" <<'E2'
import os, signal, subprocess, sys, threading, time

log, kind, where = sys.argv[1:4]

def fresh():  # a shell starts background jobs with that signal ignored
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)

def at_work(session, name):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/stat").read().rsplit(")", 1)
        except OSError:
            continue
        if words[0].endswith("(" + name) and words[1].split()[3] == str(session):
            return True
    return False

run = subprocess.Popen(["tools/run"], stdout=open(log, "wb"), stderr=subprocess.STDOUT, preexec_fn=fresh)
began = time.monotonic()
while run.poll() is None:
    if kind == "words" and where.encode() in open(log, "rb").read():
        break
    if kind == "process" and at_work(run.pid, where[:15]):
        break
    if kind == "moment" and time.monotonic() - began >= float(where):
        break
    time.sleep(0.002)
if run.poll() is not None:
    sys.exit(0 if kind == "moment" else 1)  # a quick machine was done before
if sys.argv[4] == "group":
    os.killpg(run.pid, signal.SIGINT)
else:
    os.kill(run.pid, signal.SIGTERM)
# Before it has said what it does with signals there is nothing to clean up either. A run that was
# at its very end may be done.
allowed = {130, 143} | ({0, -signal.SIGINT, -signal.SIGTERM} if kind == "moment" else set())
sys.exit(0 if run.wait(60) in allowed else 1)
E2
interrupt() {
    python3 "$work/interrupt.py" "$work/out" "$@" || fault "interrupted at '$2' ($3): exit status"
    check_gone "interrupted at '$2' ($3)"
}
for words in 'The server' 'A machine boots' 'verdict: proven' 'Secure Boot switched off'; do
    interrupt words "$words" group
done
for process in swtpm_setup tpm2_pcrextend; do
    interrupt process "$process" group
    interrupt process "$process" alone
done
export BOOTWARDEN_BIN=${BOOTWARDEN_BIN:-build/release/bin} # from here on without building
for moment in 0.005 0.02 0.05 0.1 0.2 0.4 0.8 1.6; do
    interrupt moment $moment group
done

# A step that never ends is stopped, and said.
mkdir "$work/bin"
printf '#!/bin/sh\nsleep 1000\n' >"$work/bin/swtpm_setup"
chmod +x "$work/bin/swtpm_setup"
PATH=$work/bin:$PATH VTPM_TIME_LIMIT=1 timeout 60 tools/demo-vtpm start "$TMPDIR/vm" \
    --boot tests/vectors/boots/a-secureboot-healthy >"$work/out" 2>&1
[ $? -eq 1 ] && grep -q 'swtpm_setup did not end in time and was stopped' "$work/out" ||
    fault 'a step that hangs is not stopped'
rm -r "$TMPDIR/vm"
check_gone 'after a step that hangs'

exit $failed
