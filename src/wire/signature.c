#include "wire/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/base64.h"

#define MAC_LEN         32
#define MAC_TEXT_LEN    44
#define ED25519_LEN     32
#define ED25519_SIG_LEN 64
#define SECRET_MAX      512
#define KEYS_MAX        (2 * SIGNATURE_MAX_SECRETS)

/* One of the two is set. */
struct key {
    EVP_MAC_CTX *mac; /* keyed once; EVP_MAC_init() without a key starts it anew */
    EVP_PKEY *ed25519;
};

struct keyring {
    EVP_MAC *hmac;
    EVP_MD_CTX *verifier;
    struct buf signed_text; /* Ed25519 wants its input in one piece; kept from call to call */
    bool has_ed25519;
    size_t count;
    struct key keys[KEYS_MAX];
};

/* The entries of one header that can be checked, without their version. */
struct entries {
    bool more; /* than are looked at */
    struct slice hmac[SIGNATURE_MAX_ENTRIES];
    struct slice ed25519[SIGNATURE_MAX_ENTRIES];
    size_t hmac_count;
    size_t ed25519_count;
};

#define SCHEME_NAME_ROW(name, text, help) [name] = text,
static const char *const SCHEME_NAMES[SCHEME_COUNT] = {SIGNATURE_SCHEMES(SCHEME_NAME_ROW)};
#undef SCHEME_NAME_ROW

const char *scheme_name(enum scheme scheme)
{
    return (unsigned)scheme < SCHEME_COUNT ? SCHEME_NAMES[scheme] : "unknown";
}

static enum rc crypto_failed(struct err *err)
{
    return err_set(err, RC_INTERNAL, "the crypto library failed to make or use a key");
}

/* A secret's decoded bytes do not stay in freed memory. */
static void wipe(struct buf *bytes)
{
    if (bytes->ptr)
        OPENSSL_cleanse(bytes->ptr, bytes->capacity);
    buf_cleanup(bytes);
}

static bool is_asymmetric(struct slice secret)
{
    return slice_starts(secret, "whpk_") || slice_starts(secret, "whsk_");
}

/* ---- keys from secrets ------------------------------------------------------------------------------------
 */

static enum rc mac_new(EVP_MAC *hmac, struct slice bytes, EVP_MAC_CTX **ret, struct err *err)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    if (!mac || EVP_MAC_init(mac, (const unsigned char *)bytes.ptr, bytes.len, params) != 1) {
        EVP_MAC_CTX_free(mac);
        return crypto_failed(err);
    }
    *ret = mac;
    return RC_OK;
}

/*
 * whpk_ is a public key; whsk_ a private one, 32 bytes of seed, or 64 with the public key after it. NULL when
 * it is neither.
 */
static EVP_PKEY *ed25519_new(struct slice secret)
{
    struct slice text = slice_skip(secret, strlen("whpk_"));
    unsigned char bytes[2 * ED25519_LEN];
    unsigned char public_bytes[ED25519_LEN];
    size_t public_len = sizeof public_bytes;
    EVP_PKEY *key = NULL;
    if (slice_starts(secret, "whpk_")) {
        if (base64_decode_exact(text, bytes, ED25519_LEN))
            key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, ED25519_LEN);
    } else if (base64_decode_exact(text, bytes, ED25519_LEN)) {
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, ED25519_LEN);
    } else if (base64_decode_exact(text, bytes, sizeof bytes)) {
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, ED25519_LEN);
        if (key && (EVP_PKEY_get_raw_public_key(key, public_bytes, &public_len) != 1 ||
                    CRYPTO_memcmp(public_bytes, bytes + ED25519_LEN, ED25519_LEN) != 0)) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return key;
}

/* position 0: there is only one. */
static enum rc refuse(size_t position, const char *why, struct err *err)
{
    if (position == 0)
        return err_set(err, RC_USAGE, "the secret %s", why);
    return err_set(err, RC_USAGE, "secret %zu %s", position, why);
}

static enum rc judge_secret(enum scheme scheme, struct slice secret, size_t position, struct err *err)
{
    if (secret.len == 0)
        return refuse(position, "is empty", err);
    if (secret.len > SECRET_MAX)
        return refuse(position, "is longer than 512 bytes", err);
    /* Anyone may know a public key: as an HMAC key it would let anyone sign. */
    if (scheme == SCHEME_COMPOSIO && is_asymmetric(secret))
        return refuse(position, "is an Ed25519 key (whpk_, whsk_), which the scheme composio does not have",
                      err);
    return RC_OK;
}

/* The HMAC key of Standard Webhooks; false when the text is none. */
static bool standard_bytes(struct slice secret, struct buf *bytes)
{
    struct slice text = slice_starts(secret, "whsec_") ? slice_skip(secret, strlen("whsec_")) : secret;
    return text.len > 0 && base64_decode(text, bytes);
}

