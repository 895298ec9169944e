#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/json_index.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct json_node *read_text(struct json_index *index, const char *text)
{
    struct err err = {""};
    if (json_index_read(index, slice_str(text), &err) != RC_OK)
        fail_msg("%s is refused: %s", text, err.message);
    return json_index_root(index);
}

/* `want` NULL: absent. */
static void expect_slice(struct slice got, const char *want)
{
    assert_int_equal(got.ptr == NULL, want == NULL);
    if (want && !slice_is(got, want))
        fail_msg("got \"%.*s\" instead of \"%s\"", SLICE_ARG(got), want);
}

static void expect_member(const struct json_node *object, const char *name, enum json_token_kind kind,
                          const char *text)
{
    const struct json_node *member = json_index_get(object, name);
    assert_non_null(member);
    assert_int_equal(member->kind, kind);
    expect_slice(member->name, name);
    expect_slice(member->text, text);
    expect_slice(json_index_get_slice(object, name), kind == JSON_TOKEN_STRING ? text : NULL);
}

static void expect_refused(struct json_index *index, struct slice text)
{
    struct err err = {""};
    struct err want = {""};
    json_t *tree = NULL;
    assert_int_equal(json_index_read(index, text, &err), RC_INVALID_JSON);
    assert_null(json_index_root(index));
    assert_int_equal(json_index_read(index, text, NULL), RC_INVALID_JSON);
    assert_int_equal(json_parse(text, &tree, &want), RC_INVALID_JSON);
    assert_string_equal(err.message, want.message);
}

static void finds_values_of_every_kind(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root =
        read_text(&index, " { \"s\" : \"x\", \"e\":\"\",\n\"n\":-1.5e3,\"big\":1e999,\"t\":true,\"f\":false,"
                          "\"z\":null,\"a\":[1],\"o\":{\"i\":2}} ");
    assert_int_equal(root->kind, JSON_TOKEN_OBJECT);
    expect_slice(root->name, NULL);
    expect_member(root, "s", JSON_TOKEN_STRING, "x");
    expect_member(root, "e", JSON_TOKEN_STRING, "");
    expect_member(root, "n", JSON_TOKEN_NUMBER, "-1.5e3");
    expect_member(root, "big", JSON_TOKEN_NUMBER, "1e999");
    expect_member(root, "t", JSON_TOKEN_WORD, "true");
    expect_member(root, "f", JSON_TOKEN_WORD, "false");
    expect_member(root, "z", JSON_TOKEN_WORD, "null");
    expect_member(root, "a", JSON_TOKEN_ARRAY, "[");
    expect_member(root, "o", JSON_TOKEN_OBJECT, "{");
    expect_member(json_index_get(root, "o"), "i", JSON_TOKEN_NUMBER, "2");
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    assert_null(json_index_root(&index));
    const struct json_node *root = read_text(&index, "{\"a\":{},\"b\":{\"c\":\"x\"},\"s\":\"c\",\"n\":1}");
    assert_null(json_index_get(root, "c"));
    assert_null(json_index_get(root, "A"));
    assert_null(json_index_get(root, ""));
    assert_null(json_index_get(root, "aa"));
    assert_null(json_index_get(json_index_get(root, "a"), "c"));
    assert_null(json_index_get(json_index_get(root, "s"), "c"));
    assert_null(json_index_get(json_index_get(root, "n"), "c"));
    assert_null(json_index_get(json_index_get(root, "missing"), "c"));
    assert_null(json_index_get(NULL, "a"));
    assert_null(json_index_get_slice(NULL, "a").ptr);
    assert_null(json_index_get(read_text(&index, "{}"), "a"));
}

static void texts_that_are_no_object_have_a_root(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_token_kind kind;
    } CASES[] = {
        {"[{\"a\":1}]", JSON_TOKEN_ARRAY}, {"[]", JSON_TOKEN_ARRAY},     {" \"a\" ", JSON_TOKEN_STRING},
        {"12", JSON_TOKEN_NUMBER},         {" null\n", JSON_TOKEN_WORD},
    };
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const struct json_node *root = read_text(&index, CASES[i].text);
        assert_int_equal(root->kind, CASES[i].kind);
        assert_null(json_index_get(root, "a"));
    }
}

static void objects_inside_objects_keep_their_members_apart(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root = read_text(
        &index,
        "{\"a\":1,\"o\":{\"a\":2,\"o\":{\"a\":3,\"z\":{}},\"b\":\"in\"},\"b\":\"out\",\"p\":{\"a\":4}}");
    const struct json_node *inner = json_index_get(root, "o");
    expect_member(root, "a", JSON_TOKEN_NUMBER, "1");
    expect_member(root, "b", JSON_TOKEN_STRING, "out");
    expect_member(inner, "a", JSON_TOKEN_NUMBER, "2");
    expect_member(inner, "b", JSON_TOKEN_STRING, "in");
    expect_member(json_index_get(inner, "o"), "a", JSON_TOKEN_NUMBER, "3");
    expect_member(json_index_get(root, "p"), "a", JSON_TOKEN_NUMBER, "4");
    assert_null(json_index_get(json_index_get(root, "p"), "b"));
}

