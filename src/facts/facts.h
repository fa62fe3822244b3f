/*
 * facts.h - what a boot was, as far as its log authenticates it.
 *
 * Made from readings alone. A fact whose digest rule fails is absent and stands among the
 * oddities instead; nothing here is a verdict. `struct boot_facts` and everything below live in
 * the arena and borrow from the log. Three-valued throughout: absent is neither true nor false
 * (rule S-3). Rules SB-1 to SB-16, B-1 to B-9.
 */
#ifndef FACTS_FACTS_H
#define FACTS_FACTS_H

#include "facts/key-cache.h"
#include "facts/phases.h"
#include "reading/reading.h"
#include "uefi/device-path.h"
#include "uefi/gpt.h"
#include "uefi/siglist.h"
#include "uefi/spdm.h"
#include "json/json.h"

struct windows_facts; /* facts/windows.h */

enum tristate { STATE_UNKNOWN, STATE_NO, STATE_YES };

/* An oddity or fault found in the log. Appraisal turns these into reasons. */
enum finding_code {
    FINDING_EVENT_DIGEST, /* D-1: an event used as a fact, whose digest is not of its data */
    FINDING_EVENT_TYPE,   /* D-2, B: a type that may not stand in PCR 4 or 7 */
    FINDING_SEPARATOR,    /* SB-1, B-1: missing, duplicate, wrong value, error report */
    FINDING_EVENT_ORDER,  /* SB-2, SB-3: Secure Boot variables late, twice, missing, out of order */
    FINDING_SECURE_BOOT_VALUE,    /* SB-4: length or value */
    FINDING_DEBUG_MODE,           /* SB-8 */
    FINDING_PCR7_ACTION,          /* SB-8: any other action text in PCR 7 */
    FINDING_SIGLIST,              /* SB-11: malformed */
    FINDING_AUTHORITY_NOT_IN_DB,  /* SB-10 */
    FINDING_AUTHORITY_IN_DBX,     /* SB-10 */
    FINDING_AUTHORITY_UNKNOWN,    /* an authority variable of a name we do not know */
    FINDING_IMAGE_IN_DBX,         /* a measured image whose digest the measured dbx revokes */
    FINDING_IMAGE_REVOKED,        /* B-4: known to be revoked, whatever dbx says */
    FINDING_AUTHORITY_REVOKED,    /* the same of a key that allowed a load */
    FINDING_CMDLINE_CONFLICT,     /* B-7 */
    FINDING_UKI_INCOMPLETE,       /* B-9 */
    FINDING_BANK_LACKS_SEPARATOR, /* ALG-2, ALG-5 */
    FINDING_UNKNOWN_BANK,         /* ALG-6 */
    FINDING_NO_EXIT_BOOT,         /* B-2 */
    FINDING_OLD_SHIM_AUTHORITY,   /* L-14: digest leaves the last byte out */
    FINDING_UNKNOWN_EVENT_TYPE,
    FINDING_WINDOWS_DEBUGGING,      /* B-13: boot program, kernel or hypervisor with a debugger */
    FINDING_WINDOWS_TEST_SIGNING,   /* B-13 */
    FINDING_WINDOWS_CODE_INTEGRITY, /* B-13: off */
    FINDING_WINDOWS_SAFE_MODE,      /* B-13 */
    FINDING_WINDOWS_PE,             /* B-13: installation or recovery, not the installed system */
    FINDING_WINDOWS_FAILURE,        /* B-13: a failure that the boot recorded itself */
    FINDING_WINDOWS_RECORD,         /* B-13, L-15: malformed, or of unknown meaning */
    FINDING_WINDOWS_CONTRADICTION,  /* B-13: one setting with two values */
    FINDING_WINDOWS_MODULE,         /* B-13: an image that was loaded without validation */
    FINDING_WINDOWS_LATE,           /* B-13: extended behind Windows' separator */
    FINDING_VENDOR_QUIRK,           /* B-14: the text begins with "quirk NAME: " */
    FINDING_SHARED_REGISTERS,       /* D-2: the log of a confidential VM (rtmr.h) */
    FINDING_DEVICE_EVENT,           /* B-11: an SPDM event that is malformed */
    FINDING_PARTITION_TABLE,        /* B-6: a partition table that is malformed */
    FINDING_OTHER,
};
enum finding_weight {
    WEIGHT_NOTE,  /* worth showing */
    WEIGHT_FAULT, /* the log contradicts itself or the rules: evidence not verified */
    WEIGHT_BAD,   /* genuine, and the boot is bad */
};
struct finding {
    enum finding_code code;
    enum finding_weight weight;
    const char *rule; /* "SB-2": static */
    const char *text; /* for people, escaped */
    int64_t event;    /* index, -1 when it concerns no single event */
};
const char *finding_code_name(enum finding_code code);       /* "event-digest": static */
const char *finding_weight_name(enum finding_weight weight); /* "note", "fault", "bad" */

