/*
 * questions - what users ask of the read model: lists of events and accounts, one of each, onboarding
 * figures.
 *
 * Answers are JSON (interface.md, section 3), appended to a buf. Each is true for one position of the
 * journal. Lists are newest first: events by record number, accounts by first appearance; both orders never
 * change, so a cursor stays valid whatever arrives. A question looks at no more than QUESTION_BUDGET rows,
 * and a list of events ends after about QUESTION_BYTES: a page may be short although there is a next one.
 *
 * Thread: any number of threads at the same time; each question uses a connection of its own. They block on
 * the disk: never on the loop.
 */
#ifndef FAIRLEAD_TRACK_QUESTIONS_H
#define FAIRLEAD_TRACK_QUESTIONS_H

#include <stdbool.h>

#include "base/buf.h"
#include "journal/journal.h"
#include "track/account.h"
#include "track/event.h"

#define QUESTION_BUDGET      20000
#define QUESTION_BYTES       ((size_t)4 * 1024 * 1024) /* a list of events ends when it has so many */
#define QUESTION_MAX_ITEMS   500
#define QUESTION_MAX_BUCKETS 1500
#define QUESTION_MAX_GROUPS  1000

struct questions;

/* `directory` has state.db, which need not exist yet; the journal is borrowed. */
MUST_CHECK enum rc questions_open(const char *directory, struct journal *journal, struct questions **ret,
                                  struct err *err);
void questions_close(struct questions *questions);

/* Called, on the thread that asks, when an answer was not to be had because a file is damaged. Set before the
 * first question. */
void questions_watch(struct questions *questions, void (*on_damage)(void *arg), void *arg);

/* Which page of a list. */
struct page {
    size_t limit;    /* 1 to QUESTION_MAX_ITEMS */
    uint64_t cursor; /* the `next` of the page before; 0: the first */
};

/* Absent slices and TIME_NONE: no condition. All conditions must hold. */
struct event_filter {
    struct slice type;
    struct slice app;
    struct slice connected_account_id;
    usec since; /* received at or after */
    usec until; /* received before */
    struct slice q;
};

/* RC_BAD_PARAMETER for a q that cannot be searched for and for since after until; RC_STORAGE_UNAVAILABLE;
 * RC_NO_MEMORY; so with all. */
MUST_CHECK enum rc question_events(struct questions *questions, const struct event_filter *filter,
                                   const struct page *page, bool reveal, struct buf *out, struct err *err);

/* RC_NOT_FOUND: no such event, or retention has removed it. raw: only the exact bytes of the body. */
MUST_CHECK enum rc question_event(struct questions *questions, uint64_t seq, bool raw, bool reveal,
                                  struct buf *out, struct err *err);

/* The app by which question_events() finds this event: its own, or that of its account when it came. Nothing
 * is appended when it has none. For the live feed. */
MUST_CHECK enum rc question_event_app(struct questions *questions, uint64_t seq, struct buf *out,
                                      struct err *err);

struct account_filter {
    int status;  /* enum account_status; -1: any */
    int stalled; /* enum stalled; -1: any */
    struct slice app;
    struct slice q;
};

MUST_CHECK enum rc question_accounts(struct questions *questions, const struct account_filter *filter,
                                     const struct page *page, struct buf *out, struct err *err);

/* With attempts and timeline, the newest QUESTION_MAX_ITEMS of each, and of the timeline about
 * QUESTION_BYTES. RC_NOT_FOUND. */
MUST_CHECK enum rc question_account(struct questions *questions, struct slice id, bool reveal,
                                    struct buf *out, struct err *err);
/* The account alone; nothing is appended when there is none. For the live feed. */
MUST_CHECK enum rc question_account_alone(struct questions *questions, struct slice id, struct buf *out,
                                          struct err *err);

enum onboarding_by { BY_APP, BY_INTEGRATION };

struct onboarding_filter {
    usec since; /* of an attempt's start; widened to whole buckets */
    usec until;
    enum onboarding_by by;
    int grain; /* index into rollup_grains */
};

/* RC_BAD_PARAMETER: more than QUESTION_MAX_BUCKETS buckets. */
MUST_CHECK enum rc question_onboarding(struct questions *questions, const struct onboarding_filter *filter,
                                       struct buf *out, struct err *err);

/* How many accounts there are. */
MUST_CHECK enum rc question_account_count(struct questions *questions, uint64_t *ret, struct err *err);

/* The metrics of connections by app, in Prometheus' text format. */
MUST_CHECK enum rc question_metrics(struct questions *questions, struct buf *out, struct err *err);

#endif
