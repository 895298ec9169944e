#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/signature.h"

#define ID   "msg_00000000-0000-4000-8000-000000000001"
#define TIME "1767225600"
#define BODY "{\"hello\":\"w\xC3\xB6rld\"}"
#define NOW  (INT64_C(1767225600) * USEC_PER_SEC)

#define PLAIN          "test-secret-local-0001"
#define PLAIN_COMPOSIO "v1,jrAMr1j/LyDm0e+4Z3Zv1ipIeDfSeCXa8nJsXJmQhRM="
#define WHSEC          "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
#define WHSEC_COMPOSIO "v1,AzGg8YcWOtB2lqDi8rlFOL9uNqHEJWyyCVEI+zdlb5s="
#define WHSEC_STANDARD "v1,PqVgM7vNACTKUb75u7Mgks/SpI4jrFvIo5ucNl0T6JA="

/* The key pair of RFC 8032, section 7.1, test 1; the signature was made with the openssl program. */
#define WHSK "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define WHSK_LONG                                                                                            \
    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
#define WHPK "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define WHSK_V1A                                                                                             \
    "v1a,b9jv/HwQ2N9gYuuRJbTC7ADYq586Dl/0VICs+r0onyct9JdIJIIz+QtmGFSsLMv/Ozo9EWcB8z+TlDNMOL/yCQ=="

#define WRONG "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

#define SECRETS(...) ((const char *const[]){__VA_ARGS__})

static void free_keyring(struct keyring **keyring)
{
    keyring_free(*keyring);
}

static struct signature_input input_of(const char *signature)
{
    return (struct signature_input){slice_str(ID), slice_str(TIME), slice_str(signature), slice_str(BODY)};
}

static struct keyring *new_keyring(enum scheme scheme, const char *const *secrets, size_t count)
{
    struct keyring *keyring = NULL;
    struct err err = {""};
    if (keyring_new(scheme, secrets, count, &keyring, &err) != RC_OK)
        fail_msg("%s", err.message);
    return keyring;
}

static enum rc check(enum scheme scheme, const char *secret, const char *signature)
{
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(scheme, &secret, 1);
    struct signature_input input = input_of(signature);
    return signature_check(keyring, &input, NOW, 300 * USEC_PER_SEC, NULL);
}

static enum rc check_at(const char *timestamp, usec now, usec tolerance, struct err *err)
{
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_COMPOSIO, SECRETS(PLAIN), 1);
    CLEANUP(buf_cleanup) struct buf signature = BUF_INIT;
    assert_int_equal(signature_make(SCHEME_COMPOSIO, PLAIN, slice_str(ID), slice_str(timestamp),
                                    slice_str(BODY), &signature, err),
                     RC_OK);
    struct signature_input input = input_of(buf_str(&signature));
    input.timestamp = slice_str(timestamp);
    return signature_check(keyring, &input, now, tolerance, err);
}

/* ---- vectors */

static void test_vectors_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(check(SCHEME_COMPOSIO, PLAIN, PLAIN_COMPOSIO), RC_OK);
    assert_int_equal(check(SCHEME_COMPOSIO, WHSEC, WHSEC_COMPOSIO), RC_OK);
    assert_int_equal(check(SCHEME_STANDARD, WHSEC, WHSEC_STANDARD), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, PLAIN_COMPOSIO), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, WHSEC, WHSEC_COMPOSIO), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, WHSEC, WHSEC_STANDARD), RC_OK);
}

static void test_vectors_of_the_other_scheme_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(SCHEME_COMPOSIO, WHSEC, WHSEC_STANDARD), RC_SIGNATURE_INVALID);
    assert_int_equal(check(SCHEME_STANDARD, WHSEC, WHSEC_COMPOSIO), RC_SIGNATURE_INVALID);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, WHSEC_COMPOSIO), RC_SIGNATURE_INVALID);
    assert_int_equal(check(SCHEME_AUTO, WHSEC, PLAIN_COMPOSIO), RC_SIGNATURE_INVALID);
}

