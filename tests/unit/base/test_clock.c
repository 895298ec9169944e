#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"

static void assert_formats(usec at, const char *text)
{
    char out[CLOCK_RFC3339_SIZE];
    clock_format(at, out);
    assert_string_equal(out, text);
}

static usec parsed(const char *text)
{
    usec at = -1;
    if (!clock_parse(slice_str(text), &at))
        fail_msg("refused \"%s\"", text);
    return at;
}

static void test_format(void **state)
{
    (void)state;
    assert_formats(0, "1970-01-01T00:00:00.000Z");
    assert_formats(INT64_C(1767225600123999), "2026-01-01T00:00:00.123Z"); /* rounded down */
    assert_formats(INT64_C(1709164800000000), "2024-02-29T00:00:00.000Z");
    assert_formats(-1, "1969-12-31T23:59:59.999Z");
    assert_formats(-1000000, "1969-12-31T23:59:59.000Z");
    assert_formats(INT64_MAX, "9999-12-31T23:59:59.999Z");
    assert_formats(INT64_MIN, "0000-01-01T00:00:00.000Z");
}

static void test_format_and_parse_agree_over_all_years(void **state)
{
    (void)state;
    usec first = parsed("0000-01-01T00:00:00Z");
    usec last = parsed("9999-12-31T23:59:59.999Z");
    assert_true(first < 0);
    for (usec at = first; at < last; at += 13 * USEC_DAY + 7 * USEC_HOUR + 11 * USEC_PER_MS) {
        char out[CLOCK_RFC3339_SIZE];
        clock_format(at, out);
        assert_true(parsed(out) == at);
    }
    assert_formats(last, "9999-12-31T23:59:59.999Z");
    assert_true(parsed("0000-03-01T00:00:00Z") - parsed("0000-02-29T00:00:00Z") == USEC_DAY);
    assert_true(parsed("0001-01-01T00:00:00Z") - parsed("0000-01-01T00:00:00Z") == 366 * USEC_DAY);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        usec at;
    } ROWS[] = {
        {"2026-01-01T00:00:00Z", INT64_C(1767225600000000)},
        {"2026-01-01t00:00:00z", INT64_C(1767225600000000)},
        {"2026-01-01 00:00:00Z", INT64_C(1767225600000000)},
        {"2026-01-01T00:00:00.5Z", INT64_C(1767225600500000)},
        {"2026-01-01T00:00:00.123456789Z", INT64_C(1767225600123456)},
        {"2026-01-01T01:30:00+01:30", INT64_C(1767225600000000)},
        {"2025-12-31T18:00:00-06:00", INT64_C(1767225600000000)},
        {"2025-12-31T23:59:60Z", INT64_C(1767225600000000)},
        {"2026-01-01T00:00:00-00:00", INT64_C(1767225600000000)},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        assert_true(parsed(ROWS[i].text) == ROWS[i].at);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+01",
        "2026-01-01T00:00:00ZZ",
        " 2026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "-026-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        usec at = 77;
        if (clock_parse(slice_str(BAD[i]), &at))
            fail_msg("accepted \"%s\"", BAD[i]);
        assert_true(at == 77);
    }
    usec at;
    assert_false(clock_parse(slice_of("2026-01-01\0"
                                      "00:00:00Z",
                                      20),
                             &at));
    assert_false(clock_parse(SLICE_NONE, &at));
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        usec duration;
        const char *shortest;
    } ROWS[] = {
        {"300s", 300 * USEC_PER_SEC, "5m"},
        {"300", 300 * USEC_PER_SEC, "5m"},
        {"500ms", 500 * USEC_PER_MS, "500ms"},
        {"12m", 12 * USEC_MINUTE, "12m"},
        {"72h", 72 * USEC_HOUR, "3d"},
        {"90d", 90 * USEC_DAY, "90d"},
        {"1h30m", 90 * USEC_MINUTE, "1h30m"},
        {"0", 0, "0s"},
        {"0s", 0, "0s"},
        {"7us", 7, "7us"},
        {"1d1h1m1s1ms1us", USEC_DAY + USEC_HOUR + USEC_MINUTE + USEC_PER_SEC + USEC_PER_MS + 1,
         "1d1h1m1s1ms1us"},
        {"36600d", 36600 * USEC_DAY, "36600d"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        usec duration = -1;
        char out[CLOCK_DURATION_SIZE];
        assert_true(clock_parse_duration(slice_str(ROWS[i].text), &duration));
        assert_true(duration == ROWS[i].duration);
        clock_format_duration(duration, out);
        assert_string_equal(out, ROWS[i].shortest);
    }
    char out[CLOCK_DURATION_SIZE];
    clock_format_duration(INT64_MAX, out);
    assert_string_equal(out, "106751991d4h54s775ms807us");
    clock_format_duration(-5, out);
    assert_string_equal(out, "0s");
}

static void test_durations_that_are_none(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "s",
                                      "-1s",
                                      "+1s",
                                      "1 s",
                                      " 1",
                                      "1h30",
                                      "30 m",
                                      "1.5h",
                                      "1w",
                                      "1S",
                                      "36601d",
                                      "36600d1us",
                                      "1e3",
                                      "0x10",
                                      "99999999999999999999",
                                      "9999999999999999s",
                                      "1s,",
                                      "1ss",
                                      "3162240001"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        usec duration = 77;
        if (clock_parse_duration(slice_str(BAD[i]), &duration))
            fail_msg("accepted \"%s\"", BAD[i]);
        assert_true(duration == 77);
    }
}

static void test_clocks_run(void **state)
{
    (void)state;
    usec before = clock_monotonic();
    assert_true(clock_monotonic() >= before);
    assert_true(clock_wall() > parsed("2024-01-01T00:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),     cmocka_unit_test(test_format_and_parse_agree_over_all_years),
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_durations),  cmocka_unit_test(test_durations_that_are_none),
        cmocka_unit_test(test_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
