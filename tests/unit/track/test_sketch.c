#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "support/chance.h"
#include "track/sketch.h"

#define SIMULATED 100000

/* Half a millisecond or 1/32 of the exact duration, whichever is more. */
static bool is_near(usec answer, usec exact)
{
    usec allowed = exact / 32 > USEC_PER_MS / 2 ? exact / 32 : USEC_PER_MS / 2;
    return llabs(answer - exact) <= allowed;
}

static void expect_near(usec exact)
{
    size_t bucket = sketch_bucket(exact);
    assert_true(bucket < SKETCH_BUCKETS);
    assert_true(exact < sketch_bucket_end(bucket));
    assert_true(bucket == 0 || exact >= sketch_bucket_end(bucket - 1));
    if (!is_near(sketch_bucket_middle(bucket), exact))
        fail_msg("%" PRId64 " is answered with %" PRId64, exact, sketch_bucket_middle(bucket));
}

static void buckets_hold_what_they_should_at_every_power_of_two(void **state)
{
    (void)state;
    size_t last = 0;
    for (int power = 0; power <= 35; power++) {
        for (int64_t part = 0; part < 64; part++) { /* 64 places between this power and the next */
            usec at = (INT64_C(1) << power) * USEC_PER_MS;
            at += (usec)((__int128)at * part / 64);
            for (usec beside = -1; beside <= 1; beside++)
                expect_near(at + beside);
            assert_true(sketch_bucket(at) >= last);
            last = sketch_bucket(at);
        }
        /* A power of two begins a bucket. */
        usec start = (INT64_C(1) << power) * USEC_PER_MS;
        assert_int_equal(sketch_bucket(start - 1) + 1, sketch_bucket(start));
    }
    assert_int_equal(last, SKETCH_BUCKETS - 1);
}

static void milliseconds_below_32_have_a_bucket_each(void **state)
{
    (void)state;
    for (usec ms = 0; ms < 32; ms++) {
        assert_int_equal(sketch_bucket(ms * USEC_PER_MS), ms);
        assert_int_equal(sketch_bucket(ms * USEC_PER_MS + 999), ms);
        assert_int_equal(sketch_bucket_end((size_t)ms), (ms + 1) * USEC_PER_MS);
        assert_int_equal(sketch_bucket_middle((size_t)ms), ms * USEC_PER_MS + 500);
    }
}

static void odd_durations_have_a_bucket(void **state)
{
    (void)state;
    assert_int_equal(sketch_bucket(-1), 0);
    assert_int_equal(sketch_bucket(INT64_MIN), 0);
    assert_int_equal(sketch_bucket((INT64_C(1) << 36) * USEC_PER_MS), SKETCH_BUCKETS - 1);
    assert_int_equal(sketch_bucket(INT64_MAX), SKETCH_BUCKETS - 1);
    assert_int_equal(sketch_bucket_end(SKETCH_BUCKETS - 1), (INT64_C(1) << 36) * USEC_PER_MS);
}

/* ---- quantiles ---- */

static void add(struct sketch *sketch, usec duration)
{
    sketch->counts[sketch_bucket(duration)]++;
}

static void quantiles_are_those_of_the_nearest_rank(void **state)
{
    (void)state;
    struct sketch sketch = {{0}};
    assert_int_equal(sketch_quantile(&sketch, 0.5), -1);
    for (int ms = 1; ms <= 10; ms++)
        add(&sketch, ms * USEC_PER_MS);
    static const struct {
        double q;
        int ms;
    } CASES[] = {{0.0001, 1}, {0.1, 1},   {0.11, 2},  {0.5, 5}, {0.51, 6},
                 {0.9, 9},    {0.91, 10}, {0.99, 10}, {1, 10}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(sketch_quantile(&sketch, CASES[i].q), CASES[i].ms * USEC_PER_MS + 500);
}

static int compare(const void *a, const void *b)
{
    usec x = *(const usec *)a;
    usec y = *(const usec *)b;
    return (x > y) - (x < y);
}

/* Log-normal, as connection times are: most take seconds, a few take hours. */
static usec simulate(struct chance *chance, double median_seconds, double sigma)
{
    double normal = sqrt(-2 * log(chance_share(chance))) * cos(6.283185307179586 * chance_share(chance));
    return (usec)(median_seconds * exp(sigma * normal) * (double)USEC_PER_SEC);
}

static void expect_quantiles(uint64_t seed, size_t count, double median_seconds, double sigma)
{
    static const double QUANTILES[] = {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1};
    CLEANUP(cleanup_free) usec *exact = calloc(count, sizeof *exact);
    struct chance chance = {seed};
    struct sketch sketch = {{0}};
    assert_non_null(exact);
    for (size_t i = 0; i < count; i++)
        add(&sketch, exact[i] = simulate(&chance, median_seconds, sigma));
    qsort(exact, count, sizeof *exact, compare);
    assert_int_equal(sketch_total(&sketch), count);
    for (size_t i = 0; i < sizeof QUANTILES / sizeof QUANTILES[0]; i++) {
        size_t rank = (size_t)ceil(QUANTILES[i] * (double)count);
        usec answer = sketch_quantile(&sketch, QUANTILES[i]);
        if (!is_near(answer, exact[rank - 1]))
            fail_msg("seed %" PRIu64 ", quantile %g: %" PRId64 ", exactly %" PRId64, seed, QUANTILES[i],
                     answer, exact[rank - 1]);
    }
}

static void percentiles_of_simulated_connections_are_near_the_exact_ones(void **state)
{
    (void)state;
    expect_quantiles(1, SIMULATED, 20, 1);
    expect_quantiles(2, SIMULATED, 0.05, 3); /* also below 32 ms */
    expect_quantiles(3, SIMULATED, 3600, 2);
    for (uint64_t seed = 4; seed < 200; seed++)
        expect_quantiles(seed, 1 + seed % 50, 20, 1.5);
}

/* ---- the stored form ---- */

static void expect_equal(const struct sketch *a, const struct sketch *b)
{
    assert_memory_equal(a->counts, b->counts, sizeof a->counts);
}

static void an_empty_sketch_is_nothing(void **state)
{
    (void)state;
    struct sketch sketch = {{0}};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    sketch_encode(&sketch, &out);
    assert_int_equal(out.len, 0);
    assert_true(sketch_add_encoded(&sketch, buf_slice(&out)));
    assert_true(sketch_add_encoded(&sketch, SLICE_NONE));
    assert_int_equal(sketch_total(&sketch), 0);
}

static void fill_at_random(struct sketch *sketch, struct chance *chance, bool negative)
{
    *sketch = (struct sketch){{0}};
    uint64_t sparse = 1 + chance_below(chance, 40);
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        if (!chance_once_in(chance, sparse))
            continue;
        int64_t count = (int64_t)(chance_next(chance) >> (2 + chance_below(chance, 62)));
        sketch->counts[i] = negative && chance_once_in(chance, 2) ? -count : count;
    }
}

