/*
 * Any bytes as a webhook's body: they are refused with a sentence, or every text made from them holds what
 * they hold, and the index of their members says what Jansson's tree says.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/payload.h"

/* Indentation multiplies; the cases that matter are short. */
#define MAX_INPUT  65536
#define MAX_PRETTY (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice field)
{
    unsigned sum = 0;
    for (size_t i = 0; i < field.len; i++)
        sum += (unsigned char)field.ptr[i];
    assert(field.ptr || field.len == 0);
    assert(sum != UINT32_MAX);
}

static void check_payload(struct slice text, const json_t *tree)
{
    CLEANUP(payload_cleanup) struct payload payload = {0};
    enum rc rc = payload_read(&payload, text);
    assert(rc == (json_is_object(tree) ? RC_OK : RC_NOT_AN_OBJECT));
    assert((payload.body != NULL) == (rc == RC_OK));
    assert(!payload.body || payload.body->kind == JSON_TOKEN_OBJECT);
    assert(payload_shape_name(&payload)[0] != '\0');
    check_inside(payload.type);
    check_inside(payload.event_id);
    check_inside(payload.app);
    check_inside(payload.integration_name);
    check_inside(payload.integration_id);
    check_inside(payload.connected_account_id);
    check_inside(payload.user_id);
    check_inside(payload.status);
    check_inside(payload.status_reason);
    check_inside(payload.trigger_id);
}

static const char *word_of(json_type type)
{
    return type == JSON_TRUE ? "true" : type == JSON_FALSE ? "false" : "null";
}

static enum json_token_kind kind_of(json_type type)
{
    static const enum json_token_kind KINDS[] = {
        [JSON_OBJECT] = JSON_TOKEN_OBJECT, [JSON_ARRAY] = JSON_TOKEN_ARRAY,
        [JSON_STRING] = JSON_TOKEN_STRING, [JSON_INTEGER] = JSON_TOKEN_NUMBER,
        [JSON_REAL] = JSON_TOKEN_NUMBER,   [JSON_TRUE] = JSON_TOKEN_WORD,
        [JSON_FALSE] = JSON_TOKEN_WORD,    [JSON_NULL] = JSON_TOKEN_WORD,
    };
    return KINDS[type];
}

static void check_value(const json_t *value, const struct json_node *node)
{
    assert(node && node->kind == kind_of(json_typeof(value)));
    if (json_is_string(value))
        assert(slice_equal(node->text, slice_of(json_string_value(value), json_string_length(value))));
    else if (node->kind == JSON_TOKEN_WORD)
        assert(slice_is(node->text, word_of(json_typeof(value))));
    else if (node->kind == JSON_TOKEN_NUMBER)
        assert(json_token_is_integer(node->text) || !json_is_integer(value) ||
               json_integer_value(value) == 0); /* 0 stands in for what is out of range */
}

/* Every member of the tree's objects outside of arrays, down to the leaves: JSON_MAX_DEPTH deep at most. */
static void check_members(json_t *value, const struct json_node *node)
{
    check_value(value, node);
    for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
        check_members(json_object_iter_value(at), json_index_get(node, json_object_iter_key(at)));
    for (const struct json_node *at = node + node->last; at != node; at = at->before ? at - at->before : node)
        assert(json_object_getn(value, at->name.ptr, at->name.len));
}

/* The memory is that of the texts before. */
static void check_index(struct slice text, json_t *tree)
{
    static struct json_index index;
    enum rc rc = json_index_read(&index, text, NULL);
    assert(rc == (tree ? RC_OK : RC_INVALID_JSON));
    assert((json_index_root(&index) != NULL) == (tree != NULL));
    assert(index.texts.len <= text.len);
    if (tree)
        check_members(tree, json_index_root(&index));
}

static json_t *must_parse(struct slice text)
{
    json_t *tree = NULL;
    enum rc rc = json_parse(text, &tree, NULL);
    assert(rc == RC_OK && tree);
    return tree;
}

/* Stand-ins are the same for the same tokens, and every text keeps the tokens that need them. */
static void check_same_tree(struct slice text, const json_t *tree)
{
    json_t *again = must_parse(text);
    assert(json_equal(tree, again));
    json_decref(again);
}

static void check_compact(struct slice text, const json_t *tree)
{
    CLEANUP(buf_cleanup) struct buf once = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf twice = BUF_INIT;
    json_compact(text, &once);
    assert(once.len <= text.len);
    check_same_tree(buf_slice(&once), tree);
    json_compact(buf_slice(&once), &twice);
    assert(slice_equal(buf_slice(&once), buf_slice(&twice)));
}

static void check_pretty(struct slice text, const json_t *tree)
{
    CLEANUP(buf_cleanup) struct buf once = BUF_INIT_LIMIT(MAX_PRETTY);
    CLEANUP(buf_cleanup) struct buf twice = BUF_INIT_LIMIT(MAX_PRETTY);
    json_pretty(text, &once);
    if (buf_failed(&once))
        return;
    for (size_t i = 0; i < once.len; i++)
        assert(once.ptr[i] == '\n' || (once.ptr[i] >= 0x20 && once.ptr[i] < 0x7F));
    check_same_tree(buf_slice(&once), tree);
    json_pretty(buf_slice(&once), &twice);
    assert(slice_equal(buf_slice(&once), buf_slice(&twice)));
}

static void check_quote(struct slice text)
{
    CLEANUP(buf_cleanup) struct buf quoted = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf again = BUF_INIT;
    json_quote(text, &quoted);
    json_t *tree = must_parse(buf_slice(&quoted));
    assert(json_is_string(tree));
    json_quote(slice_of(json_string_value(tree), json_string_length(tree)), &again);
    assert(slice_equal(buf_slice(&quoted), buf_slice(&again)));
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    json_t *tree = NULL;
    struct err err = {""};
    if (size > MAX_INPUT)
        return 0;
    check_quote(text);
    enum rc rc = json_parse(text, &tree, &err);
    if (rc != RC_OK) {
        /* RC_NO_MEMORY would mean that Jansson refuses a text in which json_fault_find() sees no fault. */
        assert(rc == RC_INVALID_JSON && !tree);
        assert(slice_starts(slice_str(err.message), "line "));
        assert(json_check_object(text, NULL) == RC_INVALID_JSON);
        check_index(text, NULL);
        return 0;
    }
    assert(json_check_object(text, NULL) == (json_is_object(tree) ? RC_OK : RC_NOT_AN_OBJECT));
    check_index(text, tree);
    check_payload(text, tree);
    check_compact(text, tree);
    check_pretty(text, tree);
    json_decref(tree);
    return 0;
}
