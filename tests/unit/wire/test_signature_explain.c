#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/base64.h"
#include "wire/signature.h"

#define ID      "msg_00000000-0000-4000-8000-000000000001"
#define TIME    "1767225600"
#define BODY    "{\"id\":\"other\",\"a\":[1,\"w\xC3\xB6rld\"]}"
#define NOW     (INT64_C(1767225600) * USEC_PER_SEC)
#define PLAIN   "test-secret-local-0001"
#define WHSEC   "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
#define WHSK    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define WHPK    "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define NOTHING "no common mistake explains it"

/* One webhook: how it was signed, and what arrived. What is NULL arrived as it was signed. */
struct webhook {
    enum scheme signed_scheme;
    const char *signed_secret;
    const char *signed_id;
    const char *signed_timestamp;
    const char *signed_body;
    enum scheme scheme;
    const char *secret;
    const char *id;
    const char *timestamp;
    const char *body;
};

static void sign(const struct webhook *webhook, struct buf *signature)
{
    const char *id = webhook->signed_id ? webhook->signed_id : ID;
    const char *timestamp = webhook->signed_timestamp ? webhook->signed_timestamp : TIME;
    const char *body = webhook->signed_body ? webhook->signed_body : BODY;
    struct err err;
    if (signature_make(webhook->signed_scheme, webhook->signed_secret ? webhook->signed_secret : PLAIN,
                       slice_str(id), slice_str(timestamp), slice_str(body), signature, &err) != RC_OK)
        fail_msg("%s", err.message);
}

/* Explains with the header given; also sees to it that neither the secret nor the right value is told. */
static void explain_header(const struct webhook *webhook, const char *header, const char *right,
                           struct buf *out)
{
    const char *secret = webhook->secret          ? webhook->secret
                         : webhook->signed_secret ? webhook->signed_secret
                                                  : PLAIN;
    const struct signature_input input = {slice_str(webhook->id ? webhook->id : ID),
                                          slice_str(webhook->timestamp ? webhook->timestamp : TIME),
                                          slice_str(header), slice_str(webhook->body ? webhook->body : BODY)};
    signature_explain(webhook->scheme, &secret, 1, &input, NOW, 300 * USEC_PER_SEC, out);
    assert_true(slice_ends(buf_slice(out), "\n"));
    assert_null(strstr(buf_str(out), secret));
    if (*right)
        assert_null(strstr(buf_str(out), right));
}

static void assert_explains(const struct webhook *webhook, const char *sentence)
{
    CLEANUP(buf_cleanup) struct buf signature = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    sign(webhook, &signature);
    explain_header(webhook, buf_str(&signature), buf_str(&signature) + 3, &out);
    if (!strstr(buf_str(&out), sentence))
        fail_msg("no \"%s\" in \"%s\"", sentence, buf_str(&out));
    if (strcmp(sentence, NOTHING) != 0)
        assert_null(strstr(buf_str(&out), NOTHING));
}

/* The signature's value written in another way. */
static void assert_explains_header(const char *header, const char *sentence)
{
    const struct webhook webhook = {.signed_scheme = SCHEME_COMPOSIO};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    explain_header(&webhook, header, "", &out);
    if (!strstr(buf_str(&out), sentence))
        fail_msg("no \"%s\" in \"%s\"", sentence, buf_str(&out));
}

static void test_a_right_signature(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf signature = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    const struct webhook webhook = {.signed_scheme = SCHEME_COMPOSIO};
    sign(&webhook, &signature);
    explain_header(&webhook, buf_str(&signature), "", &out);
    assert_string_equal(buf_str(&out), "the signature is right for secret 1\n");
}

