#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/slice.h"

static void test_absent_and_empty(void **state)
{
    (void)state;
    assert_null(slice_str(NULL).ptr);
    assert_non_null(slice_str("").ptr);
    assert_true(slice_equal(SLICE_NONE, slice_str("")));
    assert_true(slice_is(SLICE_NONE, ""));
    assert_true(slice_starts(SLICE_NONE, ""));
    assert_true(slice_ends(SLICE_NONE, ""));
    assert_false(slice_starts(SLICE_NONE, "a"));
    assert_null(slice_skip(SLICE_NONE, 3).ptr);
    assert_int_equal(slice_trim(SLICE_NONE).len, 0);
}

static void test_comparisons(void **state)
{
    (void)state;
    struct slice zero = slice_of("a\0b", 3);
    assert_true(slice_equal(zero, slice_of("a\0b", 3)));
    assert_false(slice_equal(zero, slice_of("a\0c", 3)));
    assert_false(slice_is(zero, "a"));
    assert_false(slice_is_nocase(zero, "axb"));
    assert_true(slice_is_nocase(slice_str("Content-TYPE"), "content-type"));
    assert_false(slice_is_nocase(slice_str("content-type"), "content-typ"));
    assert_false(slice_is_nocase(slice_str("[a"), "{a"));
    assert_true(slice_starts(slice_str("v1,x"), "v1,"));
    assert_false(slice_starts(slice_str("v1"), "v1,"));
    assert_true(slice_ends(slice_str("a.json"), ".json"));
    assert_false(slice_ends(slice_str("json"), ".json"));
}

static void test_skip_and_trim(void **state)
{
    (void)state;
    struct slice text = slice_str("abc");
    assert_true(slice_is(slice_skip(text, 1), "bc"));
    assert_true(slice_is(slice_skip(text, 0), "abc"));
    assert_ptr_equal(slice_skip(text, 3).ptr, text.ptr + 3);
    assert_ptr_equal(slice_skip(text, 99).ptr, text.ptr + 3);
    assert_int_equal(slice_skip(text, 99).len, 0);
    assert_true(slice_is(slice_trim(slice_str(" \t a b\t ")), "a b"));
    assert_true(slice_is(slice_trim(slice_str(" \t ")), ""));
    assert_true(slice_is(slice_trim(slice_str("\na\n")), "\na\n"));
}

static void test_split(void **state)
{
    (void)state;
    struct slice rest = slice_str("a,,b,");
    assert_true(slice_is(slice_split(&rest, ','), "a"));
    assert_true(slice_is(slice_split(&rest, ','), ""));
    assert_true(slice_is(slice_split(&rest, ','), "b"));
    assert_int_equal(rest.len, 0);
    rest = slice_str("whole");
    assert_true(slice_is(slice_split(&rest, ','), "whole"));
    assert_int_equal(rest.len, 0);
    assert_int_equal(slice_split(&rest, ',').len, 0);
    rest = SLICE_NONE;
    assert_int_equal(slice_split(&rest, ',').len, 0);
    assert_int_equal(rest.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_and_empty),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_skip_and_trim),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
