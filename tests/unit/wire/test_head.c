#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "wire/head.h"

static void add(struct buf *head, const char *name, const char *value)
{
    head_add(head, slice_str(name), slice_str(value));
}

static void test_lines_in_order_with_lower_case_names(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf head = BUF_INIT;
    add(&head, ":from", "192.0.2.1");
    add(&head, "Host", "example.com");
    add(&head, "X-A", " one:two ");
    add(&head, "x-a", "TWO");
    add(&head, "X-Empty", "");
    assert_string_equal(buf_str(&head),
                        ":from: 192.0.2.1\nhost: example.com\nx-a: one:two\nx-a: TWO\nx-empty: \n");
}

static void test_get(void **state)
{
    (void)state;
    struct slice head = slice_str(":from: 192.0.2.1\nx-ab: 0\nx-a: one:two\nx-a: TWO\nx-empty: \n");
    assert_true(slice_is(head_get(head, ":from"), "192.0.2.1"));
    assert_true(slice_is(head_get(head, "x-a"), "one:two"));
    assert_non_null(head_get(head, "x-empty").ptr);
    assert_int_equal(head_get(head, "x-empty").len, 0);
    assert_null(head_get(head, "x-").ptr);
    assert_null(head_get(head, "from").ptr);
    assert_null(head_get(SLICE_NONE, "from").ptr);
}

static void test_next_goes_over_all(void **state)
{
    (void)state;
    struct slice rest = slice_str(":from: a:b\n\nno colon\nx: y\nlast: z");
    struct slice name;
    struct slice value;
    assert_true(head_next(&rest, &name, &value));
    assert_true(slice_is(name, ":from") && slice_is(value, "a:b"));
    assert_true(head_next(&rest, &name, &value));
    assert_true(slice_is(name, "x") && slice_is(value, "y"));
    assert_true(head_next(&rest, &name, &value));
    assert_true(slice_is(name, "last") && slice_is(value, "z"));
    assert_false(head_next(&rest, &name, &value));
}

static void test_names_that_are_not_kept(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf head = BUF_INIT;
    const char *const names[] = {"Connection",
                                 "KEEP-ALIVE",
                                 "Proxy-Connection",
                                 "TE",
                                 "Trailer",
                                 "Transfer-Encoding",
                                 "Upgrade",
                                 "Authorization",
                                 "Proxy-Authorization",
                                 "Cookie",
                                 "Content-Length",
                                 "",
                                 " x",
                                 "x y",
                                 "x:",
                                 ":x",
                                 ":verified",
                                 "x\xC3\xB6",
                                 ":FROM",
                                 "x\n"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        add(&head, names[i], "v");
        if (head.len)
            fail_msg("kept \"%s\"", names[i]);
    }
    head_add(&head, slice_of("x\0", 2), slice_str("v"));
    assert_int_equal(head.len, 0);
    add(&head, "Authorization-Info", "kept");
    assert_string_equal(buf_str(&head), "authorization-info: kept\n");
}

static void test_values_that_would_make_lines(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf head = BUF_INIT;
    add(&head, "x", "a\n:verified: true");
    add(&head, "x", "a\rb");
    head_add(&head, slice_str("x"), slice_of("a\0b", 3));
    assert_int_equal(head.len, 0);
    add(&head, "x", "bytes \xFF stay");
    assert_string_equal(buf_str(&head), "x: bytes \xFF stay\n");
}

static void test_from_is_kept_once(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf head = BUF_INIT;
    add(&head, ":from", "192.0.2.1");
    add(&head, ":from", "192.0.2.2");
    assert_string_equal(buf_str(&head), ":from: 192.0.2.1\n");
}

static void test_the_limit(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf head = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf value = BUF_INIT;
    buf_add_fill(&value, 'v', 1000);
    for (int i = 0; i < 100; i++)
        head_add(&head, slice_str("x"), buf_slice(&value));
    size_t full = head.len;
    assert_in_range(full, HEAD_MAX - HEAD_FACTS_ROOM - 1004, HEAD_MAX - HEAD_FACTS_ROOM);
    add(&head, "short", "still fits");
    assert_true(head.len > full);
    add(&head, ":from", "a fact has its room");
    assert_true(slice_is(head_get(buf_slice(&head), ":from"), "a fact has its room"));
    buf_add_fill(&value, 'v', HEAD_MAX);
    full = head.len;
    head_add(&head, slice_str("x"), buf_slice(&value));
    head_add(&head, buf_slice(&value), slice_str("x"));
    assert_int_equal(head.len, full);
    assert_false(buf_failed(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_order_with_lower_case_names),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_next_goes_over_all),
        cmocka_unit_test(test_names_that_are_not_kept),
        cmocka_unit_test(test_values_that_would_make_lines),
        cmocka_unit_test(test_from_is_kept_once),
        cmocka_unit_test(test_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
