/*
 * facts/chain.c - what was started and read, in order: images, files, UKI sections, the kernel
 * command line (B-1 to B-4, B-7 to B-9).
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/rtmr.h"
#include "facts/parts.h"

/* Order between registers is not proven (L-13); as the log stands it tells one part of the boot
 * from another, for words and change classes. */
struct chain {
    bool after_separator; /* of PCR 4 */
    unsigned n_lines;     /* separators of RTMR0, in the log of a confidential VM */
    bool after_grub;
    bool after_uki;
    bool after_exit;
    uint32_t late_reported; /* by PCR */
};

/* ---- images ---- */

static enum image_part part_of(const struct chain *chain, const struct boot_image *image)
{
    if (!chain->after_separator) {
        return IMAGE_UNKNOWN;
    }
    if (chain->after_uki) {
        return IMAGE_KERNEL; /* the stub starts the kernel inside it */
    }
    if (chain->after_grub) {
        /* GRUB starts a kernel from memory, without a device path; chainloading has one. */
        return image->path_hint[0] == '\0' ? IMAGE_KERNEL : IMAGE_LOADER;
    }
    return IMAGE_LOADER;
}

/* Not without a bank that we know: then nothing tells two images apart (ALG-6). */
static bool same_digests(const struct boot_image *a, const struct boot_image *b)
{
    bool compared = false;

    for (int i = 0; i < HASH_COUNT; i++) {
        if (!span_equal(a->digest[i], b->digest[i])) {
            return false;
        }
        compared = compared || a->digest[i].len > 0;
    }
    return compared;
}

/* D-2: nothing binds an image's type and data to its digest, but these texts of the firmware have
 * digests that everybody knows: a boot attempt must not be passed off as one more image. */
static void check_disguise(struct facts_ctx *ctx, const struct reading *r)
{
    static const char *const actions[] = {"Calling EFI Application from Boot Option",
                                          "Returning from EFI Application from Boot Option"};
    static const uint8_t separators[][4] = {{0}, {0xff, 0xff, 0xff, 0xff}};
    const char *what = NULL;

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        what = facts_digest_is(ctx, r->event, span_str(actions[i])) ? actions[i] : what;
    }
    for (size_t i = 0; i < ARRAY_LEN(separators); i++) {
        what = facts_digest_is(ctx, r->event, span_of(separators[i], 4)) ? "a separator" : what;
    }
    if (what != NULL) {
        facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", r->event,
                   "event %u calls itself an image, but what was measured is: %s", r->event->index,
                   what);
    }
}

static void add_image(struct facts_ctx *ctx, const struct chain *chain, const struct reading *r)
{
    struct boot_facts *facts = ctx->facts;
    struct boot_image *image = &facts->images[facts->n_images];

    image->event = r->event;
    image->path_hint = r->name;
    image->before_separator = !chain->after_separator;
    facts_digests(ctx, r->event, image->digest);
    image->part = part_of(chain, image);
    if (facts->n_images > 0 && same_digests(image, image - 1)) {
        image->is_repeat = true;
        image->part = image[-1].part == IMAGE_KERNEL ? IMAGE_KERNEL : image->part;
    }
    facts->n_images++;
}

/* The image whose stub measured the first section. */
static void mark_uki(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;

    if (facts->n_images > 0 && facts->images[facts->n_images - 1].part == IMAGE_LOADER) {
        facts->images[facts->n_images - 1].part = IMAGE_UKI;
    }
}

/* Without GRUB and without sections: the last of several before the firmware was left is the
 * kernel that a loader started; a single one is the kernel when its stub says so. */
static void mark_last_kernel(struct facts_ctx *ctx, const struct chain *chain, bool has_stub)
{
    struct boot_facts *facts = ctx->facts;
    size_t n = 0;

    if (chain->after_grub || chain->after_uki || facts->is_windows) {
        return;
    }
    for (size_t i = 0; i < facts->n_images; i++) {
        n += facts->images[i].before_separator ? 0 : 1;
    }
    if ((n > 1 && (facts->has_exit_boot_services || has_stub)) || (n == 1 && has_stub)) {
        facts->images[facts->n_images - 1].part = IMAGE_KERNEL;
    }
}

