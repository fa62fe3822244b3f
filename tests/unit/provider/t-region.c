#include "provider/region.h"
#include "support/support.h"
#include "json/json.h"

#include <string.h>

static void unknown_places_are_no_regions(void **state)
{
    static const char *const names[] = {"", " ", "mars", "east", "eastus4", "eastusx", "eus"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_null(region_find(span_str(names[i])));
    }
    assert_null(region_by_short(span_str("")));
    assert_null(region_by_short(span_str("eastus")));
    assert_null(region_find(span_of("eastus\0", 7)));
}

static void names_are_found_as_people_write_them(void **state)
{
    static const char *const names[] = {"eastus2", "East US 2", "EASTUS2", "east us2"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_string_equal(region_find(span_str(names[i]))->short_name, "eus2");
    }
    assert_string_equal(region_by_short(span_str("WEU"))->name, "westeurope");
}

static void every_region_is_found_by_each_of_its_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < region_count(); i++) {
        const struct region *region = region_at(i);

        assert_ptr_equal(region_find(span_str(region->name)), region);
        assert_ptr_equal(region_find(span_str(region->display)), region);
        assert_string_equal(region_by_short(span_str(region->short_name))->short_name,
                            region->short_name);
    }
}

static void shared_providers_are_those_that_are_published(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    yyjson_val *root = NULL;
    yyjson_val *key, *value;
    size_t i, n;
    size_t found = 0;

    (void)state;
    assert_ok(json_read(arena, test_public_file(arena, "attestation/shared-providers-public.json"),
                        NULL, NULL, &root));
    yyjson_obj_foreach(root, i, n, key, value)
    {
        const struct region *region = region_find(json_span(key));
        char *uri;

        assert_non_null(region);
        uri = arena_printf(arena, "https://%s.%s.attest.azure.net",
                           region_shared_provider(arena, region), region->short_name);
        assert_string_equal(uri, json_text(value));
        found++;
    }
    assert_int_equal(found, 59);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_places_are_no_regions),
        cmocka_unit_test(names_are_found_as_people_write_them),
        cmocka_unit_test(every_region_is_found_by_each_of_its_names),
        cmocka_unit_test(shared_providers_are_those_that_are_published),
    };

    return RUN_TESTS(tests);
}
