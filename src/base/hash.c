#include "base/hash.h"

#include <string.h>

/* The fractional part of the golden ratio, an odd number without a pattern. */
#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * MULTIPLIER;
    return hash ^ (hash >> 32);
}

uint64_t hash_bytes(const void *bytes, size_t len)
{
    const char *at = bytes;
    uint64_t hash = mix(MULTIPLIER, len);
    uint64_t word;
    for (; len >= sizeof word; len -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash, word);
    }
    word = 0;
    if (len > 0)
        memcpy(&word, at, len);
    return mix(mix(hash, word), MULTIPLIER);
}
