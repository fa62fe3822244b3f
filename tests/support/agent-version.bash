# agent-version.bash - for functional tests: agents that do not work, as any version.

# say_version PROGRAM VERSION COPY: a copy of helper-agent that says to be of that version. Programs
# that say another than 99.99.99 stay as they are.
say_version() {
    python3 - "$@" <<'END'
import pathlib, sys
program, version, copy = sys.argv[1:]
size = 32  # of the text in the note (src/package/program.h)
data = pathlib.Path(program).read_bytes()
pathlib.Path(copy).write_bytes(data.replace(b"99.99.99".ljust(size, b"\0"), version.encode().ljust(size, b"\0")))
pathlib.Path(copy).chmod(0o755)
END
}
