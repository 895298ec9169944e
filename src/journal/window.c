#include "journal/window.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define WINDOW_MIN_BITS 10
#define WINDOW_MAX_BITS 36

static size_t slot_count(const struct window *window)
{
    return window->slots ? (size_t)1 << window->bits : 0;
}

static size_t home(const struct window *window, uint64_t fingerprint)
{
    return (size_t)((fingerprint * window->multiplier) >> (64 - window->bits));
}

static size_t after(const struct window *window, size_t at)
{
    return (at + 1) & (slot_count(window) - 1);
}

static uint64_t random_odd(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        /* No randomness (an old kernel): still different in each process, only easier to guess. */
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        number = ((uint64_t)now.tv_nsec << 32) ^ (uint64_t)now.tv_sec ^ UINT64_C(0x9E3779B97F4A7C15);
    }
    return number | 1;
}

void window_init(struct window *window)
{
    *window = (struct window){.multiplier = random_odd()};
}

void window_cleanup(struct window *window)
{
    free(window->slots);
    *window = (struct window){.multiplier = window->multiplier};
}

static void put(struct window *window, struct window_slot slot)
{
    size_t at = home(window, slot.fingerprint);
    while (window->slots[at].seq != 0)
        at = after(window, at);
    window->slots[at] = slot;
}

static bool resize(struct window *window, unsigned bits)
{
    struct window bigger = *window;
    bigger.bits = bits;
    bigger.slots = calloc((size_t)1 << bits, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < slot_count(window); i++)
        if (window->slots[i].seq != 0)
            put(&bigger, window->slots[i]);
    free(window->slots);
    *window = bigger;
    return true;
}

/* Three quarters of the slots, without overflow. */
static size_t capacity(unsigned bits)
{
    return (size_t)3 << (bits - 2);
}

bool window_reserve(struct window *window, size_t count)
{
    if (window->slots && count <= capacity(window->bits))
        return true;
    unsigned bits = window->slots ? window->bits : WINDOW_MIN_BITS;
    while (bits < WINDOW_MAX_BITS && count > capacity(bits))
        bits++;
    return count <= capacity(bits) && resize(window, bits);
}

bool window_add(struct window *window, uint64_t fingerprint, uint64_t seq)
{
    assert(seq != 0);
    if (!window_reserve(window, window->count + 1))
        return false;
    put(window, (struct window_slot){fingerprint, seq});
    window->count++;
    return true;
}

/*
 * Closes the gap at `hole`: whatever stands behind it and may stand in it moves up, so that a search never
 * ends too early and no tombstones pile up.
 */
static void close_gap(struct window *window, size_t hole)
{
    size_t mask = slot_count(window) - 1;
    for (size_t at = after(window, hole); window->slots[at].seq != 0; at = after(window, at)) {
        size_t from_home = (at - home(window, window->slots[at].fingerprint)) & mask;
        size_t from_hole = (at - hole) & mask;
        if (from_home >= from_hole) {
            window->slots[hole] = window->slots[at];
            hole = at;
        }
    }
    window->slots[hole] = (struct window_slot){0, 0};
}

/* Where the pair stands; SIZE_MAX: nowhere. */
static size_t place_of(const struct window *window, uint64_t fingerprint, uint64_t seq)
{
    if (window->count == 0)
        return SIZE_MAX;
    for (size_t at = home(window, fingerprint); window->slots[at].seq != 0; at = after(window, at))
        if (window->slots[at].seq == seq && window->slots[at].fingerprint == fingerprint)
            return at;
    return SIZE_MAX;
}

bool window_has(const struct window *window, uint64_t fingerprint, uint64_t seq)
{
    return place_of(window, fingerprint, seq) != SIZE_MAX;
}

bool window_remove(struct window *window, uint64_t fingerprint, uint64_t seq)
{
    size_t at = place_of(window, fingerprint, seq);
    if (at == SIZE_MAX)
        return false;
    close_gap(window, at);
    window->count--;
    return true;
}

/* *cursor counts the slots already passed from the fingerprint's home. */
uint64_t window_find(const struct window *window, uint64_t fingerprint, size_t *cursor)
{
    if (window->count == 0)
        return 0;
    size_t mask = slot_count(window) - 1;
    for (size_t at = (home(window, fingerprint) + *cursor) & mask; window->slots[at].seq != 0;
         at = after(window, at)) {
        ++*cursor;
        if (window->slots[at].fingerprint == fingerprint)
            return window->slots[at].seq;
    }
    return 0;
}
