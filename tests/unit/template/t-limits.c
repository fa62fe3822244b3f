/*
 * Small templates that would take all time or all memory, and those that are just too large: each
 * ends at a limit, with words, soon.
 */
#include "expand.h"

#include "base/timestamp.h"

/* Under sanitizers on a busy machine; without limits these would take hours. */
enum { SOON_US = 60 * 1000 * 1000 };

static void check_refused(struct span text, err_t wanted, const char *words)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    uint64_t begin = timestamp_ticks_us();
    struct expanded x;

    expand(arena, text, NULL, &x);
    if (x.err != wanted || strstr(x.words, words) == NULL) {
        fail_msg("got %s: %s; wanted %s: %s", err_name(x.err), x.words, err_name(wanted), words);
    }
    assert_true(timestamp_ticks_us() - begin < SOON_US);
}

static void begin(struct buf *text)
{
    buf_init(text, 16 * 1024 * 1024);
    buf_add_str(text, HEAD);
}

static void add_many(struct buf *text, const char *part, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_str(text, part);
    }
}

static void refuses_deep_expressions(void **state)
{
    static const struct {
        const char *open, *inner, *close;
        size_t n;
        err_t err;
        const char *words;
    } cases[] = {
        {"not(", "true()", ")", 3000, ERR_TOO_DEEP, "nested deeper than 64 levels"},
        {"a[", "1", "]", 3000, ERR_MALFORMED, "is expected"},
        {"createArray(1)[", "0", "]", 1000, ERR_TOO_DEEP, "nested deeper than 64 levels"},
        {"not(", "true()", ")", 10000, ERR_TOO_LARGE, "at most 24576 are allowed"},
        {"", "createObject()", ".?a", 8200, ERR_TOO_LARGE, "at most 24576 are allowed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        begin(&text);
        buf_add_str(&text, "resources:[],outputs:{o:{type:\"object\",value:\"[");
        add_many(&text, cases[i].open, cases[i].n);
        buf_add_str(&text, cases[i].inner);
        add_many(&text, cases[i].close, cases[i].n);
        buf_add_str(&text, "]\"}}}");
        check_refused(buf_span(&text), cases[i].err, cases[i].words);
    }
}

static void follows_long_rows_of_properties(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    CLEANUP(buf_done) struct buf text = {0};
    struct expanded x;

    (void)state;
    begin(&text);
    buf_add_str(&text, "resources:[],outputs:{o:{type:\"object\",value:\"[createObject().?a");
    add_many(&text, ".b", 12000);
    buf_add_str(&text, "]\"}}}");
    expand(arena, buf_span(&text), NULL, &x);
    assert_ok(x.err);
}

/* Each is `part` with the name of the one before; what it makes doubles. */
static void add_doubling(struct buf *text, const char *expression, int n)
{
    buf_add_str(text, "variables:{v0:\"0123456789\"");
    for (int i = 1; i < n; i++) {
        buf_addf(text, ",v%d:\"[%s(variables('v%d'),variables('v%d'))]\"", i, expression, i - 1,
                 i - 1);
    }
    buf_addf(text,
             "},resources:[],outputs:{o:{type:\"string\",value:\"[string(variables('v%d'))]"
             "\"}}}",
             n - 1);
}

static void refuses_variables_that_double(void **state)
{
    static const struct {
        const char *expression;
        err_t err;
        const char *words;
        int n;
    } cases[] = {
        {"concat", ERR_TOO_LARGE, "a string of", 200},
        {"createArray", ERR_TOO_DEEP, "nested deeper than 96 levels", 200},
        {"createArray", ERR_TOO_LARGE, "the template makes more than", 60},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        begin(&text);
        add_doubling(&text, cases[i].expression, cases[i].n);
        check_refused(buf_span(&text), cases[i].err, cases[i].words);
    }
}

static void refuses_what_multiplies(void **state)
{
    static const struct {
        const char *text;
        err_t err;
        const char *words;
    } cases[] = {
        {"resources:[],outputs:{o:{type:\"string\",value:\"[replace(padLeft('',1000,'a'),'a',"
         "padLeft('',10000,'b'))]\"}}}",
         ERR_TOO_LARGE, "a string of 10000000 bytes would be made"},
        {"variables:{r:\"[range(0,10000)]\"},resources:[],outputs:{o:{type:\"array\",value:"
         "\"[map(variables('r'),lambda('x',map(variables('r'),lambda('y',1))))]\"}}}",
         ERR_TOO_LARGE, "the template makes more than"},
        {"variables:{r:\"[range(0,10000)]\"},resources:[],outputs:{o:{type:\"bool\",value:"
         "\"[empty(filter(variables('r'),lambda('x',contains(variables('r'),-1))))]\"}}}",
         ERR_TOO_MANY, "takes more work than it may"},
        {"variables:{copy:[{name:\"a\",count:800,input:\"[range(0,10000)]\"}]},resources:[],"
         "outputs:{o:{type:\"int\",value:\"[length(variables('a'))]\"}}}",
         ERR_TOO_LARGE, "the template makes more than"},
        {"resources:[{type:\"A.B/c\",apiVersion:\"1\",name:\"[concat('x',copyIndex())]\",copy:{"
         "name:\"l\",count:800},properties:{copy:[{name:\"a\",count:800,input:{copy:[{name:\"b\","
         "count:800,input:1}]}}]}}]}",
         ERR_TOO_MANY, "takes more work than it may"},
        {"variables:{s:\"[padLeft('',1000000,'a')]\"},resources:[],outputs:{o:{type:\"array\",copy:"
         "{count:800,input:\"[concat(variables('s'),'b')]\"}}}}",
         ERR_TOO_LARGE, "the template makes more than"},
        {"variables:{s:\"[padLeft('',1000000,'a')]\"},resources:[],outputs:{o:{type:\"array\","
         "value:"
         "\"[map(range(0,10000),lambda('x',indexOf(variables('s'),'b')))]\"}}}",
         ERR_TOO_MANY, "takes more work than it may"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        begin(&text);
        buf_add_str(&text, cases[i].text);
        check_refused(buf_span(&text), cases[i].err, cases[i].words);
    }
}

/* What one call does with 100 kB counts as work, each time. */
static void counts_what_is_read(void **state)
{
    static const char *const calls[] = {
        "substring(variables('s'),99999,1)",
        "length(replace(variables('s'),'a','b'))",
        "length(string(createArray(variables('s'))))",
        "length(take(variables('r'),9999))",
        "dateTimeToEpoch(variables('t'))",
        "variables('o')[variables('s')]",
        "length(objectKeys(variables('o')))",
        "length(toObject(createArray(1,2),lambda('i',variables('s'))))",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        begin(&text);
        buf_addf(&text,
                 "variables:{s:\"[padLeft('',100000,'a')]\","
                 "t:\"[concat('2020-01-01T00:00:00.',padLeft('',100000,'1'),'Z')]\","
                 "r:\"[range(0,10000)]\",o:\"[toObject(createArray('','a','b'),lambda('i',concat("
                 "lambdaVariables('i'),variables('s'))))]\"},resources:[{type:\"A.B/c\","
                 "apiVersion:\"1\",name:\"[concat('x',copyIndex())]\",copy:{name:\"l\","
                 "count:800},properties:{a:\"[map(range(0,100),lambda('x',%s))]\"}}]}",
                 calls[i]);
        check_refused(buf_span(&text), ERR_TOO_MANY, "takes more work than it may");
    }
}

/* A template with names in it, where `@` stands: "n00000nnn..":value and so on, alike but for their
 * beginnings; `#` is the last of them. */
static void add_named(struct buf *text, const char *pattern, size_t n, size_t len,
                      const char *value)
{
    for (const char *p = pattern; *p != '\0'; p++) {
        size_t first = *p == '@' ? 0 : n - 1;

        if (*p != '@' && *p != '#') {
            buf_add_char(text, *p);
            continue;
        }
        for (size_t i = first; i < n; i++) {
            buf_addf(text, "%s%sn%05zu", *p == '@' && i > 0 ? "," : "", *p == '@' ? "\"" : "", i);
            add_many(text, "n", len);
            if (*p == '@') {
                buf_addf(text, "\":%s", value);
            }
        }
    }
}

#define MANY                                                                                       \
    "type:\"A.B/"                                                                                  \
    "c\",apiVersion:\"1\",name:\"[concat('x',copyIndex())]\",copy:{name:\"l\",count:800}"
#define EACH(COUNT, CALL)                                                                          \
    "resources:[{" MANY ",properties:{a:\"[filter(range(0," COUNT "),lambda('x',equals(" CALL      \
    ",-1)))]\"}}]}"

/* Long names, and many members among which a few are looked for. */
static void counts_what_is_looked_through(void **state)
{
    static const struct {
        const char *pattern;
        size_t n, len;
        const char *value;
    } cases[] = {
        {"variables:{@}," EACH("10", "variables('#')"), 100, 5000, "1"},
        {"functions:[{namespace:\"f\",members:{@}}]," EACH("100", "f.#()"), 200, 240,
         "{output:{type:\"int\",value:1}}"},
        {"functions:[{namespace:\"f\",members:{g:{parameters:[{@,name:\"p\",type:\"int\"}],"
         "output:{type:\"int\",value:1}}}}]," EACH("100", "f.g(1)"),
         10000, 1, "1"},
        {EACH("100", "length(filter(range(0,10),lambda('#',equals(lambdaVariables('#'),2))))"), 1,
         9000, "1"},
        {"resources:[{@," MANY ",condition:false}]}", 100000, 1, "1"},
        {"resources:[{" MANY ",properties:{copy:[{name:\"a\",count:100,input:{copy:[{@,name:\"b\","
         "count:0,input:1}]}}]}}]}",
         10000, 1, "1"},
        {"resources:[{type:\"A.B/c\",apiVersion:\"1\",name:\"[concat(copyIndex(),'#')]\",copy:{"
         "name:\"l\",count:799}},{type:\"A.B/c\",apiVersion:\"1\",name:\"y\",dependsOn:\"[map("
         "range(0,1000),lambda('i',concat('0','#')))]\"}]}",
         1, 3000, "1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        begin(&text);
        add_named(&text, cases[i].pattern, cases[i].n, cases[i].len, cases[i].value);
        check_refused(buf_span(&text), ERR_TOO_MANY, "takes more work than it may");
    }
}

/* What fails where nobody sees it: a branch that may never be taken. */
static void counts_what_fails_unseen(void **state)
{
    static const char text[] =
        HEAD "resources:[{" MANY ",properties:{copy:[{name:\"a\",count:800,input:\"[if(reference("
             "'/subscriptions/s/providers/A.B/c/d').is,int('a'),1)]\"}]}}]}";

    (void)state;
    check_refused(span_str(text), ERR_TOO_MANY, "takes more work than it may");
}

/* A small value that is written many times is as much as a large one. */
static void counts_what_is_written(void **state)
{
    static const char text[] = HEAD
        "variables:{s:\"[padLeft('',1000000,'a')]\"},resources:[],outputs:{o:{type:\"array\",copy:"
        "{count:800,input:\"[variables('s')]\"}}}}";
    CLEANUP(arena_free) struct arena *arena = big_arena();
    struct expanded x;

    (void)state;
    expand(arena, span_str(text), NULL, &x);
    assert_ok(x.err); /* nothing was copied yet */
    assert_non_null(strstr(outputs(&x, NULL, NULL), "the template makes more than"));
    assert_err(x.err, ERR_TOO_LARGE);
}

static void refuses_more_than_allowed(void **state)
{
    static const struct {
        const char *open, *part, *close;
        size_t n;
        err_t err;
        const char *words;
    } cases[] = {
        {"parameters:{", "\"p%zu\":{type:\"int\",defaultValue:1}", "},resources:[]}", 257,
         ERR_TOO_MANY, "has 257 parameters, at most 256"},
        {"variables:{", "\"v%zu\":1", "},resources:[]}", 257, ERR_TOO_MANY,
         "more variables than 256"},
        {"resources:[],outputs:{", "\"o%zu\":{type:\"int\",value:1}", "}}", 65, ERR_TOO_MANY,
         "has 65 outputs, at most 64"},
        {"resources:[", "{type:\"A.B/c\",apiVersion:\"1\",name:\"x%zu\"}", "]}", 2000, ERR_TOO_MANY,
         "more resources than 800"},
        {"resources:[",
         "{type:\"A.B/c\",apiVersion:\"1\",name:\"[concat('x%zu-',copyIndex())]\","
         "copy:{name:\"l\",count:800}}",
         "]}", 2, ERR_TOO_MANY, "more resources than 800"},
        {"functions:[{namespace:\"n\",members:{", "\"f%zu\":{output:{type:\"int\",value:1}}",
         "}}],resources:[]}", 257, ERR_TOO_MANY, "more functions than 256"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        const char *mark = strstr(cases[i].part, "%zu");

        begin(&text);
        buf_add_str(&text, cases[i].open);
        for (size_t k = 0; k < cases[i].n; k++) {
            buf_add_str(&text, k > 0 ? "," : "");
            buf_add(&text, span_of(cases[i].part, (size_t)(mark - cases[i].part)));
            buf_addf(&text, "%zu", k);
            buf_add_str(&text, mark + 3);
        }
        buf_add_str(&text, cases[i].close);
        check_refused(buf_span(&text), cases[i].err, cases[i].words);
    }
}

/* As many as allowed, each waiting for all before it, in a chain of variables as long as allowed.
 */
static void takes_as_much_as_is_allowed(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    CLEANUP(buf_done) struct buf text = {0};
    struct expanded x;

    (void)state;
    begin(&text);
    buf_add_str(&text, "variables:{v0:\"a\"");
    for (int i = 1; i < TEMPLATE_MAX_VARIABLES; i++) {
        buf_addf(&text, ",v%d:\"[concat(variables('v%d'),'')]\"", i, i - 1);
    }
    buf_add_str(&text, "},resources:[{type:\"A.B/c\",apiVersion:\"1\",name:\"[concat('x',"
                       "copyIndex())]\",copy:{name:\"l\",count:799,mode:\"serial\",batchSize:400},"
                       "tags:{t:\"[variables('v255')]\"}},{type:\"A.B/c\",apiVersion:\"1\",name:"
                       "\"y\",dependsOn:[\"l\"]}]}");
    expand(arena, buf_span(&text), NULL, &x);
    if (x.err) {
        fail_msg("%s", x.words);
    }
    assert_int_equal(template_n_resources(x.t), TEMPLATE_MAX_RESOURCES);
    assert_int_equal(template_resource(x.t, 799)->n_depends, 799);
    assert_int_equal(template_resource(x.t, 798)->n_depends, 400);
    assert_string_equal(body(&x, 5), "{\"tags\":{\"t\":\"a\"}}");
}

/* Variables that lead through many others, each through several calls, end before the stack does.
 */
static void refuses_long_ways_through_variables(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};

    (void)state;
    begin(&text);
    buf_add_str(&text, "functions:[{namespace:\"n\",members:{f:{parameters:[{name:\"a\",type:"
                       "\"string\"}],output:{type:\"string\",value:\"[parameters('a')]\"}}}}],"
                       "variables:{v0:\"a\"");
    for (int i = 1; i < TEMPLATE_MAX_VARIABLES; i++) {
        buf_addf(&text,
                 ",v%d:{a:[\"[if(true(),n.f(reduce(range(0,1),'',lambda('a','b',concat("
                 "coalesce(format('{0}',variables('v%d')),''))))),'')]\"]}",
                 i, i - 1);
    }
    buf_add_str(&text, "},resources:[],outputs:{o:{type:\"object\",value:\"[variables('v255')]\"}}"
                       "}");
    check_refused(buf_span(&text), ERR_TOO_DEEP, "lead to expressions more than 1024 levels deep");
}

static void says_when_its_memory_is_used_up(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    bool was_refused = false;

    (void)state;
    for (size_t kib = 64; kib < 4096; kib *= 2) {
        CLEANUP(arena_free) struct arena *small = arena_new(kib * 1024);
        struct template_scope scope = test_scope();
        struct template_fault fault = {0};
        struct trail trail = {0};
        struct template *t = NULL;
        yyjson_val *root = NULL;
        err_t err;

        assert_ok(template_read(arena,
                                span_str(HEAD "resources:[{type:\"A.B/c\",apiVersion:\"1\",name:"
                                              "\"[concat('x',copyIndex())]\",copy:{name:\"l\","
                                              "count:800}}]}"),
                                NULL, NULL, &root));
        err = template_open(small, root, NULL, &scope, &trail, &fault, &t);
        was_refused |= err != ERR_OK;
        assert_true(err == ERR_OK || arena_is_exhausted(small));
    }
    assert_true(was_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_deep_expressions),
        cmocka_unit_test(follows_long_rows_of_properties),
        cmocka_unit_test(refuses_variables_that_double),
        cmocka_unit_test(refuses_what_multiplies),
        cmocka_unit_test(counts_what_is_read),
        cmocka_unit_test(counts_what_is_looked_through),
        cmocka_unit_test(counts_what_fails_unseen),
        cmocka_unit_test(counts_what_is_written),
        cmocka_unit_test(refuses_more_than_allowed),
        cmocka_unit_test(takes_as_much_as_is_allowed),
        cmocka_unit_test(refuses_long_ways_through_variables),
        cmocka_unit_test(says_when_its_memory_is_used_up),
    };

    return RUN_TESTS(tests);
}
