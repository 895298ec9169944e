#include "journal/named_locks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "journal/lock_file.h"

#define LOCK_NAME_MAX 80

struct named_lock {
    struct named_lock *next;
    int fd;
    char name[LOCK_NAME_MAX + 1];
};

static struct named_lock **find(struct named_locks *locks, const char *name)
{
    struct named_lock **at = &locks->first;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

/* "relay/s1" is the file lock-relay%2Fs1: one name, one file. */
static void lock_path(const char *directory, const char *name, struct buf *out)
{
    buf_addf(out, "%s/lock-", directory);
    for (const char *c = name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     *c == '_' || *c == '-';
        if (plain)
            buf_add_char(out, *c);
        else
            buf_addf(out, "%%%02X", (unsigned char)*c);
    }
}

enum rc named_locks_take(struct named_locks *locks, const char *directory, const char *name, struct err *err)
{
    if (strlen(name) > LOCK_NAME_MAX || !*name)
        return err_set(err, RC_BAD_PARAMETER, "a lock's name has 1 to %d bytes", LOCK_NAME_MAX);
    if (*find(locks, name))
        return RC_OK;
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    lock_path(directory, name, &path);
    struct named_lock *lock = calloc(1, sizeof *lock);
    if (!lock || buf_failed(&path)) {
        free(lock);
        return err_set(err, RC_NO_MEMORY, "no memory for a lock");
    }
    snprintf(lock->name, sizeof lock->name, "%s", name);
    enum rc rc = lock_file_take(buf_str(&path), name, &lock->fd, err);
    if (rc != RC_OK) {
        free(lock);
        return rc;
    }
    lock->next = locks->first;
    locks->first = lock;
    return RC_OK;
}

static void release(struct named_lock **at)
{
    struct named_lock *lock = *at;
    *at = lock->next;
    close(lock->fd);
    free(lock);
}

void named_locks_release(struct named_locks *locks, const char *name)
{
    struct named_lock **at = find(locks, name);
    if (*at)
        release(at);
}

void named_locks_cleanup(struct named_locks *locks)
{
    while (locks->first)
        release(&locks->first);
}
