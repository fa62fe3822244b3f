/*
 * windows.h - for tests: logs of Windows boots, made from a recorded firmware and records as two
 * real machines measured them. All of it genuine, until a test changes something.
 */
#ifndef TESTS_EVENTLOG_WINDOWS_H
#define TESTS_EVENTLOG_WINDOWS_H

#include "unit/facts/logs.h"

#include "facts/windows.h"
#include "reading/sipa.h"
#include "uefi/siglist.h"

enum { WINDOWS_MANAGER, WINDOWS_LOADER, WINDOWS_STAGES }; /* who measures */
enum { WINDOWS_RECORDS_MAX = 40 };

struct windows_record {
    uint32_t id;
    size_t width;
    uint64_t value;
};

struct windows_stage {
    struct windows_record record[WINDOWS_RECORDS_MAX];
    size_t n;
};

struct windows_boot {
    struct arena *arena;
    struct windows_stage stage[WINDOWS_STAGES][2]; /* PCR 12 and 13 */
    const char *module[WINDOWS_STAGES][4];         /* paths */
    uint8_t module_digest[WINDOWS_STAGES][4];      /* its bytes */
    uint8_t authority[WINDOWS_STAGES];             /* bytes of the key */
    const char *elam;
    bool is_validated;
    int svn; /* of each module; negative: none */
};

/* The flags by which a boot is judged. */
static const enum windows_setting windows_needed[] = {
    WINDOWS_BOOT_DEBUGGING, WINDOWS_KERNEL_DEBUGGING, WINDOWS_TEST_SIGNING, WINDOWS_FLIGHT_SIGNING,
    WINDOWS_CODE_INTEGRITY, WINDOWS_SAFE_MODE,        WINDOWS_WINPE,
};

static inline enum tristate windows_good(enum windows_setting flag)
{
    return flag == WINDOWS_CODE_INTEGRITY ? STATE_YES : STATE_NO;
}

static inline void windows_add(struct windows_boot *boot, int stage, int pcr, uint32_t id,
                               size_t width, uint64_t value)
{
    struct windows_stage *at = &boot->stage[stage][pcr - 12];

    assert_true(at->n < WINDOWS_RECORDS_MAX);
    at->record[at->n++] = (struct windows_record){id, width, value};
}

static inline void windows_add_both(struct windows_boot *boot, int stage, uint32_t id, size_t width,
                                    uint64_t value)
{
    windows_add(boot, stage, 12, id, width, value);
    windows_add(boot, stage, 13, id, width, value);
}

/* In one register. */
static inline void windows_set_in(struct windows_boot *boot, int stage, int pcr, uint32_t id,
                                  uint64_t value)
{
    struct windows_stage *at = &boot->stage[stage][pcr - 12];

    for (size_t i = 0; i < at->n; i++) {
        if (at->record[i].id == id) {
            at->record[i].value = value;
            return;
        }
    }
    fail_msg("no record %x", id);
}

static inline void windows_set(struct windows_boot *boot, int stage, uint32_t id, uint64_t value)
{
    windows_set_in(boot, stage, 12, id, value);
    windows_set_in(boot, stage, 13, id, value);
}

static inline void windows_forget(struct windows_boot *boot, uint32_t id)
{
    for (int i = 0; i < WINDOWS_STAGES * 2; i++) {
        struct windows_stage *at = &boot->stage[i / 2][i % 2];
        size_t n = 0;

        for (size_t k = 0; k < at->n; k++) {
            if (at->record[k].id != id) {
                at->record[n++] = at->record[k];
            }
        }
        at->n = n;
    }
}

