/*
 * engine - what a storage engine has to provide; journal/journal.h is the same thing as callers see it.
 *
 * One row of functions per engine. The contract of each function is that of its namesake in
 * journal/journal.h; journal.c adds waiting and waking, which no engine has to know about.
 *
 * Threads: as in journal/journal.h. Owner: static tables.
 */
#ifndef FAIRLEAD_JOURNAL_ENGINE_H
#define FAIRLEAD_JOURNAL_ENGINE_H

#include "journal/journal.h"

struct engine {
    const char *name;
    enum rc (*open)(const struct journal_options *options, void **ret_state, struct err *err);
    void (*close)(void *state);
    enum rc (*append)(void *state, const struct record *records, size_t count,
                      struct append_outcome *ret_outcomes, struct err *err);
    void (*tidy)(void *state);
    enum rc (*read)(void *state, uint64_t after_seq, size_t max, record_fn fn, void *arg, uint64_t *ret_last,
                    struct err *err);
    enum rc (*pick)(void *state, const uint64_t *seqs, size_t count, record_fn fn, void *arg,
                    struct err *err);
    uint64_t (*last)(void *state);
    enum rc (*first)(void *state, uint64_t *ret_first, struct err *err);
    enum rc (*trim)(void *state, usec before, uint64_t upto_seq, size_t max_records, size_t *ret_removed,
                    struct err *err);
    enum rc (*lock)(void *state, const char *name, struct err *err);
    void (*unlock)(void *state, const char *name);
    enum rc (*health)(void *state, struct journal_health *ret, struct err *err);
    void (*figures)(void *state, struct journal_health *ret);
    enum rc (*check)(void *state, struct err *err);
};

#endif
