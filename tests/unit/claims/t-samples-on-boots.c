/*
 * Published policies on recorded boots: what each one decides and issues, held against the table
 * tests/vectors/policy/samples-on-boots.txt.
 *
 * Every boot attests twice with a quote made here: to /attest/Tpm and to /attest/AzureGuest. Each
 * policy is asked about the claims of both types. The log of a real Windows machine, which came
 * without a quote, is shown by a TPM of which it is true. The table that comes out:
 *
 *     test-claims-t-samples-on-boots --print >tests/vectors/policy/samples-on-boots.txt
 *
 * Read the difference before it is committed: the table says what is right, not what is.
 */
#include "unit/appraise/tpm-requests.h"
#include "unit/facts/logs.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/file.h"
#include "claims/claims.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BOOTS_MAX = 64,
    TABLE_MAX = 4 * 1024 * 1024,
    LINE_MAX_CHARS = 100,
    TEXT_MAX_CHARS = 40, /* a longer one is shown by its digest */
    OTHERS_MAX = 4,
    TPM_PCRS = 0x7fff, /* 0-14: PCR 10 with its IMA list */
};

enum type { TYPE_AZUREGUEST, TYPE_TPM, TYPES };
static const char *const type_names[TYPES] = {"AzureGuest", "Tpm"};

/* A real Windows machine: third-party data, read where it is. */
static const char windows_log[] = "eventlogs/logs/python3-uefi-eventlog-ideapad1.bin";

struct boot {
    const char *folder; /* below tests/vectors/boots */
    const char *label;
    const char *log;  /* a public file, instead of the folder's own */
    bool is_db_named; /* the operator names the laboratory's own keys */
    struct attester t;
    const char *verdict[TYPES];
    const struct claims *claims[TYPES]; /* NULL: nothing is proven, no policy is asked */
};

struct table {
    struct arena *arena;
    struct buf out;
    struct boot boots[BOOTS_MAX];
    size_t n_boots;
    size_t n_policies, n_results, n_proven;
};

/* ---- boots ---- */

static const char *path_of(const struct table *table, const struct boot *boot, const char *name)
{
    return arena_printf(table->arena, "boots/%s/%s", boot->folder, name);
}

static bool has_file(const struct table *table, const struct boot *boot, const char *name)
{
    return file_exists(test_vector_path(table->arena, path_of(table, boot, name)));
}

/* Bad by its quote alone, which is made anew here: it would be the boot that it was made from. */
static bool is_bad_by_quote(const char *name)
{
    return strncmp(name, "j-", 2) == 0 && strstr(name, "log") == NULL;
}

static void add_boot(struct table *table, const struct boot *boot)
{
    assert_true(table->n_boots < BOOTS_MAX);
    table->boots[table->n_boots++] = *boot;
}

/* All that left registers: a machine that never started proves nothing. */
static void find_boots(struct table *table)
{
    const char **names = NULL;

    assert_ok(file_list(table->arena, test_vector_path(table->arena, "boots"), NULL, &names));
    for (size_t i = 0; names[i] != NULL; i++) {
        struct boot boot = {.folder = names[i], .label = names[i]};

        if (is_bad_by_quote(names[i]) || !has_file(table, &boot, "pcrs_sha256.bin")) {
            continue;
        }
        add_boot(table, &boot);
        if (has_file(table, &boot, "efivars")) {
            boot.label = arena_printf(table->arena, "%s+db", names[i]);
            boot.is_db_named = true;
            add_boot(table, &boot);
        }
    }
    add_boot(table, &(struct boot){.folder = "a-secureboot-healthy",
                                   .label = "windows-ideapad",
                                   .log = windows_log});
}

static void name_db(struct table *table, struct boot *boot)
{
    const char **names = NULL;

    assert_ok(file_list(table->arena,
                        test_vector_path(table->arena, path_of(table, boot, "efivars")), NULL,
                        &names));
    assert_non_null(names[0]);
    requoted_name_db(
        &boot->t.r, arena_printf(table->arena, "%s/%s", path_of(table, boot, "efivars"), names[0]));
}

/* The registers that the log leads to. */
static void show_log(struct table *table, struct boot *boot)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct requoted *r = &boot->t.r;
    struct eventlog_registers registers;
    uint8_t *values = arena_alloc(table->arena, sizeof(r->pcrs.value[HASH_SHA256]));

    r->machine.request.log = test_public_file(table->arena, boot->log);
    assert_ok(eventlog_replay(logs_read(table->arena, r->machine.request.log), HASH_SHA256, hasher,
                              NULL, &registers));
    memcpy(r->pcrs.value[HASH_SHA256], registers.value, sizeof(r->pcrs.value[HASH_SHA256]));
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        memcpy(values + (size_t)pcr * SHA256_BYTES, registers.value[pcr], SHA256_BYTES);
    }
    r->machine.request.pcrs_sha256 = span_of(values, (size_t)TPM_MAX_PCRS * SHA256_BYTES);
}

