#include "cli/human_time.h"

#include <inttypes.h>

static const struct unit {
    usec length;
    const char *name;
} UNITS[] = {{USEC_DAY, "d"}, {USEC_HOUR, "h"}, {USEC_MINUTE, "m"}, {USEC_PER_SEC, "s"}};
enum { SECOND = 3 };

static size_t unit_of(usec span)
{
    size_t i = 0;
    while (i < SECOND && span < UNITS[i].length)
        i++;
    return i;
}

void human_time_span(usec span, struct buf *out)
{
    if (span < 0) {
        buf_add_char(out, '-');
        span = span == INT64_MIN ? INT64_MAX : -span;
    }
    size_t i = unit_of(span);
    int64_t whole = span / UNITS[i].length;
    usec rest = span % UNITS[i].length;
    if (span < USEC_PER_SEC)
        buf_addf(out, "%" PRId64 "ms", span / USEC_PER_MS);
    else if (i == SECOND && span < 10 * USEC_PER_SEC)
        buf_addf(out, "%" PRId64 ".%" PRId64 "s", whole, rest / (USEC_PER_SEC / 10));
    else
        buf_addf(out, "%" PRId64 "%s", whole, UNITS[i].name);
    if (i < SECOND && i > 0 && rest / UNITS[i + 1].length)
        buf_addf(out, "%02" PRId64 "%s", rest / UNITS[i + 1].length, UNITS[i + 1].name);
    else if (i == 0 && rest / USEC_HOUR)
        buf_addf(out, "%" PRId64 "h", rest / USEC_HOUR);
}

void human_time_ago(usec at, usec now, struct buf *out)
{
    usec span = now > at ? now - at : at - now;
    if (span < USEC_PER_SEC) {
        buf_add_str(out, "now");
        return;
    }
    size_t i = unit_of(span);
    buf_addf(out, "%s%" PRId64 "%s%s", now > at ? "" : "in ", span / UNITS[i].length, UNITS[i].name,
             now > at ? " ago" : "");
}
