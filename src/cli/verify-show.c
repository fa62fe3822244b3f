#include "cli/verify-show.h"

#include "cli/facts-show.h"

#include "base/codec.h"
#include "base/text.h"

static const char *verdict_words(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_HEALTHY:
        return "the boot is proven and good";
    case VERDICT_CHANGED:
        return "the boot is proven and differs from the baseline: somebody must decide";
    case VERDICT_UNHEALTHY:
        return "the boot is proven and bad";
    case VERDICT_CANNOT_JUDGE:
        return "there is nothing to judge the boot by";
    case VERDICT_NOT_VERIFIED:
    default:
        return "the proof does not hold";
    }
}

static const char *freshness_words(enum freshness freshness)
{
    switch (freshness) {
    case FRESHNESS_NONCE:
        return "the quotes answer the challenge";
    case FRESHNESS_CLOCK:
        return "not older than the last proof of this key; no challenge was given";
    case FRESHNESS_FAILED:
        return "NOT fresh, see below";
    case FRESHNESS_NOT_CHECKED:
    default:
        return "not checked: the evidence may be of any time (--nonce gives the challenge)";
    }
}

static void show_reasons(FILE *out, const struct appraisal *a)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        const struct reason *reason = &a->reasons[i];

        fprintf(out, "\n  %s%s%s%s%s%s\n", reason_name(reason->code), reason->rule[0] ? "  (" : "",
                reason->rule, reason->where[0] && reason->rule[0] ? ", " : "",
                reason->rule[0] ? reason->where : "", reason->rule[0] ? ")" : "");
        fprintf(out, "    %s\n", reason->text);
        fprintf(out, "    what to do: %s\n", reason->remedy);
    }
}

static void show_changes(FILE *out, const struct appraisal *a)
{
    if (!a->has_baseline) {
        return;
    }
    fprintf(out, "\nAgainst the baseline:%s\n", a->n_changes == 0 ? " nothing changed" : "");
    for (size_t i = 0; i < a->n_changes; i++) {
        const struct change *change = &a->changes[i];

        fprintf(out, "  %s %s\n      %s\n", change->is_explained ? "explained  " : "UNEXPLAINED",
                change->text, change->explanation);
    }
}

/* Some quote by a proven key leads to this log. */
static bool is_proven(const struct appraisal *a)
{
    bool any = false;

    for (size_t i = 0; i < a->n_quotes; i++) {
        any = any || a->quotes[i].counts;
    }
    return any && a->is_log_proven;
}

static void show_facts(FILE *out, struct arena *arena, const struct appraisal *a)
{
    static const struct windows_labels labels = {"  debuggers     ", "  signatures    ",
                                                 "  Windows       ", "  protection    ",
                                                 "  antimalware   "};
    const struct boot_facts *facts = a->facts;

    if (facts == NULL) {
        return;
    }
    fprintf(out, "\nWhat was measured%s:\n",
            is_proven(a) ? "" : " (says a log that no proven quote stands behind)");
    fprintf(out, "  Secure Boot    %s\n", state_words(facts->secure_boot, "on", "off"));
    fprintf(out, "  started by     %s\n", facts->boot_software);
    for (size_t i = 0; i < facts->n_authorities; i++) {
        const struct authority *authority = &facts->authorities[i];

        fprintf(out, "  allowed by     %s: %s\n", authority->source, authority_name(authority));
    }
    for (size_t i = 0; i < facts->n_images; i++) {
        const struct boot_image *image = &facts->images[i];

        if (!image->is_repeat && image->digest[HASH_SHA256].len > 0) {
            fprintf(out, "  image          %s %s%s%s", hex_dup(arena, image->digest[HASH_SHA256]),
                    image->path_hint[0] ? "(says it is " : "", image->path_hint,
                    image->path_hint[0] ? ")" : "");
            image_show_known(out, image);
            fprintf(out, "\n");
        }
    }
    for (size_t i = 0; i < facts->n_files; i++) {
        if (facts->files[i].digest[HASH_SHA256].len > 0) {
            fprintf(out, "  %-14s %s %s%s%s\n", event_role_name(facts->files[i].role),
                    hex_dup(arena, facts->files[i].digest[HASH_SHA256]),
                    facts->files[i].name_hint[0] ? "(says it is " : "", facts->files[i].name_hint,
                    facts->files[i].name_hint[0] ? ")" : "");
        }
    }
    if (facts->cmdline != NULL) {
        fprintf(out, "  command line   %s\n", facts->cmdline);
    }
    windows_show(out, arena, &labels, facts,
                 a->windows == NULL ? " (not surely measured by Windows)" : "");
    if (facts->phases != NULL) {
        fprintf(out, "  boot phases    %s\n", boot_phases_text(arena, facts->phases));
    }
    if (facts->sbat_level != NULL) {
        fprintf(out, "  SBAT level     %s\n",
                text_escape_dup(arena, span_str(facts->sbat_level), 400));
    }
}

static void show_keys(FILE *out, struct arena *arena, const struct appraisal *a)
{
    static const char *const proofs[] = {
        [AK_PROOF_NONE] = "NOT proven",
        [AK_PROOF_ENROLLED] = "enrolled",
        [AK_PROOF_CERTIFICATE] = "proven by its certificate",
        [AK_PROOF_WAIVED] = "NOT proven, as the policy allows",
    };

    if (a->n_aks == 0) {
        return;
    }
    fprintf(out, "\nKeys:\n");
    for (size_t i = 0; i < a->n_aks; i++) {
        const struct appraised_ak *ak = &a->aks[i];

        if (ak->is_parsed) {
            fprintf(out, "  AK %s, %s\n     %s\n", ak->label, proofs[ak->proof],
                    hex_dup(arena, tpm_name_span(&ak->name)));
        }
    }
    if (a->ek_subject != NULL) {
        fprintf(out, "  EK certificate: %s\n", a->ek_subject[0] ? a->ek_subject : "(no subject)");
    }
    for (size_t i = 0; i < a->n_quotes; i++) {
        const struct appraised_quote *quote = &a->quotes[i];

        fprintf(out, "  quote %s: %s\n", quote->where,
                quote->counts        ? "verified"
                : quote->is_verified ? "verifies, but its key is not proven: counts for nothing"
                                     : "does not verify");
    }
}

/* The first reason that makes the verdict. */
static enum reason_code worst(const struct appraisal *a)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (reason_verdict(a->reasons[i].code) == a->verdict) {
            return a->reasons[i].code;
        }
    }
    return a->reasons[0].code;
}

void verify_show(FILE *out, struct arena *arena, const struct appraisal *a, bool is_verbose)
{
    fprintf(out, "%s: %s", verdict_name(a->verdict), verdict_words(a->verdict));
    if (a->n_reasons > 0) {
        fprintf(out, " (%s%s)", reason_name(worst(a)), a->n_reasons > 1 ? ", ..." : "");
    }
    fputc('\n', out);
    if (a->n_quotes > 0) {
        fprintf(out, "freshness: %s\n", freshness_words(a->freshness));
    }
    show_reasons(out, a);
    show_changes(out, a);
    show_facts(out, arena, a);
    show_keys(out, arena, a);
    if (a->n_notes > 0) {
        fprintf(out, "\nNoticed:\n");
        for (size_t i = 0; i < a->n_notes; i++) {
            if (is_verbose || i < 12) {
                fprintf(out, "  %s: %s\n", a->notes[i].code, a->notes[i].text);
            }
        }
        if (!is_verbose && a->n_notes > 12) {
            fprintf(out, "  and %zu more (--verbose shows all)\n", a->n_notes - 12);
        }
    }
}