/* A signature database as measured. */
struct key_database {
    bool present;      /* measured, digest matches */
    struct span lists; /* EFI_SIGNATURE_LISTs, authenticated */
    const struct event *event;
    struct key_contents keys; /* what it holds */
    bool has_test_key;        /* SB-14: snakeoil, DO NOT TRUST, DO NOT SHIP */
    const char *test_key;     /* its subject; NULL */
};

/* An entry that allowed a load (PCR 7, EV_EFI_VARIABLE_AUTHORITY). */
struct authority {
    const struct event *event;
    const char *source;                      /* "db", "MokListRT", "Shim", "vendor_db": escaped */
    struct span certificate;                 /* DER; empty when the entry is a digest */
    struct span digest;                      /* entry of a hash type */
    const char *subject;                     /* of the certificate: "CN=...", or "" */
    bool before_separator;                   /* SB-7: authorised a driver, not the boot chain */
    uint8_t sha256[SHA256_BYTES];            /* of the certificate */
    const struct reference_authority *known; /* NULL */
};

/* The name that is known, else the subject, else "a digest": escaped. */
const char *authority_name(const struct authority *authority);

enum image_part { IMAGE_LOADER, IMAGE_KERNEL, IMAGE_UKI, IMAGE_UNKNOWN };
struct boot_image {
    const struct event *event;
    struct span digest[HASH_COUNT];      /* Authenticode digests; empty for banks the log lacks */
    const char *path_hint;               /* device path file name, escaped; "" */
    bool before_separator;               /* B-1: belongs to the firmware, not to the boot chain */
    enum image_part part;                /* a guess from its place, for words and change classes */
    bool is_repeat;                      /* the same digest as the image before (shim's loader) */
    const struct authority *signer_hint; /* the key that was measured right before it; NULL: one
                                            that allowed an earlier image, or nobody */
    const struct reference_image *known; /* by its SHA-256 digest; NULL */
    const struct reference_image *revoked; /* NULL */
};

struct boot_file {
    const struct event *event;
    enum event_role role; /* ROLE_GRUB_CONFIG, ROLE_KERNEL_FILE, ROLE_INITRD, ROLE_BOOT_FILE ... */
    const char *name_hint;
    struct span digest[HASH_COUNT];
};

struct uki_section {
    const struct event *event; /* the content event */
    const char *name;          /* ".linux": authenticated by the name event */
    struct span digest[HASH_COUNT];
};

/* What kind of machine it was, for people: a guess, never a ground for a verdict. */
struct platform_guess {
    const char *name;   /* "Google Compute Engine": static; NULL: nothing to guess by */
    const char *ground; /* static */
    const struct event *event;
    bool is_authenticated; /* its digest covers what the guess rests on */
};

/* What a fact rests on. */
struct fact_basis {
    const char *fact;       /* as in the JSON form: "secure_boot.state", static */
    bool is_authenticated;  /* the digests of all of them cover it; else it is a hint */
    const uint32_t *events; /* indexes, in order; 64 at most */
    size_t n;
};

/* An option ROM or driver (PCR 2; B-5). */
struct boot_driver {
    const struct event *event;
    struct span digest[HASH_COUNT];
    enum image_source source; /* a hint: no digest covers the path */
};

/* What firmware wrote of a device that speaks SPDM (B-11): a claim of the device's. */
struct boot_device {
    const struct event *event;
    bool is_config; /* else its firmware */
    struct spdm_event spdm;
};

/* A partition table that its digest covers (PCR 5; B-6). */
struct boot_disk {
    const struct event *event;
    struct partition_table table;
};

