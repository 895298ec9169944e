/*
 * clock - times as int64 microseconds (`usec`), and their text forms.
 *
 * Wall-clock times are Unix time (since 1970-01-01 UTC, without leap seconds); durations and monotonic times
 * are plain counts. Nothing here keeps state.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_BASE_CLOCK_H
#define FAIRLEAD_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

typedef int64_t usec;

#define USEC_PER_MS  INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)
#define USEC_MINUTE  (60 * USEC_PER_SEC)
#define USEC_HOUR    (60 * USEC_MINUTE)
#define USEC_DAY     (24 * USEC_HOUR)

/* The last microsecond of the year 9999: text forms have four digits for the year. */
#define CLOCK_WALL_MAX INT64_C(253402300799999999)

/* CLOCK_REALTIME, for what people and other machines see. */
usec clock_wall(void);
/* CLOCK_MONOTONIC, for timeouts and durations. */
usec clock_monotonic(void);

#define CLOCK_RFC3339_SIZE  32 /* bytes for one text with its zero */
#define CLOCK_DURATION_SIZE 32

/* "2026-05-04T10:00:00.120Z" (RFC 3339, UTC, milliseconds, rounded down) into out; years 0000 to 9999, others
 * clamped. */
void clock_format(usec at, char out[CLOCK_RFC3339_SIZE]);

/*
 * RFC 3339 section 5.6 date-time: 'T' or 't' or a space, any number of fraction digits (past microseconds
 * cut), 'Z', 'z' or ±hh:mm. A leap second (:60) counts as the next second. false and *ret untouched when it
 * is not one.
 */
bool clock_parse(struct slice text, usec *ret) __attribute__((warn_unused_result));

/*
 * Durations as people write them: "300s", "500ms", "12m", "72h", "90d", "1h30m"; a bare number is seconds. At
 * most 100 years. false and *ret untouched when it is not one.
 */
bool clock_parse_duration(struct slice text, usec *ret) __attribute__((warn_unused_result));

/* The shortest exact form of the same grammar: "5m", "1h30m", "0s". */
void clock_format_duration(usec duration, char out[CLOCK_DURATION_SIZE]);

#endif
