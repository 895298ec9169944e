#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/cleanup.h"
#include "cli/human_time.h"
#include "cli/table.h"

static const struct screen UNICODE = {.width = 80, .bounded = true, .unicode = true};
static const struct screen ASCII = {.width = 80, .bounded = true};

#define EXPECT(expected, call)                                                                               \
    do {                                                                                                     \
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;                                                      \
        call;                                                                                                \
        assert_string_equal(buf_str(&out), (expected));                                                      \
    } while (0)

static void test_locales(void **state)
{
    (void)state;
    assert_true(screen_is_utf8(NULL, NULL, "en_US.UTF-8"));
    assert_true(screen_is_utf8("", "C.utf8", NULL));
    assert_false(screen_is_utf8("C", "en_US.UTF-8", "en_US.UTF-8"));
    assert_false(screen_is_utf8(NULL, NULL, NULL));
    assert_false(screen_is_utf8(NULL, NULL, "de_DE.ISO-8859-1"));
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(screen_columns(slice_str("")), 0);
    assert_int_equal(screen_columns(slice_str("abc")), 3);
    assert_int_equal(screen_columns(slice_str("wörld…")), 6);
    assert_int_equal(screen_columns(slice_str("e\xCC\x81")), 1); /* a combining accent */
    assert_int_equal(screen_columns(slice_str("日本")), 4);
    assert_int_equal(screen_columns(slice_str("\x1b[31m")), 5);
}

static void test_texts_fit(void **state)
{
    (void)state;
    EXPECT("abc  ", screen_add(&UNICODE, slice_str("abc"), 5, ALIGN_LEFT, &out));
    EXPECT("  abc", screen_add(&UNICODE, slice_str("abc"), 5, ALIGN_RIGHT, &out));
    EXPECT("abcd…", screen_add(&UNICODE, slice_str("abcdefgh"), 5, ALIGN_LEFT, &out));
    EXPECT("abcd~", screen_add(&ASCII, slice_str("abcdefgh"), 5, ALIGN_LEFT, &out));
    EXPECT("…efgh", screen_add_end(&UNICODE, slice_str("abcdefgh"), 5, &out));
    EXPECT("abc  ", screen_add_end(&UNICODE, slice_str("abc"), 5, &out));
    EXPECT("日… ",
           screen_add(&UNICODE, slice_str("日本語"), 4, ALIGN_LEFT, &out)); /* half of one does not fit */
    EXPECT("abcdefgh", screen_add(&UNICODE, slice_str("abcdefgh"), SCREEN_ANY, ALIGN_LEFT, &out));
    EXPECT("", screen_add(&UNICODE, slice_str("abc"), 0, ALIGN_LEFT, &out));
}

static void test_a_sender_cannot_steer_the_terminal(void **state)
{
    (void)state;
    EXPECT("?[2Jx??y", screen_add(&UNICODE, slice_str("\x1b[2Jx\r\ny"), SCREEN_ANY, ALIGN_LEFT, &out));
    EXPECT("a?b", screen_add(&UNICODE, slice_str("a\u202Eb"), SCREEN_ANY, ALIGN_LEFT, &out));
    EXPECT("a?b", screen_add(&UNICODE,
                             slice_str("a\xC2\x9B"
                                       "b"),
                             SCREEN_ANY, ALIGN_LEFT, &out)); /* CSI as C1 */
    EXPECT("a?b", screen_add(&UNICODE,
                             slice_str("a\xFF"
                                       "b"),
                             SCREEN_ANY, ALIGN_LEFT, &out));
    EXPECT("w?rld", screen_add(&ASCII, slice_str("wörld"), SCREEN_ANY, ALIGN_LEFT, &out));
}

static void test_bars(void **state)
{
    (void)state;
    EXPECT("", screen_add_bar(&UNICODE, 0, 8, &out));
    EXPECT("████████", screen_add_bar(&UNICODE, 1, 8, &out));
    EXPECT("████████", screen_add_bar(&UNICODE, 7, 8, &out));
    EXPECT("████", screen_add_bar(&UNICODE, 0.5, 8, &out));
    EXPECT("█▌", screen_add_bar(&UNICODE, 0.1875, 8, &out));
    EXPECT("▏", screen_add_bar(&UNICODE, 0.0001, 8, &out)); /* what is more than nothing is seen */
    EXPECT("", screen_add_bar(&UNICODE, NAN, 8, &out));
    EXPECT("####", screen_add_bar(&ASCII, 0.5, 8, &out));
    EXPECT("#", screen_add_bar(&ASCII, 0.0001, 8, &out));
    EXPECT("", screen_add_bar(&ASCII, -1, 8, &out));
    EXPECT("▁", screen_add_spark(&UNICODE, 0.001, &out));
    EXPECT("█", screen_add_spark(&UNICODE, 1, &out));
    EXPECT("@", screen_add_spark(&ASCII, 1, &out));
    EXPECT(" ", screen_add_spark(&ASCII, 0, &out));
}

