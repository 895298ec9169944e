/*
 * pool - work that may block, on libuv's threads, and a word on the loop when it is done.
 *
 * Endpoints with RUN_POOL use it by themselves; a handler or stream that needs a database in between asks
 * with pool_submit(request->pool, …).
 *
 * Invariant: after pool_submit() has returned RC_OK, `done` is called exactly once, later, on the loop.
 * Stopping waits for it. A stream may be closed while its work is under way: its owner lets go of what the
 * work uses only in `done`.
 *
 * Thread: loop; `work` runs on another thread.   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_POOL_H
#define FAIRLEAD_HTTP_POOL_H

#include "base/error.h"

#include <stddef.h>

#define POOL_MAX 64 /* under way or waiting for a thread; beyond: RC_OVERLOADED */

struct pool;

MUST_CHECK enum rc pool_submit(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                               struct err *err);

/* The server's part: `on_done` is called after each `done`. The pool must be idle when it is freed. */
struct uv_loop_s;
struct pool *pool_new(struct uv_loop_s *loop, void (*on_done)(void *arg), void *arg);
void pool_free(struct pool *pool);
/* How much is under way. */
size_t pool_busy(const struct pool *pool);

#endif
