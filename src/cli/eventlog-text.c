/*
 * eventlog-text.c - a log for people: the summary first, then the boot, stage by stage, and the
 * registers that it leads to. Everything printed was escaped when the readings were made.
 */
#include "cli/eventlog.h"

#include "base/codec.h"
#include "base/show.h"
#include "cli/facts-show.h"
#include "facts/stages.h"

#include <stdio.h>
#include <string.h>

enum { DIGEST_SHOWN = 12, TEXT_SHOWN = 110, NAMES_SHOWN = 4, LABEL = 18 };

static void print_line(const char *label, const char *value)
{
    printf("%-*s %s\n", LABEL, label, value);
}

/* ---- the summary ---- */

static void print_secure_boot(const struct boot_facts *facts)
{
    print_line("Secure Boot:",
               state_words(facts->secure_boot, "on", "! off: nothing had to be signed"));
    if (facts->setup_mode == STATE_YES) {
        print_line("", "! setup mode: no platform key is enrolled");
    }
    if (facts->debug_mode == STATE_YES) {
        print_line("", "! the firmware ran in debug mode");
    }
    if (facts->dma_protection_disabled == STATE_YES) {
        print_line("", "! the firmware left DMA unprotected");
    }
    if (facts->db.has_test_key || facts->kek.has_test_key || facts->pk.has_test_key) {
        print_line("", "! a test key is enrolled, whose private half is public");
    }
    for (size_t i = 0; i < facts->n_authorities; i++) {
        printf("%-*s %s (%s)%s\n", LABEL, i == 0 ? "Allowed by:" : "",
               authority_name(&facts->authorities[i]), facts->authorities[i].source,
               facts->authorities[i].before_separator ? ", a driver" : "");
    }
}

static void print_shim(const struct boot_facts *facts)
{
    if (!facts->has_shim) {
        return;
    }
    print_line("shim validation:",
               facts->secure_boot == STATE_NO
                   ? "off, as Secure Boot is"
                   : state_words(facts->shim_validation, "on", "! switched off"));
    if (facts->sbat_level != NULL) {
        char level[512];

        snprintf(level, sizeof(level), "%s", facts->sbat_level); /* printable ASCII and line ends */
        for (char *c = level; *c != '\0'; c++) {
            if (*c == '\n') {
                *c = ' ';
            }
        }
        print_line("SBAT level:", level);
    }
    if (facts->mok_enrolled != STATE_UNKNOWN) {
        printf("%-*s %s%s\n", LABEL,
               "Own keys (MOK):", facts->mok_enrolled == STATE_YES ? "enrolled" : "none",
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

/* The digest in the bank that counts most, short. */
static const char *short_digest(const struct eventlog_view *view, const struct event *event)
{
    const struct eventlog *log = view->facts->log;
    int bank = eventlog_bank(log, HASH_SHA256);
    const char *hex;

    bank = bank < 0 ? 0 : bank;
    if (event->digest[bank].len == 0) {
        return "";
    }
    hex =
        arena_printf(view->arena, "%.*s", DIGEST_SHOWN, hex_dup(view->arena, event->digest[bank]));
    return hex != NULL ? hex : "";
}

static void print_images(const struct eventlog_view *view)
{
    const struct boot_facts *facts = view->facts;
    const char *label = "Started:";

    for (size_t i = 0; i < facts->n_images; i++) {
        const struct boot_image *image = &facts->images[i];

        if (image->is_repeat) {
            continue; /* measured twice on its way, started once */
        }
        printf("%-*s %-8s %s%s%s%s%s", LABEL, label, part_word(image),
               short_digest(view, image->event), image->path_hint[0] != '\0' ? "  " : "",
               image->path_hint, image->signer_hint != NULL ? ", allowed by " : "",
               image->signer_hint != NULL ? image->signer_hint->source : "");
        image_show_known(stdout, image);
        printf("\n");
        label = "";
    }
}

static size_t count_findings(const struct boot_facts *facts, enum finding_weight weight)
{
    size_t n = 0;

    for (size_t i = 0; i < facts->n_findings; i++) {
        n += facts->findings[i].weight == weight;
    }
    return n;
}

static void print_findings(const struct boot_facts *facts)
{
    size_t n_bad = count_findings(facts, WEIGHT_BAD);
    size_t n_faults = count_findings(facts, WEIGHT_FAULT);
    size_t n_notes = count_findings(facts, WEIGHT_NOTE);

    if (facts->n_findings == 0) {
        print_line("Oddities:", "none");
        return;
    }
    printf("%-*s %zu bad, %zu fault%s, %zu note%s\n", LABEL, "Oddities:", n_bad, n_faults,
           n_faults == 1 ? "" : "s", n_notes, n_notes == 1 ? "" : "s");
    for (int weight = WEIGHT_BAD; weight >= WEIGHT_NOTE; weight--) {
        for (size_t i = 0; i < facts->n_findings; i++) {
            const struct finding *finding = &facts->findings[i];

            if ((int)finding->weight == weight) {
                printf("%-*s %s: %s [%s, %s]\n", LABEL, "", finding_weight_name(finding->weight),
                       finding->text, finding_code_name(finding->code), finding->rule);
            }
        }
    }
}

static void print_facts(const struct eventlog_view *view)
{
    static const struct windows_labels labels = {
        "Debuggers:        ", "Signatures:       ", "Windows:          ", "Protection:       ",
        "Antimalware:      "};
    const struct boot_facts *facts = view->facts;

    print_secure_boot(facts);
    print_shim(facts);
    print_line("Boot software:", facts->boot_software);
    if (facts->firmware_version != NULL) {
        print_line("Firmware:", facts->firmware_version);
    }
    if (facts->platform.name != NULL) {
        printf("%-*s probably %s (by %s)\n", LABEL, "Machine:", facts->platform.name,
               facts->platform.ground);
    }
    windows_show(stdout, view->arena, &labels, facts, "");
    print_images(view);
    if (facts->kernel_path != NULL) {
        print_line("Kernel:", facts->kernel_path);
    }
    if (facts->cmdline != NULL || facts->windows == NULL) {
        print_line("Command line:",
                   facts->cmdline != NULL ? facts->cmdline : "not proven by this log");
    }
    if (facts->n_boot_attempts > 1) {
        printf("%-*s %u, %u returned\n", LABEL, "Boot attempts:", facts->n_boot_attempts,
               facts->n_boot_returns);
    }
    print_findings(facts);
}

/* ---- the events ---- */

static const struct key_database *database_of(const struct boot_facts *facts,
                                              const struct event *event)
{
    const struct key_database *all[] = {&facts->pk, &facts->kek, &facts->db, &facts->dbx};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]->present && all[i]->event == event) {
            return all[i];
        }
    }
    return NULL;
}

