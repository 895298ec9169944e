#include "journal/sqlite_readers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "journal/journal_schema.h"

#define READER_CACHE_KIB 512
#define READERS_KEPT     4
#define PIECE_MAX_ROWS   256
#define PIECE_MAX_BYTES  ((size_t)512 * 1024)
#define PIECE_KEPT_BYTES ((size_t)2 * 1024 * 1024)

enum reader_query { QUERY_READ, QUERY_PICK, QUERY_FIRST, QUERY_LAST, QUERY_COUNT };

#define SELECT_RECORDS                                                                                       \
    "SELECT seq, kind, at, key, coalesce(text, head), body FROM record LEFT JOIN head ON id = head "

static const char *const QUERIES[QUERY_COUNT] = {
    [QUERY_READ] = SELECT_RECORDS "WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    [QUERY_PICK] = SELECT_RECORDS "WHERE seq = ?1",
    [QUERY_FIRST] = "SELECT min(seq) FROM record",
    [QUERY_LAST] = "SELECT max(seq) FROM record",
};

/* A row in the piece: lengths are in the record, the bytes stand at `at` one after the other. */
struct piece_row {
    struct record record;
    size_t at;
};

struct reader {
    struct reader *next;
    sqlite3 *db;
    sqlite3_stmt *queries[QUERY_COUNT];
    struct buf bytes;
    struct piece_row rows[PIECE_MAX_ROWS];
    size_t row_count;
};

struct sqlite_readers {
    const struct sqlite_site *site;
    pthread_mutex_t mutex; /* guards the rest */
    struct reader *idle;
    size_t idle_count;
};

static void reader_free(struct reader *reader)
{
    for (int i = 0; i < QUERY_COUNT; i++)
        sqlite3_finalize(reader->queries[i]);
    sqlite3_close(reader->db);
    buf_cleanup(&reader->bytes);
    free(reader);
}

static enum rc prepare_all(const struct sqlite_site *site, struct reader *reader, struct err *err)
{
    bool empty;
    enum rc rc = sqlite_conn_identify(site, reader->db, &JOURNAL_SCHEMA, &empty, err);
    if (rc == RC_OK && empty)
        rc = err_set(err, RC_NOT_FOUND, "there is no journal in %s yet", site->directory);
    if (rc == RC_OK)
        rc = sqlite_conn_limit_cache(site, reader->db, READER_CACHE_KIB, err);
    for (int i = 0; rc == RC_OK && i < QUERY_COUNT; i++)
        rc = sqlite_conn_prepare(site, reader->db, QUERIES[i], &reader->queries[i], err);
    return rc;
}

static enum rc reader_new(const struct sqlite_site *site, struct reader **ret, struct err *err)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return err_set(err, RC_NO_MEMORY, "no memory for reading the journal");
    enum rc rc = sqlite_conn_open(site, true, &reader->db, err);
    if (rc == RC_OK)
        rc = prepare_all(site, reader, err);
    if (rc != RC_OK) {
        reader_free(reader);
        return rc;
    }
    *ret = reader;
    return RC_OK;
}

static enum rc take(struct sqlite_readers *readers, struct reader **ret, struct err *err)
{
    pthread_mutex_lock(&readers->mutex);
    struct reader *reader = readers->idle;
    if (reader) {
        readers->idle = reader->next;
        readers->idle_count--;
    }
    pthread_mutex_unlock(&readers->mutex);
    if (!reader)
        return reader_new(readers->site, ret, err);
    *ret = reader;
    return RC_OK;
}

/* A connection that failed is not used again: the next one starts from what is on disk. */
static void give_back(struct sqlite_readers *readers, struct reader *reader, bool failed)
{
    if (reader->bytes.capacity > PIECE_KEPT_BYTES)
        buf_cleanup(&reader->bytes);
    pthread_mutex_lock(&readers->mutex);
    bool keep = !failed && readers->idle_count < READERS_KEPT;
    if (keep) {
        reader->next = readers->idle;
        readers->idle = reader;
        readers->idle_count++;
    }
    pthread_mutex_unlock(&readers->mutex);
    if (!keep)
        reader_free(reader);
}