static void test_vectors_are_made(void **state)
{
    (void)state;
    static const struct {
        enum scheme scheme;
        const char *secret;
        const char *signature;
    } ROWS[] = {
        {SCHEME_COMPOSIO, PLAIN, PLAIN_COMPOSIO},
        {SCHEME_COMPOSIO, WHSEC, WHSEC_COMPOSIO},
        {SCHEME_STANDARD, WHSEC, WHSEC_STANDARD},
        {SCHEME_AUTO, WHSEC, WHSEC_COMPOSIO},
        {SCHEME_STANDARD, WHSK, WHSK_V1A},
        {SCHEME_STANDARD, WHSK_LONG, WHSK_V1A},
        {SCHEME_AUTO, WHSK, WHSK_V1A},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        assert_int_equal(signature_make(ROWS[i].scheme, ROWS[i].secret, slice_str(ID), slice_str(TIME),
                                        slice_str(BODY), &out, NULL),
                         RC_OK);
        assert_string_equal(buf_str(&out), ROWS[i].signature);
    }
}

/* The vector that Standard Webhooks publishes with its libraries. */
static void test_standard_webhooks_vector(void **state)
{
    (void)state;
    CLEANUP(free_keyring)
    struct keyring *keyring =
        new_keyring(SCHEME_STANDARD, SECRETS("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 1);
    struct signature_input input = {slice_str("msg_p5jXN8AQM9LWM0D4loKWxJek"), slice_str("1614265330"),
                                    slice_str("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
                                    slice_str("{\"test\": 2432232314}")};
    usec now = INT64_C(1614265330) * USEC_PER_SEC;
    assert_int_equal(signature_check(keyring, &input, now, 300 * USEC_PER_SEC, NULL), RC_OK);
    input.body = slice_str("{\"test\": 2432232315}");
    assert_int_equal(signature_check(keyring, &input, now, 300 * USEC_PER_SEC, NULL), RC_SIGNATURE_INVALID);
    /* The prefix may be left out. */
    input.body = slice_str("{\"test\": 2432232314}");
    CLEANUP(free_keyring)
    struct keyring *bare = new_keyring(SCHEME_STANDARD, SECRETS("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 1);
    assert_int_equal(signature_check(bare, &input, now, 300 * USEC_PER_SEC, NULL), RC_OK);
}

static void test_ed25519(void **state)
{
    (void)state;
    static const char *const SECRETS_OF_IT[] = {WHPK, WHSK, WHSK_LONG};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(check(SCHEME_STANDARD, SECRETS_OF_IT[i], WHSK_V1A), RC_OK);
        assert_int_equal(check(SCHEME_AUTO, SECRETS_OF_IT[i], WHSK_V1A), RC_OK);
        assert_int_equal(check(SCHEME_STANDARD, SECRETS_OF_IT[i], WRONG), RC_SIGNATURE_INVALID);
        assert_int_equal(check(SCHEME_STANDARD, SECRETS_OF_IT[i], WRONG " v1a,short v1a, " WHSK_V1A), RC_OK);
    }
    char changed[] = WHSK_V1A;
    changed[20] = changed[20] == 'A' ? 'B' : 'A';
    assert_int_equal(check(SCHEME_STANDARD, WHPK, changed), RC_SIGNATURE_INVALID);
    /* The same bytes under the other version are none. */
    CLEANUP(buf_cleanup) struct buf as_v1 = BUF_INIT;
    buf_addf(&as_v1, "v1,%s", &WHSK_V1A[strlen("v1a,")]);
    assert_int_equal(check(SCHEME_STANDARD, WHPK, buf_str(&as_v1)), RC_SIGNATURE_INVALID);
}

static void test_a_keyring_signs_what_it_accepts(void **state)
{
    (void)state;
    static const enum scheme SCHEMES[] = {SCHEME_AUTO, SCHEME_COMPOSIO, SCHEME_STANDARD};
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEMES[i], SECRETS(WHSEC), 1);
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        struct signature_input input = input_of(NULL);
        assert_int_equal(keyring_sign(keyring, &input, &out, NULL), RC_OK);
        input.signature = buf_slice(&out);
        assert_int_equal(signature_check(keyring, &input, NOW, 300 * USEC_PER_SEC, NULL), RC_OK);
    }
    CLEANUP(free_keyring) struct keyring *public_only = new_keyring(SCHEME_AUTO, SECRETS(WHPK), 1);
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    struct signature_input input = input_of(NULL);
    assert_int_equal(keyring_sign(public_only, &input, &out, NULL), RC_USAGE);
    assert_int_equal(out.len, 0);
}

/* Who knows only the public key must not be able to sign with it as an HMAC key. */
static void test_a_public_key_is_no_hmac_key(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    struct keyring *keyring = NULL;
    struct err err;
    assert_int_equal(keyring_new(SCHEME_COMPOSIO, SECRETS(WHPK), 1, &keyring, &err), RC_USAGE);
    assert_null(keyring);
    assert_int_equal(
        signature_make(SCHEME_COMPOSIO, WHPK, slice_str(ID), slice_str(TIME), slice_str(BODY), &out, &err),
        RC_USAGE);
    assert_int_equal(
        signature_make(SCHEME_AUTO, WHPK, slice_str(ID), slice_str(TIME), slice_str(BODY), &out, &err),
        RC_USAGE);
    assert_non_null(strstr(err.message, "cannot sign"));
    assert_int_equal(out.len, 0);
    /* HMAC with the text of WHPK, and with the bytes in it. */
    const char *const forged[] = {"v1,fu9ZGiqp/mgmobq2JXjlf5FmdXKutMovNf0WufKWi7k=",
                                  "v1,qezIyg3yARG9KWk9UM+Fd9xWr+ZoVoQimLuyG8wC/pE="};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(check(SCHEME_AUTO, WHPK, forged[i]), RC_SIGNATURE_INVALID);
        assert_int_equal(check(SCHEME_STANDARD, WHPK, forged[i]), RC_SIGNATURE_INVALID);
    }
}

/* ---- what is signed */

static void test_every_signed_part_counts(void **state)
{
    (void)state;
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_AUTO, SECRETS(PLAIN), 1);
    struct signature_input input = input_of(PLAIN_COMPOSIO);
    input.id = slice_str(ID "x");
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_SIGNATURE_INVALID);
    input = input_of(PLAIN_COMPOSIO);
    input.timestamp = slice_str("1767225601");
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_SIGNATURE_INVALID);
    input = input_of(PLAIN_COMPOSIO);
    input.body = slice_str(BODY "\n");
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_SIGNATURE_INVALID);
    input.body = SLICE_NONE;
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_SIGNATURE_INVALID);
    /* A keyring is as good after a refusal as before. */
    input = input_of(PLAIN_COMPOSIO);
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_OK);
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_OK);
}

