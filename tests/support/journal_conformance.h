/*
 * journal_conformance - what every engine of the journal has to do, tested through journal/journal.h alone.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_TESTS_JOURNAL_CONFORMANCE_H
#define FAIRLEAD_TESTS_JOURNAL_CONFORMANCE_H

#include "journal/journal.h"

/* Where an engine's journals for tests come from. */
struct conformance_place {
    const char *name; /* of the group of tests */
    /* Makes room for a journal that does not exist yet and fills in what finds it. */
    void (*make)(struct journal_options *ret_options);
    /* Removes it. */
    void (*remove)(const struct journal_options *options);
};

/* Runs the suite; the number of failed tests. */
int journal_conformance_run(const struct conformance_place *place);

#endif
