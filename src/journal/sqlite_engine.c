#include "journal/sqlite_engine.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "journal/disk_probe.h"
#include "journal/heads.h"
#include "journal/journal_schema.h"
#include "journal/lock_file.h"
#include "journal/named_locks.h"
#include "journal/placed_file.h"
#include "journal/seen.h"
#include "journal/sqlite_conn.h"
#include "journal/sqlite_readers.h"
#include "journal/window.h"

/* Of new files. A commit of one event writes two pages and waits for them: larger ones only make it wait. */
#define PAGE_SIZE              4096
#define WRITER_CACHE_KIB       4096
#define CHECKPOINT_PAGES       384 /* the write-ahead log is copied into the file when it is longer than this */
#define CHECKPOINT_AGAIN_PAGES (CHECKPOINT_PAGES / 4)
#define RESTART_PAGES          (8 * CHECKPOINT_PAGES)
#define RESTART_WAIT_MS        20
#define BUSY_TIMEOUT_MS        1000
#define DEFAULT_MAX_KEYS       8000000
#define SEEN_MAX_PRINTS        128 /* longer rows leave more of a page unused */
#define FORGET_MAX_ROWS        256
#define FORGET_MAX_KEYS        65536

/* Every statement of the writing connection, prepared once. */
#define STATEMENTS(X)                                                                                        \
    X(STATEMENT_BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(STATEMENT_COMMIT, "COMMIT")                                                                            \
    X(STATEMENT_ROLLBACK, "ROLLBACK")                                                                        \
    X(STATEMENT_INSERT, "INSERT INTO record(seq, kind, at, key, head, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6)") \
    X(STATEMENT_INSERT_HEAD, "INSERT INTO head(id, text) VALUES(?1, ?2)")                                    \
    X(STATEMENT_REMEMBER, "INSERT INTO seen(first_seq, at, prints) VALUES(?1, ?2, ?3)")                      \
    X(STATEMENT_STORED_KEY, "SELECT key, at FROM record WHERE seq = ?1")                                     \
    X(STATEMENT_OLDEST_KEYS,                                                                                 \
      "SELECT first_seq, at, prints FROM seen WHERE first_seq < ?1 ORDER BY first_seq")                      \
    X(STATEMENT_FORGET, "DELETE FROM seen WHERE first_seq <= ?1")                                            \
    X(STATEMENT_OLDEST_TIMES, "SELECT seq, at FROM record WHERE seq < ?1 ORDER BY seq LIMIT ?2")             \
    X(STATEMENT_TRIM, "DELETE FROM record WHERE seq <= ?1")                                                  \
    X(STATEMENT_TRIM_HEADS, "DELETE FROM head WHERE id <= ?1")                                               \
    X(STATEMENT_LAST, "SELECT max(seq) FROM record")

#define STATEMENT_ENUM_ROW(name, sql) name,
enum statement { STATEMENTS(STATEMENT_ENUM_ROW) STATEMENT_COUNT };
#undef STATEMENT_ENUM_ROW

#define STATEMENT_SQL_ROW(name, sql) sql,
static const char *const STATEMENT_SQL[STATEMENT_COUNT] = {STATEMENTS(STATEMENT_SQL_ROW)};
#undef STATEMENT_SQL_ROW

/* The transaction under way: what it will have done when it is committed. */
struct work {
    struct append_outcome outcomes[JOURNAL_MAX_BATCH];
    uint64_t prints[JOURNAL_MAX_BATCH]; /* of stored records, in order of seq */
    uint64_t first_seq;
    size_t stored;
    usec newest_at;       /* of stored records, but never in the future */
    struct buf forgotten; /* struct window_slot each */
    bool forgot_all;      /* nothing else is due */
};

struct sqlite_engine {
    struct sqlite_site site;
    bool read_only;
    struct seen_rules rules;
    struct sqlite_readers *readers;
    int lock_fd;

    /* any thread */
    _Atomic uint64_t last;
    _Atomic uint64_t window_keys;
    atomic_bool durable;
    struct placed_file file; /* set by the owner's thread */
    struct placed_file log;
    pthread_mutex_t note_mutex;
    char note[160]; /* guarded by note_mutex: a failed checkpoint, which harms nothing yet */

    /* the owner's thread */
    sqlite3 *db; /* NULL: closed after a failure */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct window window;
    struct heads heads;
    struct named_locks locks;
    bool doubtful;     /* the connection cannot be trusted: open it anew before the next use */
    unsigned failures; /* appends that failed one after the other */
    usec next_forget;
    int wal_pages;
    int next_checkpoint;
    struct work work;
};

static void set_note(struct sqlite_engine *engine, const char *note)
{
    pthread_mutex_lock(&engine->note_mutex);
    snprintf(engine->note, sizeof engine->note, "%s", note);
    pthread_mutex_unlock(&engine->note_mutex);
}

/* One statement to its end, for those that return no rows we want. */
static int run(struct sqlite_engine *engine, enum statement which)
{
    sqlite3_stmt *statement = engine->statements[which];
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* ---- opening ---- */

static void close_writer(struct sqlite_engine *engine)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(engine->statements[i]);
        engine->statements[i] = NULL;
    }
    sqlite3_close(engine->db);
    engine->db = NULL;
}

