#include "journal/sqlite_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define BUSY_TIMEOUT_MS 1000

enum rc sqlite_site_init(struct sqlite_site *site, const char *directory, const char *file_name,
                         const char *vfs, struct err *err)
{
    *site = (struct sqlite_site){.directory = strdup(directory), .vfs = vfs ? strdup(vfs) : NULL};
    if (site->directory && asprintf(&site->path, "%s/%s", directory, file_name) >= 0 &&
        asprintf(&site->wal_path, "%s-wal", site->path) >= 0 &&
        asprintf(&site->shm_path, "%s-shm", site->path) >= 0 && (!vfs || site->vfs))
        return RC_OK;
    sqlite_site_cleanup(site);
    return err_set(err, RC_NO_MEMORY, "no memory for %s", file_name);
}

void sqlite_site_cleanup(struct sqlite_site *site)
{
    free(site->directory);
    free(site->path);
    free(site->wal_path);
    free(site->shm_path);
    free(site->vfs);
    *site = (struct sqlite_site){0};
}

enum rc sqlite_site_make_file(const struct sqlite_site *site, struct err *err)
{
    int fd = open(site->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "%s cannot be made: %s", site->path, strerror(errno));
    return RC_OK;
}

static bool is_full(sqlite3 *db, int code)
{
    if ((code & 0xFF) == SQLITE_FULL)
        return true;
    int system = db ? sqlite3_system_errno(db) : 0;
    /* A quota is an I/O error to SQLite. A failed fsync is left alone: then nobody knows what is on disk. */
    return (code & 0xFF) == SQLITE_IOERR && code != SQLITE_IOERR_FSYNC &&
           (system == ENOSPC || system == EDQUOT);
}

static enum rc fail_io(const struct sqlite_site *site, sqlite3 *db, int code, const char *doing,
                       struct err *err)
{
    int system = db ? sqlite3_system_errno(db) : 0;
    return err_set(err, RC_COMMIT_UNKNOWN,
                   "I/O error in %s while %s (%s, SQLite code %d): check the disk and the kernel log",
                   site->directory, doing, system ? strerror(system) : sqlite3_errstr(code), code);
}

enum rc sqlite_conn_fail(const struct sqlite_site *site, sqlite3 *db, int code, const char *doing,
                         struct err *err)
{
    if (is_full(db, code))
        return err_set(err, RC_STORAGE_UNAVAILABLE, "the disk is full in %s while %s: make room",
                       site->directory, doing);
    switch (code & 0xFF) {
    case SQLITE_IOERR:
        return fail_io(site, db, code, doing, err);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return err_set(err, RC_STORAGE_UNAVAILABLE, "%s is read-only (while %s): check permissions and mount",
                       site->path, doing);
    case SQLITE_CANTOPEN:
        return err_set(
            err, RC_STORAGE_UNAVAILABLE,
            "%s or its log cannot be opened (while %s): check permissions, space and the limit of open files",
            site->path, doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return err_set(err, RC_STORAGE_UNAVAILABLE, "another program has locked %s (while %s)", site->path,
                       doing);
    case SQLITE_NOTADB:
        return err_set(err, RC_CORRUPT, "%s is not a database of Fairlead", site->path);
    case SQLITE_CORRUPT:
        return err_set(err, RC_CORRUPT, "%s is damaged (found while %s): run `fairlead doctor`", site->path,
                       doing);
    case SQLITE_NOMEM:
        return err_set(err, RC_NO_MEMORY, "memory ran out while %s", doing);
    default:
        return err_set(err, RC_INTERNAL, "SQLite failed while %s: %s (code %d)", doing,
                       db ? sqlite3_errmsg(db) : sqlite3_errstr(code), code);
    }
}

enum rc sqlite_conn_plain(enum rc rc)
{
    return rc == RC_COMMIT_UNKNOWN ? RC_STORAGE_UNAVAILABLE : rc;
}

/*
 * A directory that cannot be written (a backup on a read-only mount) has no room for the shared memory that
 * WAL readers need. Without a write-ahead log the file alone is everything and nobody changes it: "immutable"
 * says so.
 */
static bool is_frozen(const struct sqlite_site *site)
{
    struct stat wal;
    return access(site->directory, W_OK) != 0 && (stat(site->wal_path, &wal) != 0 || wal.st_size == 0);
}

static void frozen_uri(const struct sqlite_site *site, struct buf *out)
{
    buf_add_str(out, "file:");
    for (const char *c = site->path; *c; c++) {
        if (strchr("?#%", *c))
            buf_addf(out, "%%%02X", (unsigned char)*c);
        else
            buf_add_char(out, *c);
    }
    buf_add_str(out, "?immutable=1");
}

/*
 * SQLite counts what it allocates under one mutex for all threads: receiving and following the journal would
 * wait for each other thousands of times a second. Too late when somebody else has begun to use SQLite; it
 * then only costs time.
 */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum rc sqlite_conn_open(const struct sqlite_site *site, bool read_only, sqlite3 **ret, struct err *err)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    CLEANUP(buf_cleanup) struct buf uri = BUF_INIT;
    const char *name = site->path;
    /* One thread at a time uses a connection: no mutex of SQLite's own. */
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    if (read_only && is_frozen(site)) {
        frozen_uri(site, &uri);
        if (buf_failed(&uri))
            return err_set(err, RC_NO_MEMORY, "no memory for %s", site->path);
        name = buf_str(&uri);
        flags |= SQLITE_OPEN_URI;
    }
    sqlite3 *db = NULL;
    pthread_once(&configured, configure);
    int code = sqlite3_open_v2(name, &db, flags, site->vfs);
    if (code != SQLITE_OK) {
        enum rc rc = sqlite_conn_fail(site, db, code, "opening a database", err);
        sqlite3_close(db);
        return rc;
    }
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    *ret = db;
    return RC_OK;
}

