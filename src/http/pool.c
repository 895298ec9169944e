#include "http/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

#include "base/thread.h"

struct job {
    uv_work_t uv; /* its data: this job */
    struct pool *pool;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct pool_errand {
    struct pool *pool;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
    struct pool_errand *prev;
    struct pool_errand *next;
    bool waits;
};

struct pool {
    uv_loop_t *loop;
    void (*on_done)(void *arg);
    void *arg;
    size_t questions; /* under way */
    uv_work_t first;

    /* errands: loop */
    bool running; /* the thread has one */
    struct pool_errand *waiting;
    struct pool_errand *last_waiting; /* NULL: none */
    size_t waiting_count;
    uv_async_t returned;
    pthread_t thread;
    /* errands: shared with the thread */
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    struct pool_errand *begun;    /* for the thread to do */
    struct pool_errand *finished; /* for the loop to take */
    bool stopping;
};

static void on_nothing(uv_work_t *uv)
{
    (void)uv;
}

/* Makes libuv start its threads now, while signals are held: they never get one, as server_run() wants it. */
static void start_threads(struct pool *pool)
{
    uv_queue_work(pool->loop, &pool->first, on_nothing, NULL);
}

size_t pool_busy(const struct pool *pool)
{
    return pool->questions + pool->running + pool->waiting_count;
}

static void on_work(uv_work_t *uv)
{
    struct job *job = uv->data;
    job->work(job->arg);
}

static void on_after_work(uv_work_t *uv, int status)
{
    (void)status; /* nothing is ever cancelled */
    struct job *job = uv->data;
    struct pool *pool = job->pool;
    pool->questions--;
    job->done(job->arg);
    free(job);
    pool->on_done(pool->arg);
}

enum rc pool_submit(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                    struct err *err)
{
    if (pool->questions >= POOL_MAX)
        return err_set(err, RC_OVERLOADED, "too many questions at once; ask again later");
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return err_set(err, RC_NO_MEMORY, "memory ran out; ask again later");
    *job = (struct job){.pool = pool, .work = work, .done = done, .arg = arg};
    job->uv.data = job;
    if (uv_queue_work(pool->loop, &job->uv, on_work, on_after_work) != 0) {
        free(job);
        return err_set(err, RC_INTERNAL, "the question could not be given to a thread");
    }
    pool->questions++;
    return RC_OK;
}

/* --- errands ------------------------------------------------------------------------------------------- */

static void *run_errands(void *arg)
{
    struct pool *pool = arg;
    thread_begin("errands", THREAD_BACKGROUND);
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stopping) {
        struct pool_errand *errand = pool->begun;
        if (!errand) {
            pthread_cond_wait(&pool->changed, &pool->mutex);
            continue;
        }
        pool->begun = NULL;
        pthread_mutex_unlock(&pool->mutex);
        errand->work(errand->arg);
        pthread_mutex_lock(&pool->mutex);
        pool->finished = errand;
        uv_async_send(&pool->returned);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static void link_waiting(struct pool *pool, struct pool_errand *errand)
{
    errand->waits = true;
    errand->prev = pool->last_waiting;
    *(errand->prev ? &errand->prev->next : &pool->waiting) = errand;
    pool->last_waiting = errand;
    pool->waiting_count++;
}

static void unlink_waiting(struct pool *pool, struct pool_errand *errand)
{
    *(errand->prev ? &errand->prev->next : &pool->waiting) = errand->next;
    *(errand->next ? &errand->next->prev : &pool->last_waiting) = errand->prev;
    errand->prev = errand->next = NULL;
    errand->waits = false;
    pool->waiting_count--;
}

/* Like a question, an errand under way keeps the loop from ending. */
static void begin_next(struct pool *pool)
{
    struct pool_errand *errand = pool->waiting;
    if (!errand || pool->running)
        return;
    unlink_waiting(pool, errand);
    pool->running = true;
    uv_ref((uv_handle_t *)&pool->returned);
    pthread_mutex_lock(&pool->mutex);
    pool->begun = errand;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

static void on_returned(uv_async_t *returned)
{
    struct pool *pool = returned->data;
    pthread_mutex_lock(&pool->mutex);
    struct pool_errand *errand = pool->finished;
    pool->finished = NULL;
    pthread_mutex_unlock(&pool->mutex);
    if (!errand)
        return;
    pool->running = false;
    uv_unref((uv_handle_t *)&pool->returned);
    errand->done(errand->arg);
    free(errand);
    begin_next(pool);
    pool->on_done(pool->arg);
}

enum rc pool_enqueue(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                     struct pool_errand **ret, struct err *err)
{
    struct pool_errand *errand = calloc(1, sizeof *errand);
    if (!errand)
        return err_set(err, RC_NO_MEMORY, "memory ran out; ask again later");
    *errand = (struct pool_errand){.pool = pool, .work = work, .done = done, .arg = arg};
    link_waiting(pool, errand);
    begin_next(pool);
    *ret = errand;
    return RC_OK;
}

bool pool_withdraw(struct pool_errand *errand)
{
    if (!errand->waits)
        return false;
    unlink_waiting(errand->pool, errand);
    free(errand);
    return true;
}

/* --- the pool ------------------------------------------------------------------------------------------ */

static void dispose(struct pool *pool)
{
    uv_close((uv_handle_t *)&pool->returned, NULL);
    uv_run(pool->loop, UV_RUN_NOWAIT); /* lets go of the handle */
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

struct pool *pool_new(struct uv_loop_s *loop, void (*on_done)(void *arg), void *arg)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    *pool = (struct pool){.loop = loop, .on_done = on_done, .arg = arg};
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    uv_async_init(loop, &pool->returned, on_returned);
    pool->returned.data = pool;
    uv_unref((uv_handle_t *)&pool->returned);
    if (pthread_create(&pool->thread, NULL, run_errands, pool) != 0) {
        dispose(pool);
        return NULL;
    }
    start_threads(pool);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    assert(pool_busy(pool) == 0);
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    pthread_join(pool->thread, NULL);
    dispose(pool);
}