static int on_wal(void *arg, sqlite3 *db, const char *schema, int pages)
{
    struct sqlite_engine *engine = arg;
    (void)db;
    (void)schema;
    engine->wal_pages = pages;
    return SQLITE_OK; /* anything else would make a commit that stands look failed */
}

/* Switches on what a 2xx promises, then asks whether it is on. */
static enum rc make_durable(struct sqlite_engine *engine, struct err *err)
{
    const struct sqlite_site *site = &engine->site;
    char pragmas[160];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; "
             "PRAGMA journal_size_limit=%d",
             CHECKPOINT_PAGES * PAGE_SIZE);
    enum rc rc = sqlite_conn_exec(site, engine->db, pragmas, "opening the journal", err);
    int64_t synchronous = 0;
    if (rc == RC_OK)
        rc = sqlite_conn_number(site, engine->db, "PRAGMA synchronous", &synchronous, err);
    sqlite3_stmt *mode = NULL;
    if (rc == RC_OK)
        rc = sqlite_conn_prepare(site, engine->db, "PRAGMA journal_mode", &mode, err);
    if (rc != RC_OK)
        return rc;
    bool wal =
        sqlite3_step(mode) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(mode, 0), "wal") == 0;
    sqlite3_finalize(mode);
    engine->durable = wal && synchronous == 2;
    if (!engine->durable)
        return err_set(
            err, RC_STORAGE_UNAVAILABLE,
            "%s cannot be opened with a write-ahead log and full synchronisation: use a local file system",
            site->path);
    sqlite3_wal_hook(engine->db, on_wal, engine);
    return RC_OK;
}

/* The log itself, where a checkpoint that was kept from its work may not have come to that. */
static int sync_log(struct sqlite_engine *engine)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(engine->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    return code == SQLITE_OK && log && log->pMethods ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}

/*
 * A process that died between writing and fsync, or whose fsync failed, may have left commits in the log that
 * nobody knows to be on disk. They count as stored from now on, so they are brought to the disk before
 * anything is answered from them.
 */
