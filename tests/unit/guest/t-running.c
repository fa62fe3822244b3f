#include "guest/running.h"

#include "base/buf.h"
#include "evidence/azureguest.h"
#include "root.h"
#include "json/json.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"
#define ENFORCE "/sys/module/module/parameters/sig_enforce"
#define TAINTED "/proc/sys/kernel/tainted"
#define MODULES "/proc/modules"

static const struct guest_facts facts = {
    .agent_version = "0.1.0", .boot_id = "7d4cc9fb", .kernel_release = ROOT_RELEASE};
static const struct guest_os os = {
    .distro = "Debian", .pretty_name = "Debian GNU/Linux 12 (bookworm)", .version = "12"};

static struct span document(void)
{
    struct running running;
    struct span text = {0};

    assert_ok(running_read(arena, root, &facts, NULL, &running));
    assert_ok(running_document(arena, &os, &facts, &running, &text));
    return text;
}

static void expect(const char *members)
{
    const char *want = arena_printf(arena,
                                    "{\"AgentVersion\":\"0.1.0\",\"BootId\":\"7d4cc9fb\","
                                    "\"KernelRelease\":\"" ROOT_RELEASE "\",%s}",
                                    members);

    assert_string_equal((const char *)document().data, want);
}

static yyjson_val *read_back(void)
{
    yyjson_val *value = NULL;

    assert_ok(json_read(arena, document(), NULL, NULL, &value));
    return value;
}

#define OS "\"OsName\":\"Debian GNU/Linux 12 (bookworm)\",\"OsVersion\":\"12\""

/* ---- nothing there, or nothing that can be read ---- */

static void what_is_not_there_is_not_told(void **state)
{
    (void)state;
    expect(OS);
}

static void what_has_no_known_form_is_left_out_and_named(void **state)
{
    (void)state;
    root_text(LOCKDOWN, "none integrity\n");
    root_text(ENFORCE, "maybe\n");
    root_text(TAINTED, "-1\n");
    root_text(MODULES, "xfs is here\n");
    root_variable("SecureBoot" ROOT_GLOBAL, span_str("\x02"));
    root_put(ROOT_EFIVARS "SetupMode" ROOT_GLOBAL, span_str("\x06"));
    root_variable("MokSBStateRT" ROOT_SHIM, (struct span){0});
    expect("\"Mok\":{\"MokListRT\":null,\"MokListTrustedRT\":null,\"MokListXRT\":null,"
           "\"MokSBStateRT\":{\"Sha256\":"
           "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"Size\":0},"
           "\"SbatLevelRT\":null}," OS ",\"Unread\":["
           "{\"Fact\":\"SecureBoot\",\"Why\":\"malformed\"},"
           "{\"Fact\":\"SetupMode\",\"Why\":\"malformed\"},"
           "{\"Fact\":\"Lockdown\",\"Why\":\"malformed\"},"
           "{\"Fact\":\"ModuleSignaturesEnforced\",\"Why\":\"malformed\"},"
           "{\"Fact\":\"Tainted\",\"Why\":\"malformed\"},"
           "{\"Fact\":\"Modules\",\"Why\":\"malformed\"}]");
}

static void put_large(const char *path, off_t size)
{
    root_text(path, "");
    assert_int_equal(truncate(root_path(path), size), 0);
}

static void what_is_too_large_is_left_out_and_named(void **state)
{
    static const char *const too_large[] = {"MokListRT", "Lockdown", "ModuleSignaturesEnforced",
                                            "Tainted", "Modules"};
    yyjson_val *unread;
    size_t i, n;
    yyjson_val *one;

    (void)state;
    root_variable("SecureBoot" ROOT_GLOBAL, span_str("\x01"));
    put_large(ROOT_EFIVARS "MokListRT" ROOT_SHIM, RUNNING_VARIABLE_MAX + 5);
    put_large(LOCKDOWN, RUNNING_SMALL_FILE_MAX + 1);
    put_large(ENFORCE, RUNNING_SMALL_FILE_MAX + 1);
    put_large(TAINTED, RUNNING_SMALL_FILE_MAX + 1);
    put_large(MODULES, RUNNING_MODULES_FILE_MAX + 1);
    unread = json_get(read_back(), "Unread");
    assert_int_equal(yyjson_arr_size(unread), ARRAY_LEN(too_large));
    yyjson_arr_foreach(unread, i, n, one)
    {
        assert_string_equal(json_text(json_get(one, "Fact")), too_large[i]);
        assert_string_equal(json_text(json_get(one, "Why")), "too-large");
    }
    put_large(ROOT_EFIVARS "MokListRT" ROOT_SHIM, RUNNING_VARIABLE_MAX + 4);
    assert_int_equal(
        yyjson_get_uint(json_get(json_get(json_get(read_back(), "Mok"), "MokListRT"), "Size")),
        RUNNING_VARIABLE_MAX);
}

