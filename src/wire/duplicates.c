#include "wire/duplicates.h"

#include <inttypes.h>
#include <stdlib.h>

#include "wire/json.h"

static int compare(const void *a, const void *b)
{
    const struct duplicate *x = a;
    const struct duplicate *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

size_t duplicates_merge(struct duplicate *items, size_t count)
{
    size_t left = 0;
    if (count > 0)
        qsort(items, count, sizeof *items, compare);
    for (size_t i = 0; i < count; i++) {
        if (left > 0 && items[left - 1].seq == items[i].seq)
            items[left - 1].count += items[i].count;
        else
            items[left++] = items[i];
    }
    return left;
}

void duplicates_write(const struct duplicate *items, size_t count, struct buf *out)
{
    buf_add_str(out, "{\"duplicates\":[");
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", items[i].seq, items[i].count);
    buf_add_str(out, "]}");
}

enum rc duplicates_read(struct slice body, void (*fn)(void *arg, const struct duplicate *item), void *arg,
                        struct err *err)
{
    json_t *tree = NULL;
    enum rc rc = json_parse(body, &tree, err);
    const json_t *list = rc == RC_OK ? json_object_get(tree, "duplicates") : NULL;
    if (rc == RC_OK && !json_is_array(list))
        rc = err_set(err, RC_INVALID_JSON, "this is no list of duplicates");
    for (size_t i = 0; rc == RC_OK && i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        json_int_t seq = json_integer_value(json_array_get(pair, 0));
        json_int_t count = json_integer_value(json_array_get(pair, 1));
        if (seq > 0 && count > 0)
            fn(arg, &(struct duplicate){(uint64_t)seq, (uint64_t)count});
    }
    json_decref(tree);
    return rc;
}