static enum rc settle_log(struct sqlite_engine *engine, struct err *err)
{
    int code = sqlite3_wal_checkpoint_v2(engine->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    /* Busy: a reader keeps the log. Full: the file cannot grow now. */
    if ((code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_FULL)
        code = sync_log(engine);
    if (code == SQLITE_OK)
        return RC_OK;
    return sqlite_conn_fail(&engine->site, engine->db, code, "bringing the log to the disk", err);
}

static enum rc prepare_writer(struct sqlite_engine *engine, bool may_create, struct err *err)
{
    const struct sqlite_site *site = &engine->site;
    bool empty;
    enum rc rc = sqlite_conn_identify(site, engine->db, &JOURNAL_SCHEMA, &empty, err);
    if (rc != RC_OK)
        return rc;
    if (empty && !may_create)
        return err_set(err, RC_CORRUPT, "%s has been emptied while it was open", site->path);
    if (empty) {
        char page_size[48];
        snprintf(page_size, sizeof page_size, "PRAGMA page_size=%d", PAGE_SIZE);
        rc = sqlite_conn_exec(site, engine->db, page_size, "making the journal", err);
    }
    if (rc == RC_OK)
        rc = make_durable(engine, err);
    if (rc == RC_OK && empty)
        rc = sqlite_conn_create(site, engine->db, &JOURNAL_SCHEMA, err);
    if (rc == RC_OK)
        rc = sqlite_conn_limit_cache(site, engine->db, WRITER_CACHE_KIB, err);
    if (rc == RC_OK)
        rc = settle_log(engine, err);
    for (int i = 0; rc == RC_OK && i < STATEMENT_COUNT; i++)
        rc = sqlite_conn_prepare(site, engine->db, STATEMENT_SQL[i], &engine->statements[i], err);
    return rc;
}

static enum rc open_writer(struct sqlite_engine *engine, bool may_create, struct err *err)
{
    engine->wal_pages = 0;
    engine->next_checkpoint = CHECKPOINT_PAGES;
    enum rc rc = sqlite_conn_open(&engine->site, false, &engine->db, err);
    if (rc == RC_OK)
        rc = prepare_writer(engine, may_create, err);
    if (rc == RC_OK)
        rc = placed_file_remember(&engine->file, engine->site.path, err);
    if (rc == RC_OK)
        rc = placed_file_remember(&engine->log, engine->site.wal_path, err);
    if (rc != RC_OK)
        close_writer(engine);
    return rc;
}

/* ---- the dedupe window ---- */

/* Replaces the window by what is stored. */
static enum rc load_window(struct sqlite_engine *engine, struct err *err)
{
    struct window window;
    if (engine->rules.window <= 0)
        return RC_OK;
    enum rc rc = seen_load(&engine->site, engine->db, &engine->rules, &window, err);
    if (rc != RC_OK)
        return rc;
    window_cleanup(&engine->window);
    engine->window = window;
    engine->window_keys = window.count;
    engine->next_forget = INT64_MIN;
    return RC_OK;
}

/* Does the record stored under seq have this key, and is it young enough to count? */
static int is_same_event(struct sqlite_engine *engine, uint64_t seq, const struct record *record,
                         bool *ret_same)
{
    sqlite3_stmt *stored = engine->statements[STATEMENT_STORED_KEY];
    sqlite3_bind_int64(stored, 1, (sqlite3_int64)seq);
    int code = sqlite3_step(stored);
    *ret_same = false;
    if (code == SQLITE_ROW) {
        int type = sqlite3_column_type(stored, 0);
        const void *bytes = sqlite3_column_blob(stored, 0);
        struct slice key = slice_of(bytes, (size_t)sqlite3_column_bytes(stored, 0));
        *ret_same = type == (record->key_hashed ? SQLITE_BLOB : SQLITE_TEXT) &&
                    slice_equal(key, record->key) &&
                    record->received_at - sqlite3_column_int64(stored, 1) <= engine->rules.window;
    }
    sqlite3_reset(stored);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* *ret_seq: where this event is stored already, 0: nowhere. */
static int find_duplicate(struct sqlite_engine *engine, uint64_t print, const struct record *record,
                          uint64_t *ret_seq)
{
    size_t cursor = 0;
    uint64_t seq;
    *ret_seq = 0;
    while ((seq = window_find(&engine->window, print, &cursor)) != 0) {
        bool same;
        int code = is_same_event(engine, seq, record, &same);
        if (code != SQLITE_OK)
            return code;
        if (same) {
            *ret_seq = seq;
            return SQLITE_OK;
        }
    }
    return SQLITE_OK;
}

static void note_forgotten(struct sqlite_engine *engine, const struct seen_row *row)
{
    struct window_slot slot;
    if (!seen_is_in_window(&engine->window, row))
        return;
    for (size_t i = 0; i < row->count; i++)
        if (seen_slot(row, i, &slot))
            buf_add(&engine->work.forgotten, &slot, sizeof slot);
}

static size_t forgotten_count(const struct work *work)
{
    return work->forgotten.len / sizeof(struct window_slot);
}

/*
 * Collects the oldest `seen` rows that are due into work->forgotten; *ret_upto: the first_seq of the last of
 * them, 0: none. Due: older than the window, too many, or (trim) all their records are gone. Rows that a
 * start left out of the window go too, and count nothing.
 */
static int collect_due(struct sqlite_engine *engine, uint64_t before_seq, uint64_t trimmed_upto,
                       uint64_t *ret_upto)
{
    struct work *work = &engine->work;
    usec oldest = work->newest_at - engine->rules.window;
    uint64_t keep = engine->rules.max_keys;
    if (engine->window.count > keep)
        keep -= keep / 64; /* a little more than needed, so that not every commit touches the oldest page */
    sqlite3_stmt *rows = engine->statements[STATEMENT_OLDEST_KEYS];
    sqlite3_bind_int64(rows, 1, (sqlite3_int64)before_seq);
    int code;
    *ret_upto = 0;
    work->forgot_all = true;
    for (int n = 0; (code = sqlite3_step(rows)) == SQLITE_ROW; n++) {
        struct seen_row row = seen_read(rows);
        bool over = engine->window.count > keep + forgotten_count(work);
        if (!over && row.at >= oldest && row.first_seq + row.count > trimmed_upto + 1)
            break;
        if (n == FORGET_MAX_ROWS || forgotten_count(work) >= FORGET_MAX_KEYS) {
            work->forgot_all = false;
            break;
        }
        note_forgotten(engine, &row);
        *ret_upto = row.first_seq;
    }
    sqlite3_reset(rows);
    if (buf_failed(&work->forgotten))
        return SQLITE_NOMEM;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Inside the transaction; the window in memory follows when it is committed. */
static int forget_due(struct sqlite_engine *engine, uint64_t before_seq, uint64_t trimmed_upto)
{
    uint64_t upto;
    int code = collect_due(engine, before_seq, trimmed_upto, &upto);
    if (code != SQLITE_OK || upto == 0)
        return code;
    sqlite3_bind_int64(engine->statements[STATEMENT_FORGET], 1, (sqlite3_int64)upto);
    return run(engine, STATEMENT_FORGET);
}

static void apply_forgotten(struct sqlite_engine *engine)
{
    struct work *work = &engine->work;
    struct window_slot slot;
    for (size_t at = 0; at < work->forgotten.len; at += sizeof slot) {
        memcpy(&slot, work->forgotten.ptr + at, sizeof slot);
        window_remove(&engine->window, slot.fingerprint, slot.seq);
    }
}

static usec forget_interval(const struct sqlite_engine *engine)
{
    usec interval = engine->rules.window / 256;
    return interval < USEC_PER_SEC ? USEC_PER_SEC : interval > USEC_MINUTE ? USEC_MINUTE : interval;
}

/* ---- trouble ---- */

/*
 * After a failed transaction. SQLite keeps a failed commit out of its view of the log and overwrites it with
 * the next one, which is why the connection is kept when it is clean: a new one might read the failed frames
 * back from the page cache although the disk never got them. It is given up when it does not answer for
 * itself, or fails again.
 */
static void roll_back(struct sqlite_engine *engine)
{
    if (!sqlite3_get_autocommit(engine->db) && run(engine, STATEMENT_ROLLBACK) != SQLITE_OK)
        engine->doubtful = true;
    if (!sqlite3_get_autocommit(engine->db))
        engine->doubtful = true;
    sqlite3_stmt *last = engine->statements[STATEMENT_LAST];
    if (sqlite3_step(last) != SQLITE_ROW || (uint64_t)sqlite3_column_int64(last, 0) != engine->last)
        engine->doubtful = true;
    sqlite3_reset(last);
}

/* A file that was moved away or replaced takes writes that nobody will find again. NULL: all are in place. */
static const char *find_misplaced(const struct sqlite_engine *engine)
{
    const struct sqlite_site *site = &engine->site;
    if (engine->read_only) /* never opened for writing, so there is nothing to compare with */
        return access(site->path, F_OK) == 0 ? NULL : site->path;
    if (!placed_file_is_there(&engine->file, site->path))
        return site->path;
    return placed_file_is_there(&engine->log, site->wal_path) ? NULL : site->wal_path;
}

/*
 * Without its name the log is ours until the process ends, and what it holds is acknowledged: it is brought
 * into the file while that can be done.
 */
static enum rc refuse_misplaced(struct sqlite_engine *engine, const char *path, struct err *err)
{
    bool saved =
        path == engine->site.wal_path && engine->db &&
        sqlite3_wal_checkpoint_v2(engine->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK;
    return err_set(err, RC_STORAGE_UNAVAILABLE, "%s was moved, removed or replaced while it was open: %s",
                   path, saved ? "what it held is saved in journal.db; restart" : "put it back or restart");
}

static enum rc compare_last(struct sqlite_engine *engine, struct err *err)
{
    int64_t stored;
    enum rc rc = sqlite_conn_number(&engine->site, engine->db, STATEMENT_SQL[STATEMENT_LAST], &stored, err);
    if (rc != RC_OK || (uint64_t)stored == engine->last)
        return rc;
    if ((uint64_t)stored < engine->last)
        return err_set(err, RC_CORRUPT, "%s has lost records: it ends at %lld and %llu were acknowledged",
                       engine->site.path, (long long)stored, (unsigned long long)engine->last);
    /* A commit that was reported as failed is there after all: it counts. */
    rc = load_window(engine, err);
    if (rc == RC_OK)
        engine->last = (uint64_t)stored;
    return rc;
}

/* Brings the writer back to a known state. */
static enum rc recover(struct sqlite_engine *engine, struct err *err)
{
    const char *misplaced = find_misplaced(engine);
    if (engine->db && !engine->doubtful && !misplaced)
        return RC_OK;
    engine->doubtful = true;
    if (misplaced)
        return refuse_misplaced(engine, misplaced, err);
    close_writer(engine);
    enum rc rc = open_writer(engine, false, err);
    if (rc == RC_OK)
        rc = compare_last(engine, err);
    if (rc == RC_OK)
        engine->doubtful = false;
    return rc;
}

/* ---- the log ---- */

/*
 * Copies the log into the file when it has grown. The commits in it stand already, so a failure is noted, not
 * reported. Passive: waits for no reader. When readers have kept it from starting over for long, a short wait
 * for them.
 */
static void checkpoint_if_due(struct sqlite_engine *engine)
{
    if (engine->wal_pages < CHECKPOINT_PAGES)
        engine->next_checkpoint = CHECKPOINT_PAGES;
    if (engine->wal_pages < engine->next_checkpoint)
        return;
    bool long_log = engine->wal_pages >= RESTART_PAGES;
    if (long_log)
        sqlite3_busy_timeout(engine->db, RESTART_WAIT_MS);
    int code = sqlite3_wal_checkpoint_v2(
        engine->db, NULL, long_log ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (long_log)
        sqlite3_busy_timeout(engine->db, BUSY_TIMEOUT_MS);
    struct err err = {""};
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY)
        sqlite_conn_fail(&engine->site, engine->db, code, "moving the log into the file", &err);
    set_note(engine, err.message);
    engine->next_checkpoint = engine->wal_pages + CHECKPOINT_AGAIN_PAGES;
}

/* ---- append ---- */

static bool is_storable(const struct record *record)
{
    return record_kind_name(record->kind) && record->head.len <= JOURNAL_MAX_RECORD &&
           record->body.len <= JOURNAL_MAX_RECORD && record->key.len <= JOURNAL_MAX_RECORD &&
           record->head.len + record->body.len + record->key.len <= JOURNAL_MAX_RECORD;
}

static int bind_text(sqlite3_stmt *statement, int column, struct slice text)
{
    return sqlite3_bind_text(statement, column, text.ptr, (int)text.len, SQLITE_STATIC);
}

static int bind_blob(sqlite3_stmt *statement, int column, struct slice blob)
{
    return sqlite3_bind_blob(statement, column, blob.ptr, (int)blob.len, SQLITE_STATIC);
}

static int store_head(struct sqlite_engine *engine, uint64_t id, struct slice text)
{
    sqlite3_stmt *insert = engine->statements[STATEMENT_INSERT_HEAD];
    sqlite3_bind_int64(insert, 1, (sqlite3_int64)id);
    int code = bind_text(insert, 2, text);
    return code == SQLITE_OK ? run(engine, STATEMENT_INSERT_HEAD) : code;
}

/* The text itself, or the number under which it is stored. */
static int bind_head(struct sqlite_engine *engine, sqlite3_stmt *insert, uint64_t seq, struct slice text)
{
    uint64_t id;
    enum heads_use use = heads_see(&engine->heads, text, seq, &id);
    if (use == HEADS_INLINE)
        return bind_text(insert, 5, text);
    int code = use == HEADS_STORE ? store_head(engine, id, text) : SQLITE_OK;
    return code == SQLITE_OK ? sqlite3_bind_int64(insert, 5, (sqlite3_int64)id) : code;
}

static int insert_record(struct sqlite_engine *engine, uint64_t seq, const struct record *record)
{
    sqlite3_stmt *insert = engine->statements[STATEMENT_INSERT];
    int key = record->key_hashed ? bind_blob(insert, 4, record->key) : bind_text(insert, 4, record->key);
    if (key != SQLITE_OK)
        return key;
    int head = bind_head(engine, insert, seq, record->head);
    if (head != SQLITE_OK)
        return head;
    int body = bind_blob(insert, 6, record->body);
    if (body != SQLITE_OK)
        return body;
    sqlite3_bind_int64(insert, 1, (sqlite3_int64)seq);
    sqlite3_bind_int(insert, 2, (int)record->kind);
    sqlite3_bind_int64(insert, 3, record->received_at);
    return run(engine, STATEMENT_INSERT);
}

static uint64_t print_of(const struct sqlite_engine *engine, const struct record *record)
{
    if (!record->key.ptr || engine->rules.window <= 0)
        return 0;
    return seen_print(record->fingerprint);
}

static int store_record(struct sqlite_engine *engine, const struct record *record,
                        struct append_outcome *outcome)
{
    struct work *work = &engine->work;
    if (!is_storable(record)) {
        *outcome = (struct append_outcome){APPEND_REFUSED, 0};
        return SQLITE_OK;
    }
    uint64_t print = print_of(engine, record);
    uint64_t first_copy = 0;
    int code = print ? find_duplicate(engine, print, record, &first_copy) : SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    if (first_copy) {
        *outcome = (struct append_outcome){APPEND_DUPLICATE, first_copy};
        return SQLITE_OK;
    }
    uint64_t seq = work->first_seq + work->stored;
    code = insert_record(engine, seq, record);
    if (code != SQLITE_OK)
        return code;
    if (print && !window_add(&engine->window, print, seq))
        return SQLITE_NOMEM;
    if (work->stored == 0 || record->received_at > work->newest_at)
        work->newest_at = record->received_at;
    work->prints[work->stored++] = htole64(print);
    *outcome = (struct append_outcome){APPEND_STORED, seq};
    return SQLITE_OK;
}

static int store_keys(struct sqlite_engine *engine)
{
    struct work *work = &engine->work;
    sqlite3_stmt *remember = engine->statements[STATEMENT_REMEMBER];
    usec now = clock_wall();
    int code = SQLITE_OK;
    if (work->newest_at > now)
        work->newest_at = now;
    for (size_t at = 0; code == SQLITE_OK && at < work->stored; at += SEEN_MAX_PRINTS) {
        size_t left = work->stored - at;
        size_t count = left < SEEN_MAX_PRINTS ? left : SEEN_MAX_PRINTS;
        uint64_t first_seq = work->first_seq + at;
        sqlite3_bind_int64(remember, 1, (sqlite3_int64)first_seq);
        sqlite3_bind_int64(remember, 2, work->newest_at);
        code = bind_blob(remember, 3, slice_of(&work->prints[at], count * sizeof work->prints[0]));
        if (code == SQLITE_OK)
            code = run(engine, STATEMENT_REMEMBER);
    }
    bool due = work->newest_at >= engine->next_forget || engine->window.count > engine->rules.max_keys;
    if (code == SQLITE_OK && due)
        code = forget_due(engine, work->first_seq, 0);
    return code;
}

/* The whole transaction; an SQLite code. */
static int store_batch(struct sqlite_engine *engine, const struct record *records, size_t count)
{
    struct work *work = &engine->work;
    int code = run(engine, STATEMENT_BEGIN);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = store_record(engine, &records[i], &work->outcomes[i]);
    if (code == SQLITE_OK && work->stored > 0 && engine->rules.window > 0)
        code = store_keys(engine);
    if (code == SQLITE_OK)
        code = run(engine, STATEMENT_COMMIT);
    return code;
}

static void begin_work(struct sqlite_engine *engine)
{
    struct work *work = &engine->work;
    buf_clear(&work->forgotten);
    work->first_seq = engine->last + 1;
    work->stored = 0;
    work->newest_at = 0;
    work->forgot_all = false;
}

static void conclude_work(struct sqlite_engine *engine)
{
    struct work *work = &engine->work;
    apply_forgotten(engine);
    if (work->forgot_all)
        engine->next_forget = work->newest_at + forget_interval(engine);
    engine->last = work->first_seq + work->stored - 1;
    engine->window_keys = engine->window.count;
    engine->failures = 0;
}

static void take_back_work(struct sqlite_engine *engine)
{
    struct work *work = &engine->work;
    for (size_t i = 0; i < work->stored; i++)
        if (work->prints[i] != 0)
            window_remove(&engine->window, le64toh(work->prints[i]), work->first_seq + i);
    heads_forget(&engine->heads);
    roll_back(engine);
}

static enum rc sqlite_append(void *state, const struct record *records, size_t count,
                             struct append_outcome *ret_outcomes, struct err *err)
{
    struct sqlite_engine *engine = state;
    enum rc rc = recover(engine, err);
    if (rc != RC_OK)
        return rc == RC_STORAGE_UNAVAILABLE ? rc : RC_COMMIT_UNKNOWN;
    begin_work(engine);
    int code = store_batch(engine, records, count);
    if (code != SQLITE_OK) {
        rc = sqlite_conn_fail(&engine->site, engine->db, code, "storing events", err);
        take_back_work(engine);
        /* The second in a row that is no operator's matter: the connection itself may be the trouble. */
        if (rc != RC_STORAGE_UNAVAILABLE && ++engine->failures > 1)
            engine->doubtful = true;
        return rc == RC_STORAGE_UNAVAILABLE ? rc : RC_COMMIT_UNKNOWN;
    }
    conclude_work(engine);
    memcpy(ret_outcomes, engine->work.outcomes, count * sizeof *ret_outcomes);
    return RC_OK;
}

static void sqlite_tidy(void *state)
{
    struct sqlite_engine *engine = state;
    if (engine->db)
        checkpoint_if_due(engine);
}

/* ---- trim ---- */

/* What may go: records that end before `end`, received before `before`, `max` of them. */
struct trim_limits {
    usec before;
    usec now;
    uint64_t end;
    size_t max;
};

/*
 * Records whose time lies in the future (the clock was wrong, or they were imported) are as old as what was
 * stored after them. Looks for that with longer and longer steps, for there may be any number of them.
 */
static int look_past_future(struct sqlite_engine *engine, const struct trim_limits *limits, uint64_t from,
                            uint64_t *upto)
{
    sqlite3_stmt *stored = engine->statements[STATEMENT_STORED_KEY];
    int code = SQLITE_ROW;
    bool future = true;
    for (uint64_t step = 1; future && code == SQLITE_ROW && from + step < limits->end; step *= 2) {
        sqlite3_bind_int64(stored, 1, (sqlite3_int64)(from + step));
        code = sqlite3_step(stored);
        usec at = code == SQLITE_ROW ? sqlite3_column_int64(stored, 1) : INT64_MAX;
        sqlite3_reset(stored);
        future = at > limits->now;
        if (at < limits->before)
            *upto = from + step;
    }
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* The newest of the oldest records that go, 0: none; *ret_count: how many those are. */
static int find_trim_end(struct sqlite_engine *engine, const struct trim_limits *limits, uint64_t *ret_upto,
                         size_t *ret_count)
{
    sqlite3_stmt *rows = engine->statements[STATEMENT_OLDEST_TIMES];
    uint64_t first = 0, upto = 0, future = 0;
    sqlite3_bind_int64(rows, 1, (sqlite3_int64)limits->end);
    sqlite3_bind_int64(rows, 2, limits->max < INT64_MAX ? (sqlite3_int64)limits->max : INT64_MAX);
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(rows, 0);
        usec at = sqlite3_column_int64(rows, 1);
        first = first ? first : seq;
        future = at > limits->now ? seq : 0;
        if (at < limits->before)
            upto = seq;
        else if (!future)
            break;
    }
    sqlite3_reset(rows);
    if (code == SQLITE_DONE && future)
        code = look_past_future(engine, limits, future, &upto);
    bool too_many = upto != 0 && upto - first >= limits->max;
    *ret_upto = too_many ? first + limits->max - 1 : upto;
    *ret_count = upto ? (size_t)(*ret_upto - first + 1) : 0;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int trim_batch(struct sqlite_engine *engine, usec before, uint64_t upto_seq, size_t max_records,
                      size_t *ret_removed)
{
    /* The newest record of all always stays. */
    struct trim_limits limits = {
        .before = before,
        .now = clock_wall(),
        .end = upto_seq < engine->last ? upto_seq + 1 : engine->last,
        .max = max_records,
    };
    uint64_t upto;
    int code = run(engine, STATEMENT_BEGIN);
    if (code == SQLITE_OK)
        code = find_trim_end(engine, &limits, &upto, ret_removed);
    if (code == SQLITE_OK && *ret_removed > 0) {
        sqlite3_bind_int64(engine->statements[STATEMENT_TRIM], 1, (sqlite3_int64)upto);
        code = run(engine, STATEMENT_TRIM);
        if (code == SQLITE_OK && upto > HEADS_SPAN) {
            sqlite3_bind_int64(engine->statements[STATEMENT_TRIM_HEADS], 1,
                               (sqlite3_int64)(upto - HEADS_SPAN));
            code = run(engine, STATEMENT_TRIM_HEADS);
        }
        /* What is gone is no duplicate's first copy any more. */
        engine->work.newest_at = INT64_MIN + engine->rules.window;
        if (code == SQLITE_OK)
            code = forget_due(engine, engine->last, upto);
    }
    if (code == SQLITE_OK)
        code = run(engine, STATEMENT_COMMIT);
    return code;
}

static enum rc sqlite_trim(void *state, usec before, uint64_t upto_seq, size_t max_records,
                           size_t *ret_removed, struct err *err)
{
    struct sqlite_engine *engine = state;
    size_t removed = 0;
    enum rc rc = recover(engine, err);
    if (rc != RC_OK)
        return sqlite_conn_plain(rc);
    begin_work(engine);
    int code = trim_batch(engine, before, upto_seq, max_records, &removed);
    if (code != SQLITE_OK) {
        rc = sqlite_conn_fail(&engine->site, engine->db, code, "removing old records", err);
        roll_back(engine);
        return sqlite_conn_plain(rc);
    }
    apply_forgotten(engine);
    engine->window_keys = engine->window.count;
    checkpoint_if_due(engine);
    *ret_removed = removed;
    return RC_OK;
}

/* ---- open, close, questions ---- */

static void sqlite_close(void *state)
{
    struct sqlite_engine *engine = state;
    sqlite_readers_close(engine->readers);
    close_writer(engine);
    window_cleanup(&engine->window);
    buf_cleanup(&engine->work.forgotten);
    named_locks_cleanup(&engine->locks);
    pthread_mutex_destroy(&engine->note_mutex);
    sqlite_site_cleanup(&engine->site);
    /* The directory goes last: whoever takes it next finds everything closed. */
    if (engine->lock_fd >= 0)
        close(engine->lock_fd);
    free(engine);
}

static enum rc take_directory(struct sqlite_engine *engine, struct err *err)
{
    CLEANUP(cleanup_free) char *path = NULL;
    CLEANUP(cleanup_free) char *what = NULL;
    if (asprintf(&path, "%s/lock", engine->site.directory) < 0 ||
        asprintf(&what, "the data directory %s", engine->site.directory) < 0)
        return err_set(err, RC_NO_MEMORY, "no memory for the journal");
    return lock_file_take(path, what, &engine->lock_fd, err);
}

static enum rc open_for_writing(struct sqlite_engine *engine, struct err *err)
{
    enum rc rc = take_directory(engine, err);
    if (rc == RC_OK)
        rc = sqlite_site_make_file(&engine->site, err);
    if (rc == RC_OK)
        rc = open_writer(engine, true, err);
    int64_t last = 0;
    if (rc == RC_OK)
        rc = sqlite_conn_number(&engine->site, engine->db, STATEMENT_SQL[STATEMENT_LAST], &last, err);
    if (rc == RC_OK)
        rc = load_window(engine, err);
    engine->last = (uint64_t)last;
    return rc;
}

static enum rc open_parts(struct sqlite_engine *engine, struct err *err)
{
    if (!engine->read_only) {
        enum rc rc = open_for_writing(engine, err);
        return rc == RC_OK ? sqlite_readers_open(&engine->site, &engine->readers, err) : rc;
    }
    struct stat file;
    if (stat(engine->site.path, &file) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return err_set(err, RC_NOT_FOUND, "there is no journal in %s", engine->site.directory);
        return err_set(err, RC_STORAGE_UNAVAILABLE, "%s cannot be opened: %s", engine->site.path,
                       strerror(errno));
    }
    uint64_t last;
    enum rc rc = sqlite_readers_open(&engine->site, &engine->readers, err);
    if (rc == RC_OK)
        rc = sqlite_readers_last(engine->readers, &last, err);
    if (rc == RC_OK)
        engine->last = last;
    return rc;
}

static enum rc sqlite_open(const struct journal_options *options, void **ret_state, struct err *err)
{
    struct sqlite_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return err_set(err, RC_NO_MEMORY, "no memory for the journal");
    engine->lock_fd = -1;
    engine->read_only = options->read_only;
    engine->rules = (struct seen_rules){
        .window = options->dedupe_window,
        .max_keys = options->dedupe_max_keys ? options->dedupe_max_keys : DEFAULT_MAX_KEYS,
        .fingerprint_of = options->fingerprint_of,
    };
    engine->next_forget = INT64_MIN;
    window_init(&engine->window);
    pthread_mutex_init(&engine->note_mutex, NULL);
    enum rc rc = sqlite_site_init(&engine->site, options->directory, JOURNAL_FILE, options->vfs, err);
    if (rc == RC_OK)
        rc = open_parts(engine, err);
    if (rc != RC_OK) {
        sqlite_close(engine);
        return sqlite_conn_plain(rc);
    }
    *ret_state = engine;
    return RC_OK;
}

static enum rc sqlite_read(void *state, uint64_t after_seq, size_t max, record_fn fn, void *arg,
                           uint64_t *ret_last, struct err *err)
{
    struct sqlite_engine *engine = state;
    return sqlite_conn_plain(sqlite_readers_read(engine->readers, after_seq, max, fn, arg, ret_last, err));
}

static enum rc sqlite_pick(void *state, const uint64_t *seqs, size_t count, record_fn fn, void *arg,
                           struct err *err)
{
    struct sqlite_engine *engine = state;
    return sqlite_conn_plain(sqlite_readers_pick(engine->readers, seqs, count, fn, arg, err));
}

/* Read-only: another process appends, so the file is asked. */
static uint64_t sqlite_last(void *state)
{
    struct sqlite_engine *engine = state;
    uint64_t last;
    if (engine->read_only && sqlite_readers_last(engine->readers, &last, NULL) == RC_OK)
        engine->last = last;
    return engine->last;
}

static enum rc sqlite_first(void *state, uint64_t *ret_first, struct err *err)
{
    struct sqlite_engine *engine = state;
    return sqlite_conn_plain(sqlite_readers_first(engine->readers, ret_first, err));
}

static enum rc sqlite_check(void *state, struct err *err)
{
    struct sqlite_engine *engine = state;
    return sqlite_conn_plain(sqlite_readers_check(engine->readers, err));
}

/* ---- locks by name ---- */

static enum rc sqlite_lock(void *state, const char *name, struct err *err)
{
    struct sqlite_engine *engine = state;
    return named_locks_take(&engine->locks, engine->site.directory, name, err);
}

static void sqlite_unlock(void *state, const char *name)
{
    struct sqlite_engine *engine = state;
    named_locks_release(&engine->locks, name);
}

/* ---- health ---- */

static uint64_t file_bytes(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? (uint64_t)file.st_size : 0;
}

static void sqlite_figures(void *state, struct journal_health *ret)
{
    struct sqlite_engine *engine = state;
    const struct sqlite_site *site = &engine->site;
    *ret = (struct journal_health){
        .durable = engine->durable,
        .last_seq = sqlite_last(engine),
        .bytes = file_bytes(site->path) + file_bytes(site->wal_path) + file_bytes(site->shm_path),
        .window_keys = engine->window_keys,
    };
    pthread_mutex_lock(&engine->note_mutex);
    const char *mode = engine->read_only ? "opened read-only" : "write-ahead log, synchronous=FULL";
    snprintf(ret->detail, sizeof ret->detail, "SQLite %s, %s%s%.100s", sqlite3_libversion(), mode,
             engine->note[0] ? "; " : "", engine->note);
    pthread_mutex_unlock(&engine->note_mutex);
}

static enum rc sqlite_health(void *state, struct journal_health *ret, struct err *err)
{
    struct sqlite_engine *engine = state;
    struct err why = {""};
    sqlite_figures(engine, ret);
    enum rc rc = disk_probe(&engine->site, &why);
    ret->writable = rc == RC_OK;
    const char *misplaced = find_misplaced(engine);
    if (misplaced) {
        ret->durable = false;
        rc = err_set(&why, RC_STORAGE_UNAVAILABLE, "%s was moved, removed or replaced while it was open",
                     misplaced);
    } else if (rc == RC_OK && !ret->durable && !engine->read_only) {
        rc = err_set(&why, RC_STORAGE_UNAVAILABLE, "%s is not in its durable mode", engine->site.path);
    }
    if (rc == RC_OK)
        return RC_OK;
    size_t used = strlen(ret->detail);
    snprintf(ret->detail + used, sizeof ret->detail - used, "; %.*s", (int)(sizeof ret->detail - used - 3),
             why.message);
    if (err)
        *err = why;
    return RC_STORAGE_UNAVAILABLE;
}

const struct engine SQLITE_ENGINE = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .append = sqlite_append,
    .tidy = sqlite_tidy,
    .read = sqlite_read,
    .pick = sqlite_pick,
    .last = sqlite_last,
    .first = sqlite_first,
    .trim = sqlite_trim,
    .lock = sqlite_lock,
    .unlock = sqlite_unlock,
    .health = sqlite_health,
    .figures = sqlite_figures,
    .check = sqlite_check,
};
