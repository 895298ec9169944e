/*
 * sketch - how long connections took: a histogram with a bounded relative error that can be added up.
 *
 * Durations are counted in buckets: one for each millisecond below 32 ms, then 16 for each power of two. A
 * quantile is answered with the middle of its bucket, so it is off by at most half a millisecond or 1/32
 * (3.2 %) of the exact one. Sketches of parts add up to the sketch of the whole, exactly. Durations over
 * 2^36 ms (795 days) count as that: the last bucket has no end, though sketch_bucket_end() gives it that.
 *
 * Counts may be negative while a sketch is a difference that is to be added to another.
 *
 * Thread: any; a sketch belongs to one at a time.
 */
#ifndef FAIRLEAD_TRACK_SKETCH_H
#define FAIRLEAD_TRACK_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"

#define SKETCH_BUCKETS 528

struct sketch {
    int64_t counts[SKETCH_BUCKETS];
};

/* The bucket of a duration; negative ones count as 0. */
size_t sketch_bucket(usec duration);
/* The end of a bucket (what is in it is shorter, but for the last), and the middle that stands for it. */
usec sketch_bucket_end(size_t bucket);
usec sketch_bucket_middle(size_t bucket);

int64_t sketch_total(const struct sketch *sketch);

/*
 * The duration that a share `q` (0 < q <= 1) of all are at most, by the nearest-rank definition: of n
 * durations the ceil(q * n)-th. -1 when the sketch is empty.
 */
usec sketch_quantile(const struct sketch *sketch, double q);

/* The stored form: only buckets that are not empty; nothing at all for an empty sketch. */
void sketch_encode(const struct sketch *sketch, struct buf *out);
/* Adds a stored form to ret. false when it is none; ret may then hold a part of it. */
bool sketch_add_encoded(struct sketch *ret, struct slice encoded) __attribute__((warn_unused_result));

#endif
