/*
 * eventlog-text.c - a log for people: the summary first, then the events register by register.
 * Everything printed was escaped when the readings were made.
 */
#include "cli/eventlog.h"

#include "base/codec.h"
#include "base/text.h"

#include <stdio.h>

static const char *const titles[EVENTLOG_REGISTERS] = {
    [0] = "firmware code",
    [1] = "firmware configuration and boot options",
    [2] = "drivers and option ROMs",
    [3] = "configuration of drivers and option ROMs",
    [4] = "boot attempts and started images",
    [5] = "partition table, end of the firmware phase",
    [6] = "the vendor's",
    [7] = "Secure Boot policy and authorities",
    [8] = "GRUB commands and kernel command line",
    [9] = "files read by GRUB, kernel options and initrd",
    [10] = "IMA",
    [11] = "unified kernel image; Windows boot",
    [12] = "command line and credentials; Windows boot",
    [13] = "system extensions; Windows boot",
    [14] = "shim's MOK variables; Windows authorities",
    [15] = "system identity",
};

/* By the number that the log gives them: rtmr.h. */
static const char *const rtmr_titles[] = {
    "firmware, before the guest runs",
    "firmware configuration, Secure Boot policy and authorities (PCR 1, 7)",
    "drivers, boot attempts, started images, partition table (PCR 2 to 6)",
    "boot loader, kernel command line, initrd (PCR 8 to 15)",
    "the owner's",
};

static const char *state_word(enum tristate state)
{
    return state == STATE_YES ? "yes" : state == STATE_NO ? "no" : "unknown";
}

static void print_line(const char *label, const char *value)
{
    printf("%-18s %s\n", label, value);
}

static void print_secure_boot(const struct boot_facts *facts)
{
    print_line("Secure Boot:", facts->secure_boot == STATE_YES  ? "on"
                               : facts->secure_boot == STATE_NO ? "off"
                                                                : "not known");
    if (facts->setup_mode == STATE_YES) {
        print_line("", "setup mode: no platform key is enrolled");
    }
    if (facts->debug_mode == STATE_YES) {
        print_line("", "the firmware ran in debug mode");
    }
    if (facts->db.has_test_key || facts->kek.has_test_key || facts->pk.has_test_key) {
        print_line("", "a test key is enrolled, whose private half is public");
    }
    for (size_t i = 0; i < facts->n_authorities; i++) {
        printf("%-18s %s (%s)%s\n", i == 0 ? "Allowed by:" : "",
               facts->authorities[i].subject[0] != '\0' ? facts->authorities[i].subject
                                                        : "a digest",
               facts->authorities[i].source,
               facts->authorities[i].before_separator ? ", a driver" : "");
    }
}

static void print_shim(const struct boot_facts *facts)
{
    if (!facts->has_shim) {
        return;
    }
    print_line("shim validation:", facts->shim_validation == STATE_YES  ? "on"
                                   : facts->shim_validation == STATE_NO ? "switched off"
                                                                        : "not known");
    if (facts->sbat_level != NULL) {
        char level[512];

        text_escape(span_str(facts->sbat_level), level, sizeof(level));
        print_line("SBAT level:", level);
    }
    if (facts->mok_enrolled != STATE_UNKNOWN) {
        printf("%-18s %s%s\n", "Own keys (MOK):", state_word(facts->mok_enrolled),
               facts->has_user_mok ? ", and used" : "");
    }
}

static const char *part_word(const struct boot_image *image)
{
    switch (image->part) {
    case IMAGE_LOADER:
        return "loader";
    case IMAGE_KERNEL:
        return "kernel";
    case IMAGE_UKI:
        return "UKI";
    case IMAGE_UNKNOWN:
    default:
        return image->before_separator ? "firmware" : "image";
    }
}

static void print_images(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_images; i++) {
        const struct boot_image *image = &facts->images[i];
        struct span digest = image->digest[HASH_SHA256].len > 0 ? image->digest[HASH_SHA256]
                                                                : image->digest[HASH_SHA1];
        char hex[2 * HASH_MAX_BYTES + 1];

        hex_encode(digest, hex, sizeof(hex));
        printf("%-18s %-8s %.16s%s%s%s\n", i == 0 ? "Started:" : "", part_word(image), hex,
               image->path_hint[0] != '\0' ? "  " : "", image->path_hint,
               image->is_repeat ? "  (again)" : "");
    }
}

