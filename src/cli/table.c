#include "cli/table.h"

#include <assert.h>

enum { GAP = 2 };

struct table_cell {
    size_t at; /* in texts */
    size_t len;
    enum colour colour;
};

void table_init(struct table *table, const struct table_column *columns, size_t count)
{
    assert(count > 0 && count <= TABLE_COLUMNS);
    *table = (struct table){.columns = columns, .count = count, .cells = BUF_INIT, .texts = BUF_INIT};
}

void table_cleanup(struct table *table)
{
    buf_cleanup(&table->cells);
    buf_cleanup(&table->texts);
}

void table_add(struct table *table, struct slice text, enum colour colour)
{
    if (text.len == 0)
        text = slice_str("-");
    struct table_cell cell = {table->texts.len, text.len, colour};
    buf_add_slice(&table->texts, text);
    buf_add(&table->cells, &cell, sizeof cell);
}

static const struct table_cell *cells_of(const struct table *table, size_t *ret_rows)
{
    *ret_rows = table->cells.len / sizeof(struct table_cell) / table->count;
    return (const struct table_cell *)(const void *)table->cells.ptr;
}

static struct slice text_of(const struct table *table, const struct table_cell *cell)
{
    return slice_of(table->texts.ptr + cell->at, cell->len);
}

static void measure(const struct table *table, int widths[TABLE_COLUMNS])
{
    size_t rows;
    const struct table_cell *cells = cells_of(table, &rows);
    for (size_t i = 0; i < table->count; i++)
        widths[i] = screen_columns(slice_str(table->columns[i].title));
    for (size_t i = 0; i < rows * table->count; i++) {
        int columns = screen_columns(text_of(table, &cells[i]));
        if (columns > widths[i % table->count])
            widths[i % table->count] = columns;
    }
}

/* The widest column that may still give way; count when there is none. */
static size_t widest(const struct table *table, const int widths[TABLE_COLUMNS])
{
    size_t best = table->count;
    for (size_t i = 0; i < table->count; i++) {
        bool gives = table->columns[i].least > 0 && widths[i] > table->columns[i].least;
        if (gives && (best == table->count || widths[i] > widths[best]))
            best = i;
    }
    return best;
}

static int total_of(const struct table *table, const int widths[TABLE_COLUMNS])
{
    int total = -GAP;
    for (size_t i = 0; i < table->count; i++)
        total += widths[i] ? widths[i] + GAP : 0;
    return total;
}

static bool says_nothing(const struct table *table, size_t column)
{
    size_t rows;
    const struct table_cell *cells = cells_of(table, &rows);
    for (size_t row = 0; row < rows; row++)
        if (!slice_is(text_of(table, &cells[row * table->count + column]), "-"))
            return false;
    return true;
}

/* What the columns that are left take when each has given way as far as it may. */
static int least_of(const struct table *table, const int widths[TABLE_COLUMNS])
{
    int least[TABLE_COLUMNS];
    for (size_t i = 0; i < table->count; i++) {
        int column = table->columns[i].least;
        least[i] = column > 0 && column < widths[i] ? column : widths[i];
    }
    return total_of(table, least);
}

/* A column that goes has the width 0. */
static void fit(const struct table *table, int width, int widths[TABLE_COLUMNS])
{
    int total = total_of(table, widths);
    for (size_t i = 0; i < table->count && total > width; i++)
        if (says_nothing(table, i)) {
            widths[i] = 0;
            total = total_of(table, widths);
        }
    for (size_t i = table->count - 1; i > 0 && least_of(table, widths) > width; i--) {
        widths[i] = 0;
        total = total_of(table, widths);
    }
    for (size_t i; total > width && (i = widest(table, widths)) < table->count; total--)
        widths[i]--;
}

static void write_cell(const struct screen *screen, const struct table_column *column, struct slice text,
                       enum colour colour, int width, struct buf *out)
{
    if (width == 0)
        return;
    if (out->len > 0 && out->ptr[out->len - 1] != '\n')
        buf_add_fill(out, ' ', GAP);
    if (colour != COLOUR_NONE)
        screen_add_colour(screen, colour, out);
    screen_add(screen, text, width, column->align, out);
    if (colour != COLOUR_NONE)
        screen_add_colour(screen, COLOUR_NONE, out);
}

void table_write(const struct table *table, const struct screen *screen, struct buf *out)
{
    int widths[TABLE_COLUMNS];
    size_t rows;
    const struct table_column *columns = table->columns;
    const struct table_cell *cells = cells_of(table, &rows);
    if (buf_failed(&table->cells) || buf_failed(&table->texts)) {
        out->failed = true;
        return;
    }
    if (rows == 0)
        return;
    measure(table, widths);
    if (screen->bounded)
        fit(table, screen->width, widths);
    for (size_t i = 0; i < table->count; i++)
        write_cell(screen, &columns[i], slice_str(columns[i].title), COLOUR_DIM, widths[i], out);
    screen_end_line(out);
    for (size_t i = 0; i < rows * table->count; i++) {
        size_t column = i % table->count;
        write_cell(screen, &columns[column], text_of(table, &cells[i]), cells[i].colour, widths[column], out);
        if (column == table->count - 1)
            screen_end_line(out);
    }
}
