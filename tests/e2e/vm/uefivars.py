"""uefivars.py - changes variables in OVMF's variable store, offline, in place of a person at its menus.

The store is a firmware volume: its header, a header of the store, then one entry after another, each
aligned to four bytes. No checksum covers the entries. A new value is written as flash is: the old
entry is marked deleted and another one appended.
"""
import struct
import uuid

from fault import LabError

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
SECURE_BOOT_ENABLE = uuid.UUID("f0a30bc7-af08-4556-99c4-001009c93a44")
SHIM = uuid.UUID("605dab50-e046-4300-abb6-3dd810dd8b23")
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
HEADER = struct.Struct("<HBBIQ16sIII16s")  # start, state, -, attributes, count, time, key, name, data, vendor
START, VALID, DELETED = 0x55AA, 0x3F, 0xFD
NON_VOLATILE_BOOT_SERVICES = 3


def entries(store, first, end):
    """(offset, state, vendor, name, size of the whole entry); last the offset of the free space."""
    at = first
    while at + HEADER.size <= end:
        start, state, _, _, _, _, _, name_size, data_size, vendor = HEADER.unpack_from(store, at)
        if start != START:
            break
        name = store[at + HEADER.size:at + HEADER.size + name_size].decode("utf-16-le").rstrip("\0")
        size = HEADER.size + name_size + data_size
        yield at, state, uuid.UUID(bytes_le=vendor), name, size
        at += (size + 3) & ~3
    yield at, None, None, None, 0


def set_variable(path, vendor, name, data):
    """Gives a variable of boot services this value, in the variable store PATH."""
    store = bytearray(path.read_bytes())
    volume_header, = struct.unpack_from("<H", store, 48)
    if store[40:44] != b"_FVH" or store[volume_header:volume_header + 16] != STORE.bytes_le:
        raise LabError(f"{path} is no variable store of OVMF")
    size, = struct.unpack_from("<I", store, volume_header + 16)
    end = volume_header + size
    at = 0
    for at, state, its_vendor, its_name, _ in entries(store, volume_header + 28, end):
        if state == VALID and (its_vendor, its_name) == (vendor, name):
            store[at + 2] = VALID & DELETED
    wide = (name + "\0").encode("utf-16-le")
    entry = HEADER.pack(START, VALID, 0, NON_VOLATILE_BOOT_SERVICES, 0, bytes(16), 0, len(wide), len(data),
                        vendor.bytes_le) + wide + data
    if len(entry) > end - at:
        raise LabError(f"{path} has no room for {name}")
    store[at:at + len(entry)] = entry
    path.write_bytes(store)


def secure_boot_off(path):
    """Off as by the firmware's menu: the keys stay."""
    set_variable(path, SECURE_BOOT_ENABLE, "SecureBootEnable", b"\0")


def enroll_mok(path, certificate):
    """A machine owner key, as shim's MokManager enrols it: CERTIFICATE is DER."""
    signature = uuid.UUID(int=0).bytes_le + certificate
    signature_list = X509.bytes_le + struct.pack("<III", 28 + len(signature), 0, len(signature)) + signature
    set_variable(path, SHIM, "MokList", signature_list)
