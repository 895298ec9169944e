/* The ring of refused webhooks: order, size, and how little of a stranger's bytes it looks at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "http/refusals.h"

#define BODY                                                                                                 \
    "{\"type\":\"connected_account.add.start\",\"timestamp\":\"\",\"data\":{\"connected_account_id\":\"%"    \
    "s\"}}"

static void add(struct refusals *all, const char *body)
{
    struct refusal refusal = {.at = 1, .rc = RC_SIGNATURE_INVALID, .bytes = 5, .err = {"why"}};
    refusals_add(all, &refusal, slice_str(body));
}

static void test_newest_first(void **state)
{
    (void)state;
    struct refusals *all = refusals_new();
    assert_null(refusals_before(all, 0));
    for (int i = 0; i < 3; i++)
        add(all, NULL);
    assert_int_equal(refusals_before(all, 0)->number, 3);
    assert_int_equal(refusals_before(all, 3)->number, 2);
    assert_int_equal(refusals_before(all, 2)->number, 1);
    assert_null(refusals_before(all, 1));
    assert_string_equal(refusals_before(all, 2)->err.message, "why");
    refusals_free(all);
}

static void test_the_ring_keeps_the_newest(void **state)
{
    (void)state;
    struct refusals *all = refusals_new();
    for (int i = 0; i < REFUSALS_MAX + 10; i++)
        add(all, NULL);
    size_t count = 0;
    uint64_t before = 0;
    for (const struct refusal *refusal; (refusal = refusals_before(all, before)); before = refusal->number)
        count++;
    assert_int_equal(count, REFUSALS_MAX);
    assert_int_equal(before, 11);
    assert_null(refusals_before(all, 5));
    assert_int_equal(refusals_before(all, UINT64_MAX)->number, REFUSALS_MAX + 10);
    refusals_free(all);
}

static void test_the_account_is_found(void **state)
{
    (void)state;
    char long_id[200];
    for (size_t i = 0; i < 198; i += 2)
        memcpy(&long_id[i], "ä", 2);
    long_id[198] = '\0';
    struct refusals *all = refusals_new();
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    buf_addf(&body, BODY, "account-1");
    add(all, buf_str(&body));
    assert_string_equal(refusals_before(all, 0)->connected_account_id, "account-1");
    buf_clear(&body);
    buf_addf(&body, BODY, long_id);
    add(all, buf_str(&body));
    assert_int_equal(strlen(refusals_before(all, 0)->connected_account_id), 126); /* whole characters */
    static const char *const OTHERS[] = {"", "[]", "{", "{\"data\":1}"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        add(all, OTHERS[i]);
        assert_string_equal(refusals_before(all, 0)->connected_account_id, "");
    }
    buf_clear(&body);
    buf_addf(&body, BODY, "account-1");
    buf_add_fill(&body, ' ', REFUSALS_BODY_MAX);
    add(all, buf_str(&body));
    assert_string_equal(refusals_before(all, 0)->connected_account_id, "");
    refusals_free(all);
}

static void test_a_flood_is_not_looked_at(void **state)
{
    (void)state;
    struct refusals *all = refusals_new();
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    buf_addf(&body, BODY, "account-1");
    usec started = clock_monotonic();
    for (int i = 0; i < REFUSALS_MAX; i++)
        add(all, buf_str(&body));
    int64_t seconds = (clock_monotonic() / USEC_PER_SEC) - started / USEC_PER_SEC + 1;
    int64_t looked = 0;
    uint64_t before = 0;
    for (const struct refusal *refusal; (refusal = refusals_before(all, before)); before = refusal->number)
        looked += refusal->connected_account_id[0] != '\0';
    assert_true(looked >= REFUSALS_LOOKS && looked <= seconds * REFUSALS_LOOKS);
    refusals_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_first),
        cmocka_unit_test(test_the_ring_keeps_the_newest),
        cmocka_unit_test(test_the_account_is_found),
        cmocka_unit_test(test_a_flood_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
