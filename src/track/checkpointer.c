#include "track/checkpointer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"

struct checkpointer {
    sqlite3 *db;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    bool asked;
    bool stopping;
};

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
        checkpointer->asked = false;
        pthread_mutex_unlock(&checkpointer->mutex);
        sqlite3_wal_checkpoint_v2(checkpointer->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
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
    free(checkpointer);
}

enum rc checkpointer_start(const struct sqlite_site *site, struct checkpointer **ret, struct err *err)
{
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);
    if (!checkpointer)
        return err_set(err, RC_NO_MEMORY, "no memory for the read model");
    pthread_mutex_init(&checkpointer->mutex, NULL);
    pthread_cond_init(&checkpointer->changed, NULL);
    enum rc rc = sqlite_conn_open(site, false, &checkpointer->db, err);
    if (rc == RC_OK)
        rc = sqlite_conn_exec(site, checkpointer->db, "PRAGMA synchronous=NORMAL", "opening the read model",
                              err);
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

void checkpointer_ask(struct checkpointer *checkpointer)
{
    pthread_mutex_lock(&checkpointer->mutex);
    checkpointer->asked = true;
    pthread_cond_signal(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->mutex);
}