/* ---- actions ---- */

static void note_action(struct facts_ctx *ctx, struct chain *chain, const struct reading *r)
{
    struct boot_facts *facts = ctx->facts;

    if (r->match != READING_MATCHES) {
        return;
    }
    if (span_is(r->content, "Calling EFI Application from Boot Option")) {
        facts->n_boot_attempts++;
    } else if (span_is(r->content, "Returning from EFI Application from Boot Option")) {
        facts->n_boot_returns++;
    } else if (span_is(r->content, "Exit Boot Services Returned with Success") &&
               r->event->home == 5) {
        facts->has_exit_boot_services = true;
        chain->after_exit = true;
    }
}

/* ---- files ---- */

static void add_file(struct facts_ctx *ctx, const struct reading *r)
{
    struct boot_file *file = &ctx->facts->files[ctx->facts->n_files++];

    file->event = r->event;
    file->role = r->role;
    file->name_hint = r->name;
    facts_digests(ctx, r->event, file->digest);
}

static bool is_file_role(enum event_role role)
{
    return role == ROLE_GRUB_CONFIG || role == ROLE_GRUB_MODULE || role == ROLE_KERNEL_FILE ||
           role == ROLE_INITRD || role == ROLE_BOOT_FILE || role == ROLE_CREDENTIALS ||
           role == ROLE_SYSEXT;
}

/* ---- UKI sections (B-9) ---- */

