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
        /* a state that is no object is a secret itself */
        {"{\"data\":{\"state\":\"x\"}}", "{\"data\":{\"state\":" HIDDEN "}}"},
        {"{\"data\":{\"state\":[{\"val\":1}],\"x\":1}}", "{\"data\":{\"state\":" HIDDEN ",\"x\":1}}"},
        {"{\"event\":{\"body\":{\"data\":{\"state\":7}}}}",
         "{\"event\":{\"body\":{\"data\":{\"state\":" HIDDEN "}}}}"},
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
        "{\"data\":{\"x\":[{\"data\":1}],\"y\":[{\"val\":1}]}}",
        "{\"data\":{\"state\":{\"state\":\"x\"},\"x\":{\"state\":\"y\"}},\"state\":\"z\"}",
        "{\"data\":{\"state\":null,\"state\":[],\"state\":{}}}",
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
        "t\\u006Fken",  "to\\u002dken",  "\\u0050ASSWORD", "toke\\nn",
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
        "{\"tok\\u0000en\":1,\"tok\xC3\xA9n\":1}",
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
    buf_add_str(&text, "key\":\"planted\",\"tokentokentokentokentokentokentokens\":1}");
    json_redact(buf_slice(&text), &out);
    assert_null(strstr(buf_str(&out), "planted"));
    assert_non_null(strstr(buf_str(&out), "tokens\":1}"));
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

static void takes_names_apart(void **state)
{
    (void)state;
    static const char *const CREDENTIALS[] = {
        "client_secret_value",
        "accessTokenV2",
        "x-api-key-old",
        "refresh_token_1",
        "dbPassword",
        "auth_header",
        "Authorization-2",
        "Set-Cookie",
        "X-Forwarded-Cookie2",
        "APIKey",
        "MyAPIKey2",
        "DB_PASSWORD",
        "mypassword",
        "userTokens.access_tokens",
        "OAuthToken",
        "aws.access-key.id",
        "secret_id",
        "tokens",
        "user[password]",
        "x-amz-security-token",
        "token_type_token",
        "connectionString",
        "old_api_keys",
        "s3SecretKey",
        "\xC3\xA9_token",
        "token_name_value",
        "private key",
        "Proxy-Authorization",
        "jwt2",
        "PaSsWoRd",
    };
    static const char *const HARMLESS[] = {
        "token_type",      "tokens_used",   "max_tokens",       "secret_name",       "key_id",
        "apiKeyId",        "tokenUrl",      "token_expires_at", "expires_in",        "password_changed_at",
        "next_page_token", "nextSyncToken", "secretary",        "tokenizer",         "author",
        "auth_config",     "authScheme",    "cookie_policy_2",  "tok\xC3\xA9n",      "key",
        "monkey",          "api",           "turkey_id",        "client_id",         "webhook-signature",
        "credential_type", "total_tokens",  "token_type_2",     "authorization_url", "state",
    };
    for (size_t i = 0; i < COUNT(CREDENTIALS); i++)
        if (!redact_is_credential(slice_str(CREDENTIALS[i])))
            fail_msg("%s is one", CREDENTIALS[i]);
    for (size_t i = 0; i < COUNT(HARMLESS); i++)
        if (redact_is_credential(slice_str(HARMLESS[i])))
            fail_msg("%s is none", HARMLESS[i]);
    expect("{\"tokens\":{\"a\":1},\"x\":{\"tokens\":[\"b\"]}}",
           "{\"tokens\":" HIDDEN ",\"x\":{\"tokens\":" HIDDEN "}}");
    expect("{\"auth\":{\"pass\":\"x\"},\"pass\":7,\"passed\":\"y\"}",
           "{\"auth\":{\"pass\":" HIDDEN "},\"pass\":7,\"passed\":\"y\"}");
    expect("{\"tokens\":12,\"\\ud800token\":1}", "{\"tokens\":12,\"\\ud800token\":" HIDDEN "}");
}

/* Of any length, and wherever the credential stands in it. */
static void takes_long_names_apart(void **state)
{
    (void)state;
    for (size_t len = 1; len < 700; len++) {
        CLEANUP(buf_cleanup) struct buf name = BUF_INIT;
        buf_add_fill(&name, 'x', len);
        buf_add_str(&name, "_client_Secret");
        assert_true(redact_is_credential(buf_slice(&name)));
        buf_add_fill(&name, len % 2 ? 'A' : '7', len);
        assert_true(redact_is_credential(buf_slice(&name)));
        buf_add_str(&name, "_type");
        assert_false(redact_is_credential(buf_slice(&name)));
    }
}

