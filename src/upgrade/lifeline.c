#include "upgrade/lifeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool lifeline_is_there(void)
{
    return getenv(LIFELINE_FD) != NULL;
}

void lifeline_open(struct lifeline *ret)
{
    const char *text = getenv(LIFELINE_FD);
    char *end = NULL;
    long fd = text == NULL ? -1 : strtol(text, &end, 10);
    int type = 0;
    socklen_t size = sizeof(type);

    ret->fd = -1;
    ret->is_trial = getenv(LIFELINE_TRIAL) != NULL;
    if (text != NULL && end != text && *end == '\0' && fd > STDERR_FILENO && fd < 1 << 20 &&
        getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0) {
        ret->fd = (int)fd;
    }
    unsetenv(LIFELINE_FD);
    unsetenv(LIFELINE_TRIAL);
}

void lifeline_say(int fd, const char *fmt, ...)
{
    char text[LIFELINE_MAX];
    va_list args;

    if (fd < 0) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool lifeline_hear(int fd, char text[LIFELINE_MAX], bool *ret_is_closed)
{
    ssize_t got = recv(fd, text, LIFELINE_MAX - 1, MSG_DONTWAIT);

    *ret_is_closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}
