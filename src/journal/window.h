/*
 * window - the keys of the dedupe window in memory: fingerprints and the seq under which each is stored.
 *
 * A fingerprint may be there more than once (two keys that share it); who looks it up confirms each seq
 * against the stored key. 16 bytes per slot, at most three quarters of the slots used, doubled when that is
 * passed.
 *
 * Senders can choose ids and so fingerprints: the slot comes from a multiplication by a random odd number
 * that nobody else knows, so that nobody can make long chains on purpose.
 *
 * Thread: one at a time.   Owner: the engine.
 */
#ifndef FAIRLEAD_JOURNAL_WINDOW_H
#define FAIRLEAD_JOURNAL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window_slot {
    uint64_t fingerprint;
    uint64_t seq; /* 0: free */
};

struct window {
    struct window_slot *slots;
    unsigned bits; /* there are 2^bits slots */
    size_t count;
    uint64_t multiplier;
};

/* Empty; takes no memory before the first add. */
void window_init(struct window *window);
void window_cleanup(struct window *window);

/* Makes room for `count` keys in all, so that adding them does not grow it step by step. false: no memory. */
bool window_reserve(struct window *window, size_t count) __attribute__((warn_unused_result));

/* seq must not be 0. false: no memory, nothing added. */
bool window_add(struct window *window, uint64_t fingerprint, uint64_t seq)
    __attribute__((warn_unused_result));

/* Is this pair there? */
bool window_has(const struct window *window, uint64_t fingerprint, uint64_t seq);

/* false when this pair is not there. */
bool window_remove(struct window *window, uint64_t fingerprint, uint64_t seq);

/*
 * The seqs of a fingerprint one after the other: start with *cursor 0, ends with 0. Nothing may be added or
 * removed in between.
 */
uint64_t window_find(const struct window *window, uint64_t fingerprint, size_t *cursor);

#endif
