#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/option.h"

struct values {
    bool quiet;
    const char *path;
    struct option_list secret;
    int64_t count;
    int64_t max_body;
    usec tolerance;
    int style;
    struct option_origins origins;
};

static const char *const STYLES[] = {"pretty", "line", "none", NULL};

static const struct option ROWS[] = {
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct values, quiet),
     .help = "say less"},
    {.name = "path",
     .letter = 'p',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct values, path),
     .value = "PATH",
     .fallback = "/webhook",
     .help = "where senders post"},
    {.name = "secret",
     .kind = OPTION_LIST,
     .offset = offsetof(struct values, secret),
     .value = "SECRET",
     .secret = true,
     .help = "the secret"},
    {.name = "count",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct values, count),
     .value = "N",
     .fallback = "3",
     .min = -5,
     .max = 10,
     .help = "how many"},
    {.name = "max-body",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct values, max_body),
     .value = "SIZE",
     .fallback = "1MiB",
     .min = 1,
     .max = 1 << 30,
     .help = "largest body"},
    {.name = "tolerance",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct values, tolerance),
     .value = "DURATION",
     .fallback = "300s",
     .max = USEC_DAY,
     .help = "how far off"},
    {.name = "style",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct values, style),
     .fallback = "line",
     .choices = STYLES,
     .help = "how it looks"},
};
static const struct option_table TABLE = {
    .rows = ROWS, .count = sizeof ROWS / sizeof *ROWS, .origins = offsetof(struct values, origins)};

static void cleanup(struct values *values)
{
    option_values_cleanup(&TABLE, values);
}

#define VALUES CLEANUP(cleanup) struct values values = {0}

/* Reads words as a command line; the message goes to ret. */
static enum rc read_words(struct values *values, const char *const *words, struct err *err)
{
    char *argv[16];
    int argc = 0;
    const char *operand;
    size_t count;
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    return option_read_arguments(&TABLE, values, argc, argv, &operand, 1, &count, err);
}
#define READ(...) read_words(&values, (const char *const[]){__VA_ARGS__, NULL}, &err)

static void assert_says(const struct err *err, const char *part)
{
    if (!strstr(err->message, part))
        fail_msg("\"%s\" does not say \"%s\"", err->message, part);
}

static void test_defaults(void **state)
{
    (void)state;
    VALUES;
    option_defaults(&TABLE, &values);
    assert_false(values.quiet);
    assert_string_equal(values.path, "/webhook");
    assert_int_equal(values.secret.count, 0);
    assert_int_equal(values.count, 3);
    assert_int_equal(values.max_body, 1 << 20);
    assert_int_equal(values.tolerance, 300 * USEC_PER_SEC);
    assert_int_equal(values.style, 1);
}

static void test_every_form_of_an_argument(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    assert_int_equal(READ("--path", "/a", "--count=-5", "--style", "none", "-q", "--max-body", "64KiB"),
                     RC_OK);
    assert_string_equal(values.path, "/a");
    assert_int_equal(values.count, -5);
    assert_int_equal(values.style, 2);
    assert_true(values.quiet);
    assert_int_equal(values.max_body, 65536);
    assert_int_equal(READ("--no-quiet", "-p/b"), RC_OK);
    assert_false(values.quiet);
    assert_string_equal(values.path, "/b");
    assert_int_equal(READ("-qp", "/c", "--tolerance=1h30m"), RC_OK);
    assert_true(values.quiet);
    assert_string_equal(values.path, "/c");
    assert_int_equal(values.tolerance, 5400 * USEC_PER_SEC);
    assert_int_equal(READ("--quiet=off", "--path="), RC_OK);
    assert_false(values.quiet);
    assert_string_equal(values.path, "");
}

static void test_operands(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    const char *operands[3] = {NULL, NULL, NULL};
    size_t count = 99;
    char *argv[] = {"one", "--count", "4", "-", "--", "--path"};
    assert_int_equal(option_read_arguments(&TABLE, &values, 6, argv, operands, 3, &count, &err), RC_OK);
    assert_int_equal(count, 3);
    assert_string_equal(operands[0], "one");
    assert_string_equal(operands[1], "-");
    assert_string_equal(operands[2], "--path");
    assert_int_equal(option_read_arguments(&TABLE, &values, 6, argv, operands, 2, &count, &err), RC_USAGE);
    assert_says(&err, "\"--path\" is one argument too many");
}

