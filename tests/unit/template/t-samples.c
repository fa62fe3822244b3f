/*
 * Templates that tools make, and requests as they were recorded, from the public corpora.
 */
#include "expand.h"

#include "base/file.h"

#define MACHINES GROUP_ID "/providers/Microsoft.Compute/virtualMachines/"

static void sample(struct arena *arena, const char *name, const char *parameters,
                   struct expanded *x)
{
    const char *path = arena_printf(arena, "templates/%s", name);

    expand(arena, test_public_file(arena, path), parameters, x);
    if (x->err) {
        fail_msg("%s: %s", name, x->words);
    }
}

static void expands_templates(void **state)
{
    static const char *const extension_parameters = "{\"virtualMachineName1\":{\"value\":\"vm4\"}}";
    static const char *const names[] = {"guest-attestation-linux.json",
                                        "guest-attestation-windows.json",
                                        "guest-attestation-comments.jsonc"};

    (void)state;
    test_needs_public_data();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct expanded x;

        sample(arena, names[i], extension_parameters, &x);
        assert_int_equal(template_n_resources(x.t), 1);
        assert_string_equal(template_resource(x.t, 0)->id,
                            MACHINES "vm4/extensions/GuestAttestation");
        assert_non_null(strstr(body(&x, 0), "\"location\":\"westus\""));
        assert_non_null(strstr(body(&x, 0), "Attestation\",\"type\":\"GuestAttestation\""));
    }
}

static void expands_a_machine_with_all_it_needs(void **state)
{
    struct arena *arena;
    struct expanded x;
    const char *text;

    (void)state;
    test_needs_public_data();
    arena = big_arena();
    sample(arena, "vm-trustedlaunch-linux.json",
           "{\"adminUsername\":{\"value\":\"me\"},\"adminPasswordOrKey\":{\"value\":"
           "\"geheimgeheim1\"}}",
           &x);
    assert_int_equal(template_n_resources(x.t), 6);
    text = body(&x, 4);
    assert_string_equal(template_resource(x.t, 4)->id, MACHINES "tlvm");
    assert_non_null(strstr(text, "\"secureBootEnabled\":true,\"vTpmEnabled\":true"));
    assert_non_null(strstr(text, "\"offer\":\"0001-com-ubuntu-server-jammy\""));
    assert_null(strstr(text, "linuxConfiguration")); /* json('null') is absent */
    assert_int_equal(template_resource(x.t, 5)->n_depends, 1);
    assert_int_equal(template_resource(x.t, 5)->depends[0], 4);
    assert_string_equal(outputs(&x, NULL, NULL),
                        "{\"hostname\":{\"type\":\"String\",\"value\":{\"$unknown\":"
                        "\"[reference(concat(parameters('vmName'), '-ip')).dnsSettings.fqdn]\"}}}");
    arena_free(arena);
}

/* As it was sent when it was no JSON, else parsed. */
static struct span body_text(struct arena *arena, yyjson_val *recorded)
{
    yyjson_mut_doc *doc = json_new(arena);

    return yyjson_is_obj(recorded)
               ? json_write(arena, doc, yyjson_val_mut_copy(doc, recorded), false)
               : json_span(recorded);
}

/* The bodies of recorded requests that deploy something; each opens. How many there were. */
static size_t check_recording(struct arena *arena, const char *path)
{
    struct json_limits limits = {.max_depth = TEMPLATE_MAX_DEPTH,
                                 .max_values = TEMPLATE_MAX_VALUES};
    struct span all = test_public_file(arena, path);
    size_t n = 0;

    for (size_t from = 0; from < all.len;) {
        const uint8_t *end = memchr(all.data + from, '\n', all.len - from);
        size_t len = end == NULL ? all.len - from : (size_t)(end - all.data) - from;
        struct template_scope scope = test_scope();
        struct template_fault fault = {0};
        struct trail trail = {0};
        struct template *t = NULL;
        yyjson_val *line = NULL;
        yyjson_val *root = NULL;
        yyjson_val *properties;
        struct span text;
        err_t err = json_read(arena, span_of(all.data + from, len), &limits, NULL, &line);

        from += len + 1;
        text = err ? (struct span){0} : body_text(arena, json_get(line, "body"));
        if (text.len == 0 || json_text(json_get(line, "path")) == NULL ||
            strstr(json_text(json_get(line, "path")), "/deployments/") == NULL) {
            continue;
        }
        err = template_read(arena, text, &trail, &fault, &root);
        properties = json_get(root, "properties");
        if (err == ERR_OK && json_get(properties, "template") != NULL) {
            err = template_open(arena, json_get(properties, "template"),
                                json_get(properties, "parameters"), &scope, &trail, &fault, &t);
            n++;
        }
        if (err) {
            fail_msg("%s: %s: %s", path, trail.where, trail.what);
        }
    }
    return n;
}

static void reads_recorded_requests(void **state)
{
    struct arena *arena;
    const char **names = NULL;
    size_t n = 0;

    (void)state;
    test_needs_public_data();
    arena = big_arena();
    assert_ok(file_list(arena, arena_printf(arena, "%s/az-transcripts", test_public_data()), NULL,
                        &names));
    for (; *names != NULL; names++) {
        struct arena *one = big_arena();
        size_t len = strlen(*names);

        if (len > 6 && strcmp(*names + len - 6, ".jsonl") == 0) {
            n += check_recording(one, arena_printf(arena, "az-transcripts/%s", *names));
        }
        arena_free(one);
    }
    print_message("%zu requests\n", n);
    assert_true(n > 20);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_templates),
        cmocka_unit_test(expands_a_machine_with_all_it_needs),
        cmocka_unit_test(reads_recorded_requests),
    };

    return RUN_TESTS(tests);
}
