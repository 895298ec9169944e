#include "track/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define MANY        131072
#define MANY_BYTES  ((size_t)4 << 20)
#define SLOTS_FIRST 1024 /* a power of two; at most half of them are taken */

struct slot {
    uint32_t generation;
    uint32_t index;
};

void facts_init(struct facts *facts)
{
    *facts = (struct facts){.generation = 1, .last_account = -1};
}

void facts_cleanup(struct facts *facts)
{
    buf_cleanup(&facts->list);
    buf_cleanup(&facts->texts);
    buf_cleanup(&facts->slots);
}

static struct fact *list(const struct facts *facts)
{
    return (struct fact *)(void *)facts->list.ptr;
}

static size_t count(const struct facts *facts)
{
    return facts->list.len / sizeof(struct fact);
}

struct slice facts_text(const struct facts *facts, struct fact_text text)
{
    return text.len ? slice_of(facts->texts.ptr + text.at, text.len) : SLICE_NONE;
}

bool facts_are_many(const struct facts *facts)
{
    return count(facts) >= MANY || facts->texts.len >= MANY_BYTES;
}

/* ---- numbers of accounts ---- */

static size_t count_slots(const struct buf *slots)
{
    return slots->len / sizeof(struct slot);
}

/* The slot of an account: one that names a fact about it, or the free one that is its. */
static struct slot *find_slot(const struct facts *facts, struct slice account_id)
{
    struct slot *slots = (struct slot *)(void *)facts->slots.ptr;
    size_t mask = count_slots(&facts->slots) - 1;
    size_t at = hash_bytes(account_id.ptr, account_id.len) & mask;
    while (slots[at].generation == facts->generation &&
           !slice_equal(facts_text(facts, list(facts)[slots[at].index].account_id), account_id))
        at = (at + 1) & mask;
    return &slots[at];
}

/* Room for another account. When memory runs out the slots are as they were. */
static bool reserve_slot(struct facts *facts)
{
    struct buf old = facts->slots;
    size_t size = count_slots(&old);
    if (2 * (facts->accounts + 1) <= size)
        return true;
    struct buf slots = BUF_INIT;
    buf_add_fill(&slots, 0, (size ? 2 * size : SLOTS_FIRST) * sizeof(struct slot));
    if (buf_failed(&slots))
        return false;
    facts->slots = slots;
    const struct slot *each = (const struct slot *)(const void *)old.ptr;
    for (size_t i = 0; i < size; i++)
        if (each[i].generation == facts->generation)
            *find_slot(facts, facts_text(facts, list(facts)[each[i].index].account_id)) = each[i];
    buf_cleanup(&old);
    return true;
}

static void number_account(struct facts *facts, struct state *state, struct slice account_id,
                           struct fact *fact)
{
    state_ask(state, STATE_FIND_ACCOUNT, "s", account_id);
    fact->account = state_number(state, STATE_FIND_ACCOUNT, 0);
    fact->is_first = fact->account == 0;
    if (!fact->is_first)
        return;
    if (facts->last_account < 0) {
        state_ask(state, STATE_LAST_ACCOUNT, "");
        facts->last_account = state_number(state, STATE_LAST_ACCOUNT, 0);
    }
    fact->account = ++facts->last_account;
}

static void find_account(struct facts *facts, struct state *state, struct slice account_id, struct fact *fact)
{
    struct slot *slot = find_slot(facts, account_id);
    if (slot->generation == facts->generation) {
        fact->account = list(facts)[slot->index].account;
        return;
    }
    number_account(facts, state, account_id, fact);
    *slot = (struct slot){facts->generation, (uint32_t)count(facts)};
    facts->accounts++;
}

/* ---- the list ---- */

static struct fact_text add_text(struct facts *facts, struct slice text)
{
    struct fact_text at = {(uint32_t)facts->texts.len, (uint32_t)text.len};
    buf_add_slice(&facts->texts, text);
    return at;
}

void facts_add(struct facts *facts, struct state *state, const struct fact *fact, struct slice account_id,
               struct slice user_id, struct slice reason)
{
    struct fact added = *fact;
    added.account = 0;
    added.is_first = false;
    added.account_id = add_text(facts, account_id);
    added.user_id = add_text(facts, user_id);
    added.reason = add_text(facts, reason);
    bool failed = !reserve_slot(facts) || buf_failed(&facts->texts);
    if (!failed && account_id.len > 0)
        find_account(facts, state, account_id, &added);
    buf_add(&facts->list, &added, sizeof added);
    if (failed || buf_failed(&facts->list))
        state_fail(state, RC_NO_MEMORY, "memory ran out");
}

static int compare(const void *a, const void *b)
{
    const struct fact *x = a;
    const struct fact *y = b;
    if (x->account != y->account)
        return x->account < y->account ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

struct fact *facts_by_account(struct facts *facts, size_t *ret_count)
{
    *ret_count = count(facts);
    if (*ret_count > 1)
        qsort(list(facts), *ret_count, sizeof(struct fact), compare);
    return list(facts);
}

void facts_clear(struct facts *facts)
{
    buf_clear(&facts->list);
    buf_clear(&facts->texts);
    facts->accounts = 0;
    if (++facts->generation == 0) {
        buf_clear(&facts->slots); /* made anew, all free */
        facts->generation = 1;
    }
}

void facts_forget(struct facts *facts)
{
    facts_clear(facts);
    facts->last_account = -1;
}
