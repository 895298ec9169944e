/*
 * screen - where output for people goes: its width, its characters, its colours; and text that fits.
 *
 * What comes from senders goes through screen_add(): control characters, which could steer a terminal, and
 * those that reverse the direction of writing become "?".
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_SCREEN_H
#define FAIRLEAD_CLI_SCREEN_H

#include <limits.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/terminal.h"

#define SCREEN_ANY INT_MAX /* as many columns as it takes */

struct screen {
    int width;    /* columns for charts, at least 40 */
    bool bounded; /* a terminal: longer lines would wrap, so that tables are cut to the width */
    bool unicode; /* else ASCII */
    bool colour;
    usec now; /* wall clock, for relative times */
};

struct screen screen_of(int fd);

/* Do these values of LC_ALL, LC_CTYPE and LANG (NULL: not set) mean UTF-8? */
bool screen_is_utf8(const char *lc_all, const char *lc_ctype, const char *lang);

/* How many columns the text takes. */
int screen_columns(struct slice text);

enum align { ALIGN_LEFT, ALIGN_RIGHT };

/* Appends text in `columns` columns: padded, or cut with an ellipsis at the end. SCREEN_ANY: neither. */
void screen_add(const struct screen *screen, struct slice text, int columns, enum align align,
                struct buf *out);
/* The same, but the end is what is kept when it has to be cut. */
void screen_add_end(const struct screen *screen, struct slice text, int columns, struct buf *out);

/* Ends a line, without the spaces that its last column was padded with. */
void screen_end_line(struct buf *out);

/* Switches to a colour; COLOUR_NONE back to none. Nothing where there are no colours. */
void screen_add_colour(const struct screen *screen, enum colour colour, struct buf *out);

/* A horizontal bar of part (0 to 1) of `columns`, in eighths of a column where there is Unicode, without
 * padding. What is more than nothing is seen. */
void screen_add_bar(const struct screen *screen, double part, int columns, struct buf *out);
/* One column whose height is `part`: for a row of them. */
void screen_add_spark(const struct screen *screen, double part, struct buf *out);

/* "1,234,567" */
void screen_add_count(int64_t count, struct buf *out);

#endif
