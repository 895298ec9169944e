#include "http/refusals.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/payload.h"

struct refusals {
    uint64_t last; /* number of the newest; 0: none */
    usec second;   /* in which bodies were looked at */
    int looks;     /* … so many times */
    struct refusal ring[REFUSALS_MAX];
};

struct refusals *refusals_new(void)
{
    return calloc(1, sizeof(struct refusals));
}

void refusals_free(struct refusals *all)
{
    free(all);
}

/* A flood of forged bodies must not make the loop parse each of them. */
static bool may_look(struct refusals *all, usec now)
{
    usec second = now / USEC_PER_SEC;
    if (second != all->second)
        all->looks = 0;
    all->second = second;
    return all->looks++ < REFUSALS_LOOKS;
}

static void copy_account(struct slice id, struct refusal *to)
{
    size_t len = id.len < sizeof to->connected_account_id ? id.len : sizeof to->connected_account_id - 1;
    while (len > 0 && len < id.len && ((unsigned char)id.ptr[len] & 0xC0) == 0x80)
        len--;
    if (len > 0)
        memcpy(to->connected_account_id, id.ptr, len);
    to->connected_account_id[len] = '\0';
}

static void find_account(struct slice body, struct refusal *to)
{
    CLEANUP(payload_cleanup) struct payload payload = {0};
    payload_read(&payload, body);
    copy_account(payload.connected_account_id, to);
}

void refusals_add(struct refusals *all, const struct refusal *refusal, struct slice body)
{
    struct refusal *entry = &all->ring[all->last % REFUSALS_MAX];
    *entry = *refusal;
    entry->number = ++all->last;
    entry->connected_account_id[0] = '\0';
    if (body.len > 0 && body.len <= REFUSALS_BODY_MAX && may_look(all, clock_monotonic()))
        find_account(body, entry);
}

const struct refusal *refusals_before(const struct refusals *all, uint64_t before)
{
    uint64_t number = before == 0 || before > all->last ? all->last : before - 1;
    uint64_t oldest = all->last > REFUSALS_MAX ? all->last - REFUSALS_MAX + 1 : 1;
    return number >= oldest ? &all->ring[(number - 1) % REFUSALS_MAX] : NULL;
}
