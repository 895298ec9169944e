#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "journal/window.h"

#define MODEL_SIZE 5000

static int set_up(void **state)
{
    struct window *window = malloc(sizeof *window);
    assert_non_null(window);
    window_init(window);
    *state = window;
    return 0;
}

static int tear_down(void **state)
{
    window_cleanup(*state);
    free(*state);
    return 0;
}

/* Is this pair found, and found once? */
static bool has(const struct window *window, uint64_t fingerprint, uint64_t seq)
{
    size_t cursor = 0;
    size_t hits = 0;
    uint64_t found;
    while ((found = window_find(window, fingerprint, &cursor)) != 0)
        hits += found == seq;
    assert_true(hits <= 1);
    assert_int_equal(window_has(window, fingerprint, seq), hits == 1);
    return hits == 1;
}

static void test_empty(void **state)
{
    struct window *window = *state;
    size_t cursor = 0;
    assert_int_equal(window_find(window, 5, &cursor), 0);
    assert_false(window_remove(window, 5, 1));
    assert_null(window->slots);
}

static void test_one_fingerprint_many_times(void **state)
{
    struct window *window = *state;
    for (uint64_t seq = 1; seq <= 50; seq++)
        assert_true(window_add(window, 7, seq));
    for (uint64_t seq = 1; seq <= 50; seq++)
        assert_true(has(window, 7, seq));
    assert_false(has(window, 8, 1));
    assert_true(window_remove(window, 7, 25));
    assert_false(window_remove(window, 7, 25));
    assert_false(window_remove(window, 8, 24));
    assert_false(has(window, 7, 25));
    assert_true(has(window, 7, 24) && has(window, 7, 50));
    assert_int_equal(window->count, 49);
}

static void test_load_stays_under_three_quarters(void **state)
{
    struct window *window = *state;
    for (uint64_t seq = 1; seq <= 100000; seq++) {
        assert_true(window_add(window, seq * UINT64_C(0x9E3779B97F4A7C15), seq));
        assert_true(window->count * 4 <= ((size_t)1 << window->bits) * 3);
    }
    /* 16 bytes a slot, and never more than 8/3 slots a key */
    assert_true(((size_t)1 << window->bits) * 3 <= window->count * 8);
    assert_int_equal(sizeof(struct window_slot), 16);
}

static void test_reserve_makes_room_at_once(void **state)
{
    struct window *window = *state;
    assert_true(window_add(window, 1, 1));
    assert_true(window_reserve(window, 100000));
    const struct window_slot *slots = window->slots;
    assert_true(has(window, 1, 1));
    for (uint64_t seq = 2; seq <= 100000; seq++)
        assert_true(window_add(window, seq, seq));
    assert_ptr_equal(window->slots, slots);
    assert_true(window_reserve(window, 5));
    assert_ptr_equal(window->slots, slots);
    assert_false(window_reserve(window, SIZE_MAX));
    assert_true(has(window, 777, 777));
}

/* Few fingerprints and many removals, so that chains run into one another and around the end; compared with a
 * plain list. */
static void test_against_a_list(void **state)
{
    struct window *window = *state;
    static struct window_slot model[MODEL_SIZE];
    size_t count = 0;
    uint64_t next_seq = 1;
    uint64_t random = 42;
    for (int step = 0; step < 60000; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t pick = random >> 33;
        if (count < MODEL_SIZE && (count == 0 || pick % 100 < 52)) {
            model[count] = (struct window_slot){(pick >> 8) % 300, next_seq++};
            assert_true(window_add(window, model[count].fingerprint, model[count].seq));
            count++;
        } else {
            size_t at = pick % count;
            assert_true(window_remove(window, model[at].fingerprint, model[at].seq));
            model[at] = model[--count];
        }
        assert_int_equal(window->count, count);
        if (step % 500 == 0)
            for (size_t i = 0; i < count; i++)
                assert_true(has(window, model[i].fingerprint, model[i].seq));
    }
    while (count > 0) {
        count--;
        assert_true(window_remove(window, model[count].fingerprint, model[count].seq));
    }
    for (size_t i = 0; i < (size_t)1 << window->bits; i++)
        assert_int_equal(window->slots[i].seq, 0);
}

static void test_each_window_has_its_own_secret(void **state)
{
    struct window *window = *state;
    struct window other;
    window_init(&other);
    assert_true(window->multiplier & 1);
    assert_true(other.multiplier & 1);
    assert_true(window->multiplier != other.multiplier);
    window_cleanup(&other);
}

#define WINDOW_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WINDOW_TEST(test_empty),
        WINDOW_TEST(test_one_fingerprint_many_times),
        WINDOW_TEST(test_load_stays_under_three_quarters),
        WINDOW_TEST(test_reserve_makes_room_at_once),
        WINDOW_TEST(test_against_a_list),
        WINDOW_TEST(test_each_window_has_its_own_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
