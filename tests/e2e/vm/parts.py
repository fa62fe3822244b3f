"""parts.py - what the machines boot: Debian's shim, GRUB and kernels, and a static busybox.

The packages are fetched by apt, which checks that Debian signed for them, and unpacked; nothing is
installed. What is needed of them is kept in a cache folder with the digest of each file, so that
only the first run uses the network. A cache with a wrong digest is fetched anew.

    tools/vm-parts             fetch what is missing, say where it is
    tools/vm-parts --refresh   fetch the packages of today
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from fault import LabError

FORMAT = 2  # of the cache; another one when this file takes other things from the packages
FETCH_LIMIT_S = 300
SIGNED = {
    "shim-signed": {"shimx64.efi": "usr/lib/shim/shimx64.efi.signed"},
    "shim-helpers-amd64-signed": {"mmx64.efi": "usr/lib/shim/mmx64.efi.signed"},
    "grub-efi-amd64-signed": {"grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"},
    "busybox-static": {"busybox": "bin/busybox"},
}
KERNEL = re.compile(r"^linux-image-(6\.1\.0-(\d+)-cloud-amd64)$")
# In the order of loading: virtio needs virtio_ring. What a kernel has built in, it has no file of.
MODULES = ("virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover "
           "net_failover virtio_net virtio_console efivarfs crc16 crc32c_generic mbcache jbd2 ext4").split()
# What depmod reads beside the modules.
LISTS = "modules.builtin modules.builtin.modinfo modules.order".split()


class Parts:
    """The cache: paths of files, and the two kernels' releases, older one first."""

    def __init__(self, folder):
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.releases = self.manifest["releases"]

    def path(self, name):
        return self.folder / name

    def kernel(self, release):
        return self.folder / release / "vmlinuz"

    def modules_folder(self, release):
        """What is /lib/modules/RELEASE in the guest: modules in their folders, and the package's lists."""
        return self.folder / release / "modules"

    def modules(self, release):
        """Paths of the modules to load below that folder, in order."""
        return self.manifest["modules"][release]

    def is_whole(self):
        if self.manifest.get("format") != FORMAT:
            return False
        return all((self.folder / name).is_file() and digest(self.folder / name) == wanted
                   for name, wanted in self.manifest["files"].items())


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "bootwarden" / "vm-parts"


def run(command, where):
    """Runs a program of Debian's; what it wrote to standard output."""
    try:
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{' '.join(command[:2])}: {error}") from error
    if done.returncode != 0:
        raise LabError(f"{' '.join(command[:4])}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def newest_kernels(where):
    """The packages of the two newest 6.1 cloud kernels that apt knows, older one first."""
    found = {}
    for line in run(["apt-cache", "pkgnames", "linux-image-6.1.0-"], where).split():
        match = KERNEL.match(line)
        if match:
            found[int(match[2])] = (line, match[1])
    if len(found) < 2:
        raise LabError("apt knows no two cloud kernels of Debian 12; do its sources have bookworm-security?")
    return [found[number] for number in sorted(found)[-2:]]


def fetch_packages(where):
    """Downloads and unpacks; names of packages with the kernel releases."""
    kernels = newest_kernels(where)
    names = [*SIGNED, *(package for package, _ in kernels)]
    run(["apt-get", "-qq", "download", *names], where)
    versions = {}
    for package in where.glob("*.deb"):
        name, version = run(["dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(package)], where).split()
        run(["dpkg-deb", "-x", str(package), str(where / name)], where)
        versions[name] = version
        package.unlink()
    return kernels, versions


def fetch_with_lists(where):
    """The same; when apt's lists are missing or too old and we may, they are renewed first."""
    try:
        return fetch_packages(where)
    except LabError as error:
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        try:
            run([*as_root, "apt-get", "-qq", "update"], where)
        except LabError:
            raise LabError(f"{error}; run 'apt-get update' as root and try again") from error
        return fetch_packages(where)


def take(package_folder, wanted, to):
    for name, inside in wanted.items():
        shutil.copyfile(package_folder / inside, to / name)


def take_kernel(package_folder, release, to):
    """The kernel and its modules; their paths below the modules' folder, in the order of loading."""
    to = to / release
    (to / "modules").mkdir(parents=True)
    shutil.copyfile(package_folder / f"boot/vmlinuz-{release}", to / "vmlinuz")
    modules = package_folder / f"lib/modules/{release}"
    builtin = (modules / "modules.builtin").read_text()
    take(modules, {f"modules/{name}": name for name in LISTS}, to)
    taken = []
    for name in MODULES:
        found = list(modules.rglob(f"{name}.ko"))
        if found:
            inside = found[0].relative_to(modules)
            (to / "modules" / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found[0], to / "modules" / inside)
            taken.append(str(inside))
        elif f"/{name}.ko" not in builtin:
            raise LabError(f"kernel {release} has no module {name}; tests/e2e/vm/parts.py names what it needs")
    return taken


def fill(folder):
    """Makes the cache folder anew; it appears as a whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch.") as text:
        work = pathlib.Path(text)
        packages, new = work / "packages", work / "new"
        packages.mkdir()
        new.mkdir()
        kernels, versions = fetch_with_lists(packages)
        for name, wanted in SIGNED.items():
            take(packages / name, wanted, new)
        modules = {release: take_kernel(packages / name, release, new) for name, release in kernels}
        files = {str(path.relative_to(new)): digest(path) for path in sorted(new.rglob("*")) if path.is_file()}
        manifest = {"format": FORMAT, "packages": versions, "releases": list(modules),
                    "modules": modules, "files": files}
        (new / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def parts(refresh=False):
    """The cache, filled if it has to be. One process fills it at a time."""
    folder = cache_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / "vm-parts.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError, ValueError, KeyError):
            cached = Parts(folder)
            if not refresh and cached.is_whole():
                return cached
        print(f"vm-parts: fetching boot components into {folder}", file=sys.stderr)
        fill(folder)
        return Parts(folder)


def main():
    if sys.argv[1:] not in ([], ["--refresh"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        found = parts(refresh=bool(sys.argv[1:]))
    except LabError as error:
        print(f"vm-parts: {error}", file=sys.stderr)
        return 1
    print(found.folder)
    for name, version in sorted(found.manifest["packages"].items()):
        print(f"  {name} {version}")
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