static void test_refusals_say_where_what_and_what_is_allowed(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    option_defaults(&TABLE, &values);
    assert_int_equal(READ("--count", "11"), RC_USAGE);
    assert_says(&err, "--count: \"11\" is not allowed; it must be a whole number, -5 to 10");
    assert_int_equal(READ("--max-body", "2GiB"), RC_USAGE);
    assert_says(&err, "1 to 1GiB");
    assert_int_equal(READ("--tolerance", "5 minutes"), RC_USAGE);
    assert_says(&err, "0s to 1d");
    assert_int_equal(READ("--style", "Pretty"), RC_USAGE);
    assert_says(&err, "one of pretty, line, none");
    assert_int_equal(READ("--quiet=perhaps"), RC_USAGE);
    assert_says(&err, "true or false");
    assert_int_equal(READ("--count"), RC_USAGE);
    assert_says(&err, "--count: a value is missing");
    assert_int_equal(READ("--path", "--quiet"), RC_USAGE);
    assert_says(&err, "--path: a value is missing");
    assert_int_equal(READ("-x"), RC_USAGE);
    assert_says(&err, "\"-x\"");
    assert_int_equal(READ("--no-path"), RC_USAGE);
    assert_int_equal(values.count, 3);
    assert_int_equal(values.style, 1);
    assert_string_equal(values.path, "/webhook");
}

static void test_near_names_are_suggested(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    assert_int_equal(READ("--max-bdoy", "1"), RC_USAGE);
    assert_says(&err, "unknown option --max-bdoy; did you mean --max-body?");
    assert_int_equal(READ("--something-else"), RC_USAGE);
    assert_null(strstr(err.message, "did you mean"));
    assert_int_equal(option_set(&TABLE, &values, "tolerence", "1s", "fairlead.ini:12", &err), RC_USAGE);
    assert_string_equal(err.message,
                        "fairlead.ini:12: unknown option \"tolerence\"; did you mean \"tolerance\"?");
}

static void test_a_place_in_a_file_names_the_option_too(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    assert_int_equal(option_set(&TABLE, &values, "count", "many", "fairlead.ini:12", &err), RC_USAGE);
    assert_says(&err, "fairlead.ini:12: count: \"many\"");
}

static void test_numbers_are_whole_texts(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", " 1", "1 ", "1x", "+1", "0x1", "99999999999999999999", "-", "1.0"};
    VALUES;
    struct err err;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(option_set(&TABLE, &values, "count", BAD[i], "place", &err), RC_USAGE);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } GOOD[] = {
        {"0", 0},
        {"4096", 4096},
        {"64KiB", 65536},
        {"1MiB", 1 << 20},
        {"2gib", INT64_C(2) << 30},
        {"5KB", 5000},
        {"3MB", 3000000},
        {"1GB", 1000000000},
        {"7B", 7},
        {"9223372036854775807", INT64_MAX},
    };
    static const char *const BAD[] = {
        "", "-1", " 1", "1 KiB", "1K", "1TiB", "KiB", "9223372036854775807KiB", "1.5MiB"};
    int64_t bytes = 42;
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_true(option_parse_size(GOOD[i].text, &bytes));
        assert_int_equal(bytes, GOOD[i].bytes);
    }
    bytes = 42;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(option_parse_size(BAD[i], &bytes));
    assert_int_equal(bytes, 42);
}

static void test_sizes_as_text_come_back_exactly(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } CASES[] = {{0, "0"},
                 {1, "1"},
                 {1024, "1KiB"},
                 {1025, "1025"},
                 {1 << 20, "1MiB"},
                 {1000000, "1MB"},
                 {INT64_C(3) << 30, "3GiB"},
                 {1536, "1536"},
                 {INT64_MAX, "9223372036854775807"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        int64_t back = -1;
        option_format_size(CASES[i].bytes, &text);
        assert_string_equal(buf_str(&text), CASES[i].text);
        assert_true(option_parse_size(buf_str(&text), &back));
        assert_int_equal(back, CASES[i].bytes);
    }
}

static void test_a_list_of_a_later_place_replaces_the_earlier_one(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    char *environment[] = {"FAIRLEAD_SECRET= c, d ,,", NULL};
    char *other[] = {"FAIRLEAD_PATH=/x", NULL};
    option_next_place(&TABLE, &values);
    assert_int_equal(option_set(&TABLE, &values, "secret", "a", "f:1", &err), RC_OK);
    assert_int_equal(option_set(&TABLE, &values, "secret", "b,b", "f:2", &err), RC_OK);
    assert_int_equal(values.secret.count, 2);
    assert_string_equal(values.secret.items[1], "b,b");
    assert_int_equal(option_read_environment(&TABLE, &values, other, &err), RC_OK);
    assert_int_equal(values.secret.count, 2);
    assert_int_equal(option_read_environment(&TABLE, &values, environment, &err), RC_OK);
    assert_int_equal(values.secret.count, 2);
    assert_string_equal(values.secret.items[0], "c");
    assert_string_equal(values.secret.items[1], "d");
    assert_int_equal(READ("--secret", "e,f", "--secret=g"), RC_OK);
    assert_int_equal(values.secret.count, 2);
    assert_string_equal(values.secret.items[0], "e,f");
    assert_string_equal(values.secret.items[1], "g");
}

