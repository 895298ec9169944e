#include "journal/heads.h"

#include <string.h>

#include "base/hash.h"

enum heads_use heads_see(struct heads *heads, struct slice head, uint64_t seq, uint64_t *ret_id)
{
    if (head.len < HEADS_MIN_LEN || head.len > HEADS_MAX_LEN)
        return HEADS_INLINE;
    uint64_t hash = hash_bytes(head.ptr, head.len);
    struct heads_slot *slot = &heads->slots[hash % HEADS_SLOTS];
    if (slot->hash != hash || !slice_equal(slice_of(slot->text, slot->len), head)) {
        slot->hash = hash;
        slot->id = 0;
        slot->len = head.len;
        memcpy(slot->text, head.ptr, head.len);
        return HEADS_INLINE;
    }
    bool usable = slot->id != 0 && seq - slot->id < HEADS_SPAN;
    if (!usable)
        slot->id = seq;
    *ret_id = slot->id;
    return usable ? HEADS_REFER : HEADS_STORE;
}

void heads_forget(struct heads *heads)
{
    for (size_t i = 0; i < HEADS_SLOTS; i++)
        heads->slots[i].len = heads->slots[i].hash = heads->slots[i].id = 0;
}
