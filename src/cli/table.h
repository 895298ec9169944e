/*
 * table - rows of text under titles, in columns that fit the screen.
 *
 * On a terminal columns that say nothing go first, then the last ones for which there is no room at all, and
 * the widest flexible ones give way until a row fits; elsewhere nothing is cut.
 *
 * Thread: main.   Owner: the caller (table_cleanup()).
 */
#ifndef FAIRLEAD_CLI_TABLE_H
#define FAIRLEAD_CLI_TABLE_H

#include "cli/screen.h"

enum { TABLE_COLUMNS = 12 };

struct table_column {
    const char *title;
    enum align align;
    int least; /* it may be cut down to this many columns; 0: never */
};

struct table {
    const struct table_column *columns; /* static */
    size_t count;                       /* of columns, at most TABLE_COLUMNS */
    struct buf cells;                   /* struct table_cell each, row by row */
    struct buf texts;
};

void table_init(struct table *table, const struct table_column *columns, size_t count);
void table_cleanup(struct table *table);

/* The next cell; an absent or empty text is shown as "-". Copied. */
void table_add(struct table *table, struct slice text, enum colour colour);

/* All complete rows, with titles; nothing when there is none. Memory that ran out is seen in `out`. */
void table_write(const struct table *table, const struct screen *screen, struct buf *out);

#endif
