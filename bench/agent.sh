#!/usr/bin/env bash
# shellcheck disable=SC2154
# What the agent takes of a guest: `bootwarden-agent run` against a real server and a software TPM
# that shows a recorded boot. CPU is the agent's own (/proc/PID/stat), without the TPM's.
#
#   bench/agent.sh [ROUNDS]    how many attestations (20)
#
# Exit 1 when a size is beyond its budget, or the agent does not attest; times are of the machine.
set -u
export BOOTWARDEN_BIN=${BOOTWARDEN_BIN:-$PWD/build/release/bin} BOOTWARDEN_SOURCE=${BOOTWARDEN_SOURCE:-$PWD}
. "$BOOTWARDEN_SOURCE/tests/support/guest.bash"
rounds=${1:-20} memory_max_kib=4096 program_max_kib=400
agent=''
end_bench() { [ -n "$agent" ] && kill -9 "$agent" 2>/dev/null; end_guest_test; }
trap end_bench EXIT
start_server >/dev/null
boot vm1 a-secureboot-healthy
cp "$VTPM_CA" "$data/trust/ek/"
cat >"$work/agent.conf" <<EOF
server = $BOOTWARDEN_ENDPOINT
ca = $BOOTWARDEN_CA
tcti = $VTPM_TCTI
event-log = $VTPM_EVENT_LOG
state = $work/state
period = 1s
contact = 60
EOF
log=$work/agent.log
"$bin/bootwarden-agent" run --config "$work/agent.conf" 2>"$log" &
agent=$!
# rounds_are N: so many rounds came to a token.
rounds_are() {
    local tries=1200
    until [ "$(grep -c 'outcome=attested' "$log")" -ge "$1" ]; do
        tries=$((tries - 1))
        if [ "$tries" -le 0 ] || ! kill -0 "$agent" 2>/dev/null; then
            echo 'bench: the agent does not attest:' >&2
            tail -3 "$log" >&2
            exit 1
        fi
        sleep 0.1
    done
}
# All processes of the agent: it and its children.
family() { echo "$agent" $(pgrep -P "$agent"); }
ticks() { for pid in $(family); do awk '{ print $14 + $15 }' "/proc/$pid/stat"; done | awk '{ n += $1 } END { print n }'; }
memory() { for pid in $(family); do awk -v f="$1:" '$1 == f { print $2 }' "/proc/$pid/status"; done | awk '{ n += $1 } END { print n }'; }
rounds_are 2
before=$(ticks)
rounds_are $((rounds + 2))
after=$(ticks)
cp "$bin/bootwarden-agent" "$work/stripped"
strip "$work/stripped"
hz=$(getconf CLK_TCK)
median=$(sed -n 's/.*outcome=attested.* ms=\([0-9]*\).*/\1/p' "$log" | tail -n "$rounds" | sort -n | sed -n "$((rounds / 2))p")
status=0
# size WORDS BYTES MAX-KIB
size() {
    printf '  %-44s %6d KiB  (%d)\n' "$1" "$((($2 + 1023) / 1024))" "$3"
    [ "$2" -gt 0 ] && [ "$2" -le $(($3 * 1024)) ] && return
    echo "bench: beyond its budget: $1" >&2
    status=1
}
printf '\nagent in the guest, of %d attestations (budget)\n' "$rounds"
size 'anonymous memory, RssAnon of all processes' "$(($(memory RssAnon) * 1024))" "$memory_max_kib"
printf '  %-44s %6d KiB\n' 'resident memory, with shared libraries' "$(memory VmRSS)"
size 'the program, stripped' "$(stat -c %s "$work/stripped")" "$program_max_kib"
awk -v t="$((after - before))" -v hz="$hz" -v n="$rounds" \
    'BEGIN { printf "  %-44s %6.1f ms   (100)\n", "CPU of one attestation, beside the TPM", 1000 * t / hz / n }'
printf '  %-44s %6d ms\n' 'one attestation, session to report, median' "$median"
kill "$agent"
wait "$agent" 2>/dev/null
agent=''
exit $status
