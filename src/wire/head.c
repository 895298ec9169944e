#include "wire/head.h"

/* Not :verified: whoever has checked a signature writes it, and nothing that came over the network may. */
#define FACT ":from"

static const char *const NOT_KEPT[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "authorization",
    "proxy-authorization",
    "content-length",
    "cookie",
};

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is_nocase(name, names[i]))
            return true;
    return false;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.len > 0;
}

static bool is_one_line(struct slice value)
{
    return value.len == 0 || (!memchr(value.ptr, '\n', value.len) && !memchr(value.ptr, '\r', value.len) &&
                              !memchr(value.ptr, '\0', value.len));
}

static bool may_add(const struct buf *head, struct slice name, size_t line_len)
{
    if (slice_is(name, FACT))
        return !head_get(buf_slice(head), FACT).ptr && head->len + line_len <= HEAD_MAX;
    return is_token(name) && !is_one_of(name, NOT_KEPT, sizeof NOT_KEPT / sizeof NOT_KEPT[0]) &&
           head->len + line_len <= HEAD_MAX - HEAD_FACTS_ROOM;
}

void head_add(struct buf *head, struct slice name, struct slice value)
{
    value = slice_trim(value);
    if (name.len > HEAD_MAX || value.len > HEAD_MAX || !is_one_line(value))
        return;
    size_t line_len = name.len + 2 + value.len + 1;
    if (!may_add(head, name, line_len))
        return;
    char *to = buf_reserve(head, line_len);
    if (!to)
        return;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        *to++ = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    *to++ = ':';
    *to++ = ' ';
    if (value.len)
        memcpy(to, value.ptr, value.len);
    to[value.len] = '\n';
    to[value.len + 1] = '\0';
    head->len += line_len;
}

bool head_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value)
{
    while (rest->len > 0) {
        struct slice line = slice_split(rest, '\n');
        /* From the second byte on: a fact's own colon is part of its name. */
        const char *colon = line.len > 1 ? memchr(line.ptr + 1, ':', line.len - 1) : NULL;
        if (!colon)
            continue;
        *ret_name = slice_of(line.ptr, (size_t)(colon - line.ptr));
        *ret_value = slice_trim(slice_skip(line, ret_name->len + 1));
        return true;
    }
    return false;
}

struct slice head_get(struct slice head, const char *name)
{
    struct slice found_name;
    struct slice value;
    while (head_next(&head, &found_name, &value))
        if (slice_is(found_name, name))
            return value;
    return SLICE_NONE;
}