enum rc sqlite_readers_open(const struct sqlite_site *site, struct sqlite_readers **ret, struct err *err)
{
    struct sqlite_readers *readers = calloc(1, sizeof *readers);
    if (!readers)
        return err_set(err, RC_NO_MEMORY, "no memory for reading the journal");
    readers->site = site;
    struct reader *reader = NULL;
    enum rc rc = reader_new(site, &reader, err);
    if (rc != RC_OK) {
        free(readers);
        return rc;
    }
    assert(reader);
    pthread_mutex_init(&readers->mutex, NULL);
    give_back(readers, reader, false);
    *ret = readers;
    return RC_OK;
}

void sqlite_readers_close(struct sqlite_readers *readers)
{
    if (!readers)
        return;
    while (readers->idle) {
        struct reader *reader = readers->idle;
        readers->idle = reader->next;
        reader_free(reader);
    }
    pthread_mutex_destroy(&readers->mutex);
    free(readers);
}

/* Copies a column; {NULL, len} tells a present value from an absent one until point_into() knows where it
 * stands. */
static bool copy_column(struct reader *reader, sqlite3_stmt *query, int column, struct slice *ret_length)
{
    if (sqlite3_column_type(query, column) == SQLITE_NULL)
        return false;
    const void *bytes = sqlite3_column_blob(query, column);
    int len = sqlite3_column_bytes(query, column);
    buf_add(&reader->bytes, bytes ? bytes : "", (size_t)len);
    *ret_length = slice_of("", (size_t)len);
    return true;
}

static void copy_row(struct reader *reader, sqlite3_stmt *query)
{
    struct piece_row *row = &reader->rows[reader->row_count++];
    row->at = reader->bytes.len;
    row->record = (struct record){
        .seq = (uint64_t)sqlite3_column_int64(query, 0),
        .kind = (enum record_kind)sqlite3_column_int(query, 1),
        .received_at = sqlite3_column_int64(query, 2),
        .key_hashed = sqlite3_column_type(query, 3) == SQLITE_BLOB,
    };
    copy_column(reader, query, 3, &row->record.key);
    copy_column(reader, query, 4, &row->record.head);
    copy_column(reader, query, 5, &row->record.body);
}

static const char *place(struct slice *slice, const char *at)
{
    if (!slice->ptr)
        return at;
    slice->ptr = at;
    return at + slice->len;
}

/* The bytes have stopped moving: let the slices point at them. */
static void point_into(struct reader *reader)
{
    for (size_t i = 0; i < reader->row_count; i++) {
        struct record *record = &reader->rows[i].record;
        const char *at = buf_str(&reader->bytes) + reader->rows[i].at;
        at = place(&record->key, at);
        at = place(&record->head, at);
        place(&record->body, at);
    }
}

static void begin_piece(struct reader *reader)
{
    reader->row_count = 0;
    buf_clear(&reader->bytes);
}

static bool is_piece(const struct reader *reader)
{
    return reader->row_count == PIECE_MAX_ROWS || reader->bytes.len >= PIECE_MAX_BYTES;
}

/* code: SQLITE_OK, or what has failed. */
static enum rc end_piece(const struct sqlite_site *site, struct reader *reader, int code, struct err *err)
{
    point_into(reader);
    if (code != SQLITE_OK)
        return sqlite_conn_fail(site, reader->db, code, "reading the journal", err);
    if (buf_failed(&reader->bytes))
        return err_set(err, RC_NO_MEMORY, "no memory for reading the journal");
    return RC_OK;
}