static void test_empty_and_binary_bodies(void **state)
{
    (void)state;
    const struct slice bodies[] = {SLICE_NONE, slice_str(""), slice_of("\0\xFF\n.", 4)};
    const char *const secrets[] = {PLAIN, WHSK};
    for (size_t s = 0; s < 2; s++) {
        CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_AUTO, &secrets[s], 1);
        for (size_t i = 0; i < 3; i++) {
            CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
            assert_int_equal(signature_make(SCHEME_AUTO, secrets[s], slice_str(ID), slice_str(TIME),
                                            bodies[i], &out, NULL),
                             RC_OK);
            struct signature_input input = input_of(buf_str(&out));
            input.body = bodies[i];
            assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_OK);
        }
    }
}

/* ---- the header */

static void test_several_secrets(void **state)
{
    (void)state;
    const char *const secrets[] = {"old-secret", WHPK, WHSEC, PLAIN};
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_AUTO, secrets, 4);
    const char *const good[] = {PLAIN_COMPOSIO, WHSEC_COMPOSIO, WHSEC_STANDARD, WHSK_V1A};
    for (size_t i = 0; i < 4; i++) {
        struct signature_input input = input_of(good[i]);
        assert_int_equal(signature_check(keyring, &input, NOW, 300 * USEC_PER_SEC, NULL), RC_OK);
    }
    struct signature_input input = input_of(WRONG);
    assert_int_equal(signature_check(keyring, &input, NOW, 300 * USEC_PER_SEC, NULL), RC_SIGNATURE_INVALID);
}

static void test_several_entries(void **state)
{
    (void)state;
    assert_int_equal(check(SCHEME_AUTO, PLAIN, WRONG " " PLAIN_COMPOSIO), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, PLAIN_COMPOSIO " " WRONG), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, "  " PLAIN_COMPOSIO "  "), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, "v2,new junk v1, v1 , " PLAIN_COMPOSIO), RC_OK);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, WRONG " " WRONG), RC_SIGNATURE_INVALID);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, WRONG "," PLAIN_COMPOSIO), RC_SIGNATURE_INVALID);
}