struct boot_facts {
    const struct eventlog *log;
    const struct readings *readings;
    const struct reference *reference; /* what they were held against; NULL: nothing */

    /* Secure Boot (PCR 7) */
    enum tristate secure_boot; /* SB-5: YES only with all that SB-5 demands */
    bool has_secure_boot_variable;
    uint8_t secure_boot_value; /* as measured, when has_secure_boot_variable */
    enum tristate setup_mode;  /* SB-6: inferred from an empty PK */
    struct key_database pk, kek, db, dbx;
    struct authority *authorities;
    size_t n_authorities;
    enum tristate dma_protection_disabled;
    enum tristate debug_mode;
    enum tristate audit_mode, deployed_mode; /* SB-6; often not measured */

    /* shim */
    bool has_shim;                 /* SbatLevel or MokList measurements are there */
    const char *sbat_level;        /* CSV lines (printable ASCII and \n), authenticated; NULL */
    enum tristate shim_validation; /* NO when MokSBState is measured as disabled (SB-15) */
    struct span mok_list, mok_list_x,
        mok_list_trusted;       /* SHA-256 (or strongest) digests in PCR 14; empty when absent */
    enum tristate mok_enrolled; /* MokList holds more than shim's own certificate, used or not */
    bool has_user_mok; /* a MokList certificate that is not known as shim's own allowed a load */

    /* the chain */
    struct boot_image *images;
    size_t n_images;
    uint32_t n_boot_attempts; /* "Calling EFI Application from Boot Option" */
    uint32_t n_boot_returns;
    bool has_exit_boot_services;
    struct boot_file *files;
    size_t n_files;
    struct uki_section *uki;
    size_t n_uki;
    /* Of userspace, behind the sections. No log tells them: whoever holds a quote against the log
     * sets them (appraise). NULL: not known. */
    const struct boot_phases *phases;
    const char *cmdline; /* kernel command line, escaped; NULL when not authenticated. GRUB's is
                            without its first word; several in PCR 12 are joined in order */
    const struct event *cmdline_event; /* the first */
    const char *kernel_path; /* that first word, authenticated: "/boot/vmlinuz-6.1.0"; NULL, also
                                when the kernel would not end it where it seems to end */
    const char
        *boot_software; /* "GRUB", "systemd-boot", "UKI", "Linux EFI stub", "Windows", each but the
                           last also as "shim + ..."; "shim", "legacy BIOS", "unknown": static */
    bool is_windows;    /* authentic records of Windows are there */
    const struct windows_facts *windows; /* NULL without any */
    const char *firmware_version;        /* S-CRTM version text; NULL */
    struct platform_guess platform;
    struct fact_basis *basis; /* of the facts that are known */
    size_t n_basis;

    struct boot_driver *drivers;
    size_t n_drivers;
    struct boot_device *devices;
    size_t n_devices;
    struct boot_disk *disks;
    size_t n_disks;

    struct finding *findings;
    size_t n_findings;
};

/* ERR_MEMORY and ERR_CRYPTO only: whatever is odd about the log is a finding. Findings stand in
 * the order of the rules that made them; past 1024 of a weight the rest of it is dropped. The facts
 * borrow from the reference as well; without one (NULL) nothing is named and nothing is known to be
 * revoked but by dbx. */
err_t boot_facts_make(struct arena *arena, const struct readings *readings,
                      const struct reference *reference, struct hasher *hasher,
                      struct boot_facts **ret) MUST_CHECK;

/* The same facts, held against the cache's reference, with key databases that were read before
 * taken from there. The facts borrow nothing from the cache itself. */
err_t boot_facts_make_cached(struct arena *arena, const struct readings *readings,
                             struct key_cache *cache, struct hasher *hasher,
                             struct boot_facts **ret) MUST_CHECK;

/* The documented JSON form ("facts" of `verify` and `eventlog`); docs/formats/boot-facts.md. */
yyjson_mut_val *boot_facts_json(struct arena *arena, yyjson_mut_doc *doc,
                                const struct boot_facts *facts);
/* Its findings: an array of {"code","weight","rule","event","text"}. */
yyjson_mut_val *boot_findings_json(yyjson_mut_doc *doc, const struct boot_facts *facts);

#endif
