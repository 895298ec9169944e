/* Parameters from their rows: kinds, limits, defaults, what a sentence says; escapes; tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "http/endpoint.h"

#define NOW (INT64_C(1777888800) * USEC_PER_SEC) /* 2026-05-04T10:00:00Z */

static const char *const BUCKETS[] = {"minute", "hour", "day", NULL};
static const struct parameter ROWS[] = {
    PARAMETER_LIMIT_ROW,
    PARAMETER_CURSOR_ROW,
    {.name = "since", .kind = PARAMETER_TIME, .fallback = "24h", .help = "since"},
    {.name = "until", .kind = PARAMETER_TIME, .help = "until"},
    {.name = "bucket", .kind = PARAMETER_CHOICE, .choices = BUCKETS, .help = "bucket"},
    {.name = "raw", .kind = PARAMETER_FLAG, .help = "raw"},
    {.name = "q", .kind = PARAMETER_TEXT, .min = 1, .max = 8, .help = "q"},
    {.name = "app", .kind = PARAMETER_TEXT, .max = 8, .fallback = "notion", .help = "app"},
    {.name = "depth", .kind = PARAMETER_NUMBER, .min = -5, .max = INT64_MAX, .help = "depth"},
    PARAMETER_END,
};

static const struct parameter BODY_ROWS[] = {
    {.name = "text", .kind = PARAMETER_TEXT, .place = IN_BODY, .max = 8, .required = true, .help = "text"},
    {.name = "number", .kind = PARAMETER_NUMBER, .place = IN_BODY, .min = 1, .max = 5, .help = "number"},
    {.name = "flag", .kind = PARAMETER_FLAG, .place = IN_BODY, .help = "flag"},
    PARAMETER_END,
};

static const struct endpoint QUERY = {.method = "GET", .path = "/", .parameters = ROWS, .help = "h"};
static const struct endpoint BODY = {.method = "POST", .path = "/", .parameters = BODY_ROWS, .help = "h"};

static enum rc set(struct request *request, const char *name, const char *text, struct err *err)
{
    return request_set(request, IN_QUERY, slice_str(name), slice_str(text), err);
}

#define REQUEST(of)                                                                                          \
    CLEANUP(request_cleanup) struct request request;                                                         \
    struct err err = {""};                                                                                   \
    request_init(&request, of, NOW)

static void test_values(void **state)
{
    (void)state;
    REQUEST(&QUERY);
    assert_int_equal(set(&request, "limit", "7", &err), RC_OK);
    assert_int_equal(set(&request, "cursor", "9223372036854775807", &err), RC_OK);
    assert_int_equal(set(&request, "since", "2026-05-04T09:00:00Z", &err), RC_OK);
    assert_int_equal(set(&request, "until", "1h30m", &err), RC_OK);
    assert_int_equal(set(&request, "bucket", "day", &err), RC_OK);
    assert_int_equal(set(&request, "raw", NULL, &err), RC_OK);
    assert_int_equal(set(&request, "depth", "-5", &err), RC_OK);
    assert_int_equal(request_set(&request, IN_QUERY, slice_str("q"), slice_of("a\0b", 3), &err), RC_OK);
    assert_int_equal(request_finish(&request, &err), RC_OK);
    assert_int_equal(request_number(&request, "limit"), 7);
    assert_true(request_cursor(&request, "cursor") == INT64_MAX);
    assert_true(request_time(&request, "since", 1) == NOW - USEC_HOUR);
    assert_true(request_time(&request, "until", 1) == NOW - USEC_HOUR - 30 * USEC_MINUTE);
    assert_int_equal(request_choice(&request, "bucket"), 2);
    assert_true(request_flag(&request, "raw"));
    assert_int_equal(request_number(&request, "depth"), -5);
    assert_true(slice_equal(request_text(&request, "q"), slice_of("a\0b", 3)));
}

static void test_defaults(void **state)
{
    (void)state;
    REQUEST(&QUERY);
    assert_int_equal(request_finish(&request, &err), RC_OK);
    assert_int_equal(request_number(&request, "limit"), 50);
    assert_true(request_cursor(&request, "cursor") == 0);
    assert_true(request_time(&request, "since", 1) == NOW - USEC_DAY);
    assert_true(request_time(&request, "until", 77) == 77);
    assert_int_equal(request_choice(&request, "bucket"), -1);
    assert_false(request_flag(&request, "raw"));
    assert_null(request_text(&request, "q").ptr);
    assert_true(slice_is(request_text(&request, "app"), "notion"));
    assert_true(request_has(&request, "limit"));
    assert_false(request_has(&request, "until"));
}

