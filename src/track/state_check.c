#include "track/state_check.h"

#include <string.h>
#include <unistd.h>

#include "track/state.h"

/* The lines before it say where, the last one says what. */
static const char *last_line(const char *text)
{
    const char *newline = text ? strrchr(text, '\n') : NULL;
    return newline ? newline + 1 : text ? text : "no answer";
}

static enum rc quick_check(const struct sqlite_site *site, sqlite3 *db, struct err *err)
{
    sqlite3_stmt *rows = NULL;
    enum rc rc = sqlite_conn_prepare(site, db, "PRAGMA quick_check(1)", &rows, err);
    if (rc)
        return rc;
    int code = sqlite3_step(rows);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(rows, 0) : NULL;
    if (code != SQLITE_ROW)
        rc = sqlite_conn_fail(site, db, code, "checking the read model", err);
    else if (!text || strcmp(text, "ok") != 0)
        rc = err_set(err, RC_CORRUPT, "%s is damaged: %s", site->path, last_line(text));
    sqlite3_finalize(rows);
    return rc;
}

static enum rc examine(const struct sqlite_site *site, sqlite3 *db, struct state_report *ret, struct err *err)
{
    bool empty;
    int64_t position = 0;
    int64_t slow = 0;
    int64_t abandoned = 0;
    enum rc rc = sqlite_conn_identify(site, db, &STATE_SCHEMA, &empty, err);
    if (rc == RC_OK && empty)
        rc = err_set(err, RC_NOT_FOUND, "nothing is in it yet");
    if (rc == RC_OK)
        rc = quick_check(site, db, err);
    if (rc == RC_OK)
        rc = sqlite_conn_number(site, db, "SELECT value FROM meta WHERE key = 'position'", &position, err);
    if (rc == RC_OK)
        rc = sqlite_conn_number(site, db, "SELECT value FROM meta WHERE key = 'slow_after'", &slow, err);
    if (rc == RC_OK)
        rc = sqlite_conn_number(site, db, "SELECT value FROM meta WHERE key = 'abandoned_after'", &abandoned,
                                err);
    if (rc == RC_OK)
        *ret = (struct state_report){(uint64_t)position, {slow, abandoned}};
    return rc;
}

enum rc state_check(const char *directory, struct state_report *ret, struct err *err)
{
    struct sqlite_site site;
    sqlite3 *db = NULL;
    enum rc rc = sqlite_site_init(&site, directory, STATE_FILE, NULL, err);
    if (rc)
        return rc;
    if (access(site.path, F_OK) != 0)
        rc = err_set(err, RC_NOT_FOUND, "there is no %s", site.path);
    if (rc == RC_OK)
        rc = sqlite_conn_open(&site, true, &db, err);
    if (rc == RC_OK)
        rc = examine(&site, db, ret, err);
    sqlite3_close(db);
    sqlite_site_cleanup(&site);
    return sqlite_conn_plain(rc);
}
