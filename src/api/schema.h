/*
 * schema - what the API's answers look like, as rows: every object with its members.
 *
 * The answers themselves are written elsewhere (track/, handlers); tests/e2e/openapi.san.test.mjs holds every
 * one against these rows, in both directions. The OpenAPI document and the reference page are made from them.
 *
 * Thread: any; constant.
 */
#ifndef FAIRLEAD_API_SCHEMA_H
#define FAIRLEAD_API_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum member_kind {
    MEMBER_TEXT = 1,
    MEMBER_TIME,   /* RFC 3339, UTC, milliseconds */
    MEMBER_COUNT,  /* a whole number from 0 */
    MEMBER_NUMBER, /* with decimals; durations are in seconds */
    MEMBER_FLAG,   /* true, false */
    MEMBER_CHOICE, /* one of `choices` */
    MEMBER_CURSOR, /* a text that stands for a place in a list */
    MEMBER_ANY,    /* an object about which nothing is said */
    MEMBER_TEXTS,  /* an object whose members are texts */
    MEMBER_OBJECT, /* the object `of` */
    MEMBER_LIST,   /* objects `of` */
};

struct member {
    const char *name;
    enum member_kind kind;
    bool nullable;
    bool optional;              /* may be missing */
    const char *of;             /* a schema's name */
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* without a dot at its end */
};

struct schema {
    const char *name;
    const struct member *members; /* up to one without a name */
    const char *help;
};

/* All of them; what is named in `of` is among them. */
extern const struct schema api_schemas[];
extern const size_t api_schema_count;

/* NULL when there is none of this name. */
const struct schema *schema_find(const char *name);

#endif