static void test_what_is_not_allowed(void **state)
{
    (void)state;
    static const char *const CASES[][3] = {
        {"limit", "0", "limit: \"0\" is not allowed; it must be a whole number from 1 to 500"},
        {"limit", "501", "limit: \"501\""},
        {"limit", "", "limit: \"\""},
        {"limit", "1.0", "limit: \"1.0\""},
        {"limit", " 1", "limit: \" 1\""},
        {"limit", "+1", "limit: \"+1\""},
        {"limit", "99999999999999999999", "limit: "},
        {"limit", "000000000000000000000000000000000000000000000000001", "…\" is not allowed"},
        {"depth", "-6", "depth: \"-6\""},
        {"depth", "-", "depth: \"-\""},
        {"cursor", "0", "cursor: \"0\" is not allowed; it must be the next of the page before"},
        {"cursor", "x", "cursor: \"x\""},
        {"since", "yesterday", "since: \"yesterday\" is not allowed; it must be a time like"},
        {"bucket", "Hour", "bucket: \"Hour\" is not allowed; it must be one of minute, hour, day"},
        {"bucket", "", "bucket: \"\""},
        {"raw", "yes", "raw: \"yes\" is not allowed; it must be 1, true, 0 or false"},
        {"q", "", "q: \"\" is not allowed; it must be text of 1 to 8 bytes"},
        {"q", "123456789", "q: \"123456789\""},
        {"Limit", "1", "Limit: there is no such parameter here; there are: limit, cursor, since"},
        {"", "1", "there is no such parameter"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        REQUEST(&QUERY);
        assert_int_equal(set(&request, CASES[i][0], CASES[i][1], &err), RC_BAD_PARAMETER);
        if (!strstr(err.message, CASES[i][2]))
            fail_msg("\"%s\" is not in: %s", CASES[i][2], err.message);
    }
    REQUEST(&QUERY);
    assert_int_equal(request_set(&request, IN_QUERY, slice_str("limit"), slice_of("1\0\n\x7f", 4), &err),
                     RC_BAD_PARAMETER);
    assert_true(strstr(err.message, "limit: \"1%00%0A%7F\" is not allowed"));
    assert_int_equal(set(&request, "limit", "1", &err), RC_OK);
    assert_int_equal(set(&request, "limit", "1", &err), RC_BAD_PARAMETER);
    assert_string_equal(err.message, "limit: given more than once");
    assert_int_equal(set(&request, "q", NULL, &err), RC_BAD_PARAMETER);
    assert_int_equal(request_set(&request, IN_PATH, slice_str("raw"), slice_str("1"), &err),
                     RC_BAD_PARAMETER);
}

static enum rc read_body(const char *text, struct request *request, struct err *err)
{
    enum rc rc = request_set_body(request, slice_str(text), err);
    return rc == RC_OK ? request_finish(request, err) : rc;
}

static void test_bodies(void **state)
{
    (void)state;
    {
        REQUEST(&BODY);
        assert_int_equal(read_body("{\"text\":\"\\u00e4\",\"number\":5,\"flag\":true}", &request, &err),
                         RC_OK);
        assert_true(slice_is(request_text(&request, "text"), "ä"));
        assert_int_equal(request_number(&request, "number"), 5);
        assert_true(request_flag(&request, "flag"));
    }
    {
        REQUEST(&BODY);
        assert_int_equal(read_body("{\"text\":\"a\",\"number\":null,\"flag\":false}", &request, &err), RC_OK);
        assert_false(request_has(&request, "number"));
        assert_false(request_flag(&request, "flag"));
    }
    static const struct {
        const char *body;
        enum rc rc;
        const char *part;
    } CASES[] = {
        {"", RC_BAD_PARAMETER, "text: must be given"},
        {"{}", RC_BAD_PARAMETER, "text: must be given"},
        {"{\"text\":null}", RC_BAD_PARAMETER, "text: must be given"},
        {"{\"text\":\"a\",\"number\":6}", RC_BAD_PARAMETER, "number: \"6\""},
        {"{\"text\":\"a\",\"number\":1.5}", RC_BAD_PARAMETER, "number: "},
        {"{\"text\":[\"a\"]}", RC_BAD_PARAMETER, "text: must be a string: text of "},
        {"{\"text\":5}", RC_BAD_PARAMETER, "text: must be a string: text of "},
        {"{\"text\":true}", RC_BAD_PARAMETER, "text: must be a string: text of "},
        {"{\"text\":\"a\",\"other\":1}", RC_BAD_PARAMETER,
         "other: there is no such parameter here; there are: text, "},
        {"[]", RC_NOT_AN_OBJECT, "object"},
        {"{\"text\":", RC_INVALID_JSON, "line 1"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        REQUEST(&BODY);
        assert_int_equal(read_body(CASES[i].body, &request, &err), CASES[i].rc);
        if (!strstr(err.message, CASES[i].part))
            fail_msg("\"%s\" is not in: %s", CASES[i].part, err.message);
    }
}

static void test_escapes(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    assert_true(request_decode(slice_str("a%2fB%C3%a4%25%00"), &out));
    assert_true(slice_equal(buf_slice(&out), slice_of("a/Bä%\0", 7)));
    static const char *const BROKEN[] = {"%", "%4", "%4g", "%%41", "a%", "%ff", "%C3", "\xff", "%ED%A0%80"};
    for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
        buf_clear(&out);
        assert_false(request_decode(slice_str(BROKEN[i]), &out));
    }
}

static void test_tags(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool has;
    } CASES[] = {
        {"\"ab\"", true}, {"W/\"ab\"", true}, {"\"x\", \"ab\"", true}, {"*", true},   {NULL, false},
        {"", false},      {"ab", false},      {"\"a\"", false},        {"\"", false}, {"\"AB\"", false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        REQUEST(&QUERY);
        (void)err;
        request.headers[REQUEST_IF_NONE_MATCH] = CASES[i].header;
        assert_int_equal(request_has_etag(&request, "ab"), CASES[i].has);
    }
}

static void test_finding_endpoints(void **state)
{
    (void)state;
    static const struct endpoint TABLE_ROWS[] = {
        {.method = "GET", .path = "/a/{id}"},
        {.method = "DELETE", .path = "/a/{id}"},
        {.method = "GET", .path = "/a/{id}/b"},
        {.method = "POST", .path = "/a/fixed"},
    };
    static const struct endpoint_table TABLE = {TABLE_ROWS, 4};
    static const struct {
        const char *method;
        const char *path;
        enum rc rc;
        int row;
        const char *text; /* the segment or what is allowed */
    } CASES[] = {
        {"GET", "/a/1", RC_OK, 0, "1"},
        {"HEAD", "/a/1", RC_OK, 0, "1"},
        {"DELETE", "/a/%2F", RC_OK, 1, "%2F"},
        {"GET", "/a/1/b", RC_OK, 2, "1"},
        {"POST", "/a/fixed", RC_OK, 3, ""},
        {"GET", "/a/fixed", RC_METHOD_NOT_ALLOWED, 0, "POST"},
        {"POST", "/a/1", RC_METHOD_NOT_ALLOWED, 0, "GET, HEAD, DELETE"},
        {"GET", "/a/", RC_NOT_FOUND, 0, ""},
        {"GET", "/a", RC_NOT_FOUND, 0, ""},
        {"GET", "/a/1/", RC_NOT_FOUND, 0, ""},
        {"GET", "/a//b", RC_NOT_FOUND, 0, ""},
        {"GET", "/a/1/b/c", RC_NOT_FOUND, 0, ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        CLEANUP(buf_cleanup) struct buf allow = BUF_INIT;
        const struct endpoint *found = NULL;
        struct slice segment = SLICE_NONE;
        assert_int_equal(endpoint_find(&TABLE, CASES[i].method, CASES[i].path, &found, &segment, &allow),
                         CASES[i].rc);
        if (CASES[i].rc == RC_OK) {
            assert_ptr_equal(found, &TABLE_ROWS[CASES[i].row]);
            assert_true(slice_is(segment, CASES[i].text));
        }
        if (CASES[i].rc == RC_METHOD_NOT_ALLOWED)
            assert_string_equal(buf_str(&allow), CASES[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_is_not_allowed),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_finding_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
