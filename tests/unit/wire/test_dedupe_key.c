#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/dedupe_key.h"

/* Computed with sha256sum. */
#define HASH_OF_PATH_AND_BODY "sha256:6c97b0224694c5d66f38af40ce2beccb2322dc1b9c8866669127dbb5fd01146d"
#define EIGHT_OF_MSG_1        "\x11\x6b\x88\xf1\x73\x00\x7b\xe5"

static struct dedupe_key make(const char *id, const char *path, const char *body)
{
    struct dedupe_key key;
    struct err err;
    assert_int_equal(dedupe_key_make(slice_str(id), slice_str(path), slice_str(body), &key, &err), RC_OK);
    return key;
}

static void assert_prints(const struct dedupe_key *key, const char *text)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    dedupe_key_format(key->hashed, slice_of(key->bytes, key->len), &out);
    assert_string_equal(buf_str(&out), text);
}

static bool same(const struct dedupe_key *a, const struct dedupe_key *b)
{
    return a->hashed == b->hashed && a->fingerprint == b->fingerprint &&
           slice_equal(slice_of(a->bytes, a->len), slice_of(b->bytes, b->len));
}

static void test_the_id_alone_is_the_key(void **state)
{
    (void)state;
    struct dedupe_key key = make("msg_1", "/a", "{}");
    struct dedupe_key again = make("msg_1", "/b", "{\"x\":1}");
    assert_false(key.hashed);
    assert_prints(&key, "msg_1");
    assert_memory_equal(&key.fingerprint, EIGHT_OF_MSG_1, 8);
    assert_true(same(&key, &again));
    again = make("msg_2", "/a", "{}");
    assert_false(same(&key, &again));
    assert_true(key.fingerprint != again.fingerprint);
}

static void test_without_id_path_and_body_are_hashed(void **state)
{
    (void)state;
    struct dedupe_key key = make(NULL, "/", "{}");
    assert_true(key.hashed);
    assert_prints(&key, HASH_OF_PATH_AND_BODY);
    assert_memory_equal(&key.fingerprint, key.bytes, 8);
    struct dedupe_key empty = make("", "/", "{}");
    assert_true(same(&key, &empty));
    struct dedupe_key other_path = make(NULL, "/x", "{}");
    struct dedupe_key other_body = make(NULL, "/", "{ }");
    struct dedupe_key shifted = make(NULL, "", "/{}");
    assert_false(same(&key, &other_path));
    assert_false(same(&key, &other_body));
    assert_false(same(&key, &shifted));
}

static void test_ids_that_do_not_print_as_themselves_are_hashed(void **state)
{
    (void)state;
    char longest[DEDUPE_KEY_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[DEDUPE_KEY_MAX] = '\0';
    struct dedupe_key kept = make(longest, "/", "{}");
    assert_false(kept.hashed);
    assert_int_equal(kept.len, DEDUPE_KEY_MAX);
    longest[DEDUPE_KEY_MAX] = 'a';
    longest[DEDUPE_KEY_MAX + 1] = '\0';
    const char *const ids[] = {longest, "tab\there", "w\xC3\xB6rld", "\x7F", HASH_OF_PATH_AND_BODY};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct dedupe_key key = make(ids[i], "/", "{}");
        struct dedupe_key elsewhere = make(ids[i], "/other", "{\"retry\":2}");
        assert_true(key.hashed);
        assert_true(same(&key, &elsewhere)); /* the same event on another path stays the same event */
    }
    /* Who sends the printed hash of another event as an id must not stand for that event. */
    struct dedupe_key forged = make(HASH_OF_PATH_AND_BODY, "/", "{}");
    struct dedupe_key real = make(NULL, "/", "{}");
    assert_false(same(&forged, &real));
    struct dedupe_key upper = make("sha256:ABC", "/", "{}");
    assert_false(upper.hashed);
}

static void test_stored_parts_give_the_same_key(void **state)
{
    (void)state;
    struct dedupe_key keys[] = {make("msg_1", "/", "{}"), make(NULL, "/", "{}")};
    for (size_t i = 0; i < 2; i++) {
        struct dedupe_key again;
        struct err err;
        assert_int_equal(dedupe_key_of(keys[i].hashed, slice_of(keys[i].bytes, keys[i].len), &again, &err),
                         RC_OK);
        assert_true(same(&keys[i], &again));
    }
}

static void test_lengths_that_no_key_has(void **state)
{
    (void)state;
    char bytes[DEDUPE_KEY_MAX + 1] = {0};
    struct dedupe_key key = {.len = 7};
    struct err err;
    assert_int_equal(dedupe_key_of(true, slice_of(bytes, 31), &key, &err), RC_BAD_PARAMETER);
    assert_int_equal(dedupe_key_of(true, slice_of(bytes, 33), &key, &err), RC_BAD_PARAMETER);
    assert_int_equal(dedupe_key_of(false, slice_of(bytes, 0), &key, &err), RC_BAD_PARAMETER);
    assert_int_equal(dedupe_key_of(false, slice_of(bytes, sizeof bytes), &key, &err), RC_BAD_PARAMETER);
    assert_non_null(strstr(err.message, "257 bytes"));
    assert_int_equal(key.len, 7);
}

static void test_parse_takes_back_what_format_wrote(void **state)
{
    (void)state;
    const char *const texts[] = {"msg_1", "a b", "sha256:", "sha256:00", HASH_OF_PATH_AND_BODY};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct dedupe_key key;
        struct err err;
        assert_int_equal(dedupe_key_parse(slice_str(texts[i]), &key, &err), RC_OK);
        assert_prints(&key, texts[i]);
        assert_int_equal(key.hashed, i == 4);
    }
    struct dedupe_key real = make(NULL, "/", "{}");
    struct dedupe_key parsed;
    struct err err;
    assert_int_equal(dedupe_key_parse(slice_str(HASH_OF_PATH_AND_BODY), &parsed, &err), RC_OK);
    assert_true(same(&real, &parsed));
}

static void test_parse_refuses(void **state)
{
    (void)state;
    char long_text[DEDUPE_KEY_MAX + 2];
    memset(long_text, 'a', sizeof long_text);
    long_text[DEDUPE_KEY_MAX + 1] = '\0';
    const char *const texts[] = {"", long_text, "line\nbreak", "\xFF"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct dedupe_key key = {.len = 7};
        struct err err;
        assert_int_equal(dedupe_key_parse(slice_str(texts[i]), &key, &err), RC_BAD_PARAMETER);
        assert_int_equal(key.len, 7);
    }
}

static void *make_many(void *result)
{
    for (int i = 0; i < 1000; i++)
        *(struct dedupe_key *)result = make(NULL, "/", "{}");
    return NULL;
}

/* Each thread has its own digest; under the address sanitizer this also shows that it goes with the thread.
 */
static void test_threads(void **state)
{
    (void)state;
    struct dedupe_key expected = make(NULL, "/", "{}");
    struct dedupe_key results[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, &results[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(same(&expected, &results[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_id_alone_is_the_key),
        cmocka_unit_test(test_without_id_path_and_body_are_hashed),
        cmocka_unit_test(test_ids_that_do_not_print_as_themselves_are_hashed),
        cmocka_unit_test(test_stored_parts_give_the_same_key),
        cmocka_unit_test(test_lengths_that_no_key_has),
        cmocka_unit_test(test_parse_takes_back_what_format_wrote),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
