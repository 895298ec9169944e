#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/chance.h"

/* The first outputs that the authors' own program gives for the state 1, 2, 3, 4. */
static void test_published_numbers(void **state)
{
    (void)state;
    static const uint64_t EXPECTED[] = {11520, 0, 1509978240, 1215971899390074240};
    struct chance chance = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++)
        assert_true(chance_next(&chance) == EXPECTED[i]);
    assert_true(chance_mix(0) == UINT64_C(0xE220A8397B1DCDAF)); /* splitmix64, seed 0 */
}

static void test_a_seed_decides(void **state)
{
    (void)state;
    struct chance first;
    struct chance same;
    struct chance other;
    chance_seed(&first, 1);
    chance_seed(&same, 1);
    chance_seed(&other, 2);
    for (int i = 0; i < 1000; i++) {
        uint64_t number = chance_next(&first);
        assert_true(number == chance_next(&same));
        assert_true(number != chance_next(&other));
    }
}

static void test_bounds(void **state)
{
    (void)state;
    struct chance chance;
    bool seen[7] = {false};
    chance_seed(&chance, 3);
    for (int i = 0; i < 1000; i++) {
        uint64_t number = chance_below(&chance, 7);
        assert_true(number < 7);
        seen[number] = true;
        double unit = chance_unit(&chance);
        assert_true(unit >= 0 && unit < 1);
        assert_false(chance_percent(&chance, 0));
        assert_true(chance_percent(&chance, 100));
        assert_true(chance_exponential(&chance, 5) >= 0);
        assert_true(chance_log_normal(&chance, 5, 1) > 0);
    }
    for (int i = 0; i < 7; i++)
        assert_true(seen[i]);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void test_distributions(void **state)
{
    (void)state;
    enum { COUNT = 20001 };
    struct chance chance;
    double *values = malloc(COUNT * sizeof *values);
    double sum = 0;
    int often = 0;
    assert_non_null(values);
    chance_seed(&chance, 4);
    for (int i = 0; i < COUNT; i++) {
        sum += chance_exponential(&chance, 10);
        often += chance_percent(&chance, 30);
        values[i] = chance_log_normal(&chance, 60, 0.5);
    }
    qsort(values, COUNT, sizeof *values, by_size);
    assert_true(sum / COUNT > 9.5 && sum / COUNT < 10.5);
    assert_true(often > COUNT * 28 / 100 && often < COUNT * 32 / 100);
    assert_true(values[COUNT / 2] > 58 && values[COUNT / 2] < 62);
    /* One standard deviation up: exp(0.5) times the median, with 84.1 % below. */
    assert_true(values[COUNT * 841 / 1000] > 95 && values[COUNT * 841 / 1000] < 103);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_numbers),
        cmocka_unit_test(test_a_seed_decides),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_distributions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
