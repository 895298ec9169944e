#include "http/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

struct pool {
    uv_loop_t *loop;
    void (*on_done)(void *arg);
    void *arg;
    size_t busy;
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
    assert(!pool || pool->busy == 0);
    free(pool);
}

size_t pool_busy(const struct pool *pool)
{
    return pool->busy;
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
    pool->busy--;
    job->done(job->arg);
    free(job);
    pool->on_done(pool->arg);
}

enum rc pool_submit(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                    struct err *err)
{
    if (pool->busy >= POOL_MAX)
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
    pool->busy++;
    return RC_OK;
}
