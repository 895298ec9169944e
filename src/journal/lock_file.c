#include "journal/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static long holder(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

/* Only for people: a full disk must not keep us from holding the lock. */
static void write_pid(int fd)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        errno = 0;
}

static enum rc refuse(int fd, const char *what, struct err *err)
{
    int why = errno;
    long pid = holder(fd);
    close(fd);
    if (why != EWOULDBLOCK)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "%s cannot be locked: %s", what, strerror(why));
    if (pid > 0)
        return err_set(err, RC_LOCKED, "%s is held by process %ld", what, pid);
    return err_set(err, RC_LOCKED, "%s is held by another process", what);
}

enum rc lock_file_take(const char *path, const char *what, int *ret_fd, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "%s cannot be opened: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return refuse(fd, what, err);
    write_pid(fd);
    *ret_fd = fd;
    return RC_OK;
}