static enum rc add_mac(struct keyring *keyring, struct slice bytes, struct err *err)
{
    enum rc rc = mac_new(keyring->hmac, bytes, &keyring->keys[keyring->count].mac, err);
    if (rc == RC_OK)
        keyring->count++;
    return rc;
}

static enum rc add_ed25519(struct keyring *keyring, struct slice secret, size_t position, struct err *err)
{
    EVP_PKEY *key = ed25519_new(secret);
    if (!key)
        return refuse(position, "is not base64 of an Ed25519 key after its prefix", err);
    keyring->keys[keyring->count++].ed25519 = key;
    keyring->has_ed25519 = true;
    return RC_OK;
}

static enum rc add_secret(struct keyring *keyring, enum scheme scheme, struct slice secret, size_t position,
                          struct err *err)
{
    enum rc rc = judge_secret(scheme, secret, position, err);
    if (rc != RC_OK)
        return rc;
    if (is_asymmetric(secret))
        return add_ed25519(keyring, secret, position, err);
    if (scheme != SCHEME_STANDARD)
        rc = add_mac(keyring, secret, err);
    /* In auto only the prefix says that a secret may be base64: many plain secrets happen to be. */
    if (rc != RC_OK || scheme == SCHEME_COMPOSIO ||
        (scheme == SCHEME_AUTO && !slice_starts(secret, "whsec_")))
        return rc;
    CLEANUP(wipe) struct buf bytes = BUF_INIT;
    if (standard_bytes(secret, &bytes))
        return add_mac(keyring, buf_slice(&bytes), err);
    return scheme == SCHEME_STANDARD ? refuse(position, "is not base64, as the scheme standard needs it", err)
                                     : RC_OK;
}

