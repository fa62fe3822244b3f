#include "support/support.h"

#include "base/log.h"

#include <string.h>
#include <unistd.h>

/* What log_end writes, taken from standard error. */
static size_t written(struct log_line *line, char *text, size_t size)
{
    int pipes[2], kept = dup(STDERR_FILENO);
    ssize_t n;

    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_end(line);
    dup2(kept, STDERR_FILENO);
    close(pipes[1]);
    close(kept);
    n = read(pipes[0], text, size - 1);
    close(pipes[0]);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* A value from outside must not begin a line, a field, or a colour. */
static void keeps_values_inside_their_field(void **state)
{
    struct log_line line;
    char text[LOG_LINE_MAX + 1];

    (void)state;
    log_begin(&line, LOG_INFO, "a.b");
    log_text(&line, "path", "x\nevent=forged y=\"1\" \x1b[31m");
    log_text(&line, "empty", "");
    log_uint(&line, "n", 7);
    written(&line, text, sizeof(text));
    assert_int_equal(strncmp(text, "event=a.b time=20", 17), 0);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_null(strchr(text, 0x1b));
    assert_non_null(strstr(text, " path=\"x\\nevent=forged y=\\\"1\\\" "));
    assert_non_null(strstr(text, " empty=\"\" n=7\n"));
}

static void bounds_values_and_lines(void **state)
{
    struct log_line line;
    char big[4000], text[LOG_LINE_MAX + 1];

    (void)state;
    memset(big, '"', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    log_begin(&line, LOG_INFO, "a.b");
    for (int i = 0; i < 10; i++) {
        log_text(&line, "v", big);
    }
    log_fields(&line, big);
    log_uint(&line, "last", 1);
    assert_true(written(&line, text, sizeof(text)) <= LOG_LINE_MAX);
    assert_non_null(strstr(text, " last=1\n"));
}

static void writes_nothing_below_the_level(void **state)
{
    struct log_line line;
    char text[64];

    (void)state;
    log_begin(&line, LOG_DEBUG, "a.b");
    assert_int_equal(written(&line, text, sizeof(text)), 0);
    log_set_level(LOG_DEBUG);
    log_begin(&line, LOG_DEBUG, "a.b");
    assert_true(written(&line, text, sizeof(text)) > 0);
    log_set_level(LOG_INFO);
}

/* Nobody reads: no caller may wait, and when somebody reads again lines go on. */
static void a_full_pipe_drops_lines_and_delays_nobody(void **state)
{
    enum { LINES = 200 };
    struct log_line line;
    char value[LOG_VALUE_MAX - 1], text[LOG_LINE_MAX + 1];
    int pipes[2], kept = dup(STDERR_FILENO);
    uint64_t before = log_dropped();

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    for (int i = 0; i < LINES; i++) {
        log_begin(&line, LOG_INFO, "a.b");
        log_text(&line, "x", value);
        log_end(&line);
    }
    assert_true(log_dropped() > before);
    before = log_dropped();
    while (before == log_dropped()) { /* ends: the pipe is full after so many lines */
        log_begin(&line, LOG_INFO, "a.b");
        log_end(&line);
    }
    before = log_dropped();
    for (int i = 0; i < 8; i++) {
        assert_true(read(pipes[0], text, sizeof(text)) > 0);
    }
    log_begin(&line, LOG_INFO, "again");
    log_end(&line);
    assert_int_equal(log_dropped(), before);
    dup2(kept, STDERR_FILENO);
    close(pipes[0]);
    close(pipes[1]);
    close(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_values_inside_their_field),
        cmocka_unit_test(bounds_values_and_lines),
        cmocka_unit_test(writes_nothing_below_the_level),
        cmocka_unit_test(a_full_pipe_drops_lines_and_delays_nobody),
    };

    return RUN_TESTS(tests);
}