static void test_counts(void **state)
{
    (void)state;
    EXPECT("0", screen_add_count(0, &out));
    EXPECT("999", screen_add_count(999, &out));
    EXPECT("1,000", screen_add_count(1000, &out));
    EXPECT("-123,456", screen_add_count(-123456, &out));
    EXPECT("1,234,567", screen_add_count(1234567, &out));
}

static void test_spans(void **state)
{
    (void)state;
    EXPECT("0ms", human_time_span(0, &out));
    EXPECT("999ms", human_time_span(999999, &out));
    EXPECT("1.0s", human_time_span(USEC_PER_SEC, &out));
    EXPECT("9.9s", human_time_span(9999 * USEC_PER_MS, &out));
    EXPECT("10s", human_time_span(10 * USEC_PER_SEC, &out));
    EXPECT("1m", human_time_span(USEC_MINUTE, &out));
    EXPECT("4m05s", human_time_span(4 * USEC_MINUTE + 5 * USEC_PER_SEC, &out));
    EXPECT("2h05m", human_time_span(2 * USEC_HOUR + 5 * USEC_MINUTE + 59 * USEC_PER_SEC, &out));
    EXPECT("3d4h", human_time_span(3 * USEC_DAY + 4 * USEC_HOUR, &out));
    EXPECT("-4.0s", human_time_span(-4 * USEC_PER_SEC, &out));
}

static void test_how_long_ago(void **state)
{
    const usec now = 1000 * USEC_DAY;
    (void)state;
    EXPECT("now", human_time_ago(now - 999999, now, &out));
    EXPECT("1s ago", human_time_ago(now - USEC_PER_SEC, now, &out));
    EXPECT("59m ago", human_time_ago(now - USEC_HOUR + 1, now, &out));
    EXPECT("3h ago", human_time_ago(now - 3 * USEC_HOUR, now, &out));
    EXPECT("400d ago", human_time_ago(now - 400 * USEC_DAY, now, &out));
    EXPECT("in 4s", human_time_ago(now + 4 * USEC_PER_SEC, now, &out));
}

static void fill(struct table *table)
{
    static const struct table_column COLUMNS[] = {
        {"ID", ALIGN_LEFT, 4}, {"NOTE", ALIGN_LEFT, 4}, {"N", ALIGN_RIGHT, 0}};
    table_init(table, COLUMNS, 3);
    table_add(table, slice_str("abcdefghijkl"), COLOUR_NONE);
    table_add(table, SLICE_NONE, COLOUR_NONE);
    table_add(table, slice_str("1"), COLOUR_NONE);
    table_add(table, slice_str("x"), COLOUR_RED);
    table_add(table, SLICE_NONE, COLOUR_NONE);
    table_add(table, slice_str("1000"), COLOUR_NONE);
}

static void test_tables_fit(void **state)
{
    CLEANUP(table_cleanup) struct table table = {.count = 0};
    struct screen screen = {.width = 100, .bounded = true, .unicode = true};
    (void)state;
    fill(&table);
    EXPECT("ID            NOTE     N\nabcdefghijkl  -        1\nx             -     1000\n",
           table_write(&table, &screen, &out));
    screen.width = 20; /* what says nothing goes first */
    EXPECT("ID               N\nabcdefghijkl     1\nx             1000\n",
           table_write(&table, &screen, &out));
    screen.width = 12;
    EXPECT("ID         N\nabcde…     1\nx       1000\n", table_write(&table, &screen, &out));
    screen.width = 10; /* as far as they may */
    EXPECT("ID       N\nabc…     1\nx     1000\n", table_write(&table, &screen, &out));
    screen.width = 9; /* no room for the last one, then */
    EXPECT("ID\nabcdefgh…\nx\n", table_write(&table, &screen, &out));
    screen.width = 1; /* the first stays, and is not cut below what it needs */
    EXPECT("ID\nabc…\nx\n", table_write(&table, &screen, &out));
    screen.bounded = false; /* in a pipe nothing is cut */
    EXPECT("ID            NOTE     N\nabcdefghijkl  -        1\nx             -     1000\n",
           table_write(&table, &screen, &out));
}

static void test_colours_take_no_room(void **state)
{
    CLEANUP(table_cleanup) struct table table = {.count = 0};
    CLEANUP(table_cleanup) struct table none = {.count = 0};
    struct screen screen = {.width = 12, .bounded = true, .unicode = true, .colour = true};
    (void)state;
    fill(&table);
    EXPECT("\033[2mID    \033[0m  \033[2m   N\033[0m\nabcde…     1\n\033[31mx     \033[0m  1000\n",
           table_write(&table, &screen, &out));
    table_init(&none, table.columns, 3);
    EXPECT("", table_write(&none, &screen, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locales),    cmocka_unit_test(test_columns),
        cmocka_unit_test(test_texts_fit),  cmocka_unit_test(test_a_sender_cannot_steer_the_terminal),
        cmocka_unit_test(test_bars),       cmocka_unit_test(test_counts),
        cmocka_unit_test(test_spans),      cmocka_unit_test(test_how_long_ago),
        cmocka_unit_test(test_tables_fit), cmocka_unit_test(test_colours_take_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
