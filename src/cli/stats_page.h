/*
 * stats_page - onboarding figures as bars that a person reads at a glance: funnel, starts over time, time to
 * connect, groups. Made from the answer of GET /api/v1/onboarding, read liberally.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_STATS_PAGE_H
#define FAIRLEAD_CLI_STATS_PAGE_H

#include "cli/screen.h"
#include "wire/json.h"

/* by: what the groups are, "app" or "integration"; bucket: what a step of the series is, "hour". */
struct stats_page {
    const char *by;
    const char *bucket;
};

void stats_page_write(const json_t *answer, const struct stats_page *page, const struct screen *screen,
                      struct buf *out);

#endif
