/* Who decides which proxy is used, and that no word of a password gets out. */
#include "httpclient/proxy.h"

#include "support/support.h"

#include <string.h>

/* The environment of a test: pairs of name and value. */
static const char *const *environment;

/* Overwritten by the next call: what choose keeps must be its own. */
static char *look(const char *name)
{
    static char value[64];

    for (const char *const *pair = environment; pair != NULL && pair[0] != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0) {
            snprintf(value, sizeof(value), "%s", pair[1]);
            return value;
        }
    }
    return NULL;
}

static err_t choose(const char *proxy, const char *no_proxy, const char *host, struct trail *trail,
                    struct http_proxy *ret)
{
    const struct http_proxy_settings settings = {.proxy = proxy, .no_proxy = no_proxy};

    return http_proxy_choose(&settings, look, host, trail, ret);
}

static void what_is_no_proxy_is_refused_without_repeating_it(void **state)
{
    static const char *const texts[] = {
        "http://",
        "http://user:s3cret@",
        "http://user:s3cret@host:0",
        "http://user:s3cret@host:99999",
        "ftp://user:s3cret@host:1",
        "file:///s3cret",
        "http://user:s3cr#et@host:1",
        "http://user:s3cr?et@host:1",
        "http://user:12/s3cret@host:1",
        "http://user:s3cret@host:1/path",
        "http://user:s3cret%0d%0aX-Evil: 1@host:1",
        "http://user:s3cret%00@host:1",
        "http://ho st:1",
        ":s3cret",
    };

    (void)state;
    environment = NULL;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(http_proxy_done) struct http_proxy proxy = {0};
        struct trail trail = {0};
        err_t err = choose(texts[i], NULL, "example.org", &trail, &proxy);

        if (err != ERR_USAGE) {
            fail_msg("'%s': %s", texts[i], err_name(err));
        }
        assert_non_null(strstr(trail.what, "the proxy in the settings is no address"));
        assert_null(strstr(trail.what, "s3c"));
        assert_null(strstr(trail.what, "12"));
    }
}

static void a_proxy_that_is_not_used_may_be_anything(void **state)
{
    CLEANUP(http_proxy_done) struct http_proxy proxy = {0};

    (void)state;
    environment = NULL;
    assert_ok(choose("ftp://what?", NULL, "127.0.0.1", NULL, &proxy));
    assert_int_equal(proxy.kind, HTTP_PROXY_NONE);
}

static void addresses_are_read_as_curl_does(void **state)
{
    static const struct {
        const char *text, *url, *at, *user, *password;
        enum http_proxy_kind kind;
        bool looks_up_names;
    } cases[] = {
        {"proxy", "http://proxy:1080", "proxy:1080", NULL, NULL, HTTP_PROXY_HTTP, true},
        {"proxy:80", "http://proxy:80", "proxy:80", NULL, NULL, HTTP_PROXY_HTTP, true},
        {"HTTP://Proxy:3128/", "http://Proxy:3128", "Proxy:3128", NULL, NULL, HTTP_PROXY_HTTP,
         true},
        {"https://p", "https://p:443", "p:443", NULL, NULL, HTTP_PROXY_HTTPS, true},
        {"http://[2001:db8::1]:8", "http://[2001:db8::1]:8", "[2001:db8::1]:8", NULL, NULL,
         HTTP_PROXY_HTTP, true},
        {"socks5://p", "socks5://p:1080", "p:1080", NULL, NULL, HTTP_PROXY_SOCKS, false},
        {"socks5h://p:9", "socks5h://p:9", "p:9", NULL, NULL, HTTP_PROXY_SOCKS, true},
        {"u@p", "http://p:1080", "p:1080", "u", NULL, HTTP_PROXY_HTTP, true},
        {"http://u:p%40s%2Fs%3a@p:1", "http://p:1", "p:1", "u", "p@s/s:", HTTP_PROXY_HTTP, true},
        {"http://dom%5Cu:@p:1", "http://p:1", "p:1", "dom\\u", "", HTTP_PROXY_HTTP, true},
        {"http://:@p:1", "http://p:1", "p:1", "", "", HTTP_PROXY_HTTP, true},
    };

    (void)state;
    environment = NULL;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(http_proxy_done) struct http_proxy proxy = {0};
        struct trail trail = {0};

        if (choose(cases[i].text, NULL, "example.org", &trail, &proxy) != ERR_OK) {
            fail_msg("'%s': %s", cases[i].text, trail.what);
        }
        assert_int_equal(proxy.kind, cases[i].kind);
        assert_string_equal(proxy.url, cases[i].url);
        assert_string_equal(proxy.at.text, cases[i].at);
        assert_int_equal(proxy.looks_up_names, cases[i].looks_up_names);
        assert_int_equal(proxy.user != NULL, cases[i].user != NULL);
        assert_int_equal(proxy.password != NULL, cases[i].password != NULL);
        if (cases[i].user != NULL) {
            assert_string_equal(proxy.user, cases[i].user);
        }
        if (cases[i].password != NULL) {
            assert_string_equal(proxy.password, cases[i].password);
        }
    }
}

