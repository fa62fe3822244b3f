"""disk.py - boot disks: a GPT with one EFI system partition, and files on it.

The firmware measures the partition table (PCR 5), so its GUIDs are the same on every disk: what
differs between two boots is what the scenario changed.
"""
import struct
import uuid
import zlib

import processes

SECTOR = 512
DISK_SECTORS = 4 << 20  # the file has holes
FIRST, COUNT = 2048, (4 << 20) - 4096  # of the partition
# GRUB looks for each cluster of the kernel in the FAT: small ones cost seconds under emulation.
CLUSTER_SECTORS = 32
ENTRIES, ENTRY_SIZE = 128, 128
TABLE_SECTORS = ENTRIES * ENTRY_SIZE // SECTOR
DISK_ID = uuid.UUID("11111111-2222-3333-4444-555555555555")
PARTITION_ID = uuid.UUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")


def gpt_header(table, here, other, table_at):
    """UEFI 2.10, 5.3.2: the checksum is over the header with a checksum of zero."""
    def packed(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, here, other, TABLE_SECTORS + 2,
                           DISK_SECTORS - TABLE_SECTORS - 2, DISK_ID.bytes_le, table_at, ENTRIES, ENTRY_SIZE,
                           zlib.crc32(table))
    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")


def write_gpt(path):
    entry = struct.pack("<16s16sQQQ72s", ESP.bytes_le, PARTITION_ID.bytes_le, FIRST, FIRST + COUNT - 1, 0, b"")
    table = entry.ljust(ENTRIES * ENTRY_SIZE, b"\0")
    last = DISK_SECTORS - 1
    protective = struct.pack("<446xB3sB3sII48xH", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, last, 0xAA55)
    with open(path, "wb") as disk:
        disk.write(protective + gpt_header(table, 1, last, 2) + table)
        disk.seek((last - TABLE_SECTORS) * SECTOR)
        disk.write(table + gpt_header(table, last, 1, last - TABLE_SECTORS))


def make(path, files):
    """A disk with {PATH ON THE PARTITION: FILE OF THE HOST}."""
    write_gpt(path)
    partition = f"{path}@@{FIRST * SECTOR}"
    processes.output(["mformat", "-i", partition, "-F", "-T", COUNT, "-h", 64, "-s", 32, "-c", CLUSTER_SECTORS,
                      "-N", "12345678", "::"])
    folders = sorted({f"::{'/'.join(name.split('/')[:depth])}"
                      for name in files for depth in range(2, name.count("/") + 1)})
    processes.output(["mmd", "-i", partition, *folders])
    for name, source in files.items():
        processes.output(["mcopy", "-i", partition, source, f"::{name}"])
    return path
