/*
 * service_manager - tells systemd how we are: the protocol of sd_notify(3) and sd_watchdog_enabled(3),
 * without its library. Nothing happens without NOTIFY_SOCKET.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_CLI_SERVICE_MANAGER_H
#define FAIRLEAD_CLI_SERVICE_MANAGER_H

#include <stdbool.h>

#include "base/clock.h"

/* Does anybody listen? */
bool service_manager_is_there(void);

/* "READY=1", "STOPPING=1", "WATCHDOG=1\nSTATUS=…": assignments, one on a line, sent together. */
void service_manager_tell(const char *state);

/* RELOADING=1, with the time that Type=notify-reload (systemd 253 and later) wants; READY=1 ends it. */
void service_manager_tell_reloading(void);

/*
 * Within which time WATCHDOG=1 must come, again and again; 0: nobody waits for it. As sd_watchdog_enabled(3):
 * WATCHDOG_USEC, when WATCHDOG_PID is this process or is not set. A value that is no time counts as none.
 */
usec service_manager_watchdog(void);

#endif