static const char *verdict_words(struct arena *arena, const struct appraisal *a)
{
    const char *words = verdict_name(a->verdict);

    for (size_t i = 0; i < a->n_reasons; i++) {
        words = arena_printf(arena, "%s %s", words, reason_name(a->reasons[i].code));
    }
    return words;
}

/* The one thing that the boot's manifest knows too. */
static void expect_secure_boot(struct table *table, const struct boot *boot,
                               const struct claims *claims, const char *type)
{
    const struct claim *claim = claims_find(claims, type);
    bool wanted = true;

    if (boot->log == NULL) {
        yyjson_val *manifest = NULL;

        assert_ok(json_read(table->arena,
                            test_vector(table->arena, path_of(table, boot, "manifest.json")), NULL,
                            NULL, &manifest));
        wanted = yyjson_is_true(json_get(manifest, "secure_boot"));
    }
    if (claim == NULL || claim->boolean != wanted) {
        fail_msg("%s: %s is not as the manifest says", boot->label, type);
    }
}

static void attest_tpm(struct table *table, struct boot *boot)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct attester *t = &boot->t;
    struct claims *claims = claims_new(table->arena);
    struct appraisal *a;

    t->r.pcrs.have[HASH_SHA256] = TPM_PCRS;
    t->request.n_logs = 0;
    if (t->r.machine.request.log.len > 0) {
        t->request.logs[t->request.n_logs++] =
            (struct fabricate_log){"TCG", t->r.machine.request.log};
    }
    if (boot->log == NULL) {
        t->request.logs[t->request.n_logs++] = (struct fabricate_log){
            "IMA", test_vector(table->arena, path_of(table, boot, "ima.bin"))};
    }
    a = attester_judge(t);
    if (appraisal_is_proven(a)) {
        assert_ok(claims_tpm(t->r.machine.arena, hasher, a, t->evidence, NULL, claims));
        expect_secure_boot(table, boot, claims, "secureBootEnabled");
        boot->claims[TYPE_TPM] = claims;
    }
    boot->verdict[TYPE_TPM] = verdict_words(table->arena, a);
    appraisal_done(a);
}

static void attest_azureguest(struct table *table, struct boot *boot)
{
    static const struct appraise_options now = {
        .now = NOW, .has_nonce = true, .required_pcrs = APPRAISE_REQUIRED_PCRS};
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct machine *m = &boot->t.r.machine;
    const struct appraise_trust trust = {
        .ak = m->ak, .db_certificates = boot->t.r.db.der, .n_db_certificates = boot->t.r.db.n};
    struct appraise_options options = now;
    struct claims *claims = claims_new(table->arena);
    struct evidence *evidence = NULL;
    struct appraisal *a = NULL;

    options.reference = test_reference();
    m->request.pcr_mask = REQUOTED_PCRS;
    assert_ok(azureguest_parse_inner(m->arena, fabricate_inner(m->arena, m->keys, &m->request),
                                     NULL, &evidence));
    assert_ok(appraise(m->arena, evidence, &trust, &options, hasher, &a));
    if (appraisal_is_proven(a)) {
        assert_ok(appraise_azurevm_claims(m->arena, json_new(m->arena), a, evidence, NULL, claims));
        expect_secure_boot(table, boot, claims, "secureboot");
        boot->claims[TYPE_AZUREGUEST] = claims;
    }
    boot->verdict[TYPE_AZUREGUEST] = verdict_words(table->arena, a);
    appraisal_done(a);
}

/* ---- results in words ---- */

static const char *value_words(struct arena *arena, const struct claim *claim)
{
    uint8_t digest[SHA256_BYTES];

    switch (claim->kind) {
    case CLAIM_BOOL:
        return claim->boolean ? "true" : "false";
    case CLAIM_INT:
        return arena_printf(arena, "%lld", (long long)claim->integer);
    default:
        break;
    }
    if (claim->string.len <= TEXT_MAX_CHARS) {
        return arena_printf(arena, "'%.*s'", (int)claim->string.len,
                            (const char *)claim->string.data);
    }
    assert_ok(hash_once(HASH_SHA256, claim->string, digest));
    return arena_printf(arena, "(%zu-bytes-%s)", claim->string.len,
                        hex_dup(arena, span_of(digest, 8)));
}

