#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "cli/account_page.h"
#include "cli/event_line.h"
#include "cli/server_access.h"
#include "cli/stats_page.h"

static const struct screen ASCII = {.width = 60, .bounded = true};

static json_t *parse(const char *text)
{
    json_t *tree;
    struct err err;
    if (json_parse(slice_str(text), &tree, &err))
        fail_msg("%s", err.message);
    return tree;
}

static void write_stats(const char *text, const struct screen *screen, struct buf *out)
{
    const struct stats_page page = {.by = "app", .bucket = "hour"};
    json_t *tree = parse(text);
    stats_page_write(tree, &page, screen, out);
    json_decref(tree);
}

static const char ANSWER[] =
    "{\"since\":\"2026-05-04T10:00:00.000Z\",\"until\":\"2026-05-04T12:00:00.000Z\",\"total\":{\"started\":"
    "2000,"
    "\"completed\":1999,\"failed\":1,\"expired\":0,\"abandoned\":0,\"pending\":0,\"completion_rate\":0.9995,"
    "\"time_to_connect_s\":{\"p50\":12.0,\"p90\":35.5,\"p99\":129.0}},\"groups\":[{\"key\":null,\"started\":"
    "2000,"
    "\"completed\":1999,\"completion_rate\":0.9995},{\"key\":\"an app with a very long name "
    "indeed\",\"started\":0,"
    "\"completed\":0,\"completion_rate\":null}],\"series\":[{\"t\":\"\",\"started\":500},{\"t\":\"\","
    "\"started\":"
    "1500}],\"histogram\":[{\"le_s\":1.9,\"count\":3},{\"le_s\":2.0,\"count\":4},{\"le_s\":9.0,\"count\":10},"
    "{"
    "\"le_s\":100000,\"count\":1}]}";

static void test_figures(void **state)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    (void)state;
    write_stats(ANSWER, &ASCII, &out);
    assert_non_null(strstr(buf_str(&out), "from 2026-05-04 10:00 to 2026-05-04 12:00 UTC\n"));
    assert_non_null(strstr(buf_str(&out), "  started          2,000 100.0%  ##########################\n"));
    assert_non_null(strstr(buf_str(&out), "  completed        1,999  99.9%  "));
    assert_non_null(strstr(buf_str(&out), "  failed               1   0.1%  #\n"));
    assert_non_null(strstr(buf_str(&out), "  expired              0   0.0%\n"));
    assert_non_null(strstr(buf_str(&out), "Started per hour: at most 1,500\n  -@\n"));
    assert_non_null(strstr(buf_str(&out), "p50 12s  p90 35s  p99 2m09s\n"));
    assert_non_null(strstr(buf_str(&out), "  up to 2s             7  38.9%  ")); /* fine buckets are merged */
    assert_non_null(strstr(buf_str(&out), "  up to 5s             0   0.0%\n")); /* gaps inside are shown */
    assert_null(strstr(buf_str(&out), "up to 1s "));                             /* ends are not */
    assert_non_null(strstr(buf_str(&out), "  over 1d              1   5.6%  "));
    assert_non_null(strstr(buf_str(&out), "  (not named)"));
    assert_non_null(strstr(buf_str(&out), "  an app with a very "));
}

/* Whatever the width, no line is longer; a bar or a table gives way. */
static void test_every_width(void **state)
{
    (void)state;
    for (int width = 50; width < 200; width += 7)
        for (int unicode = 0; unicode < 2; unicode++) {
            CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
            struct screen screen = {.width = width, .bounded = true, .unicode = unicode != 0};
            write_stats(ANSWER, &screen, &out);
            struct slice rest = buf_slice(&out);
            while (rest.len > 0) {
                struct slice line = slice_split(&rest, '\n');
                assert_true(screen_columns(line) < width || slice_starts(line, "Attempts started"));
                assert_false(slice_ends(line, " "));
            }
        }
}

