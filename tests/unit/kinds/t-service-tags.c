/*
 * Service tags of a server: its own, an operator's file, and what neither may do.
 */
#include "support/support.h"

#include "base/file.h"
#include "kinds/service-tags.h"
#include "kinds/tag-rules.h"
#include "store/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUBSCRIPTION "00000000-0000-4000-8000-000000000001"
#define GROUP "/subscriptions/" SUBSCRIPTION "/resourcegroups/g"
#define LIST(TAGS) "{\"changeNumber\":7,\"cloud\":\"Public\",\"values\":[" TAGS "]}"
#define TAG(NAME, PREFIXES)                                                                        \
    "{\"name\":\"" NAME "\",\"id\":\"" NAME "\",\"properties\":{\"changeNumber\":1,"               \
    "\"region\":\"\",\"regionId\":0,\"platform\":\"Azure\",\"systemService\":\"\","                \
    "\"addressPrefixes\":[" PREFIXES "],\"networkFeatures\":[]}}"

enum { NOW = 1800000000, TICKS = 3 };

static char folder[64];
static struct store *store;

static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    struct store_options options = {.now = NOW};
    char path[96];

    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-tags.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/data.sqlite", folder);
    options.path = path;
    assert_ok(store_open(&options, NULL, &store));
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"data.sqlite",           "data.sqlite-wal",
                                        "data.sqlite-shm",       "service-tags.json",
                                        "service-tags.json.new", "service-tags.own.json"};

    (void)state;
    store_close(store);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unlink(in_folder(names[i]));
    }
    return rmdir(folder);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static struct service_tags_source *open_with(const char *endpoint, const char *const *addresses,
                                             size_t n)
{
    const struct service_tags_options options = {.folder = folder,
                                                 .store = store,
                                                 .endpoint = endpoint,
                                                 .suffix = "attest.example.net",
                                                 .addresses = addresses,
                                                 .n_addresses = n};
    struct service_tags_source *source = NULL;

    assert_ok(service_tags_open(&options, NULL, &source));
    return source;
}

static struct service_tags_source *open_at(const char *endpoint)
{
    return open_with(endpoint, NULL, 0);
}

/* Another file each time, whatever the clock's steps: a rename gives another inode. */
static void write_file(const char *text)
{
    char new[128];

    snprintf(new, sizeof(new), "%s", in_folder("service-tags.json.new"));
    assert_ok(file_write(new, span_str(text), 0600, NULL));
    assert_int_equal(rename(new, in_folder("service-tags.json")), 0);
}

static void tick(struct service_tags_source *source)
{
    for (int i = 0; i < TICKS; i++) {
        service_tags_tick(source, NOW + i);
    }
}

/* "a b" of a tag's prefixes; "none" when there is no such tag. */
static const char *prefixes_of(struct service_tags_source *source, const char *name)
{
    static char text[512];
    CLEANUP(tags_release) struct tags_snapshot *snapshot = service_tags_take(source);
    const struct service_tag *tag = tags_find(tags_of(snapshot), span_str(name));

    if (tag == NULL) {
        return "none";
    }
    text[0] = '\0';
    for (size_t i = 0; i < tag->n_prefixes; i++) {
        size_t len = strlen(text);

        snprintf(text + len, sizeof(text) - len, "%s%s", i == 0 ? "" : " ", tag->prefixes[i]);
    }
    return text;
}

static uint64_t change_of(struct service_tags_source *source)
{
    CLEANUP(tags_release) struct tags_snapshot *snapshot = service_tags_take(source);

    return tags_of(snapshot)->change_number;
}

/* A group with one rule, to this tag. */
static void keep_rule(const char *tag)
{
    static const char *const no_parents[STORE_RESOURCE_PARENTS] = {0};
    char body[512];
    struct store_resource row = {
        .key = GROUP "/providers/microsoft.network/networksecuritygroups/nsg",
        .id = GROUP "/providers/microsoft.network/networksecuritygroups/nsg",
        .subscription = SUBSCRIPTION,
        .type = "microsoft.network/networksecuritygroups",
        .location = "westus",
        .state = "Succeeded",
        .tags = span_str("{}"),
    };
    enum store_resource_bar bar;
    size_t parent;
    int64_t version;

    snprintf(body, sizeof(body),
             "{\"properties\":{\"securityRules\":[{\"name\":\"out\",\"properties\":{"
             "\"protocol\":\"*\",\"sourceAddressPrefix\":\"*\",\"sourcePortRange\":\"*\","
             "\"destinationAddressPrefix\":\"%s\",\"destinationPortRange\":\"*\","
             "\"access\":\"Allow\",\"priority\":100,\"direction\":\"Outbound\"}}]}}",
             tag);
    row.body = span_str(body);
    assert_ok(store_resource_put(store, &row, no_parents, NOW, NULL, &bar, &parent, &version));
    assert_int_equal(bar, STORE_RESOURCE_NO_BAR);
}

