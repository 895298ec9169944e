#include "wire/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/json_fault.h"
#include "wire/json_token.h"
#include "wire/utf8.h"

#define PARSE_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

static bool is_open(char c)
{
    return (c | 0x20) == '{'; /* '[' and '{' differ in this bit alone */
}

static bool is_close(char c)
{
    return (c | 0x20) == '}';
}

/*
 * Jansson recurses, so depth is judged before it starts. Nearly every body has too few brackets to be deep,
 * which a loop without branches sees; only others are looked at with their strings.
 */
static bool too_deep(struct slice text)
{
    size_t count = 0;
    if (text.len <= JSON_MAX_DEPTH)
        return false;
    for (size_t i = 0; i < text.len; i++)
        count += is_open(text.ptr[i]);
    if (count <= JSON_MAX_DEPTH)
        return false;
    long depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"')
            in_string = !in_string;
        else if (c == '\\')
            i++;
        else if (!in_string && is_open(c) && ++depth > JSON_MAX_DEPTH)
            return true;
        else if (!in_string && is_close(c))
            depth--;
    }
    return false;
}

/* `number` lies in a zero-terminated copy, so that strtod() ends where the token does. */
static bool is_out_of_range(struct slice number)
{
    if (!json_token_is_integer(number))
        return isinf(strtod(number.ptr, NULL));
    bool negative = number.ptr[0] == '-';
    struct slice digits = slice_skip(number, negative);
    const char *limit = negative ? "9223372036854775808" : "9223372036854775807";
    return digits.len > 19 || (digits.len == 19 && memcmp(digits.ptr, limit, 19) > 0);
}

/* A number and spaces are as good as a number, and the places of everything after it stay. */
static void replace_number(char *at, struct slice number)
{
    if (!is_out_of_range(number))
        return;
    memset(at, ' ', number.len);
    at[0] = '0';
}

/* Jansson holds \u0000 in values, not in names. */
static void replace_escapes(char *at, struct slice string, bool is_name)
{
    size_t i = 0;
    while (i < string.len) {
        uint32_t point;
        size_t len = 1;
        if (string.ptr[i] == '\\') {
            len = json_token_escape(slice_skip(string, i), &point);
            if (point == UTF8_BAD || (is_name && point == 0))
                memcpy(at + i, "\\ufffd", 6);
        }
        i += len;
    }
}

/*
 * One copy, one look at it, one parse: a text full of such tokens costs no more than a text with one. The
 * text must be JSON; in another one a stand-in might repair what is wrong.
 */
static json_t *parse_with_stand_ins(struct slice text)
{
    CLEANUP(buf_cleanup) struct buf copy = BUF_INIT;
    buf_add_slice(&copy, text);
    if (buf_failed(&copy))
        return NULL;
    struct slice rest = buf_slice(&copy);
    struct slice before = rest;
    struct json_token token;
    do {
        token = json_token_next(&rest);
        if (token.kind == JSON_TOKEN_NUMBER)
            replace_number(copy.ptr + (token.text.ptr - copy.ptr), token.text);
        else if (token.kind == JSON_TOKEN_STRING)
            replace_escapes(copy.ptr + (token.text.ptr - copy.ptr), token.text, false);
        else if (token.kind == JSON_TOKEN_COLON)
            replace_escapes(copy.ptr + (before.ptr - copy.ptr), before, true);
        before = token.text;
    } while (token.kind != JSON_TOKEN_END && token.kind != JSON_TOKEN_FAULT);
    return json_loadb(copy.ptr, copy.len, PARSE_FLAGS, NULL);
}

/*
 * What Jansson was not given or has refused. Its own sentence is not used: it would repeat a piece of the
 * body and points behind the fault. A text without a fault has a token that Jansson cannot hold, or memory
 * ran out.
 */
static enum rc parse_refused(struct slice text, json_t **ret_tree, struct err *err)
{
    if (json_fault_find(text, JSON_MAX_DEPTH, err))
        return RC_INVALID_JSON;
    json_t *tree = parse_with_stand_ins(text);
    if (!tree)
        return err_set(err, RC_NO_MEMORY, "memory ran out while parsing %zu bytes of JSON", text.len);
    *ret_tree = tree;
    return RC_OK;
}

enum rc json_parse(struct slice text, json_t **ret_tree, struct err *err)
{
    json_t *tree = NULL;
    if (!text.ptr)
        text = slice_of("", 0);
    /* Jansson loses a zero byte that follows a number or a word. */
    if (!memchr(text.ptr, '\0', text.len) && !too_deep(text))
        tree = json_loadb(text.ptr, text.len, PARSE_FLAGS, NULL);
    if (!tree)
        return parse_refused(text, ret_tree, err);
    *ret_tree = tree;
    return RC_OK;
}

enum rc json_check_object(struct slice text, struct err *err)
{
    struct slice rest = text.ptr ? text : slice_of("", 0);
    if (json_fault_find(rest, JSON_MAX_DEPTH, err))
        return RC_INVALID_JSON;
    if (json_token_next(&rest).kind != JSON_TOKEN_OBJECT)
        return err_set(err, RC_NOT_AN_OBJECT, "the body must be a JSON object, like {\"type\":\"…\"}");
    return RC_OK;
}

struct slice json_get_slice(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_string(member) ? slice_of(json_string_value(member), json_string_length(member))
                                  : SLICE_NONE;
}
