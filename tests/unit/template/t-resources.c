/*
 * Resources: types and names, loops, conditions, children, what waits for what, bodies.
 */
#include "expand.h"

#define ID GROUP_ID "/providers/"
#define LIST(resources) HEAD "\"resources\":[" resources "]}"
#define R(name, more) "{type:\"A.B/c\",apiVersion:\"1\",name:\"" name "\"" more "}"

static void refuses_resources(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {LIST("1"), "resources[0]: must be an object"},
        {LIST("{}"), "resources[0]: 'type' is missing"},
        {LIST("{type:\"A.B/c\"}"), "resources[0]: 'name' is missing"},
        {LIST("{type:\"A.B/c\",name:\"x\"}"), "resources[0]: 'apiVersion' is missing"},
        {LIST("{type:\"A.B/c\",name:\"\",apiVersion:\"1\"}"),
         "resources[0].name: must be a string"},
        {LIST("{type:\"A.B/c\",name:1,apiVersion:\"1\"}"), "it is an integer"},
        {LIST("{type:\"c\",name:\"x\",apiVersion:\"1\"}"), "is not valid: it is of the form"},
        {LIST("{type:\"A.B/c/d\",name:\"x\",apiVersion:\"1\"}"),
         "has incorrect segment lengths: the type needs a name of 2 segments, this has 1"},
        {LIST(R("x/y", "")), "incorrect segment lengths"},
        {LIST(R("x", ",condition:1")), "resources[0].condition: must be a boolean"},
        {LIST(R("x", ",condition:\"[reference('y').z]\"")), "is not expected at this location"},
        {LIST(R("[reference('y').z]", "")), "is not expected at this location"},
        {LIST(R("x", "") "," R("X", "")),
         "resources[1]: The resource '" ID "A.B/c/X' is defined more than once"},
        {LIST(R("x", ",dependsOn:\"y\"")), "resources[0].dependsOn: must be an array"},
        {LIST(R("x", ",dependsOn:[1]")), "dependsOn[0]: must be the name or id of a resource"},
        {LIST(R("x", ",dependsOn:[\"\"]")), "dependsOn[0]: must be the name or id of a resource"},
        {LIST(R("x", ",dependsOn:[\"y\"]")),
         "resources[0].dependsOn[0]: The resource 'y' is not defined in the template"},
        {LIST(R("x", ",dependsOn:[\"x\"]")), "Circular dependency detected"},
        {LIST(R("x", ",properties:{a:\"[reference('x').b]\"}")), "Circular dependency detected"},
        {LIST(R("x", ",dependsOn:[\"y\"]") "," R("y", ",dependsOn:[\"z\"]") "," R(
             "z", ",dependsOn:[\"x\"]")),
         "Circular dependency detected: x -> y -> z -> x"},
        {LIST(R("x", ",dependsOn:[\"y\"]") "," R("y", ",properties:{a:\"[reference('x').b]\"}")),
         "Circular dependency detected: x -> y -> x"},
        {LIST(R("x", "") ",{type:\"A.B/d\",apiVersion:\"1\",name:\"x\"}," R("y",
                                                                            ",dependsOn:[\"x\"]")),
         "The resource 'x' is ambiguous: it may be of type 'A.B/c' or 'A.B/d'"},
        {LIST(R("x", ",copy:1")), "resources[0].copy: must be an object"},
        {LIST(R("x", ",copy:{name:\"l\"}")),
         "resources[0].copy.count: the count of the loop 'l' must be an integer"},
        {LIST(R("x", ",copy:{count:2}")), "resources[0].copy: 'name' is missing"},
        {LIST(R("x", ",copy:{name:\"l\",count:-1}")), "must be an integer from 0 to 800"},
        {LIST(R("x", ",copy:{name:\"l\",count:801}")), "must be an integer from 0 to 800"},
        {LIST(R("x", ",copy:{name:\"l\",count:2,mode:\"odd\"}")), "'mode' must be serial or"},
        {LIST(R("x", ",copy:{name:\"l\",count:2,mode:\"serial\",batchSize:0}")),
         "'batchSize' must"},
        {LIST(R("x", ",copy:{name:\"l\",count:2}")), "is defined more than once"},
        {LIST(R("[copyIndex()]", "")), "resources[0].name: Unable to evaluate the template "
                                       "language function 'copyIndex': no loop runs here"},
        {LIST(R("x", ",properties:{a:{b:[0,\"[nosuch()]\"]}}")),
         "resources[0].properties.a.b[1]: The template function 'nosuch' is not valid"},
        {LIST(R("x", ",properties:{copy:[{name:\"l\",count:\"a\",input:1}]}")),
         "resources[0].properties.copy.l.count: the count of the loop 'l'"},
        {LIST(R("x", ",scope:\"odd\"")), "resources[0].scope: 'odd' is no id and not of the form"},
    };

    size_t faults = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct expanded x;

        expand(arena, span_str(cases[i].text), NULL, &x);
        if (x.err == ERR_OK || strstr(x.words, cases[i].words) == NULL) {
            print_message("%s: got %s: %s\n", cases[i].text, err_name(x.err), x.words);
            faults++;
        }
    }
    assert_int_equal(faults, 0);
}