static void test_other_versions_are_skipped(void **state)
{
    (void)state;
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_AUTO, SECRETS(PLAIN), 1);
    const char *const value = strchr(PLAIN_COMPOSIO, ',') + 1;
    const char *const versions[] = {"v2,", "v0,", "V1,", "v1=", "v1a,", "v11,", ",", ""};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        CLEANUP(buf_cleanup) struct buf header = BUF_INIT;
        struct err err;
        buf_addf(&header, "%s%s", versions[i], value);
        struct signature_input input = input_of(buf_str(&header));
        assert_int_equal(signature_check(keyring, &input, NOW, 0, &err), RC_SIGNATURE_INVALID);
        assert_null(strstr(err.message, value));
    }
}

static void add_entries(struct buf *header, const char *entry, int count)
{
    for (int i = 0; i < count; i++)
        buf_addf(header, "%s ", entry);
}

static void test_only_so_many_entries_are_looked_at(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf header = BUF_INIT;
    add_entries(&header, WRONG, SIGNATURE_MAX_ENTRIES - 1);
    buf_add_str(&header, PLAIN_COMPOSIO);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, buf_str(&header)), RC_OK);
    buf_clear(&header);
    add_entries(&header, WRONG, SIGNATURE_MAX_ENTRIES);
    buf_add_str(&header, PLAIN_COMPOSIO);
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_AUTO, SECRETS(PLAIN), 1);
    struct signature_input input = input_of(buf_str(&header));
    struct err err;
    assert_int_equal(signature_check(keyring, &input, NOW, 300 * USEC_PER_SEC, &err), RC_SIGNATURE_INVALID);
    assert_non_null(strstr(err.message, "first 16 entries"));
    buf_clear(&header);
    /* Entries that are skipped do not count. */
    add_entries(&header, "v9,future", 5 * SIGNATURE_MAX_ENTRIES);
    buf_add_str(&header, PLAIN_COMPOSIO);
    assert_int_equal(check(SCHEME_AUTO, PLAIN, buf_str(&header)), RC_OK);
}

static void test_changed_values_are_refused(void **state)
{
    (void)state;
    for (size_t i = strlen("v1,"); i < strlen(PLAIN_COMPOSIO); i++) {
        char changed[] = PLAIN_COMPOSIO;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check(SCHEME_AUTO, PLAIN, changed), RC_SIGNATURE_INVALID);
        changed[i] = '\0';
        assert_int_equal(check(SCHEME_AUTO, PLAIN, changed), RC_SIGNATURE_INVALID);
    }
    assert_int_equal(check(SCHEME_AUTO, PLAIN, PLAIN_COMPOSIO "="), RC_SIGNATURE_INVALID);
}

static void test_missing_headers_are_named(void **state)
{
    (void)state;
    CLEANUP(free_keyring) struct keyring *keyring = new_keyring(SCHEME_AUTO, SECRETS(PLAIN), 1);
    static const char *const NAMES[] = {"webhook-id", "webhook-timestamp", "webhook-signature"};
    for (unsigned missing = 1; missing < 8; missing++) {
        struct signature_input input = input_of(PLAIN_COMPOSIO);
        struct err err = {""};
        input.id = missing & 1 ? SLICE_NONE : input.id;
        input.timestamp = missing & 2 ? slice_str("") : input.timestamp;
        input.signature = missing & 4 ? SLICE_NONE : input.signature;
        assert_int_equal(signature_check(keyring, &input, NOW, 0, &err), RC_SIGNATURE_MISSING);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(strstr(err.message, NAMES[i]) != NULL, (missing >> i) & 1);
    }
}

/* ---- time */

