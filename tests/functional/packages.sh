#!/usr/bin/env bash
# shellcheck disable=SC2154,SC2034
# Debian packages: built as they are shipped, looked at by lintian, installed into a copy of this
# system that nobody else sees. There the agent proves itself as its own user, with the settings as
# they came and one line more; then all is purged, and nothing is left.
set -u
built=${BOOTWARDEN_SOURCE:?}/build/package/tested
if [ "${BOOTWARDEN_PACKAGES_BUILT:-}" != yes ]; then
    "$BOOTWARDEN_SOURCE/tools/package" --output "$built" || exit 1
    export BOOTWARDEN_PACKAGES_BUILT=yes
fi
if [ "$(id -u)" -ne 0 ]; then
    # Installing packages into another root, and giving files to other users, is root's alone.
    sudo -n true 2>/dev/null || { echo 'skipped: packages: needs root, or sudo without a password'; exit 77; }
    exec sudo -n --preserve-env=BOOTWARDEN_PACKAGES_BUILT,BOOTWARDEN_BIN,BOOTWARDEN_SOURCE,BOOTWARDEN_RELEASE_BIN "$0"
fi
# Mounts of its own, which end with this process.
if [ "${BOOTWARDEN_OWN_MOUNTS:-}" != yes ]; then
    export BOOTWARDEN_OWN_MOUNTS=yes
    unshare --mount true 2>/dev/null || { echo 'skipped: packages: no mounts are permitted here'; exit 77; }
    exec unshare --mount --propagation private "$0"
fi
[ -x "${BOOTWARDEN_RELEASE_BIN:-}/bootwarden-server" ] && export BOOTWARDEN_BIN=$BOOTWARDEN_RELEASE_BIN
. "${BOOTWARDEN_SOURCE:?}/tests/support/guest.bash"
root=$(mktemp -d /tmp/bootwarden-root.XXXXXX)
agent='' installed_server=''
end_package_test() {
    local pid
    trap '' INT TERM
    for pid in $agent $installed_server; do
        { kill "$pid" && wait "$pid"; } 2>/dev/null
    done
    umount -R -l "$root" 2>/dev/null
    rmdir "$root"
    end_guest_test
}
trap end_package_test EXIT
trap 'end_package_test; exit 130' INT TERM
packages=(bootwarden bootwarden-server bootwarden-agent libbootwarden0 libbootwarden-dev)
system=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8
    DEBIAN_FRONTEND=noninteractive)
inside() { env -i "${system[@]}" chroot "$root" "$@"; }
# as_service UNIT ARGUMENT...: what the unit starts, as the user it names, with no privilege. It becomes
# this process: for the background.
as_service() {
    local unit=$root/lib/systemd/system/$1.service user command
    shift
    user=$(sed -n 's/^User=//p' "$unit")
    read -ra command <<<"$(sed -n 's/^ExecStart=//p' "$unit")"
    exec env -i "${system[@]}" chroot "$root" setpriv --reuid "$user" --regid "$user" --init-groups \
        --bounding-set=-all --inh-caps=-all --no-new-privs "${command[@]}" "$@"
}
# until_true WORDS SECONDS COMMAND...: the command succeeds within that time.
until_true() {
    local words=$1 tries=$(($2 * 10))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $((tries -= 1)) -le 0 ]; then
            fault "$words"
            tail -n 5 "$work"/*.log
            return 1
        fi
        sleep 0.1
    done
    passed=$((passed + 1))
}
names() { (cd "$root" && find etc usr var/lib var/cache var/log -xdev -name '*bootwarden*' ! -path 'usr/src/*' | sort); }
lacks() { ! grep -qE -- "$1" "$2"; }

# ---- what was built ----
version=$(sed -nE 's/^project\(bootwarden VERSION ([0-9.]+) .*/\1/p' "$source/CMakeLists.txt")
debs=()
for package in "${packages[@]}"; do
    debs+=("$built/${package}_${version}_$(dpkg --print-architecture).deb")
    check "$package has its name and version" test -s "${debs[-1]}"
