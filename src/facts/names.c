/*
 * names.c - words for findings, which are stable, and for authorities.
 */
#include "facts/facts.h"

static const char *const findings[] = {
    [FINDING_EVENT_DIGEST] = "event-digest",
    [FINDING_EVENT_TYPE] = "event-type",
    [FINDING_SEPARATOR] = "separator",
    [FINDING_EVENT_ORDER] = "event-order",
    [FINDING_SECURE_BOOT_VALUE] = "secure-boot-value",
    [FINDING_DEBUG_MODE] = "debug-mode",
    [FINDING_PCR7_ACTION] = "pcr7-action",
    [FINDING_SIGLIST] = "signature-list",
    [FINDING_AUTHORITY_NOT_IN_DB] = "authority-not-in-db",
    [FINDING_AUTHORITY_IN_DBX] = "authority-in-dbx",
    [FINDING_AUTHORITY_UNKNOWN] = "authority-unknown",
    [FINDING_IMAGE_IN_DBX] = "image-in-dbx",
    [FINDING_IMAGE_REVOKED] = "image-revoked",
    [FINDING_AUTHORITY_REVOKED] = "authority-revoked",
    [FINDING_CMDLINE_CONFLICT] = "cmdline-conflict",
    [FINDING_UKI_INCOMPLETE] = "uki-incomplete",
    [FINDING_BANK_LACKS_SEPARATOR] = "bank-lacks-separator",
    [FINDING_UNKNOWN_BANK] = "unknown-bank",
    [FINDING_NO_EXIT_BOOT] = "no-exit-boot-services",
    [FINDING_OLD_SHIM_AUTHORITY] = "old-shim-authority",
    [FINDING_UNKNOWN_EVENT_TYPE] = "unknown-event-type",
    [FINDING_WINDOWS_DEBUGGING] = "windows-debugging",
    [FINDING_WINDOWS_TEST_SIGNING] = "windows-test-signing",
    [FINDING_WINDOWS_CODE_INTEGRITY] = "windows-code-integrity",
    [FINDING_WINDOWS_SAFE_MODE] = "windows-safe-mode",
    [FINDING_WINDOWS_PE] = "windows-pe",
    [FINDING_WINDOWS_FAILURE] = "windows-failure",
    [FINDING_WINDOWS_RECORD] = "windows-record",
    [FINDING_WINDOWS_CONTRADICTION] = "windows-contradiction",
    [FINDING_WINDOWS_MODULE] = "windows-module",
    [FINDING_WINDOWS_LATE] = "windows-late",
    [FINDING_VENDOR_QUIRK] = "vendor-quirk",
    [FINDING_SHARED_REGISTERS] = "shared-registers",
    [FINDING_DEVICE_EVENT] = "device-event",
    [FINDING_PARTITION_TABLE] = "partition-table",
    [FINDING_OTHER] = "other",
};

const char *finding_code_name(enum finding_code code)
{
    return (unsigned)code < ARRAY_LEN(findings) ? findings[code] : "other";
}

const char *finding_weight_name(enum finding_weight weight)
{
    switch (weight) {
    case WEIGHT_FAULT:
        return "fault";
    case WEIGHT_BAD:
        return "bad";
    case WEIGHT_NOTE:
    default:
        return "note";
    }
}

const char *authority_name(const struct authority *authority)
{
    return authority->known != NULL        ? authority->known->name
           : authority->subject[0] != '\0' ? authority->subject
                                           : "a digest";
}
