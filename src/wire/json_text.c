/* The texts that json.h makes: indented, on one line, quoted. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/json_token.h"
#include "wire/utf8.h"

#define SIGNIFICANT_MAX 17 /* digits that tell every double from every other */

static void add_unit(uint32_t unit, struct buf *out)
{
    static const char HEX[] = "0123456789abcdef";
    char text[6] = {'\\',          'u', HEX[unit >> 12 & 15], HEX[unit >> 8 & 15], HEX[unit >> 4 & 15],
                    HEX[unit & 15]};
    buf_add(out, text, sizeof text);
}

/* The letter of a two-character escape; 0 when the character has none. */
static char escape_letter(uint32_t point)
{
    switch (point) {
    case '"':
    case '\\':
        return (char)point;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* As Python's json with ensure_ascii: DEL and everything beyond is escaped too. */
static void add_ascii_point(uint32_t point, struct buf *out)
{
    char letter = escape_letter(point);
    if (letter) {
        char text[2] = {'\\', letter};
        buf_add(out, text, 2);
    } else if (point >= 0x20 && point < 0x7F) {
        buf_add_char(out, (char)point);
    } else if (point < 0x10000) {
        add_unit(point, out);
    } else {
        add_unit(0xD7C0 + (point >> 10), out);
        add_unit(0xDC00 | (point & 0x3FF), out);
    }
}

static bool is_verbatim(char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* One character or escape at the start of `text` as ASCII; returns how many bytes it takes there. */
static size_t add_ascii_special(struct slice text, struct buf *out)
{
    uint32_t point;
    if (text.ptr[0] != '\\') {
        size_t len = utf8_read(text, &point);
        add_ascii_point(point, out);
        return len;
    }
    if (text.ptr[1] == 'u') {
        add_ascii_point(json_token_unit(text.ptr), out);
        return 6;
    }
    buf_add(out, text.ptr + (text.ptr[1] == '/'), text.ptr[1] == '/' ? 1 : 2);
    return 2;
}

/* A string with its quotes: plain ASCII as it is, the rest by `add_special`, which returns how many bytes it
 * took. */
static void add_quoted(struct slice rest, size_t (*add_special)(struct slice text, struct buf *out),
                       struct buf *out)
{
    buf_add_char(out, '"');
    while (rest.len > 0) {
        size_t plain = 0;
        while (plain < rest.len && is_verbatim(rest.ptr[plain]))
            plain++;
        buf_add(out, rest.ptr, plain);
        rest = slice_skip(rest, plain);
        if (rest.len > 0)
            rest = slice_skip(rest, add_special(rest, out));
    }
    buf_add_char(out, '"');
}

static void add_ascii_string(struct slice token, struct buf *out)
{
    add_quoted(slice_of(token.ptr + 1, token.len - 2), add_ascii_special, out);
}

/* A double as digits d.ddd… times ten to the exponent. */
struct decimal {
    bool negative;
    char digits[SIGNIFICANT_MAX + 1];
    int count;
    int exponent;
};

/* Adds one to the last digit of "d.ddde±xx". */
static void increment(char *text)
{
    char *digit = strchr(text, 'e') - 1;
    while (digit > text && (*digit == '9' || *digit == '.')) {
        if (*digit == '9')
            *digit = '0';
        digit--;
    }
    if (*digit < '9') /* 9.99… becomes 9.00…, which is simply not the number that is looked for */
        ++*digit;
}

/*
 * Is `value` what text reads as? Above a power of two doubles lie twice as far apart as below it: the nearest
 * decimal of some length may then lie outside of its reach below, and the next one inside of it above.
 */
static bool reads_back(char *text, double value)
{
    int exponent;
    if (strtod(text, NULL) == value)
        return true;
    if (frexp(value, &exponent) != 0.5)
        return false;
    increment(text);
    return strtod(text, NULL) == value;
}

/* The fewest digits that read back as `value`; 15 are always kept by a normal double, so that fewer need no
 * trial. */
static struct decimal decimal_of(double value)
{
    struct decimal decimal = {.negative = signbit(value) != 0};
    char text[SIGNIFICANT_MAX + 16];
    int precision = fpclassify(value) == FP_SUBNORMAL ? 1 : 15;
    do
        snprintf(text, sizeof text, "%.*e", precision - 1, fabs(value));
    while (!reads_back(text, fabs(value)) && ++precision <= SIGNIFICANT_MAX);
    for (const char *c = text; *c != 'e'; c++)
        if (*c != '.')
            decimal.digits[decimal.count++] = *c;
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0')
        decimal.digits[--decimal.count] = '\0';
    decimal.exponent = atoi(strchr(text, 'e') + 1);
    return decimal;
}

/* Fixed notation from 1e-4 up to below 1e16, else an exponent with a sign and two digits at least. */
static void add_float(double value, struct buf *out)
{
    struct decimal decimal = decimal_of(value);
    const char *digits = decimal.digits;
    int count = decimal.count;
    int exponent = decimal.exponent;
    if (decimal.negative)
        buf_add_char(out, '-');
    if (exponent < -4 || exponent >= 16) {
        buf_addf(out, "%c%s%se%+03d", digits[0], count > 1 ? "." : "", digits + 1, exponent);
    } else if (exponent < 0) {
        buf_add_str(out, "0.");
        buf_add_fill(out, '0', (size_t)(-exponent - 1));
        buf_add(out, digits, (size_t)count);
    } else if (count <= exponent + 1) {
        buf_add(out, digits, (size_t)count);
        buf_add_fill(out, '0', (size_t)(exponent + 1 - count));
        buf_add_str(out, ".0");
    } else {
        buf_addf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
}

/* strtod() goes by the locale's decimal point; Fairlead never leaves the C locale. */
static void add_number(struct slice token, struct buf *out)
{
    if (json_token_is_integer(token)) {
        buf_add_slice(out, slice_is(token, "-0") ? slice_str("0") : token);
        return;
    }
    CLEANUP(buf_cleanup) struct buf copy = BUF_INIT;
    buf_add_slice(&copy, token);
    double value = strtod(buf_str(&copy), NULL);
    if (buf_failed(&copy))
        out->failed = true;
    else if (isinf(value))
        buf_add_slice(out, token);
    else
        add_float(value, out);
}

static void add_line(size_t depth, struct buf *out)
{
    buf_add_char(out, '\n');
    buf_add_fill(out, ' ', 2 * depth);
}

/* After '{' or '[': takes the closing bracket when it follows at once, else starts a line. Returns the new
 * depth. */
static size_t pretty_open(struct slice *rest, size_t depth, struct buf *out)
{
    struct slice peek = *rest;
    struct json_token next = json_token_next(&peek);
    if (next.kind != JSON_TOKEN_OBJECT_CLOSE && next.kind != JSON_TOKEN_ARRAY_CLOSE) {
        add_line(depth + 1, out);
        return depth + 1;
    }
    buf_add_slice(out, next.text);
    *rest = peek;
    return depth;
}

void json_pretty(struct slice text, struct buf *out)
{
    struct slice rest = text;
    size_t depth = 0;
    while (!buf_failed(out)) {
        struct json_token token = json_token_next(&rest);
        switch (token.kind) {
        case JSON_TOKEN_END:
        case JSON_TOKEN_FAULT:
            return;
        case JSON_TOKEN_OBJECT:
        case JSON_TOKEN_ARRAY:
            buf_add_slice(out, token.text);
            depth = pretty_open(&rest, depth, out);
            break;
        case JSON_TOKEN_OBJECT_CLOSE:
        case JSON_TOKEN_ARRAY_CLOSE:
            add_line(--depth, out);
            buf_add_slice(out, token.text);
            break;
        case JSON_TOKEN_COMMA:
            buf_add_char(out, ',');
            add_line(depth, out);
            break;
        case JSON_TOKEN_COLON:
            buf_add_str(out, ": ");
            break;
        case JSON_TOKEN_STRING:
            add_ascii_string(token.text, out);
            break;
        case JSON_TOKEN_NUMBER:
            add_number(token.text, out);
            break;
        case JSON_TOKEN_WORD:
            buf_add_slice(out, token.text);
            break;
        }
    }
}

static enum json_token_kind kind_of_next(struct slice rest)
{
    return json_token_next(&rest).kind;
}

/* Is there nothing inside? `first` has been taken off `rest`. */
static bool is_empty_container(struct json_token first, struct slice rest)
{
    if (first.kind == JSON_TOKEN_OBJECT)
        return kind_of_next(rest) == JSON_TOKEN_OBJECT_CLOSE;
    return first.kind == JSON_TOKEN_ARRAY && kind_of_next(rest) == JSON_TOKEN_ARRAY_CLOSE;
}

/* Takes what is left of a value after its first token. */
static void skip_value(struct json_token token, struct slice *rest)
{
    size_t depth = 0;
    for (;; token = json_token_next(rest)) {
        if (token.kind == JSON_TOKEN_OBJECT || token.kind == JSON_TOKEN_ARRAY)
            depth++;
        else if (token.kind == JSON_TOKEN_OBJECT_CLOSE || token.kind == JSON_TOKEN_ARRAY_CLOSE)
            depth--;
        if (depth == 0 || token.kind == JSON_TOKEN_END || token.kind == JSON_TOKEN_FAULT)
            return;
    }
}

/* The marks of the objects and arrays that are open, and of the value that comes next. */
struct marking {
    const struct json_hiding *hiding;
    size_t depth;
    unsigned char next;
    unsigned char marks[JSON_MAX_DEPTH + 1];
};

/* Sees a token that is written, and knows the mark of what follows it. `rest` is what comes behind it. */
static void mark_token(struct marking *marking, struct json_token token, struct slice rest)
{
    unsigned char mark = marking->next;
    bool opens = token.kind == JSON_TOKEN_OBJECT || token.kind == JSON_TOKEN_ARRAY;
    bool closes = token.kind == JSON_TOKEN_OBJECT_CLOSE || token.kind == JSON_TOKEN_ARRAY_CLOSE;
    if (token.kind == JSON_TOKEN_COLON)
        return;
    marking->next = JSON_MARK_NONE;
    if (opens) {
        assert(marking->depth < JSON_MAX_DEPTH);
        marking->marks[++marking->depth] = token.kind == JSON_TOKEN_OBJECT ? mark : JSON_MARK_NONE;
    } else if (closes) {
        assert(marking->depth > 0);
        marking->depth--;
    } else if (token.kind == JSON_TOKEN_STRING && kind_of_next(rest) == JSON_TOKEN_COLON) {
        marking->next = marking->hiding->mark_of(marking->marks[marking->depth], token.text);
    }
}

static bool hides(unsigned char mark, enum json_token_kind kind)
{
    return mark == JSON_MARK_HIDDEN || (mark == JSON_MARK_UNLESS_OBJECT && kind != JSON_TOKEN_OBJECT) ||
           (mark == JSON_MARK_UNLESS_NUMBER && kind != JSON_TOKEN_NUMBER);
}

static bool is_hidden(const struct marking *marking, struct json_token token, struct slice rest)
{
    return hides(marking->next, token.kind) && token.kind != JSON_TOKEN_COLON &&
           token.kind != JSON_TOKEN_WORD && !is_empty_container(token, rest);
}

static void write_shown(struct marking *marking, struct json_token token, struct slice rest, struct buf *out)
{
    if (token.kind == JSON_TOKEN_STRING && kind_of_next(rest) != JSON_TOKEN_COLON)
        marking->hiding->write_string(token.text, out);
    else
        buf_add_slice(out, token.text);
    mark_token(marking, token, rest);
}

void json_compact_hiding(struct slice text, const struct json_hiding *hiding, struct buf *out)
{
    struct marking marking = {.hiding = hiding, .next = JSON_MARK_ROOT};
    struct slice rest = text;
    struct json_token token = json_token_next(&rest);
    while (token.kind != JSON_TOKEN_END && token.kind != JSON_TOKEN_FAULT) {
        if (is_hidden(&marking, token, rest)) {
            buf_add_str(out, hiding->instead);
            skip_value(token, &rest);
            marking.next = JSON_MARK_NONE;
        } else {
            write_shown(&marking, token, rest, out);
        }
        token = json_token_next(&rest);
    }
}

void json_show(struct slice text, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf pretty = BUF_INIT;
    pretty.limit = JSON_SHOW_LEAST + JSON_SHOW_TIMES * text.len;
    json_pretty(text, &pretty);
    if (buf_failed(&pretty))
        json_compact(text, out);
    else
        buf_add_slice(out, buf_slice(&pretty));
}

void json_compact(struct slice text, struct buf *out)
{
    struct slice rest = text;
    struct json_token token = json_token_next(&rest);
    for (; token.kind != JSON_TOKEN_END && token.kind != JSON_TOKEN_FAULT; token = json_token_next(&rest))
        buf_add_slice(out, token.text);
}

/* As add_ascii_point(), with everything from U+0080 on left as it is. Returns how many bytes it took. */
static size_t quote_special(struct slice text, struct buf *out)
{
    uint32_t point;
    size_t len = utf8_read(text, &point);
    if (point == UTF8_BAD)
        buf_add_str(out, "\xEF\xBF\xBD");
    else if (point >= 0x80)
        buf_add(out, text.ptr, len);
    else
        add_ascii_point(point, out);
    return len;
}

void json_quote(struct slice text, struct buf *out)
{
    add_quoted(text, quote_special, out);
}
