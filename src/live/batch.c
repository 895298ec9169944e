#include "live/batch.h"

#include <assert.h>
#include <stdlib.h>

/* A busy transaction's memory is given back. */
#define KEEP_BYTES ((size_t)1024 * 1024)

struct piece {
    size_t at;
    size_t len; /* one more; 0: absent */
};

struct batch_entry {
    enum message_kind kind;
    uint64_t seq;
    size_t text_at;
    size_t text_len;
    struct piece keys[KEY_COUNT];
    uint32_t hash[KEY_COUNT];
};

static void forget(struct batch *batch)
{
    batch->count = 0;
    if (batch->bytes.capacity > KEEP_BYTES)
        buf_cleanup(&batch->bytes);
    else
        buf_clear(&batch->bytes);
}

/* With what comes next of the record that was last added. */
static void drop(struct batch *batch)
{
    forget(batch);
    batch->hole = true;
    batch->hole_ends = batch->last_seq > 0;
    batch->hole_seq = batch->last_seq;
}

void batch_skip(struct batch *batch)
{
    forget(batch);
    batch->hole = true;
    batch->hole_ends = false;
}

void batch_clear(struct batch *batch)
{
    forget(batch);
    batch->hole = batch->hole_ends = false;
    batch->last_seq = 0;
}

void batch_cleanup(struct batch *batch)
{
    buf_cleanup(&batch->bytes);
    free(batch->entries);
    *batch = (struct batch){.max_bytes = batch->max_bytes};
}

static bool grow(struct batch *batch)
{
    if (batch->count < batch->capacity)
        return true;
    size_t capacity = batch->capacity ? 2 * batch->capacity : 64;
    struct batch_entry *entries = realloc(batch->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    batch->entries = entries;
    batch->capacity = capacity;
    return true;
}

static size_t text_end(const struct batch *batch)
{
    if (batch->count == 0)
        return 0;
    const struct batch_entry *last = &batch->entries[batch->count - 1];
    size_t end = last->text_at + last->text_len;
    for (int key = 0; key < KEY_COUNT; key++)
        if (last->keys[key].len && last->keys[key].at + last->keys[key].len - 1 > end)
            end = last->keys[key].at + last->keys[key].len - 1;
    return end;
}

static struct piece add_piece(struct batch *batch, struct slice text)
{
    if (!text.ptr)
        return (struct piece){0, 0};
    struct piece piece = {batch->bytes.len, text.len + 1};
    buf_add_slice(&batch->bytes, text);
    return piece;
}

void batch_add(struct batch *batch, enum message_kind kind, uint64_t seq, const struct message_keys *keys)
{
    size_t from = text_end(batch);
    size_t len = batch->bytes.len - from;
    if (batch->hole && !batch->hole_ends && seq > 0) {
        batch->hole_ends = true;
        batch->hole_seq = seq - 1;
    }
    if (seq > 0)
        batch->last_seq = seq;
    if (len == 0 && !buf_failed(&batch->bytes))
        return;
    if (seq > 0 && batch->hole && seq <= batch->hole_seq) { /* its account is among what was dropped */
        drop(batch);
        return;
    }
    struct batch_entry entry = {.kind = kind, .seq = seq, .text_at = from, .text_len = len};
    for (int key = 0; key < KEY_COUNT; key++) {
        entry.keys[key] = add_piece(batch, keys->text[key]);
        entry.hash[key] = keys->hash[key];
    }
    if (buf_failed(&batch->bytes) || batch->bytes.len > batch->max_bytes || !grow(batch))
        drop(batch);
    else
        batch->entries[batch->count++] = entry;
}

void batch_set_type(struct batch *batch, uint64_t seq, struct slice type)
{
    struct message_keys keys = {.text = {[KEY_TYPE] = type}};
    struct piece piece = {0, 0};
    if (batch->count == 0 || !type.ptr)
        return;
    struct batch_entry *last = &batch->entries[batch->count - 1];
    if (last->kind != MESSAGE_ACCOUNT || last->seq != seq || last->keys[KEY_TYPE].len)
        return;
    message_keys_hash(&keys);
    piece = add_piece(batch, type);
    last->keys[KEY_TYPE] = piece;
    last->hash[KEY_TYPE] = keys.hash[KEY_TYPE];
}

static struct slice slice_at(const struct batch *batch, size_t at, size_t len)
{
    return slice_of(batch->bytes.ptr + at, len);
}

void batch_get(const struct batch *batch, size_t index, struct message *ret)
{
    assert(index < batch->count);
    const struct batch_entry *entry = &batch->entries[index];
    *ret = (struct message){
        .kind = entry->kind, .seq = entry->seq, .text = slice_at(batch, entry->text_at, entry->text_len)};
    for (int key = 0; key < KEY_COUNT; key++) {
        ret->keys.hash[key] = entry->hash[key];
        if (entry->keys[key].len)
            ret->keys.text[key] = slice_at(batch, entry->keys[key].at, entry->keys[key].len - 1);
    }
}