static void what_may_not_be_read_is_named(void **state)
{
    (void)state;
    root_text(LOCKDOWN, "[none] integrity confidentiality\n");
    root_text(TAINTED, "0\n");
    assert_int_equal(chmod(root_path(LOCKDOWN), 0), 0);
    if (!root_step_down()) {
        return;
    }
    expect(OS ",\"Tainted\":0,\"TaintedBy\":[],"
              "\"Unread\":[{\"Fact\":\"Lockdown\",\"Why\":\"no-permission\"}]");
    root_step_up();
}

/* ---- what is there ---- */

static void all_of_it_is_told_in_canonical_form(void **state)
{
    static const char sbat[] = "sbat,1,2022052400\nshim,2\ngrub,2\n";

    (void)state;
    root_module_files();
    root_variable("SecureBoot" ROOT_GLOBAL, span_str("\x01"));
    root_variable("SetupMode" ROOT_GLOBAL, span_of("", 1));
    root_variable("MokListRT" ROOT_SHIM, span_str("abc"));
    root_variable("SbatLevelRT" ROOT_SHIM, span_of(sbat, sizeof(sbat)));
    root_text(LOCKDOWN, "none [integrity] confidentiality\n");
    root_text(ENFORCE, "N\n");
    root_text(TAINTED, "1048577\n");
    root_text(MODULES, "strange 4096 0 - Live 0x0000000000000000 (OE)\n"
                       "bw_unsigned 4096 0 - Live 0x0000000000000000\n"
                       "bw_good 4096 1 strange, Live 0x0000000000000000\n");
    expect("\"Lockdown\":\"integrity\","
           "\"ModuleSignaturesEnforced\":false,"
           "\"Modules\":["
           "{\"HashAlgorithm\":\"sha256\",\"KeyId\":\"66f54e1566a0\",\"Name\":\"bw_good\","
           "\"Signer\":\"Bootwarden test signer\"},"
           "{\"Name\":\"bw_unsigned\",\"Signer\":null},"
           "{\"Name\":\"strange\",\"Signer\":null,\"Taints\":\"OE\",\"Unread\":\"no-file\"}],"
           "\"ModulesComplete\":true,\"ModulesLoaded\":3,"
           "\"Mok\":{\"MokListRT\":{\"Sha256\":"
           "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"Size\":3},"
           "\"MokListTrustedRT\":null,\"MokListXRT\":null,\"MokSBStateRT\":null,"
           "\"SbatLevelRT\":{\"Sha256\":"
           "\"20d34f00140a9f6041e50c329146b07151bcdb69b0ee1197240c3b78cbdda2b2\",\"Size\":33}}," OS
           ",\"SbatLevel\":\"sbat,1,2022052400\\nshim,2\\ngrub,2\",\"SecureBoot\":true,"
           "\"SetupMode\":false,\"Tainted\":1048577,"
           "\"TaintedBy\":[\"PROPRIETARY_MODULE\",\"bit 20\"]");
}

static void without_variables_mounted_none_is_said_to_be_missing(void **state)
{
    (void)state;
    assert_ok(file_make_folder(root_path(ROOT_EFIVARS), 0755, NULL));
    expect(OS);
}

/* Whoever writes a variable or names a module writes to the terminals of people. */
static void texts_are_escaped_and_cut(void **state)
{
    uint8_t *sbat = arena_calloc(arena, 1, 8192);
    struct span text;
    yyjson_val *value;

    (void)state;
    assert_non_null(sbat);
    memset(sbat, 0x1b, 8192);
    root_variable("SecureBoot" ROOT_GLOBAL, span_str("\x01"));
    root_variable("SbatLevelRT" ROOT_SHIM, span_of(sbat, 8192));
    root_text(MODULES, "a\x1b\xff\"\\ 4096 0 - Live 0x0\n");
    value = read_back();
    text = json_span(json_get(value, "SbatLevel"));
    assert_true(text.len <= RUNNING_SBAT_MAX);
    assert_true(span_starts(text, "\\x1b\\x1b"));
    assert_string_equal(
        json_text(json_get(yyjson_arr_get_first(json_get(value, "Modules")), "Name")),
        "a\\x1b\\xff\"\\");
}

/* ---- many modules ---- */

