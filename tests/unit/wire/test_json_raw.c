#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "wire/json_raw.h"

static void expect(struct slice value, const char *text)
{
    char got[200];
    snprintf(got, sizeof got, "%.*s", SLICE_ARG(value));
    assert_string_equal(got, text);
}

static void test_members(void **state)
{
    struct slice object =
        slice_str(" {\"a\":{\"b\":[1,{}],\"c\":\"}\\\"]\"} , \"b\": 1.50E+400,\"d\":\"x\",\"e\":[]} ");
    (void)state;
    expect(json_raw_member(object, "a"), "{\"b\":[1,{}],\"c\":\"}\\\"]\"}");
    expect(json_raw_member(object, "b"), "1.50E+400");
    expect(json_raw_member(object, "d"), "\"x\"");
    expect(json_raw_member(object, "e"), "[]");
    expect(json_raw_member(json_raw_member(object, "a"), "b"), "[1,{}]");
    assert_null(json_raw_member(object, "c").ptr); /* only of the object itself */
    assert_null(json_raw_member(object, "").ptr);
    assert_null(json_raw_member(slice_str("[]"), "a").ptr);
    assert_null(json_raw_member(slice_str("{}"), "a").ptr);
    assert_null(json_raw_member(SLICE_NONE, "a").ptr);
    assert_null(
        json_raw_member(slice_str("{\"a\":[1"), "a").ptr); /* no JSON: nothing, and no reading beyond */
}

static void test_elements(void **state)
{
    struct slice rest = slice_str("[ 1 ,[2,[3]], {\"a\":[]},\"x,]\" , null]");
    static const char *const ELEMENTS[] = {"1", "[2,[3]]", "{\"a\":[]}", "\"x,]\"", "null"};
    struct slice element;
    (void)state;
    for (size_t i = 0; i < sizeof ELEMENTS / sizeof *ELEMENTS; i++) {
        assert_true(json_raw_next(&rest, &element));
        expect(element, ELEMENTS[i]);
    }
    assert_false(json_raw_next(&rest, &element));
    assert_false(json_raw_next(&rest, &element));
    rest = slice_str("[]");
    assert_false(json_raw_next(&rest, &element));
    rest = SLICE_NONE;
    assert_false(json_raw_next(&rest, &element));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
