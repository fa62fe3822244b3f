/*
 * reading.h - what each event of a log may be believed to say.
 *
 * A replay proves the sequence of (register, digest). It proves neither the type field nor, for
 * many types, the data (verification-rules section 4; github.com/google/go-attestation, event log
 * disclosure). So every event gets exactly one reading: its role in the boot, whether its digest
 * covers its data by the one rule of its type, and a text for people that says no more than that.
 */
#ifndef READING_READING_H
#define READING_READING_H

#include "eventlog/eventlog.h"

/* How the digest relates to the data. */
enum reading_match {
    READING_MATCHES,    /* digest = rule(data) in every supported bank: data is authenticated */
    READING_DIFFERS,    /* the type's rule exists and does not hold in some bank */
    READING_NOT_COVERED /* the digest is of something else; data is a hint */
};

enum event_role {
    ROLE_NONE, /* EV_NO_ACTION, spec id: extends nothing */
    ROLE_SEPARATOR,
    ROLE_FIRMWARE, /* CRTM, firmware blobs, POST code (PCR 0), handoff tables, microcode ... */
    ROLE_FIRMWARE_CONFIG, /* PCR 1 (not boot variables), 3 */
    ROLE_DRIVER,          /* option ROMs, drivers (PCR 2) */
    ROLE_SB_VARIABLE,     /* SecureBoot, PK, KEK, db, AuditMode, DeployedMode (PCR 7) */
    ROLE_DBX,
    ROLE_DBT,           /* dbt, dbr */
    ROLE_AUTHORITY,     /* the signature database entry that allowed a load (PCR 7) */
    ROLE_SBAT_LEVEL,    /* SbatLevel (PCR 7) */
    ROLE_MOK_STATE,     /* MokSBState, MokListTrusted authority flags of shim (PCR 7 or 14) */
    ROLE_MOK_LIST,      /* MokList, MokListX (PCR 14) */
    ROLE_BOOT_VARIABLE, /* BootOrder, Boot#### (PCR 1) */
    ROLE_BOOT_ACTION,   /* Calling / Returning ... (PCR 4), ExitBootServices (PCR 5) */
    ROLE_DEBUG_ACTION,  /* UEFI Debug Mode, DMA Protection Disabled and any other action in PCR 7 */
    ROLE_PARTITION_TABLE, /* PCR 5 */
    ROLE_IMAGE,           /* an EFI application or driver (PCR 4): Authenticode digest */
    ROLE_GRUB_COMMAND,    /* PCR 8 */
    ROLE_CMDLINE,         /* kernel command line: GRUB PCR 8, stub PCR 9, systemd-stub PCR 12 */
    ROLE_GRUB_CONFIG,     /* grub.cfg and other configuration files GRUB read (PCR 9) */
    ROLE_GRUB_MODULE,
    ROLE_KERNEL_FILE, /* the kernel as a file (PCR 9), named by a kernel command before */
    ROLE_INITRD,      /* initrd by GRUB (PCR 9) or by the kernel stub (PCR 9) */
    ROLE_BOOT_FILE,   /* any other file GRUB read (PCR 9) */
    ROLE_UKI_SECTION, /* PCR 11 */
    ROLE_CREDENTIALS, /* PCR 12 */
    ROLE_SYSEXT,      /* PCR 13 */
    ROLE_WINDOWS,     /* tagged events of Windows, PCR 11-14 */
    ROLE_OTHER,       /* extends, and we do not know what: still compared and reported */
    ROLE_COUNT
};

struct reading {
    const struct event *event;
    enum event_role role;
    enum reading_match match;
    const char *rule; /* static: "H(data)", "H(text after grub_cmd: )", "Authenticode digest" ... */
    const char *name; /* what it is about, escaped: "db", "SbatLevel", "/boot/initrd.img-6.1",
                         ".cmdline"; "" */
    bool name_is_hint;   /* the digest does not cover the name */
    struct span content; /* the authenticated content (variable value, command text); empty unless
                            READING_MATCHES */
    const char *text;    /* one line for people, escaped, hints marked as such */
};

/* readings[i] belongs to log->events[i]. In the arena. */
struct readings {
    const struct eventlog *log;
    struct reading *items;
    size_t n;
};

/* Read every event, checking digests in every supported bank of the log (D-1, D-3). */
err_t readings_make(struct arena *arena, const struct eventlog *log, struct hasher *hasher,
                    struct readings **ret) MUST_CHECK;

/* "image", "kernel command line" ... for people and JSON; static. */
const char *event_role_name(enum event_role role);

#endif
