#include "cli/remote.h"

#include <string.h>

/* Bytes up to the end of "http://HOST:PORT". */
static size_t origin_length(const char *base)
{
    const char *scheme_end = strstr(base, "://");
    const char *host = scheme_end ? scheme_end + 3 : base;
    return (size_t)(host - base) + strcspn(host, "/?#");
}

void remote_url(const char *base, const char *path, const char *fallback, struct buf *out)
{
    size_t origin = origin_length(base);
    const char *own = base + origin;
    if (!path && own[0] && strcmp(own, "/") != 0) {
        buf_add_str(out, base);
        return;
    }
    path = path ? path : fallback;
    buf_add(out, base, origin);
    if (path[0] != '/')
        buf_add_char(out, '/');
    buf_add_str(out, path);
}

void remote_url_of_listener(const char *listen, bool tls, struct buf *out)
{
    static const char *const WILDCARDS[][2] = {
        {"0.0.0.0:", "127.0.0.1:"}, {"*:", "127.0.0.1:"}, {"[::]:", "[::1]:"}};
    buf_add_str(out, tls ? "https://" : "http://");
    for (size_t i = 0; i < sizeof WILDCARDS / sizeof *WILDCARDS; i++) {
        size_t len = strlen(WILDCARDS[i][0]);
        if (strncmp(listen, WILDCARDS[i][0], len) == 0) {
            buf_add_str(out, WILDCARDS[i][1]);
            buf_add_str(out, listen + len);
            return;
        }
    }
    buf_add_str(out, listen);
}
