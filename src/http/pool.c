#include "http/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

struct pool {
    uv_loop_t *loop;
    void (*on_done)(void *arg);
    void *arg;
    size_t questions; /* under way, so with errands */
    size_t errands;
    struct pool_errand *waiting;
    struct pool_errand *last_waiting; /* NULL: none */
    size_t waiting_count;
    uv_work_t first;
};

struct job {
    uv_work_t uv; /* its data: this job */
    struct pool *pool;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void on_nothing(uv_work_t *uv)
{
    (void)uv;
}

/* An errand is a job that may have to wait. */
struct pool_errand {
    struct job job;
    struct pool_errand *prev;
    struct pool_errand *next;
    bool waits;
};

/* Makes libuv start its threads now, while signals are held: they never get one, as server_run() wants it. */
static void start_threads(struct pool *pool)
{
    uv_queue_work(pool->loop, &pool->first, on_nothing, NULL);
}

struct pool *pool_new(struct uv_loop_s *loop, void (*on_done)(void *arg), void *arg)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    *pool = (struct pool){.loop = loop, .on_done = on_done, .arg = arg};
    start_threads(pool);
    return pool;
}

void pool_free(struct pool *pool)
{
    assert(!pool || pool_busy(pool) == 0);
    free(pool);
}

size_t pool_busy(const struct pool *pool)
{
    return pool->questions + pool->errands + pool->waiting_count;
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

static void start_errands(struct pool *pool);

static void on_after_errand(uv_work_t *uv, int status)
{
    (void)status; /* nothing is ever cancelled */
    struct job *job = uv->data;
    struct pool *pool = job->pool;
    pool->errands--;
    job->done(job->arg);
    free(job); /* the errand's first member */
    start_errands(pool);
    pool->on_done(pool->arg);
}

static void start_errands(struct pool *pool)
{
    while (pool->waiting && pool->errands < POOL_ERRANDS) {
        struct pool_errand *errand = pool->waiting;
        unlink_waiting(pool, errand);
        pool->errands++;
        /* It refuses only a job without work. */
        int code = uv_queue_work(pool->loop, &errand->job.uv, on_work, on_after_errand);
        assert(code == 0);
    }
}

enum rc pool_enqueue(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                     struct pool_errand **ret, struct err *err)
{
    struct pool_errand *errand = calloc(1, sizeof *errand);
    if (!errand)
        return err_set(err, RC_NO_MEMORY, "memory ran out; ask again later");
    errand->job = (struct job){.pool = pool, .work = work, .done = done, .arg = arg};
    errand->job.uv.data = &errand->job;
    link_waiting(pool, errand);
    start_errands(pool);
    *ret = errand;
    return RC_OK;
}

bool pool_withdraw(struct pool_errand *errand)
{
    if (!errand->waits)
        return false;
    unlink_waiting(errand->job.pool, errand);
    free(errand);
    return true;
}
