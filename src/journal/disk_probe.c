#include "journal/disk_probe.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define PROBE_BYTES 65536

/* Through SQLite's own file layer, so that it meets what a commit meets. */
static int write_probe(sqlite3_vfs *vfs, const char *path, sqlite3_file *file)
{
    /* Removed as soon as it is open: nothing stays behind after a crash, and two probes do not meet. */
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_SUPER_JOURNAL;
    char *block = calloc(1, PROBE_BYTES);
    if (!block)
        return SQLITE_NOMEM;
    int code = vfs->xOpen(vfs, path, file, flags, NULL);
    if (code == SQLITE_OK)
        code = file->pMethods->xWrite(file, block, PROBE_BYTES, 0);
    if (code == SQLITE_OK)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (file->pMethods)
        file->pMethods->xClose(file);
    free(block);
    return code;
}

enum rc disk_probe(const struct sqlite_site *site, struct err *err)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(site->vfs);
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    buf_addf(&path, "%s/probe", site->directory);
    buf_add_fill(&path, '\0', 2); /* a name for xOpen ends like an SQLite URI */
    sqlite3_file *file = vfs ? calloc(1, (size_t)vfs->szOsFile) : NULL;
    if (!file || buf_failed(&path)) {
        free(file);
        return err_set(err, RC_NO_MEMORY, "no memory for a probe of the disk");
    }
    int code = write_probe(vfs, buf_str(&path), file);
    free(file);
    return code == SQLITE_OK ? RC_OK
                             : sqlite_conn_plain(sqlite_conn_fail(site, NULL, code, "probing the disk", err));
}
