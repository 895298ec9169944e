#include "http/request.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/endpoint.h"
#include "wire/utf8.h"

/* --- asking -------------------------------------------------------------------------------------------- */

static size_t index_of(const struct request *request, const char *name, enum parameter_kind kind)
{
    const struct parameter *rows = request->endpoint->parameters;
    size_t i = 0;
    while (rows && rows[i].name && strcmp(rows[i].name, name) != 0)
        i++;
    assert(rows && rows[i].name && (kind == 0 || rows[i].kind == kind));
    return i;
}

static const struct parameter_value *value_of(const struct request *request, const char *name,
                                              enum parameter_kind kind)
{
    return &request->values[index_of(request, name, kind)];
}

bool request_has(const struct request *request, const char *name)
{
    return value_of(request, name, (enum parameter_kind)0)->given;
}

struct slice request_text(const struct request *request, const char *name)
{
    return request->texts[index_of(request, name, PARAMETER_TEXT)];
}

int64_t request_number(const struct request *request, const char *name)
{
    return value_of(request, name, PARAMETER_NUMBER)->number;
}

usec request_time(const struct request *request, const char *name, usec otherwise)
{
    const struct parameter_value *value = value_of(request, name, PARAMETER_TIME);
    return value->given ? value->number : otherwise;
}

int request_choice(const struct request *request, const char *name)
{
    const struct parameter_value *value = value_of(request, name, PARAMETER_CHOICE);
    return value->given ? (int)value->number : -1;
}

bool request_flag(const struct request *request, const char *name)
{
    return value_of(request, name, PARAMETER_FLAG)->number != 0;
}

uint64_t request_cursor(const struct request *request, const char *name)
{
    return (uint64_t)value_of(request, name, PARAMETER_CURSOR)->number;
}

const char *request_header(const struct request *request, enum request_header header)
{
    return request->headers[header];
}

bool request_has_etag(const struct request *request, const char *etag)
{
    struct slice rest = slice_str(request->headers[REQUEST_IF_NONE_MATCH]);
    while (rest.len > 0) {
        struct slice tag = slice_trim(slice_split(&rest, ','));
        if (slice_is(tag, "*"))
            return true;
        if (slice_starts(tag, "W/"))
            tag = slice_skip(tag, 2);
        if (tag.len >= 2 && tag.ptr[0] == '"' && slice_is(slice_of(tag.ptr + 1, tag.len - 2), etag))
            return true;
    }
    return false;
}

/* --- making -------------------------------------------------------------------------------------------- */

void request_init(struct request *request, const struct endpoint *endpoint, usec now)
{
    *request = (struct request){.endpoint = endpoint, .now = now};
}

void request_cleanup(struct request *request)
{
    for (size_t i = 0; i < REQUEST_PARAMETERS_MAX; i++)
        free(request->owned_texts[i]);
    *request = (struct request){0};
}

/* "limit, cursor, type", for a client that asked for something else. */
static void write_known(const struct parameter *rows, enum parameter_place place, struct buf *out)
{
    for (size_t i = 0; rows && rows[i].name; i++)
        if (rows[i].place == place)
            buf_addf(out, "%s%s", out->len ? ", " : "", rows[i].name);
    if (out->len == 0)
        buf_add_str(out, "none");
}

static enum rc refuse_unknown(const struct request *request, enum parameter_place place, struct slice name,
                              struct err *err)
{
    CLEANUP(buf_cleanup) struct buf known = BUF_INIT;
    write_known(request->endpoint->parameters, place, &known);
    struct slice shown = name.len > 40 ? slice_str("?") : name;
    return err_set(err, RC_BAD_PARAMETER, "%.*s: there is no such parameter here; there are: %s",
                   SLICE_ARG(shown), buf_str(&known));
}

static enum rc keep_text(struct request *request, size_t i, struct slice text, struct err *err)
{
    char *copy = malloc(text.len + 1);
    if (!copy)
        return err_set(err, RC_NO_MEMORY, "memory ran out; ask again later");
    if (text.ptr)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    request->owned_texts[i] = copy;
    request->texts[i] = slice_of(copy, text.len);
    return RC_OK;
}

