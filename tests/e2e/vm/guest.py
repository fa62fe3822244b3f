"""guest.py - what is in the guest: an initramfs that boots, and a disk with what is tested.

GRUB measures the initramfs, so it holds nothing that a new build changes: programs come with the
second disk, which nobody measures.
"""
import pathlib
import re
import subprocess
import tarfile

from fault import LabError

HERE = pathlib.Path(__file__).resolve().parent
LONGEST_ALIGNMENT = 4


def cpio_entry(number, name, mode, data):
    """newc format, of which the kernel reads initramfs; no times and owners, so that digests stay."""
    encoded = name.encode() + b"\0"
    head = "070701" + "".join(f"{value:08x}" for value in (
        number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0))
    out = head.encode() + encoded
    out += b"\0" * (-len(out) % LONGEST_ALIGNMENT)
    return out + data + b"\0" * (-len(data) % LONGEST_ALIGNMENT)


def write_initramfs(path, parts, release):
    """The initramfs for the kernel of this release."""
    modules = parts.modules(release)
    order = "".join(f"{module.name}\n" for module in modules).encode()
    files = [("init", 0o100755, (HERE / "guest/init").read_bytes()),
             ("bin", 0o040755, b""),
             ("bin/busybox", 0o100755, parts.path("busybox").read_bytes()),
             ("modules", 0o040755, b""),
             ("modules/order", 0o100644, order)]
    files += [(f"modules/{module.name}", 0o100644, module.read_bytes()) for module in modules]
    files.append(("TRAILER!!!", 0, b""))
    with open(path, "wb") as out:
        for number, (name, mode, data) in enumerate(files):
            out.write(cpio_entry(number, name, mode, data))
    return path


def libraries(program):
    """Shared libraries of a program, with the loader: paths on this machine."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0 or "not found" in done.stdout:
        raise LabError(f"ldd {program}: {done.stdout}{done.stderr}")
    return sorted(set(re.findall(r"(/\S+) \(0x", done.stdout)))


def write_disk(path, programs, extra_libraries=()):
    """A tar archive that is a disk: bin/ with the programs, lib/ and lib64/ with what they load."""
    wanted = {library for program in programs for library in libraries(program)}
    for name in extra_libraries:  # loaded by name at run time, so ldd does not tell
        found = pathlib.Path("/usr/lib/x86_64-linux-gnu") / name
        wanted |= {str(found), *libraries(found)}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, dereference=True) as archive:
        for program in programs:
            archive.add(program, f"bin/{pathlib.Path(program).name}")
        for library in sorted(wanted):
            folder = "lib64" if "/ld-linux" in library else "lib/x86_64-linux-gnu"
            archive.add(library, f"{folder}/{pathlib.Path(library).name}")
    size = path.stat().st_size
    with open(path, "ab") as disk:
        disk.truncate((size + 4095) // 4096 * 4096)
    return path
