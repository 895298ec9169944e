/*
 * chance - random numbers that a seed decides: the same seed gives the same numbers, on every machine.
 *
 * xoshiro256** 1.0 by David Blackman and Sebastiano Vigna (2018), its state filled by splitmix64, as they
 * advise (prng.di.unimi.it). For simulations, never for secrets. What goes through exp() and log() may differ
 * in its last bit between C libraries.
 *
 * Thread: any; one holder at a time.
 */
#ifndef FAIRLEAD_BASE_CHANCE_H
#define FAIRLEAD_BASE_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state[4];
};

void chance_seed(struct chance *chance, uint64_t seed);

/* 64 random bits. */
uint64_t chance_next(struct chance *chance);
/* 0 to limit - 1; limit must not be 0. */
uint64_t chance_below(struct chance *chance, uint64_t limit);
/* true in `percent` of 100 cases; never for 0, always for 100. */
bool chance_percent(struct chance *chance, int64_t percent);
/* At least 0, less than 1. */
double chance_unit(struct chance *chance);
/* Times between things that happen independently of each other, this far apart on average. */
double chance_exponential(struct chance *chance, double mean);
/* How long people take: half of them less than the median; spread is the standard deviation of the logarithm.
 */
double chance_log_normal(struct chance *chance, double median, double spread);

/* A number that looks random and depends on every bit of `number`: splitmix64's output for it. */
uint64_t chance_mix(uint64_t number);

#endif
