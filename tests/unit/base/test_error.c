#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

#define LONGEST 479 /* bytes of the longest message */

static void test_every_row_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < RC_COUNT; i++) {
        assert_non_null(rc_code((enum rc)i));
        assert_true(strspn(rc_code((enum rc)i), "abcdefghijklmnopqrstuvwxyz_") ==
                    strlen(rc_code((enum rc)i)));
        assert_in_range(rc_http_status((enum rc)i), 200, 599);
        assert_true(strlen(rc_text((enum rc)i)) > 5);
        /* What may succeed later must make the sender try again: 408, or 5xx. */
        if (rc_retry((enum rc)i) == RETRY_LATER)
            assert_true(rc_http_status((enum rc)i) == 408 || rc_http_status((enum rc)i) >= 500);
    }
    assert_int_equal(rc_http_status(RC_OK), 200);
    assert_int_equal(rc_http_status(RC_SIGNATURE_INVALID), 401);
    assert_int_equal(rc_retry(RC_SIGNATURE_INVALID), RETRY_NEVER);
    assert_string_equal(rc_code(RC_STORAGE_UNAVAILABLE), "storage_unavailable");
}

static void test_outside_the_table_is_internal(void **state)
{
    (void)state;
    assert_string_equal(rc_code(RC_COUNT), "internal");
    assert_string_equal(rc_code((enum rc) - 1), "internal");
    assert_int_equal(rc_http_status((enum rc)9999), 500);
}

static void test_set_and_prefix(void **state)
{
    (void)state;
    struct err err = {"before"};
    assert_int_equal(err_set(&err, RC_LOCKED, "%s is held by %d", "/data", 42), RC_LOCKED);
    assert_string_equal(err.message, "/data is held by 42");
    assert_int_equal(err_prefix(&err, RC_LOCKED, "line %d", 3), RC_LOCKED);
    assert_string_equal(err.message, "line 3: /data is held by 42");
    assert_int_equal(err_set(NULL, RC_LOCKED, "%s", "nobody reads it"), RC_LOCKED);
    assert_int_equal(err_prefix(NULL, RC_LOCKED, "x"), RC_LOCKED);
}

/* No cut may leave half a character: what is left must end where one ends. */
static void assert_whole(const char *text)
{
    size_t len = strlen(text);
    size_t back = 0;
    while (back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back == 0) {
        assert_true(len == 0 || (unsigned char)text[len - 1] < 0x80);
        return;
    }
    unsigned char lead = (unsigned char)text[len - 1 - back];
    assert_int_equal(back + 1, lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2);
}

static void test_long_sentences_are_cut_at_characters(void **state)
{
    (void)state;
    static const char *const CHARACTERS[] = {"x", "\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t c = 0; c < 4; c++) {
        for (int shift = 0; shift < 4; shift++) {
            char text[1024] = "";
            memset(text, 'a', (size_t)shift);
            while (strlen(text) + 4 < sizeof text)
                strcat(text, CHARACTERS[c]);
            struct err err;
            err_set(&err, RC_USAGE, "%s", text);
            assert_in_range(strlen(err.message), LONGEST - 3, LONGEST);
            assert_whole(err.message);
            assert_memory_equal(err.message, text, strlen(err.message));
            err_prefix(&err, RC_USAGE, "b");
            assert_whole(err.message);
            assert_memory_equal(err.message, "b: ", 3);
            err_prefix(&err, RC_USAGE, "%s", text); /* leaves no room for the rest */
            assert_whole(err.message);
        }
    }
}

static void test_what_fits_is_not_cut(void **state)
{
    (void)state;
    char text[LONGEST + 1];
    memset(text, 'a', sizeof text);
    memcpy(text + LONGEST - 2, "\xC3\xB6", 3);
    struct err err;
    err_set(&err, RC_USAGE, "%s", text);
    assert_string_equal(err.message, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_complete),
        cmocka_unit_test(test_outside_the_table_is_internal),
        cmocka_unit_test(test_set_and_prefix),
        cmocka_unit_test(test_long_sentences_are_cut_at_characters),
        cmocka_unit_test(test_what_fits_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
