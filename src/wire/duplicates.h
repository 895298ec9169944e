/*
 * duplicates - the body of a record that says which events came again: {"duplicates":[[12,1],[40,3]]}, pairs
 * of an event's record number and how often it came again.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_DUPLICATES_H
#define FAIRLEAD_WIRE_DUPLICATES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct duplicate {
    uint64_t seq;
    uint64_t count;
};

/* Sorts by seq and adds up what is about one event; returns how many are left. */
size_t duplicates_merge(struct duplicate *items, size_t count);

/* Appends the body. */
void duplicates_write(const struct duplicate *items, size_t count, struct buf *out);

/* Calls fn for each pair. Pairs that are none are passed over; RC_INVALID_JSON when the body is not of this
 * kind. */
MUST_CHECK enum rc duplicates_read(struct slice body, void (*fn)(void *arg, const struct duplicate *item),
                                   void *arg, struct err *err);

#endif
