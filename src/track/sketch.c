#include "track/sketch.h"

#include <math.h>

#define SUB_BITS    4
#define SUB_COUNT   (1u << SUB_BITS)
#define MAX_MS      ((UINT64_C(1) << 36) - 1)
#define VARINT_BITS 7

static unsigned highest_bit(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

size_t sketch_bucket(usec duration)
{
    uint64_t ms = duration > 0 ? (uint64_t)(duration / USEC_PER_MS) : 0;
    if (ms > MAX_MS)
        ms = MAX_MS;
    if (ms < SUB_COUNT)
        return (size_t)ms;
    unsigned shift = highest_bit(ms) - SUB_BITS;
    return (size_t)(shift * SUB_COUNT + (ms >> shift));
}

/* The first millisecond of a bucket; that of the one after the last ends the last. */
static uint64_t bucket_start(size_t bucket)
{
    if (bucket < 2 * SUB_COUNT)
        return bucket;
    size_t shift = bucket / SUB_COUNT - 1;
    return (uint64_t)(bucket % SUB_COUNT + SUB_COUNT) << shift;
}

usec sketch_bucket_end(size_t bucket)
{
    return (usec)bucket_start(bucket + 1) * USEC_PER_MS;
}

usec sketch_bucket_middle(size_t bucket)
{
    return ((usec)bucket_start(bucket) + (usec)bucket_start(bucket + 1)) * USEC_PER_MS / 2;
}

int64_t sketch_total(const struct sketch *sketch)
{
    int64_t total = 0;
    for (size_t i = 0; i < SKETCH_BUCKETS; i++)
        total += sketch->counts[i];
    return total;
}

usec sketch_quantile(const struct sketch *sketch, double q)
{
    int64_t total = sketch_total(sketch);
    int64_t rank = (int64_t)ceil(q * (double)total);
    if (total <= 0)
        return -1;
    size_t bucket = 0;
    for (int64_t below = sketch->counts[0]; below < rank && bucket + 1 < SKETCH_BUCKETS;)
        below += sketch->counts[++bucket];
    return sketch_bucket_middle(bucket);
}

static void add_varint(struct buf *out, uint64_t value)
{
    for (; value >= 1u << VARINT_BITS; value >>= VARINT_BITS)
        buf_add_char(out, (char)(value | 1u << VARINT_BITS));
    buf_add_char(out, (char)value);
}

static bool take_varint(struct slice *rest, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; rest->len > 0 && shift < 63; shift += VARINT_BITS) {
        unsigned char byte = (unsigned char)rest->ptr[0];
        *rest = slice_skip(*rest, 1);
        value |= (uint64_t)(byte & ((1u << VARINT_BITS) - 1)) << shift;
        if (!(byte & 1u << VARINT_BITS)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/* Pairs of varints: how many buckets further, the count (zigzag, since differences may be negative). */
void sketch_encode(const struct sketch *sketch, struct buf *out)
{
    size_t next = 0;
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        int64_t count = sketch->counts[i];
        if (count == 0)
            continue;
        add_varint(out, i - next);
        add_varint(out, (uint64_t)count << 1 ^ (uint64_t)(count >> 63));
        next = i + 1;
    }
}

bool sketch_add_encoded(struct sketch *ret, struct slice encoded)
{
    uint64_t bucket = 0;
    while (encoded.len > 0) {
        uint64_t skip, zigzag;
        if (!take_varint(&encoded, &skip) || !take_varint(&encoded, &zigzag))
            return false;
        bucket += skip;
        if (bucket >= SKETCH_BUCKETS)
            return false;
        int64_t *count = &ret->counts[bucket++];
        if (__builtin_add_overflow(*count, (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1), count))
            return false;
    }
    return true;
}
