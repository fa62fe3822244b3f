/*
 * eventlog.h - read a TCG firmware event log and replay it.
 *
 * Both formats: SHA-1 records, and crypto-agile records that begin with a "Spec ID Event03"
 * record (TCG PC Client Platform Firmware Profile 1.05, 10.2). In the log of a confidential VM
 * (CCEL; its first record stands in register 1) the registers are not PCRs: see rtmr.h. Reading
 * says only that the bytes have the form of a log. What an event proves is decided in reading.h.
 *
 * The log is borrowed: `bytes` must outlive everything here; event arrays live in the arena.
 * Who may send these bytes: root of any guest.
 */
#ifndef EVENTLOG_EVENTLOG_H
#define EVENTLOG_EVENTLOG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "crypto/hash.h"
#include "tpm/tpm.h"

enum {
    EVENTLOG_MAX_BYTES = 1024 * 1024, /* L-15 */
    EVENTLOG_MAX_EVENTS = 8192,
    EVENTLOG_MAX_BANKS = 16, /* L-2 */
    EVENTLOG_REGISTERS = 24,
};

enum eventlog_format { EVENTLOG_SHA1, EVENTLOG_AGILE };

/* Whose registers the numbers of a log are. Only a quote of PCRs is ever judged (appraise). */
enum eventlog_kind { EVENTLOG_PCRS, EVENTLOG_RTMRS };

struct eventlog_bank {
    uint16_t alg;  /* TPM_ALG_ID as in the header */
    uint16_t size; /* digest bytes */
    enum hash_alg
        hash; /* HASH_NONE: named but not supported, its digests are not verified (ALG-6) */
};

struct event {
    uint32_t index; /* 0 is the first record, the Spec ID one included */
    size_t offset;  /* of the record in the log */
    uint32_t pcr;   /* the register's number as this log counts */
    uint32_t home;  /* the PCR by whose rules the event is read: pcr, but in a log of RTMRs */
    uint32_t type;
    struct span digest[EVENTLOG_MAX_BANKS]; /* in the order of eventlog.banks, whatever the record's
                                               order; empty for the Spec ID record */
    struct span data;
};

struct eventlog {
    struct span bytes;
    enum eventlog_format format;
    enum eventlog_kind kind;
    size_t padding; /* bytes of 00 or FF behind the last event; only in a CCEL (L-4) */
    struct eventlog_bank banks[EVENTLOG_MAX_BANKS]; /* of which every event has a digest */
    size_t n_banks;
    struct eventlog_bank unused[EVENTLOG_MAX_BANKS]; /* named by the header, in no event */
    size_t n_unused;
    struct event *events;
    size_t n_events;
    uint8_t startup_locality; /* 0, 3 or 4: last byte of PCR 0's start value (L-7, L-8); 0 in a
                                 CCEL, where no register is started by TPM2_Startup */
    bool has_hcrtm;
    uint32_t later_from; /* index of the first event of a later log; 0: this is one log */
};

/*
 * Read the whole log. Empty or all-zero input is ERR_NOT_FOUND: there is no log (L-5). Otherwise
 * ERR_SHORT, ERR_TRAILING, ERR_MALFORMED, ERR_TOO_MANY, ERR_TOO_LARGE, ERR_UNSUPPORTED with the
 * offset and words of what was expected there (L-1 to L-4, L-7). A CCEL is the contents of a fixed
 * buffer: what is behind its last event must be all 00 or all FF, and is no fault there alone.
 */
err_t eventlog_read(struct arena *arena, struct span bytes, struct trail *trail,
                    struct eventlog **ret) MUST_CHECK;

/*
 * The log with the events of some registers (bit n: PCR n) and the digests of some banks (bit n:
 * enum hash_alg n) alone: what nobody attested is text like any other. Events keep their index, and
 * what is never extended stays. Borrows from whole; in the arena. ERR_MEMORY only.
 */
#define EVENTLOG_ALL_BANKS (~0u)
err_t eventlog_keep(struct arena *arena, const struct eventlog *whole, uint32_t pcrs,
                    unsigned banks, struct eventlog **ret) MUST_CHECK;

/*
 * Several logs of one machine as one: each goes on with the registers where the one before ended,
 * as the log of a dynamic launch does behind firmware's. Events are numbered through; digests are
 * those of the banks that all of them have. Borrows from the logs; in the arena. Refused: a later
 * log that is not of PCRs, or that says how PCR 0 began (ERR_MALFORMED), and ERR_TOO_MANY events.
 */
err_t eventlog_join(struct arena *arena, struct eventlog *const *logs, size_t n,
                    struct trail *trail, struct eventlog **ret) MUST_CHECK;