enum rc request_set(struct request *request, enum parameter_place place, struct slice name, struct slice text,
                    struct err *err)
{
    const struct parameter *rows = request->endpoint->parameters;
    size_t i = 0;
    while (rows && rows[i].name && !(rows[i].place == place && slice_is(name, rows[i].name)))
        i++;
    if (!rows || !rows[i].name)
        return refuse_unknown(request, place, name, err);
    if (request->values[i].given)
        return err_set(err, RC_BAD_PARAMETER, "%s: given more than once", rows[i].name);
    if (!text.ptr && rows[i].kind == PARAMETER_FLAG)
        text = slice_str("1");
    struct parameter_value value;
    enum rc rc = parameter_parse(&rows[i], text, request->now, &value, err);
    if (rc == RC_OK && rows[i].kind == PARAMETER_TEXT)
        rc = keep_text(request, i, text, err);
    if (rc == RC_OK)
        request->values[i] = value;
    return rc;
}

/* A member's value as text, as a query would have it; false for what no parameter can be. */
static bool member_text(const json_t *value, char number[24], struct slice *ret)
{
    if (json_is_string(value)) {
        *ret = slice_of(json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        snprintf(number, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        *ret = slice_str(number);
    } else if (json_is_boolean(value)) {
        *ret = slice_str(json_is_true(value) ? "true" : "false");
    } else {
        return false;
    }
    return true;
}

/* The row of a member that must be a string; NULL: another one, or none. */
static const struct parameter *find_text(const struct request *request, const char *name)
{
    const struct parameter *rows = request->endpoint->parameters;
    for (size_t i = 0; rows && rows[i].name; i++)
        if (rows[i].place == IN_BODY && rows[i].kind == PARAMETER_TEXT && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static enum rc set_member(struct request *request, const char *name, const json_t *value, struct err *err)
{
    char number[24];
    struct slice text;
    if (json_is_null(value))
        return RC_OK;
    const struct parameter *text_row = find_text(request, name);
    if (text_row && !json_is_string(value)) {
        CLEANUP(buf_cleanup) struct buf allowed = BUF_INIT;
        parameter_write_allowed(text_row, &allowed);
        return err_set(err, RC_BAD_PARAMETER, "%s: must be a string: %s", name, buf_str(&allowed));
    }
    if (!member_text(value, number, &text))
        return err_set(err, RC_BAD_PARAMETER, "%.40s: objects, lists and fractions are not allowed here",
                       name);
    return request_set(request, IN_BODY, slice_str(name), text, err);
}

enum rc request_set_body(struct request *request, struct slice body, struct err *err)
{
    json_t *tree;
    if (body.len == 0)
        return RC_OK;
    enum rc rc = json_parse(body, &tree, err);
    if (rc != RC_OK)
        return rc;
    if (!json_is_object(tree))
        rc = err_set(err, RC_NOT_AN_OBJECT, "the body must be a JSON object");
    const char *name;
    json_t *value;
    json_object_foreach(tree, name, value)
    {
        if (rc == RC_OK)
            rc = set_member(request, name, value, err);
    }
    json_decref(tree);
    return rc;
}

enum rc request_finish(struct request *request, struct err *err)
{
    const struct parameter *rows = request->endpoint->parameters;
    for (size_t i = 0; rows && rows[i].name; i++) {
        if (request->values[i].given)
            continue;
        if (rows[i].required || rows[i].place == IN_PATH)
            return err_set(err, RC_BAD_PARAMETER, "%s: must be given", rows[i].name);
        if (!rows[i].fallback)
            continue;
        struct slice text = slice_str(rows[i].fallback);
        enum rc rc = parameter_parse(&rows[i], text, request->now, &request->values[i], err);
        if (rc != RC_OK)
            return rc;
        if (rows[i].kind == PARAMETER_TEXT)
            request->texts[i] = text;
    }
    return RC_OK;
}

/* --- escapes ------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_utf8(struct slice text)
{
    while (text.len > 0) {
        uint32_t character;
        size_t n = utf8_read(text, &character);
        if (character == UTF8_BAD)
            return false;
        text = slice_skip(text, n);
    }
    return true;
}

bool request_decode(struct slice text, struct buf *out)
{
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            buf_add_char(out, text.ptr[i]);
            continue;
        }
        int high = text.len - i > 2 ? hex_value(text.ptr[i + 1]) : -1;
        int low = text.len - i > 2 ? hex_value(text.ptr[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        buf_add_char(out, (char)(high * 16 + low));
        i += 2;
    }
    return is_utf8(slice_of(buf_str(out) + start, out->len - start));
}
