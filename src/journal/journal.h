/*
 * journal - the durable log of everything that happened: the truth from which all else is made.
 *
 * Records have sequence numbers from 1 without gaps, in the order in which they were stored. Event records
 * have a key; inside the dedupe window a key is stored once. When append says STORED, the record is on disk
 * (fsync returned) and will be there exactly once, whatever happens to the process or the machine next.
 *
 * This header is the engine boundary: callers see nothing of the engine, and
 * tests/support/journal_conformance.c runs against every engine. SQLite is the engine
 * (journal/sqlite_engine.c); another one is another row in journal.c's table.
 *
 * Threads: append, trim and lock are for one thread at a time (the owner: receive). read, pick, wait, last,
 * first and health may be called from any thread at any time, also while append runs. close: when no other
 * call is under way.
 */
#ifndef FAIRLEAD_JOURNAL_JOURNAL_H
#define FAIRLEAD_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

#define JOURNAL_MAX_BATCH  1024                       /* records in one append */
#define JOURNAL_MAX_RECORD ((size_t)64 * 1024 * 1024) /* bytes of head and body of one record */

/* number (stored, never reused), text form, meaning */
#define RECORD_KINDS(X)                                                                                      \
    X(RECORD_EVENT, 1, "event", "an accepted webhook")                                                       \
    X(RECORD_NOTE, 2, "note", "something an operator or the server itself did")                              \
    X(RECORD_DUPLICATES, 3, "duplicates",                                                                    \
      "which events came again (wire/duplicates.h), once a second at most")

#define RECORD_ENUM_ROW(name, number, text, help) name = number,
enum record_kind { RECORD_KINDS(RECORD_ENUM_ROW) };
#undef RECORD_ENUM_ROW

/* The text form; NULL for a number that no row has. */
const char *record_kind_name(enum record_kind kind);

struct record {
    uint64_t seq; /* read: its number; append: ignored */
    enum record_kind kind;
    usec received_at;     /* wall clock */
    bool key_hashed;      /* see wire/dedupe_key.h */
    struct slice key;     /* absent for kinds that are never duplicates */
    uint64_t fingerprint; /* append: of the key; read: 0 */
    struct slice head;    /* see wire/head.h */
    struct slice body;    /* the exact bytes that arrived */
};

enum append_result {
    APPEND_STORED,    /* on disk */
    APPEND_DUPLICATE, /* a record with this key is on disk already */
    APPEND_REFUSED,   /* cannot ever be stored (too large, no kind); nothing was changed */
};

struct append_outcome {
    enum append_result result;
    uint64_t seq; /* the record's number; for a duplicate the first copy's; 0 when refused */
};

struct journal_options {
    const char *directory;    /* must exist; journal.db is made in it */
    bool read_only;           /* no append, no lock; the file must exist */
    usec dedupe_window;       /* keys older than this are forgotten; 0: none are kept. Their age is counted
                                 from the newest record, or from the clock when that is earlier */
    uint64_t dedupe_max_keys; /* the oldest are forgotten beyond this; 0: the engine's default (8,000,000) */
    /*
     * Gives the fingerprint of a stored key, 0: none. With it the window is made from the records (reads them
     * all) and holds every key that is stored, also those that were forgotten: for imports. NULL: no.
     */
    uint64_t (*fingerprint_of)(bool hashed, struct slice key);
    const char *vfs; /* SQLite VFS for tests; NULL: the system's */
};

struct journal;

/*
 * Opens, creating what is missing, and loads the dedupe window (one sequential scan). Writable: takes the
 * data directory for this process; RC_LOCKED names the process that holds it. RC_TOO_NEW for a file of a
 * newer version, RC_CORRUPT for a file that is not a journal, RC_STORAGE_UNAVAILABLE for what may pass (full,
 * read-only, I/O error), RC_NOT_FOUND when read_only and there is none.
 */
MUST_CHECK enum rc journal_open(const struct journal_options *options, struct journal **ret, struct err *err);
void journal_close(struct journal *journal);

