#include "wire/dedupe_key.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/cleanup.h"
#include "wire/base64.h"

#define HASH_PREFIX     "sha256:"
#define HASH_PREFIX_LEN (sizeof HASH_PREFIX - 1)

/* Fetched once, for the life of the process; the contexts go with their threads. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static pthread_key_t at_thread_exit;
static bool have_at_thread_exit;

static _Thread_local EVP_MD_CTX *thread_context;

static void free_context(void *context)
{
    thread_context = NULL;
    EVP_MD_CTX_free(context);
}

static void prepare(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    have_at_thread_exit = pthread_key_create(&at_thread_exit, free_context) == 0;
}

static EVP_MD_CTX *context_get(void)
{
    if (thread_context)
        return thread_context;
    pthread_once(&once, prepare);
    if (!sha256 || !have_at_thread_exit)
        return NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || pthread_setspecific(at_thread_exit, context) != 0) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    thread_context = context;
    return context;
}

/* SHA-256 over the parts, one after the other. */
static enum rc hash_parts(const struct slice *parts, size_t count,
                          unsigned char ret_hash[DEDUPE_KEY_HASH_LEN], struct err *err)
{
    EVP_MD_CTX *context = context_get();
    bool good = context && EVP_DigestInit_ex2(context, sha256, NULL) == 1;
    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, parts[i].ptr, parts[i].len) == 1;
    if (!good || EVP_DigestFinal_ex(context, ret_hash, NULL) != 1)
        return err_set(err, RC_INTERNAL, "SHA-256 failed in the crypto library");
    return RC_OK;
}

static uint64_t first_eight(const void *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool is_hash_text(struct slice text)
{
    if (text.len != HASH_PREFIX_LEN + 2 * DEDUPE_KEY_HASH_LEN || !slice_starts(text, HASH_PREFIX))
        return false;
    for (size_t i = HASH_PREFIX_LEN; i < text.len; i++)
        if (!((text.ptr[i] >= '0' && text.ptr[i] <= '9') || (text.ptr[i] >= 'a' && text.ptr[i] <= 'f')))
            return false;
    return true;
}

/* Only ids that print as they are, and as nothing else, are kept: what a user sees leads back to one key. */
static bool is_plain_id(struct slice id)
{
    if (id.len == 0 || id.len > DEDUPE_KEY_MAX || is_hash_text(id))
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < 0x20 || id.ptr[i] > 0x7E)
            return false;
    return true;
}

/* Stored keys come back through here, so the fingerprint depends on the stored parts alone. */
enum rc dedupe_key_of(bool hashed, struct slice bytes, struct dedupe_key *ret, struct err *err)
{
    if (hashed ? bytes.len != DEDUPE_KEY_HASH_LEN : bytes.len == 0 || bytes.len > DEDUPE_KEY_MAX)
        return err_set(err, RC_BAD_PARAMETER, "a %s of %zu bytes cannot be a dedupe key",
                       hashed ? "hash" : "webhook-id", bytes.len);
    unsigned char hash[DEDUPE_KEY_HASH_LEN];
    if (!hashed) {
        enum rc rc = hash_parts(&bytes, 1, hash, err);
        if (rc != RC_OK)
            return rc;
    }
    ret->hashed = hashed;
    ret->len = (uint16_t)bytes.len;
    memcpy(ret->bytes, bytes.ptr, bytes.len);
    ret->fingerprint = first_eight(hashed ? (const void *)ret->bytes : hash);
    return RC_OK;
}

enum rc dedupe_key_make(struct slice webhook_id, struct slice path, struct slice body, struct dedupe_key *ret,
                        struct err *err)
{
    if (is_plain_id(webhook_id))
        return dedupe_key_of(false, webhook_id, ret, err);
    /* A header value holds no zero byte, so the hash of an id never is the hash of a path and a body. */
    struct slice of_body[] = {path, slice_of("", 1), body};
    unsigned char hash[DEDUPE_KEY_HASH_LEN];
    enum rc rc = webhook_id.len ? hash_parts(&webhook_id, 1, hash, err) : hash_parts(of_body, 3, hash, err);
    if (rc != RC_OK)
        return rc;
    return dedupe_key_of(true, slice_of(hash, sizeof hash), ret, err);
}

void dedupe_key_format(bool hashed, struct slice bytes, struct buf *out)
{
    if (!hashed) {
        buf_add_slice(out, bytes);
        return;
    }
    buf_add_str(out, HASH_PREFIX);
    hex_encode(bytes, out);
}

enum rc dedupe_key_parse(struct slice text, struct dedupe_key *ret, struct err *err)
{
    if (is_plain_id(text))
        return dedupe_key_of(false, text, ret, err);
    if (!is_hash_text(text))
        return err_set(
            err, RC_BAD_PARAMETER,
            "an event id is 1 to %d printable ASCII characters, or sha256: and 64 lower-case hex digits",
            DEDUPE_KEY_MAX);
    CLEANUP(buf_cleanup) struct buf hash = BUF_INIT;
    if (!hex_decode(slice_skip(text, HASH_PREFIX_LEN), &hash))
        return err_set(err, RC_NO_MEMORY, "memory ran out");
    return dedupe_key_of(true, buf_slice(&hash), ret, err);
}
