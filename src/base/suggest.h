/* suggest - which known name did somebody mean? Thread: any. */
#ifndef FAIRLEAD_BASE_SUGGEST_H
#define FAIRLEAD_BASE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How many single-character changes (insert, remove, replace, swap of neighbours) lead from one text to the
 * other; a large number when either is longer than 63 bytes.
 */
size_t suggest_distance(const char *a, const char *b);

/* Is a distance small enough, for a name of this length, to ask "did you mean"? */
bool suggest_is_near(size_t distance, size_t name_length);

#endif
