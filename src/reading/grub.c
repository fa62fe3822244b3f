/*
 * reading/grub.c - GRUB's EV_IPL events: commands and command lines in PCR 8, files in PCR 9.
 *
 * In PCR 8 the digest is of the text behind a known prefix. In PCR 9 it is of a file's content
 * and the text is only the file's name; what a file is for is told by the authentic commands
 * before it, else by its name. The order between PCR 8 and 9 is not proven (L-13), so these roles
 * are for words and change classes; the digests are compared in any case.
 *
 * Who may send these bytes: root of any guest.
 */
#include "reading/readers.h"

#include "eventlog/marks.h"

enum { GRUB_ARGUMENTS_MAX = 4096 };

static bool ends(struct span text, const char *tail)
{
    size_t n = strlen(tail);

    return text.len >= n && memcmp(text.data + text.len - n, tail, n) == 0;
}

static bool contains(struct span text, const char *word)
{
    return text.len > 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

/* The next word of `text`, cut off its front; empty at its end. */
static struct span take_word(struct span *text)
{
    struct span rest = *text;
    size_t from = 0;
    size_t to;

    while (from < rest.len && rest.data[from] == ' ') {
        from++;
    }
    to = from;
    while (to < rest.len && rest.data[to] != ' ') {
        to++;
    }
    *text = span_cut(rest, to, rest.len);
    return span_cut(rest, from, to - from);
}

static void note_command(struct reading_ctx *ctx, struct span command)
{
    static const struct {
        const char *word;
        enum grub_verb verb;
    } verbs[] = {
        {"linux", GRUB_LINUX},
        {"linuxefi", GRUB_LINUX},
        {"linux16", GRUB_LINUX},
        {"kernel", GRUB_LINUX},
        {"initrd", GRUB_INITRD},
        {"initrdefi", GRUB_INITRD},
        {"initrd16", GRUB_INITRD},
        {"source", GRUB_CONFIG_FILE},
        {"configfile", GRUB_CONFIG_FILE},
        {"normal", GRUB_CONFIG_FILE},
        {"extract_entries_configfile", GRUB_CONFIG_FILE},
        {"blscfg", GRUB_CONFIG_FILE},
    };
    struct span args = command;
    struct span word = take_word(&args);

    ctx->verb = GRUB_NONE;
    ctx->verb_files = 0;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (span_is(word, verbs[i].word)) {
            ctx->verb = verbs[i].verb;
            /* Every file is looked for among these: a longer line names none (L-15). */
            ctx->verb_args = args.len <= GRUB_ARGUMENTS_MAX ? args : (struct span){0};
        }
    }
}

void read_grub_text(struct reading_ctx *ctx, struct reading *r)
{
    struct span data = r->event->data;

    for (size_t i = 0; i < GRUB_PREFIXES; i++) {
        size_t len = strlen(grub_prefixes[i].prefix);
        struct span text;
        struct span hashed;

        if (!span_starts(data, grub_prefixes[i].prefix)) {
            continue;
        }
        /* One prefix, one rule (D-3). The event's own last byte is the NUL; one inside the text
         * would let two readers see two commands. */
        text = span_cut(data, len, data.len);
        hashed = text;
        if (text.len > 0 && text.data[text.len - 1] == 0) {
            text.len--;
        }
        if (!grub_prefixes[i].with_nul) {
            hashed = text;
        }
        r->role = grub_prefixes[i].is_cmdline ? ROLE_CMDLINE : ROLE_GRUB_COMMAND;
        reading_match(ctx, r, hashed,
                      grub_prefixes[i].with_nul ? "H(text behind the prefix, with NUL)"
                                                : "H(text behind the prefix, without NUL)",
                      READING_DIFFERS);
        if (r->match == READING_MATCHES) {
            r->content = text;
            if (r->role == ROLE_GRUB_COMMAND) {
                note_command(ctx, text);
            }
        }
        reading_say(ctx, r, grub_prefixes[i].is_cmdline ? "command line: " : "GRUB: ",
                    ctx_bytes(ctx, text));
        return;
    }
    read_unruled(ctx, r);
}

/* Paths are the same when they differ in GRUB's device alone: "(hd0,gpt2)/vmlinuz", "/vmlinuz". */
static struct span without_device(struct span path)
{
    if (path.len > 0 && path.data[0] == '(') {
        const uint8_t *end = memchr(path.data, ')', path.len);

        if (end != NULL) {
            size_t skip = (size_t)(end - path.data) + 1;

            return span_cut(path, skip, path.len);
        }
    }
    return path;
}

static bool is_argument(struct span args, struct span file)
{
    while (args.len > 0) {
        struct span word = take_word(&args);

        if (word.len > 0 && span_equal(without_device(word), without_device(file))) {
            return true;
        }
    }
    return false;
}

/* What GRUB read the file for, by the command before it. ROLE_NONE: the command does not say. */
static enum event_role role_by_command(struct reading_ctx *ctx, struct span file)
{
    struct span args = ctx->verb_args;
    struct span first = take_word(&args);
    bool unnamed = span_starts(file, "grub_linuxefi "); /* Red Hat 8: a label, not a path */

    switch (ctx->verb) {
    case GRUB_LINUX:
        if (ctx->verb_files == 0 &&
            (unnamed || span_equal(without_device(first), without_device(file)))) {
            return ROLE_KERNEL_FILE;
        }
        return ROLE_NONE;
    case GRUB_INITRD:
        return unnamed || is_argument(ctx->verb_args, file) ? ROLE_INITRD : ROLE_NONE;
    case GRUB_CONFIG_FILE:
        return is_argument(ctx->verb_args, file) ? ROLE_GRUB_CONFIG : ROLE_NONE;
    case GRUB_NONE:
    default:
        return ROLE_NONE;
    }
}

static enum event_role role_by_name(struct span file)
{
    const uint8_t *slash = file.len > 0 ? memrchr(file.data, '/', file.len) : NULL;
    struct span base =
        slash != NULL ? span_cut(file, (size_t)(slash - file.data) + 1, file.len) : file;

    if (ends(base, ".mod") || ends(base, ".lst")) {
        return ROLE_GRUB_MODULE;
    }
    if (ends(base, ".cfg") || ends(base, ".conf") || span_is(base, "grubenv") ||
        contains(base, "grub.cfg")) {
        return ROLE_GRUB_CONFIG;
    }
    if (span_starts(base, "vmlinu") || span_starts(base, "bzImage") ||
        span_is(file, "grub_linuxefi Kernel")) {
        return ROLE_KERNEL_FILE;
    }
    if (span_starts(base, "initr") || span_is(file, "grub_linuxefi Initrd")) {
        return ROLE_INITRD;
    }
    return ROLE_BOOT_FILE;
}

void read_grub_file(struct reading_ctx *ctx, struct reading *r)
{
    struct span file = show_until_nul(r->event->data);
    enum event_role role = role_by_command(ctx, file);

    ctx->verb_files++;
    r->role = role != ROLE_NONE ? role : role_by_name(file);
    r->rule = "H(content of the file)";
    r->name = ctx_show(ctx, file);
    r->name_is_hint = true;
    reading_say(ctx, r, "file ", r->name);
}
