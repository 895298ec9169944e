#include "cli/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/base64.h"

enum { TOKEN_RANDOM_BYTES = 32, TOKEN_MIN = 16, TOKEN_MAX = 256 };

static enum rc cannot_make(const char *path, int cause, struct err *err)
{
    const char *advice = cause == EACCES || cause == EPERM
                             ? "; choose another with --data or change its owner"
                         : cause == EROFS                      ? "; choose another with --data"
                         : cause == ENOTDIR || cause == EEXIST ? "; a file of that name stands in the way"
                                                               : "";
    return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot make directory %s: %s%s", path, strerror(cause),
                   advice);
}

static enum rc check_directory(const char *path, struct err *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return cannot_make(path, EEXIST, err);
    return RC_OK;
}

static enum rc make_one(const char *path, struct err *err)
{
    if (mkdir(path, 0700) == 0)
        return RC_OK;
    if (errno == EEXIST)
        return check_directory(path, err);
    return cannot_make(path, errno, err);
}

enum rc datadir_make(const char *directory, struct err *err)
{
    struct stat info;
    char path[PATH_MAX];
    size_t len = strlen(directory);
    if (len == 0 || len >= sizeof path)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "the name of the data directory is %s",
                       len ? "too long" : "empty; give one with --data");
    if (stat(directory, &info) == 0)
        return check_directory(directory, err);
    memcpy(path, directory, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char was = path[i];
        path[i] = '\0';
        enum rc rc = make_one(path, err);
        if (rc)
            return rc;
        path[i] = was;
    }
    return RC_OK;
}

/* The token file. */

static enum rc token_path(const char *directory, const char *suffix, char out[PATH_MAX], struct err *err)
{
    int n = snprintf(out, PATH_MAX, "%s/admin-token%s", directory, suffix);
    if (n < 0 || n >= PATH_MAX)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "the name of the data directory is too long");
    return RC_OK;
}

static enum rc read_token(const char *path, struct buf *out, struct err *err)
{
    char text[TOKEN_MAX + 2];
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(err, RC_NOT_FOUND, "there is no token file %s; fairlead serve makes it", path);
    if (fd < 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot read %s: %s", path, strerror(errno));
    ssize_t n = read(fd, text, sizeof text);
    if (n < 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot read %s: %s", path, strerror(errno));
    size_t len = (size_t)n;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    bool good = len >= TOKEN_MIN && len <= TOKEN_MAX;
    for (size_t i = 0; good && i < len; i++)
        good = text[i] > 0x20 && text[i] < 0x7F;
    if (!good)
        return err_set(err, RC_CORRUPT,
                       "%s holds no token: it must be one line of %d to %d printable ASCII characters; "
                       "remove the file to have a new one made",
                       path, TOKEN_MIN, TOKEN_MAX);
    buf_add(out, text, len);
    return buf_failed(out) ? err_set(err, RC_NO_MEMORY, "out of memory") : RC_OK;
}

static enum rc random_token(struct buf *out, struct err *err)
{
    char bytes[TOKEN_RANDOM_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return err_set(err, RC_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
    size_t start = out->len;
    base64_encode(slice_of(bytes, sizeof bytes), out);
    if (buf_failed(out))
        return err_set(err, RC_NO_MEMORY, "out of memory");
    /* base64url, RFC 4648 section 5, without padding: the token also travels in a URL. */
    for (size_t i = start; i < out->len; i++) {
        char *c = &out->ptr[i];
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    }
    while (out->len > start && out->ptr[out->len - 1] == '=')
        out->ptr[--out->len] = '\0';
    return RC_OK;
}

/* Whole or not at all: written beside, then linked, which fails when another process was first. */
static enum rc write_token(const char *directory, const char *path, struct slice token, struct err *err)
{
    char suffix[32];
    char temporary[PATH_MAX];
    snprintf(suffix, sizeof suffix, ".%ld", (long)getpid());
    enum rc rc = token_path(directory, suffix, temporary, err);
    if (rc)
        return rc;
    (void)unlink(temporary);
    CLEANUP(cleanup_fd) int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot make %s: %s", temporary, strerror(errno));
    CLEANUP(buf_cleanup) struct buf line = BUF_INIT;
    buf_add_slice(&line, token);
    buf_add_char(&line, '\n');
    bool good = !buf_failed(&line) && write(fd, line.ptr, line.len) == (ssize_t)line.len && fsync(fd) == 0;
    if (good && link(temporary, path) != 0)
        good = errno == EEXIST || ((errno == EPERM || errno == EOPNOTSUPP) && rename(temporary, path) == 0);
    if (!good)
        rc = err_set(err, RC_STORAGE_UNAVAILABLE, "cannot write %s: %s", path, strerror(errno));
    (void)unlink(temporary);
    return rc;
}

static enum rc make_token(const char *directory, const char *path, struct buf *out, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
    enum rc rc = random_token(&token, err);
    if (rc == RC_OK)
        rc = write_token(directory, path, buf_slice(&token), err);
    /* Read back rather than returned: another process may have been first. */
    return rc ? rc : read_token(path, out, err);
}

enum rc datadir_token(const char *directory, bool create, struct buf *out, bool *ret_created, struct err *err)
{
    char path[PATH_MAX];
    enum rc rc = token_path(directory, "", path, err);
    if (rc)
        return rc;
    rc = read_token(path, out, err);
    bool created = rc == RC_NOT_FOUND && create;
    if (created)
        rc = make_token(directory, path, out, err);
    if (rc == RC_OK && ret_created)
        *ret_created = created;
    return rc;
}
