/*
 * seen - the keys of the dedupe window as they are stored: rows of `seen`, and the window made from them.
 *
 * A row holds the fingerprints of some records that follow one another, 8 bytes each (little-endian, 0 for a
 * record without key), and the newest of their times.
 *
 * Thread: one at a time.   Owner: none; nothing is kept here.
 */
#ifndef FAIRLEAD_JOURNAL_SEEN_H
#define FAIRLEAD_JOURNAL_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"
#include "journal/sqlite_conn.h"
#include "journal/window.h"

/* What the window holds; see journal_options. */
struct seen_rules {
    usec window;
    uint64_t max_keys;
    uint64_t (*fingerprint_of)(bool hashed, struct slice key);
};

struct seen_row {
    uint64_t first_seq;
    usec at;
    const char *prints; /* the statement's, until its next step */
    size_t count;
};

/* Of a statement that gives first_seq, at, prints. */
struct seen_row seen_read(sqlite3_stmt *row);

/* The i-th record's key; false: it has none. */
bool seen_slot(const struct seen_row *row, size_t i, struct window_slot *ret);

/* Was the row loaded? Rows are left out as a whole. */
bool seen_is_in_window(const struct window *window, const struct seen_row *row);

/* 0 stands for "no key", so a key whose fingerprint happens to be 0 gets 1: matches are confirmed anyway. */
uint64_t seen_print(uint64_t fingerprint);

/* Makes a window of what is stored; *ret is written on success alone. RC_NO_MEMORY, or what reading brings.
 */
MUST_CHECK enum rc seen_load(const struct sqlite_site *site, sqlite3 *db, const struct seen_rules *rules,
                             struct window *ret, struct err *err);

#endif
