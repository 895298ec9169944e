/*
 * terminal - what depends on whether a person is looking: colour and progress bars.
 *
 * Colour only on a terminal, never with NO_COLOR set (https://no-color.org) or TERM=dumb. Progress goes to
 * standard error, is drawn at most ten times a second, and is nothing at all when standard error is not a
 * terminal.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_TERMINAL_H
#define FAIRLEAD_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE, COLOUR_DIM, COLOUR_BOLD };

bool terminal_is(int fd);
bool terminal_has_colour(int fd);
/* The escape sequence for colour on fd, or "". COLOUR_NONE: the reset. Static storage. */
const char *terminal_colour(int fd, enum colour colour);
/* The same whatever the terminal. */
const char *terminal_sequence(enum colour colour);
/* Columns of the terminal, 80 when unknown. */
int terminal_width(int fd);

struct progress {
    const char *label;
    uint64_t total; /* 0: not known */
    uint64_t done;
    usec started;
    usec drawn;
    bool active;
};

void progress_start(struct progress *progress, const char *label, uint64_t total);
void progress_step(struct progress *progress, uint64_t done);
/* Removes the bar. */
void progress_end(struct progress *progress);

#endif
