#include "track/checkpointer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"

struct checkpointer {
    sqlite3 *db;
    pthread_t thread;
    pthread_mutex_t turn;  /* held while the log is copied; guards db and the next */
    size_t copied;         /* pages of the log, when it was copied last */
    pthread_mutex_t mutex; /* guards the rest; never held while the disk is waited for */
    pthread_cond_t changed;
    size_t pages;    /* of the log, as the writer has seen it last */
    bool begun_anew; /* the log was, since it was copied last */
    bool asked;
    bool stopping;
};

/*
 * Surely: what a commit has added is not copied before a checkpoint, and each tells how far it came. (A log
 * that was begun anew and is already as long as it was copied before waits for the next commit.)
 */
static bool has_more(struct checkpointer *checkpointer)
{
    pthread_mutex_lock(&checkpointer->mutex);
    if (checkpointer->begun_anew)
        checkpointer->copied = 0;
    checkpointer->begun_anew = false;
    checkpointer->asked = false;
    bool more = checkpointer->pages > checkpointer->copied;
    pthread_mutex_unlock(&checkpointer->mutex);
    return more;
}

static void copy(struct checkpointer *checkpointer)
{
    int copied;
    pthread_mutex_lock(&checkpointer->turn);
    if (has_more(checkpointer) && sqlite3_wal_checkpoint_v2(checkpointer->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                                            NULL, &copied) == SQLITE_OK)
        checkpointer->copied = copied > 0 ? (size_t)copied : 0;
    pthread_mutex_unlock(&checkpointer->turn);
}

static void *run(void *arg)
{
    struct checkpointer *checkpointer = arg;
    thread_begin("checkpointer", THREAD_BACKGROUND);
    pthread_mutex_lock(&checkpointer->mutex);
    while (!checkpointer->stopping) {
        if (!checkpointer->asked) {
            pthread_cond_wait(&checkpointer->changed, &checkpointer->mutex);
            continue;
        }
        pthread_mutex_unlock(&checkpointer->mutex);
        copy(checkpointer);
        pthread_mutex_lock(&checkpointer->mutex);
    }
    pthread_mutex_unlock(&checkpointer->mutex);
    return NULL;
}

static void dispose(struct checkpointer *checkpointer)
{
    sqlite3_close(checkpointer->db);
    pthread_cond_destroy(&checkpointer->changed);
    pthread_mutex_destroy(&checkpointer->mutex);
    pthread_mutex_destroy(&checkpointer->turn);
    free(checkpointer);
}

/* The first statement opens the log; on a connection that has never read, a checkpoint does nothing. */
static enum rc open_file(struct checkpointer *checkpointer, const struct sqlite_site *site, struct err *err)
{
    enum rc rc = sqlite_conn_open(site, false, &checkpointer->db, err);
    if (rc == RC_OK)
        rc =
            sqlite_conn_exec(site, checkpointer->db, "PRAGMA synchronous=NORMAL; SELECT 1 FROM sqlite_schema",
                             "opening the read model", err);
    return rc;
}

enum rc checkpointer_start(const struct sqlite_site *site, struct checkpointer **ret, struct err *err)
{
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
    if (!checkpointer)
        return err_set(err, RC_NO_MEMORY, "no memory for the read model");
    pthread_mutex_init(&checkpointer->turn, NULL);
    pthread_mutex_init(&checkpointer->mutex, NULL);
    pthread_cond_init(&checkpointer->changed, NULL);
    enum rc rc = open_file(checkpointer, site, err);
    if (rc == RC_OK && pthread_create(&checkpointer->thread, NULL, run, checkpointer) != 0)
        rc = err_set(err, RC_NO_MEMORY, "the read model's second thread could not be started");
    if (rc != RC_OK) {
        dispose(checkpointer);
        return sqlite_conn_plain(rc);
    }
    *ret = checkpointer;
    return RC_OK;
}

void checkpointer_stop(struct checkpointer *checkpointer)
{
    if (!checkpointer)
        return;
    pthread_mutex_lock(&checkpointer->mutex);
    checkpointer->stopping = true;
    pthread_cond_signal(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->mutex);
    pthread_join(checkpointer->thread, NULL);
    dispose(checkpointer);
}

void checkpointer_see(struct checkpointer *checkpointer, size_t pages)
{
    pthread_mutex_lock(&checkpointer->mutex);
    checkpointer->begun_anew |= pages < checkpointer->pages;
    checkpointer->pages = pages;
    checkpointer->asked = pages >= CHECKPOINTER_PAGES && pages < CHECKPOINTER_LONG;
    if (checkpointer->asked)
        pthread_cond_signal(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->mutex);
    if (pages >= CHECKPOINTER_LONG)
        copy(checkpointer);
}
