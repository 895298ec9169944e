/*
 * human_time - times and durations in the few characters that a person reads at a glance. Thread: any.
 */
#ifndef FAIRLEAD_CLI_HUMAN_TIME_H
#define FAIRLEAD_CLI_HUMAN_TIME_H

#include "base/buf.h"
#include "base/clock.h"

/* "850ms", "4.2s", "42s", "4m10s", "2h05m", "3d4h": two units, rounded down; "-4s" for a negative one. */
void human_time_span(usec span, struct buf *out);

/* "42s ago", "3h ago", "5d ago": one unit; "now" for less than a second, "in 4s" for what is to come. */
void human_time_ago(usec at, usec now, struct buf *out);

#endif
