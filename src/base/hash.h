/*
 * hash - a fast 64-bit hash of bytes for tables in memory.
 *
 * Not for what an opponent may choose, unless collisions cost only time that is bounded otherwise; never
 * stored.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_BASE_HASH_H
#define FAIRLEAD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* All bits depend on all bytes; the upper ones are the better mixed. */
uint64_t hash_bytes(const void *bytes, size_t len);

#endif
