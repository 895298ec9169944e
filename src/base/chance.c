#include "base/chance.h"

#include <assert.h>
#include <math.h>

#define SPLITMIX_STEP UINT64_C(0x9E3779B97F4A7C15)

uint64_t chance_mix(uint64_t number)
{
    uint64_t z = number + SPLITMIX_STEP;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void chance_seed(struct chance *chance, uint64_t seed)
{
    for (int i = 0; i < 4; i++, seed += SPLITMIX_STEP)
        chance->state[i] = chance_mix(seed);
}

static uint64_t rotate(uint64_t bits, int by)
{
    return bits << by | bits >> (64 - by);
}

uint64_t chance_next(struct chance *chance)
{
    uint64_t *s = chance->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

/* The upper half of a product: for limits far below 2^64 no number is noticeably likelier than another. */
uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    assert(limit > 0);
    return (uint64_t)(((unsigned __int128)chance_next(chance) * limit) >> 64);
}

bool chance_percent(struct chance *chance, int64_t percent)
{
    return (int64_t)chance_below(chance, 100) < percent;
}

double chance_unit(struct chance *chance)
{
    return (double)(chance_next(chance) >> 11) * 0x1p-53;
}

double chance_exponential(struct chance *chance, double mean)
{
    return -mean * log(1 - chance_unit(chance));
}

/* A normal deviate by the method of Box and Muller (1958). */
double chance_log_normal(struct chance *chance, double median, double spread)
{
    double radius = sqrt(-2 * log(1 - chance_unit(chance)));
    double angle = 2 * M_PI * chance_unit(chance);
    return median * exp(spread * radius * cos(angle));
}
