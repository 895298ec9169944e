#include "track/time_blocks.h"

#include <stdlib.h>
#include <string.h>

void time_blocks_init(struct time_blocks *blocks)
{
    *blocks = (struct time_blocks){.count = 0};
    pthread_mutex_init(&blocks->mutex, NULL);
}

void time_blocks_cleanup(struct time_blocks *blocks)
{
    free(blocks->items);
    pthread_mutex_destroy(&blocks->mutex);
}

bool time_blocks_find(struct time_blocks *blocks, uint64_t number, struct time_block *ret)
{
    pthread_mutex_lock(&blocks->mutex);
    bool known = number < blocks->count && blocks->items[number].known;
    if (known)
        *ret = blocks->items[number];
    pthread_mutex_unlock(&blocks->mutex);
    return known;
}

static bool grow(struct time_blocks *blocks, uint64_t number)
{
    size_t count = (size_t)number + 1 + (size_t)number / 4;
    struct time_block *grown = realloc(blocks->items, count * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + blocks->count, 0, (count - blocks->count) * sizeof *grown);
    blocks->items = grown;
    blocks->count = count;
    return true;
}

void time_blocks_keep(struct time_blocks *blocks, uint64_t number, const struct time_block *block)
{
    pthread_mutex_lock(&blocks->mutex);
    if (number < blocks->count || grow(blocks, number)) {
        blocks->items[number] = *block;
        blocks->items[number].known = true;
    }
    pthread_mutex_unlock(&blocks->mutex);
}