/* Names in their order, each with those it waits for: "a b(a)". */
static const char *order(struct expanded *x)
{
    CLEANUP(buf_done) struct buf out;
    struct span copy = {0};

    if (x->err) {
        return arena_printf(x->arena, "%s", x->words);
    }
    buf_init(&out, 65536);
    for (size_t i = 0; i < template_n_resources(x->t); i++) {
        const struct template_resource *r = template_resource(x->t, i);

        buf_addf(&out, "%s%s%s", i > 0 ? " " : "",
                 r->is_skipped    ? "-"
                 : r->is_existing ? "="
                                  : "",
                 r->name);
        for (size_t k = 0; k < r->n_depends; k++) {
            assert_true(r->depends[k] < i);
            buf_addf(&out, "%s%s", k > 0 ? "," : "(", template_resource(x->t, r->depends[k])->name);
        }
        buf_add_str(&out, r->n_depends > 0 ? ")" : "");
    }
    assert_ok(buf_copy(&out, x->arena, &copy));
    return (const char *)copy.data;
}

static void orders_resources(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {LIST(""), ""},
        {LIST(R("b", "") "," R("a", "")), "b a"},
        {LIST(R("b", ",dependsOn:[\"a\"]") "," R("a", "")), "a b(a)"},
        {LIST(R("b", ",dependsOn:[\"a.b/C//A\"]") "," R("a", "")), "a b(a)"},
        {LIST(R("b", ",dependsOn:[\"[resourceId('A.B/c/', 'A')]\", null]") "," R("a", "")),
         "a b(a)"},
        {LIST(R("b", ",dependsOn:\"[createArray('a')]\"") "," R("a", "")), "a b(a)"},
        {LIST(R("b", ",dependsOn:[\"a\"]") "," R("a", ",condition:false")), "b -a"},
        {LIST(R("b", ",properties:{x:\"[reference('A').y]\"}") "," R("a", "")), "a b(a)"},
        {LIST(R("b", ",properties:{x:\"[reference(resourceId('A.B/c','a'),'1','Full').y]\"}") "," R(
             "a", "")),
         "a b(a)"},
        {LIST(R("b", ",properties:{x:\"[resourceId('A.B/c','a')]\"}") "," R("a", "")), "b a"},
        {LIST(R("b", ",tags:{x:\"[if(true(),'',reference('a').y)]\"}") "," R("a", "")), "b a"},
        {LIST(R("b", ",dependsOn:[\"L\"]") "," R("[concat('a',copyIndex())]",
                                                 ",copy:{name:\"l\",count:2}")),
         "a0 a1 b(a0,a1)"},
        {LIST(R("b", ",dependsOn:[\"l\"]") "," R("[concat('a',copyIndex())]",
                                                 ",copy:{name:\"l\",count:\"[sub(1,1)]\"}")),
         "The resource"},
        {LIST(R("[concat('a',copyIndex(5))]", ",copy:{name:\"l\",count:3,mode:\"Serial\"}")),
         "a5 a6(a5) a7(a6)"},
        {LIST(R("[concat('a',copyIndex('l'))]",
                ",copy:{name:\"l\",count:5,mode:\"serial\",batchSize:2}")),
         "a0 a1 a2(a0,a1) a3(a0,a1) a4(a2,a3)"},
        {LIST(R("p", ",resources:[{type:\"d\",apiVersion:\"1\",name:\"q\",dependsOn:[\"p\"]}]")),
         "p p/q(p)"},
        {LIST(R("p", ",condition:false,resources:[{type:\"d\",apiVersion:\"1\",name:\"q\","
                     "dependsOn:[\"p\"]}]")),
         "-p p/q"},
        {LIST("{type:\"A.B/c/d\",apiVersion:\"1\",name:\"p/q\",dependsOn:[\"A.B/c/p\"]}," R(
             "p", "") "," R("z", ",dependsOn:[\"A.B/c/p/d/q\",\"A.B/c/d/p/q\",\"p/q\"]")),
         "p p/q(p) z(p/q)"},
        {LIST(R("x", ",condition:true") "," R("x", ",condition:false") "," R(
             "y", ",dependsOn:[\"[resourceId('A.B/c','x')]\"]")),
         "x -x y(x)"},
        {HEAD "languageVersion:\"2.0\",resources:{two:" R("b", ",dependsOn:[\"One\"]") ",one:" R(
             "a", "") ",net:{existing:true,type:\"A.B/"
                      "n\",apiVersion:\"1\",name:\"n\"},"
                      "three:" R("c", ",properties:{x:\"["
                                      "reference('net').y]"
                                      "\",z:\"[resourceInfo("
                                      "'one').id]\"}") "}}",
         "a b(a) =n c(n)"},
        {HEAD "languageVersion:\"2.0\",resources:{l:" R(
             "[concat('a',copyIndex())]",
             ",copy:{name:\"l\","
             "count:2}") ",b:" R("b",
                                 ",dependsOn:[\"l[1]\"]") ",c:" R("c",
                                                                  ",properties:{x:\"[references('l'"
                                                                  ")]\"}") ",d:" R("d", ",de"
                                                                                        "pen"
                                                                                        "dsO"
                                                                                        "n:["
                                                                                        "\"l"
                                                                                        "\""
                                                                                        "]") "}}",
         "a0 a1 b(a1) c(a0,a1) d(a0,a1)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct expanded x;
        const char *got;

        expand(arena, span_str(cases[i].text), NULL, &x);
        got = order(&x);
        if (x.err ? strstr(got, cases[i].wanted) == NULL : strcmp(got, cases[i].wanted) != 0) {
            fail_msg("%s: got %s, wanted %s", cases[i].text, got, cases[i].wanted);
        }
    }
}

