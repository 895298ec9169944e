#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

static void test_an_untouched_buf_reads_as_empty(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT;
    assert_string_equal(buf_str(&buf), "");
    assert_non_null(buf_slice(&buf).ptr);
    assert_int_equal(buf_slice(&buf).len, 0);
    buf_add(&buf, NULL, 0);
    assert_false(buf_failed(&buf));
    buf_cleanup(&buf);
}

static void test_appends_of_all_kinds(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf buf = BUF_INIT;
    buf_add(&buf, "ab\0", 3);
    buf_add_slice(&buf, slice_str("cd"));
    buf_add_slice(&buf, SLICE_NONE);
    buf_add_str(&buf, "ef");
    buf_add_char(&buf, 'g');
    buf_add_fill(&buf, '-', 3);
    buf_addf(&buf, "%d%%", 50);
    buf_addf(&buf, "%s", "");
    assert_true(slice_equal(buf_slice(&buf), slice_of("ab\0cdefg---50%", 14)));
    assert_int_equal(buf.ptr[buf.len], '\0');
}

static void test_growing_keeps_the_contents(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf buf = BUF_INIT;
    for (int i = 0; i < 10000; i++) {
        buf_addf(&buf, "%04d", i);
        assert_int_equal(buf.ptr[buf.len], '\0');
    }
    assert_int_equal(buf.len, 40000);
    assert_memory_equal(buf.ptr, "000000010002", 12);
    assert_memory_equal(buf.ptr + 39996, "9999", 5);
}

static void test_the_limit_is_remembered(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf buf = BUF_INIT_LIMIT(8);
    buf_add_str(&buf, "12345678");
    assert_false(buf_failed(&buf));
    buf_add_str(&buf, "");
    assert_false(buf_failed(&buf));
    buf_add_char(&buf, '9');
    assert_true(buf_failed(&buf));
    assert_string_equal(buf_str(&buf), "12345678");
    buf_clear(&buf);
    assert_false(buf_failed(&buf));
    assert_string_equal(buf_str(&buf), "");
    buf_addf(&buf, "%s", "123456789");
    assert_true(buf_failed(&buf));
    buf_add_str(&buf, "x"); /* would fit, but comes after */
    buf_add_fill(&buf, 'x', 1);
    assert_null(buf_reserve(&buf, 1));
    assert_int_equal(buf.len, 0);
    buf_cleanup(&buf);
    assert_int_equal(buf.limit, 8);
    assert_false(buf_failed(&buf));
}

static void test_sizes_past_all_memory(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf buf = BUF_INIT;
    buf_add_str(&buf, "kept");
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf_failed(&buf));
    assert_string_equal(buf_str(&buf), "kept");
    buf_clear(&buf);
    assert_null(buf_reserve(&buf, SIZE_MAX - 1));
    buf_clear(&buf);
    buf_add_str(&buf, "again");
    assert_string_equal(buf_str(&buf), "again");
}

static void test_reserved_room(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf buf = BUF_INIT;
    assert_non_null(buf_reserve(&buf, 0));
    assert_string_equal(buf_str(&buf), ""); /* nothing was written */
    char *to = buf_reserve(&buf, 200);
    memset(to, 'x', 200);
    buf.len += 200;
    assert_int_equal(strlen(buf_str(&buf)), 200);
    assert_non_null(buf_reserve(&buf, 5000));
    assert_int_equal(strlen(buf_str(&buf)), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_untouched_buf_reads_as_empty),
        cmocka_unit_test(test_appends_of_all_kinds),
        cmocka_unit_test(test_growing_keeps_the_contents),
        cmocka_unit_test(test_the_limit_is_remembered),
        cmocka_unit_test(test_sizes_past_all_memory),
        cmocka_unit_test(test_reserved_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
