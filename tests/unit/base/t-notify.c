#include "base/notify.h"

#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
    char folder[32], path[64];
    int fd;
};

static void listen_at(struct listener *to, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    memcpy(address.sun_path, path, len);
    address.sun_path[0] = path[0] == '@' ? '\0' : path[0];
    to->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(to->fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                     0);
}

static int set_up(void **state)
{
    struct listener *to = calloc(1, sizeof(*to));

    assert_non_null(to);
    snprintf(to->folder, sizeof(to->folder), "/tmp/bootwarden.XXXXXX");
    assert_non_null(mkdtemp(to->folder));
    snprintf(to->path, sizeof(to->path), "%s/socket", to->folder);
    listen_at(to, to->path);
    *state = to;
    return 0;
}

static int tear_down(void **state)
{
    struct listener *to = *state;

    unsetenv("NOTIFY_SOCKET");
    close(to->fd);
    unlink(to->path);
    rmdir(to->folder);
    free(to);
    return 0;
}

static void assert_heard(const struct listener *to, const char *wanted)
{
    char text[2048] = "";
    ssize_t len = recv(to->fd, text, sizeof(text) - 1, 0);

    assert_string_equal(len < 0 ? "(nothing)" : text, wanted);
}

static void says_nothing_where_nobody_asked(void **state)
{
    char too_long[200];
    const char *const paths[] = {
        "", "socket", "./socket", "/tmp/none/there", "@bootwarden-none", too_long};

    memset(too_long, 'a', sizeof(too_long));
    too_long[0] = '/';
    too_long[sizeof(too_long) - 1] = '\0';
    unsetenv("NOTIFY_SOCKET");
    notify("READY=1");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        setenv("NOTIFY_SOCKET", paths[i], 1);
        notify("READY=1");
    }
    assert_heard(*state, "(nothing)");
}

static void says_each_message_in_one_piece(void **state)
{
    struct listener *to = *state;

    setenv("NOTIFY_SOCKET", to->path, 1);
    notify("READY=1\nSTATUS=%s %d", "Serving", 7);
    notify("STOPPING=1");
    assert_heard(to, "READY=1\nSTATUS=Serving 7");
    assert_heard(to, "STOPPING=1");
    assert_heard(to, "(nothing)");
}

static void cuts_what_is_too_long(void **state)
{
    struct listener *to = *state;
    char wanted[1024] = "STATUS=";

    setenv("NOTIFY_SOCKET", to->path, 1);
    notify("STATUS=%01500d", 0);
    memset(wanted + 7, '0', sizeof(wanted) - 8);
    wanted[sizeof(wanted) - 1] = '\0';
    assert_heard(to, wanted);
}

static void speaks_to_abstract_sockets(void **state)
{
    struct listener *to = *state;
    char path[64];

    snprintf(path, sizeof(path), "@%s", to->folder + 1);
    close(to->fd);
    listen_at(to, path);
    setenv("NOTIFY_SOCKET", path, 1);
    notify("WATCHDOG=1");
    assert_heard(to, "WATCHDOG=1");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_nothing_where_nobody_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_each_message_in_one_piece, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cuts_what_is_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(speaks_to_abstract_sockets, set_up, tear_down),
    };

    return RUN_TESTS(tests);
}