static void test_tolerance_to_both_sides(void **state)
{
    (void)state;
    struct err err = {""};
    const usec tolerance = 300 * USEC_PER_SEC;
    assert_int_equal(check_at(TIME, NOW + tolerance, tolerance, &err), RC_OK);
    assert_int_equal(check_at(TIME, NOW + tolerance + USEC_PER_SEC - 1, tolerance, &err),
                     RC_OK); /* still the 300th second */
    assert_int_equal(check_at(TIME, NOW + tolerance + USEC_PER_SEC, tolerance, &err),
                     RC_TIMESTAMP_OUT_OF_RANGE);
    assert_string_equal(err.message, "webhook-timestamp is 5m1s in the past; 5m is allowed");
    assert_int_equal(check_at(TIME, NOW - tolerance, tolerance, &err), RC_OK);
    assert_int_equal(check_at(TIME, NOW - tolerance - USEC_PER_SEC, tolerance, &err),
                     RC_TIMESTAMP_OUT_OF_RANGE);
    assert_string_equal(err.message, "webhook-timestamp is 5m1s in the future; 5m is allowed");
}

static void test_tolerance_zero_checks_no_time(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(check_at(TIME, NOW + 1000 * USEC_DAY, 0, &err), RC_OK);
    assert_int_equal(check_at(TIME, 0, 0, &err), RC_OK);
    assert_int_equal(check_at("yesterday", NOW, 0, &err), RC_OK);
}

static void test_timestamps_that_are_no_number(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "yesterday",           "-1767225600",          "+1767225600",
        "1767225600.0",        " 1767225600",          "0x6955",
        "1767225600s",         "1767225600,",          "9223372036854775807",
        "9223372036854775808", "18446744073709551616", "99999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct err err = {""};
        assert_int_equal(check_at(BAD[i], NOW, 300 * USEC_PER_SEC, &err), RC_TIMESTAMP_OUT_OF_RANGE);
        assert_string_equal(err.message, "webhook-timestamp is not a number of Unix seconds");
    }
}

static void test_numbers_far_away(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(check_at("999999999999999999", NOW, 300 * USEC_PER_SEC, &err),
                     RC_TIMESTAMP_OUT_OF_RANGE);
    assert_non_null(strstr(err.message, "in the future"));
    assert_int_equal(check_at("1767225600000", NOW, 300 * USEC_PER_SEC, &err), RC_TIMESTAMP_OUT_OF_RANGE);
    assert_int_equal(check_at("0", NOW, 300 * USEC_PER_SEC, &err), RC_TIMESTAMP_OUT_OF_RANGE);
    assert_non_null(strstr(err.message, "in the past"));
    assert_int_equal(check_at("0", 0, 300 * USEC_PER_SEC, &err), RC_OK);
}

/* ---- secrets */

static void test_nothing_to_check_with(void **state)
{
    (void)state;
    struct signature_input input = {SLICE_NONE, SLICE_NONE, SLICE_NONE, SLICE_NONE};
    CLEANUP(free_keyring) struct keyring *empty = new_keyring(SCHEME_AUTO, NULL, 0);
    CLEANUP(free_keyring) struct keyring *none = new_keyring(SCHEME_NONE, SECRETS(PLAIN), 1);
    CLEANUP(free_keyring) struct keyring *one = new_keyring(SCHEME_AUTO, SECRETS(PLAIN), 1);
    assert_false(keyring_checks(empty));
    assert_false(keyring_checks(none));
    assert_true(keyring_checks(one));
    assert_int_equal(signature_check(empty, &input, NOW, 1, NULL), RC_OK);
    assert_int_equal(signature_check(none, &input, NOW, 1, NULL), RC_OK);
    keyring_free(NULL);
}

