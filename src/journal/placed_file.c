#include "journal/placed_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum rc placed_file_remember(struct placed_file *file, const char *path, struct err *err)
{
    struct stat now;
    if (stat(path, &now) != 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "%s is gone: %s", path, strerror(errno));
    file->device = now.st_dev;
    file->inode = now.st_ino;
    return RC_OK;
}

bool placed_file_is_there(const struct placed_file *file, const char *path)
{
    struct stat now;
    return stat(path, &now) == 0 && now.st_dev == file->device && now.st_ino == file->inode;
}
