"""processes.py - programs that run beside a scenario, and their end.

Each is ended by its own number. Should the runner itself be killed, the kernel ends them: they are
started with setpriv --pdeathsig, which goes by the thread that started them, so one thread starts a
program and stays until it has ended.
"""
import subprocess
import threading

from fault import LabError

END_LIMIT_S = 20
OUTPUT_LIMIT_S = 120

_lock = threading.Lock()
_running = set()
_stopping = False


def start(command, log, fds=()):
    """Starts a program whose output goes to the file LOG; FDS are what it inherits."""
    with open(log, "ab") as out, _lock:
        if _stopping:
            raise LabError("interrupted")
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, pass_fds=tuple(fds),
                                   start_new_session=True)  # Ctrl-C is for the runner alone
        _running.add(process)
        return process


def output(command):
    """What a program writes to standard output that ends by itself."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=OUTPUT_LIMIT_S,
                          check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def end(process):
    """Asks the process to end, then ends it; its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    return gone(process)


def kill(process):
    """Ends the process at once."""
    process.kill()
    return gone(process)


def gone(process):
    """Waits for a process that is ending."""
    code = process.wait(END_LIMIT_S)
    with _lock:
        _running.discard(process)
    return code


def stop_all():
    """Nothing is started any more, and what runs ends at once: scenarios on other threads then fail."""
    global _stopping
    with _lock:
        _stopping = True
        for process in _running:
            process.kill()


def stopping():
    return _stopping