static void the_last_of_a_repeated_name_counts(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root =
        read_text(&index, "{\"a\":\"1\",\"b\":{\"x\":1},\"a\":\"2\",\"b\":{\"y\":2},\"\\u0061\":3,"
                          "\"c\\ud800\":1,\"c\xEF\xBF\xBD\":2}");
    expect_member(root, "a", JSON_TOKEN_NUMBER, "3");
    assert_null(json_index_get(json_index_get(root, "b"), "x"));
    expect_member(json_index_get(root, "b"), "y", JSON_TOKEN_NUMBER, "2");
    expect_member(root, "c\xEF\xBF\xBD", JSON_TOKEN_NUMBER, "2");
}

static void a_name_may_be_empty(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root = read_text(&index, "{\"\":{\"\":\"x\"}}");
    expect_member(root, "", JSON_TOKEN_OBJECT, "{");
    expect_member(json_index_get(root, ""), "", JSON_TOKEN_STRING, "x");
}

static void arrays_are_passed_over(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root = read_text(
        &index,
        "{\"a\":[{\"x\":1},[[{\"y\":[]}],\"\\u0078\"],{}],\"x\":2,\"o\":{\"a\":[],\"b\":[[]],\"c\":3}}");
    expect_member(root, "a", JSON_TOKEN_ARRAY, "[");
    expect_member(root, "x", JSON_TOKEN_NUMBER, "2");
    assert_null(json_index_get(root, "y"));
    assert_null(json_index_get(json_index_get(root, "a"), "x"));
    expect_member(json_index_get(root, "o"), "c", JSON_TOKEN_NUMBER, "3");
    assert_int_equal(index.nodes.len, 7 * sizeof(struct json_node));
    assert_int_equal(index.texts.len, 0);
}

static void escapes_are_taken_out(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root = read_text(
        &index, "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t|\\u0041\\u00e9\\u20AC\\uD83D\\ude00\","
                "\"\\\"\\t\":\"in the name\",\"plain\":\"\xC3\xA9\",\"c\":\"x\\\\u0041\",\"n\\u006f\":1}");
    expect_member(root, "a", JSON_TOKEN_STRING, "\"\\/\b\f\n\r\t|A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    expect_member(root, "\"\t", JSON_TOKEN_STRING, "in the name");
    expect_member(root, "plain", JSON_TOKEN_STRING, "\xC3\xA9");
    expect_member(root, "c", JSON_TOKEN_STRING, "x\\u0041");
    expect_member(root, "no", JSON_TOKEN_NUMBER, "1");
}

static void stands_in_for_lone_surrogates(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root =
        read_text(&index, "{\"a\":\"\\ud800\",\"b\":\"x\\uDC00y\",\"c\":\"\\ud83d\\ud83d\\ude00\\ude00\","
                          "\"d\":\"\\ud800\\n\\udbffu\",\"n\\udfff\":1,\"e\":\"\\ud800\\u0041\"}");
    expect_member(root, "a", JSON_TOKEN_STRING, "\xEF\xBF\xBD");
    expect_member(root, "b", JSON_TOKEN_STRING, "x\xEF\xBF\xBDy");
    expect_member(root, "c", JSON_TOKEN_STRING, "\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD");
    expect_member(root, "d", JSON_TOKEN_STRING, "\xEF\xBF\xBD\n\xEF\xBF\xBDu");
    expect_member(root, "n\xEF\xBF\xBD", JSON_TOKEN_NUMBER, "1");
    expect_member(root, "e", JSON_TOKEN_STRING,
                  "\xEF\xBF\xBD"
                  "A");
}

static void zero_characters_stay_in_values_only(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    const struct json_node *root = read_text(&index, "{\"a\":\"x\\u0000y\",\"b\\u0000c\":\"\\u0000\"}");
    assert_true(slice_equal(json_index_get_slice(root, "a"), slice_of("x\0y", 3)));
    assert_true(slice_equal(json_index_get_slice(root, "b\xEF\xBF\xBD"
                                                       "c"),
                            slice_of("\0", 1)));
    assert_null(json_index_get(root, "b"));
}

static void nest(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        buf_add_str(out, "{\"a\":0,\"d\":");
    buf_add_str(out, "\"leaf\"");
    buf_add_fill(out, '}', depth);
}

