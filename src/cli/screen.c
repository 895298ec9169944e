#include "cli/screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/utf8.h"

enum { NARROWEST = 40, EIGHTHS = 8 };

bool screen_is_utf8(const char *lc_all, const char *lc_ctype, const char *lang)
{
    const char *locale = lc_all && *lc_all ? lc_all : lc_ctype && *lc_ctype ? lc_ctype : lang;
    return locale && (strcasestr(locale, "UTF-8") || strcasestr(locale, "UTF8"));
}

struct screen screen_of(int fd)
{
    int width = terminal_width(fd);
    return (struct screen){
        .width = width < NARROWEST ? NARROWEST : width,
        .bounded = terminal_is(fd),
        .unicode = screen_is_utf8(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")),
        .colour = terminal_has_colour(fd),
        .now = clock_wall(),
    };
}

/* ---- characters ---- */

struct range {
    uint32_t first;
    uint32_t last;
};

static bool is_in(uint32_t point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}
#define IS_IN(point, ranges) is_in((point), (ranges), sizeof(ranges) / sizeof(ranges)[0])

/* Controls, and what changes the direction of writing or cannot be seen. */
static bool is_unsafe(uint32_t point)
{
    static const struct range RANGES[] = {{0, 0x1F},        {0x7F, 0x9F},      {0x61C, 0x61C},
                                          {0x200B, 0x200F}, {0x2028, 0x202E},  {0x2060, 0x206F},
                                          {0xFEFF, 0xFEFF}, {0xE0000, 0xE0FFF}};
    return point == UTF8_BAD || IS_IN(point, RANGES);
}

/* Combining marks take none, East Asian wide characters and pictures two (Unicode Standard Annex 11). */
static int columns_of(uint32_t point)
{
    static const struct range NONE[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},
                                        {0x64B, 0x65F},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                        {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const struct range WIDE[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                        {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                        {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                        {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};
    if (is_unsafe(point))
        return 1; /* as "?" */
    if (IS_IN(point, NONE))
        return 0;
    return IS_IN(point, WIDE) ? 2 : 1;
}

int screen_columns(struct slice text)
{
    int columns = 0;
    while (text.len > 0) {
        uint32_t point;
        text = slice_skip(text, utf8_read(text, &point));
        columns += columns_of(point);
    }
    return columns;
}

/* As many whole characters as fit; returns their columns. */
static int add_cleaned(const struct screen *screen, struct slice text, int columns, struct buf *out)
{
    int used = 0;
    while (text.len > 0) {
        uint32_t point;
        size_t len = utf8_read(text, &point);
        int wide = columns_of(point);
        if (used + wide > columns)
            break;
        if (is_unsafe(point) || (!screen->unicode && point > 0x7E))
            buf_add_fill(out, '?', (size_t)wide);
        else
            buf_add(out, text.ptr, len);
        used += wide;
        text = slice_skip(text, len);
    }
    return used;
}

static int add_ellipsis(const struct screen *screen, struct buf *out)
{
    buf_add_str(out, screen->unicode ? "…" : "~");
    return 1;
}

void screen_add(const struct screen *screen, struct slice text, int columns, enum align align,
                struct buf *out)
{
    int all = screen_columns(text);
    if (columns == SCREEN_ANY || all <= columns) {
        size_t padding = columns == SCREEN_ANY ? 0 : (size_t)(columns - all);
        buf_add_fill(out, ' ', align == ALIGN_RIGHT ? padding : 0);
        add_cleaned(screen, text, all, out);
        buf_add_fill(out, ' ', align == ALIGN_LEFT ? padding : 0);
        return;
    }
    if (columns <= 0)
        return;
    int used = add_cleaned(screen, text, columns - 1, out);
    used += add_ellipsis(screen, out);
    buf_add_fill(out, ' ', (size_t)(columns - used));
}

void screen_add_end(const struct screen *screen, struct slice text, int columns, struct buf *out)
{
    int left = screen_columns(text);
    if (columns == SCREEN_ANY || left <= columns || columns <= 0) {
        screen_add(screen, text, columns, ALIGN_LEFT, out);
        return;
    }
    while (left > columns - 1) {
        uint32_t point;
        text = slice_skip(text, utf8_read(text, &point));
        left -= columns_of(point);
    }
    int used = add_ellipsis(screen, out);
    used += add_cleaned(screen, text, columns - used, out);
    buf_add_fill(out, ' ', (size_t)(columns - used));
}

void screen_end_line(struct buf *out)
{
    while (out->len > 0 && out->ptr[out->len - 1] == ' ')
        out->len--;
    buf_add_char(out, '\n');
}

void screen_add_colour(const struct screen *screen, enum colour colour, struct buf *out)
{
    if (screen->colour)
        buf_add_str(out, terminal_sequence(colour));
}

/* ---- charts ---- */

static double within_one(double part)
{
    return part > 1 ? 1 : part > 0 ? part : 0; /* not a number counts as 0 */
}

void screen_add_bar(const struct screen *screen, double part, int columns, struct buf *out)
{
    static const char *const PARTS[EIGHTHS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    part = within_one(part);
    int steps = screen->unicode ? EIGHTHS : 1;
    int filled = columns > 0 ? (int)(part * columns * steps + 0.5) : 0;
    if (filled == 0 && part > 0 && columns > 0)
        filled = 1;
    for (int i = 0; i < filled / steps; i++)
        buf_add_str(out, screen->unicode ? "█" : "#");
    if (screen->unicode)
        buf_add_str(out, PARTS[filled % EIGHTHS]);
}

void screen_add_spark(const struct screen *screen, double part, struct buf *out)
{
    static const char *const BLOCKS[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char LETTERS[] = " .:-=+*#@";
    part = within_one(part);
    int level = (int)(part * EIGHTHS + 0.5);
    if (level == 0 && part > 0)
        level = 1;
    if (screen->unicode)
        buf_add_str(out, BLOCKS[level]);
    else
        buf_add_char(out, LETTERS[level]);
}

void screen_add_count(int64_t count, struct buf *out)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
            buf_add_char(out, ',');
        buf_add_char(out, digits[i]);
    }
}