/* Names that are known, the rest counted. */
static const char *database_words(const struct eventlog_view *view, const struct reading *r,
                                  const struct key_database *db)
{
    const struct key_contents *keys = &db->keys;
    const char *words = arena_printf(view->arena, "%s:", r->text);
    const char *mark = "";

    for (size_t i = 0; i < keys->n_certificates && i < NAMES_SHOWN && words != NULL; i++) {
        const struct key_certificate *c = &keys->certificates[i];

        words = arena_printf(view->arena, "%s%s %s", words, mark,
                             c->known != NULL     ? c->known->name
                             : c->subject != NULL ? c->subject
                                                  : "no certificate");
        mark = ",";
    }
    if (keys->n_certificates > NAMES_SHOWN && words != NULL) {
        words =
            arena_printf(view->arena, "%s and %zu more", words, keys->n_certificates - NAMES_SHOWN);
    }
    if (keys->n_hashes > 0 && words != NULL) {
        words = arena_printf(view->arena, "%s%s %u digest%s", words, mark, keys->n_hashes,
                             keys->n_hashes == 1 ? "" : "s");
        mark = ",";
    }
    if (keys->n_other > 0 && words != NULL) {
        words = arena_printf(view->arena, "%s%s %u of other kinds", words, mark, keys->n_other);
    }
    if (keys->n_x509 + keys->n_hashes + keys->n_other == 0 && words != NULL) {
        words = arena_printf(view->arena, "%s empty", words);
    }
    return words != NULL ? words : r->text;
}

/* Where the facts know more about an event than its reading. */
static const char *words_of(const struct eventlog_view *view, const struct reading *r)
{
    const struct boot_facts *facts = view->facts;
    const struct key_database *db = database_of(facts, r->event);
    const char *words = r->text;

    if (db != NULL) {
        words = database_words(view, r, db);
    }
    for (size_t i = 0; i < facts->n_authorities; i++) {
        const struct authority *authority = &facts->authorities[i];

        if (authority->event == r->event) {
            words = arena_printf(view->arena, "%s: %s", r->text, authority_name(authority));
        }
    }
    return words != NULL ? words : r->text;
}

static void print_oddities_of(const struct boot_facts *facts, const struct event *event)
{
    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *finding = &facts->findings[i];

        if (finding->event == (int64_t)event->index) {
            printf("         %s: %s\n",
                   finding->weight == WEIGHT_NOTE    ? "note"
                   : finding->weight == WEIGHT_FAULT ? "! FAULT"
                                                     : "! BAD",
                   finding->text);
        }
    }
}