static int section_rank(const char *name)
{
    static const char *const canonical[] = {".linux",  ".osrel",   ".cmdline", ".initrd", ".ucode",
                                            ".splash", ".dtb",     ".dtbauto", ".hwids",  ".uname",
                                            ".sbat",   ".pcrpkey", ".profile"};

    for (size_t i = 0; i < ARRAY_LEN(canonical); i++) {
        if (strcmp(name, canonical[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void add_section(struct facts_ctx *ctx, const struct reading *content)
{
    struct boot_facts *facts = ctx->facts;
    struct uki_section *section = &facts->uki[facts->n_uki];
    int rank = section_rank(content->name);

    section->event = content->event;
    section->name = content->name;
    facts_digests(ctx, content->event, section->digest);
    if (facts->n_uki > 0 && rank >= 0) {
        int before = section_rank(facts->uki[facts->n_uki - 1].name);

        if (before >= rank) {
            facts_find(ctx, FINDING_UKI_INCOMPLETE, WEIGHT_NOTE, "B-9", content->event,
                       "event %u: UKI section %s stands %s", content->event->index, content->name,
                       before == rank ? "there twice" : "out of order");
        }
    }
    facts->n_uki++;
}

/*
 * Phase words come from userspace, so no firmware log holds them. One that does was written by
 * somebody who wants what stands behind the word to look like part of the image: after the phases
 * have begun, anybody on the machine can extend "sections".
 */
static void check_phase_words(struct facts_ctx *ctx)
{
    struct phase_digests digests = {0};
    int bank = facts_bank(ctx);

    for (size_t i = 0; i < ctx->log->n_events && bank >= 0 && ctx->err == ERR_OK; i++) {
        const struct event *event = &ctx->log->events[i];
        const char *word;

        bool is_there = ctx->log->kind == EVENTLOG_RTMRS ? event->pcr == RTMR_2
                                                         : event->home == BOOT_PHASES_PCR;

        if (!is_there || event->type == EV_NO_ACTION) {
            continue;
        }
        if (digests.size == 0) {
            ctx->err = phase_digests_make(ctx->log->banks[bank].hash, ctx->hasher, &digests);
        }
        word = phase_digests_name(&digests, event->digest[bank]);
        if (word != NULL) {
            facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_FAULT, "B-9", event,
                       "event %u is the boot phase %s: userspace measures it, no firmware log "
                       "holds it",
                       event->index, word);
        }
    }
}

/* Pairs of name and content, undisturbed in PCR 11. */
static void read_sections(struct facts_ctx *ctx)
{
    const struct reading *name = NULL;

    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        const struct reading *r = &ctx->readings->items[i];
        bool is_content = r->role == ROLE_UKI_SECTION && r->match == READING_NOT_COVERED;

        if (r->event->home != 11 || r->role == ROLE_NONE) {
            continue;
        }
        if (name != NULL && is_content) {
            add_section(ctx, r);
            name = NULL;
            continue;
        }
        if (name != NULL) {
            facts_find(ctx, FINDING_UKI_INCOMPLETE, WEIGHT_FAULT, "B-9", name->event,
                       "event %u: the content of UKI section %s was not measured",
                       name->event->index, name->name);
        }
        name = r->role == ROLE_UKI_SECTION && r->match == READING_MATCHES ? r : NULL;
    }
    if (name != NULL) {
        facts_find(ctx, FINDING_UKI_INCOMPLETE, WEIGHT_FAULT, "B-9", name->event,
                   "event %u: the content of UKI section %s was not measured", name->event->index,
                   name->name);
    }
}

/* ---- kernel command line (B-7) ---- */

enum { CMDLINE_MAX_BYTES = 64 * 1024, ADDITIONS_MAX = 64 };

struct cmdline {
    const struct reading *grub;
    const struct reading *command; /* GRUB's "linux PATH ARGUMENTS" */
    bool conflict;
    const struct reading *unclear; /* may be a command line under another label */
    const char *additions;         /* PCR 12, joined */
    size_t additions_bytes, n_additions;
    bool after_command; /* the event before this one in GRUB's register was `command` */
    const struct reading *first_addition;
};

static const char *kept(struct facts_ctx *ctx, const char *text)
{
    if (text == NULL) {
        ctx->err = ERR_MEMORY;
        return "";
    }
    return text;
}

/* The same arguments: GRUB quotes them for the kernel and not in its own record. */
static bool same_arguments(struct span a, struct span b)
{
    size_t i = 0;
    size_t j = 0;

    for (;;) {
        while (i < a.len && strchr("\"'\\", a.data[i]) != NULL && a.data[i] != 0) {
            i++;
        }
        while (j < b.len && strchr("\"'\\", b.data[j]) != NULL && b.data[j] != 0) {
            j++;
        }
        if (i == a.len || j == b.len) {
            return i == a.len && j == b.len;
        }
        if (a.data[i++] != b.data[j++]) {
            return false;
        }
    }
}

/* What stands behind "linux ", "linuxefi " or "linux16 "; empty when it is another command. */
static struct span linux_arguments(struct span command)
{
    static const char *const verbs[] = {"linux ", "linuxefi ", "linux16 "};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (span_starts(command, verbs[i])) {
            return span_cut(command, strlen(verbs[i]), command.len);
        }
    }
    return (struct span){0};
}

static void note_cmdline(struct facts_ctx *ctx, struct cmdline *line, const struct reading *r)
{
    if (r->match != READING_MATCHES) {
        return;
    }
    if (r->event->home == 12) {
        const char *text = kept(ctx, show_utf16(ctx->arena, r->content));

        /* The kernel takes 2 or 4 KiB; joining without end would cost memory squared (L-15). */
        line->additions_bytes += strlen(text) + 1;
        line->n_additions++;
        if (line->additions_bytes > CMDLINE_MAX_BYTES || line->n_additions > ADDITIONS_MAX) {
            line->unclear = r;
            return;
        }
        line->additions = line->additions == NULL
                              ? text
                              : kept(ctx, show_join(ctx->arena, line->additions, " ", text));
        line->first_addition = line->first_addition == NULL ? r : line->first_addition;
    } else if (r->event->home == 8) {
        if (line->grub != NULL && !span_equal(line->grub->content, r->content)) {
            line->conflict = true;
            facts_find(ctx, FINDING_CMDLINE_CONFLICT, WEIGHT_FAULT, "B-7", r->event,
                       "event %u: a second kernel command line, other than that of event %u",
                       r->event->index, line->grub->event->index);
        }
        line->grub = line->grub == NULL ? r : line->grub;
    }
}

/*
 * The label before a text of GRUB's is not measured, nor is the type of an event. So the command
 * line that counts could be hidden under another label, and a harmless one appended by the OS
 * (B-10). What cannot be relabelled is the text itself: GRUB's command "linux ..." of the same
 * boot names the same arguments, and nothing of unknown meaning stands beside it.
 */
static void note_doubt(struct cmdline *line, const struct reading *r)
{
    bool is_text = r->event->home == 8 && r->match == READING_MATCHES &&
                   (r->role == ROLE_GRUB_COMMAND || r->role == ROLE_CMDLINE);
    struct span arguments = is_text ? linux_arguments(r->content) : (struct span){0};
    bool after_command = line->after_command;

    if (r->event->home == 8) {
        /* The order within a register is proven: GRUB measures the command line right behind the
         * command that sets it, and at no other time. */
        bool is_again = r->role == ROLE_CMDLINE && line->grub != NULL &&
                        span_equal(line->grub->content, r->content);

        if (line->command != NULL && !is_again && after_command != (r->role == ROLE_CMDLINE)) {
            line->unclear = r;
        }
        line->after_command = arguments.len > 0;
    }
    if (arguments.len > 0) {
        if (line->command != NULL &&
            !same_arguments(linux_arguments(line->command->content), arguments)) {
            line->unclear = r;
        }
        line->command = r;
    } else if ((r->event->home == 8 && !is_text) ||
               (r->event->home == 12 && (r->role != ROLE_CMDLINE || r->match != READING_MATCHES))) {
        /* In PCR 12 also what is told by its name alone, credentials and the like: the digest does
         * not say that it is no command line. */
        line->unclear = r;
    }
}

static void check_doubt(struct facts_ctx *ctx, struct cmdline *line)
{
    if (line->grub != NULL && line->command != NULL && line->unclear == NULL &&
        !same_arguments(linux_arguments(line->command->content), line->grub->content)) {
        line->unclear = line->command;
    }
    if (line->unclear != NULL && !line->conflict &&
        (line->grub != NULL || line->additions != NULL)) {
        line->conflict = true;
        facts_find(ctx, FINDING_CMDLINE_CONFLICT, WEIGHT_NOTE, "B-7", line->unclear->event,
                   "event %u may name another kernel command line: none is taken as proven",
                   line->unclear->event->index);
    }
}

/* What ends a word to the kernel (lib/ctype.c): more than to GRUB, for which a file may well be
 * called "vmlinuz<TAB>init=/bin/sh". */
static bool is_kernel_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

/* "/boot/vmlinuz-6.1 root=...": the first word changes with every update. With a quote in it the
 * kernel would read on to the next one, so then it is left where it is. */
static void split_cmdline(struct facts_ctx *ctx, struct span text)
{
    struct boot_facts *facts = ctx->facts;
    bool has_quote = false;
    size_t at = 0;

    while (at < text.len && !is_kernel_space(text.data[at])) {
        has_quote = has_quote || text.data[at] == '"';
        at++;
    }
    if (!has_quote) {
        facts->kernel_path = kept(ctx, show_bytes(ctx->arena, span_cut(text, 0, at)));
        text = span_cut(text, at + 1, text.len);
    }
    facts->cmdline = kept(ctx, show_bytes(ctx->arena, text));
}

static void set_cmdline(struct facts_ctx *ctx, const struct cmdline *line)
{
    struct boot_facts *facts = ctx->facts;

    if (line->conflict || (line->grub != NULL && line->additions != NULL)) {
        if (!line->conflict) {
            facts_find(ctx, FINDING_CMDLINE_CONFLICT, WEIGHT_NOTE, "B-7",
                       line->first_addition->event,
                       "kernel command lines from GRUB and from systemd: which one counts is "
                       "not known");
        }
        return;
    }
    if (line->grub != NULL) {
        split_cmdline(ctx, line->grub->content);
        facts->cmdline_event = line->grub->event;
    } else if (line->additions != NULL) {
        facts->cmdline = line->additions;
        facts->cmdline_event = line->first_addition->event;
    }
}

/* ---- the walk ---- */

/* B-2: nothing of the firmware comes after ExitBootServices. */
static void check_late(struct facts_ctx *ctx, struct chain *chain, const struct event *event)
{
    if (chain->after_exit && event->home < 8 && (chain->late_reported & 1u << event->home) == 0) {
        chain->late_reported |= 1u << event->home;
        /* What the OS appends to 4 or 7 would read like an image or a key of the firmware's. */
        facts_find(ctx, FINDING_EVENT_ORDER,
                   event->home == 4 || event->home == 7 ? WEIGHT_FAULT : WEIGHT_NOTE, "B-2", event,
                   "event %u extends %s after the firmware was left", event->index,
                   facts_register(ctx, event));
    }
}

/* In the log of a confidential VM the second line in RTMR0 is drawn where that of RTMR1 is, or
 * instead of it (facts/rtmr.c). */
static bool ends_firmware(const struct facts_ctx *ctx, struct chain *chain, const struct reading *r)
{
    if (r->role != ROLE_SEPARATOR) {
        return false;
    }
    return r->event->home == 4 ||
           (ctx->log->kind == EVENTLOG_RTMRS && r->event->home == 7 && ++chain->n_lines == 2);
}

static void walk_reading(struct facts_ctx *ctx, struct chain *chain, struct cmdline *line,
                         const struct reading *r)
{
    check_late(ctx, chain, r->event);
    note_doubt(line, r);
    if (ends_firmware(ctx, chain, r)) {
        chain->after_separator = true;
    } else if (r->role == ROLE_IMAGE) {
        check_disguise(ctx, r);
        add_image(ctx, chain, r);
    } else if (r->role == ROLE_BOOT_ACTION) {
        note_action(ctx, chain, r);
    } else if (r->role == ROLE_CMDLINE) {
        note_cmdline(ctx, line, r);
    } else if (r->role == ROLE_UKI_SECTION && !chain->after_uki) {
        mark_uki(ctx);
        chain->after_uki = true;
    } else if (is_file_role(r->role)) {
        add_file(ctx, r);
    }
    if ((r->event->home == 8 || r->event->home == 9) && r->event->type == EV_IPL &&
        r->role != ROLE_OTHER) {
        chain->after_grub = true;
    }
    if (r->role == ROLE_WINDOWS && r->event->type == EV_EVENT_TAG && r->match == READING_MATCHES) {
        ctx->facts->is_windows = true;
    }
}

static bool has_linux_stub(const struct facts_ctx *ctx)
{
    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->event->home == 9 && r->event->type == EV_EVENT_TAG &&
            (r->role == ROLE_CMDLINE || r->role == ROLE_INITRD)) {
            return true;
        }
    }
    return false;
}

