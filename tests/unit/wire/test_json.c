#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/json.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

extern char **environ;

static void free_tree(json_t **tree)
{
    json_decref(*tree);
}

static json_t *parse(struct slice text)
{
    json_t *tree = NULL;
    struct err err = {""};
    enum rc rc = json_parse(text, &tree, &err);
    if (rc != RC_OK)
        print_error("refused: %s\n", err.message);
    assert_int_equal(rc, RC_OK);
    assert_non_null(tree);
    assert_int_equal(json_check_object(text, NULL), json_is_object(tree) ? RC_OK : RC_NOT_AN_OBJECT);
    return tree;
}

static void expect_refused(struct slice text, const char *message)
{
    json_t *tree = NULL;
    struct err err = {""};
    if (json_parse(text, &tree, &err) == RC_OK)
        fail_msg("accepted, instead of: %s", message);
    assert_string_equal(err.message, message);
    assert_null(tree);
    assert_int_equal(json_parse(text, &tree, NULL), RC_INVALID_JSON);
    assert_int_equal(json_check_object(text, &err), RC_INVALID_JSON);
    assert_string_equal(err.message, message);
}

/* Reads a whole file into out. */
static void load(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t n;
    assert_non_null(file);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, chunk, n);
    assert_int_equal(ferror(file), 0);
    fclose(file);
}

static void parses_values_of_every_kind(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{}",
        "[]",
        "\"\"",
        "0",
        "-0",
        "-0.0",
        "1e5",
        "1E+5",
        "1e-400",
        "true",
        "false",
        "null",
        " \t\r\n[ 1 ,\r\n2 ] \n",
        "9223372036854775807",
        "-9223372036854775808",
        "1.7976931348623157e308",
        "\"\\u0000\"",
        "\"\x7f\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\uABcd\"",
        "\"\\ud83d\\ude00\"",
        "\"\xF0\x9F\x98\x80\xEF\xBF\xBF\"",
        "{\"a\":1,\"a\":2}",
        "{\"\":{\"\":[]}}",
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++)
        json_decref(parse(slice_str(TEXTS[i])));
}

