#include "http/parameter.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define SHOWN_MAX 40

void parameter_write_allowed(const struct parameter *parameter, struct buf *out)
{
    switch (parameter->kind) {
    case PARAMETER_TEXT:
        buf_addf(out, "text of %" PRId64 " to %" PRId64 " bytes", parameter->min, parameter->max);
        break;
    case PARAMETER_NUMBER:
        buf_addf(out, "a whole number from %" PRId64 " to %" PRId64, parameter->min, parameter->max);
        break;
    case PARAMETER_TIME:
        buf_add_str(out,
                    "a time like 2026-05-04T10:00:00Z, or a duration like 90s, 24h or 7d: that long ago");
        break;
    case PARAMETER_CHOICE:
        buf_add_str(out, "one of ");
        for (size_t i = 0; parameter->choices[i]; i++)
            buf_addf(out, "%s%s", i ? ", " : "", parameter->choices[i]);
        break;
    case PARAMETER_FLAG:
        buf_add_str(out, "1, true, 0 or false");
        break;
    case PARAMETER_CURSOR:
        buf_add_str(out, "the next of the page before");
        break;
    }
}

/* How much of a stranger's text a sentence shows: not much, and no half characters. */
static size_t shown_length(struct slice text)
{
    if (text.len <= SHOWN_MAX)
        return text.len;
    size_t n = SHOWN_MAX;
    while (n > 0 && ((unsigned char)text.ptr[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* What cannot be seen is shown as the %XX that a query has for it. */
static void write_shown(struct slice text, struct buf *out)
{
    size_t shown = shown_length(text);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7F)
            buf_addf(out, "%%%02X", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_str(out, shown < text.len ? "…" : "");
}

static enum rc refuse(const struct parameter *parameter, struct slice text, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf shown = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf allowed = BUF_INIT;
    write_shown(text, &shown);
    parameter_write_allowed(parameter, &allowed);
    return err_set(err, RC_BAD_PARAMETER, "%s: \"%s\" is not allowed; it must be %s", parameter->name,
                   buf_str(&shown), buf_str(&allowed));
}

static bool parse_number(struct slice text, int64_t min, int64_t max, int64_t *ret)
{
    char digits[24];
    size_t sign = text.len > 0 && text.ptr[0] == '-';
    if (text.len <= sign || text.len >= sizeof digits)
        return false;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    if (strspn(digits + sign, "0123456789") != text.len - sign)
        return false;
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    if (errno || number < min || number > max)
        return false;
    *ret = number;
    return true;
}

static bool parse_time(struct slice text, usec now, int64_t *ret)
{
    usec at;
    if (clock_parse(text, &at)) {
        *ret = at;
        return true;
    }
    usec ago;
    if (!clock_parse_duration(text, &ago))
        return false;
    *ret = now - ago;
    return true;
}

static bool parse_choice(const char *const *choices, struct slice text, int64_t *ret)
{
    for (int64_t i = 0; choices[i]; i++)
        if (slice_is(text, choices[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static bool parse_flag(struct slice text, int64_t *ret)
{
    static const char *const WORDS[] = {"0", "1", "false", "true", NULL};
    int64_t word;
    if (!parse_choice(WORDS, text, &word))
        return false;
    *ret = word % 2;
    return true;
}

static bool parse(const struct parameter *parameter, struct slice text, usec now, int64_t *ret)
{
    switch (parameter->kind) {
    case PARAMETER_TEXT:
        return (int64_t)text.len >= parameter->min && (int64_t)text.len <= parameter->max;
    case PARAMETER_NUMBER:
        return parse_number(text, parameter->min, parameter->max, ret);
    case PARAMETER_TIME:
        return parse_time(text, now, ret);
    case PARAMETER_CHOICE:
        return parse_choice(parameter->choices, text, ret);
    case PARAMETER_FLAG:
        return parse_flag(text, ret);
    case PARAMETER_CURSOR:
        return parse_number(text, 1, INT64_MAX, ret);
    }
    return false;
}

enum rc parameter_parse(const struct parameter *parameter, struct slice text, usec now,
                        struct parameter_value *ret, struct err *err)
{
    int64_t number = 0;
    if (!parse(parameter, text, now, &number))
        return refuse(parameter, text, err);
    *ret = (struct parameter_value){.given = true, .number = number};
    return RC_OK;
}
