/*
 * receive - from a raw request to a record on disk: queue, verify, parse, dedupe, group commit.
 *
 * One thread takes everything that waits, checks each webhook, appends the good ones to the journal in one
 * commit, and hands all of them back with their results. While a commit runs the next batch gathers: no
 * timer, no setting.
 *
 * Invariant: a webhook comes back with RC_OK only after journal_append() said STORED or DUPLICATE for it.
 * Every webhook that was submitted comes back exactly once, also on failure and when stopping.
 *
 * Storage failures: a commit that fails is tried a second time at once. If that fails too and a probe finds
 * the disk unhealthy (full, read-only, I/O error), webhooks come back with RC_STORAGE_UNAVAILABLE and
 * readiness is false until a commit works again; this is tried with every batch and, without traffic, by a
 * probe every second (less often, up to a minute, when events fail again although the probe was content). If
 * the probe finds the disk healthy, the journal cannot be trusted to keep its promise: on_fatal is called and
 * nothing is accepted any more.
 *
 * Threads: submit, flush, take_done: loop. ready, busy: any. The receive thread owns the journal's writing
 * side.
 */
#ifndef FAIRLEAD_RECEIVE_RECEIVE_H
#define FAIRLEAD_RECEIVE_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "journal/journal.h"
#include "wire/signature.h"

/* One request on its way. Made by the caller, lent to receive between submit and take_done. */
struct webhook {
    struct webhook *next; /* used by receive while it has the webhook */
    struct slice path;
    struct buf head; /* see wire/head.h; the receive thread adds :verified */
    struct buf body;
    usec received_at; /* wall clock, when the last byte had arrived */
    bool is_ours; /* made by the server itself: signed with the keys in force, then checked as any other */

    enum rc rc; /* result */
    bool duplicate;
    uint64_t seq;
    struct err err;
};

struct receive_options {
    struct journal *journal;    /* borrowed; must outlive receive */
    const char *const *secrets; /* copied */
    size_t secret_count;
    enum scheme scheme;
    usec tolerance;
    usec retention; /* 0: keep everything */
    /* The newest record that retention may remove: what reads the journal is past it. Receive thread; NULL:
     * all. */
    uint64_t (*may_trim)(void *arg);
    void *may_trim_arg;
    size_t queue_max_webhooks; /* beyond either: RC_OVERLOADED */
    size_t queue_max_bytes;
    void (*on_done)(void *arg); /* receive thread: something is ready to be taken; wake the loop */
    void (*on_fatal)(void *arg, const struct err *err); /* receive thread, at most once */
    void *arg;
};

struct receive;

/* Starts the thread. RC_USAGE for secrets that are no keys; RC_NO_MEMORY. */
MUST_CHECK enum rc receive_start(const struct receive_options *options, struct receive **ret,
                                 struct err *err);

/*
 * Queues a webhook. RC_OVERLOADED, RC_STOPPING: not taken, the caller keeps it. The thread may not be woken
 * before receive_flush(): call that once when all that arrived in this turn has been submitted.
 */
MUST_CHECK enum rc receive_submit(struct receive *receive, struct webhook *webhook, struct err *err);
void receive_flush(struct receive *receive);

/* The finished webhooks as a list through ->next, oldest first; NULL when there are none. They are the
 * caller's again. */
struct webhook *receive_take_done(struct receive *receive);

/* A commit that has taken this long: whoever asks is told that nothing can be stored now. */
#define RECEIVE_SLOW_COMMIT (10 * USEC_PER_SEC)

/* Can a webhook be stored now? err says why not. */
bool receive_ready(struct receive *receive, struct err *err);

/*
 * How long the thread has been at what it does now without coming to an end (a batch with its commit, a step
 * of retention, a probe), or, when webhooks wait that it has not begun with, how long it has left them.
 * 0: it waits for work. Healthy disks give milliseconds.
 */
usec receive_busy(struct receive *receive);

/* New keys and tolerance for requests taken from now on; on failure the old ones stay. Any thread. */
MUST_CHECK enum rc receive_set_secrets(struct receive *receive, enum scheme scheme,
                                       const char *const *secrets, size_t count, usec tolerance,
                                       struct err *err);

/*
 * Finishes what is queued (each comes back through take_done, after a last on_done), refuses what comes
 * later, ends the thread. Call receive_free() after the last take_done.
 */
void receive_stop(struct receive *receive);
void receive_free(struct receive *receive);

#endif