void facts_chain(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    struct chain chain = {0};
    struct cmdline line = {0};
    size_t n_files = 0;

    for (int role = 0; role < ROLE_COUNT; role++) {
        n_files += is_file_role((enum event_role)role) ? ctx->n_by_role[role] : 0;
    }
    facts->images = facts_alloc(ctx, ctx->n_by_role[ROLE_IMAGE], sizeof(*facts->images));
    facts->files = facts_alloc(ctx, n_files, sizeof(*facts->files));
    facts->uki = facts_alloc(ctx, ctx->n_by_role[ROLE_UKI_SECTION], sizeof(*facts->uki));
    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role != ROLE_NONE) {
            walk_reading(ctx, &chain, &line, r);
        }
    }
    if (ctx->err) {
        return;
    }
    mark_last_kernel(ctx, &chain, has_linux_stub(ctx));
    read_sections(ctx);
    check_phase_words(ctx);
    check_doubt(ctx, &line);
    set_cmdline(ctx, &line);
    if (!facts->has_exit_boot_services) {
        facts_find(ctx, FINDING_NO_EXIT_BOOT, WEIGHT_NOTE, "B-2", NULL,
                   "the end of the firmware phase was not measured: later events in %s cannot be "
                   "told from the firmware's",
                   ctx->log->kind == EVENTLOG_RTMRS ? "RTMR0 and RTMR1" : "PCR 0 to 7");
    }
}
