/*
 * chance - random numbers that a seed gives again (splitmix64).
 *
 * Thread: any; a chance belongs to one at a time.
 */
#ifndef FAIRLEAD_TESTS_CHANCE_H
#define FAIRLEAD_TESTS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = (chance->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 0 to limit - 1. */
static inline uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    return chance_next(chance) % limit;
}

/* True once in `times`. */
static inline bool chance_once_in(struct chance *chance, uint64_t times)
{
    return chance_below(chance, times) == 0;
}

/* More than 0 and at most 1. */
static inline double chance_share(struct chance *chance)
{
    return ((double)(chance_next(chance) >> 11) + 1) / 9007199254740992.0;
}

#endif
