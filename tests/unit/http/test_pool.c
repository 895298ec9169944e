/* pool on a loop of its own; work stands still at a gate that the test opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <uv.h>

#include "http/pool.h"

#define ERRANDS 100

struct scene {
    uv_loop_t loop;
    struct pool *pool;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    unsigned running;
    unsigned most;
    unsigned worked;
    /* loop */
    unsigned done;
};

struct errand {
    struct scene *scene;
    struct pool_errand *handle;
    bool done;
};

static void on_pool_done(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    static struct scene scene;
    scene = (struct scene){.open = false};
    assert_int_equal(uv_loop_init(&scene.loop), 0);
    scene.pool = pool_new(&scene.loop, on_pool_done, NULL);
    assert_non_null(scene.pool);
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    pthread_mutex_init(&scene.mutex, NULL);
    pthread_cond_init(&scene.changed, NULL);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    pool_free(scene->pool);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    pthread_cond_destroy(&scene->changed);
    pthread_mutex_destroy(&scene->mutex);
    return 0;
}

static void open_gate(struct scene *scene)
{
    pthread_mutex_lock(&scene->mutex);
    scene->open = true;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->mutex);
}

static void work(void *arg)
{
    struct errand *errand = arg;
    struct scene *scene = errand->scene;
    pthread_mutex_lock(&scene->mutex);
    scene->running++;
    if (scene->running > scene->most)
        scene->most = scene->running;
    while (!scene->open)
        pthread_cond_wait(&scene->changed, &scene->mutex);
    scene->running--;
    scene->worked++;
    pthread_mutex_unlock(&scene->mutex);
}

static void on_done(void *arg)
{
    struct errand *errand = arg;
    errand->done = true;
    errand->scene->done++;
}

static void answer(void *arg)
{
    (void)arg;
}

/* A question has been answered although errands stand at the gate: it opens. */
static void on_answer(void *arg)
{
    struct scene *scene = arg;
    scene->done++;
    if (scene->done == POOL_MAX)
        open_gate(scene);
}

static void enqueue(struct scene *scene, struct errand errands[ERRANDS])
{
    for (unsigned i = 0; i < ERRANDS; i++) {
        errands[i] = (struct errand){.scene = scene};
        assert_int_equal(pool_enqueue(scene->pool, work, on_done, &errands[i], &errands[i].handle, NULL),
                         RC_OK);
    }
}

static void errands_leave_questions_alone(void **state)
{
    struct scene *scene = *state;
    struct errand errands[ERRANDS];
    struct err err;
    enqueue(scene, errands);
    for (unsigned i = 0; i < POOL_MAX; i++)
        assert_int_equal(pool_submit(scene->pool, answer, on_answer, scene, &err), RC_OK);
    assert_int_equal(pool_submit(scene->pool, answer, on_answer, scene, &err), RC_OVERLOADED);
    assert_int_equal(pool_busy(scene->pool), ERRANDS + POOL_MAX);
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(scene->done, ERRANDS + POOL_MAX);
    assert_int_equal(scene->worked, ERRANDS);
    assert_int_equal(scene->most, 1);
    assert_int_equal(pool_busy(scene->pool), 0);
}

static void questions_leave_errands_alone(void **state)
{
    struct scene *scene = *state;
    struct errand errands[ERRANDS];
    struct err err;
    for (unsigned i = 0; i < POOL_MAX; i++)
        assert_int_equal(pool_submit(scene->pool, answer, on_answer, scene, &err), RC_OK);
    enqueue(scene, errands);
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(scene->worked, ERRANDS);
}

static void who_waits_may_withdraw(void **state)
{
    struct scene *scene = *state;
    struct errand errands[ERRANDS];
    enqueue(scene, errands);
    assert_false(pool_withdraw(errands[0].handle)); /* a thread may have it */
    unsigned withdrawn = 0;
    for (unsigned i = 2; i < ERRANDS; i += 3, withdrawn++)
        assert_true(pool_withdraw(errands[i].handle));
    assert_true(pool_withdraw(errands[ERRANDS - 1].handle)); /* the last, and so the next to last */
    assert_true(pool_withdraw(errands[ERRANDS - 3].handle));
    withdrawn += 2;
    assert_int_equal(pool_busy(scene->pool), ERRANDS - withdrawn);
    open_gate(scene);
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(scene->done, ERRANDS - withdrawn);
    assert_int_equal(scene->worked, ERRANDS - withdrawn);
    for (unsigned i = 2; i < ERRANDS; i += 3)
        assert_false(errands[i].done);
}

int main(void)
{
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE_TEST(errands_leave_questions_alone),
        SCENE_TEST(questions_leave_errands_alone),
        SCENE_TEST(who_waits_may_withdraw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
