# squid.bash - for functional tests: a squid of the test's own, on loopback, with its files in $work.
# Source it after guest.bash. What is started here ends with end_squids.
# shellcheck shell=bash disable=SC2154
squid_program=$(command -v squid || echo /usr/sbin/squid)
[ -x "$squid_program" ] || { echo 'squid is missing: run tools/setup'; exit 1; }
squid_helpers=$(for folder in /usr/lib/squid /usr/libexec/squid /usr/lib64/squid; do
    [ -x "$folder/basic_ncsa_auth" ] && echo "$folder" && break
done)
declare -A squid_pids

# start_squid NAME LINE...: with these lines in its configuration, before "allow everybody". Its port
# is in $squid_port.
start_squid() {
    local name=$1 folder=$work/squid-$1 tries
    shift
    mkdir -p "$folder"
    squid_port=$(python3 -c 'import socket
with socket.create_server(("127.0.0.1", 0)) as listener: print(listener.getsockname()[1])')
    printf '127.0.0.1 attest.example denied.example\n' >"$folder/hosts"
    {
        printf '%s\n' "http_port 127.0.0.1:$squid_port" 'pid_filename none' 'cache deny all' 'cache_mem 0 MB' \
            "access_log stdio:$folder/access.log" 'cache_log /dev/null' 'coredump_dir /' 'logfile_rotate 0' \
            'pinger_enable off' 'netdb_filename none' 'shutdown_lifetime 0 seconds' 'visible_hostname squid.test' \
            "hosts_file $folder/hosts" 'dns_nameservers 127.0.0.1' 'dns_timeout 2 seconds' \
            'connect_timeout 3 seconds' 'forward_max_tries 1' "$@" 'http_access allow all'
    } >"$folder/squid.conf"
    # It takes another user when root starts it.
    : >"$folder/access.log"
    chmod 755 "$work" "$folder"
    chmod 666 "$folder/access.log"
    "$squid_program" -N -n "bw${name}$$" -d 1 -f "$folder/squid.conf" >"$folder/log" 2>&1 &
    squid_pids[$name]=$!
    for ((tries = 0; tries < 300; tries++)); do
        grep -q 'Accepting HTTP' "$folder/log" && return
        kill -0 "${squid_pids[$name]}" 2>/dev/null || break
        read -rt 0.1 <> <(:) || :
    done
    echo "squid $name does not start:"
    tail -5 "$folder/log"
    exit 1
}
end_squids() {
    local name
    for name in "${!squid_pids[@]}"; do
        kill -9 "${squid_pids[$name]}" 2>/dev/null
        wait "${squid_pids[$name]}" 2>/dev/null
        rm -f "/dev/shm/bw${name}$$"-*
    done
}
# passed_squid NAME PATTERN: its log has such a line.
passed_squid() { grep -qE -- "$2" "$work/squid-$1/access.log"; }