static void test_an_empty_list_is_no_list(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    static char *const EMPTY[] = {"FAIRLEAD_SECRET=", "FAIRLEAD_SECRET= ,\t,"};
    for (size_t i = 0; i < sizeof EMPTY / sizeof *EMPTY; i++) {
        char *environment[] = {EMPTY[i], NULL};
        assert_int_equal(option_read_environment(&TABLE, &values, environment, &err), RC_USAGE);
        assert_non_null(strstr(err.message, "FAIRLEAD_SECRET"));
    }
    char *environment[] = {"FAIRLEAD_PATH=", NULL};
    assert_int_equal(option_read_environment(&TABLE, &values, environment, &err), RC_OK);
}

static void test_a_list_has_an_end(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    for (int i = 0; i < OPTION_LIST_MAX; i++)
        assert_int_equal(option_set(&TABLE, &values, "secret", "hush", "f:1", &err), RC_OK);
    assert_int_equal(option_set(&TABLE, &values, "secret", "hush", "f:2", &err), RC_USAGE);
    assert_says(&err, "f:2: secret: given more than 64 times");
    assert_null(strstr(err.message, "hush"));
}

static void test_environment(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    char *good[] = {
        "FAIRLEAD_MAX_BODY=2KiB", "PATH=/bin", "FAIRLEAD_QUIET=yes", "FAIRLEAD_STYLE=", "FAIRLEAD_URL=x",
        "FAIRLEADER=nope",        NULL};
    char *unknown[] = {"FAIRLEAD_MAX_BODDY=1", NULL};
    char *bad[] = {"FAIRLEAD_MAX_BODY=big", NULL};
    option_defaults(&TABLE, &values);
    assert_int_equal(option_read_environment(&TABLE, &values, good, &err), RC_OK);
    assert_int_equal(values.max_body, 2048);
    assert_true(values.quiet);
    assert_int_equal(values.style, 1);
    assert_string_equal(values.path, "/webhook");
    assert_int_equal(option_read_environment(&TABLE, &values, unknown, &err), RC_OK);
    assert_int_equal(option_read_environment(&TABLE, &values, bad, &err), RC_USAGE);
    assert_says(&err, "FAIRLEAD_MAX_BODY: \"big\" is not allowed");
}

static void test_a_misspelt_variable(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"FAIRLEAD_MAX_BODDY=1", "FAIRLEAD_MAX_BODY"},
        {"FAIRLEAD_SECRETS=", "FAIRLEAD_SECRET"},
        {"FAIRLEAD_MAX-BODY=1", "FAIRLEAD_MAX_BODY"},
        {"FAIRLEAD_secret=x", "FAIRLEAD_SECRET"},
        {"FAIRLEAD_SECRET=x", NULL}, /* it is one */
        {"FAIRLEAD_SERVICE_HOST=10.0.0.1", NULL},
        {"FAIRLEAD_PORT_5000_TCP_ADDR=10.0.0.1", NULL},
        {"FAIRLEAD_=x", NULL},
        {"FAIRLEADSECRETS=x", NULL},
        {"SECRETS=x", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CLEANUP(buf_cleanup) struct buf meant = BUF_INIT;
        assert_int_equal(option_is_misspelt(&TABLE, CASES[i][0], &meant), CASES[i][1] != NULL);
        assert_string_equal(buf_str(&meant), CASES[i][1] ? CASES[i][1] : "");
    }
    assert_true(option_is_variable(&TABLE, "FAIRLEAD_SECRET=x"));
    assert_false(option_is_variable(&TABLE, "FAIRLEAD_SECRETS=x"));
}

