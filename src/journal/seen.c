#include "journal/seen.h"

#include <endian.h>
#include <string.h>

struct seen_row seen_read(sqlite3_stmt *row)
{
    return (struct seen_row){
        .first_seq = (uint64_t)sqlite3_column_int64(row, 0),
        .at = sqlite3_column_int64(row, 1),
        .prints = sqlite3_column_blob(row, 2),
        .count = (size_t)sqlite3_column_bytes(row, 2) / sizeof(uint64_t),
    };
}

bool seen_slot(const struct seen_row *row, size_t i, struct window_slot *ret)
{
    uint64_t print;
    memcpy(&print, row->prints + i * sizeof print, sizeof print);
    *ret = (struct window_slot){le64toh(print), row->first_seq + i};
    return print != 0;
}

static int add_row_to_window(struct window *window, const struct seen_row *row)
{
    struct window_slot slot;
    for (size_t i = 0; i < row->count; i++)
        if (seen_slot(row, i, &slot) && !window_add(window, slot.fingerprint, slot.seq))
            return SQLITE_NOMEM;
    return SQLITE_OK;
}

/* A start leaves rows out, always whole ones. */
bool seen_is_in_window(const struct window *window, const struct seen_row *row)
{
    struct window_slot slot;
    for (size_t i = 0; i < row->count; i++)
        if (seen_slot(row, i, &slot))
            return window_has(window, slot.fingerprint, slot.seq);
    return false;
}

/* The newest keys first, so that the limit leaves out the oldest. */
static int add_rows_to_window(const struct seen_rules *rules, sqlite3_stmt *rows, struct window *window)
{
    usec newest = clock_wall(); /* or the time of the newest row: a clock that is wrong forgets nothing */
    int code;
    for (bool first = true; (code = sqlite3_step(rows)) == SQLITE_ROW; first = false) {
        struct seen_row row = seen_read(rows);
        newest = first && row.at < newest ? row.at : newest;
        if (window->count >= rules->max_keys)
            break;
        if (row.at < newest - rules->window)
            continue;
        int added = add_row_to_window(window, &row);
        if (added != SQLITE_OK)
            return added;
    }
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

uint64_t seen_print(uint64_t fingerprint)
{
    return fingerprint ? fingerprint : 1;
}

/* The keys of the records themselves, also of those that were forgotten long ago. */
static int add_records_to_window(const struct seen_rules *rules, sqlite3_stmt *rows, struct window *window)
{
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW && window->count < rules->max_keys) {
        bool hashed = sqlite3_column_type(rows, 1) == SQLITE_BLOB;
        const void *bytes = sqlite3_column_blob(rows, 1);
        struct slice key = slice_of(bytes, (size_t)sqlite3_column_bytes(rows, 1));
        uint64_t print = seen_print(rules->fingerprint_of(hashed, key));
        if (!window_add(window, print, (uint64_t)sqlite3_column_int64(rows, 0)))
            return SQLITE_NOMEM;
    }
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* What is read differs when the window is made from the records themselves. */
struct source {
    const char *rows;
    const char *span; /* about how many keys there are, from the ends of the range: costs no second scan */
    int (*add)(const struct seen_rules *rules, sqlite3_stmt *rows, struct window *window);
};

static const struct source SEEN = {
    "SELECT first_seq, at, prints FROM seen ORDER BY first_seq DESC",
    "SELECT (SELECT max(first_seq) FROM seen) - (SELECT min(first_seq) FROM seen) + 1",
    add_rows_to_window,
};
static const struct source RECORDS = {
    "SELECT seq, key FROM record WHERE key IS NOT NULL ORDER BY seq DESC",
    "SELECT (SELECT max(seq) FROM record) - (SELECT min(seq) FROM record) + 1",
    add_records_to_window,
};

static enum rc load(const struct sqlite_site *site, sqlite3 *db, const struct seen_rules *rules,
                    struct window *window, struct err *err)
{
    const struct source *source = rules->fingerprint_of ? &RECORDS : &SEEN;
    sqlite3_stmt *rows = NULL;
    int64_t span = 0;
    enum rc rc = sqlite_conn_number(site, db, source->span, &span, err);
    if (rc != RC_OK)
        return rc;
    uint64_t keys = (uint64_t)span < rules->max_keys ? (uint64_t)span : rules->max_keys;
    if (!window_reserve(window, (size_t)keys))
        return err_set(err, RC_NO_MEMORY, "no memory for the dedupe window");
    rc = sqlite_conn_prepare(site, db, source->rows, &rows, err);
    if (rc != RC_OK)
        return rc;
    int code = source->add(rules, rows, window);
    if (code != SQLITE_OK)
        rc = sqlite_conn_fail(site, db, code, "loading the dedupe window", err);
    sqlite3_finalize(rows);
    return rc;
}

enum rc seen_load(const struct sqlite_site *site, sqlite3 *db, const struct seen_rules *rules,
                  struct window *ret, struct err *err)
{
    struct window window;
    window_init(&window);
    enum rc rc = load(site, db, rules, &window, err);
    if (rc == RC_OK)
        *ret = window;
    else
        window_cleanup(&window);
    return rc;
}
