/*
 * slice - bytes that somebody else owns.
 *
 * A slice is passed by value and never freed. It is not zero-terminated and may hold any byte. An absent
 * value is {NULL, 0}; an empty one has a pointer and length 0.
 */
#ifndef FAIRLEAD_BASE_SLICE_H
#define FAIRLEAD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE_NONE ((struct slice){NULL, 0})
/* For printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

/* Of a zero-terminated string; NULL gives the absent slice. */
static inline struct slice slice_str(const char *text)
{
    return text ? (struct slice){text, strlen(text)} : SLICE_NONE;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte by byte; of two that begin alike the longer. */
static inline bool slice_is_greater(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order > 0 || (order == 0 && a.len > b.len);
}

static inline bool slice_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

/* ASCII case is ignored: header names, media types. */
static inline bool slice_is_nocase(struct slice s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || strncasecmp(s.ptr, text, s.len) == 0);
}

static inline bool slice_starts(struct slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && (n == 0 || memcmp(s.ptr, prefix, n) == 0);
}

static inline bool slice_ends(struct slice s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && (n == 0 || memcmp(s.ptr + s.len - n, suffix, n) == 0);
}

/* For secrets: the time depends on the lengths alone, never on where the two differ. */
static inline bool slice_equal_secret(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < a.len; i++)
        difference |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return difference == 0;
}

/* What follows the first `n` bytes; empty when there are fewer. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    return n < s.len ? slice_of(s.ptr + n, s.len - n) : slice_of(s.ptr ? s.ptr + s.len : NULL, 0);
}

/* Without spaces and tabs at both ends (RFC 9110, section 5.6.3: OWS). */
static inline struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = slice_skip(s, 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Takes what stands before the first `delimiter` off *rest; the whole of it when there is none. */
static inline struct slice slice_split(struct slice *rest, char delimiter)
{
    const char *at = rest->len ? memchr(rest->ptr, delimiter, rest->len) : NULL;
    struct slice head = at ? slice_of(rest->ptr, (size_t)(at - rest->ptr)) : *rest;
    *rest = at ? slice_skip(*rest, head.len + 1) : slice_of(rest->ptr ? rest->ptr + rest->len : NULL, 0);
    return head;
}

#endif