/* A good boot without a hypervisor. */
static inline struct windows_boot *windows_boot(struct arena *arena)
{
    static const struct windows_record common[] = {
        {0x00040001, 1, 0}, {0x00050003, 1, 0}, {0x00050021, 1, 0},
        {0x00050002, 1, 1}, {0x00020005, 4, 4}, {0x0002000b, 4, 0},
    };
    static const struct windows_record of_loader[] = {
        {0x00050001, 1, 0}, {0x00050008, 4, 65540}, {0x00050004, 8, 0}, {0x00050005, 1, 0},
        {0x00050006, 1, 0}, {0x0005000a, 8, 0},     {0x00050012, 8, 0}, {0x00050022, 1, 0},
        {0x00050024, 1, 0}, {0x0005000e, 4, 1},
    };
    struct windows_boot *boot = arena_calloc(arena, 1, sizeof(*boot));

    assert_non_null(boot);
    boot->arena = arena;
    windows_add(boot, WINDOWS_MANAGER, 12, SIPA_COUNTER_ID, 8, 21037057);
    windows_add(boot, WINDOWS_MANAGER, 12, SIPA_EVENT_COUNTER, 8, 3328);
    windows_add(boot, WINDOWS_MANAGER, 12, SIPA_BOOT_COUNTER, 8, 117);
    windows_add(boot, WINDOWS_MANAGER, 12, SIPA_TRANSFER_CONTROL, 4, 1);
    for (size_t i = 0; i < ARRAY_LEN(of_loader); i++) {
        windows_add_both(boot, WINDOWS_LOADER, of_loader[i].id, of_loader[i].width,
                         of_loader[i].value);
    }
    for (int stage = 0; stage < WINDOWS_STAGES; stage++) {
        for (size_t i = 0; i < ARRAY_LEN(common); i++) {
            windows_add_both(boot, stage, common[i].id, common[i].width, common[i].value);
        }
    }
    boot->module[0][0] = "\\WINDOWS\\system32\\winload.efi";
    boot->module[1][0] = "\\WINDOWS\\System32\\ntoskrnl.exe";
    boot->module[1][1] = "\\WINDOWS\\System32\\drivers\\tpm.sys";
    boot->module_digest[0][0] = 0x10;
    boot->module_digest[1][0] = 0x20;
    boot->module_digest[1][1] = 0x21;
    boot->authority[0] = 0x80;
    boot->authority[1] = 0x81;
    boot->elam = "Windows Defender";
    boot->is_validated = true;
    boot->svn = 2;
    return boot;
}

/* ---- bytes ---- */

static inline void windows_put(struct buf *out, uint32_t id, struct span payload)
{
    logs_u32(out, id);
    logs_u32(out, (uint32_t)payload.len);
    buf_add(out, payload);
}

static inline void windows_put_uint(struct buf *out, uint32_t id, size_t width, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
    windows_put(out, id, span_of(bytes, width));
}

static inline void windows_put_text(struct buf *out, uint32_t id, const char *text)
{
    logs_u32(out, id);
    logs_u32(out, (uint32_t)(2 * strlen(text) + 2));
    for (size_t i = 0; i <= strlen(text); i++) {
        logs_u16(out, (uint8_t)text[i]);
    }
}

static inline struct span windows_kept(struct arena *arena, const struct buf *out)
{
    struct span copy;

    assert_ok(buf_err(out));
    copy = arena_dup(arena, buf_span(out));
    assert_non_null(copy.data);
    return copy;
}

static inline struct span windows_one(struct arena *arena, uint32_t id, struct span payload)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, 1024 * 1024);
    windows_put(&out, id, payload);
    return windows_kept(arena, &out);
}

static inline struct span windows_module_bytes(const struct windows_boot *boot, int stage,
                                               size_t index, int pcr)
{
    CLEANUP(buf_done) struct buf out = {0};
    uint8_t digest[32];

    buf_init(&out, 4096);
    memset(digest, boot->module_digest[stage][index], sizeof(digest));
    if (pcr == 13) {
        windows_put_text(&out, SIPA_FILE_PATH, boot->module[stage][index]);
        windows_put_uint(&out, SIPA_IMAGE_SIZE, 8, 4096);
        windows_put_uint(&out, SIPA_HASH_ALGORITHM, 4, 0x800c);
    }
    windows_put(&out, SIPA_AUTHENTICODE_HASH, span_of(digest, sizeof(digest)));
    if (pcr == 13) {
        windows_put_uint(&out, SIPA_IMAGE_VALIDATED, 1, boot->is_validated);
        windows_put_text(&out, SIPA_AUTHORITY_ISSUER, "Microsoft Windows Production PCA 2011");
        windows_put_text(&out, SIPA_AUTHORITY_PUBLISHER, "Microsoft Windows");
        if (boot->svn >= 0) {
            windows_put_uint(&out, SIPA_MODULE_SVN, 4, (uint64_t)boot->svn);
        }
    } else {
        windows_put_uint(&out, SIPA_IMAGE_BASE, 8, 0x345000);
    }
    return windows_kept(boot->arena, &out);
}

