/*
 * parameter - one value that a request may carry, as a row: name, kind, limits, default, help.
 *
 * Requests are parsed and checked from these rows before a handler runs; error sentences and the reference of
 * the API are made from the same rows.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_HTTP_PARAMETER_H
#define FAIRLEAD_HTTP_PARAMETER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

/* kind, what a client writes */
enum parameter_kind {
    PARAMETER_TEXT = 1, /* UTF-8, min..max bytes */
    PARAMETER_NUMBER,   /* a whole number within min..max */
    PARAMETER_TIME,     /* RFC 3339, or a duration: that long before now */
    PARAMETER_CHOICE,   /* one of `choices` */
    PARAMETER_FLAG,     /* 1, true, 0, false; in a query also the bare name */
    PARAMETER_CURSOR,   /* the `next` of the page before: a whole number from 1, opaque to clients */
};

enum parameter_place {
    IN_QUERY,
    IN_PATH, /* the {name} of the endpoint's path; always required */
    IN_BODY, /* a member of the JSON object that is the body */
};

struct parameter {
    const char *name;
    enum parameter_kind kind;
    enum parameter_place place;
    bool required;
    int64_t min;                /* numbers: smallest; text: fewest bytes */
    int64_t max;                /* numbers: largest; text: most bytes; never 0 for these two */
    const char *fallback;       /* the default as a client would write it; NULL: none */
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* one sentence without a dot at its end */
};

/* Ends a table of parameters. */
#define PARAMETER_END                                                                                        \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

/* The two rows of every list: request_number(request, "limit"), request_cursor(request, "cursor"). */
#define PARAMETER_LIMIT_ROW                                                                                  \
    {                                                                                                        \
        .name = "limit", .kind = PARAMETER_NUMBER, .min = 1, .max = 500, .fallback = "50",                   \
        .help = "how many items at most"                                                                     \
    }
#define PARAMETER_CURSOR_ROW                                                                                 \
    {                                                                                                        \
        .name = "cursor", .kind = PARAMETER_CURSOR, .help = "go on after a page: its `next`"                 \
    }

/* Of number, time, choice (index), flag (0, 1) and cursor; of text only the length is looked at. */
struct parameter_value {
    bool given; /* by the client or by a default */
    int64_t number;
};

/*
 * RC_BAD_PARAMETER: the sentence names the parameter and what is allowed, and repeats at most a short piece
 * of the text. `now` is for durations.
 */
MUST_CHECK enum rc parameter_parse(const struct parameter *parameter, struct slice text, usec now,
                                   struct parameter_value *ret, struct err *err);

/* "a whole number from 1 to 500", "one of app, integration": for sentences and for the reference. */
void parameter_write_allowed(const struct parameter *parameter, struct buf *out);

#endif
