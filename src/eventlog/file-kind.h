/*
 * file-kind.h - what a file is that is no firmware event log: for a message that helps.
 *
 * A guess by the first bytes, for words alone; nothing is judged by it.
 */
#ifndef EVENTLOG_FILE_KIND_H
#define EVENTLOG_FILE_KIND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* A sentence that begins with "this is", escaped, in the arena or static; NULL when the file is
 * nothing that is known here. Knows: canonical event logs, IMA lists, the ACPI table CCEL, quotes
 * and other attested structures, TPM public areas, certificates, signature lists and signed
 * updates, JSON, text, padding. */
const char *file_kind_words(struct arena *arena, struct span bytes);

/* The ACPI table CCEL: where the firmware of a confidential VM put its log (ACPI 6.5, 5.2.34). */
struct acpi_ccel {
    uint8_t type; /* 1 SEV, 2 TDX */
    uint64_t bytes;
    uint64_t address;
};
/* ERR_MALFORMED, ERR_SHORT; ERR_MISMATCH when its checksum is wrong. */
err_t acpi_ccel_read(struct span table, struct acpi_ccel *ret) MUST_CHECK;

#endif
