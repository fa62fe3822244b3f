/* Addresses in answers name the server, whatever a request says that it is called. */
#include "unit/control/engine.h"

static const char *const own[] = {"manager.test:9443", "10.0.0.7:443", "[::1]:8443", NULL};

static void addresses_name_what_the_server_is(void **state)
{
    static const struct {
        const char *host, *base;
    } cases[] = {
        {"manager.test:9443", "https://manager.test:9443"},
        {"MANAGER.TEST:9443", "https://manager.test:9443"}, /* as it is written here */
        {"10.0.0.7", "https://10.0.0.7:443"},
        {"10.0.0.7:443", "https://10.0.0.7:443"},
        {"[::1]:8443", "https://[::1]:8443"},
        {"manager.test:8443", ENDPOINT},
        {"", ENDPOINT},
        {":443", ENDPOINT},
        {"evil.test", ENDPOINT},
        {"evil.test:9443", ENDPOINT},
        {"manager.test", ENDPOINT},
        {"manager.test:1", ENDPOINT}, /* another program of the same host */
        {"manager.test:9443.evil.test", ENDPOINT},
        {"manager.test.:9443", ENDPOINT},
        {"localhost:8443", ENDPOINT},
    };

    (void)state;
    manager_stop(&m);
    m.options.authorities = own;
    manager_start(&m);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(control_base(m.control, m.arena, span_str(cases[i].host)),
                            cases[i].base);
    }
    assert_string_equal(control_base(m.control, m.arena, (struct span){0}), ENDPOINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_ENGINE(addresses_name_what_the_server_is)};

    return RUN_TESTS(tests);
}
