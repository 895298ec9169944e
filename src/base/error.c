#include "base/error.h"

#include <stdio.h>
#include <string.h>

struct rc_row {
    const char *code;
    int http_status;
    enum retry retry;
    const char *text;
};

#define RC_ROW(name, code, status, retry, text) [name] = {code, status, retry, text},
static const struct rc_row ROWS[RC_COUNT] = {RC_TABLE(RC_ROW)};
#undef RC_ROW

static const struct rc_row *row(enum rc rc)
{
    return (unsigned)rc < RC_COUNT ? &ROWS[rc] : &ROWS[RC_INTERNAL];
}

const char *rc_code(enum rc rc)
{
    return row(rc)->code;
}

int rc_http_status(enum rc rc)
{
    return row(rc)->http_status;
}

enum retry rc_retry(enum rc rc)
{
    return row(rc)->retry;
}

const char *rc_text(enum rc rc)
{
    return row(rc)->text;
}

/* A cut sentence must not end inside a UTF-8 sequence: JSON answers are made from it. */
static void cut_at_character(char *text, size_t len)
{
    size_t at = len;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
        at--;
    if (at == 0)
        return;
    unsigned char lead = (unsigned char)text[at - 1];
    size_t want = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (len - (at - 1) < want)
        text[at - 1] = '\0';
}

__attribute__((format(printf, 2, 0))) static void set_message(struct err *err, const char *format,
                                                              va_list args)
{
    int n = vsnprintf(err->message, sizeof err->message, format, args);
    if (n >= (int)sizeof err->message)
        cut_at_character(err->message, sizeof err->message - 1);
}

enum rc err_set(struct err *err, enum rc rc, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        set_message(err, format, args);
        va_end(args);
    }
    return rc;
}

enum rc err_prefix(struct err *err, enum rc rc, const char *format, ...)
{
    if (err) {
        struct err was = *err;
        va_list args;
        va_start(args, format);
        set_message(err, format, args);
        va_end(args);
        size_t used = strlen(err->message);
        int n = snprintf(err->message + used, sizeof err->message - used, ": %s", was.message);
        if (n >= (int)(sizeof err->message - used))
            cut_at_character(err->message, sizeof err->message - 1);
    }
    return rc;
}