/* "PCR 7", "RTMR0", "MRTD": of a register's number in this log; static or in the arena. */
const char *eventlog_register_name(struct arena *arena, const struct eventlog *log, uint32_t index);

/* Index of a bank in log->banks, -1 when the log has none. */
int eventlog_bank(const struct eventlog *log, enum hash_alg hash);

/* "EV_EFI_VARIABLE_DRIVER_CONFIG"; "0x0000040e" for unknown types (static or in the arena). */
const char *eventlog_type_name(struct arena *arena, uint32_t type);
/* NULL for types that the profile does not name. */
const char *eventlog_type_known(uint32_t type);
/* "sha256", "sm3_256", "0x0030" */
const char *eventlog_bank_name(struct arena *arena, const struct eventlog_bank *bank);

/* Values of the registers after the log, in one bank. */
struct eventlog_registers {
    enum hash_alg bank;
    uint32_t extended; /* bit n: the log extended register n */
    uint8_t value[EVENTLOG_REGISTERS][HASH_MAX_BYTES];
};

/* Replay one bank (L-6 to L-11). No allocation. PCR 17-22 start at all-ones and a static log may
 * not touch them: ERR_VALUE (L-9). In a later log they begin at zero: only a dynamic launch brings
 * them there, so that no other history leads to such a value. ERR_NOT_FOUND when the log has no
 * such bank. */
err_t eventlog_replay(const struct eventlog *log, enum hash_alg bank, struct hasher *hasher,
                      struct trail *trail, struct eventlog_registers *ret) MUST_CHECK;

/* How far a log goes with one register: the events for it up to which it has some wanted value. */
struct eventlog_reach {
    uint32_t n_covered, n_left; /* events for the register up to there and behind it */
    uint32_t first_left;        /* index of the first behind it, when n_left > 0 */
};
/* ERR_END when the register never has that value. Errors otherwise as for eventlog_replay. */
err_t eventlog_reach(const struct eventlog *log, enum hash_alg bank, unsigned pcr,
                     struct span wanted, struct hasher *hasher,
                     struct eventlog_reach *ret) MUST_CHECK;

/* TCG event types (PFP 1.06, 10.4.1) that code speaks of. Not an enum: they fill 32 bits. */
#define EV_PREBOOT_CERT 0x00u
#define EV_POST_CODE 0x01u
#define EV_UNUSED 0x02u
#define EV_NO_ACTION 0x03u
#define EV_SEPARATOR 0x04u
#define EV_ACTION 0x05u
#define EV_EVENT_TAG 0x06u
#define EV_S_CRTM_CONTENTS 0x07u
#define EV_S_CRTM_VERSION 0x08u
#define EV_CPU_MICROCODE 0x09u
#define EV_PLATFORM_CONFIG_FLAGS 0x0au
#define EV_TABLE_OF_DEVICES 0x0bu
#define EV_COMPACT_HASH 0x0cu
#define EV_IPL 0x0du
#define EV_IPL_PARTITION_DATA 0x0eu
#define EV_NONHOST_CODE 0x0fu
#define EV_NONHOST_CONFIG 0x10u
#define EV_NONHOST_INFO 0x11u
#define EV_OMIT_BOOT_DEVICE_EVENTS 0x12u
#define EV_POST_CODE2 0x13u
#define EV_EFI_VARIABLE_DRIVER_CONFIG 0x80000001u
#define EV_EFI_VARIABLE_BOOT 0x80000002u
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003u
#define EV_EFI_BOOT_SERVICES_DRIVER 0x80000004u
#define EV_EFI_RUNTIME_SERVICES_DRIVER 0x80000005u
#define EV_EFI_GPT_EVENT 0x80000006u
#define EV_EFI_ACTION 0x80000007u
#define EV_EFI_PLATFORM_FIRMWARE_BLOB 0x80000008u
#define EV_EFI_HANDOFF_TABLES 0x80000009u
#define EV_EFI_PLATFORM_FIRMWARE_BLOB2 0x8000000au
#define EV_EFI_HANDOFF_TABLES2 0x8000000bu
#define EV_EFI_VARIABLE_BOOT2 0x8000000cu
#define EV_EFI_GPT_EVENT2 0x8000000du
#define EV_EFI_HCRTM_EVENT 0x80000010u
#define EV_EFI_VARIABLE_AUTHORITY 0x800000e0u
#define EV_EFI_SPDM_FIRMWARE_BLOB 0x800000e1u
#define EV_EFI_SPDM_FIRMWARE_CONFIG 0x800000e2u
#define EV_EFI_SPDM_DEVICE_POLICY 0x800000e3u
#define EV_EFI_SPDM_DEVICE_AUTHORITY 0x800000e4u

#endif