static enum rc add_secrets(struct keyring *keyring, enum scheme scheme, const char *const *secrets,
                           size_t count, struct err *err)
{
    keyring->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    keyring->verifier = EVP_MD_CTX_new();
    if (!keyring->hmac || !keyring->verifier)
        return crypto_failed(err);
    for (size_t i = 0; i < count; i++) {
        enum rc rc = add_secret(keyring, scheme, slice_str(secrets[i]), count == 1 ? 0 : i + 1, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc keyring_new(enum scheme scheme, const char *const *secrets, size_t count, struct keyring **ret,
                    struct err *err)
{
    if (count > SIGNATURE_MAX_SECRETS)
        return err_set(err, RC_USAGE, "%zu secrets are set; at most %d are allowed", count,
                       SIGNATURE_MAX_SECRETS);
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (!keyring)
        return err_set(err, RC_NO_MEMORY, "memory ran out");
    enum rc rc =
        scheme == SCHEME_NONE || count == 0 ? RC_OK : add_secrets(keyring, scheme, secrets, count, err);
    if (rc != RC_OK) {
        keyring_free(keyring);
        return rc;
    }
    *ret = keyring;
    return RC_OK;
}

void keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return;
    for (size_t i = 0; i < keyring->count; i++) {
        EVP_MAC_CTX_free(keyring->keys[i].mac);
        EVP_PKEY_free(keyring->keys[i].ed25519);
    }
    EVP_MAC_free(keyring->hmac);
    EVP_MD_CTX_free(keyring->verifier);
    buf_cleanup(&keyring->signed_text);
    free(keyring);
}

bool keyring_checks(const struct keyring *keyring)
{
    return keyring->count > 0;
}

/* ---- checking ---------------------------------------------------------------------------------------------
 */

static enum rc check_present(const struct signature_input *input, struct err *err)
{
    const struct {
        const char *name;
        struct slice value;
    } needed[] = {{"webhook-id", input->id},
                  {"webhook-timestamp", input->timestamp},
                  {"webhook-signature", input->signature}};
    CLEANUP(buf_cleanup) struct buf missing = BUF_INIT_LIMIT(64);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (needed[i].value.len == 0)
            buf_addf(&missing, "%s%s", missing.len ? ", " : "", needed[i].name);
    if (missing.len == 0 && !buf_failed(&missing))
        return RC_OK;
    return err_set(err, RC_SIGNATURE_MISSING, "a secret is set and the request lacks %s", buf_str(&missing));
}

#define SECONDS_DIGITS 18 /* no overflow in 64 bits */

/* Unix seconds, digits only. */
static bool parse_seconds(struct slice text, int64_t *ret)
{
    if (text.len == 0 || text.len > SECONDS_DIGITS)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *ret = value;
    return true;
}

#define DISTANCE_MAX_S (INT64_MAX / USEC_PER_SEC)

static enum rc check_timestamp(struct slice text, usec now, usec tolerance, struct err *err)
{
    int64_t seconds;
    if (tolerance <= 0)
        return RC_OK;
    if (!parse_seconds(text, &seconds))
        return err_set(err, RC_TIMESTAMP_OUT_OF_RANGE, "webhook-timestamp is not a number of Unix seconds");
    /* The sender cut its time to whole seconds; so is ours, or a webhook would age faster than its clock
     * says. */
    int64_t age_s = now / USEC_PER_SEC - seconds;
    int64_t distance_s = age_s < 0 ? -age_s : age_s;
    usec distance = distance_s < DISTANCE_MAX_S ? distance_s * USEC_PER_SEC : INT64_MAX;
    if (distance <= tolerance)
        return RC_OK;
    char distance_text[CLOCK_DURATION_SIZE];
    char tolerance_text[CLOCK_DURATION_SIZE];
    clock_format_duration(distance, distance_text);
    clock_format_duration(tolerance, tolerance_text);
    return err_set(err, RC_TIMESTAMP_OUT_OF_RANGE, "webhook-timestamp is %s in the %s; %s is allowed",
                   distance_text, age_s < 0 ? "future" : "past", tolerance_text);
}

static void read_entries(struct slice header, struct entries *ret)
{
    ret->hmac_count = 0;
    ret->ed25519_count = 0;
    ret->more = false;
    while (header.len > 0 && !ret->more) {
        struct slice entry = slice_split(&header, ' ');
        bool is_hmac = slice_starts(entry, "v1,");
        if (!is_hmac && !slice_starts(entry, "v1a,"))
            continue;
        if (ret->hmac_count + ret->ed25519_count == SIGNATURE_MAX_ENTRIES)
            ret->more = true;
        else if (is_hmac)
            ret->hmac[ret->hmac_count++] = slice_skip(entry, 3);
        else
            ret->ed25519[ret->ed25519_count++] = slice_skip(entry, 4);
    }
}

/* Writes the MAC as base64 with a zero after it. */
static bool mac_text(EVP_MAC_CTX *mac, const struct signature_input *input,
                     unsigned char ret_text[MAC_TEXT_LEN + 1])
{
    const unsigned char *dot = (const unsigned char *)".";
    unsigned char bytes[MAC_LEN];
    size_t len = 0;
    if (EVP_MAC_init(mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(mac, (const unsigned char *)input->id.ptr, input->id.len) != 1 ||
        EVP_MAC_update(mac, dot, 1) != 1 ||
        EVP_MAC_update(mac, (const unsigned char *)input->timestamp.ptr, input->timestamp.len) != 1 ||
        EVP_MAC_update(mac, dot, 1) != 1 ||
        EVP_MAC_update(mac, (const unsigned char *)input->body.ptr, input->body.len) != 1 ||
        EVP_MAC_final(mac, bytes, &len, sizeof bytes) != 1 || len != sizeof bytes)
        return false;
    EVP_EncodeBlock(ret_text, bytes, MAC_LEN);
    return true;
}

static enum rc try_mac(EVP_MAC_CTX *mac, const struct entries *entries, const struct signature_input *input,
                       bool *ret_match, struct err *err)
{
    unsigned char right[MAC_TEXT_LEN + 1];
    if (entries->hmac_count == 0)
        return RC_OK;
    if (!mac_text(mac, input, right))
        return crypto_failed(err);
    for (size_t i = 0; i < entries->hmac_count; i++) {
        struct slice entry = entries->hmac[i];
        *ret_match |= entry.len == MAC_TEXT_LEN && CRYPTO_memcmp(entry.ptr, right, MAC_TEXT_LEN) == 0;
    }
    return RC_OK;
}

static bool build_signed_text(const struct signature_input *input, struct buf *text)
{
    buf_clear(text);
    buf_add_slice(text, input->id);
    buf_add_char(text, '.');
    buf_add_slice(text, input->timestamp);
    buf_add_char(text, '.');
    buf_add_slice(text, input->body);
    return !buf_failed(text);
}

static enum rc try_ed25519(struct keyring *keyring, EVP_PKEY *key, const struct entries *entries,
                           bool *ret_match, struct err *err)
{
    struct slice text = buf_slice(&keyring->signed_text);
    for (size_t i = 0; i < entries->ed25519_count && !*ret_match; i++) {
        unsigned char signature[ED25519_SIG_LEN];
        if (!base64_decode_exact(entries->ed25519[i], signature, sizeof signature))
            continue;
        EVP_MD_CTX_reset(keyring->verifier);
        if (EVP_DigestVerifyInit(keyring->verifier, NULL, NULL, NULL, key) != 1)
            return crypto_failed(err);
        *ret_match = EVP_DigestVerify(keyring->verifier, signature, sizeof signature,
                                      (const unsigned char *)text.ptr, text.len) == 1;
    }
    return RC_OK;
}

static enum rc try_keys(struct keyring *keyring, const struct entries *entries,
                        const struct signature_input *input, bool *ret_match, struct err *err)
{
    if (keyring->has_ed25519 && entries->ed25519_count > 0 &&
        !build_signed_text(input, &keyring->signed_text))
        return err_set(err, RC_NO_MEMORY, "memory ran out");
    for (size_t i = 0; i < keyring->count && !*ret_match; i++) {
        const struct key *key = &keyring->keys[i];
        enum rc rc = key->mac ? try_mac(key->mac, entries, input, ret_match, err)
                              : try_ed25519(keyring, key->ed25519, entries, ret_match, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc signature_check(struct keyring *keyring, const struct signature_input *input, usec now,
                        usec tolerance, struct err *err)
{
    if (!keyring_checks(keyring))
        return RC_OK;
    enum rc rc = check_present(input, err);
    if (rc == RC_OK)
        rc = check_timestamp(input->timestamp, now, tolerance, err);
    if (rc != RC_OK)
        return rc;
    struct entries entries;
    bool match = false;
    read_entries(input->signature, &entries);
    rc = try_keys(keyring, &entries, input, &match, err);
    if (rc != RC_OK || match)
        return rc;
    if (entries.hmac_count + entries.ed25519_count == 0)
        return err_set(err, RC_SIGNATURE_INVALID,
                       "webhook-signature has no entry that starts with v1, or v1a,");
    if (entries.more)
        return err_set(err, RC_SIGNATURE_INVALID,
                       "none of the first %d entries of webhook-signature matches any secret, and no more "
                       "are looked at",
                       SIGNATURE_MAX_ENTRIES);
    return err_set(err, RC_SIGNATURE_INVALID, "no entry of webhook-signature matches any secret");
}

/* ---- making -----------------------------------------------------------------------------------------------
 */

static enum rc make_ed25519(const char *secret, const struct signature_input *input, struct buf *out,
                            struct err *err)
{
    if (slice_starts(slice_str(secret), "whpk_"))
        return refuse(1, "is a public key, which cannot sign", err);
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    unsigned char signature[ED25519_SIG_LEN];
    size_t len = sizeof signature;
    EVP_PKEY *key = ed25519_new(slice_str(secret));
    if (!key)
        return refuse(1, "is not base64 of an Ed25519 key after its prefix", err);
    EVP_MD_CTX *signer = EVP_MD_CTX_new();
    bool good = signer && build_signed_text(input, &text) &&
                EVP_DigestSignInit(signer, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(signer, signature, &len, (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(signer);
    EVP_PKEY_free(key);
    if (!good)
        return crypto_failed(err);
    buf_add_str(out, "v1a,");
    base64_encode(slice_of(signature, len), out);
    return RC_OK;
}

static enum rc sign_with_mac(EVP_MAC_CTX *mac, const struct signature_input *input, struct buf *out,
                             struct err *err)
{
    unsigned char text[MAC_TEXT_LEN + 1];
    if (!mac_text(mac, input, text))
        return crypto_failed(err);
    buf_add_str(out, "v1,");
    buf_add(out, text, MAC_TEXT_LEN);
    return RC_OK;
}

enum rc keyring_sign(struct keyring *keyring, const struct signature_input *input, struct buf *out,
                     struct err *err)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->keys[i].mac)
            return sign_with_mac(keyring->keys[i].mac, input, out, err);
    return err_set(err, RC_USAGE, "no secret that is set can sign: public keys (whpk_) only check");
}

enum rc signature_make(enum scheme scheme, const char *secret, struct slice id, struct slice timestamp,
                       struct slice body, struct buf *out, struct err *err)
{
    const struct signature_input input = {.id = id, .timestamp = timestamp, .body = body};
    if (scheme == SCHEME_NONE)
        return err_set(err, RC_USAGE, "the scheme none does not sign");
    if (scheme == SCHEME_AUTO && !is_asymmetric(slice_str(secret)))
        scheme = SCHEME_COMPOSIO;
    enum rc rc = judge_secret(scheme, slice_str(secret), 1, err);
    if (rc != RC_OK)
        return rc;
    if (is_asymmetric(slice_str(secret)))
        return make_ed25519(secret, &input, out, err);
    struct keyring *keyring = NULL;
    rc = keyring_new(scheme, &secret, 1, &keyring, err);
    if (rc != RC_OK)
        return rc;
    rc = keyring_sign(keyring, &input, out, err);
    keyring_free(keyring);
    return rc;
}