static inline struct span windows_stage_bytes(const struct windows_boot *boot, int stage, int pcr)
{
    CLEANUP(buf_done) struct buf out = {0};
    const struct windows_stage *at = &boot->stage[stage][pcr - 12];

    buf_init(&out, 64 * 1024);
    for (size_t i = 0; i < at->n; i++) {
        windows_put_uint(&out, at->record[i].id, at->record[i].width, at->record[i].value);
    }
    if (stage == WINDOWS_LOADER) {
        windows_put_text(&out, SIPA_SYSTEM_ROOT, "\\WINDOWS");
    }
    for (size_t i = 0; i < 4 && boot->module[stage][i] != NULL; i++) {
        windows_put(&out, SIPA_MODULE, windows_module_bytes(boot, stage, i, pcr));
    }
    if (stage == WINDOWS_LOADER && pcr == 12 && boot->elam != NULL) {
        CLEANUP(buf_done) struct buf elam = {0};

        buf_init(&elam, 4096);
        windows_put_text(&elam, SIPA_ELAM_NAME, boot->elam);
        windows_put(&elam, SIPA_ELAM_MEASURED, span_of("01234567890123456789", 20));
        windows_put(&out, SIPA_ELAM, buf_span(&elam));
    }
    return windows_one(boot->arena, SIPA_TRUST_BOUNDARY, buf_span(&out));
}

/* ---- logs ---- */

/* The entry of Windows' production CA in the db of the recorded firmware. */
static inline struct span windows_db_entry(struct arena *arena, const struct logs_edit *edit)
{
    struct span db = edit->items[logs_find_variable(edit, "db")].data;
    struct siglist_iter iter;
    struct siglist_entry entry;
    struct uefi_variable variable;

    assert_ok(uefi_variable_parse(arena, db, &variable));
    siglist_begin(&iter, variable.value);
    while (siglist_next(&iter, &entry) == ERR_OK) {
        if (memmem(entry.data.data, entry.data.len, "Windows Production PCA", 22) != NULL) {
            CLEANUP(buf_done) struct buf out = {0};

            buf_init(&out, 8192);
            buf_add(&out, span_of(entry.owner, 16));
            buf_add(&out, entry.data);
            return windows_kept(arena, &out);
        }
    }
    fail_msg("no key of Windows in db");
    return (struct span){0};
}

/* The firmware's part of a recorded boot, as if it had started Windows' boot manager. */
static inline struct logs_edit *windows_firmware(struct arena *arena)
{
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    size_t authority = logs_find(edit, 7, EV_EFI_VARIABLE_AUTHORITY);
    size_t image = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);
    size_t n = 0;

    logs_set(edit, authority,
             logs_variable(arena, logs_security, "db", windows_db_entry(arena, edit)));
    for (size_t i = 0; i < edit->n; i++) {
        if (i <= image || edit->items[i].pcr == 5) {
            edit->items[n++] = edit->items[i];
        }
    }
    edit->n = n;
    return edit;
}

/* Windows' events, before ExitBootServices as on real machines. Returns the index of the first. */
static inline size_t windows_append(struct logs_edit *edit, const struct windows_boot *boot)
{
    static const uint8_t opened[] = {0x10, 0, 0, 0};
    static const uint8_t closed[] = {0xff, 0xff, 0, 0};
    size_t first = edit->n - 2;
    size_t at = first;

    logs_insert(edit, at++, 11, EV_COMPACT_HASH, span_of(opened, 4));
    for (int stage = 0; stage < WINDOWS_STAGES; stage++) {
        uint8_t key[64];

        memset(key, boot->authority[stage], sizeof(key));
        logs_insert(edit, at++, 12, EV_EVENT_TAG, windows_stage_bytes(boot, stage, 12));
        logs_insert(edit, at++, 13, EV_EVENT_TAG, windows_stage_bytes(boot, stage, 13));
        logs_insert(edit, at++, 14, EV_EVENT_TAG,
                    windows_one(edit->arena, SIPA_AUTHORITY_KEY,
                                arena_dup(edit->arena, span_of(key, sizeof(key)))));
    }
    logs_insert(edit, at++, 11, EV_COMPACT_HASH, span_of(closed, 4));
    for (uint32_t pcr = 12; pcr <= 14; pcr++) {
        logs_insert(edit, at++, pcr, EV_SEPARATOR, span_str("WBCL"));
    }
    return first;
}

/* Where the events of windows_append stand, from what it returned. */
enum { WINDOWS_AT_MANAGER = 1, WINDOWS_AT_LOADER = 4, WINDOWS_AT_CLOSED = 7, WINDOWS_AT_CAPS = 8 };

static inline struct logs_edit *windows_log(struct arena *arena, const struct windows_boot *boot,
                                            size_t *ret_first)
{
    struct logs_edit *edit = windows_firmware(arena);
    size_t first = windows_append(edit, boot);

    if (ret_first != NULL) {
        *ret_first = first;
    }
    return edit;
}

static inline const struct boot_facts *windows_boot_facts(const struct windows_boot *boot)
{
    return logs_edited_facts(windows_log(boot->arena, boot, NULL));
}

#endif