/* Keys are made for each run, and what the token alone carries no policy sees. */
static bool is_told(const struct claim *claim)
{
    return claim->kind != CLAIM_JSON && !span_is(claim->type, "aikPubHash") &&
           !span_is(claim->type, "x-ms-tpm-request-key");
}

static const char *claims_words(struct arena *arena, const char *words, const struct claims *claims)
{
    struct span last = {0};

    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *claim = &claims->items[i];
        const char *value = value_words(arena, claim);

        if (!is_told(claim)) {
            continue;
        }
        words = span_equal(claim->type, last)
                    ? arena_printf(arena, "%s,%s", words, value)
                    : arena_printf(arena, "%s %.*s=%s", words, (int)claim->type.len,
                                   (const char *)claim->type.data, value);
        last = claim->type;
    }
    return words;
}

static const char *result_words(struct arena *arena, const struct policy *policy,
                                const struct claims *claims)
{
    static const char *const decisions[] = {[POLICY_ERROR] = "error",
                                            [POLICY_NO_PERMIT] = "no-permit",
                                            [POLICY_DENY_ISSUED] = "deny",
                                            [POLICY_PERMIT] = "permit"};
    struct policy_result result;

    assert_ok(policy_evaluate(arena, policy, claims, NULL, &result));
    if (result.decision == POLICY_ERROR) {
        return arena_printf(arena, "error %s", policy_fault_kind_name(result.fault.kind));
    }
    return claims_words(arena, decisions[result.decision], result.issued);
}

/* ---- the table ---- */

/* Words in lines that fit, the first behind `first`, the others behind as many blanks. */
static void put_wrapped(struct buf *out, const char *first, const char *words)
{
    size_t indent = strlen(first);
    size_t column = indent;

    buf_add_str(out, first);
    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        if (column > indent && column + 1 + len > LINE_MAX_CHARS) {
            buf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add(out, span_of(words, len));
        column += len;
        words += len + (words[len] == ' ' ? 1 : 0);
    }
    buf_add_char(out, '\n');
}

/* Which boots have the words of boot `like`: by name, or when they are nearly all, the others. */
static const char *labels_of(const struct table *table, const char *const words[BOOTS_MAX],
                             size_t like)
{
    const char *labels = "", *others = "";
    size_t n = 0, n_others = 0;

    for (size_t i = 0; i < table->n_boots; i++) {
        if (words[i] == NULL) {
            continue;
        }
        if (strcmp(words[i], words[like]) == 0) {
            labels = arena_printf(table->arena, "%s %s", labels, table->boots[i].label);
            n++;
        } else {
            others = arena_printf(table->arena, "%s %s", others, table->boots[i].label);
            n_others++;
        }
    }
    if (n_others == 0) {
        return "every proven boot";
    }
    return n > OTHERS_MAX && n_others <= OTHERS_MAX
               ? arena_printf(table->arena, "every proven boot but%s", others)
               : labels + 1;
}

/* Boots with the same words stand together. NULL words: a boot that is not asked about. */
static void put_section(struct table *table, const char *title, enum type type,
                        const char *const words[BOOTS_MAX])
{
    buf_addf(&table->out, "\n%s, %s\n", title, type_names[type]);
    for (size_t i = 0; i < table->n_boots; i++) {
        bool is_put = words[i] == NULL;

        for (size_t k = 0; k < i && !is_put; k++) {
            is_put = words[k] != NULL && strcmp(words[k], words[i]) == 0;
        }
        if (!is_put) {
            put_wrapped(&table->out, "  ", words[i]);
            put_wrapped(&table->out, "    : ", labels_of(table, words, i));
        }
    }
}

static void put_boots(struct table *table)
{
    for (int type = 0; type < TYPES; type++) {
        const char *verdicts[BOOTS_MAX] = {NULL}, *claims[BOOTS_MAX] = {NULL};

        for (size_t b = 0; b < table->n_boots; b++) {
            const struct boot *boot = &table->boots[b];

            verdicts[b] = boot->verdict[type];
            if (boot->claims[type] != NULL) {
                claims[b] = claims_words(table->arena, "claims", boot->claims[type]);
            }
        }
        put_section(table, "(verdicts)", (enum type)type, verdicts);
        put_section(table, "(what policies are told)", (enum type)type, claims);
    }
}

static struct span sample(struct arena *arena, const char *name)
{
    struct span text = test_public_file(arena, arena_printf(arena, "policy/samples/%s", name));

