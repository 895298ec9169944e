/*
 * event_line - one event as a line for a person: time, type, app, account, user, verified. Made from the
 * API's JSON.
 *
 * On a terminal the columns are aligned to its width and the time is local; elsewhere everything is written
 * out, and the time is as the API gives it.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_EVENT_LINE_H
#define FAIRLEAD_CLI_EVENT_LINE_H

#include "cli/screen.h"
#include "wire/json.h"

void event_line_write(const json_t *event, const struct screen *screen, struct buf *out);

#endif
