#include "cli/service_manager.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Fills in the address; its length, or 0 when there is none that we can use. */
static socklen_t address(struct sockaddr_un *ret)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof ret->sun_path)
        return 0;
    size_t len = strlen(path);
    memcpy(ret->sun_path, path, len);
    if (path[0] == '@')
        ret->sun_path[0] = '\0'; /* abstract name */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

bool service_manager_is_there(void)
{
    struct sockaddr_un to;
    return address(&to) != 0;
}

/* Never waits: the loop calls it, and a manager that does not read must not hold it up. */
void service_manager_tell(const char *state)
{
    struct sockaddr_un to;
    socklen_t len = address(&to);
    if (len == 0)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t ignored =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, len);
    (void)ignored;
    close(fd);
}

void service_manager_tell_reloading(void)
{
    char state[80];
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic());
    service_manager_tell(state);
}

/* Decimal digits alone, above 0. */
static bool read_number(const char *text, long long *ret)
{
    char *end;
    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *ret > 0;
}

usec service_manager_watchdog(void)
{
    long long within;
    long long pid;
    const char *for_pid = getenv("WATCHDOG_PID");
    if (!service_manager_is_there() || !read_number(getenv("WATCHDOG_USEC"), &within))
        return 0;
    if (for_pid && (!read_number(for_pid, &pid) || pid != getpid()))
        return 0;
    return within;
}