/* ---- what changes nothing ---- */

static void a_bad_file_leaves_what_was_in_force(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        LIST("{}"),
        LIST(TAG("Internet", "\"192.0.2.0/24\"")), /* follows from the network */
        LIST(TAG("Storage", "\"192.0.2.1/24\"")),  /* bits behind the prefix */
        LIST(TAG("Storage", "") "," TAG("STORAGE", "")),
    };
    struct service_tags_source *source = open_at("https://192.0.2.9:8443");
    uint64_t before;

    (void)state;
    write_file(LIST(TAG("Storage", "\"192.0.2.0/24\"")));
    tick(source);
    before = change_of(source);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        write_file(bad[i]);
        tick(source);
        assert_string_equal(prefixes_of(source, "storage"), "192.0.2.0/24");
        assert_int_equal(change_of(source), before);
    }
    service_tags_close(source);
}

static void a_file_that_others_may_write_is_not_believed(void **state)
{
    struct service_tags_source *source = open_at("https://192.0.2.9");

    (void)state;
    write_file(LIST(TAG("Storage", "\"192.0.2.0/24\"")));
    assert_int_equal(chmod(in_folder("service-tags.json"), 0666), 0);
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "none");
    service_tags_close(source);
}

static void a_bad_file_does_not_stop_the_start(void **state)
{
    struct service_tags_source *source;

    (void)state;
    write_file("{");
    source = open_at("https://192.0.2.9");
    assert_string_equal(prefixes_of(source, "AzureAttestation"), "192.0.2.9/32");
    service_tags_close(source);
}

/* What cannot be seen has not been taken away. */
static void a_file_that_cannot_be_looked_at_takes_nothing_away(void **state)
{
    struct service_tags_source *source;

    (void)state;
    write_file(LIST(TAG("Storage", "\"192.0.2.0/24\"")));
    source = open_at("https://192.0.2.9");
    assert_int_equal(unlink(in_folder("service-tags.json")), 0);
    assert_int_equal(symlink("service-tags.json", in_folder("service-tags.json")), 0);
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "192.0.2.0/24");
    assert_int_equal(unlink(in_folder("service-tags.json")), 0);
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "none");
    service_tags_close(source);
}

static void rules_that_name_what_a_start_does_not_know_are_found(void **state)
{
    CLEANUP(tags_release) struct tags_snapshot *snapshot = NULL;
    struct service_tags_source *source = open_at("https://192.0.2.9");
    struct trail trail = {0};

    (void)state;
    snapshot = service_tags_take(source);
    assert_ok(tag_rules_are_known(store, tags_of(snapshot), &trail));
    keep_rule("Storage");
    assert_err(tag_rules_are_known(store, tags_of(snapshot), &trail), ERR_NOT_FOUND);
    assert_string_equal(trail.where, "nsg.out.destinationAddressPrefix");
    assert_non_null(strstr(trail.what, "names the service tag Storage, which is not known"));
    service_tags_close(source);
}

static void a_tag_that_a_rule_names_is_not_emptied(void **state)
{
    struct service_tags_source *source;

    (void)state;
    write_file(LIST(TAG("Storage", "\"192.0.2.0/24\"") "," TAG("Sql", "\"198.51.100.0/24\"")));
    source = open_at("https://192.0.2.9");
    keep_rule("STORAGE");
    write_file(LIST(TAG("Storage", "")));
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "192.0.2.0/24");
    assert_int_equal(unlink(in_folder("service-tags.json")), 0);
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "192.0.2.0/24");
    /* Nobody names the other one. */
    write_file(LIST(TAG("Storage", "\"192.0.2.0/25\"")));
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "192.0.2.0/25");
    assert_string_equal(prefixes_of(source, "Sql"), "none");
    service_tags_close(source);
}

static void a_refused_file_is_tried_again_when_the_rule_is_gone(void **state)
{
    struct service_tags_source *source;

    (void)state;
    write_file(LIST(TAG("Storage", "\"192.0.2.0/24\"")));
    source = open_at("https://192.0.2.9");
    keep_rule("Storage");
    write_file(LIST(""));
    tick(source);
    assert_string_equal(prefixes_of(source, "Storage"), "192.0.2.0/24");
    {
        enum store_resource_bar bar;
        bool was_there;

        assert_ok(store_resource_remove(
            store, GROUP "/providers/microsoft.network/networksecuritygroups/nsg", 0, NULL,
            &was_there, &bar));
    }
    service_tags_tick(source, NOW + 3600);
    assert_string_equal(prefixes_of(source, "Storage"), "none");
    service_tags_close(source);
}

