/*
 * Who may send these bytes: whoever hands a file to a person who then asks what it is.
 */
#include "eventlog/file-kind.h"

#include "base/reader.h"
#include "eventlog/cel.h"
#include "eventlog/ima.h"

enum { ACPI_HEADER = 36, CCEL_BYTES = 56, TEXT_LOOK = 4096 };

err_t acpi_ccel_read(struct span table, struct acpi_ccel *ret)
{
    struct reader in = reader_on(table);
    struct acpi_ccel ccel = {0};
    uint32_t len = 0;
    uint8_t sum = 0;
    err_t err;

    if (!span_starts(table, "CCEL")) {
        return ERR_MALFORMED;
    }
    err = reader_skip(&in, 4);
    err = err ? err : reader_u32le(&in, &len);
    err = err ? err : reader_skip(&in, ACPI_HEADER - 8);
    err = err ? err : reader_u8(&in, &ccel.type);
    err = err ? err : reader_skip(&in, 3); /* subtype, reserved */
    err = err ? err : reader_u64le(&in, &ccel.bytes);
    err = err ? err : reader_u64le(&in, &ccel.address);
    if (err) {
        return err;
    }
    if (len != CCEL_BYTES || table.len != CCEL_BYTES) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < table.len; i++) {
        sum = (uint8_t)(sum + table.data[i]);
    }
    if (sum != 0) {
        return ERR_MISMATCH;
    }
    *ret = ccel;
    return ERR_OK;
}

static const char *ccel_words(struct arena *arena, struct span bytes)
{
    struct acpi_ccel ccel = {0};

    if (acpi_ccel_read(bytes, &ccel) != ERR_OK) {
        return "this is the ACPI table CCEL, damaged";
    }
    return arena_printf(arena,
                        "this is the ACPI table CCEL, not the log: the log of this %s guest has "
                        "room for %llu bytes and can be read from "
                        "/sys/firmware/acpi/tables/data/CCEL",
                        ccel.type == 2   ? "TDX"
                        : ccel.type == 1 ? "SEV"
                                         : "confidential",
                        (unsigned long long)ccel.bytes);
}

