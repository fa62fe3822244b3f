/*
 * Who can send these bytes: everybody who may deploy. A whole document: what opens has an order,
 * and bodies that are JSON or a fault with words.
 */
#include "crypto/hash.h"
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(128u * 1024 * 1024);
    struct template_scope scope = {"t", "s", "n", "g", "l", NULL, "d", "m", 0, {0}, {0}, NULL};
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct template *t = NULL;

    require(arena != NULL && crypto_init() == ERR_OK);
    scope.text = span_of(data, size);
    if (template_read(arena, scope.text, NULL, NULL, &scope.text_root) == ERR_OK) {
        err_t err = template_open(arena, scope.text_root, NULL, &scope, &trail, &fault, &t);

        require(err == ERR_OK || (fault.code != NULL && trail.what[0] != '\0'));
    }
    for (size_t i = 0; t != NULL && i < template_n_resources(t); i++) {
        const struct template_resource *r = template_resource(t, i);
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_mut_val *body = NULL;

        require(r->id != NULL && r->type != NULL && r->name != NULL && r->api_version != NULL);
        require(r->n_depends == 0 || r->depends[r->n_depends - 1] < i);
        if (doc == NULL || template_body(t, i, NULL, NULL, arena, doc, &trail, &fault, &body)) {
            break; /* a limit: many bodies share this arena */
        }
    }
    arena_free(arena);
    return 0;
}