static void refuses_with_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } CASES[] = {
        {"", "line 1, column 1: expected a value, found the end of the text"},
        {" \n ", "line 2, column 2: expected a value, found the end of the text"},
        {"{\"a\":1,\n \"b\" 2}", "line 2, column 6: expected ':', found a number"},
        {"{\"a\":1,}", "line 1, column 8: expected a name in double quotes, found '}'"},
        {"{,}", "line 1, column 2: expected a name in double quotes or '}', found ','"},
        {"{1:2}", "line 1, column 2: expected a name in double quotes or '}', found a number"},
        {"{\"a\":}", "line 1, column 6: expected a value, found '}'"},
        {"{\"a\":1 \"b\"", "line 1, column 8: expected ',' or '}', found a string"},
        {"{\"a\":1", "line 1, column 7: expected ',' or '}', found the end of the text"},
        {"[1,]", "line 1, column 4: expected a value, found ']'"},
        {"[,", "line 1, column 2: expected a value or ']', found ','"},
        {"[1}", "line 1, column 3: expected ',' or ']', found '}'"},
        {"[1 null]", "line 1, column 4: expected ',' or ']', found true, false or null"},
        {"]", "line 1, column 1: expected a value, found ']'"},
        {"{} {}", "line 1, column 4: expected the end of the text, found '{'"},
        {"{}x", "line 1, column 3: only true, false and null are written without quotes"},
        {"[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\" x]",
         "line 1, column 8: only true, false and null are written without quotes"},
        {"[NaN]", "line 1, column 2: JSON has no NaN and no Infinity"},
        {"-Infinity", "line 1, column 1: a minus sign must be followed by a digit"},
        {"{'a':1}", "line 1, column 2: strings are written with double quotes"},
        {"[1] // x", "line 1, column 5: JSON has no comments"},
        {"\xEF\xBB\xBF{}", "line 1, column 1: a byte order mark is not allowed"},
        {"[01]", "line 1, column 2: a number must not start with a superfluous zero"},
        {"[1.]", "line 1, column 2: a decimal point must be followed by a digit"},
        {"[1e+]", "line 1, column 2: an exponent must have a digit"},
        {"[+1]", "line 1, column 2: no JSON value starts with this character"},
        {"[.5]", "line 1, column 2: no JSON value starts with this character"},
        {"[True]", "line 1, column 2: only true, false and null are written without quotes"},
        {"[\"abc]", "line 1, column 2: the string that starts here has no closing quote"},
        {"[\"a\nb\"]", "line 1, column 4: a line break inside a string must be written as \\n"},
        {"[\"a\tb\"]", "line 1, column 4: a control character inside a string must be escaped"},
        {"\"\\x\"",
         "line 1, column 2: this is not one of JSON's escapes (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)"},
        {"\"\\u12g4\"",
         "line 1, column 2: this is not one of JSON's escapes (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)"},
        {"[\"\xFF\"]", "line 1, column 3: the bytes here are not UTF-8"},
        {"[\"\xC0\x80\"]", "line 1, column 3: the bytes here are not UTF-8"},
        {"[\"\xED\xA0\x80\"]", "line 1, column 3: the bytes here are not UTF-8"},
        {"[\"\xF4\x90\x80\x80\"]", "line 1, column 3: the bytes here are not UTF-8"},
        {"[\"\xE2\x82", "line 1, column 3: the bytes here are not UTF-8"},
        {"[\x80]", "line 1, column 2: the bytes here are not UTF-8"},
        /* Behind tokens that are stood in for, too; and a stand-in repairs nothing. */
        {"[1.5-99999999999999999999]", "line 1, column 5: expected ',' or ']', found a number"},
        {"[1e999,\n\"\\ud800\",99999999999999999999 x]",
         "line 2, column 31: only true, false and null are written without quotes"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        expect_refused(slice_str(CASES[i].text), CASES[i].message);
    expect_refused(SLICE_NONE, CASES[0].message);
    expect_refused(slice_of("[1\0]", 4), "line 1, column 3: there is a zero byte");
    expect_refused(slice_of("[true\0]", 7), "line 1, column 6: there is a zero byte");
    expect_refused(slice_of("{}\0", 3), "line 1, column 3: there is a zero byte");
    expect_refused(slice_of("[\"\0\"]", 5),
                   "line 1, column 3: a control character inside a string must be escaped");
}

static void never_repeats_the_body(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{\"token\":\"hunter2\" \"hunter2\"}",
        "[hunter2]",
        "\"hunter2",
        "{\"hunter2\" 1}",
        "[\"hunter2\\q\"]",
        "[\"hunter2\x01\"]",
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        json_t *tree = NULL;
        struct err err = {""};
        assert_int_equal(json_parse(slice_str(TEXTS[i]), &tree, &err), RC_INVALID_JSON);
        assert_null(strstr(err.message, "hunter"));
    }
}

static void nest(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        buf_add_str(out, i % 2 ? "[" : "{\"]\":");
    buf_add_str(out, "1");
    for (size_t i = depth; i-- > 0;)
        buf_add_char(out, i % 2 ? ']' : '}');
}

static void limits_nesting(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    nest(&text, JSON_MAX_DEPTH);
    json_decref(parse(buf_slice(&text)));
    buf_clear(&text);
    nest(&text, JSON_MAX_DEPTH + 1);
    expect_refused(buf_slice(&text), "line 1, column 1537: arrays and objects are nested more than 512 deep");
    buf_clear(&text);
    buf_add_fill(&text, '[', 4000000);
    expect_refused(buf_slice(&text), "line 1, column 513: arrays and objects are nested more than 512 deep");
    buf_clear(&text);
    buf_add_str(&text, "[1 2,");
    buf_add_fill(&text, '[', 1000);
    expect_refused(buf_slice(&text), "line 1, column 4: expected ',' or ']', found a number");
}

static void brackets_that_are_not_deep_are_fine(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    buf_add_str(&text, "[\"\\\"");
    buf_add_fill(&text, '[', 2000);
    buf_add_str(&text, "\\\\\"");
    for (int i = 0; i < 2000; i++)
        buf_add_str(&text, ",[{}]");
    buf_add_str(&text, "]");
    json_t *tree = parse(buf_slice(&text));
    assert_int_equal(json_array_size(tree), 2001);
    json_decref(tree);
}

static void stands_in_for_what_jansson_cannot_hold(void **state)
{
    (void)state;
    static const char TEXT[] =
        "{\"big\":92233720368547758080,\"edge\":[9223372036854775808,-9223372036854775809,"
        "9223372036854775807],\"real\":-1e999,\"lone\":\"a\\uD800b\\udc00\\ud83d\\ude00\\\\ud800\","
        "\"k\\u0000\":true,\"last\":7}";
    CLEANUP(free_tree) json_t *tree = parse(slice_str(TEXT));
    assert_int_equal(json_integer_value(json_object_get(tree, "last")), 7);
    assert_int_equal(json_integer_value(json_object_get(tree, "big")), 0);
    json_t *edge = json_object_get(tree, "edge");
    assert_int_equal(json_integer_value(json_array_get(edge, 0)), 0);
    assert_int_equal(json_integer_value(json_array_get(edge, 1)), 0);
    assert_int_equal(json_integer_value(json_array_get(edge, 2)), INT64_MAX);
    assert_true(json_is_number(json_object_get(tree, "real")));
    assert_true(slice_is(json_get_slice(tree, "lone"), "a\xEF\xBF\xBD"
                                                       "b\xEF\xBF\xBD\xF0\x9F\x98\x80\\ud800"));
    assert_true(json_is_true(json_object_get(tree, "k\xEF\xBF\xBD")));
}

static void keeps_zero_characters_in_values(void **state)
{
    (void)state;
    CLEANUP(free_tree) json_t *tree = parse(slice_str("{\"a\":\"x\\u0000y\"}"));
    assert_true(slice_equal(json_get_slice(tree, "a"), slice_of("x\0y", 3)));
    CLEANUP(free_tree)
    json_t *beside = parse(slice_str("{\"b\" :1e999,\"a\":\"x\\u0000y\",\"c\\u0000\\ud800\":1}"));
    assert_true(slice_equal(json_get_slice(beside, "a"), slice_of("x\0y", 3)));
    assert_int_equal(json_integer_value(json_object_get(beside, "c\xEF\xBF\xBD\xEF\xBF\xBD")), 1);
}

/* Work that grew with the square of the length would take hours here. */
static void many_stand_ins_cost_linear_time(void **state)
{
    (void)state;
    static const char *const PIECES[] = {"1e999", "99999999999999999999", "\"\\ud800\"",
                                         "\"\\ud800\\ud800\\u0000\"", "{\"\\u0000\":1}"};
    for (size_t i = 0; i < COUNT(PIECES); i++) {
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        buf_add_str(&text, "[0");
        while (text.len < 2000000)
            buf_addf(&text, ",%s", PIECES[i]);
        buf_add_char(&text, ']');
        json_decref(parse(buf_slice(&text)));
    }
    CLEANUP(buf_cleanup) struct buf digits = BUF_INIT;
    buf_add_fill(&digits, '9', 2000000);
    json_decref(parse(buf_slice(&digits)));
}

/* A text right before memory that must not be read: the parser may not look past its end. */
static void reads_no_byte_behind_the_text(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "12", "1e999", "1.5e3", "tru", "\"\\ud8", "\"\xE2\x82", "99999999999999999999"};
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        size_t len = strlen(TEXTS[i]);
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        CLEANUP(cleanup_free) char *exact = malloc(len);
        CLEANUP(free_tree) json_t *tree = NULL;
        assert_non_null(exact);
        memcpy(exact, TEXTS[i], len);
        if (json_parse(slice_of(exact, len), &tree, NULL) == RC_OK) {
            json_pretty(slice_of(exact, len), &out);
            json_compact(slice_of(exact, len), &out);
            assert_true(out.len >= len);
        }
    }
}

