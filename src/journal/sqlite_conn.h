/*
 * sqlite_conn - connections to the database files of a data directory: opening, whose file it is, and
 * SQLite's failures as sentences. For the journal's engine and the read model.
 *
 * Inside the SQLite engine, RC_COMMIT_UNKNOWN stands for an I/O error, RC_STORAGE_UNAVAILABLE for what an
 * operator can end (disk full, read-only, cannot open); only append lets the difference out.
 *
 * Thread: any; a connection belongs to one thread at a time.
 */
#ifndef FAIRLEAD_JOURNAL_SQLITE_CONN_H
#define FAIRLEAD_JOURNAL_SQLITE_CONN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Where a database is. Shared by all its connections; never changes. */
struct sqlite_site {
    char *directory;
    char *path;
    char *wal_path; /* of its write-ahead log */
    char *shm_path;
    char *vfs; /* NULL: the system's */
};

MUST_CHECK enum rc sqlite_site_init(struct sqlite_site *site, const char *directory, const char *file_name,
                                    const char *vfs, struct err *err);
void sqlite_site_cleanup(struct sqlite_site *site);

/*
 * Makes the file before SQLite does, so that it (and with it the log, which takes its mode) is never readable
 * by others. Never opens one that exists: closing it again would drop the locks that SQLite holds on it in
 * this process. RC_STORAGE_UNAVAILABLE.
 */
MUST_CHECK enum rc sqlite_site_make_file(const struct sqlite_site *site, struct err *err);

/* The sentence and the code for an SQLite result. `doing`: "storing events". db may be NULL. */
enum rc sqlite_conn_fail(const struct sqlite_site *site, sqlite3 *db, int code, const char *doing,
                         struct err *err);

/* For what has no difference between the two: RC_COMMIT_UNKNOWN becomes RC_STORAGE_UNAVAILABLE. */
enum rc sqlite_conn_plain(enum rc rc);

/* Opens an existing file. */
MUST_CHECK enum rc sqlite_conn_open(const struct sqlite_site *site, bool read_only, sqlite3 **ret,
                                    struct err *err);

/*
 * Bounds the connection's page cache. To be called when the file has been read or made: SQLite 3.40 works the
 * limit out with the page size that it knows at that moment.
 */
MUST_CHECK enum rc sqlite_conn_limit_cache(const struct sqlite_site *site, sqlite3 *db, int kib,
                                           struct err *err);

/* What a file is to hold. Static. */
struct sqlite_schema {
    const char *what; /* "journal" */
    int application_id;
    int version;
    const char *sql;    /* makes the tables */
    const char *advice; /* what to do with one of an older version: the end of a sentence, or "" */
};

/*
 * Is it a file of this kind that this version understands? *ret_empty: nothing is in it yet. RC_CORRUPT:
 * another program's file, none of SQLite's, or an older version; RC_TOO_NEW.
 */
MUST_CHECK enum rc sqlite_conn_identify(const struct sqlite_site *site, sqlite3 *db,
                                        const struct sqlite_schema *schema, bool *ret_empty, struct err *err);

/* Makes the tables in an empty file, in one transaction. */
MUST_CHECK enum rc sqlite_conn_create(const struct sqlite_site *site, sqlite3 *db,
                                      const struct sqlite_schema *schema, struct err *err);

MUST_CHECK enum rc sqlite_conn_exec(const struct sqlite_site *site, sqlite3 *db, const char *sql,
                                    const char *doing, struct err *err);
MUST_CHECK enum rc sqlite_conn_prepare(const struct sqlite_site *site, sqlite3 *db, const char *sql,
                                       sqlite3_stmt **ret, struct err *err);
/* The first column of the first row as a number; 0 when there is none or it is NULL. */
MUST_CHECK enum rc sqlite_conn_number(const struct sqlite_site *site, sqlite3 *db, const char *sql,
                                      int64_t *ret, struct err *err);

#endif
