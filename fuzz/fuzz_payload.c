/*
 * Any bytes as a webhook's body: they are refused with a sentence, or every text made from them holds what
 * they hold.
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

static void check_payload(const json_t *tree)
{
    struct payload payload;
    if (!json_is_object(tree))
        return;
    payload_read(tree, &payload);
    assert(json_is_object(payload.body));
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
        return 0;
    }
    assert(json_check_object(text, NULL) == (json_is_object(tree) ? RC_OK : RC_NOT_AN_OBJECT));
    check_payload(tree);
    check_compact(text, tree);
    check_pretty(text, tree);
    json_decref(tree);
    return 0;
}
