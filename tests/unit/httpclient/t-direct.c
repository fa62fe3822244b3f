/* Which hosts need no proxy; and that libcurl, asked the same, agrees. */
#include "httpclient/direct.h"

#include "support/support.h"

#include <arpa/inet.h>
#include <curl/curl.h>

static void only_addresses_of_this_machine_and_link_are_special(void **state)
{
    static const struct {
        const char *host;
        enum direct_kind want;
    } cases[] = {
        {"example.org", DIRECT_NOT},
        {"10.0.2.2", DIRECT_NOT},
        {"127.0.0.1.example.org", DIRECT_NOT},
        {"mylocalhost", DIRECT_NOT},
        {"localhost.example.org", DIRECT_NOT},
        {"128.0.0.1", DIRECT_NOT},
        {"169.253.255.255", DIRECT_NOT},
        {"168.63.129.17", DIRECT_NOT},
        {"fec0::1", DIRECT_NOT},
        {"::2", DIRECT_NOT},
        {"::ffff:10.0.0.1", DIRECT_NOT},
        {"", DIRECT_NOT},
        {"localhost", DIRECT_LOOPBACK},
        {"LOCALHOST.", DIRECT_LOOPBACK},
        {"a.b.localhost", DIRECT_LOOPBACK},
        {"127.0.0.1", DIRECT_LOOPBACK},
        {"127.255.255.254", DIRECT_LOOPBACK},
        {"::1", DIRECT_LOOPBACK},
        {"::ffff:127.0.0.1", DIRECT_LOOPBACK},
        {"169.254.169.254", DIRECT_LINK_LOCAL},
        {"168.63.129.16", DIRECT_LINK_LOCAL},
        {"fe80::1", DIRECT_LINK_LOCAL},
        {"febf::1", DIRECT_LINK_LOCAL},
        {"::ffff:169.254.169.254", DIRECT_LINK_LOCAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (direct_kind(cases[i].host) != cases[i].want) {
            fail_msg("%s: %d", cases[i].host, direct_kind(cases[i].host));
        }
    }
}

/* entry NULL: nothing names the host. is_ours: an older or newer curl reads it in another way. */
static const struct {
    const char *list, *host, *entry;
    bool is_ours;
} lists[] = {
    {"", "example.org", NULL, false},
    {",,, ,", "example.org", NULL, true},
    {"example.org", "example.com", NULL, false},
    {"example.org", "myexample.org", NULL, false},
    {"www.example.org", "example.org", NULL, false},
    {"*.example.org", "www.example.org", NULL, false},
    {"*,other", "example.org", NULL, false},
    {"10.0.0.0/8", "11.0.0.1", NULL, false},
    {"10.0.0.0/33", "10.0.0.1", NULL, false},
    {"10.0.0.0/x", "10.0.0.1", NULL, true},
    {"10.0.0.0/", "10.0.0.1", NULL, true},
    {"10.0.0", "10.0.0.1", NULL, false},
    {"0.0.1", "10.0.0.1", NULL, false},
    {"10.0.0.1", "10.0.0.1.example.org", NULL, false},
    {"2001:db8::/32", "2001:db9::1", NULL, false},
    {"2001:db8::/129", "2001:db8::1", NULL, false},
    {"::/96", "10.0.0.1", NULL, false},
    {".", "example.org", NULL, true},
    {"*", "example.org", "*", false},
    {"example.org", "example.org", "example.org", false},
    {"EXAMPLE.org", "www.Example.ORG", "EXAMPLE.org", false},
    {".example.org", "www.example.org", ".example.org", false},
    {".example.org", "example.org", ".example.org", false},
    {"example.org.", "example.org", "example.org.", false},
    {"example.org", "example.org.", "example.org", false},
    {"a.b, example.org ,c.d", "example.org", "example.org", false},
    {"a.b,,example.org", "example.org", "example.org", false},
    {"a.b example.org", "example.org", "example.org", true},
    {"10.0.0.1", "10.0.0.1", "10.0.0.1", false},
    {"10.0.0.0/8", "10.255.0.1", "10.0.0.0/8", false},
    {"10.0.2.0/23", "10.0.3.255", "10.0.2.0/23", false},
    {"10.0.0.1/32", "10.0.0.1", "10.0.0.1/32", false},
    {"0.0.0.0/0", "10.0.0.1", "0.0.0.0/0", true},
    {"2001:db8::1", "2001:db8:0::1", "2001:db8::1", false},
    /* curl 7.88 passes IPv6 without its brackets, and then takes it for a name. */
    {"2001:db8::/32", "2001:db8:7fff::1", "2001:db8::/32", true},
    {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8::/33", true},
};

static void lists_name_hosts_and_what_is_below_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct span entry = direct_entry(lists[i].list, lists[i].host);

        if ((entry.data == NULL) != (lists[i].entry == NULL) ||
            (lists[i].entry != NULL && !span_is(entry, lists[i].entry))) {
            fail_msg("'%s' for %s: '%.*s'", lists[i].list, lists[i].host, (int)entry.len,
                     entry.data == NULL ? "" : (const char *)entry.data);
        }
    }
    assert_true(direct_has_word("a,-loopback", "-loopback"));
    assert_false(direct_has_word("a,-loopback.b", "-loopback"));
}

/* Sees where curl would connect to, and stops it there. */
static curl_socket_t note_port(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockaddr_in in;

    (void)purpose;
    memcpy(&in, &address->addr, sizeof(in));
    *(uint16_t *)context = ntohs(in.sin_port); /* at the same place in sockaddr_in6 */
    return CURL_SOCKET_BAD;
}

enum { DIRECT_PORT = 7, PROXY_PORT = 9 };

static void libcurl_reads_lists_in_the_same_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        CURL *curl = curl_easy_init();
        bool is_v6 = strchr(lists[i].host, ':') != NULL;
        struct curl_slist *names;
        uint16_t port = 0;
        char text[128];

        snprintf(text, sizeof(text), "%s:%d:127.0.0.1", lists[i].host, DIRECT_PORT);
        names = is_v6 ? NULL : curl_slist_append(NULL, text);
        snprintf(text, sizeof(text), "https://%s%s%s:%d/", is_v6 ? "[" : "", lists[i].host,
                 is_v6 ? "]" : "", DIRECT_PORT);
        curl_easy_setopt(curl, CURLOPT_URL, text);
        snprintf(text, sizeof(text), "http://127.0.0.1:%d", PROXY_PORT);
        curl_easy_setopt(curl, CURLOPT_PROXY, text);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, lists[i].list);
        curl_easy_setopt(curl, CURLOPT_RESOLVE, names);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, note_port);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &port);
        assert_true(curl_easy_perform(curl) != CURLE_OK);
        curl_easy_cleanup(curl);
        curl_slist_free_all(names);
        if (!lists[i].is_ours && port != (lists[i].entry != NULL ? DIRECT_PORT : PROXY_PORT)) {
            fail_msg("'%s' for %s: curl takes port %u", lists[i].list, lists[i].host, port);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_addresses_of_this_machine_and_link_are_special),
        cmocka_unit_test(lists_name_hosts_and_what_is_below_them),
        cmocka_unit_test(libcurl_reads_lists_in_the_same_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
