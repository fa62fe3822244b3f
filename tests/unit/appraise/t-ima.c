/* What an IMA list that explains PCR 10 says beside that. */
#include "unit/appraise/requoted.h"
#include "unit/facts/logs.h"

#include "base/buf.h"

enum { PCR_IMA = 10, HEALTHY_RECORDS = 2 };

static const char data[] = "what a template says";

static void add_record(struct buf *list, bool is_violation)
{
    const struct span text = span_str(data);
    uint8_t digest[SHA1_BYTES] = {0};

    if (!is_violation) {
        assert_ok(hash_once(HASH_SHA1, text, digest));
    }
    logs_u32(list, PCR_IMA);
    buf_add(list, span_of(digest, sizeof(digest)));
    logs_u32(list, 6);
    buf_add_str(list, "ima-ng");
    logs_u32(list, (uint32_t)text.len);
    buf_add(list, text);
}

/* The kernel extends a register with ones when it could not measure. */
static void spoil(struct requoted *r)
{
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        size_t size = hash_size((enum hash_alg)bank);
        uint8_t both[2 * HASH_MAX_BYTES];

        if (r->pcrs.have[bank] != 0) {
            memcpy(both, r->pcrs.value[bank][PCR_IMA], size);
            memset(both + size, 0xff, size);
            assert_ok(hash_once((enum hash_alg)bank, span_of(both, 2 * size),
                                r->pcrs.value[bank][PCR_IMA]));
        }
    }
}

/* "" without such a note. */
static const char *note_text(const struct appraisal *a, const char *code)
{
    for (size_t i = 0; i < a->n_notes; i++) {
        if (strcmp(a->notes[i].code, code) == 0) {
            return a->notes[i].text;
        }
    }
    return "";
}

static struct appraisal *judge_list(struct requoted *r, struct buf *list, bool has_violation)
{
    requoted_begin(r, "a-secureboot-healthy");
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        memset(r->pcrs.value[bank][PCR_IMA], 0, HASH_MAX_BYTES);
        r->pcrs.have[bank] |= r->pcrs.have[bank] != 0 ? 1u << PCR_IMA : 0;
    }
    buf_init(list, 4096);
    for (int i = 0; i < HEALTHY_RECORDS; i++) {
        add_record(list, false);
        requoted_extend(r, PCR_IMA, span_str(data));
    }
    if (has_violation) {
        add_record(list, true);
        spoil(r);
    }
    r->ima = buf_span(list);
    return requoted_judge(r, &(struct appraise_options){.now = NOW});
}

static void violations_are_noted_and_change_no_verdict(void **state)
{
    CLEANUP(buf_done) struct buf list = {0};
    struct requoted r;
    struct appraisal *a = judge_list(&r, &list, true);

    (void)state;
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_non_null(strstr(note_text(a, "ima-violations"), "1 of 3"));
    appraisal_done(a);
    requoted_end(&r);
}

static void a_list_without_violations_has_no_such_note(void **state)
{
    CLEANUP(buf_done) struct buf list = {0};
    struct requoted r;
    struct appraisal *a = judge_list(&r, &list, false);

    (void)state;
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_string_equal(note_text(a, "ima-violations"), "");
    appraisal_done(a);
    requoted_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(violations_are_noted_and_change_no_verdict),
        cmocka_unit_test(a_list_without_violations_has_no_such_note),
    };

    return RUN_TESTS(tests);
}