/* The next piece, in one read transaction that ends before this returns. */
static enum rc fetch(const struct sqlite_site *site, struct reader *reader, uint64_t after_seq, size_t max,
                     struct err *err)
{
    sqlite3_stmt *query = reader->queries[QUERY_READ];
    size_t limit = max < PIECE_MAX_ROWS ? max : PIECE_MAX_ROWS;
    begin_piece(reader);
    sqlite3_bind_int64(query, 1, (sqlite3_int64)after_seq);
    sqlite3_bind_int64(query, 2, (sqlite3_int64)limit);
    while (reader->row_count < limit && !is_piece(reader) && sqlite3_step(query) == SQLITE_ROW)
        copy_row(reader, query);
    return end_piece(site, reader, sqlite3_reset(query), err);
}

/* The same of records that need not follow each other; *ret_count numbers are done with. */
static enum rc fetch_picked(const struct sqlite_site *site, struct reader *reader, const uint64_t *seqs,
                            size_t count, size_t *ret_count, struct err *err)
{
    sqlite3_stmt *query = reader->queries[QUERY_PICK];
    begin_piece(reader);
    *ret_count = 0;
    enum rc rc = sqlite_conn_exec(site, reader->db, "BEGIN", "reading the journal", err);
    if (rc != RC_OK)
        return rc;
    int code = SQLITE_OK;
    while (*ret_count < count && code == SQLITE_OK && !is_piece(reader)) {
        sqlite3_bind_int64(query, 1, (sqlite3_int64)seqs[(*ret_count)++]);
        if (sqlite3_step(query) == SQLITE_ROW)
            copy_row(reader, query);
        code = sqlite3_reset(query);
    }
    rc = end_piece(site, reader, code, err);
    if (rc == RC_OK)
        rc = sqlite_conn_exec(site, reader->db, "COMMIT", "reading the journal", err);
    return rc;
}

/* Hands the piece to fn. false: stop here. */
static bool deliver(const struct reader *reader, record_fn fn, void *arg, uint64_t *last)
{
    for (size_t i = 0; i < reader->row_count; i++) {
        *last = reader->rows[i].record.seq;
        if (!fn(arg, &reader->rows[i].record))
            return false;
    }
    return true;
}

static enum rc check_gaps(const struct sqlite_site *site, const struct reader *reader, struct err *err)
{
    for (size_t i = 1; i < reader->row_count; i++) {
        uint64_t want = reader->rows[i - 1].record.seq + 1;
        if (reader->rows[i].record.seq != want)
            return err_set(err, RC_CORRUPT, "%s is damaged: record %llu is missing", site->path,
                           (unsigned long long)want);
    }
    return RC_OK;
}

enum rc sqlite_readers_read(struct sqlite_readers *readers, uint64_t after_seq, size_t max, record_fn fn,
                            void *arg, uint64_t *ret_last, struct err *err)
{
    struct reader *reader = NULL;
    uint64_t last = after_seq;
    if (after_seq >= INT64_MAX || max == 0) {
        *ret_last = after_seq;
        return RC_OK;
    }
    enum rc rc = take(readers, &reader, err);
    if (rc != RC_OK)
        return rc;
    assert(reader);
    size_t delivered = 0;
    bool more = true;
    while (more && delivered < max) {
        rc = fetch(readers->site, reader, last, max - delivered, err);
        if (rc == RC_OK)
            rc = check_gaps(readers->site, reader, err);
        if (rc != RC_OK || reader->row_count == 0)
            break;
        /* Trimmed between two pieces: the next call starts anew, so that one call never shows a gap. */
        if (delivered > 0 && reader->rows[0].record.seq != last + 1)
            break;
        delivered += reader->row_count;
        more = deliver(reader, fn, arg, &last);
    }
    give_back(readers, reader, rc != RC_OK);
    /* What was handed over counts; a failure behind it is met again, and told, by the next call. */
    if (rc != RC_OK && delivered == 0)
        return rc;
    *ret_last = last;
    return RC_OK;
}

