/*
 * Four parts, the first three up to a line feed: a query, a Cookie header, Accept-Encoding; the rest is a
 * body.
 *
 * Whatever they are, requests are refused with a sentence or read; values that are read are within their
 * rows' limits, and texts are UTF-8.
 */
#include <assert.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "http/asset.h"
#include "http/endpoint.h"
#include "http/session.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const CHOICES[] = {"minute", "hour", "day", NULL};
static const struct parameter QUERY_ROWS[] = {
    PARAMETER_LIMIT_ROW,
    PARAMETER_CURSOR_ROW,
    {.name = "s", .kind = PARAMETER_TIME, .help = "s"},
    {.name = "b", .kind = PARAMETER_CHOICE, .choices = CHOICES, .help = "b"},
    {.name = "f", .kind = PARAMETER_FLAG, .help = "f"},
    {.name = "q", .kind = PARAMETER_TEXT, .max = 16, .help = "q"},
    PARAMETER_END,
};
static const struct parameter BODY_ROWS[] = {
    {.name = "q", .kind = PARAMETER_TEXT, .place = IN_BODY, .max = 16, .help = "q"},
    {.name = "n", .kind = PARAMETER_NUMBER, .place = IN_BODY, .min = -9, .max = 9, .help = "n"},
    PARAMETER_END,
};
static const struct endpoint QUERY = {.method = "GET", .path = "/", .parameters = QUERY_ROWS, .help = "h"};
static const struct endpoint BODY = {.method = "POST", .path = "/", .parameters = BODY_ROWS, .help = "h"};

static void check_utf8(struct slice text)
{
    while (text.len > 0) {
        uint32_t character;
        size_t n = utf8_read(text, &character);
        assert(character != UTF8_BAD);
        text = slice_skip(text, n);
    }
}

static enum rc set_pair(struct request *request, struct slice pair, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf name = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf value = BUF_INIT;
    bool bare = pair.len == 0 || !memchr(pair.ptr, '=', pair.len);
    struct slice raw = slice_split(&pair, '=');
    if (!request_decode(raw, &name) || !request_decode(pair, &value))
        return RC_BAD_PARAMETER;
    return request_set(request, IN_QUERY, buf_slice(&name), bare ? SLICE_NONE : buf_slice(&value), err);
}

static void check_query(struct slice query)
{
    CLEANUP(request_cleanup) struct request request;
    struct err err = {"?"};
    request_init(&request, &QUERY, clock_wall());
    while (query.len > 0) {
        enum rc rc = set_pair(&request, slice_split(&query, '&'), &err);
        assert(rc == RC_OK || (rc == RC_BAD_PARAMETER && err.message[0]));
    }
    enum rc rc = request_finish(&request, &err);
    assert(rc == RC_OK);
    assert(request_number(&request, "limit") >= 1 && request_number(&request, "limit") <= 500);
    assert(request_choice(&request, "b") >= -1 && request_choice(&request, "b") <= 2);
    assert(request_text(&request, "q").len <= 16);
    check_utf8(request_text(&request, "q"));
}

static void check_body(struct slice body)
{
    CLEANUP(request_cleanup) struct request request;
    struct err err;
    request_init(&request, &BODY, clock_wall());
    if (request_set_body(&request, body, &err) != RC_OK)
        return;
    assert(request_number(&request, "n") >= -9 && request_number(&request, "n") <= 9);
    check_utf8(request_text(&request, "q"));
}

/* A cookie that does not hold the token never opens anything. */
static void check_headers(const char *cookie, const char *accept_encoding)
{
    static const struct session SESSION = {.token = "a token that is not in the corpus"};
    CLEANUP(request_cleanup) struct request request;
    struct err err;
    request_init(&request, &QUERY, 0);
    request.method = "GET";
    request.headers[REQUEST_IF_NONE_MATCH] = accept_encoding;
    enum rc rc = session_check(&SESSION, ACCESS_TOKEN, &request, cookie, cookie, &err);
    assert(rc == RC_UNAUTHORIZED);
    asset_takes_gzip(accept_encoding);
    request_has_etag(&request, "tag");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_cleanup) struct buf cookie = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf accept_encoding = BUF_INIT;
    struct slice rest = slice_of(data, size);
    struct slice query = slice_split(&rest, '\n');
    buf_add_slice(&cookie, slice_split(&rest, '\n'));
    buf_add_slice(&accept_encoding, slice_split(&rest, '\n'));
    check_query(query);
    check_headers(buf_str(&cookie), buf_str(&accept_encoding));
    check_body(rest);
    return 0;
}
