#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "journal/sqlite_conn.h"
#include "track/question.h"
#include "track/state.h"

/* Less, and a search in ten million events reads the same pages of its index again and again. */
#define CACHE_KIB 8192
/* More are opened when more is asked at once, and closed again: they hold memory. */
#define CONNECTIONS_KEPT 2

struct connection_to_state {
    struct connection_to_state *next;
    sqlite3 *db;
    dev_t device;
    ino_t inode;
};

struct questions {
    struct sqlite_site site;
    struct journal *journal;
    void (*on_damage)(void *arg); /* may be NULL */
    void *on_damage_arg;
    pthread_mutex_t mutex; /* guards the rest */
    struct connection_to_state *idle;
    size_t idle_count;
    struct time_blocks blocks; /* has its own; so with the next */
    struct high_water high;
};

enum rc questions_open(const char *directory, struct journal *journal, struct questions **ret,
                       struct err *err)
{
    struct questions *questions = calloc(1, sizeof *questions);
    if (!questions)
        return err_set(err, RC_NO_MEMORY, "no memory for questions");
    enum rc rc = sqlite_site_init(&questions->site, directory, STATE_FILE, NULL, err);
    if (rc != RC_OK) {
        free(questions);
        return rc;
    }
    questions->journal = journal;
    pthread_mutex_init(&questions->mutex, NULL);
    time_blocks_init(&questions->blocks);
    high_water_init(&questions->high);
    *ret = questions;
    return RC_OK;
}

void questions_watch(struct questions *questions, void (*on_damage)(void *arg), void *arg)
{
    questions->on_damage = on_damage;
    questions->on_damage_arg = arg;
}

static void connection_free(struct connection_to_state *connection)
{
    sqlite3_close(connection->db);
    free(connection);
}

void questions_close(struct questions *questions)
{
    if (!questions)
        return;
    while (questions->idle) {
        struct connection_to_state *connection = questions->idle;
        questions->idle = connection->next;
        connection_free(connection);
    }
    pthread_mutex_destroy(&questions->mutex);
    time_blocks_cleanup(&questions->blocks);
    high_water_cleanup(&questions->high);
    sqlite_site_cleanup(&questions->site);
    free(questions);
}

static enum rc connection_new(struct questions *questions, const struct stat *file,
                              struct connection_to_state **ret, struct err *err)
{
    bool empty;
    struct connection_to_state *connection = calloc(1, sizeof *connection);
    if (!connection)
        return err_set(err, RC_NO_MEMORY, "no memory for a question");
    connection->device = file->st_dev;
    connection->inode = file->st_ino;
    enum rc rc = sqlite_conn_open(&questions->site, true, &connection->db, err);
    if (rc == RC_OK)
        rc = sqlite_conn_identify(&questions->site, connection->db, &STATE_SCHEMA, &empty, err);
    if (rc == RC_OK && empty)
        rc = err_set(err, RC_STORAGE_UNAVAILABLE, "the read model is being made; ask again in a moment");
    if (rc == RC_OK)
        rc = sqlite_conn_limit_cache(&questions->site, connection->db, CACHE_KIB, err);
    if (rc == RC_OK) /* for the tables of search_narrow(), which have nothing to store */
        rc = sqlite_conn_exec(&questions->site, connection->db, "PRAGMA temp_store=MEMORY",
                              "opening a database", err);
    if (rc != RC_OK) {
        connection_free(connection);
        return sqlite_conn_plain(rc);
    }
    *ret = connection;
    return RC_OK;
}

/* One that was opened on a file that has been replaced since is not used again. */
static enum rc take(struct questions *questions, struct connection_to_state **ret, struct err *err)
{
    struct stat file;
    if (stat(questions->site.path, &file) != 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "there is no read model yet; ask again in a moment");
    for (;;) {
        pthread_mutex_lock(&questions->mutex);
        struct connection_to_state *connection = questions->idle;
        if (connection) {
            questions->idle = connection->next;
            questions->idle_count--;
        }
        pthread_mutex_unlock(&questions->mutex);
        if (!connection)
            return connection_new(questions, &file, ret, err);
        if (connection->device == file.st_dev && connection->inode == file.st_ino) {
            *ret = connection;
            return RC_OK;
        }
        connection_free(connection);
    }
}

static void give_back(struct questions *questions, struct connection_to_state *connection, bool failed)
{
    pthread_mutex_lock(&questions->mutex);
    bool keep = !failed && questions->idle_count < CONNECTIONS_KEPT;
    if (keep) {
        connection->next = questions->idle;
        questions->idle = connection;
        questions->idle_count++;
    }
    pthread_mutex_unlock(&questions->mutex);
    if (!keep)
        connection_free(connection);
}

void question_note(struct question *question, int code)
{
    if (question->rc == RC_OK)
        question->rc = sqlite_conn_plain(sqlite_conn_fail(&question->questions->site, question->db, code,
                                                          "asking the read model", &question->err));
}

void question_fail(struct question *question, enum rc rc, const char *message)
{
    if (question->rc == RC_OK)
        question->rc = err_set(&question->err, rc, "%s", message);
}

