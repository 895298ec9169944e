/*
 * Three parts, the first two up to a line feed: webhook-id, path, body.
 *
 * The key must not depend on path and body when there is an id; it must survive storing and printing; and any
 * text that parses must print as itself.
 */
#include <assert.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/dedupe_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct dedupe_key *a, const struct dedupe_key *b)
{
    return a->hashed == b->hashed && a->fingerprint == b->fingerprint &&
           slice_equal(slice_of(a->bytes, a->len), slice_of(b->bytes, b->len));
}

static void check_stored_and_printed(const struct dedupe_key *key)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    struct dedupe_key again;
    struct err err;
    struct slice bytes = slice_of(key->bytes, key->len);
    enum rc rc = dedupe_key_of(key->hashed, bytes, &again, &err);
    assert(rc == RC_OK && same(key, &again));
    dedupe_key_format(key->hashed, bytes, &text);
    rc = dedupe_key_parse(buf_slice(&text), &again, &err);
    assert(rc == RC_OK && same(key, &again));
}

static void check_parse(struct slice text)
{
    CLEANUP(buf_cleanup) struct buf printed = BUF_INIT;
    struct dedupe_key key;
    struct err err;
    enum rc rc = dedupe_key_parse(text, &key, &err);
    assert(rc == RC_OK || rc == RC_BAD_PARAMETER);
    if (rc != RC_OK)
        return;
    dedupe_key_format(key.hashed, slice_of(key.bytes, key.len), &printed);
    assert(slice_equal(buf_slice(&printed), text));
}

static size_t strlen_of(struct slice text)
{
    return text.len ? strnlen(text.ptr, text.len) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct slice id = slice_split(&rest, '\n');
    struct slice path = slice_split(&rest, '\n');
    struct dedupe_key key;
    struct dedupe_key other;
    struct err err;
    enum rc rc = dedupe_key_make(id, path, rest, &key, &err);
    assert(rc == RC_OK);
    rc = dedupe_key_make(id, rest, path, &other, &err);
    assert(rc == RC_OK);
    /* The zero byte between path and body parts them only because no path holds one. */
    if (id.len > 0 || (strlen_of(path) == path.len && strlen_of(rest) == rest.len))
        assert(same(&key, &other) == (id.len > 0 || slice_equal(path, rest)));
    check_stored_and_printed(&key);
    check_parse(id);
    check_parse(slice_of(data, size));
    return 0;
}
