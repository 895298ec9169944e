#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Standard error goes to a file meanwhile. */
static FILE *capture;
static int real_stderr;
static char written[8192];

static int start_capture(void **state)
{
    (void)state;
    log_configure(LOG_DEBUG, LOG_JSON);
    capture = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    return !capture || real_stderr < 0 || dup2(fileno(capture), STDERR_FILENO) < 0;
}

static int end_capture(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(capture);
    return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
    ssize_t n = pread(fileno(capture), written, sizeof written - 1, 0);
    assert_true(n >= 0);
    written[n] = '\0';
    assert_int_equal(ftruncate(fileno(capture), 0), 0);
    assert_int_equal(lseek(fileno(capture), 0, SEEK_SET), 0);
    return written;
}

/* A string of RFC 8259 in UTF-8; returns what follows it. Fails the test when it is none. */
static const char *skip_string(const char *at)
{
    assert_int_equal(*at, '"');
    for (at++; *at != '"'; at++) {
        unsigned char c = (unsigned char)*at;
        assert_true(c >= 0x20);
        if (c == '\\') {
            at++;
            assert_non_null(strchr("\"\\nu", *at));
            if (*at == 'u') {
                assert_int_equal(strspn(at + 1, "0123456789abcdef") >= 4, 1);
                at += 4;
            }
        } else if (c >= 0x80) {
            size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
            assert_in_range(c, 0xC2, 0xF4);
            for (size_t i = 1; i <= more; i++)
                assert_int_equal((unsigned char)at[i] & 0xC0, 0x80);
            at += more;
        }
    }
    return at + 1;
}

/* One line with one object whose members are strings; returns their number. */
static size_t assert_json_line(const char *line)
{
    size_t members = 0;
    const char *at = line;
    assert_int_equal(*at, '{');
    do {
        at = skip_string(at + 1);
        assert_int_equal(*at, ':');
        at = skip_string(at + 1);
        members++;
    } while (*at == ',');
    assert_string_equal(at, "}\n");
    assert_true(strlen(line) <= 2048);
    return members;
}

static void test_text_lines(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_TEXT);
    log_info("stored", "dir", "my data", "count", LOG_NUM(42), "empty", "", "eq", "a=b", "none",
             (const char *)NULL);
    const char *line = logged();
    assert_string_equal(line + strlen("2026-05-04T10:00:00.120Z"),
                        " info  stored dir=\"my data\" count=42 empty=\"\" eq=\"a=b\" none=\"\"\n");
    log_error("x");
    assert_string_equal(logged() + strlen("2026-05-04T10:00:00.120Z"), " error x\n");
}

static void test_a_line_stays_one_line(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_TEXT);
    log_warn("a\nb", "v", "1\r\n2\t\"\\\x7F\x1B[31m", "c1",
             "\xC2\x9B"
             "31m",
             "bad", "\xFF");
    assert_string_equal(logged() + strlen("2026-05-04T10:00:00.120Z"),
                        " warn  a\\nb v=\"1\\u000d\\n2\\u0009\\\"\\\\\\u007f\\u001b[31m\" c1=\"\\u009b31m\" "
                        "bad=\"\\ufffd\"\n");
}

static void test_json_lines(void **state)
{
    (void)state;
    log_configure(LOG_INFO, LOG_JSON);
    log_info("w\xC3\xB6rld", "v", "\"q\"\n");
    const char *line = logged();
    assert_int_equal(assert_json_line(line), 4);
    assert_memory_equal(line, "{\"time\":\"20", 11);
    assert_string_equal(strstr(line, ",\"level\""),
                        ",\"level\":\"info\",\"message\":\"w\xC3\xB6rld\",\"v\":\"\\\"q\\\"\\n\"}\n");
}

static void test_levels(void **state)
{
    (void)state;
    log_configure(LOG_WARN, LOG_TEXT);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    log_debug("no");
    log_info("no");
    assert_string_equal(logged(), "");
    log_warn("yes");
    assert_non_null(strstr(logged(), "warn  yes\n"));
}

/* Every kind of unit, at every place where a cut can fall. */
static void test_cut_values_stay_json(void **state)
{
    (void)state;
    static const char *const UNITS[] = {"x",  "\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\"",
                                        "\n", "\x01",     "\xFF",         "\xC2\x80"};
    log_configure(LOG_INFO, LOG_JSON);
    for (size_t u = 0; u < sizeof UNITS / sizeof UNITS[0]; u++) {
        for (size_t shift = 0; shift < 8; shift++) {
            char value[4096] = "";
            memset(value, 'a', shift);
            while (strlen(value) + 8 < sizeof value)
                strcat(value, UNITS[u]);
            log_info("m", "long", value, "after", "whole");
            const char *line = logged();
            assert_int_equal(assert_json_line(line), 5);
            assert_non_null(strstr(line, "\xE2\x80\xA6\",\"after\":\"whole\"}"));
            assert_true(strlen(line) < 700);
        }
    }
}

static void test_full_lines_stay_json(void **state)
{
    (void)state;
    for (size_t len = 0; len < 600; len++) {
        char value[601] = "";
        memset(value, 'v', len);
        log_configure(LOG_INFO, LOG_JSON);
        log_info(value, "a", value, "b", value, "c", value, "d", value, "e", value, "a-rather-long-name",
                 value);
        const char *line = logged();
        size_t members = assert_json_line(line);
        assert_in_range(members, 6, 9);
        log_configure(LOG_INFO, LOG_TEXT);
        log_info(value, "a", value, "b", value, "c", value, "d", value, "e", value);
        line = logged();
        assert_true(strlen(line) <= 2048);
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    }
}

static void test_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    static const char *const BAD[] = {"\x80",
                                      "\xC0\xAF",
                                      "\xC3",
                                      "\xE2\x82",
                                      "\xE0\x80\xAF",
                                      "\xED\xA0\x80",
                                      "\xF0\x80\x80\xAF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF\xFE",
                                      "\xC3x",
                                      "\xF0\x9F\x98"};
    log_configure(LOG_INFO, LOG_JSON);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        log_info("m", "v", BAD[i], "x", "y");
        const char *line = logged();
        assert_int_equal(assert_json_line(line), 5);
        assert_non_null(strstr(line, "\\ufffd"));
    }
    log_info("m", "v", "\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\xE0\xA0\x80");
    assert_null(strstr(logged(), "ufffd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_lines, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(test_a_line_stays_one_line, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(test_json_lines, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(test_levels, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(test_cut_values_stay_json, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(test_full_lines_stay_json, start_capture, end_capture),
        cmocka_unit_test_setup_teardown(test_bytes_that_are_not_utf8, start_capture, end_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