enum rc question_begin(struct questions *questions, struct question *ret, struct err *err)
{
    *ret = (struct question){.questions = questions,
                             .journal = questions->journal,
                             .blocks = &questions->blocks,
                             .high = &questions->high};
    enum rc rc = take(questions, &ret->connection, err);
    if (rc != RC_OK)
        return rc;
    ret->db = ret->connection->db;
    int code = sqlite3_exec(ret->db, "BEGIN", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        question_note(ret, code);
    return RC_OK;
}

enum rc question_end(struct question *question, const struct buf *out, struct err *err)
{
    if (out && buf_failed(out))
        question_fail(question, RC_NO_MEMORY, "memory ran out");
    sqlite3_finalize(question->duplicates);
    bool ended = sqlite3_get_autocommit(question->db) ||
                 sqlite3_exec(question->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    bool usable =
        ended && (question->rc == RC_OK || question->rc == RC_NOT_FOUND || question->rc == RC_BAD_PARAMETER);
    struct questions *questions = question->questions;
    give_back(questions, question->connection, !usable);
    if (question->rc == RC_CORRUPT && questions->on_damage)
        questions->on_damage(questions->on_damage_arg);
    if (question->rc != RC_OK && err)
        *err = question->err;
    return question->rc;
}

/* ---- statements ---- */

static sqlite3_stmt *ask(struct question *question, const char *sql, const char *format, va_list args)
{
    sqlite3_stmt *rows = NULL;
    if (question_failed(question))
        return NULL;
    int code = sqlite3_prepare_v2(question->db, sql, -1, &rows, NULL);
    if (code == SQLITE_OK)
        code = sql_bind(rows, format, args);
    if (code == SQLITE_OK)
        return rows;
    question_note(question, code);
    sqlite3_finalize(rows);
    return NULL;
}

sqlite3_stmt *question_ask(struct question *question, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *rows = ask(question, sql, format, args);
    va_end(args);
    return rows;
}

bool question_next(struct question *question, sqlite3_stmt *rows)
{
    if (question_failed(question))
        return false;
    int code = sqlite3_step(rows);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        question_note(question, code);
    return code == SQLITE_ROW;
}

int64_t question_number(struct question *question, int64_t otherwise, const char *sql, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *rows = ask(question, sql, format, args);
    va_end(args);
    int64_t number = otherwise;
    if (question_next(question, rows) && sqlite3_column_type(rows, 0) != SQLITE_NULL)
        number = column_number(rows, 0);
    sqlite3_finalize(rows);
    return number;
}

int64_t question_name(struct question *question, struct slice text)
{
    return question_number(question, 0, "SELECT id FROM name WHERE text = ?1", "s", text);
}

/* ---- rows ---- */

struct account question_read_account(sqlite3_stmt *row)
{
    return (struct account){
        .number = (uint64_t)column_number(row, 0),
        .id = column_text(row, 1),
        .app = column_text(row, 2),
        .integration_name = column_text(row, 3),
        .integration_id = column_text(row, 4),
        .user_id = column_text(row, 5),
        .status = (enum account_status)column_number(row, 6),
        .stalled = (enum stalled)column_number(row, 7),
        .attempts = (uint64_t)column_number(row, 8),
        .first_seen_at = column_number(row, 9),
        .started_at = column_time(row, 10),
        .completed_at = column_time(row, 11),
        .time_to_connect = column_time(row, 12),
        .last_event_at = column_time(row, 13),
        .status_reason = column_text(row, 14),
    };
}

/* ---- events ---- */

struct event_reading {
    struct question *question;
    question_event_fn *fn;
    void *arg;
    struct payload payload;
};

static bool on_record(void *arg, const struct record *record)
{
    struct event_reading *reading = arg;
    if (record->kind != RECORD_EVENT)
        return true;
    if (payload_read(&reading->payload, record->body) == RC_NO_MEMORY)
        question_fail(reading->question, RC_NO_MEMORY, "memory ran out");
    return reading->fn(reading->arg, record, &reading->payload) && !question_failed(reading->question);
}

void question_read_events(struct question *question, const uint64_t *seqs, size_t count,
                          question_event_fn *fn, void *arg)
{
    struct event_reading reading = {.question = question, .fn = fn, .arg = arg};
    struct err err;
    if (question_failed(question))
        return;
    enum rc rc = journal_pick(question->journal, seqs, count, on_record, &reading, &err);
    if (rc != RC_OK)
        question_fail(question, rc, err.message);
    payload_cleanup(&reading.payload);
}

static uint64_t count_duplicates(struct question *question, uint64_t seq)
{
    if (!question->duplicates)
        question->duplicates =
            question_ask(question, "SELECT count FROM duplicate WHERE seq = ?1", "i", (int64_t)seq);
    else
        sqlite3_bind_int64(question->duplicates, 1, (int64_t)seq);
    uint64_t count =
        question_next(question, question->duplicates) ? (uint64_t)column_number(question->duplicates, 0) : 0;
    sqlite3_reset(question->duplicates);
    return count;
}

void question_write_event(struct question *question, const struct record *record,
                          const struct payload *payload, struct event_view view, struct buf *out)
{
    view.duplicates = count_duplicates(question, record->seq);
    event_write_json(record, payload, &view, out);
}