enum rc sqlite_readers_pick(struct sqlite_readers *readers, const uint64_t *seqs, size_t count, record_fn fn,
                            void *arg, struct err *err)
{
    struct reader *reader = NULL;
    enum rc rc = take(readers, &reader, err);
    if (rc != RC_OK)
        return rc;
    assert(reader);
    uint64_t last;
    bool more = true;
    for (size_t done = 0, piece; rc == RC_OK && more && done < count; done += piece) {
        rc = fetch_picked(readers->site, reader, seqs + done, count - done, &piece, err);
        more = rc == RC_OK && deliver(reader, fn, arg, &last);
    }
    give_back(readers, reader, rc != RC_OK);
    return rc;
}

static enum rc ask(struct sqlite_readers *readers, enum reader_query which, uint64_t *ret, struct err *err)
{
    struct reader *reader = NULL;
    enum rc rc = take(readers, &reader, err);
    if (rc != RC_OK)
        return rc;
    assert(reader);
    sqlite3_stmt *query = reader->queries[which];
    int code = sqlite3_step(query);
    if (code == SQLITE_ROW)
        *ret = (uint64_t)sqlite3_column_int64(query, 0);
    else
        rc = sqlite_conn_fail(readers->site, reader->db, code, "reading the journal", err);
    sqlite3_reset(query);
    give_back(readers, reader, rc != RC_OK);
    return rc;
}

enum rc sqlite_readers_first(struct sqlite_readers *readers, uint64_t *ret, struct err *err)
{
    return ask(readers, QUERY_FIRST, ret, err);
}

enum rc sqlite_readers_last(struct sqlite_readers *readers, uint64_t *ret, struct err *err)
{
    return ask(readers, QUERY_LAST, ret, err);
}

static enum rc check_pages(const struct sqlite_site *site, struct reader *reader, struct err *err)
{
    sqlite3_stmt *check;
    enum rc rc = sqlite_conn_prepare(site, reader->db, "PRAGMA integrity_check(1)", &check, err);
    if (rc != RC_OK)
        return rc;
    int code = sqlite3_step(check);
    if (code != SQLITE_ROW)
        rc = sqlite_conn_fail(site, reader->db, code, "checking the journal", err);
    else if (strcmp((const char *)sqlite3_column_text(check, 0), "ok") != 0)
        rc = err_set(err, RC_CORRUPT, "%s is damaged: %s", site->path,
                     (const char *)sqlite3_column_text(check, 0));
    sqlite3_finalize(check);
    return rc;
}

static enum rc check_numbers(const struct sqlite_site *site, struct reader *reader, struct err *err)
{
    static const struct {
        const char *sql;
        const char *wrong;
    } COUNTS[] = {
        {"SELECT count(*) > 0 AND max(seq) - min(seq) + 1 <> count(*) FROM record", "records are missing"},
        {"SELECT count(*) FROM seen WHERE first_seq + length(prints) / 8 - 1 > (SELECT max(seq) FROM record)",
         "keys of records that are not there"},
        {"SELECT count(*) FROM record LEFT JOIN head ON id = head WHERE typeof(head) = 'integer' AND text IS "
         "NULL",
         "heads of records are missing"},
    };
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        int64_t found;
        enum rc rc = sqlite_conn_number(site, reader->db, COUNTS[i].sql, &found, err);
        if (rc != RC_OK)
            return rc;
        if (found != 0)
            return err_set(err, RC_CORRUPT, "%s is damaged: %s", site->path, COUNTS[i].wrong);
    }
    return RC_OK;
}

enum rc sqlite_readers_check(struct sqlite_readers *readers, struct err *err)
{
    struct reader *reader = NULL;
    enum rc rc = take(readers, &reader, err);
    if (rc != RC_OK)
        return rc;
    assert(reader);
    rc = check_pages(readers->site, reader, err);
    if (rc == RC_OK)
        rc = check_numbers(readers->site, reader, err);
    give_back(readers, reader, rc != RC_OK);
    return rc;
}
