/*
 * Any JSON as a payload: redacted it is the same JSON but for the credentials (in strings: values of
 * parameters), and a secret planted where secrets stand is nowhere in it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/redact.h"
#include "wire/secret_name.h"

#define MAX_INPUT 65536
#define SECRET    "planted-0xC0FFEE"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_redacted(const json_t *value)
{
    return json_is_string(value) && strcmp(json_string_value(value), REDACTED) == 0;
}

static bool tells_nothing(const json_t *value)
{
    return json_is_null(value) || json_is_boolean(value) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

/* Where in an account: the same automaton as a path, written down the other way round. */
static bool is_secret_path(const char *path)
{
    if (strncmp(path, "/event/body/", 12) == 0)
        path += 11;
    return strcmp(path, "/data/state/val") == 0 || strcmp(path, "/data/data") == 0 ||
           strcmp(path, "/data/params") == 0;
}

static bool is_state_path(const char *path)
{
    if (strncmp(path, "/event/body/", 12) == 0)
        path += 11;
    return strcmp(path, "/data/state") == 0;
}

/* A number where only texts are hidden. */
static bool is_count(const char *name, const json_t *value)
{
    struct secret_name secret = {.len = 0};
    for (; *name; name++)
        secret_name_add(&secret, *name);
    return json_is_number(value) && secret_name_judge(&secret) == SECRET_UNLESS_NUMBER;
}

/* The same, or the same up to where REDACTED stands in place of a part. */
static bool is_same_text(struct slice was, struct slice is)
{
    size_t same = 0;
    while (same < was.len && same < is.len && was.ptr[same] == is.ptr[same])
        same++;
    if (same == was.len && same == is.len)
        return true;
    const char *hidden = memmem(is.ptr, is.len, REDACTED, strlen(REDACTED));
    return hidden && hidden <= is.ptr + same;
}

static void check_same(const json_t *was, const json_t *is, const char *path, bool hidden);

static void check_members(const json_t *was, const json_t *is, const char *path)
{
    const char *name;
    json_t *value;
    assert(json_object_size(was) == json_object_size(is));
    json_object_foreach((json_t *)was, name, value)
    {
        char below[64] = "?";
        if (strlen(path) + strlen(name) + 2 < sizeof below && !strchr(name, '/')) {
            strcpy(below, path);
            strcat(below, "/");
            strcat(below, name);
        }
        check_same(value, json_object_get(is, name), below,
                   (redact_is_credential(slice_str(name)) && !is_count(name, value)) ||
                       is_secret_path(below) || (is_state_path(below) && !json_is_object(value)));
    }
}

static void check_same(const json_t *was, const json_t *is, const char *path, bool hidden)
{
    if (hidden && !tells_nothing(was)) {
        assert(is_redacted(is));
    } else if (json_is_object(was)) {
        assert(json_is_object(is));
        check_members(was, is, path);
    } else if (json_is_array(was)) {
        assert(json_is_array(is) && json_array_size(was) == json_array_size(is));
        for (size_t i = 0; i < json_array_size(was); i++)
            check_same(json_array_get(was, i), json_array_get(is, i), "?", false);
    } else if (json_is_string(was)) {
        assert(is_same_text(slice_of(json_string_value(was), json_string_length(was)),
                            slice_of(json_string_value(is), json_string_length(is))));
    } else {
        assert(json_equal(was, is));
    }
}

static void check_redacted(struct slice text, const json_t *tree)
{
    CLEANUP(buf_cleanup) struct buf once = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf twice = BUF_INIT;
    json_t *again = NULL;
    json_redact(text, &once);
    enum rc rc = json_parse(buf_slice(&once), &again, NULL);
    assert(rc == RC_OK);
    check_same(tree, again, "", false);
    json_redact(buf_slice(&once), &twice);
    assert(slice_equal(buf_slice(&once), buf_slice(&twice)));
    json_decref(again);
}

/* The input as a neighbour of secrets and as a part of one. */
static void check_planted(struct slice text)
{
    static const char *const AROUND[][2] = {
        {"{\"a\":", ",\"\\u0061pi-Key\":\"" SECRET "\"}"},
        {"{\"data\":{\"state\":{\"x\":", ",\"val\":{\"y\":\"" SECRET "\"}}}}"},
        {"{\"event\":{\"body\":{\"data\":{\"params\":[\"" SECRET "\",", "]}}}}"},
        {"[{\"PASSWORD\":{\"" SECRET "\":", "}}]"},
        {"{\"a\":", ",\"dbPassword2_old\":\"" SECRET "\"}"},
        {"{\"data\":{\"state\":[", ",\"" SECRET "\"]}}"},
        {"[", ",\"https:\\/\\/a.b\\/?x=1\\u0026access_token=" SECRET "\"]"},
        {"[", ",\"https:\\/\\/ada:" SECRET "@a.b\\/\"]"},
        {"[", ",\"Authorization: " SECRET "\"]"},
    };
    if (memmem(text.ptr, text.len, SECRET, strlen(SECRET)))
        return;
    for (size_t i = 0; i < sizeof AROUND / sizeof AROUND[0]; i++) {
        CLEANUP(buf_cleanup) struct buf whole = BUF_INIT;
        CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
        buf_add_str(&whole, AROUND[i][0]);
        buf_add_slice(&whole, text);
        buf_add_str(&whole, AROUND[i][1]);
        if (json_check_object(buf_slice(&whole), NULL) == RC_INVALID_JSON)
            continue; /* too deep now, or a number that was cut at the end of the input */
        json_redact(buf_slice(&whole), &out);
        assert(!memmem(out.ptr, out.len, SECRET, strlen(SECRET)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    json_t *tree = NULL;
    if (size > MAX_INPUT || json_parse(text, &tree, NULL) != RC_OK)
        return 0;
    check_redacted(text, tree);
    check_planted(text);
    json_decref(tree);
    return 0;
}