/* What is found wrong later is as easy to find as what is refused at once. */
static void test_a_value_can_be_blamed_later(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    CLEANUP(buf_cleanup) struct buf setting = BUF_INIT;
    char *environment[] = {"FAIRLEAD_PATH=/x", NULL};
    option_defaults(&TABLE, &values);
    option_next_place(&TABLE, &values);
    assert_int_equal(option_set(&TABLE, &values, "secret", "a", "f:1", &err), RC_OK);
    assert_int_equal(option_set(&TABLE, &values, "secret", "b", "f:2", &err), RC_OK);
    assert_int_equal(option_set(&TABLE, &values, "path", "/y", "f:3", &err), RC_OK);
    assert_int_equal(option_read_environment(&TABLE, &values, environment, &err), RC_OK);
    assert_int_equal(READ("--tolerance", "90s"), RC_OK);
    static const struct {
        const char *name;
        size_t item;
        const char *sentence;
    } CASES[] = {
        {"secret", 0, "f:1: secret: no"},
        {"secret", 1, "f:2: secret: no"},
        {"path", 0, "FAIRLEAD_PATH: no"},
        {"tolerance", 0, "--tolerance: no"},
        {"max-body", 0, "the default of max-body: no"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        (void)err_set(&err, RC_CORRUPT, "no");
        assert_int_equal(option_blame(&TABLE, &values, CASES[i].name, CASES[i].item, &err), RC_USAGE);
        assert_string_equal(err.message, CASES[i].sentence);
    }
    option_write_setting(&TABLE, &values, "tolerance", &setting);
    buf_add_char(&setting, ' ');
    option_write_setting(&TABLE, &values, "max-body", &setting);
    buf_add_char(&setting, ' ');
    option_write_setting(&TABLE, &values, "path", &setting);
    assert_string_equal(buf_str(&setting),
                        "tolerance 1m30s (--tolerance) max-body 1MiB (default) path (FAIRLEAD_PATH)");
}

static void test_a_secret_value_is_never_repeated(void **state)
{
    (void)state;
    static const struct option ROW = {
        .name = "pin", .kind = OPTION_NUMBER, .value = "N", .secret = true, .fallback = "7731"};
    static const struct option_table PIN = {.rows = &ROW, .count = 1};
    int64_t pin = 0;
    struct err err;
    CLEANUP(buf_cleanup) struct buf help = BUF_INIT;
    assert_int_equal(option_set(&PIN, &pin, "pin", "hush-hush", "place", &err), RC_USAGE);
    assert_null(strstr(err.message, "hush"));
    option_write_help(&PIN, &help);
    option_write_markdown(&PIN, &help);
    assert_null(strstr(buf_str(&help), "7731"));
}

static void test_a_shown_value_is_short_and_one_line(void **state)
{
    (void)state;
    VALUES;
    struct err err;
    char longest[2000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(option_set(&TABLE, &values, "count", longest, "place", &err), RC_USAGE);
    assert_says(&err, "xxx...\" is not allowed; it must be a whole number");
    assert_int_equal(option_set(&TABLE, &values, "count", "a\nb\033[31m", "place", &err), RC_USAGE);
    assert_null(strchr(err.message, '\n'));
    assert_null(strchr(err.message, '\033'));
}

static void test_help_fits_and_shows_every_row(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf help = BUF_INIT;
    option_write_help(&TABLE, &help);
    for (size_t i = 0; i < TABLE.count; i++)
        assert_non_null(strstr(buf_str(&help), ROWS[i].name));
    assert_non_null(strstr(buf_str(&help), "-p, --path PATH"));
    assert_non_null(strstr(buf_str(&help), "[1MiB]"));
    assert_non_null(strstr(buf_str(&help), "--style pretty|line|none"));
    for (struct slice rest = buf_slice(&help); rest.len > 0;)
        assert_true(slice_split(&rest, '\n').len <= 80);
}

static void test_markdown_has_a_row_for_each_option(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf page = BUF_INIT;
    option_write_markdown(&TABLE, &page);
    assert_non_null(strstr(
        buf_str(&page), "| `--max-body SIZE` | `FAIRLEAD_MAX_BODY` | `1MiB` | 1 to 1GiB | largest body |\n"));
    assert_non_null(strstr(buf_str(&page), "`--style pretty\\|line\\|none`"));
    size_t lines = 0;
    for (struct slice rest = buf_slice(&page); rest.len > 0; lines++)
        (void)slice_split(&rest, '\n');
    assert_int_equal(lines, TABLE.count + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_form_of_an_argument),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_refusals_say_where_what_and_what_is_allowed),
        cmocka_unit_test(test_near_names_are_suggested),
        cmocka_unit_test(test_a_place_in_a_file_names_the_option_too),
        cmocka_unit_test(test_numbers_are_whole_texts),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sizes_as_text_come_back_exactly),
        cmocka_unit_test(test_a_list_of_a_later_place_replaces_the_earlier_one),
        cmocka_unit_test(test_an_empty_list_is_no_list),
        cmocka_unit_test(test_a_list_has_an_end),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_a_misspelt_variable),
        cmocka_unit_test(test_a_value_can_be_blamed_later),
        cmocka_unit_test(test_a_secret_value_is_never_repeated),
        cmocka_unit_test(test_a_shown_value_is_short_and_one_line),
        cmocka_unit_test(test_help_fits_and_shows_every_row),
        cmocka_unit_test(test_markdown_has_a_row_for_each_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