static void expect_pretty(const char *text, const char *want)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_decref(parse(slice_str(text)));
    json_pretty(slice_str(text), &out);
    assert_string_equal(buf_str(&out), want);
}

static void prints_as_python_does(void **state)
{
    (void)state;
    expect_pretty("[]", "[]");
    expect_pretty(" { } ", "{}");
    expect_pretty(
        "{\"a\":[1,{},[ ],{\"b\":null}],\"c\":true}",
        "{\n  \"a\": [\n    1,\n    {},\n    [],\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": true\n}");
    expect_pretty(
        "[-0,-0.0,0.0,1E5,1e16,1e15,1e-4,1e-5,1.10,5e-324,1e22,0.1e1,123456789012345678901234567890]",
        "[\n  0,\n  -0.0,\n  0.0,\n  100000.0,\n  1e+16,\n  1000000000000000.0,\n  0.0001,\n  1e-05,\n  "
        "1.1,\n"
        "  5e-324,\n  1e+22,\n  1.0,\n  123456789012345678901234567890\n]");
    expect_pretty("\"\\/\\u002f\\u0041\\u000A\\u001F\\u007f\x7f\\u00E9\\uD800\\b\\f\\r\\t\\\"\\\\\\u0022\"",
                  "\"//A\\n\\u001f\\u007f\\u007f\\u00e9\\ud800\\b\\f\\r\\t\\\"\\\\\\\"\"");
    expect_pretty("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", "\"\\u00e9\\u20ac\\ud83d\\ude00\"");
}