/* u32 PCR, 20-byte digest, u32 length and one of the kernel's template names. */
static bool is_ima(struct span bytes)
{
    static const char *const names[] = {"ima",       "ima-ng",  "ima-sig", "ima-ngv2",
                                        "ima-sigv2", "ima-buf", "evm-sig", "ima-modsig"};
    struct reader in = reader_on(bytes);
    struct span name = {0};
    uint32_t pcr = 0;
    uint32_t len = 0;
    err_t err = reader_u32le(&in, &pcr);

    err = err ? err : reader_skip(&in, SHA1_BYTES);
    err = err ? err : reader_u32le(&in, &len);
    if (err || pcr > 23 || len > IMA_NAME_MAX || reader_take(&in, len, &name)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* TPMS_ATTEST, bare or as a TPM2B, perhaps with its signature behind it; what it attests stands
 * behind the magic. */
static const char *attest_words(struct span bytes)
{
    static const uint8_t magic[] = {0xff, 'T', 'C', 'G'};
    struct span attest = bytes;

    if (bytes.len > 8 && memcmp(bytes.data + 2, magic, sizeof(magic)) == 0) {
        attest = span_cut(bytes, 2, bytes.len);
    }
    if (attest.len < 6 || memcmp(attest.data, magic, sizeof(magic)) != 0) {
        return NULL;
    }
    if (attest.data[4] == 0x80 && attest.data[5] == 0x18) {
        return "this is a quote of a TPM, not a log: evidence is verified as a whole, see "
               "bootwarden-verify(1)";
    }
    return "this is a structure attested by a TPM (TPMS_ATTEST), not a log";
}

/* TPM2B_PUBLIC or TPMT_PUBLIC of an RSA or ECC key. */
static bool is_public_area(struct span bytes)
{
    struct span area = bytes;

    if (bytes.len > 16 && (size_t)(bytes.data[0] << 8 | bytes.data[1]) == bytes.len - 2) {
        area = span_cut(bytes, 2, bytes.len);
    }
    return area.len > 16 && area.len < 2048 && area.data[0] == 0 &&
           (area.data[1] == 0x01 || area.data[1] == 0x23) && area.data[2] == 0 &&
           (area.data[3] == 0x04 || (area.data[3] >= 0x0b && area.data[3] <= 0x0d));
}

/* A DER SEQUENCE that fills the file, beginning with another one. */
static bool is_der_certificate(struct span bytes)
{
    return bytes.len > 8 && bytes.data[0] == 0x30 && bytes.data[1] == 0x82 &&
           (size_t)(bytes.data[2] << 8 | bytes.data[3]) + 4 <= bytes.len && bytes.data[4] == 0x30;
}

static bool is_signature_list(struct span bytes)
{
    static const uint8_t types[][4] = {{0x26, 0x16, 0xc4, 0xc1}, {0xa1, 0x59, 0xc0, 0xa5}};

    for (size_t at = 0; at <= 4; at += 4) { /* efivarfs puts the attributes before it */
        for (size_t i = 0; i < ARRAY_LEN(types) && bytes.len > at + 28; i++) {
            if (memcmp(bytes.data + at, types[i], 4) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* EFI_VARIABLE_AUTHENTICATION_2: a time, then a WIN_CERTIFICATE of type 0x0ef1. */
static bool is_signed_update(struct span bytes)
{
    return bytes.len > 40 && bytes.data[20] == 0x00 && bytes.data[21] == 0x02 &&
           bytes.data[22] == 0xf1 && bytes.data[23] == 0x0e;
}

static bool is_text(struct span bytes)
{
    size_t n = bytes.len < TEXT_LOOK ? bytes.len : TEXT_LOOK;

    for (size_t i = 0; i < n; i++) {
        uint8_t c = bytes.data[i];

        /* No UTF-8 has a byte above F7. */
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f || c > 0xf7) {
            return false;
        }
    }
    return n > 0;
}

static const char *text_words(struct span bytes)
{
    size_t at = 0;

    if (span_starts(bytes, "-----BEGIN CERTIFICATE")) {
        return "this is a certificate (PEM), not a log";
    }
    if (span_starts(bytes, "-----BEGIN ")) {
        return "this is a key or another object in PEM, not a log";
    }
    while (at < bytes.len && strchr(" \t\r\n", bytes.data[at]) != NULL && bytes.data[at] != 0) {
        at++;
    }
    if (at < bytes.len && (bytes.data[at] == '{' || bytes.data[at] == '[')) {
        return "this is JSON, not a log in its binary form; evidence is verified by "
               "bootwarden-verify(1)";
    }
    if (span_starts(bytes, "version: 1") || span_starts(bytes, "---\nversion: 1")) {
        return "this is what tpm2_eventlog prints, not the log itself, which is "
               "binary_bios_measurements";
    }
    return "this is text; an event log is binary, such as "
           "/sys/kernel/security/tpm0/binary_bios_measurements";
}

const char *file_kind_words(struct arena *arena, struct span bytes)
{
    const char *words;

    if (cel_is_likely(bytes)) {
        return "this is a canonical event log (CEL)";
    }
    if (span_starts(bytes, "CCEL") && bytes.len >= ACPI_HEADER && bytes.len < 128) {
        return ccel_words(arena, bytes);
    }
    if (is_ima(bytes)) {
        return "this is an IMA measurement list of the kernel, which explains PCR 10 in evidence; "
               "the firmware's log is binary_bios_measurements";
    }
    words = attest_words(bytes);
    if (words != NULL) {
        return words;
    }
    if (is_der_certificate(bytes)) {
        return "this is a certificate or another object in DER, not a log";
    }
    if (is_signature_list(bytes)) {
        return "this is a signature database of Secure Boot (db, dbx or KEK), not a log";
    }
    if (is_signed_update(bytes)) {
        return "this is a signed update of a Secure Boot variable, not a log";
    }
    if (is_text(bytes)) {
        return text_words(bytes);
    }
    if (is_public_area(bytes)) {
        return "this is the public area of a TPM's key, not a log";
    }
    if (bytes.len > 0 && span_all(bytes, 0xff)) {
        return "there is no event log: nothing but bytes of FF";
    }
    return NULL;
}