static void settings_win_and_the_first_variable_that_is_set_counts(void **state)
{
    static const char *const all[] = {"ALL_PROXY",   "d:1", "all_proxy",  "c:1",
                                      "HTTPS_PROXY", "b:1", "http_proxy", "e:1",
                                      "https_proxy", "a:1", NULL};
    static const char *const no_small[] = {
        "ALL_PROXY", "d:1", "all_proxy", "c:1", "HTTPS_PROXY", "b:1", "https_proxy", "", NULL};
    static const char *const any[] = {"ALL_PROXY", "d:1", "all_proxy", "c:1", NULL};
    static const char *const other[] = {"http_proxy", "e:1", "HTTP_PROXY", "f:1", NULL};
    static const struct {
        const char *const *environment;
        const char *setting, *want, *from;
    } cases[] = {
        {all, "s:1", "s:1", "the settings"},
        {all, NULL, "a:1", "https_proxy"},
        {no_small, NULL, "b:1", "HTTPS_PROXY"},
        {any, NULL, "c:1", "all_proxy"},
        {other, NULL, NULL, NULL},
        {all, "", NULL, "the settings"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(http_proxy_done) struct http_proxy proxy = {0};

        environment = cases[i].environment;
        assert_ok(choose(cases[i].setting, NULL, "example.org", NULL, &proxy));
        assert_int_equal(proxy.kind, cases[i].want != NULL ? HTTP_PROXY_HTTP : HTTP_PROXY_NONE);
        assert_string_equal(proxy.at.text, cases[i].want != NULL ? cases[i].want : "");
        assert_int_equal(proxy.from != NULL, cases[i].from != NULL);
        if (cases[i].from != NULL) {
            assert_string_equal(proxy.from, cases[i].from);
        }
    }
}

static void lists_of_hosts_say_who_excluded_one(void **state)
{
    static const char *const small[] = {"no_proxy", "a.org", "NO_PROXY", "b.org", NULL};
    static const char *const large[] = {"no_proxy", "", "NO_PROXY", "b.org,c.org", NULL};
    static const struct {
        const char *const *environment;
        const char *setting, *host, *by, *entry;
    } cases[] = {
        {small, NULL, "b.org", NULL, ""},
        {small, NULL, "x.a.org", "no_proxy", "a.org"},
        {large, NULL, "c.org", "NO_PROXY", "c.org"},
        {small, "c.org", "a.org", NULL, ""}, /* the setting replaces the variable */
        {small, "c.org", "c.org", "the settings", "c.org"},
        {small, "", "a.org", NULL, ""},
        {NULL, "*", "a.org", "the settings", "*"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(http_proxy_done) struct http_proxy proxy = {0};

        environment = cases[i].environment;
        assert_ok(choose("p:1", cases[i].setting, cases[i].host, NULL, &proxy));
        assert_int_equal(proxy.kind, cases[i].by == NULL ? HTTP_PROXY_HTTP : HTTP_PROXY_NONE);
        assert_string_equal(proxy.entry, cases[i].entry);
        assert_string_equal(proxy.excluded_by != NULL ? proxy.excluded_by : "",
                            cases[i].by != NULL ? cases[i].by : "");
        assert_int_equal(proxy.direct, DIRECT_NOT);
    }
}

/* A proxy would answer for itself; and what a metadata service tells is nobody else's business. */
static void own_and_metadata_addresses_are_direct_unless_the_user_says_so(void **state)
{
    static const char *const words[] = {"no_proxy", "-loopback,-link-local", NULL};
    static const struct {
        const char *const *environment;
        const char *setting, *host;
        enum direct_kind want;
    } cases[] = {
        {NULL, NULL, "localhost", DIRECT_LOOPBACK},
        {NULL, "other", "::1", DIRECT_LOOPBACK},
        {words, NULL, "127.0.0.1", DIRECT_LOOPBACK}, /* variables of a system do not decide that */
        {words, NULL, "169.254.169.254", DIRECT_LINK_LOCAL},
        {NULL, "-loopback", "169.254.169.254", DIRECT_LINK_LOCAL},
        {NULL, "-link-local", "127.0.0.1", DIRECT_LOOPBACK},
        {NULL, "-loopback", "127.0.0.1", DIRECT_NOT},
        {NULL, "a,-link-local", "168.63.129.16", DIRECT_NOT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(http_proxy_done) struct http_proxy proxy = {0};

        environment = cases[i].environment;
        assert_ok(choose("p:1", cases[i].setting, cases[i].host, NULL, &proxy));
        assert_int_equal(proxy.direct, cases[i].want);
        assert_int_equal(proxy.kind,
                         cases[i].want == DIRECT_NOT ? HTTP_PROXY_HTTP : HTTP_PROXY_NONE);
    }
}

static void addresses_of_services_are_read_whole(void **state)
{
    static const struct {
        const char *url, *host, *text;
        uint16_t port;
    } cases[] = {
        {"https://[::1]:8443/providers/p", "::1", "[::1]:8443", 8443},
        {"https://Example.org", "Example.org", "Example.org:443", 443},
        {"https://127.1:7", "127.0.0.1", "127.0.0.1:7", 7},
    };
    struct http_address address;
    struct trail trail = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(http_address_read(cases[i].url, NULL, &address));
        assert_string_equal(address.host, cases[i].host);
        assert_string_equal(address.text, cases[i].text);
        assert_int_equal(address.port, cases[i].port);
    }
    assert_err(http_address_read("https://me:s3cret@h", &trail, &address), ERR_USAGE);
    assert_null(strstr(trail.what, "s3cret"));
    assert_err(http_address_read("https://h:0", NULL, &address), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_proxy_is_refused_without_repeating_it),
        cmocka_unit_test(a_proxy_that_is_not_used_may_be_anything),
        cmocka_unit_test(addresses_are_read_as_curl_does),
        cmocka_unit_test(settings_win_and_the_first_variable_that_is_set_counts),
        cmocka_unit_test(lists_of_hosts_say_who_excluded_one),
        cmocka_unit_test(own_and_metadata_addresses_are_direct_unless_the_user_says_so),
        cmocka_unit_test(addresses_of_services_are_read_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
