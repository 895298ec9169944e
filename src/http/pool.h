/*
 * pool - work that may block, on other threads, and a word on the loop when it is done.
 *
 * Endpoints with RUN_POOL use it by themselves; a handler that needs a database in between asks with
 * pool_submit(request->pool, …); they run on libuv's threads. Long errands of streams, which nobody waits for
 * with a time limit, have a thread of their own, pool_enqueue(): one after the other and at low priority, so
 * that however many they are, none is refused, no question waits for them, and receiving goes first.
 *
 * Invariant: after pool_submit() has returned RC_OK, `done` is called exactly once, later, on the loop; so
 * with an errand unless it is withdrawn. Stopping waits for it. A stream may be closed while its work is
 * under way: its owner lets go of what the work uses only in `done`.
 *
 * Thread: loop; `work` runs on another thread.   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_POOL_H
#define FAIRLEAD_HTTP_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define POOL_MAX 64 /* questions under way or waiting for a thread; beyond: RC_OVERLOADED */

struct pool;
struct pool_errand;

MUST_CHECK enum rc pool_submit(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                               struct err *err);

/* In its turn. *ret is for pool_withdraw() until `done` is called. RC_NO_MEMORY. */
MUST_CHECK enum rc pool_enqueue(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg),
                                void *arg, struct pool_errand **ret, struct err *err);
/* true: its turn had not come; neither `work` nor `done` will be called. */
bool pool_withdraw(struct pool_errand *errand);

/* The server's part: `on_done` is called after each `done`. NULL: there is no memory or no thread left. The
 * pool must be idle when it is freed, and its loop not closed. */
struct uv_loop_s;
struct pool *pool_new(struct uv_loop_s *loop, void (*on_done)(void *arg), void *arg);
void pool_free(struct pool *pool);
/* How much is under way or waits. */
size_t pool_busy(const struct pool *pool);

#endif