/* `n` modules whose files are not there; every 100th is tainted. */
static void put_modules(size_t n, const char *prefix)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&text, RUNNING_MODULES_FILE_MAX);
    for (size_t i = 0; i < n; i++) {
        buf_addf(&text, "%s%05zu 4096 0 - Live 0x0%s\n", prefix, i, i % 100 == 99 ? " (OE)" : "");
    }
    assert_ok(buf_err(&text));
    root_put(MODULES, buf_span(&text));
}

static size_t count_tainted(yyjson_val *modules)
{
    size_t i, n, tainted = 0;
    yyjson_val *one, *before = NULL;

    yyjson_arr_foreach(modules, i, n, one)
    {
        tainted += json_get(one, "Taints") != NULL ? 1 : 0;
        assert_true(before == NULL || strcmp(json_text(json_get(before, "Name")),
                                             json_text(json_get(one, "Name"))) < 0);
        before = one;
    }
    return tainted;
}

static void of_too_many_modules_the_tainted_are_told_first(void **state)
{
    yyjson_val *value;

    (void)state;
    put_modules(1000, "m");
    value = read_back();
    assert_int_equal(yyjson_arr_size(json_get(value, "Modules")), RUNNING_MODULES_MAX);
    assert_int_equal(yyjson_get_uint(json_get(value, "ModulesLoaded")), 1000);
    assert_int_equal(count_tainted(json_get(value, "Modules")), 10);
}

static void what_does_not_fit_is_cut_with_a_count(void **state)
{
    struct span text;
    yyjson_val *value, *modules;

    (void)state;
    put_modules(512, "a_module_whose_name_is_as_long_as_the_kernel_lets_it_");
    text = document();
    assert_true(text.len <= AZUREGUEST_FACTS_MAX);
    assert_true(text.len > AZUREGUEST_FACTS_MAX - 256);
    value = read_back();
    modules = json_get(value, "Modules");
    assert_true(yyjson_arr_size(modules) < 512);
    assert_int_equal(yyjson_get_uint(json_get(value, "ModulesLoaded")), 512);
}

/* Those with a good signature make room for those that a person would look for. */
static void odd_modules_make_others_go_first(void **state)
{
    struct running running;
    struct span text = {0};
    yyjson_val *value = NULL;

    (void)state;
    put_modules(512, "m");
    assert_ok(running_read(arena, root, &facts, NULL, &running));
    for (size_t i = 0; i < running.n_modules; i++) {
        running.signatures[i].unread = MODULE_READ;
        if (i < 500) {
            memset(running.signatures[i].signer, 'S', MODULES_SIGNER_SIZE - 1);
            memset(running.signatures[i].key_id, 'f', MODULES_KEY_SIZE - 1);
        }
    }
    assert_ok(running_document(arena, &os, &facts, &running, &text));
    assert_true(text.len <= AZUREGUEST_FACTS_MAX);
    assert_ok(json_read(arena, text, NULL, NULL, &value));
    assert_int_equal(count_tainted(json_get(value, "Modules")), 5);
    assert_string_equal(
        json_text(json_get(yyjson_arr_get_last(json_get(value, "Modules")), "Name")), "m00511");
}

/* ---- this machine ---- */

static void this_machine_can_be_read(void **state)
{
    struct guest_os here;
    struct guest_facts of_here;
    struct span first = {0}, second = {0};
    CLEANUP(modules_free) struct modules *memory = modules_new();

    (void)state;
    guest_os_read(arena, &here);
    assert_ok(guest_facts_read(arena, &of_here));
    assert_ok(running_facts(arena, &here, &of_here, memory, &first));
    assert_ok(running_facts(arena, &here, &of_here, NULL, &second));
    assert_true(first.len > 0 && first.len <= AZUREGUEST_FACTS_MAX);
    assert_true(span_starts(second, "{\"AgentVersion\":"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, root_begin, root_end)
        TEST(what_is_not_there_is_not_told),
        TEST(what_has_no_known_form_is_left_out_and_named),
        TEST(what_is_too_large_is_left_out_and_named),
        TEST(what_may_not_be_read_is_named),
        TEST(all_of_it_is_told_in_canonical_form),
        TEST(without_variables_mounted_none_is_said_to_be_missing),
        TEST(texts_are_escaped_and_cut),
        TEST(of_too_many_modules_the_tainted_are_told_first),
        TEST(what_does_not_fit_is_cut_with_a_count),
        TEST(odd_modules_make_others_go_first),
        TEST(this_machine_can_be_read),
    };

    return RUN_TESTS(tests);
}
