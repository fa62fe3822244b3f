/*
 * notify.h - telling systemd how the service is: sd_notify(3), the protocol of a datagram to the
 * socket in NOTIFY_SOCKET. Without that variable nothing happens.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include "base/defs.h"

/* "READY=1", "STATUS=...", "WATCHDOG=1": one or several lines. */
void notify(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
