"""guest.py - what is in the guest: an initramfs that boots, a disk with what is tested, and one of its own.

GRUB measures the initramfs, so it holds nothing that a new build changes: programs come with the
second disk, which nobody measures. The third is the machine's own, and what it writes there stays.
"""
import os
import pathlib
import re
import shutil
import tarfile
import tempfile

import processes
from fault import LabError

HERE = pathlib.Path(__file__).resolve().parent
LONGEST_ALIGNMENT = 4
PROGRAMS = ("init", "bin/busybox")
OWN_DISK_SIZE = "8M"


def cpio_entry(number, name, mode, data):
    """newc format, of which the kernel reads initramfs; no times and owners, so that digests stay."""
    encoded = name.encode() + b"\0"
    head = "070701" + "".join(f"{value:08x}" for value in (
        number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0))
    out = head.encode() + encoded
    out += b"\0" * (-len(out) % LONGEST_ALIGNMENT)
    return out + data + b"\0" * (-len(data) % LONGEST_ALIGNMENT)


def find_program(name):
    """Path of a program, None when it is not there. Some are in folders that not everybody searches."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def index_of_modules(parts, release):
    """What kmod finds modules by: {name: bytes}, as depmod writes it."""
    with tempfile.TemporaryDirectory(prefix="bootwarden-depmod.") as root:
        folder = pathlib.Path(root) / "lib/modules" / release
        shutil.copytree(parts.modules_folder(release), folder)
        before = set(folder.iterdir())
        processes.output([find_program("depmod"), "-b", root, release])
        return {path.name: path.read_bytes() for path in sorted(set(folder.iterdir()) - before)}


def write_initramfs(path, parts, release):
    """The initramfs for the kernel of this release."""
    folder, modules = parts.modules_folder(release), parts.modules(release)
    files = {"init": (HERE / "guest/init").read_bytes(),
             "bin/busybox": parts.path("busybox").read_bytes(),
             "etc/modules": "".join(f"{module}\n" for module in modules).encode()}
    inside = f"lib/modules/{release}"
    files |= {f"{inside}/{module}": (folder / module).read_bytes() for module in modules}
    files |= {f"{inside}/{name}": data for name, data in index_of_modules(parts, release).items()}
    folders = sorted({str(parent) for name in files for parent in pathlib.PurePath(name).parents} - {"."})
    entries = [(name, 0o040755, b"") for name in folders]
    entries += [(name, 0o100755 if name in PROGRAMS else 0o100644, data) for name, data in files.items()]
    entries.append(("TRAILER!!!", 0, b""))
    with open(path, "wb") as out:
        for number, (name, mode, data) in enumerate(entries):
            out.write(cpio_entry(number, name, mode, data))
    return path


def write_own_disk(path, files):
    """An ext4 file system with {PATH: bytes}."""
    with tempfile.TemporaryDirectory(prefix="bootwarden-disk.") as root:
        for name, data in files.items():
            file = pathlib.Path(root) / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        path.unlink(missing_ok=True)
        processes.output([find_program("mke2fs"), "-q", "-t", "ext4", "-d", root, path,
                          OWN_DISK_SIZE])
    return path


def libraries(program):
    """Shared libraries of a program, with the loader: paths on this machine."""
    listed = processes.output(["ldd", program])
    if "not found" in listed:
        raise LabError(f"ldd {program}: {listed}")
    return sorted(set(re.findall(r"(/\S+) \(0x", listed)))


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
