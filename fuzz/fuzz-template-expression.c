/*
 * Who can send these bytes: whoever writes templates. One expression, in an output of a template
 * that has some of everything.
 */
#include "crypto/hash.h"
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char before[] =
    "{\"$schema\":\"x/schemas/2019-04-01/deploymentTemplate.json\",contentVersion:\"1.0.0.0\","
    "parameters:{p:{type:\"string\",defaultValue:\"x\"}},variables:{o:{a:[1,{b:null}],s:\"t\"},e:"
    "\"[concat(variables('o').s,'u')]\"},functions:[{namespace:\"n\",members:{f:{parameters:[{name:"
    "\"a\",type:\"string\"}],output:{type:\"string\",value:\"[parameters('a')]\"}}}}],resources:[{"
    "type:\"A.B/c\",apiVersion:\"1\",name:\"r\"}],outputs:{o:{type:\"object\",value:{r:\"";
static const char behind[] = "\"}}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(128u * 1024 * 1024);
    struct template_scope scope = {"t", "s", "n", "g", "l", NULL, "d", "m", 0, {0}, {0}, NULL};
    struct template_fault fault = {0};
    struct trail trail = {0};
    struct template *t = NULL;
    yyjson_val *root = NULL;
    yyjson_mut_val *outputs = NULL;
    struct buf text;
    err_t err = crypto_init();

    buf_init(&text, TEMPLATE_MAX_BYTES);
    buf_add_str(&text, before);
    buf_add(&text, span_of(data, size));
    buf_add_str(&text, behind);
    err = err ? err : template_read(arena, buf_span(&text), NULL, NULL, &root);
    if (err == ERR_OK) {
        err = template_open(arena, root, NULL, &scope, &trail, &fault, &t);
        if (err ? fault.code == NULL || trail.what[0] == '\0'
                : template_outputs(t, NULL, NULL, arena, json_new(arena), &trail, &fault,
                                   &outputs) == ERR_INTERNAL) {
            __builtin_trap();
        }
    }
    buf_done(&text);
    arena_free(arena);
    return 0;
}
