/*
 * event_line - one event as a line for a person: time, type, app, account, user, verified. Made from the
 * API's JSON.
 *
 * On a terminal the columns are aligned to its width and the time is local; elsewhere everything is written
 * out, and the time is as the API gives it. An account's id is never cut, because it is what a reader copies:
 * where room is scarce, the columns go first in which nothing was seen yet, then that of the user, then app
 * and type are cut.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_EVENT_LINE_H
#define FAIRLEAD_CLI_EVENT_LINE_H

#include "cli/screen.h"
#include "wire/json.h"

/* What the lines of one run have shown: their columns stay below each other. Zero it before the first. */
struct event_columns {
    int account; /* of the widest id, as far as a line has room for it */
    bool verified;
};

void event_line_write(const json_t *event, const struct screen *screen, struct event_columns *seen,
                      struct buf *out);

#endif