static void print_findings(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *finding = &facts->findings[i];

        printf("%-18s %s: %s [%s, %s]\n", i == 0 ? "Oddities:" : "",
               finding_weight_name(finding->weight), finding->text,
               finding_code_name(finding->code), finding->rule);
    }
}

static void print_facts(const struct boot_facts *facts)
{
    print_secure_boot(facts);
    print_shim(facts);
    print_line("Boot software:", facts->boot_software);
    if (facts->firmware_version != NULL) {
        print_line("Firmware:", facts->firmware_version);
    }
    print_images(facts);
    if (facts->kernel_path != NULL) {
        print_line("Kernel:", facts->kernel_path);
    }
    print_line("Command line:", facts->cmdline != NULL ? facts->cmdline : "not proven by this log");
    if (facts->n_boot_attempts > 1) {
        printf("%-18s %u, %u returned\n", "Boot attempts:", facts->n_boot_attempts,
               facts->n_boot_returns);
    }
    print_findings(facts);
}

/* The register's value in the bank that counts most. */
static void print_register(const struct eventlog_view *view, unsigned pcr)
{
    const struct eventlog_registers *best = NULL;
    char hex[2 * HASH_MAX_BYTES + 1];

    const struct eventlog *log = view->facts->log;
    const char *title = log->kind == EVENTLOG_PCRS     ? titles[pcr]
                        : pcr < ARRAY_LEN(rtmr_titles) ? rtmr_titles[pcr]
                                                       : NULL;

    printf("\n%s, %s\n", eventlog_register_name(view->arena, log, pcr),
           title != NULL ? title : "reserved");
    for (size_t i = 0; i < view->n_registers; i++) {
        if (best == NULL || best->bank != HASH_SHA256) {
            best = &view->registers[i];
        }
    }
    if (best != NULL && (best->extended & 1u << pcr) != 0) {
        hex_encode(span_of(best->value[pcr], hash_size(best->bank)), hex, sizeof(hex));
        printf("  = %s %s\n", hash_name(best->bank), hex);
    }
}

static void print_events(const struct eventlog_view *view)
{
    const struct readings *readings = view->facts->readings;

    for (unsigned pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
        bool titled = false;

        for (size_t i = 0; i < readings->n; i++) {
            const struct reading *r = &readings->items[i];

            if (r->event->pcr != pcr || r->role == ROLE_NONE || !eventlog_view_has(view, pcr)) {
                continue;
            }
            if (!titled) {
                print_register(view, pcr);
                titled = true;
            }
            printf("%5u  %-21s %s\n", r->event->index, event_role_name(r->role), r->text);
        }
    }
}

static void print_unmeasured(const struct eventlog_view *view)
{
    const struct readings *readings = view->facts->readings;
    bool titled = false;

    for (size_t i = 0; i < readings->n; i++) {
        const struct reading *r = &readings->items[i];

        if (r->role != ROLE_NONE || !eventlog_view_has(view, r->event->pcr)) {
            continue;
        }
        if (!titled) {
            printf("\nNot measured\n");
            titled = true;
        }
        printf("%5u  %s\n", r->event->index, r->text);
    }
}

void eventlog_print(const struct eventlog_view *view)
{
    const struct eventlog *log = view->facts->log;

    if (view->show_facts) {
        printf("%-18s %s%s, %zu events, banks",
               "Log:", log->format == EVENTLOG_AGILE ? "crypto-agile" : "SHA-1",
               log->kind == EVENTLOG_RTMRS ? ", of a confidential VM (CCEL)" : "", log->n_events);
        for (size_t i = 0; i < log->n_banks; i++) {
            printf(" %s", eventlog_bank_name(view->arena, &log->banks[i]));
        }
        printf("\n");
        print_facts(view->facts);
    }
    if (view->show_events) {
        print_events(view);
        print_unmeasured(view);
    }
}
