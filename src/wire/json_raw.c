#include "wire/json_raw.h"

#include "wire/json_token.h"

static bool is_end(enum json_token_kind kind)
{
    return kind == JSON_TOKEN_END || kind == JSON_TOKEN_FAULT;
}

/* Takes a whole value off *rest, whose first token is `first`. */
static struct slice take_value(struct slice *rest, struct json_token first)
{
    const char *start = first.text.ptr;
    size_t depth = 0;
    for (struct json_token token = first; !is_end(token.kind); token = json_token_next(rest)) {
        if (token.kind == JSON_TOKEN_OBJECT || token.kind == JSON_TOKEN_ARRAY)
            depth++;
        if (depth > 0 && (token.kind == JSON_TOKEN_OBJECT_CLOSE || token.kind == JSON_TOKEN_ARRAY_CLOSE))
            depth--;
        if (depth == 0)
            return slice_of(start, (size_t)(token.text.ptr + token.text.len - start));
    }
    return SLICE_NONE;
}

static bool is_name(struct slice token, const char *name)
{
    return token.len >= 2 && slice_is(slice_of(token.ptr + 1, token.len - 2), name);
}

struct slice json_raw_member(struct slice object, const char *name)
{
    struct slice rest = object;
    if (json_token_next(&rest).kind != JSON_TOKEN_OBJECT)
        return SLICE_NONE;
    for (;;) {
        struct json_token token = json_token_next(&rest);
        if (token.kind == JSON_TOKEN_COMMA)
            token = json_token_next(&rest);
        if (token.kind != JSON_TOKEN_STRING || json_token_next(&rest).kind != JSON_TOKEN_COLON)
            return SLICE_NONE;
        struct slice value = take_value(&rest, json_token_next(&rest));
        if (!value.ptr || is_name(token.text, name))
            return value;
    }
}

bool json_raw_next(struct slice *rest, struct slice *ret_element)
{
    struct json_token token = json_token_next(rest);
    if (token.kind == JSON_TOKEN_ARRAY || token.kind == JSON_TOKEN_COMMA)
        token = json_token_next(rest);
    if (is_end(token.kind) || token.kind == JSON_TOKEN_ARRAY_CLOSE)
        return false;
    *ret_element = take_value(rest, token);
    return ret_element->ptr != NULL;
}