    if (strncmp(name, "snippet-", 8) != 0 && strncmp(name, "grammar-", 8) != 0) {
        return text;
    }
    return span_str(arena_printf(arena,
                                 "version=1.2;\nauthorizationrules\n{\n=> permit();\n};\n"
                                 "issuancerules\n{\n%.*s\n};\n",
                                 (int)text.len, (const char *)text.data));
}

static void put_policy(struct table *table, const char *name)
{
    CLEANUP(policy_unref) struct policy *policy = NULL;
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct policy_fault fault = {0};

    if (policy_compile(sample(arena, name), &fault, &policy) != ERR_OK) {
        return; /* which those are, tests/unit/policy/t-samples.c says */
    }
    table->n_policies++;
    for (int type = 0; type < TYPES; type++) {
        const char *words[BOOTS_MAX] = {NULL};

        for (size_t b = 0; b < table->n_boots; b++) {
            CLEANUP(arena_free) struct arena *scratch = test_arena();
            const struct claims *claims = table->boots[b].claims[type];

            if (claims != NULL) {
                words[b] = arena_printf(arena, "%s", result_words(scratch, policy, claims));
                table->n_results++;
            }
        }
        put_section(table, name, (enum type)type, words);
    }
}

static void table_make(struct table *table)
{
    const char **names = NULL;

    table->arena = test_arena();
    buf_init(&table->out, TABLE_MAX);
    buf_add_str(&table->out,
                "# What published policies decide and issue on recorded boots. Written by\n"
                "# tests/unit/claims/t-samples-on-boots.c, which says how; README.md says how to "
                "read it.\n");
    find_boots(table);
    for (size_t b = 0; b < table->n_boots; b++) {
        struct boot *boot = &table->boots[b];

        attester_begin(&boot->t, boot->folder);
        if (boot->is_db_named) {
            name_db(table, boot);
        }
        if (boot->log != NULL) {
            show_log(table, boot);
        }
        attest_tpm(table, boot);
        attest_azureguest(table, boot);
        /* What is proven does not hang on the way that it was sent. */
        assert_true((boot->claims[TYPE_TPM] == NULL) == (boot->claims[TYPE_AZUREGUEST] == NULL));
        table->n_proven += boot->claims[TYPE_TPM] != NULL ? 1 : 0;
    }
    put_boots(table);
    assert_ok(file_list(table->arena,
                        arena_printf(table->arena, "%s/policy/samples", test_public_data()), NULL,
                        &names));
    for (size_t i = 0; names[i] != NULL; i++) {
        put_policy(table, names[i]);
    }
    assert_ok(buf_err(&table->out));
}

static void table_done(struct table *table)
{
    for (size_t b = 0; b < table->n_boots; b++) {
        attester_end(&table->boots[b].t);
    }
    buf_done(&table->out);
    arena_free(table->arena);
}

/* ---- tests ---- */

/* What came out otherwise, as diff shows it. */
static void show_difference(struct table *table)
{
    char path[] = "/tmp/bootwarden-samples.XXXXXX";
    int fd = mkstemp(path);
    pid_t child;

    assert_true(fd >= 0);
    close(fd);
    assert_ok(file_write(path, buf_span(&table->out), 0600, NULL));
    fflush(stdout);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execlp("diff", "diff", "-u", test_vector_path(table->arena, "policy/samples-on-boots.txt"),
               path, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
    unlink(path);
}

static void published_policies_decide_on_recorded_boots_as_the_table_says(void **state)
{
    static struct table table;
    struct span wanted;
    bool is_as_wanted;

    (void)state;
    test_needs_public_data();
    table_make(&table);
    wanted = test_vector(table.arena, "policy/samples-on-boots.txt");
    is_as_wanted = span_equal(buf_span(&table.out), wanted);
    if (!is_as_wanted) {
        show_difference(&table);
    }
    print_message("figure: policy: %zu results of %zu published policies on %zu proven boots of "
                  "%zu, %s\n",
                  table.n_results, table.n_policies, table.n_proven, table.n_boots,
                  is_as_wanted ? "all as the table says" : "NOT as the table says");
    assert_int_equal(table.n_results, TYPES * table.n_policies * table.n_proven);
    table_done(&table);
    assert_true(is_as_wanted);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_policies_decide_on_recorded_boots_as_the_table_says),
    };

    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        static struct table table;

        table_make(&table);
        fwrite(buf_span(&table.out).data, 1, buf_span(&table.out).len, stdout);
        table_done(&table);
        return 0;
    }
    return RUN_TESTS(tests);
}
