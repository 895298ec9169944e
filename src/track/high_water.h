/*
 * high_water - what a counter was told at most, so that it is never told less.
 *
 * What the read model counts may fall a little: a late event can give an attempt to another app, or make a
 * connection shorter. Prometheus takes a counter that falls for one that began anew, and adds all of it once
 * more. So a series stands at its highest value until it is passed.
 *
 * Limits: HIGH_WATER_SERIES series; more are told as they are. A series is known by a hash: an app whose name
 * was made to collide with another's spoils the figures of these two, nothing else.
 *
 * Thread: any.   Owner: struct questions; embedded in it.
 */
#ifndef FAIRLEAD_TRACK_HIGH_WATER_H
#define FAIRLEAD_TRACK_HIGH_WATER_H

#include <pthread.h>

#include "base/slice.h"

#define HIGH_WATER_SERIES 6144

struct high_water {
    pthread_mutex_t mutex; /* guards the rest */
    struct high_water_slot *slots;
    size_t count;
};

void high_water_init(struct high_water *high);
void high_water_cleanup(struct high_water *high);

/* The greater of `value` and what this series was told before, which it is told now; `value` when memory ran
 * out. */
double high_water_raise(struct high_water *high, struct slice series, double value);

#endif