static void differs_from_python_only_as_documented(void **state)
{
    (void)state;
    expect_pretty("[1E999,-1.50e+400]", "[\n  1E999,\n  -1.50e+400\n]");
    expect_pretty("{\"a\":1,\"a\":2}", "{\n  \"a\": 1,\n  \"a\": 2\n}");
}

static void prints_the_page_samples_as_they_are(void **state)
{
    (void)state;
    static const char *const PATHS[] = {TEST_DATA "/page-sample.json", TEST_DATA "/page-sample-body.json"};
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        CLEANUP(buf_cleanup) struct buf flat = BUF_INIT;
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        load(PATHS[i], &text);
        json_decref(parse(buf_slice(&text)));
        json_compact(buf_slice(&text), &flat);
        assert_null(strpbrk(buf_str(&flat), "\n"));
        json_pretty(buf_slice(&flat), &out);
        buf_add_char(&out, '\n');
        assert_string_equal(buf_str(&out), buf_str(&text));
    }
}

static void stops_at_the_limit_of_the_output(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT_LIMIT(4096);
    nest(&text, JSON_MAX_DEPTH);
    json_pretty(buf_slice(&text), &out);
    assert_true(buf_failed(&out));
    assert_true(out.len <= 4096);
}

static void shows_on_one_line_what_would_grow_out_of_proportion(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf pretty = BUF_INIT;
    buf_add_str(&text, "{\"a\":[[[[1,2]]]]}");
    json_show(buf_slice(&text), &out);
    json_pretty(buf_slice(&text), &pretty);
    assert_string_equal(buf_str(&out), buf_str(&pretty));

    buf_clear(&text);
    buf_clear(&out);
    for (int i = 0; i < 400; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < 20000; i++)
        buf_add_str(&text, "1,");
    buf_add_char(&text, '1');
    for (int i = 0; i < 400; i++)
        buf_add_char(&text, ']');
    json_show(buf_slice(&text), &out);
    assert_string_equal(buf_str(&out), buf_str(&text));
}