static void test_what_is_missing_does_no_harm(void **state)
{
    static const char *const ANSWERS[] = {
        "{}", "[]", "{\"total\":{\"started\":1}}",
        "{\"total\":{\"started\":\"x\"},\"groups\":1,\"series\":{},\"histogram\":3}",
        "{\"total\":{\"started\":2},\"groups\":[1],\"series\":[1,2],\"histogram\":[[]]}"};
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        struct err err;
        write_stats(ANSWERS[i], &ASCII, &out);
        assert_true(out.len > 0);
        assert_int_equal(account_page_write(slice_str(ANSWERS[i]), true, &ASCII, &out, &err), RC_OK);
    }
}

static void write_event(const char *text, const struct screen *screen, struct buf *out)
{
    struct event_columns seen = {0};
    json_t *tree = parse(text);
    event_line_write(tree, screen, &seen, out);
    json_decref(tree);
}

static void test_event_lines(void **state)
{
    static const char EVENT[] =
        "{\"received_at\":\"2026-05-04T10:00:00.120Z\",\"type\":"
        "\"connected_account.add.completed\",\"app\":\"notion\",\"connected_account_id\":"
        "\"9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90\",\"user_id\":null,\"verified\":false}";
    static const struct screen PIPE = {.width = 80};
    (void)state;
    for (int width = 60; width < 200; width += 13) {
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        struct screen screen = {.width = width, .bounded = true, .unicode = true};
        write_event(EVENT, &screen, &out);
        assert_true(screen_columns(slice_of(out.ptr, out.len - 1)) <= width);
    }
    CLEANUP(buf_cleanup) struct buf whole = BUF_INIT;
    write_event(EVENT, &PIPE, &whole);
    assert_string_equal(buf_str(&whole), "2026-05-04T10:00:00.120Z  connected_account.add.completed  notion  "
                                         "9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90  -  unverified\n");
    buf_clear(&whole);
    write_event("{}", &PIPE, &whole);
    assert_string_equal(buf_str(&whole), "-  -  -  -  -  -\n");
}

static void assert_line(const char *text, struct event_columns *seen, const char *line)
{
    static const struct screen SCREEN = {.width = 80, .bounded = true};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_t *tree = parse(text);
    event_line_write(tree, &SCREEN, seen, &out);
    json_decref(tree);
    assert_true(out.len > 15);
    assert_string_equal(buf_str(&out) + 14, line); /* what stands before is the local time */
}

/* What a reader copies is whole, and columns without anything in them make room for it. */
static void test_an_account_id_is_never_cut(void **state)
{
#define EVENT(type, id, more)                                                                                \
    "{\"received_at\":\"2026-05-04T10:00:00.120Z\",\"type\":\"connected_account.add." type                   \
    "\",\"app\":\"notion\",\"connected_account_id\":\"" id "\"" more "}"
#define UUID "9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90"
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
    (void)state;
    struct event_columns seen = {0};
    assert_line(EVENT("start", "ca_0123456789ab", ""), &seen,
                "  ~count.add.start  notion       ca_0123456789ab    -            -\n");
    assert_line(EVENT("start", UUID, ""), &seen, "  ~unt.add.start  notion      " UUID "\n");
    assert_line(EVENT("start", "ca_0123456789ab", ""), &seen,
                "  ~unt.add.start  notion      ca_0123456789ab\n");
    assert_line(EVENT("completed", UUID, ",\"verified\":true"), &seen,
                "  ~add.completed  notion   " UUID "  y\n");
    assert_line(EVENT("start", LONG, ""), &seen, "      " LONG "  -\n");
    assert_line(EVENT("start", UUID, ""), &seen, "  ~unt.add.start  notion   " UUID "  -\n");
#undef EVENT
#undef UUID
#undef LONG
}

static void test_paths_are_escaped(void **state)
{
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    (void)state;
    buf_add_str(&path, "/a");
    server_path_add_query(&path, "none", NULL);
    server_path_add_query(&path, "q", "x&y=z*/ d?ü");
    server_path_add_query(&path, "r", "");
    assert_string_equal(buf_str(&path), "/a?q=x%26y%3Dz%2A%2F%20d%3F%C3%BC&r=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_every_width),
        cmocka_unit_test(test_what_is_missing_does_no_harm),
        cmocka_unit_test(test_event_lines),
        cmocka_unit_test(test_an_account_id_is_never_cut),
        cmocka_unit_test(test_paths_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