static void test_nothing_explains_it(void **state)
{
    (void)state;
    assert_explains(&(struct webhook){.secret = "not-the-secret"}, NOTHING);
    assert_explains(&(struct webhook){.body = "{\"a\":2}"}, NOTHING);
    assert_explains(&(struct webhook){.signed_secret = WHSK,
                                      .secret = "whpk_"
                                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
                    NOTHING);
    assert_explains_header("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NOTHING);
}

static void test_the_other_scheme(void **state)
{
    (void)state;
    assert_explains(&(struct webhook){.signed_scheme = SCHEME_STANDARD,
                                      .signed_secret = WHSEC,
                                      .scheme = SCHEME_COMPOSIO},
                    "set the scheme to standard");
    assert_explains(&(struct webhook){.signed_scheme = SCHEME_COMPOSIO,
                                      .signed_secret = WHSEC,
                                      .scheme = SCHEME_STANDARD},
                    "set the scheme to composio");
    assert_explains(
        &(struct webhook){.signed_scheme = SCHEME_STANDARD, .signed_secret = WHSEC, .scheme = SCHEME_AUTO},
        "the signature is right for secret 1");
}

static void test_the_secret(void **state)
{
    (void)state;
    const struct {
        const char *signed_secret;
        const char *secret;
        const char *sentence;
    } rows[] = {
        {PLAIN, PLAIN "\n", "white space or quotes"},
        {PLAIN, " " PLAIN, "white space or quotes"},
        {PLAIN, "\"" PLAIN "\"", "white space or quotes"},
        {PLAIN, "whsec_" PLAIN, "without its whsec_ prefix"},
        {"whsec_" PLAIN, PLAIN, "with whsec_ in front"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_explains(&(struct webhook){.signed_secret = rows[i].signed_secret, .secret = rows[i].secret},
                        rows[i].sentence);
    assert_explains(&(struct webhook){.signed_scheme = SCHEME_STANDARD,
                                      .signed_secret = "whsec_+/+/",
                                      .secret = "whsec_-_-_"},
                    "URL alphabet");
    assert_explains(
        &(struct webhook){
            .signed_scheme = SCHEME_STANDARD, .signed_secret = "whsec_Zm9vYg==", .secret = "whsec_Zm9vYg"},
        "without its padding");
    assert_explains(&(struct webhook){.signed_scheme = SCHEME_STANDARD,
                                      .signed_secret = "whsec_Zm9v",
                                      .secret = "666F6f"},
                    "decoded from hexadecimal");
    assert_explains(&(struct webhook){.signed_scheme = SCHEME_STANDARD,
                                      .signed_secret = WHSEC,
                                      .secret = WHSEC " ",
                                      .scheme = SCHEME_STANDARD},
                    "secret 1 has white space");
}

static void test_the_body(void **state)
{
    (void)state;
    const struct {
        const char *signed_body;
        const char *body;
        const char *sentence;
    } rows[] = {
        {BODY, BODY "\n", "the body has a newline at its end that was not signed"},
        {BODY, BODY "\r\n", "the body has a newline at its end that was not signed"},
        {BODY "\n", BODY, "the body lacks a newline at its end"},
        {BODY "\r\n", BODY, "the body lacks a line break (CR LF)"},
        {BODY, "  " BODY " \n\n", "white space around it"},
        {"{\n}", "{\r\n}", "CR LF line breaks where LF was signed"},
        {"{\r\n}", "{\n}", "LF line breaks where CR LF was signed"},
        {BODY, "\xEF\xBB\xBF" BODY, "byte order mark"},
        {BODY, "{\n  \"id\": \"other\",\n  \"a\": [1, \"w\xC3\xB6rld\"]\n}",
         "signed without white space between its parts"},
        {"{\"a\":1.50}", "{\"a\" : 1.50}\n", "signed without white space between its parts"},
        {BODY, "{\"id\": \"other\", \"a\": [1, \"w\\u00f6rld\"]}",
         "without white space, and with fewer escapes"},
        {"{\"a\":\"w\\u00F6\"}", "{\"a\": \"w\xC3\xB6\"}", "without white space, non-ASCII as \\u escapes"},
        {"{\"a\": [1, 2], \"b\": \"w\xC3\xB6\"}", "{\"a\":[1,2],\"b\":\"w\xC3\xB6\"}",
         "on one line with spaces after"},
        {"{\"a\": \"w\\u00F6\"}", "{\"a\":\"w\xC3\xB6\"}",
         "on one line with spaces after , and :, non-ASCII"},
        {"{\n  \"a\": \"w\\u00f6\"\n}", "{\"a\":\"w\xC3\xB6\"}", "with an indentation of two, non-ASCII"},
        {"{\n  \"a\": \"w\xC3\xB6\"\n}", "{\"a\":\"w\xC3\xB6\"}", "with an indentation of two;"},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "sorted names"},
        {"", BODY, "one of an empty body"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_explains(&(struct webhook){.signed_body = rows[i].signed_body, .body = rows[i].body},
                        rows[i].sentence);
    assert_explains(&(struct webhook){.signed_secret = WHSK, .secret = WHPK, .body = BODY "\n"},
                    "the body has a newline at its end that was not signed");
}

static void test_the_time(void **state)
{
    (void)state;
    assert_explains(&(struct webhook){.timestamp = TIME "123"}, "webhook-timestamp is in milliseconds");
    assert_explains(&(struct webhook){.timestamp = TIME "123"},
                    "the signed text has the time in Unix seconds");
    assert_explains(&(struct webhook){.timestamp = TIME "123456"}, "webhook-timestamp is in microseconds");
    assert_explains(&(struct webhook){.timestamp = TIME "123456789"}, "webhook-timestamp is in nanoseconds");
    assert_explains(&(struct webhook){.timestamp = "2026-01-01T00:00:00Z"}, "webhook-timestamp is a date");
    assert_explains(&(struct webhook){.timestamp = "2026-01-01T00:00:00Z"},
                    "the signed text has the time in Unix seconds");
    assert_explains(&(struct webhook){.signed_timestamp = TIME "123", .timestamp = TIME "123"},
                    "apart from that, the signature is right for secret 1");
    assert_explains(&(struct webhook){.signed_timestamp = "noon", .timestamp = "noon"},
                    "not a number of Unix seconds");
    assert_explains(&(struct webhook){.signed_timestamp = "1767225000", .timestamp = "1767225000"},
                    "webhook-timestamp is 10m in the past; 5m is allowed\n"
                    "apart from that, the signature is right for secret 1\n");
    assert_explains(&(struct webhook){.signed_timestamp = "1767218430", .timestamp = "1767218430"},
                    "about 2 hours");
    assert_explains(
        &(struct webhook){.signed_timestamp = "99999999999999999999", .timestamp = "99999999999999999999"},
        "not a number of Unix seconds");
}

static void test_the_signed_text(void **state)
{
    (void)state;
    assert_explains(&(struct webhook){.signed_id = "other"},
                    "the body's id in place of the header webhook-id");
    /* HMAC-SHA256 with PLAIN over TIME "." BODY and over BODY, made with the openssl program. */
    assert_explains_header("v1,VyjpOaKJj/yLzp8oEGsKaYYp2x8WF+HL68A875RYPKs=", "leaves webhook-id out");
    assert_explains_header("v1,d8UuDciGuYKwtOZxSVredXy2D7Yausw5+/Nk7ZtXrnY=", "only the body was signed");
}

static void test_two_mistakes_at_once(void **state)
{
    (void)state;
    const struct webhook webhook = {.signed_scheme = SCHEME_STANDARD,
                                    .signed_secret = WHSEC,
                                    .scheme = SCHEME_COMPOSIO,
                                    .body = BODY "\n"};
    assert_explains(&webhook, "set the scheme to standard");
    assert_explains(&webhook, "the body has a newline at its end");
}

static void test_the_form_of_the_header(void **state)
{
    (void)state;
    assert_explains_header("0ae99fd3a922b7b0caf4499d5d02e27cd44a06630dba74f974644932625d397d",
                           "is hexadecimal");
    assert_explains_header("sha256=0ae99fd3a922b7b0caf4499d5d02e27cd44a06630dba74f974644932625d397d",
                           "apart from that, the signature is right for secret 1");
    assert_explains_header("t=1767225600,v1=0ae99fd3a922b7b0caf4499d5d02e27cd44a06630dba74f974644932625d397d",
                           "apart from that, the signature is right for secret 1");
    assert_explains_header("Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0=", "does not start with v1,");
    assert_explains_header("v2,Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0=", "does not start with v1,");
    assert_explains_header("v1,Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0", "without its padding");
    assert_explains_header("\"v1,Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0=\"", "in quotes");
    assert_explains_header(
        "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,v1,Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0=",
        "separated by commas");
    assert_explains_header(
        "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,v1,Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0=",
        "apart from that, the signature is right for secret 1");
    assert_explains_header("v1,tooshort", "has 8 characters after v1,");
    assert_explains_header("something else", "has no entry of version v1 or v1a");
    assert_explains_header("v1a,AAAA", "they need the sender's public key");
    const struct webhook ed25519 = {.secret = WHPK};
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    explain_header(&ed25519, "v1,Cumf06kit7DK9EmdXQLifNRKBmMNunT5dGRJMmJdOX0=", "", &out);
    assert_non_null(strstr(buf_str(&out), "the secret is an Ed25519 key, which checks v1a"));
}

static void test_what_is_missing(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    const struct signature_input input = {SLICE_NONE, SLICE_NONE, SLICE_NONE, SLICE_NONE};
    const char *const secret = "whsec_!";
    signature_explain(SCHEME_AUTO, NULL, 0, &input, NOW, 0, &out);
    assert_string_equal(buf_str(&out), "the header webhook-id is missing or empty\n"
                                       "the header webhook-timestamp is missing or empty\n"
                                       "the header webhook-signature is missing or empty\n"
                                       "no secret is given, so there is nothing to check with\n");
    buf_clear(&out);
    signature_explain(SCHEME_STANDARD, &secret, 1, &input, NOW, 0, &out);
    assert_non_null(strstr(buf_str(&out), "the secret is not base64"));
}

static void test_several_secrets_are_told_apart(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf signature = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    const struct webhook webhook = {.signed_scheme = SCHEME_COMPOSIO};
    const char *const secrets[] = {"wrong", WHPK, PLAIN "\r\n"};
    sign(&webhook, &signature);
    const struct signature_input input = {slice_str(ID), slice_str(TIME), buf_slice(&signature),
                                          slice_str(BODY)};
    signature_explain(SCHEME_AUTO, secrets, 3, &input, NOW, 0, &out);
    assert_non_null(strstr(buf_str(&out), "secret 3 has white space"));
    assert_null(strstr(buf_str(&out), "secret 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_right_signature),
        cmocka_unit_test(test_nothing_explains_it),
        cmocka_unit_test(test_the_other_scheme),
        cmocka_unit_test(test_the_secret),
        cmocka_unit_test(test_the_body),
        cmocka_unit_test(test_the_time),
        cmocka_unit_test(test_the_signed_text),
        cmocka_unit_test(test_two_mistakes_at_once),
        cmocka_unit_test(test_the_form_of_the_header),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_several_secrets_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
