#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/heads.h"

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct heads));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void expect(struct heads *heads, const char *head, uint64_t seq, enum heads_use use, uint64_t want_id)
{
    uint64_t id = 0;
    assert_int_equal(heads_see(heads, slice_str(head), seq, &id), use);
    assert_int_equal(id, want_id);
}

#define HEAD_A "host: a.example.com\n"
#define HEAD_B "host: b.example.com\n"

static void test_the_second_is_stored_the_third_refers(void **state)
{
    struct heads *heads = *state;
    expect(heads, HEAD_A, 1, HEADS_INLINE, 0);
    expect(heads, HEAD_B, 2, HEADS_INLINE, 0);
    expect(heads, HEAD_A, 3, HEADS_STORE, 3);
    expect(heads, HEAD_A, 4, HEADS_REFER, 3);
    expect(heads, HEAD_B, 5, HEADS_STORE, 5);
    expect(heads, HEAD_A, 6, HEADS_REFER, 3);
}

static void test_nothing_refers_further_than_the_span(void **state)
{
    struct heads *heads = *state;
    expect(heads, HEAD_A, 1, HEADS_INLINE, 0);
    expect(heads, HEAD_A, 2, HEADS_STORE, 2);
    expect(heads, HEAD_A, 2 + HEADS_SPAN - 1, HEADS_REFER, 2);
    expect(heads, HEAD_A, 2 + HEADS_SPAN, HEADS_STORE, 2 + HEADS_SPAN);
    expect(heads, HEAD_A, 3 + HEADS_SPAN, HEADS_REFER, 2 + HEADS_SPAN);
}

static void test_forgetting(void **state)
{
    struct heads *heads = *state;
    expect(heads, HEAD_A, 1, HEADS_INLINE, 0);
    expect(heads, HEAD_A, 2, HEADS_STORE, 2);
    heads_forget(heads);
    expect(heads, HEAD_A, 2, HEADS_INLINE, 0);
    expect(heads, HEAD_A, 3, HEADS_STORE, 3);
}

static void test_short_and_long_ones_stay(void **state)
{
    struct heads *heads = *state;
    char text[HEADS_MAX_LEN + 2];
    static const size_t LENGTHS[] = {0, HEADS_MIN_LEN - 1, HEADS_MAX_LEN + 1};
    memset(text, 'h', sizeof text);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++)
        for (uint64_t seq = 1; seq < 4; seq++)
            expect(heads, text + sizeof text - 1 - LENGTHS[i], seq, HEADS_INLINE, 0);
    expect(heads, text + 1, 4, HEADS_INLINE, 0);
    expect(heads, text + 1, 5, HEADS_STORE, 5);
}

/* More heads than slots: some push others out, none is taken for another. */
static void test_many(void **state)
{
    struct heads *heads = *state;
    enum { MANY = 10 * HEADS_SLOTS };
    static uint64_t stored[MANY];
    memset(stored, 0, sizeof stored);
    for (uint64_t seq = 1; seq < 20 * MANY; seq++) {
        char text[64];
        size_t which = (size_t)(seq * 7919 / 3 % MANY);
        uint64_t id = 0;
        snprintf(text, sizeof text, "user-agent: client %zu of many\n", which);
        enum heads_use use = heads_see(heads, slice_str(text), seq, &id);
        if (use == HEADS_STORE)
            stored[which] = id;
        if (use == HEADS_REFER)
            assert_int_equal(id, stored[which]);
    }
}

#define SCENE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        SCENE(test_the_second_is_stored_the_third_refers),
        SCENE(test_nothing_refers_further_than_the_span),
        SCENE(test_forgetting),
        SCENE(test_short_and_long_ones_stay),
        SCENE(test_many),
    };
    return cmocka_run_group_tests_name("heads", TESTS, NULL, NULL);
}
