#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/suggest.h"

static void test_distances(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } CASES[] = {
        {"", "", 0},
        {"serve", "serve", 0},
        {"serve", "sevre", 1},
        {"serve", "serv", 1},
        {"serve", "server", 1},
        {"serve", "swerve", 1},
        {"export", "import", 2},
        {"", "abc", 3},
        {"ab", "ba", 1},
        {"kitten", "sitting", 3},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(suggest_distance(CASES[i].a, CASES[i].b), CASES[i].distance);
        assert_int_equal(suggest_distance(CASES[i].b, CASES[i].a), CASES[i].distance);
    }
}

static void test_long_names_are_never_near(void **state)
{
    (void)state;
    char name[201];
    memset(name, 'a', 200);
    name[200] = '\0';
    assert_false(suggest_is_near(suggest_distance(name, name), 200));
    name[63] = '\0';
    assert_int_equal(suggest_distance(name, name), 0);
}

static void test_short_names_must_be_nearer(void **state)
{
    (void)state;
    assert_true(suggest_is_near(1, 2));
    assert_false(suggest_is_near(2, 3));
    assert_true(suggest_is_near(2, 6));
    assert_false(suggest_is_near(4, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_long_names_are_never_near),
        cmocka_unit_test(test_short_names_must_be_nearer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
