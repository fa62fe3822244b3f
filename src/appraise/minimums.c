/*
 * minimums.c - revocations that are demanded: the SBAT level (SB-16) and dbx (SB-13).
 */
#include "appraise/internal.h"

enum { GENERATION_DIGITS_MAX = 9 };

/* ---- SBAT ---- */

/* "component,generation[,...]": the generation, 0 when the line is of another form. */
static unsigned generation_of(struct span line, struct span *ret_component)
{
    unsigned generation = 0;
    size_t comma = 0;
    size_t at;

    while (comma < line.len && line.data[comma] != ',') {
        comma++;
    }
    *ret_component = span_cut(line, 0, comma);
    for (at = comma + 1; at < line.len && line.data[at] != ','; at++) {
        if (line.data[at] < '0' || line.data[at] > '9' || at - comma > GENERATION_DIGITS_MAX) {
            return 0;
        }
        generation = generation * 10 + (unsigned)(line.data[at] - '0');
    }
    return generation;
}

/* What the measured level demands of a component; 0 when it says nothing of it. Said twice, the
 * lower counts: it is not known which one shim took. */
static unsigned measured_generation(struct span csv, struct span component)
{
    unsigned lowest = 0;
    bool seen = false;

    for (size_t from = 0; from < csv.len;) {
        const uint8_t *end = memchr(csv.data + from, '\n', csv.len - from);
        size_t len = end == NULL ? csv.len - from : (size_t)(end - csv.data) - from;
        struct span name = {0};
        unsigned generation = generation_of(span_cut(csv, from, len), &name);

        if (span_equal(name, component)) {
            lowest = !seen || generation < lowest ? generation : lowest;
            seen = true;
        }
        from += len + 1;
    }
    return lowest;
}

static bool has_all_lines(struct span csv, const struct reference_sbat *level)
{
    for (const char *const *line = level->lines; *line != NULL; line++) {
        struct span component = {0};
        unsigned wanted = generation_of(span_str(*line), &component);

        if (wanted == 0 || measured_generation(csv, component) < wanted) {
            return false;
        }
    }
    return true;
}

/* Does a later level take the place of the minimum? It may leave a component out that it made
 * superfluous (grub.debian), and may not lower one. */
static bool is_successor(const struct reference_sbat *later, const struct reference_sbat *minimum)
{
    if (strcmp(later->level, minimum->level) < 0) {
        return false;
    }
    for (const char *const *line = minimum->lines; *line != NULL; line++) {
        struct span component = {0};
        unsigned wanted = generation_of(span_str(*line), &component);

        for (const char *const *other = later->lines; *other != NULL; other++) {
            struct span name = {0};
            unsigned has = generation_of(span_str(*other), &name);

            if (span_equal(name, component) && has < wanted) {
                return false;
            }
        }
    }
    return true;
}

static bool reaches(const struct reference *reference, struct span csv,
                    const struct reference_sbat *minimum)
{
    const struct reference_sbat *level;

    for (size_t i = 0; (level = reference_sbat_at(reference, i)) != NULL; i++) {
        if (is_successor(level, minimum) && has_all_lines(csv, level)) {
            return true;
        }
    }
    return false;
}

/* The generations, on one line. */
static const char *lines_of(struct arena *arena, const struct reference_sbat *level)
{
    const char *text = level->lines[0] == NULL ? "no component" : level->lines[0];

    for (size_t i = 1; level->lines[0] != NULL && level->lines[i] != NULL; i++) {
        const char *longer = arena_printf(arena, "%s %s", text, level->lines[i]);

        text = longer != NULL ? longer : text;
    }
    return text;
}

static void judge_sbat(struct job *job, const struct boot_facts *facts)
{
    const struct reference_sbat *minimum = job->options->sbat_minimum;

    if (!facts->has_shim) {
        job_note(job, "sbat-does-not-apply", "SB-16", -1,
                 "SBAT level %s is demanded, and no shim ran that would apply it", minimum->level);
    } else if (facts->sbat_level == NULL) {
        job_reason(job, REASON_SBAT_BELOW_MINIMUM, "SB-16", "",
                   "shim measured no SBAT level; at least %s is demanded", minimum->level);
    } else if (!reaches(job->options->reference, span_str(facts->sbat_level), minimum)) {
        struct span first = span_str(facts->sbat_level);

        /* "sbat,1,2023012900" */
        first.len = strcspn(facts->sbat_level, "\n");
        job_reason(job, REASON_SBAT_BELOW_MINIMUM, "SB-16", "",
                   "the SBAT level is %.*s; at least %s (%s) is demanded",
                   (int)(first.len < 64 ? first.len : 64), facts->sbat_level, minimum->level,
                   lines_of(job->arena, minimum));
    }
}

/* ---- dbx ---- */

static err_t judge_dbx(struct job *job, const struct boot_facts *facts)
{
    const struct dbx_minimum *minimum = job->options->dbx_minimum;
    struct appraisal *a = job->result;
    size_t missing = 0;
    err_t err;

    a->is_dbx_sufficient = facts->dbx.present && !facts->dbx.keys.is_malformed;
    if (minimum == NULL) {
        return ERR_OK;
    }
    if (!facts->dbx.present) {
        job_note(job, "dbx-below-minimum", "SB-13", -1,
                 "a minimum of dbx is demanded, and dbx is not measured");
        return ERR_OK;
    }
    err = dbx_minimum_missing(minimum, job->arena, facts->dbx.lists, &facts->dbx.keys, &missing);
    if (err) {
        return err;
    }
    if (missing > 0) {
        a->is_dbx_sufficient = false;
        job_note(job, "dbx-below-minimum", "SB-13", facts->dbx.event->index,
                 "the measured dbx lacks %zu of the %zu revocations that are demanded", missing,
                 minimum->n);
    }
    return ERR_OK;
}

err_t judge_minimums(struct job *job, const struct boot_facts *facts)
{
    if (job->options->sbat_minimum != NULL) {
        judge_sbat(job, facts);
    }
    return judge_dbx(job, facts);
}