/* "7", "RTMR0" */
static const char *short_register(const struct eventlog_view *view, uint32_t index)
{
    const char *name = eventlog_register_name(view->arena, view->facts->log, index);

    return strncmp(name, "PCR ", 4) == 0 ? name + 4 : name;
}

static void print_event(const struct eventlog_view *view, const struct reading *r)
{
    const char *words = words_of(view, r);

    /* With nothing else to read, texts are whole. */
    if (view->show_facts) {
        words = show_cut(view->arena, words, TEXT_SHOWN);
    }
    if (r->event->pcr < EVENTLOG_REGISTERS && r->role != ROLE_NONE) {
        printf("%5u %5s  %-*s  %s\n", r->event->index, short_register(view, r->event->pcr),
               DIGEST_SHOWN, short_digest(view, r->event), words);
    } else {
        printf("%5u %5s  %-*s  %s\n", r->event->index, "", DIGEST_SHOWN, "", words);
    }
    print_oddities_of(view->facts, r->event);
}

/* Separators that are as they must be say one thing together. */
static bool is_plain_separator(const struct reading *r)
{
    return r->role == ROLE_SEPARATOR && r->match == READING_MATCHES && r->content.len == 4 &&
           span_all(r->content, 0);
}

static void print_separators(const struct eventlog_view *view)
{
    const struct readings *readings = view->facts->readings;
    const char *label = "             separators, where the firmware's part ends:";

    for (size_t i = 0; i < readings->n; i++) {
        const struct reading *r = &readings->items[i];

        if (is_plain_separator(r) && eventlog_view_has(view, r->event->pcr)) {
            printf("%s %s (event %u)", label, short_register(view, r->event->pcr), r->event->index);
            label = ",";
        }
    }
    if (label[0] == ',') {
        printf("\n");
    }
}

static void print_stage(const struct eventlog_view *view, enum boot_stage stage)
{
    const struct readings *readings = view->facts->readings;
    bool is_titled = false;

    for (size_t i = 0; i < readings->n; i++) {
        const struct reading *r = &readings->items[i];

        if (boot_stage_of(view->facts, r) != stage || !eventlog_view_has(view, r->event->pcr)) {
            continue;
        }
        if (!is_titled) {
            printf("\n%s\n", boot_stage_title(stage));
            is_titled = true;
        }
        if (!is_plain_separator(r)) {
            print_event(view, r);
        }
    }
    if (is_titled && stage == STAGE_FIRMWARE) {
        print_separators(view);
    }
}

static void print_events(const struct eventlog_view *view)
{
    printf("%sevent   %s  %-*s  what was measured\n", view->show_facts ? "\n" : "",
           view->facts->log->kind == EVENTLOG_PCRS ? "PCR" : "reg", DIGEST_SHOWN, "digest");
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        print_stage(view, (enum boot_stage)stage);
    }
}

/* ---- the registers ---- */

static void print_registers(const struct eventlog_view *view)
{
    const struct eventlog_registers *best = NULL;
    char hex[2 * HASH_MAX_BYTES + 1];

    for (size_t i = 0; i < view->n_registers; i++) {
        if (best == NULL || best->bank != HASH_SHA256) {
            best = &view->registers[i];
        }
    }
    if (best == NULL || (best->extended & view->pcr_mask) == 0) {
        return;
    }
    printf("\nRegisters after this log (%s)\n", hash_name(best->bank));
    for (unsigned pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
        if ((best->extended & view->pcr_mask & 1u << pcr) != 0) {
            hex_encode(span_of(best->value[pcr], hash_size(best->bank)), hex, sizeof(hex));
            printf("  %-7s %s\n", eventlog_register_name(view->arena, view->facts->log, pcr), hex);
        }
    }
}

void eventlog_print(const struct eventlog_view *view)
{
    const struct eventlog *log = view->facts->log;

    if (view->show_facts) {
        printf("%-*s %s%s, %zu events, banks", LABEL,
               "Log:", log->format == EVENTLOG_AGILE ? "crypto-agile" : "SHA-1",
               log->kind == EVENTLOG_RTMRS ? ", of a confidential VM (CCEL)" : "", log->n_events);
        for (size_t i = 0; i < log->n_banks; i++) {
            printf(" %s", eventlog_bank_name(view->arena, &log->banks[i]));
        }
        printf("\n");
        print_facts(view);
    }
    if (view->show_events) {
        print_events(view);
        print_registers(view);
    }
}
