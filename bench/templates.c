/*
 * templates.c - what a deployment's template costs before anything is made: reading, opening and
 * all bodies, of templates as tools make them and of one with many resources.
 */
#include "bench.h"

#include "support/support.h"
#include "template/template.h"

#define ONE_MACHINE "{\"virtualMachineName1\":{\"value\":\"vm\"}}"

struct template_run {
    struct arena *arena;
    struct span text;
    const char *parameters;
};

static void run_template(void *arg)
{
    static const struct template_scope scope = {
        .tenant_id = "t",
        .subscription_id = "s",
        .subscription_name = "n",
        .group_name = "g",
        .group_location = "l",
        .deployment_name = "d",
        .mode = "Incremental",
    };
    struct template_run *r = arg;
    struct template *t = NULL;
    yyjson_val *root = NULL;
    yyjson_val *parameters = NULL;
    yyjson_val *document;

    arena_reset(r->arena);
    assert_ok(template_read(r->arena, r->text, NULL, NULL, &root));
    /* A request, or a template alone. */
    document = json_get(root, "template") != NULL ? json_get(root, "template") : root;
    parameters = json_get(root, "template") != NULL ? json_get(root, "parameters") : NULL;
    if (r->parameters != NULL) {
        assert_ok(json_read(r->arena, span_str(r->parameters), NULL, NULL, &parameters));
    }
    assert_ok(template_open(r->arena, document, parameters, &scope, NULL, NULL, &t));
    for (size_t i = 0; i < template_n_resources(t); i++) {
        yyjson_mut_val *body = NULL;

        assert_ok(template_body(t, i, NULL, NULL, r->arena, json_new(r->arena), NULL, NULL, &body));
    }
}

static const struct sample {
    const char *name, *file, *parameters;
} samples[] = {
    {"template: the extension, Linux", "guest-attestation-linux.json", ONE_MACHINE},
    {"template: the extension, Windows", "guest-attestation-windows.json", ONE_MACHINE},
    {"template: the extension, with comments", "guest-attestation-comments.jsonc", ONE_MACHINE},
    {"template: a machine and all it needs", "vm-trustedlaunch-linux.json",
     "{\"adminUsername\":{\"value\":\"me\"},\"adminPasswordOrKey\":{\"value\":"
     "\"long enough 1\"}}"},
    {"template: az vm create, new network", "az-vm-create-linux-new-network.json", NULL},
    {"template: az vm create, known nic", "az-vm-create-linux-existing-nic.json", NULL},
    {"template: az vm create, Windows", "az-vm-create-windows.json", NULL},
    {"template: az vm create, monitored", "az274-vm-create-linux-integrity-monitoring.json", NULL},
};

void bench_templates(struct inputs *in, struct figures *all)
{
    static const char many[] =
        "{\"$schema\":\"x/schemas/2019-04-01/deploymentTemplate.json#\",\"contentVersion\":"
        "\"1.0.0.0\",\"resources\":[{\"type\":\"A.B/c\",\"apiVersion\":\"1\",\"name\":"
        "\"[concat('vm', copyIndex())]\",\"copy\":{\"name\":\"l\",\"count\":800},\"properties\":"
        "{\"id\":\"[resourceId('A.B/c', concat('vm', copyIndex()))]\",\"n\":\"[copyIndex(1)]\"}}]}";
    struct arena *arena = arena_new(TEMPLATE_MAX_BYTES);
    struct template_run r = {.arena = arena_new(TEMPLATE_ARENA_BYTES), .text = span_str(many)};

    (void)in;
    assert_non_null(arena);
    assert_non_null(r.arena);
    figures_add(all, "template: 800 resources of a loop", bench_cpu(run_template, &r), "");
    if (test_public_data() == NULL) {
        printf("template: no figures of templates of tools: no public corpora\n");
    } else {
        for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
            r.text = test_public_file(arena, arena_printf(arena, "templates/%s", samples[i].file));
            r.parameters = samples[i].parameters;
            figures_add(all, samples[i].name, bench_cpu(run_template, &r), "");
        }
    }
    arena_free(r.arena);
    arena_free(arena);
}