static void a_file_takes_the_place_of_none_of_ours(void **state)
{
    struct service_tags_source *source;

    (void)state;
    write_file(LIST(TAG("AzureAttestation", "\"0.0.0.0/0\"")));
    source = open_at("https://192.0.2.9");
    assert_string_equal(prefixes_of(source, "azureattestation"), "192.0.2.9/32");
    service_tags_close(source);
}

/* ---- our own ---- */

static void own_tags_are_the_endpoints_addresses(void **state)
{
    static const char *const given[] = {"198.51.100.0/28", "2001:db8::1"};
    static const struct {
        const char *endpoint, *prefixes;
    } cases[] = {
        {"https://192.0.2.9:8443/x", "192.0.2.9/32"},
        {"https://[2001:db8::9]", "2001:db8::9/128"},
        {"https://localhost:1", "127.0.0.1/32 ::1/128"},
    };
    struct service_tags_source *source;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        source = open_at(cases[i].endpoint);
        assert_string_equal(prefixes_of(source, "AzureAttestation"), cases[i].prefixes);
        assert_string_equal(prefixes_of(source, "AzureResourceManager"), cases[i].prefixes);
        assert_string_equal(prefixes_of(source, "AzureActiveDirectory"), cases[i].prefixes);
        service_tags_close(source);
    }
    source = open_with("https://attest.invalid", given, ARRAY_LEN(given));
    assert_string_equal(prefixes_of(source, "AzureAttestation"), "198.51.100.0/28 2001:db8::1/128");
    service_tags_close(source);
}

static void a_name_without_an_address_is_a_tag_without_one(void **state)
{
    struct service_tags_source *source = open_at("https://attest.invalid");

    (void)state;
    assert_string_equal(prefixes_of(source, "AzureAttestation"), "");
    service_tags_close(source);
}

static void numbers_outlast_a_restart(void **state)
{
    struct service_tags_source *source = open_at("https://192.0.2.9");

    (void)state;
    assert_int_equal(change_of(source), 1);
    service_tags_close(source);
    source = open_at("https://192.0.2.9");
    assert_int_equal(change_of(source), 1);
    service_tags_close(source);
    source = open_at("https://192.0.2.10");
    assert_int_equal(change_of(source), 2);
    service_tags_close(source);
    /* What was known of a name helps until its lookup ends. */
    source = open_at("https://attest.invalid");
    assert_string_equal(prefixes_of(source, "AzureAttestation"), "192.0.2.10/32");
    assert_int_equal(change_of(source), 2);
    service_tags_close(source);
}

static void a_snapshot_stays_as_it_was_taken(void **state)
{
    struct service_tags_source *source = open_at("https://192.0.2.9");
    struct tags_snapshot *before = service_tags_take(source);

    (void)state;
    write_file(LIST(TAG("Storage", "\"192.0.2.0/24\"")));
    tick(source);
    assert_null(tags_find(tags_of(before), span_str("Storage")));
    assert_string_equal(prefixes_of(source, "Storage"), "192.0.2.0/24");
    service_tags_close(source);
    assert_non_null(tags_find(tags_of(before), span_str("AzureAttestation")));
    tags_release(before);
}

static void knows_its_own_hosts(void **state)
{
    static const struct {
        const char *host;
        bool is_own;
    } cases[] = {
        {"attest.example.net", false}, /* the suffix alone is nobody's */
        {"xattest.example.net", false},     {"192.0.2.90", false}, {"", false}, {"192.0.2.9", true},
        {"p.eus.ATTEST.example.net", true},
    };
    struct service_tags_source *source = open_at("https://192.0.2.9:8443");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(service_tags_is_own(source, span_str(cases[i].host)), cases[i].is_own);
    }
    assert_false(service_tags_is_own(NULL, span_str("192.0.2.9")));
    assert_null(service_tags_take(NULL));
    service_tags_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_bad_file_leaves_what_was_in_force),
        WITH_FOLDER(a_file_that_others_may_write_is_not_believed),
        WITH_FOLDER(a_bad_file_does_not_stop_the_start),
        WITH_FOLDER(a_file_that_cannot_be_looked_at_takes_nothing_away),
        WITH_FOLDER(rules_that_name_what_a_start_does_not_know_are_found),
        WITH_FOLDER(a_tag_that_a_rule_names_is_not_emptied),
        WITH_FOLDER(a_refused_file_is_tried_again_when_the_rule_is_gone),
        WITH_FOLDER(a_file_takes_the_place_of_none_of_ours),
        WITH_FOLDER(own_tags_are_the_endpoints_addresses),
        WITH_FOLDER(a_name_without_an_address_is_a_tag_without_one),
        WITH_FOLDER(numbers_outlast_a_restart),
        WITH_FOLDER(a_snapshot_stays_as_it_was_taken),
        WITH_FOLDER(knows_its_own_hosts),
    };

    return RUN_TESTS(tests);
}