static void gives_ids(void **state)
{
    static const struct {
        const char *text, *id;
    } cases[] = {
        {LIST(R("x", "")), ID "A.B/c/x"},
        {LIST("{type:\"A.B/c/\",name:\"x\",apiVersion:\"1\"}"), ID "A.B/c/x"},
        {LIST("{type:\"A.B/c/d\",name:\"x/y\",apiVersion:\"1\"}"), ID "A.B/c/x/d/y"},
        {LIST("{type:\"A.B/c/providers/l\",name:\"x/E.F/y\",apiVersion:\"1\"}"),
         ID "A.B/c/x/providers/E.F/l/y"},
        {LIST(R("y", ",scope:\"/a/b/\"")), "/a/b/providers/A.B/c/y"},
        {LIST(R("y", ",scope:\"D.E/f/z\"")), ID "D.E/f/z/providers/A.B/c/y"},
        {LIST("{type:\"Microsoft.Resources/deployments\",name:\"n\",apiVersion:\"1\",resourceGroup:"
              "\"rg9\",properties:{template:{}}}"),
         "/subscriptions/" SUBSCRIPTION
         "/resourceGroups/rg9/providers/Microsoft.Resources/deployments/n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct expanded x;

        expand(arena, span_str(cases[i].text), NULL, &x);
        if (x.err) {
            fail_msg("%s: %s", cases[i].text, x.words);
        }
        assert_string_equal(template_resource(x.t, 0)->id, cases[i].id);
        assert_ptr_equal(template_find(x.t, cases[i].id), template_resource(x.t, 0));
    }
}

static void gives_bodies(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {LIST(R("x", "")), "{}"},
        {LIST(R("x", ",location:\"[resourceGroup().location]\",tags:{\"[concat('a','b')]\":\"c\"},"
                     "comments:\"no\",dependsOn:[],condition:true,properties:{n:null,m:"
                     "\"[json('null')]\",l:[null,1],o:{p:null}}")),
         "{\"location\":\"westus\",\"tags\":{\"ab\":\"c\"},\"properties\":{\"l\":[null,1],"
         "\"o\":{}}}"},
        {LIST(R("x",
                ",properties:{copy:[{name:\"disks\",count:2,input:{lun:\"[copyIndex('disks')]\""
                "}}],other:\"[[x]\"}")),
         "{\"properties\":{\"disks\":[{\"lun\":0},{\"lun\":1}],\"other\":\"[x]\"}}"},
        {LIST(R("x", ",properties:{copy:{name:\"a\"}}")),
         "{\"properties\":{\"copy\":{\"name\":\"a\"}}}"},
        {LIST(R("[concat('x',copyIndex())]",
                ",copy:{name:\"l\",count:1},properties:{copy:[{name:\"a\",count:2,input:"
                "\"[add(mul(copyIndex('l',1),10),copyIndex('a'))]\"}],i:\"[copyIndex()]\"}")),
         "{\"properties\":{\"a\":[10,11],\"i\":0}}"},
        {LIST("{type:\"Microsoft.Resources/deployments\",name:\"n\",apiVersion:\"1\",properties:{"
              "mode:\"Incremental\",template:{a:\"[concat('[','x]')]\",b:\"[[y]\",c:null,"
              "d:\"[resourceGroup().name]\"},parameters:{p:{value:\"[concat('[','z]')]\"}}}}"),
         "{\"properties\":{\"mode\":\"Incremental\",\"template\":{\"a\":\"[[x]\",\"b\":\"[[y]\","
         "\"c\":null,\"d\":\"rg1\"},\"parameters\":{\"p\":{\"value\":\"[z]\"}}}}"},
        {LIST("{type:\"Microsoft.Resources/deployments\",name:\"n\",apiVersion:\"1\",properties:{"
              "expressionEvaluationOptions:{scope:\"Inner\"},template:{a:\"[concat('a')]\"},"
              "parameters:{p:{value:\"[concat('z')]\"}}}}"),
         "{\"properties\":{\"expressionEvaluationOptions\":{\"scope\":\"Inner\"},\"template\":{"
         "\"a\":\"[concat('a')]\"},\"parameters\":{\"p\":{\"value\":\"z\"}}}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct expanded x;

        expand(arena, span_str(cases[i].text), NULL, &x);
        if (x.err) {
            fail_msg("%s: %s", cases[i].text, x.words);
        }
        assert_string_equal(body(&x, 0), cases[i].wanted);
    }
}

static void refuses_links_to_templates(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    struct expanded x;

    (void)state;
    expand(arena,
           span_str(LIST("{type:\"Microsoft.Resources/deployments\",name:\"n\",apiVersion:\"1\","
                         "properties:{templateLink:{uri:\"https://a\"}}}")),
           NULL, &x);
    assert_err(x.err, ERR_UNSUPPORTED);
    assert_string_equal(x.fault.code, "InvalidContentLink");
    assert_string_equal(x.fault.target, "n");
}

/* ---- what is asked of resources ---- */

struct asked {
    const char *id, *version;
    bool is_full;
    err_t err;
};

static err_t answer(void *context, struct arena *arena, const char *id, const char *api_version,
                    bool is_full, struct trail *trail, yyjson_val **ret)
{
    struct asked *asked = context;

    asked->id = id;
    asked->version = api_version;
    asked->is_full = is_full;
    if (asked->err) {
        return trail_set(trail, asked->err, "the resource went away");
    }
    return json_read(arena, span_str("{\"fqdn\":\"a.b\",\"[x]\":\"[concat('no')]\"}"), NULL, trail,
                     ret);
}

static void asks_for_what_is_made(void **state)
{
    static const char text[] =
        LIST(R("a", "") "," R("b", ",properties:{h:\"[reference('a', '2', 'full').fqdn]\",r:"
                                   "\"[reference('A')]\"}"));
    CLEANUP(arena_free) struct arena *arena = big_arena();
    struct asked asked = {0};
    struct expanded x;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *unused = NULL;

    (void)state;
    expand(arena, span_str(text), NULL, &x);
    assert_ok(x.err);
    /* What comes back is not evaluated again. */
    assert_string_equal(body_with(&x, 1, answer, &asked),
                        "{\"properties\":{\"h\":\"a.b\",\"r\":{\"fqdn\":\"a.b\",\"[x]\":"
                        "\"[concat('no')]\"}}}");
    assert_string_equal(asked.id, ID "A.B/c/a");
    assert_string_equal(asked.version, "1");
    assert_false(asked.is_full);
    assert_string_equal(body(&x, 1),
                        "{\"properties\":{\"h\":{\"$unknown\":\"[reference('a', '2', 'full').fqdn]"
                        "\"},\"r\":{\"$unknown\":\"[reference('A')]\"}}}");
    asked.err = ERR_NOT_FOUND;
    assert_err(template_body(x.t, 1, answer, &asked, arena, doc, &x.trail, &x.fault, &unused),
               ERR_NOT_FOUND);
    assert_string_equal(x.trail.what, "the resource went away");
    assert_string_equal(x.trail.where, "resources[1].properties.h");
    assert_string_equal(x.fault.target, "b");
    assert_null(x.fault.code); /* the template is not to blame */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_resources),
        cmocka_unit_test(orders_resources),
        cmocka_unit_test(gives_ids),
        cmocka_unit_test(gives_bodies),
        cmocka_unit_test(refuses_links_to_templates),
        cmocka_unit_test(asks_for_what_is_made),
    };

    return RUN_TESTS(tests);
}
