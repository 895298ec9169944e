#include "http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

/* "host:port" into two strings; brackets around an IPv6 address are taken off. */
static bool split_address(const char *address, char host[256], char port[16])
{
    const char *colon = strrchr(address, ':');
    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    size_t len = (size_t)(colon - address);
    if (len >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len)) {
        return false;
    }
    if (len == 0 || len > 255)
        return false;
    memcpy(host, address, len);
    host[len] = '\0';
    strcpy(port, colon + 1);
    return strtol(port, NULL, 10) <= 65535;
}

static void format_bound(int fd, struct buf *out)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[NI_MAXHOST] = "";
    char port[NI_MAXSERV] = "";
    getsockname(fd, (struct sockaddr *)&bound, &len);
    getnameinfo((struct sockaddr *)&bound, len, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    buf_addf(out, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int bind_one(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    if (fd < 0)
        return -1;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static enum rc bind_failed(const char *address, int error, struct err *err)
{
    if (error == EADDRINUSE)
        return err_set(err, RC_UNREACHABLE,
                       "%s is taken by another program; stop it or choose another port with --listen",
                       address);
    if (error == EACCES)
        return err_set(err, RC_UNREACHABLE, "%s needs more rights; choose a port above 1023 with --listen",
                       address);
    return err_set(err, RC_UNREACHABLE, "cannot listen on %s: %s", address, strerror(error));
}

static enum rc find_address(const char *address, struct addrinfo **ret, struct err *err)
{
    char host[256];
    char port[16];
    if (!split_address(address, host, port))
        return err_set(err, RC_USAGE,
                       "'%s' is no address to listen on; write ADDR:PORT, like 127.0.0.1:5000 or [::1]:5000",
                       address);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int status = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, port, &hints, ret);
    if (status == 0)
        return RC_OK;
    return err_set(err, RC_USAGE, "cannot find the address '%s' to listen on: %s", host,
                   gai_strerror(status));
}

enum rc listener_check(const char *address, struct err *err)
{
    struct addrinfo *found;
    enum rc rc = find_address(address, &found, err);
    if (rc == RC_OK)
        freeaddrinfo(found);
    return rc;
}

enum rc listener_open(const char *address, int *ret_fd, struct buf *ret_address, struct err *err)
{
    struct addrinfo *found;
    enum rc rc = find_address(address, &found, err);
    if (rc != RC_OK)
        return rc;
    int fd = -1;
    for (struct addrinfo *to = found; to && fd < 0; to = to->ai_next)
        fd = bind_one(to);
    int error = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return bind_failed(address, error, err);
    format_bound(fd, ret_address);
    *ret_fd = fd;
    return RC_OK;
}