static void hides_parameters_inside_strings(void **state)
{
    (void)state;
#define R "[redacted]"
    static const char *const CASES[][2] = {
        {"https://a.b/c?access_token=s3&x=1", "https://a.b/c?access_token=" R "&x=1"},
        {"https://a.b/c?x=1&client_secret=a%26b#d", "https://a.b/c?x=1&client_secret=" R "#d"},
        {"https://a.b/c#id_token=a.b-c_d", "https://a.b/c#id_token=" R},
        {"see https:\\/\\/a.b?token=s3 or <https://a.b?apiKey=t4>",
         "see https:\\/\\/a.b?token=" R " or <https://a.b?apiKey=" R ">"},
        {"a?x=1\\u0026password\\u003ds\\u00e9\\u00263\\u0026y=2",
         "a?x=1\\u0026password\\u003d" R "\\u00263\\u0026y=2"},
        {"a?pass\\u0077ord=\xC3\xA9\\n2", "a?pass\\u0077ord=" R "\\n2"},
        {"client_secret=s3;grant_type=x", "client_secret=" R ";grant_type=x"},
        {"a?code=s3&key=t4&X-Amz-Signature=u5&sig=v6", "a?code=" R "&key=" R "&X-Amz-Signature=" R "&sig=" R},
        {"a?user[password]=s3", "a?user[password]=" R},
        {"a?token==s3=&b", "a?token=" R "&b"},
        {"a?token=" R, "a?token=" R},
        /* who speaks in an address */
        {"https://ada:s3cret@a.b/c", "https://" R "@a.b/c"},
        {"see <postgres://ada:s3@t4@a.b:5432/c?d=e@f>", "see <postgres://" R "@a.b:5432/c?d=e@f>"},
        {"https:\\/\\/ada\\u003as3@a.b/c@d", "https:\\/\\/" R "@a.b/c@d"},
        {"git clone https://ghp_s3@a.b", "git clone https://" R "@a.b"},
        {"a://b/c://s3:t4@d?e://f:g5@h", "a://b/c://" R "@d?e://" R "@h"},
        /* headers in texts */
        {"Authorization: Bearer s3cret.t4_-~+/=, x", "Authorization: Bearer " R " x"},
        {"-H 'authorization:Basic QWxhZGRpbg==' x", "-H 'authorization:Basic " R "' x"},
        {"proxy-authorization: s3 x", "proxy-authorization: " R " x"},
        {"authorization=bearer s3&x", "authorization=bearer " R "&x"},
        {"sent bearer  eyJhbGciOi.J9 x", "sent bearer  " R " x"},
        {"{\\\"a\\\":\\\"Bearer abcdefg1\\\"}", "{\\\"a\\\":\\\"Bearer " R "\\\"}"},
        {"BASIC \\u0051Wxh1ZGRpbg==", "BASIC " R},
        {"Authorization:\\tBearer\\ts3cret x", "Authorization:\\tBearer\\t" R " x"},
        {"authorization: \\u0009s3 x", "authorization: \\u0009" R " x"},
        {"sent Bearer\\tabcdefg1 x", "sent Bearer\\t" R " x"},
        {"Bearer\\tabcdefg1", "Bearer\\t" R},
        {"https://ada:s3\\u0040a.b/c@d", "https://" R "\\u0040a.b/c@d"},
        {"\\u0042earer abcdefg1 x", "\\u0042earer " R " x"},
        {"Bearer abcdefg\\u0031 x", "Bearer " R " x"},
        {"\\u0041uthorizatio\\u006e: \\u0062asic s3 x", "\\u0041uthorizatio\\u006e: \\u0062asic " R " x"},
        {"a?token=s3\\tb", "a?token=" R "\\tb"},
    };
    static const char *const UNTOUCHED[] = {
        "",
        "=",
        "a=b",
        "a?token=",
        "a?token=&b=1",
        "a?token",
        "a?token_type=bearer&expires_in=5",
        "error code=404",
        "key=7",
        "a?monkey=1",
        "dG9rZW4=",
        "token: x",
        "a?token =x",
        "\\\"=\\\"",
        "https://a.b/c@d",
        "https://a.b:80, ada@example.com",
        "ada@example.com: //x",
        "://",
        "a:/b@c",
        "bearer authentication failed",
        "bearer token 12345678",
        "bearer abc1",
        "bearer a\\u0062c1",
        "Bearer",
        "forbearer abcdefg1",
        "authorization failed: 12345678",
        "Authorization: ",
        "a basic: 12345678",
    };
    for (size_t i = 0; i < COUNT(CASES) + COUNT(UNTOUCHED); i++) {
        bool changes = i < COUNT(CASES);
        char text[512];
        char want[512];
        snprintf(text, sizeof text, "{\"a\":[\"%s\"],\"a=b\":1}",
                 changes ? CASES[i][0] : UNTOUCHED[i - COUNT(CASES)]);
        snprintf(want, sizeof want, "{\"a\":[\"%s\"],\"a=b\":1}",
                 changes ? CASES[i][1] : UNTOUCHED[i - COUNT(CASES)]);
        expect(text, want);
    }
#undef R
}

static void hides_credentials_in_plain_texts(void **state)
{
    (void)state;
#define R "[redacted]"
    static const char *const CASES[][2] = {
        {"", ""},
        {"timed out", "timed out"},
        {"for https://x.y/cb?code=s3&state=1", "for https://x.y/cb?code=" R "&state=1"},
        {"C:\\new\\token=s3\\t4 x", "C:\\new\\token=" R " x"},
        {"https://a:b\"@c", "https://a:b\"@c"},
        {"Authorization:\tBearer\ts3\tx", "Authorization:\tBearer\t" R "\tx"},
        {"Bearer\ts3cret78", "Bearer\t" R},
        {"Bearer s3cret78\nBearer \xFF", "Bearer " R "\nBearer \xFF"},
        {"token=\\", "token=" R},
    };
#undef R
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        buf_clear(&out);
        redact_text(slice_str(CASES[i][0]), &out);
        assert_string_equal(buf_str(&out), CASES[i][1]);
    }
    buf_clear(&out);
    redact_quote(slice_str("a \"b\" ?token=s3\"\\"), &out);
    assert_string_equal(buf_str(&out), "\"a \\\"b\\\" ?token=[redacted]\\\"\\\\\"");
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
        cmocka_unit_test(takes_names_apart),
        cmocka_unit_test(takes_long_names_apart),
        cmocka_unit_test(hides_parameters_inside_strings),
        cmocka_unit_test(hides_credentials_in_plain_texts),
        cmocka_unit_test(knows_names_of_headers),
    };
    return cmocka_run_group_tests_name("wire/redact", tests, NULL, NULL);
}
