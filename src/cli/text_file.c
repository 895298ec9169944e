#include "cli/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CHUNK ((size_t)64 * 1024)

static enum rc read_all(int fd, const char *name, struct buf *out, struct err *err)
{
    for (;;) {
        size_t want = CHUNK;
        if (out->limit && out->len + want > out->limit)
            want = out->limit - out->len;
        char *to = buf_reserve(out, want ? want : 1);
        if (!to)
            return err_set(err, RC_USAGE, "%s is larger than %zu bytes", name, out->limit);
        ssize_t n = read(fd, to, want ? want : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, RC_USAGE, "cannot read %s: %s", name, strerror(errno));
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    out->ptr[out->len] = '\0';
    return RC_OK;
}

enum rc text_file_read(const char *name, struct buf *out, struct err *err)
{
    if (strcmp(name, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", out, err);
    CLEANUP(cleanup_fd) int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? RC_NOT_FOUND : RC_USAGE, "cannot read %s: %s", name,
                       strerror(errno));
    return read_all(fd, name, out, err);
}