enum rc sqlite_conn_identify(const struct sqlite_site *site, sqlite3 *db, const struct sqlite_schema *schema,
                             bool *ret_empty, struct err *err)
{
    int64_t tables, id, version;
    enum rc rc = sqlite_conn_number(site, db, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc == RC_OK)
        rc = sqlite_conn_number(site, db, "PRAGMA application_id", &id, err);
    if (rc == RC_OK)
        rc = sqlite_conn_number(site, db, "PRAGMA user_version", &version, err);
    if (rc != RC_OK)
        return rc;
    *ret_empty = tables == 0 && id == 0 && version == 0;
    if (*ret_empty)
        return RC_OK;
    if (id != schema->application_id)
        return err_set(err, RC_CORRUPT, "%s is not a %s of Fairlead but another program's file", site->path,
                       schema->what);
    if (version > schema->version)
        return err_set(err, RC_TOO_NEW,
                       "%s has version %lld and this Fairlead knows version %d: install a newer one",
                       site->path, (long long)version, schema->version);
    if (version < schema->version)
        return err_set(err, RC_CORRUPT, "%s is of a Fairlead before the first release%s", site->path,
                       schema->advice);
    return RC_OK;
}

enum rc sqlite_conn_limit_cache(const struct sqlite_site *site, sqlite3 *db, int kib, struct err *err)
{
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA cache_size=-%d", kib);
    return sqlite_conn_exec(site, db, pragma, "opening a database", err);
}

enum rc sqlite_conn_create(const struct sqlite_site *site, sqlite3 *db, const struct sqlite_schema *schema,
                           struct err *err)
{
    char finish[96];
    snprintf(finish, sizeof finish, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             schema->application_id, schema->version);
    enum rc rc = sqlite_conn_exec(site, db, "BEGIN IMMEDIATE", "making a database", err);
    if (rc == RC_OK)
        rc = sqlite_conn_exec(site, db, schema->sql, "making a database", err);
    if (rc == RC_OK)
        rc = sqlite_conn_exec(site, db, finish, "making a database", err);
    return rc;
}

enum rc sqlite_conn_exec(const struct sqlite_site *site, sqlite3 *db, const char *sql, const char *doing,
                         struct err *err)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? RC_OK : sqlite_conn_fail(site, db, code, doing, err);
}

enum rc sqlite_conn_prepare(const struct sqlite_site *site, sqlite3 *db, const char *sql, sqlite3_stmt **ret,
                            struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code != SQLITE_OK)
        return sqlite_conn_fail(site, db, code, "opening a database", err);
    *ret = statement;
    return RC_OK;
}

enum rc sqlite_conn_number(const struct sqlite_site *site, sqlite3 *db, const char *sql, int64_t *ret,
                           struct err *err)
{
    sqlite3_stmt *statement = NULL;
    enum rc rc = sqlite_conn_prepare(site, db, sql, &statement, err);
    if (rc != RC_OK)
        return rc;
    int code = sqlite3_step(statement);
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        rc = sqlite_conn_fail(site, db, code, "reading", err);
    sqlite3_finalize(statement);
    if (rc == RC_OK)
        *ret = number;
    return rc;
}