static void comes_back_as_it_was(void **state)
{
    (void)state;
    struct chance chance = {7};
    for (int round = 0; round < 2000; round++) {
        struct sketch sketch;
        struct sketch back = {{0}};
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        fill_at_random(&sketch, &chance, round % 2);
        sketch_encode(&sketch, &out);
        assert_true(sketch_add_encoded(&back, buf_slice(&out)));
        expect_equal(&sketch, &back);
    }
}

static void the_largest_counts_come_back(void **state)
{
    (void)state;
    static const int64_t COUNTS[] = {1, -1, 63, 64, -64, -65, INT64_MAX / 2, -INT64_MAX / 2};
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        struct sketch sketch = {{0}};
        struct sketch back = {{0}};
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        sketch.counts[0] = sketch.counts[SKETCH_BUCKETS - 1] = COUNTS[i];
        sketch_encode(&sketch, &out);
        assert_true(sketch_add_encoded(&back, buf_slice(&out)));
        expect_equal(&sketch, &back);
    }
}

/* Parts, one of them taken back again, add up to the whole. */
static void parts_add_up(void **state)
{
    (void)state;
    struct chance chance = {11};
    struct sketch whole = {{0}};
    struct sketch sum = {{0}};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    for (int part = 0; part < 50; part++) {
        struct sketch sketch = {{0}};
        for (int i = 0; i < 100; i++) {
            usec duration = simulate(&chance, 20, 2);
            sketch.counts[sketch_bucket(duration)] += part == 7 ? -1 : 1;
            whole.counts[sketch_bucket(duration)] += part == 7 ? -1 : 1;
        }
        buf_clear(&out);
        sketch_encode(&sketch, &out);
        assert_true(sketch_add_encoded(&sum, buf_slice(&out)));
    }
    expect_equal(&whole, &sum);
    assert_int_equal(sketch_total(&sum), 4800);
    buf_clear(&out);
    sketch_encode(&whole, &out);
    for (size_t i = 0; i < SKETCH_BUCKETS; i++)
        whole.counts[i] = -whole.counts[i];
    assert_true(sketch_add_encoded(&whole, buf_slice(&out)));
    buf_clear(&out);
    sketch_encode(&whole, &out);
    assert_int_equal(out.len, 0);
}

static void refuses_what_is_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } DAMAGED[] = {
        {"\x05", 1},                                          /* a bucket without a count */
        {"\x85", 1},                                          /* half a number */
        {"\x05\x82", 2},                                      /* half a count */
        {"\x90\x04\x02", 3},                                  /* bucket 528 */
        {"\x8F\x04\x02\x00\x02", 5},                          /* one more after the last */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x02", 10},     /* a bucket far away */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x02", 11}, /* a number of more than 63 bits */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},
    };
    for (size_t i = 0; i < sizeof DAMAGED / sizeof DAMAGED[0]; i++) {
        struct sketch sketch = {{0}};
        if (sketch_add_encoded(&sketch, slice_of(DAMAGED[i].bytes, DAMAGED[i].len)))
            fail_msg("case %zu was taken", i);
    }
}

/* Whatever the bytes, an answer comes, and counts never overflow. */
static void any_bytes_are_answered(void **state)
{
    (void)state;
    struct chance chance = {13};
    struct sketch sketch = {{0}};
    int taken = 0;
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[64];
        size_t len = chance_below(&chance, sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)(chance_next(&chance) | (chance_once_in(&chance, 3) ? 0x80 : 0));
        taken += sketch_add_encoded(&sketch, slice_of(bytes, len));
    }
    assert_true(taken > 0 && taken < 20000);
    for (int i = 0; i < 10; i++) /* the largest count again and again */
        (void)!sketch_add_encoded(&sketch, slice_of("\x00\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_hold_what_they_should_at_every_power_of_two),
        cmocka_unit_test(milliseconds_below_32_have_a_bucket_each),
        cmocka_unit_test(odd_durations_have_a_bucket),
        cmocka_unit_test(quantiles_are_those_of_the_nearest_rank),
        cmocka_unit_test(percentiles_of_simulated_connections_are_near_the_exact_ones),
        cmocka_unit_test(an_empty_sketch_is_nothing),
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(the_largest_counts_come_back),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(refuses_what_is_damaged),
        cmocka_unit_test(any_bytes_are_answered),
    };
    return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