static void test_secrets_that_are_no_key(void **state)
{
    (void)state;
    char long_secret[514];
    memset(long_secret, 'a', sizeof long_secret);
    long_secret[513] = '\0';
    const struct {
        enum scheme scheme;
        const char *secret;
        const char *why;
    } rows[] = {
        {SCHEME_STANDARD, "whsec_not/base64!", "secret 2 is not base64"},
        {SCHEME_STANDARD, "not-base64", "secret 2 is not base64"},
        {SCHEME_STANDARD, "whsec_", "secret 2 is not base64"},
        {SCHEME_STANDARD, "whpk_AAAA", "secret 2 is not base64 of an Ed25519 key"},
        {SCHEME_AUTO, "whpk_AAAA", "secret 2 is not base64 of an Ed25519 key"},
        {SCHEME_AUTO, "whsk_!", "secret 2 is not base64 of an Ed25519 key"},
        {SCHEME_AUTO, "", "secret 2 is empty"},
        {SCHEME_COMPOSIO, long_secret, "secret 2 is longer"},
        /* A private key with another's public key behind it. */
        {SCHEME_AUTO,
         "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
         "secret 2 is not base64 of an Ed25519 key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const secrets[] = {WHSEC, rows[i].secret};
        struct keyring *keyring = NULL;
        struct err err = {""};
        assert_int_equal(keyring_new(rows[i].scheme, secrets, 2, &keyring, &err), RC_USAGE);
        assert_null(keyring);
        assert_non_null(strstr(err.message, rows[i].why));
        if (*rows[i].secret)
            assert_null(strstr(err.message, rows[i].secret));
    }
    long_secret[512] = '\0';
    assert_int_equal(check(SCHEME_AUTO, long_secret, WRONG), RC_SIGNATURE_INVALID);
    /* In auto, what is no base64 still is a secret. */
    assert_int_equal(check(SCHEME_AUTO, "whsec_not/base64!", WRONG), RC_SIGNATURE_INVALID);
}

static void test_the_number_of_secrets(void **state)
{
    (void)state;
    const char *secrets[SIGNATURE_MAX_SECRETS + 1];
    for (size_t i = 0; i <= SIGNATURE_MAX_SECRETS; i++)
        secrets[i] = WHSEC;
    struct keyring *keyring = NULL;
    struct err err;
    assert_int_equal(keyring_new(SCHEME_AUTO, secrets, SIGNATURE_MAX_SECRETS + 1, &keyring, &err), RC_USAGE);
    assert_null(keyring);
    secrets[SIGNATURE_MAX_SECRETS - 1] = PLAIN;
    keyring = new_keyring(SCHEME_AUTO, secrets, SIGNATURE_MAX_SECRETS);
    struct signature_input input = input_of(PLAIN_COMPOSIO);
    assert_int_equal(signature_check(keyring, &input, NOW, 0, NULL), RC_OK);
    keyring_free(keyring);
}

static void test_make_refuses(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    struct err err;
    struct slice nothing = SLICE_NONE;
    assert_int_equal(signature_make(SCHEME_STANDARD, "no base64", nothing, nothing, nothing, &out, &err),
                     RC_USAGE);
    assert_null(strstr(err.message, "no base64"));
    assert_int_equal(signature_make(SCHEME_NONE, PLAIN, nothing, nothing, nothing, &out, &err), RC_USAGE);
    assert_int_equal(signature_make(SCHEME_AUTO, "", nothing, nothing, nothing, &out, &err), RC_USAGE);
    assert_int_equal(out.len, 0);
}

static void test_scheme_names(void **state)
{
    (void)state;
    assert_string_equal(scheme_name(SCHEME_AUTO), "auto");
    assert_string_equal(scheme_name(SCHEME_NONE), "none");
    assert_string_equal(scheme_name((enum scheme)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_are_accepted),
        cmocka_unit_test(test_vectors_of_the_other_scheme_are_refused),
        cmocka_unit_test(test_vectors_are_made),
        cmocka_unit_test(test_standard_webhooks_vector),
        cmocka_unit_test(test_ed25519),
        cmocka_unit_test(test_a_keyring_signs_what_it_accepts),
        cmocka_unit_test(test_a_public_key_is_no_hmac_key),
        cmocka_unit_test(test_every_signed_part_counts),
        cmocka_unit_test(test_empty_and_binary_bodies),
        cmocka_unit_test(test_several_secrets),
        cmocka_unit_test(test_several_entries),
        cmocka_unit_test(test_other_versions_are_skipped),
        cmocka_unit_test(test_only_so_many_entries_are_looked_at),
        cmocka_unit_test(test_changed_values_are_refused),
        cmocka_unit_test(test_missing_headers_are_named),
        cmocka_unit_test(test_tolerance_to_both_sides),
        cmocka_unit_test(test_tolerance_zero_checks_no_time),
        cmocka_unit_test(test_timestamps_that_are_no_number),
        cmocka_unit_test(test_numbers_far_away),
        cmocka_unit_test(test_nothing_to_check_with),
        cmocka_unit_test(test_secrets_that_are_no_key),
        cmocka_unit_test(test_the_number_of_secrets),
        cmocka_unit_test(test_make_refuses),
        cmocka_unit_test(test_scheme_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
