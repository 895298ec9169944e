/* service_manager - tells systemd how we are (sd_notify(3) protocol); nothing happens without NOTIFY_SOCKET.
 * Thread: any. */
#ifndef FAIRLEAD_CLI_SERVICE_MANAGER_H
#define FAIRLEAD_CLI_SERVICE_MANAGER_H

/* "READY=1", "STOPPING=1", "RELOADING=1\n…" */
void service_manager_tell(const char *state);

#endif
