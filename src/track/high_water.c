#include "track/high_water.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"

#define SLOTS 8192 /* a power of two, a third more than HIGH_WATER_SERIES */

struct high_water_slot {
    uint64_t series; /* its hash; 0: free */
    double value;
};

void high_water_init(struct high_water *high)
{
    *high = (struct high_water){.slots = NULL};
    pthread_mutex_init(&high->mutex, NULL);
}

void high_water_cleanup(struct high_water *high)
{
    free(high->slots);
    pthread_mutex_destroy(&high->mutex);
}

/* Its slot or a free one. */
static struct high_water_slot *find(struct high_water *high, uint64_t series)
{
    size_t at = (size_t)(series >> 32) % SLOTS;
    while (high->slots[at].series != 0 && high->slots[at].series != series)
        at = (at + 1) % SLOTS;
    return &high->slots[at];
}

static double raise_to(struct high_water *high, uint64_t series, double value)
{
    if (!high->slots)
        high->slots = calloc(SLOTS, sizeof *high->slots);
    if (!high->slots)
        return value;
    struct high_water_slot *slot = find(high, series);
    if (slot->series == 0) {
        if (high->count == HIGH_WATER_SERIES)
            return value;
        *slot = (struct high_water_slot){series, value};
        high->count++;
    }
    if (value > slot->value)
        slot->value = value;
    return slot->value;
}

double high_water_raise(struct high_water *high, struct slice series, double value)
{
    uint64_t hash = hash_bytes(series.ptr, series.len) | 1;
    pthread_mutex_lock(&high->mutex);
    double raised = raise_to(high, hash, value);
    pthread_mutex_unlock(&high->mutex);
    return raised;
}