static void compacts_verbatim(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_compact(slice_str(" { \"a b\" :\n[ 1.50E+3 , -0 , \"\\u0041 \xC3\xA9\" , 1e999, true ] } \r\n"),
                 &out);
    assert_string_equal(buf_str(&out), "{\"a b\":[1.50E+3,-0,\"\\u0041 \xC3\xA9\",1e999,true]}");
}

static void expect_quoted(struct slice text, const char *want)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_quote(text, &out);
    assert_string_equal(buf_str(&out), want);
    json_decref(parse(buf_slice(&out)));
}

static void quotes_any_bytes(void **state)
{
    (void)state;
    expect_quoted(SLICE_NONE, "\"\"");
    expect_quoted(slice_str("a/b\"\\\n\r\t\b\f\x01"), "\"a/b\\\"\\\\\\n\\r\\t\\b\\f\\u0001\"");
    expect_quoted(slice_of("\0", 1), "\"\\u0000\"");
    expect_quoted(slice_str("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\"");
    expect_quoted(slice_str("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    expect_quoted(slice_str("\xE2\x82"), "\"\xEF\xBF\xBD\"");
    expect_quoted(slice_str("\xF0\x9F\x98z\xC0\x80"), "\"\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void gets_string_members_only(void **state)
{
    (void)state;
    CLEANUP(free_tree)
    json_t *tree = parse(slice_str("{\"s\":\"x\",\"e\":\"\",\"n\":1,\"z\":null,\"a\":[\"s\"]}"));
    assert_true(slice_is(json_get_slice(tree, "s"), "x"));
    assert_non_null(json_get_slice(tree, "e").ptr);
    assert_null(json_get_slice(tree, "n").ptr);
    assert_null(json_get_slice(tree, "z").ptr);
    assert_null(json_get_slice(tree, "missing").ptr);
    assert_null(json_get_slice(json_object_get(tree, "a"), "s").ptr);
    assert_null(json_get_slice(NULL, "s").ptr);
}

/* ---- random documents, compared with python3 ---- */

#define DOCUMENTS 600
#define SEPARATOR '\x1e' /* cannot stand in a JSON text unescaped */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static unsigned below(uint64_t *seed, unsigned limit)
{
    return (unsigned)(next_random(seed) >> 11) % limit;
}

static void add_space(uint64_t *seed, struct buf *out)
{
    while (below(seed, 4) == 0)
        buf_add_char(out, " \t\r\n"[below(seed, 4)]);
}

static void add_utf8(uint32_t point, struct buf *out)
{
    if (point < 0x800) {
        char text[] = {(char)(0xC0 | point >> 6), (char)(0x80 | (point & 63))};
        buf_add(out, text, 2);
    } else if (point < 0x10000) {
        char text[] = {(char)(0xE0 | point >> 12), (char)(0x80 | (point >> 6 & 63)),
                       (char)(0x80 | (point & 63))};
        buf_add(out, text, 3);
    } else {
        char text[] = {(char)(0xF0 | point >> 18), (char)(0x80 | (point >> 12 & 63)),
                       (char)(0x80 | (point >> 6 & 63)), (char)(0x80 | (point & 63))};
        buf_add(out, text, 4);
    }
}

static void add_random_character(uint64_t *seed, struct buf *out)
{
    static const char *const ESCAPES[] = {"\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"};
    char c;
    switch (below(seed, 9)) {
    case 0:
        buf_add_str(out, ESCAPES[below(seed, 8)]);
        break;
    case 1:
        buf_addf(out, below(seed, 2) ? "\\u%04X" : "\\u%04x", below(seed, 0x10000));
        break;
    case 2:
        buf_addf(out, "\\u%04x", below(seed, 0x80));
        break;
    case 3:
        buf_addf(out, "\\u%04x", 0xD800 + below(seed, 0x800));
        break;
    case 4:
        add_utf8(0x80 + below(seed, 0x780), out);
        break;
    case 5:
        add_utf8((below(seed, 2) ? 0x800 : 0xE000) + below(seed, 0x2000), out);
        break;
    case 6:
        add_utf8(0x10000 + below(seed, 0x100000), out);
        break;
    default:
        c = (char)(0x20 + below(seed, 0x60));
        buf_add_char(out, c == '"' || c == '\\' ? 'x' : c);
    }
}

/* `mark` makes the names of one object differ. */
static void add_random_string(uint64_t *seed, const char *mark, struct buf *out)
{
    buf_add_char(out, '"');
    for (unsigned n = below(seed, 12); n > 0; n--)
        add_random_character(seed, out);
    buf_addf(out, "%s\"", mark);
}

static double random_double(uint64_t *seed)
{
    double value;
    do {
        uint64_t bits = next_random(seed);
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

static void add_random_number(uint64_t *seed, struct buf *out)
{
    switch (below(seed, 6)) {
    case 0:
        buf_addf(out, "%ld", (long)next_random(seed));
        break;
    case 1:
        buf_addf(out, "%s%u%020u%020u", below(seed, 2) ? "-" : "", 1 + below(seed, 9), below(seed, 1000),
                 below(seed, 1000));
        break;
    case 2:
        buf_addf(out, "%.*e", (int)below(seed, 20), random_double(seed));
        break;
    case 3:
        buf_addf(out, "%.*E", (int)below(seed, 19), ldexp(1 + below(seed, 1000), (int)below(seed, 120) - 60));
        break;
    case 4:
        buf_addf(out, "-%u.%0*u", below(seed, 100000), (int)below(seed, 12), below(seed, 1000));
        break;
    default:
        buf_addf(out, "%d", (int)below(seed, 200) - 100);
    }
}

static void add_random_value(uint64_t *seed, unsigned depth, struct buf *out)
{
    static const char *const WORDS[] = {"true", "false", "null", "-0", "-0.0", "0e5", "{}", "[]"};
    unsigned kind = below(seed, depth < 6 ? 6 : 4);
    add_space(seed, out);
    if (kind < 2)
        add_random_number(seed, out);
    else if (kind == 2)
        add_random_string(seed, "", out);
    else if (kind == 3)
        buf_add_str(out, WORDS[below(seed, COUNT(WORDS))]);
    else {
        buf_add_char(out, kind == 4 ? '[' : '{');
        for (unsigned i = 0, n = below(seed, 7); i < n; i++) {
            char mark[16];
            snprintf(mark, sizeof mark, "#%u", i);
            if (i > 0)
                buf_add_char(out, ',');
            add_space(seed, out);
            if (kind == 5)
                add_random_string(seed, mark, out);
            add_space(seed, out);
            if (kind == 5)
                buf_add_char(out, ':');
            add_random_value(seed, depth + 1, out);
        }
        add_space(seed, out);
        buf_add_char(out, kind == 4 ? ']' : '}');
    }
    add_space(seed, out);
}

/* A positive double and both of its neighbours: their bits are neighbouring integers. */
static void add_with_neighbours(double value, struct buf *out)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (uint64_t near = bits - 1; near <= bits + 1; near++) {
        memcpy(&value, &near, sizeof value);
        buf_addf(out, ",%.20e", value);
    }
}

/* Where shortest digits are hardest: the powers of two and of ten, and their neighbours on both sides. */
static void add_hard_numbers(struct buf *out)
{
    buf_add_str(out, "[0.5");
    for (int i = -1074; i < 1024; i++)
        add_with_neighbours(ldexp(1, i), out);
    for (int i = -330; i < 308; i++) {
        char power[16];
        snprintf(power, sizeof power, "1e%d", i);
        buf_addf(out, ",%s,9e%d,1.5e%d", power, i, i);
        if (i > -320)
            add_with_neighbours(strtod(power, NULL), out);
    }
    buf_add_char(out, ']');
}

/* Every text between separators of `from` as json.dumps(…, indent=2) into `to`. false: no python3. */
static bool run_python(char *from, char *to)
{
    char script[] = "import json, sys\n"
                    "texts = open(sys.argv[1], 'rb').read().split(b'\\x1e')\n"
                    "open(sys.argv[2], 'wb').write(b'\\x1e'.join("
                    "json.dumps(json.loads(t), indent=2).encode() for t in texts))\n";
    char *argv[] = {(char[]){"python3"}, (char[]){"-c"}, script, from, to, NULL};
    pid_t child;
    int status = -1;
    if (posix_spawnp(&child, "python3", NULL, NULL, argv, environ) != 0)
        return false;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return false;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

static void save(const char *path, struct slice text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static void make_documents(struct buf *texts)
{
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);
    load(TEST_DATA "/page-sample.json", texts);
    buf_add_char(texts, SEPARATOR);
    load(TEST_DATA "/page-sample-body.json", texts);
    buf_add_char(texts, SEPARATOR);
    add_hard_numbers(texts);
    for (int i = 0; i < DOCUMENTS; i++) {
        buf_add_char(texts, SEPARATOR);
        add_random_value(&seed, 0, texts);
    }
    assert_false(buf_failed(texts));
}

/* Shows the surroundings of the first difference. */
static void expect_same(size_t document, struct slice got, struct slice want)
{
    size_t same = 0;
    while (same < got.len && same < want.len && got.ptr[same] == want.ptr[same])
        same++;
    if (same == got.len && same == want.len)
        return;
    size_t from = same > 40 ? same - 40 : 0;
    fail_msg("document %zu, byte %zu:\npython3: %.80s\nhere: %.80s", document, same, want.ptr + from,
             got.ptr + from);
}

static void compare_documents(struct slice texts, struct slice wanted)
{
    size_t count = 0;
    while (texts.len > 0) {
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        struct slice text = slice_split(&texts, SEPARATOR);
        struct slice want = slice_split(&wanted, SEPARATOR);
        json_decref(parse(text));
        json_pretty(text, &out);
        expect_same(count, buf_slice(&out), want);
        count++;
    }
    assert_int_equal(count, DOCUMENTS + 3);
}

static void prints_random_documents_as_python_does(void **state)
{
    (void)state;
    char dir[] = "/tmp/fairlead-json-XXXXXX";
    char from[64];
    char to[64];
    CLEANUP(buf_cleanup) struct buf texts = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf wanted = BUF_INIT;
    make_documents(&texts);
    assert_non_null(mkdtemp(dir));
    snprintf(from, sizeof from, "%s/from", dir);
    snprintf(to, sizeof to, "%s/to", dir);
    save(from, buf_slice(&texts));
    bool ran = run_python(from, to);
    if (ran)
        load(to, &wanted);
    unlink(from);
    unlink(to);
    rmdir(dir);
    if (!ran) {
        print_message("skipped: no python3 to compare with\n");
        skip();
    }
    compare_documents(buf_slice(&texts), buf_slice(&wanted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_values_of_every_kind),
        cmocka_unit_test(refuses_with_line_and_column),
        cmocka_unit_test(never_repeats_the_body),
        cmocka_unit_test(limits_nesting),
        cmocka_unit_test(brackets_that_are_not_deep_are_fine),
        cmocka_unit_test(stands_in_for_what_jansson_cannot_hold),
        cmocka_unit_test(keeps_zero_characters_in_values),
        cmocka_unit_test(many_stand_ins_cost_linear_time),
        cmocka_unit_test(reads_no_byte_behind_the_text),
        cmocka_unit_test(prints_as_python_does),
        cmocka_unit_test(differs_from_python_only_as_documented),
        cmocka_unit_test(prints_the_page_samples_as_they_are),
        cmocka_unit_test(stops_at_the_limit_of_the_output),
        cmocka_unit_test(shows_on_one_line_what_would_grow_out_of_proportion),
        cmocka_unit_test(compacts_verbatim),
        cmocka_unit_test(quotes_any_bytes),
        cmocka_unit_test(gets_string_members_only),
        cmocka_unit_test(prints_random_documents_as_python_does),
    };
    return cmocka_run_group_tests_name("wire/json", tests, NULL, NULL);
}
