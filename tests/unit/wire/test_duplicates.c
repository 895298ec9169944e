#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/duplicates.h"

struct seen {
    struct duplicate items[8];
    size_t count;
};

static void see(void *arg, const struct duplicate *item)
{
    struct seen *seen = arg;
    assert_true(seen->count < 8);
    seen->items[seen->count++] = *item;
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct duplicate items[] = {{40, 1}, {12, 1}, {40, 1}, {UINT32_MAX, 7}, {40, 1}};
    size_t count = duplicates_merge(items, 5);
    struct buf body = BUF_INIT;
    struct seen seen = {.count = 0};
    assert_int_equal(count, 3);
    duplicates_write(items, count, &body);
    assert_string_equal(buf_str(&body), "{\"duplicates\":[[12,1],[40,3],[4294967295,7]]}");
    assert_int_equal(duplicates_read(buf_slice(&body), see, &seen, NULL), RC_OK);
    assert_int_equal(seen.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(seen.items[i].seq, items[i].seq);
        assert_int_equal(seen.items[i].count, items[i].count);
    }
    buf_cleanup(&body);
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const NONE[] = {"", "[]", "{}", "{\"duplicates\":{}}", "{\"duplicates\":[[1,1]", "7"};
    struct seen seen = {.count = 0};
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++)
        assert_int_equal(duplicates_read(slice_str(NONE[i]), see, &seen, NULL), RC_INVALID_JSON);
    assert_int_equal(seen.count, 0);
    struct slice odd = slice_str("{\"duplicates\":[1,[],[1],[0,5],[5,-1],[\"a\",1],[3,2,9]]}");
    assert_int_equal(duplicates_read(odd, see, &seen, NULL), RC_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].seq, 3);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests_name("duplicates", TESTS, NULL, NULL);
}
