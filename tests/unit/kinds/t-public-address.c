/* What a public address may be said to be. */
#include "unit/kinds/vms.h"

#define ADDRESSES GROUP "/providers/Microsoft.Network/publicIPAddresses/"
#define ONE ADDRESSES "one"
#define WITH(PROPERTIES) "{\"location\":\"westus\",\"properties\":{" PROPERTIES "}}"
#define IS(ADDRESS) WITH("\"ipAddress\":\"" ADDRESS "\"")

static void what_is_no_public_address_is_refused(void **state)
{
    static const char *const bad[] = {
        "",           "x",           "203.0.113.7/32",  "203.0.113.07", "203.0.113",
        "0.0.0.0",    "10.1.2.3",    "100.64.0.1",      "127.0.0.1",    "169.254.169.254",
        "172.31.0.1", "192.168.1.1", "168.63.129.16",   "224.0.0.1",    "255.255.255.255",
        "::",         "::1",         "::ffff:1.2.3.4",  "fd00::1",      "fe80::1",
        "fec0::1",    "ff02::1",     "www.example.net", " 203.0.113.7", "203.0.113.7, 203.0.113.8",
    };
    char body[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(body, sizeof(body), IS("%s"), bad[i]);
        refused(HTTP_PUT, ONE, body, 400, "InvalidParameter");
        assert_string_equal(m.answer.target, "properties.ipAddress");
    }
    refused(HTTP_PUT, ONE, WITH("\"ipAddress\":7"), 400, "InvalidParameter");
    refused(HTTP_PUT, ONE, WITH("\"ipAddress\":[\"203.0.113.7\"]"), 400, "InvalidParameter");
    refused(HTTP_PUT, ONE,
            WITH("\"ipAddress\":\"2001:db8::1\",\"publicIPAddressVersion\":\"IPv4\""), 400,
            "InvalidParameter");
    refused(HTTP_GET, ONE, NULL, 404, "ResourceNotFound");
}

static void it_is_kept_in_one_spelling(void **state)
{
    (void)state;
    put_ok(ONE, IS("203.0.113.7"));
    assert_text(&m, "properties.ipAddress", "203.0.113.7");
    put_ok(ONE, WITH("\"ipAddress\":\"2001:DB8:0::1\",\"publicIPAddressVersion\":\"IPv6\""));
    assert_text(&m, "properties.ipAddress", "2001:db8::1");
}

static void it_is_not_anothers(void **state)
{
    (void)state;
    put_ok(ONE, IS("203.0.113.7"));
    put_ok(ONE, IS("203.0.113.7"));
    refused(HTTP_PUT, ADDRESSES "two", IS("203.0.113.7"), 400, "PublicIPAddressInUse");
    assert_null(strstr(m.answer.message, "one")); /* whose it is may be nobody's business */
    put_ok(ADDRESSES "two", IS("203.0.113.8"));
    refused(HTTP_PATCH, ADDRESSES "two", "{\"properties\":{\"ipAddress\":\"203.0.113.7\"}}", 400,
            "PublicIPAddressInUse");
    ask(&m, HTTP_DELETE, ONE, NULL);
    assert_answer(&m, 200, NULL);
    put_ok(ADDRESSES "two", IS("203.0.113.7"));
}

/* Clients send back what they were shown. */
static void what_nobody_said_stays_unsaid(void **state)
{
    char body[256];

    (void)state;
    put_ok(ONE, WITH(""));
    assert_memory_equal(text_at(&m, "properties.ipAddress"), "192.0.2.", 8);
    snprintf(body, sizeof(body), IS("%s"), text_at(&m, "properties.ipAddress"));
    put_ok(ONE, body);
    put_ok(ADDRESSES "two", body); /* so it is free */
    put_ok(ADDRESSES "three", WITH("\"ipAddress\":null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(what_is_no_public_address_is_refused),
        WITH_VMS(it_is_kept_in_one_spelling),
        WITH_VMS(it_is_not_anothers),
        WITH_VMS(what_nobody_said_stays_unsaid),
    };

    return RUN_TESTS(tests);
}
