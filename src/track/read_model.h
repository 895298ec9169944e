/*
 * read_model - state.db as a function of the journal: records go in, accounts, attempts, roll-ups and the
 * index of events come out.
 *
 * Used one transaction at a time:  begin, apply… , judge, commit.  The file says up to which record it is
 * true. Whatever the order in which the events of an account come, the result is that of the order of their
 * own times; two of the same time and kind are one. Of two texts for one thing the one of the later time
 * counts, of the same time the greater.
 *
 * Limits: ids and names of more than READ_MODEL_MAX_NAME bytes are not tracked (the event itself is kept and
 * listed); a status reason is cut at EVENT_MAX_TEXT. A body's time that is more than a day ahead of
 * its receipt is not believed.
 *
 * Thread: the owner's (the tracker, or the rebuild command).
 */
#ifndef FAIRLEAD_TRACK_READ_MODEL_H
#define FAIRLEAD_TRACK_READ_MODEL_H

#include "journal/journal.h"
#include "track/lifecycle.h"
#include "track/tracker.h"

#define READ_MODEL_MAX_NAME 256

struct read_model_options {
    const char *directory;
    struct patience patience;
    struct tracker_listener listener; /* functions NULL: nobody */
};

struct read_model;

/*
 * Opens state.db, making it when it is missing. One that cannot be used (another version, damaged, made with
 * other options) is made anew; *ret_why says why, in one sentence, or is empty. What a trimmed journal cannot
 * tell any more is taken over where the old file can be read; one that cannot be read is kept beside it
 * (state_set_aside()). `first`: the oldest record of the journal.
 */
MUST_CHECK enum rc read_model_open(const struct read_model_options *options, uint64_t first, uint64_t last,
                                   struct read_model **ret, struct err *ret_why, struct err *err);
void read_model_close(struct read_model *model);

/*
 * Forgets everything that the journal from `first` on can tell again, keeping what it cannot (the steps of
 * accounts in records before it); the position is then first - 1.
 */
MUST_CHECK enum rc read_model_reset(struct read_model *model, uint64_t first, usec now, struct err *err);

/* The last record that it is true for; 0: none. */
uint64_t read_model_position(const struct read_model *model);

void read_model_begin(struct read_model *model);
/* The next record. */
void read_model_apply(struct read_model *model, const struct record *record, usec now);
/* Marks up to `max` attempts whose time has come. Returns how many. */
size_t read_model_judge(struct read_model *model, usec now, size_t max);
/* Forgets index entries of records before `first`, which the journal has no more; at most `max`. true: there
 * are more. */
bool read_model_trim(struct read_model *model, uint64_t first, size_t max);
/* RC_OK: everything since begin is in the file. Otherwise nothing is. */
MUST_CHECK enum rc read_model_commit(struct read_model *model, struct err *err);

/* When read_model_judge() has something to do; TIME_NONE: never, as far as is known. */
usec read_model_next_deadline(struct read_model *model);

#endif
