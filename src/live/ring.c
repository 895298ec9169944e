#include "live/ring.h"

#include <assert.h>
#include <stdlib.h>

/* The keys stand before the text. */
struct ring_entry {
    uint64_t seq;
    enum message_kind kind;
    uint32_t at;
    uint32_t text_len;
    uint32_t key_len[KEY_COUNT]; /* one more than its length; 0: absent */
    uint32_t hash[KEY_COUNT];
};

enum rc ring_init(struct ring *ring, size_t bytes, size_t count, struct err *err)
{
    assert(bytes >= RING_MIN_BYTES && bytes <= UINT32_MAX && count >= 4);
    *ring = (struct ring){.bytes = bytes, .count = count};
    ring->text = malloc(bytes);
    ring->entries = calloc(count, sizeof *ring->entries);
    if (ring->text && ring->entries)
        return RC_OK;
    ring_cleanup(ring);
    return err_set(err, RC_NO_MEMORY, "no memory for the live feed");
}

void ring_cleanup(struct ring *ring)
{
    free(ring->text);
    free(ring->entries);
    *ring = (struct ring){.bytes = 0};
}

static struct ring_entry *entry_of(const struct ring *ring, uint64_t number)
{
    return &ring->entries[number % ring->count];
}

static void evict(struct ring *ring)
{
    uint64_t seq = entry_of(ring, ring->oldest)->seq;
    if (seq > ring->floor)
        ring->floor = seq;
    ring->oldest++;
}

void ring_reset(struct ring *ring, uint64_t floor)
{
    ring->oldest = ring->hole = ++ring->end;
    if (floor > ring->floor)
        ring->floor = floor;
    if (floor > ring->last_seq)
        ring->last_seq = floor;
    ring->head = 0;
}

/* Where `len` bytes in one piece are free; a byte stays free before the oldest text, so that a full ring does
 * not look like an empty one. */
static size_t make_room(struct ring *ring, size_t len)
{
    if (ring->end - ring->oldest == ring->count)
        evict(ring);
    for (; ring->oldest < ring->end; evict(ring)) {
        size_t tail = entry_of(ring, ring->oldest)->at;
        if (ring->head > tail) {
            if (ring->bytes - ring->head >= len)
                return ring->head;
            if (tail > len)
                return 0;
        } else if (tail - ring->head > len) {
            return ring->head;
        }
    }
    return 0;
}

void ring_push(struct ring *ring, const struct message *message)
{
    size_t len = message->text.len;
    for (int key = 0; key < KEY_COUNT; key++)
        len += message->keys.text[key].len;
    assert(len > 0 && len <= ring->bytes / 4);
    assert(message->seq >= ring->last_seq);
    size_t at = make_room(ring, len);
    struct ring_entry *entry = entry_of(ring, ring->end++);
    *entry = (struct ring_entry){.seq = message->seq,
                                 .kind = message->kind,
                                 .at = (uint32_t)at,
                                 .text_len = (uint32_t)message->text.len};
    for (int key = 0; key < KEY_COUNT; key++) {
        struct slice text = message->keys.text[key];
        entry->key_len[key] = text.ptr ? (uint32_t)text.len + 1 : 0;
        entry->hash[key] = message->keys.hash[key];
        if (text.len)
            memcpy(ring->text + at, text.ptr, text.len);
        at += text.len;
    }
    memcpy(ring->text + at, message->text.ptr, message->text.len);
    ring->head = at + message->text.len;
    ring->last_seq = message->seq;
}

void ring_get(const struct ring *ring, uint64_t number, struct message *ret)
{
    assert(number >= ring->oldest && number < ring->end);
    const struct ring_entry *entry = entry_of(ring, number);
    const char *at = ring->text + entry->at;
    *ret = (struct message){.kind = entry->kind, .seq = entry->seq};
    for (int key = 0; key < KEY_COUNT; key++) {
        ret->keys.hash[key] = entry->hash[key];
        if (!entry->key_len[key])
            continue;
        ret->keys.text[key] = slice_of(at, entry->key_len[key] - 1);
        at += entry->key_len[key] - 1;
    }
    ret->text = slice_of(at, entry->text_len);
}

uint64_t ring_find(const struct ring *ring, uint64_t seq)
{
    uint64_t low = ring->oldest;
    uint64_t high = ring->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (entry_of(ring, middle)->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