done
check 'debug symbols' test -s "$built/bootwarden-agent-dbgsym_${version}_$(dpkg --print-architecture).deb"
check 'lintian' lintian --fail-on error,warning "$built"/*.changes
check 'lintian finds no errors and no warnings' lacks '^[EW]:' "$work/check.out"
# shellcheck disable=SC1090
. <(sed -n '/^libraries=(/,/)/p' "$source/tools/setup") # sets libraries
for package in "${libraries[@]}"; do
    [ "$package" = libcmocka-dev ] || # for tests alone
        check "$package is among the Build-Depends" grep -qE "(: |^ +)$package\b" "$source/debian/control"
done
for unit in server agent; do
    score=$(systemd-analyze security --offline=true "$source/debian/bootwarden-$unit.service" | tail -n 1)
    echo "figure: exposure of bootwarden-$unit.service: $(grep -oE '[0-9]+\.[0-9] [A-Z]+' <<<"$score")"
    check "$unit: exposure below 2.0" grep -qE ': [01]\.[0-9] OK' <<<"$score"
done

# ---- a system to install into: this one, with a layer of its own over it ----
if ! mount -t tmpfs -o mode=755 none "$root" || ! mkdir "$root"/{upper,work,all} ||
    ! mount -t overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" none "$root/all"; then
    echo 'skipped: packages: no overlay of this system can be mounted here; nothing was installed'
    report && exit 77
    exit 1
fi
layers=$root
root=$root/all
for folder in run tmp dev; do mount -t tmpfs -o mode=1777 none "$root/$folder"; done
mount -t proc none "$root/proc"
for device in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
    read -r name major minor <<<"$device"
    mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
end_overlay() { root=$layers && end_package_test; }
trap end_overlay EXIT
trap 'end_overlay; exit 130' INT TERM
# As the kernel shows what was measured.
boot vm1 a-secureboot-healthy
log=$root/sys/kernel/security/tpm0/binary_bios_measurements
mkdir -p "${log%/*}"
install -m 440 "$VTPM_EVENT_LOG" "$log"

# ---- installing ----
inside dpkg --purge "${packages[@]}" >/dev/null 2>&1 # somebody may have them
names >"$work/before"
mkdir "$root/tmp/debs"
cp "${debs[@]}" "$root/tmp/debs"
check 'installs, with nothing but what the system has' \
    inside sh -c 'dpkg --force-unsafe-io -i /tmp/debs/*.deb'
cp "$work/check.out" "$work/install.log"
check 'says what to do about the agent' grep -q 'write "server = https://..." into /etc/bootwarden/agent.conf' "$work/install.log"
check 'all is configured' test -z "$(inside dpkg --audit)"
for package in "${packages[@]}"; do
    check "$package is as it was built" inside dpkg --verify "$package"
done
for program in bootwarden bootwarden-server bootwarden-agent; do
    check "version of $program" grep -qx "$program $version" <(inside "$program" --version)
    check "manual page of $program" inside sh -c "test -s /usr/share/man/man[18]/$program.[18].gz"
done
check 'the command finds its reference data' inside bootwarden reference show CVE-2023-28005
for user in bootwarden bootwarden-agent; do
    check "user $user cannot sign in" grep -qE ":/var/lib/$user:/usr/sbin/nologin$" <(inside getent passwd "$user")
    check "$user is as sysusers.d says, also a second time" inside systemd-sysusers "${user/%warden/warden-server}.conf"
done
check 'the agent may use the TPM' grep -qw tss <(inside id -Gn bootwarden-agent)
check 'the server may not' lacks '\btss\b' <(inside id -Gn bootwarden)
for unit in bootwarden-server bootwarden-agent; do
    check "$unit starts with the system" test -L "$root/etc/systemd/system/multi-user.target.wants/$unit.service"
    check "$unit.service is a sound unit" inside systemd-analyze verify --man=no "$unit.service"
    check "and nothing is said about it" test ! -s "$work/check.out"
done
check 'the event log is the agent'\''s to read, and nobody else'\''s' \
    test "$(stat -c '%a %U %g' "$log")" = "440 root $(inside id -g bootwarden-agent)"
udev=$root/lib/udev/rules.d/60-bootwarden-agent.rules
for program in $(grep -oE 'RUN\+="[^ "]+' "$udev" | cut -d'"' -f2); do
    check "$program of the udev rule is there" test -x "$root$program"
done

# ---- relying parties ----
check 'pkg-config' grep -qx "$version" <(inside pkg-config --modversion bootwarden)
check 'the example, with the shared library' inside sh -c \
    'cd /tmp && cc -o shared /usr/share/doc/libbootwarden-dev/examples/relying-party.c $(pkg-config --cflags --libs bootwarden) && ldd shared | grep -q libbootwarden.so.0'
check 'the example, with the static library' inside sh -c \
    'cd /tmp && cc -o static /usr/share/doc/libbootwarden-dev/examples/relying-party.c -l:libbootwarden.a $(pkg-config --libs libcrypto yyjson) && ! ldd static | grep -q libbootwarden'

# ---- the server, with the settings as they came but for the port ----
install -d -m 700 -o "$(inside id -u bootwarden)" -g "$(inside id -g bootwarden)" "$root/var/lib/bootwarden"
check 'listens on the loopback address alone' grep -qx 'listen = localhost:8443' "$root/etc/bootwarden/server.conf"
sed -i 's/^listen = .*/listen = localhost:0/' "$root/etc/bootwarden/server.conf"
as_service bootwarden-server >"$work/ready" 2>"$work/installed.log" &
installed_server=$!
until_true 'the server starts as its own user' 30 grep -q '^ready https://localhost:' "$work/ready"
check 'and serves' curl -sS --noproxy '*' --cacert "$root/var/lib/bootwarden/tls/ca.pem" "$(sed -n 's/^ready //p' "$work/ready")/readyz"
kill "$installed_server"
wait "$installed_server"
check 'and ends well' test $? -eq 0
installed_server=''

