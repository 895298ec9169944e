#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/base64.h"

/* RFC 4648, section 10. */
static const char *const VECTORS[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xFB\xFF", "+/8="},
};

static void test_vectors_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VECTORS / sizeof VECTORS[0]; i++) {
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        CLEANUP(buf_cleanup) struct buf bytes = BUF_INIT;
        buf_add_char(&text, '>');
        buf_add_char(&bytes, '<');
        base64_encode(slice_str(VECTORS[i][0]), &text);
        assert_string_equal(buf_str(&text) + 1, VECTORS[i][1]);
        assert_true(base64_decode(slice_str(VECTORS[i][1]), &bytes));
        assert_string_equal(buf_str(&bytes) + 1, VECTORS[i][0]);
        assert_int_equal(buf_str(&bytes)[0], '<');
    }
}

static void test_decode_refuses(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "Z",    "Zg",   "Zg=",  "Zg==\n", " Zg==", "Zg==Zg==",   "Z===", "====", "Zm9v\n\n\n\n",
        "Zm-v", "Zm_v", "Zm=v", "Zm9v=",  "Zm 9",  "Z\xC3\xA9v", "=",    "=m9v"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        buf_add_str(&out, "before");
        if (base64_decode(slice_str(BAD[i]), &out))
            fail_msg("accepted \"%s\"", BAD[i]);
        assert_string_equal(buf_str(&out), "before");
        char bytes[BASE64_EXACT_MAX];
        for (size_t len = 0; len < sizeof bytes; len++)
            assert_false(base64_decode_exact(slice_str(BAD[i]), bytes, len));
    }
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    assert_false(base64_decode(slice_of("Zm\0v", 4), &out));
}

static void test_exact_takes_only_its_length(void **state)
{
    (void)state;
    char bytes[BASE64_EXACT_MAX] = "......";
    assert_true(base64_decode_exact(slice_str("Zm9vYg=="), bytes, 4));
    assert_memory_equal(bytes, "foob..", 6); /* nothing behind, though the decoder writes whole groups */
    assert_false(base64_decode_exact(slice_str("Zm9vYg=="), bytes, 3));
    assert_false(base64_decode_exact(slice_str("Zm9vYg=="), bytes, 5));
    assert_false(base64_decode_exact(slice_str("Zm9v"), bytes, 4));
}

/* Longer than the pieces in which OpenSSL gets it. */
static void test_long_input(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf bytes = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf again = BUF_INIT;
    for (uint32_t i = 0, x = 1; i < (7U << 20) + 1; i++, x = x * 1664525 + 1013904223)
        buf_add_char(&bytes, (char)(x >> 24));
    base64_encode(buf_slice(&bytes), &text);
    assert_int_equal(text.len, (bytes.len + 2) / 3 * 4);
    assert_true(base64_decode(buf_slice(&text), &again));
    assert_true(slice_equal(buf_slice(&bytes), buf_slice(&again)));
}

static void test_limit_of_the_buf_is_kept(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT_LIMIT(3);
    base64_encode(slice_str("foo"), &out);
    assert_true(buf_failed(&out));
    assert_int_equal(out.len, 0);
    buf_clear(&out);
    assert_false(base64_decode(slice_str("Zm9vYmFy"), &out));
    assert_int_equal(out.len, 0);
}

static void test_hex(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    hex_encode(slice_of("\x00\x7F\x80\xFF", 4), &out);
    assert_string_equal(buf_str(&out), "007f80ff");
    buf_clear(&out);
    assert_true(hex_decode(slice_str("007F80ff"), &out));
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.ptr, "\x00\x7F\x80\xFF", 5);
    assert_false(hex_decode(slice_str("0"), &out));
    assert_false(hex_decode(slice_str("0g"), &out));
    assert_false(hex_decode(slice_str("@0"), &out));
    assert_false(hex_decode(slice_str("G0"), &out));
    assert_int_equal(out.len, 4);
    assert_true(hex_decode(slice_str(""), &out));
    assert_int_equal(out.len, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_both_ways),           cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_exact_takes_only_its_length), cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_limit_of_the_buf_is_kept),    cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
