#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/redact.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define HIDDEN       "\"[redacted]\""

static void expect(const char *text, const char *want)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_redact(slice_str(text), &out);
    assert_false(buf_failed(&out));
    assert_string_equal(buf_str(&out), want);
}

static void hides_an_accounts_secrets(void **state)
{
    (void)state;
    char path[512];
    char text[8192];
    snprintf(path, sizeof path, "%s/v3-connected-account-expired.json", TEST_DATA);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    assert_non_null(strstr(text, "must-be-redacted"));

    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    json_redact(slice_of(text, len), &out);
    assert_null(strstr(buf_str(&out), "must-be-redacted"));
    assert_non_null(strstr(buf_str(&out), "\"state\":{\"authScheme\":\"OAUTH2\",\"val\":" HIDDEN "},"
                                          "\"data\":{},\"params\":{},\"status_reason\":\"Permanent"));
    assert_non_null(strstr(buf_str(&out), "\"user_id\":\"tenant-9\""));
}

static void hides_by_path(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"{\"data\":{\"data\":{\"a\":1}}}", "{\"data\":{\"data\":" HIDDEN "}}"},
        {"{\"data\":{\"params\":[{\"a\":[]}, 2]}, \"x\":1}", "{\"data\":{\"params\":" HIDDEN "},\"x\":1}"},
        {"{\"data\":{\"state\":{\"val\":\"x\"}}}", "{\"data\":{\"state\":{\"val\":" HIDDEN "}}}"},
        {"{\"event\":{\"body\":{\"data\":{\"state\":{\"val\":{\"a\":1}, \"b\":2}}}}}",
         "{\"event\":{\"body\":{\"data\":{\"state\":{\"val\":" HIDDEN ",\"b\":2}}}}}"},
        {"{\"\\u0064ata\":{\"par\\u0061ms\":7}}", "{\"\\u0064ata\":{\"par\\u0061ms\":" HIDDEN "}}"},
        /* twice the same name: each of them */
        {"{\"data\":{},\"data\":{\"data\":\"x\",\"data\":\"y\"}}",
         "{\"data\":{},\"data\":{\"data\":" HIDDEN ",\"data\":" HIDDEN "}}"},
    };
    static const char *const UNTOUCHED[] = {
        "{\"data\":{\"state\":{\"value\":1}}}",
        "{\"state\":{\"val\":1},\"params\":1}",
        "{\"data\":[{\"state\":{\"val\":1},\"params\":1}]}",
        "[{\"data\":{\"params\":1}}]",
        "{\"x\":{\"data\":{\"params\":1}}}",
        "{\"data\":{\"x\":{\"params\":1}}}",
        "{\"data\":{\"x\":[{\"data\":1}],\"state\":[{\"val\":1}]}}",
        "{\"event\":{\"data\":{\"params\":1}}}",
        "{\"event\":{\"body\":{\"event\":{\"body\":{\"data\":{\"params\":1}}}}}}",
        "{\"Data\":{\"params\":1},\"d-ata\":{\"params\":1}}",
        "{\"data\":{\"data\":{},\"params\":[],\"state\":{\"val\":null}}}",
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        expect(CASES[i][0], CASES[i][1]);
    for (size_t i = 0; i < COUNT(UNTOUCHED); i++)
        expect(UNTOUCHED[i], UNTOUCHED[i]);
}

static void hides_by_name(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "access_token", "refresh_token", "id_token",       "api_key",     "apikey",        "token",
        "password",     "secret",        "client_secret",  "private_key", "authorization", "bearer",
        "cookie",       "accessToken",   "API-KEY",        "x-api-key",   "_T_o-K-e_N_",   "\\u0061pi_key",
        "t\\u006Fken",  "to\\u002dken",  "\\u0050ASSWORD",
    };
    static const char *const VALUES[] = {
        "\"x\"", "\"\"", "1.5e3", "{\"a\":{\"b\":[1]}}", "[[],{}]", "[{\"token\":\"}\"}]", "\"a\\\"}b\"",
    };
    for (size_t i = 0; i < COUNT(NAMES); i++)
        for (size_t k = 0; k < COUNT(VALUES); k++) {
            char text[256];
            char want[256];
            snprintf(text, sizeof text, "[ 1, {\"a\": 1, \"%s\" : %s , \"b\": \"c\"} ]", NAMES[i], VALUES[k]);
            snprintf(want, sizeof want, "[1,{\"a\":1,\"%s\":" HIDDEN ",\"b\":\"c\"}]", NAMES[i]);
            expect(text, want);
        }
}

static void leaves_what_tells_nothing(void **state)
{
    (void)state;
    static const char *const UNTOUCHED[] = {
        "{\"token\":null,\"secret\":true,\"password\":false,\"cookie\":{},\"api_key\":[],\"a\":1}",
        "{\"tokens\":1,\"next_page_token\":\"x\",\"\":1,\"---\":2}",
        "{\"toke\\nn\":1,\"tok\\u0000en\":1,\"tok\xC3\xA9n\":1,\"\\ud800token\":1}",
        "[\"token\",\"secret\",[\"password\"]]",
        "{\"name\":\"token\",\"x\":\"secret\"}",
        "\"token\"",
        "1",
    };
    for (size_t i = 0; i < COUNT(UNTOUCHED); i++)
        expect(UNTOUCHED[i], UNTOUCHED[i]);
}

static void sees_long_names_to_their_end(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    buf_add_str(&text, "{\"api");
    buf_add_fill(&text, '_', 1000);
    buf_add_str(&text, "key\":\"planted\",\"tokentokentokentokentokentokentoken\":1}");
    json_redact(buf_slice(&text), &out);
    assert_null(strstr(buf_str(&out), "planted"));
    assert_non_null(strstr(buf_str(&out), "token\":1}"));
}

static void nests_as_deep_as_json_may(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    for (int i = 0; i < JSON_MAX_DEPTH - 1; i++)
        buf_add_str(&text, i % 2 ? "[" : "{\"a\":");
    buf_add_str(&text, "{\"token\":\"planted\"}");
    for (int i = JSON_MAX_DEPTH - 2; i >= 0; i--)
        buf_add_str(&text, i % 2 ? "]" : "}");
    json_t *tree = NULL;
    assert_int_equal(json_parse(buf_slice(&text), &tree, NULL), RC_OK);
    json_decref(tree);
    json_redact(buf_slice(&text), &out);
    assert_non_null(strstr(buf_str(&out), "{\"token\":" HIDDEN "}"));
    assert_null(strstr(buf_str(&out), "planted"));
}

static void knows_names_of_headers(void **state)
{
    (void)state;
    assert_true(redact_is_credential(slice_str("X-Api-Key")));
    assert_true(redact_is_credential(slice_str("set-cookie")));
    assert_false(redact_is_credential(slice_str("webhook-id")));
    assert_false(redact_is_credential(slice_str("")));
    assert_false(redact_is_credential(SLICE_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_an_accounts_secrets),
        cmocka_unit_test(hides_by_path),
        cmocka_unit_test(hides_by_name),
        cmocka_unit_test(leaves_what_tells_nothing),
        cmocka_unit_test(sees_long_names_to_their_end),
        cmocka_unit_test(nests_as_deep_as_json_may),
        cmocka_unit_test(knows_names_of_headers),
    };
    return cmocka_run_group_tests_name("wire/redact", tests, NULL, NULL);
}
