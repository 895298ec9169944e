#include "track/tally.h"

#include <stdlib.h>

struct change {
    int64_t app;
    int64_t status;
    int64_t accounts;
};

void tally_init(struct tally *tally)
{
    *tally = (struct tally){.changes = BUF_INIT};
}

void tally_cleanup(struct tally *tally)
{
    buf_cleanup(&tally->changes);
}

void tally_forget(struct tally *tally)
{
    buf_clear(&tally->changes);
}

void tally_count(struct tally *tally, const struct account_row *row, int change)
{
    struct change entry = {row->app.name, row->lifecycle.status, change};
    buf_add(&tally->changes, &entry, sizeof entry);
}

static int compare(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    if (x->app != y->app)
        return x->app < y->app ? -1 : 1;
    return (x->status > y->status) - (x->status < y->status);
}

void tally_flush(struct tally *tally, struct state *state)
{
    struct change *changes = (struct change *)(void *)tally->changes.ptr;
    size_t count = tally->changes.len / sizeof *changes;
    if (buf_failed(&tally->changes))
        state_fail(state, RC_NO_MEMORY, "memory ran out");
    if (count > 0)
        qsort(changes, count, sizeof *changes, compare);
    for (size_t i = 0; i < count;) {
        struct change sum = {changes[i].app, changes[i].status, 0};
        for (; i < count && compare(&changes[i], &sum) == 0; i++)
            sum.accounts += changes[i].accounts;
        if (sum.accounts != 0)
            state_run(state, STATE_ADD_TALLY, "iii", sum.app, sum.status, sum.accounts);
        if (sum.accounts < 0)
            state_run(state, STATE_DROP_TALLY, "ii", sum.app, sum.status);
    }
    tally_forget(tally);
}