static void goes_as_deep_as_the_limit(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    nest(&text, JSON_MAX_DEPTH);
    const struct json_node *at = read_text(&index, buf_str(&text));
    for (size_t i = 1; i < JSON_MAX_DEPTH; i++)
        at = json_index_get(at, "d");
    expect_member(at, "d", JSON_TOKEN_STRING, "leaf");
    buf_clear(&text);
    nest(&text, JSON_MAX_DEPTH + 1);
    expect_refused(&index, buf_slice(&text));
    buf_clear(&text);
    buf_add_fill(&text, '[', 4000000);
    expect_refused(&index, buf_slice(&text));
}

static void refuses_what_the_parser_refuses(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        " ",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":[{\"b\"}]}",
        "{\"a\":[{]}",
        "{} x",
        "{}{}",
        "{\"a\":tru}",
        "{\"a\":01}",
        "{\"a\":\"\\x\"}",
        "{\"a\":[\"\\u12g4\"]}",
        "{\"a\":\"\xFF\"}",
        "{\"a\n\":1}",
        "]",
        "nul",
    };
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    expect_refused(&index, SLICE_NONE);
    expect_refused(&index, slice_of("{}\0", 3));
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        read_text(&index, "{\"a\":\"\\u0061\"}");
        expect_refused(&index, slice_str(TEXTS[i]));
    }
    expect_member(read_text(&index, "{\"a\":\"\\u0061\"}"), "a", JSON_TOKEN_STRING, "a");
}

/* Many members with escapes, so that both bufs have to grow while there are links and slices already. */
static void write_many(struct buf *out, unsigned count)
{
    buf_add_str(out, "{\"o\":{");
    for (unsigned i = 0; i < count; i++)
        buf_addf(out, "%s\"n\\u0061%u\":\"v\\t%u\"", i ? "," : "", i, i);
    buf_add_str(out, "}}");
}

static void a_text_may_have_many_members(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    write_many(&text, MANY);
    const struct json_node *object = json_index_get(read_text(&index, buf_str(&text)), "o");
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        char value[16];
        snprintf(name, sizeof name, "na%u", i);
        snprintf(value, sizeof value, "v\t%u", i);
        expect_member(object, name, JSON_TOKEN_STRING, value);
    }
}

static void memory_is_used_again_and_bounded(void **state)
{
    (void)state;
    CLEANUP(json_index_cleanup) struct json_index index = {0};
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    write_many(&text, 100);
    read_text(&index, buf_str(&text));
    const char *nodes = index.nodes.ptr;
    const char *texts = index.texts.ptr;
    for (int i = 0; i < 10; i++) {
        read_text(&index, "{\"a\":\"\\n\"}");
        read_text(&index, buf_str(&text));
        assert_int_equal(json_index_read(&index, slice_str("{\"a\":\"\\n\""), NULL), RC_INVALID_JSON);
    }
    assert_ptr_equal(index.nodes.ptr, nodes);
    assert_ptr_equal(index.texts.ptr, texts);

    buf_clear(&text);
    buf_add_str(&text, "{\"\\n\":0");
    while (text.len < 1000000)
        buf_add_str(&text, ",\"\":0");
    buf_add_char(&text, '}');
    read_text(&index, buf_str(&text));
    assert_true(index.nodes.capacity + index.texts.capacity < 24 * text.len);
    read_text(&index, "{}");
    assert_true(index.nodes.capacity <= JSON_INDEX_KEEP);
    assert_true(index.texts.capacity <= JSON_INDEX_KEEP);
}

/* A text right before memory that must not be read. */
static void reads_no_byte_behind_the_text(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{\"a\":\"\\ud800\"}", "\"\\ud800\"", "{\"\\ud800\\u", "{\"\\", "12", "{\"a"};
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        size_t len = strlen(TEXTS[i]);
        CLEANUP(json_index_cleanup) struct json_index index = {0};
        CLEANUP(cleanup_free) char *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, TEXTS[i], len);
        enum rc rc = json_index_read(&index, slice_of(exact, len), NULL);
        assert_int_equal(rc == RC_OK, json_index_root(&index) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_values_of_every_kind),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(texts_that_are_no_object_have_a_root),
        cmocka_unit_test(objects_inside_objects_keep_their_members_apart),
        cmocka_unit_test(the_last_of_a_repeated_name_counts),
        cmocka_unit_test(a_name_may_be_empty),
        cmocka_unit_test(arrays_are_passed_over),
        cmocka_unit_test(escapes_are_taken_out),
        cmocka_unit_test(stands_in_for_lone_surrogates),
        cmocka_unit_test(zero_characters_stay_in_values_only),
        cmocka_unit_test(goes_as_deep_as_the_limit),
        cmocka_unit_test(refuses_what_the_parser_refuses),
        cmocka_unit_test(a_text_may_have_many_members),
        cmocka_unit_test(memory_is_used_again_and_bounded),
        cmocka_unit_test(reads_no_byte_behind_the_text),
    };
    return cmocka_run_group_tests_name("wire/json_index", tests, NULL, NULL);
}