# ---- the agent: one line of settings is all ----
as_service bootwarden-agent >"$work/agent.log" 2>&1 &
wait $!
check 'without settings it ends with the usage error that is not tried again' test $? -eq 2
check 'which the unit knows' grep -qx RestartPreventExitStatus=2 "$root/lib/systemd/system/bootwarden-agent.service"
check 'and says what is missing' grep -q 'server = https://host:port in /etc/bootwarden/agent.conf' "$work/agent.log"
start_server --name localhost
set -a
. "$data/dev.env"
set +a
cp "$VTPM_CA" "$data/trust/ek/"
# The machine trusts the service's CA, as it trusts the CAs of the Internet.
install -m 644 "$BOOTWARDEN_CA" "$root/usr/local/share/ca-certificates/test.crt"
inside update-ca-certificates >"$work/ca.log" 2>&1
echo "server = $BOOTWARDEN_ENDPOINT" >>"$root/etc/bootwarden/agent.conf"
user=$(inside id -u bootwarden-agent):$(inside id -g bootwarden-agent)
# As docs/packaging.md says it of a file with a secret in it.
inside chown root:bootwarden-agent /etc/bootwarden/agent.conf
inside chmod 640 /etc/bootwarden/agent.conf
install -d -o "${user%:*}" -g "${user#*:}" "$root/var/lib/bootwarden-agent"
# The TPM is the one thing that is not where the kernel has it.
mkdir "$root/run/vtpm"
mount --bind "$work/vm1" "$root/run/vtpm"
chown "$user" "$work"/vm1/tpm.sock*
as_service bootwarden-agent --tcti swtpm:path=/run/vtpm/tpm.sock >>"$work/agent.log" 2>&1 &
agent=$!
healthy() { [ "$("$bin/bootwarden" vm list --output json | jq -r '.[].state')" = healthy ]; }
until_true 'the machine is healthy' 60 healthy
check 'as the user of the agent, and with no capability' test \
    "$(awk '/^(Uid|CapEff|CapBnd):/ { print $2 }' "/proc/$agent/status" | xargs)" = "${user%:*} 0000000000000000 0000000000000000"
check 'its status is there for everybody' inside setpriv --reuid nobody --clear-groups bootwarden-agent status
cp "$work/check.out" "$work/status"
check 'and good' grep -q '^attested ' "$work/status"
kill "$agent"
wait "$agent"
check 'the agent ends well' test $? -eq 0
agent=''
check 'then the status is good no more' test "$(inside bootwarden-agent status >"$work/status"; echo $?)" -eq 1
check 'for no agent runs' grep -q '^stale .*does not run' "$work/status"

# ---- an upgrade keeps the settings; purging leaves nothing but the users ----
check 'installs over itself' inside sh -c 'dpkg --force-unsafe-io -i /tmp/debs/bootwarden-agent_*.deb'
check 'and has nothing to say' lacks 'write "server' "$work/check.out"
check 'and keeps who may read them' test "$(stat -c '%a %U %g' "$root/etc/bootwarden/agent.conf")" = "640 root ${user#*:}"
check 'settings are kept' grep -qx "server = $BOOTWARDEN_ENDPOINT" "$root/etc/bootwarden/agent.conf"
check 'purge' inside dpkg --force-unsafe-io --purge "${packages[@]}"
names >"$work/after"
check 'nothing is left' diff "$work/before" "$work/after"
check 'but the users, whose numbers nobody else gets' test "$(inside getent passwd bootwarden bootwarden-agent | wc -l)" -eq 2
report