/*
 * Stores `count` (1 to JOURNAL_MAX_BATCH) records in one commit and fills ret_outcomes[count]. Two records of
 * a batch with one key: the second is a duplicate of the first. On failure nothing of the batch is
 * acknowledged and outcomes are untouched: RC_STORAGE_UNAVAILABLE  not stored, for a reason that the operator
 * can end (disk full, read-only, cannot open) RC_COMMIT_UNKNOWN       any other failure (I/O error): it may
 * or may not be on disk In both cases the caller must not acknowledge; sending the same records again is safe
 * and never stores one twice. After a failure the engine brings itself back to a known state by itself at the
 * next call.
 */
MUST_CHECK enum rc journal_append(struct journal *journal, const struct record *records, size_t count,
                                  struct append_outcome *ret_outcomes, struct err *err);

/*
 * What an engine puts off while it appends, so that nobody's answer waits for it (SQLite: copying its log
 * into the file). Call it after each append, when the outcome has been passed on; mostly there is nothing to
 * do. A failure harms nothing that is stored; journal_health() tells of it.
 */
void journal_tidy(struct journal *journal);

/* Called for one record; its slices are valid until it returns. false stops the reading. */
typedef bool (*record_fn)(void *arg, const struct record *record);

/*
 * Calls fn for up to `max` records with seq > after_seq, in order, no gaps. *ret_last becomes the last seq
 * seen, or after_seq. When trim has removed some of them, it starts at the oldest retained one (a reader sees
 * that from the seq). RC_STORAGE_UNAVAILABLE, RC_CORRUPT.
 */
MUST_CHECK enum rc journal_read(struct journal *journal, uint64_t after_seq, size_t max, record_fn fn,
                                void *arg, uint64_t *ret_last, struct err *err);

/*
 * Calls fn for those of the `count` records with these numbers that are there, in the order given: for a few
 * that lie far apart. RC_STORAGE_UNAVAILABLE, RC_CORRUPT, RC_NO_MEMORY; fn may have been called before such a
 * failure.
 */
MUST_CHECK enum rc journal_pick(struct journal *journal, const uint64_t *seqs, size_t count, record_fn fn,
                                void *arg, struct err *err);

/*
 * Returns when a record newer than after_seq may exist, `timeout` (usec) has passed, or journal_wake() was
 * called. A hint, never the truth: read() tells.
 */
void journal_wait(struct journal *journal, uint64_t after_seq, usec timeout);
/* Makes every waiter return now. For stopping. */
void journal_wake(struct journal *journal);

/* The newest stored seq (0: none), and the oldest retained one (0: none). Never blocks. */
uint64_t journal_last(struct journal *journal);
MUST_CHECK enum rc journal_first(struct journal *journal, uint64_t *ret_first, struct err *err);

/*
 * Removes records received before `before` from the old end, none after upto_seq (readers may still want
 * those) and at most max_records in this call, so that the caller may append in between. Records with a time
 * in the future go with what was stored after them. The newest record always stays. *ret_removed less than
 * max_records: done.
 */
MUST_CHECK enum rc journal_trim(struct journal *journal, usec before, uint64_t upto_seq, size_t max_records,
                                size_t *ret_removed, struct err *err);

/*
 * One holder of `name` among all processes that share this journal; lost when the holder's process dies.
 * RC_LOCKED when somebody else holds it.
 */
MUST_CHECK enum rc journal_lock(struct journal *journal, const char *name, struct err *err);
void journal_unlock(struct journal *journal, const char *name);

struct journal_health {
    bool durable;  /* the durability that a 2xx promises is switched on (checked, not assumed) */
    bool writable; /* a small write and fsync in the data directory worked just now */
    uint64_t last_seq;
    uint64_t bytes;       /* on disk, everything the journal occupies */
    uint64_t window_keys; /* keys in the dedupe window */
    char detail[200];     /* engine, mode, and what is wrong */
};

/* RC_OK when durable and writable, else RC_STORAGE_UNAVAILABLE with the reason; *ret is filled in either
 * case. Any thread; does I/O. */
MUST_CHECK enum rc journal_health(struct journal *journal, struct journal_health *ret, struct err *err);

/* Counters and gauges only (last_seq, bytes, window_keys), no probe write: cheap enough for every scrape. */
void journal_figures(struct journal *journal, struct journal_health *ret);

/* Full integrity check of the stored file (slow: reads everything). RC_CORRUPT says what was found. For
 * doctor and tests. */
MUST_CHECK enum rc journal_check(struct journal *journal, struct err *err);

#endif
