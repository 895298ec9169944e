/*
 * signature_explain() of signature.h: a search. What could have been signed (layouts of the signed text,
 * forms of the body) and with what (forms of each secret) are three tables; a row without a sentence is what
 * ought to be. All combinations that are wrong in at most two places are tried, those with fewer first.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/signature.h"

#define MAC_LEN      32
#define MAC_TEXT_LEN 44
#define LEVELS       3 /* mistakes at once: 0, 1, 2 */

/* ---- forms of a secret ------------------------------------------------------------------------------------
 */

static struct slice without_quotes(struct slice text)
{
    static const char AROUND[] = " \t\r\n\"'";
    while (text.len > 0 && memchr(AROUND, text.ptr[0], sizeof AROUND - 1))
        text = slice_skip(text, 1);
    while (text.len > 0 && memchr(AROUND, text.ptr[text.len - 1], sizeof AROUND - 1))
        text.len--;
    return text;
}

static struct slice after_prefix(struct slice secret)
{
    return slice_starts(secret, "whsec_") ? slice_skip(secret, strlen("whsec_")) : secret;
}

/* Base64 of either alphabet, padded or not. */
static bool decode_loosely(struct slice text, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf strict = BUF_INIT;
    while (slice_ends(text, "="))
        text.len--;
    for (size_t i = 0; i < text.len; i++)
        buf_add_char(&strict, text.ptr[i] == '-' ? '+' : text.ptr[i] == '_' ? '/' : text.ptr[i]);
    buf_add_fill(&strict, '=', (4 - text.len % 4) % 4);
    bool good = text.len > 0 && base64_decode(buf_slice(&strict), out);
    if (strict.ptr)
        OPENSSL_cleanse(strict.ptr, strict.capacity);
    return good;
}

static bool key_raw(struct slice secret, struct buf *key)
{
    buf_add_slice(key, secret);
    return true;
}

static bool key_standard(struct slice secret, struct buf *key)
{
    return base64_decode(after_prefix(secret), key) && key->len > 0;
}

static bool key_trimmed_raw(struct slice secret, struct buf *key)
{
    struct slice trimmed = without_quotes(secret);
    buf_add_slice(key, trimmed);
    return trimmed.len > 0 && trimmed.len < secret.len;
}

static bool key_trimmed_standard(struct slice secret, struct buf *key)
{
    struct slice trimmed = without_quotes(secret);
    return trimmed.len < secret.len && decode_loosely(after_prefix(trimmed), key);
}

static bool key_without_prefix(struct slice secret, struct buf *key)
{
    buf_add_slice(key, after_prefix(without_quotes(secret)));
    return key->len > 0 && slice_starts(without_quotes(secret), "whsec_");
}

static bool key_with_prefix(struct slice secret, struct buf *key)
{
    buf_add_str(key, "whsec_");
    buf_add_slice(key, without_quotes(secret));
    return !slice_starts(without_quotes(secret), "whsec_");
}

static bool key_loose(struct slice secret, struct buf *key)
{
    return !base64_decode(after_prefix(secret), key) &&
           decode_loosely(after_prefix(without_quotes(secret)), key);
}

static bool key_hex(struct slice secret, struct buf *key)
{
    return hex_decode(after_prefix(without_quotes(secret)), key) && key->len > 0;
}

struct key_form {
    bool (*make)(struct slice secret, struct buf *key); /* false: this secret has no such form */
    const char *sentence;                               /* after "secret N " */
};

enum { FORM_RAW, FORM_STANDARD };

static const struct key_form KEY_FORMS[] = {
    [FORM_RAW] = {key_raw, "matches when it is used as it is, prefix included: set the scheme to composio"},
    [FORM_STANDARD] = {key_standard, "matches when it is decoded from base64: set the scheme to standard"},
    {key_trimmed_raw,
     "has white space or quotes around it that do not belong to it; without them it matches"},
    {key_trimmed_standard,
     "has white space or quotes around it that do not belong to it; without them it matches"},
    {key_without_prefix, "matches without its whsec_ prefix: the sender's secret has none"},
    {key_with_prefix, "matches with whsec_ in front: give the whole secret"},
    {key_loose,
     "is base64 of the URL alphabet or without its padding; written as standard base64 it matches"},
    {key_hex, "matches when it is decoded from hexadecimal: give it as whsec_ and base64 of those bytes"},
};
#define KEY_FORM_COUNT (sizeof KEY_FORMS / sizeof KEY_FORMS[0])

/* ---- forms of the body ------------------------------------------------------------------------------------
 */

static bool body_as_it_is(struct slice body, struct buf *out)
{
    buf_add_slice(out, body);
    return true;
}

static bool body_newline(struct slice body, struct buf *out)
{
    buf_add_slice(out, body);
    buf_add_char(out, '\n');
    return true;
}

static bool body_crlf(struct slice body, struct buf *out)
{
    buf_add_slice(out, body);
    buf_add_str(out, "\r\n");
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool body_without_newline(struct slice body, struct buf *out)
{
    if (!slice_ends(body, "\n"))
        return false;
    body.len -= slice_ends(body, "\r\n") ? 2 : 1;
    buf_add_slice(out, body);
    return true;
}

static bool body_trimmed(struct slice body, struct buf *out)
{
    size_t before = body.len;
    while (body.len > 0 && is_space(body.ptr[0]))
        body = slice_skip(body, 1);
    while (body.len > 0 && is_space(body.ptr[body.len - 1]))
        body.len--;
    buf_add_slice(out, body);
    return body.len < before;
}

static bool body_lf(struct slice body, struct buf *out)
{
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] != '\r' || i + 1 == body.len || body.ptr[i + 1] != '\n')
            buf_add_char(out, body.ptr[i]);
    return out->len < body.len;
}

static bool body_lines_crlf(struct slice body, struct buf *out)
{
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '\n' && (i == 0 || body.ptr[i - 1] != '\r'))
            buf_add_char(out, '\r');
        buf_add_char(out, body.ptr[i]);
    }
    return out->len > body.len;
}

static bool body_without_bom(struct slice body, struct buf *out)
{
    buf_add_slice(out, slice_skip(body, 3));
    return slice_starts(body, "\xEF\xBB\xBF");
}

static bool body_empty(struct slice body, struct buf *out)
{
    (void)out;
    return body.len > 0;
}

static bool body_compact(struct slice body, struct buf *out)
{
    json_t *tree;
    if (json_parse(body, &tree, NULL) != RC_OK)
        return false;
    json_compact(body, out);
    json_decref(tree);
    return true;
}

static bool body_pretty(struct slice body, struct buf *out)
{
    json_t *tree;
    if (json_parse(body, &tree, NULL) != RC_OK)
        return false;
    json_pretty(body, out);
    json_decref(tree);
    return true;
}

/* As JSON libraries write a tree they have read; numbers only about as they do. */
static bool body_dumped(struct slice body, size_t flags, struct buf *out)
{
    json_t *tree;
    if (json_parse(body, &tree, NULL) != RC_OK)
        return false;
    char *text = json_dumps(tree, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(tree);
    if (!text)
        return false;
    buf_add_str(out, text);
    free(text);
    return true;
}

static bool body_dumped_compact(struct slice body, struct buf *out)
{
    return body_dumped(body, JSON_COMPACT, out);
}

static bool body_dumped_compact_ascii(struct slice body, struct buf *out)
{
    return body_dumped(body, JSON_COMPACT | JSON_ENSURE_ASCII, out);
}

static bool body_dumped_spaced(struct slice body, struct buf *out)
{
    return body_dumped(body, 0, out);
}

static bool body_dumped_spaced_ascii(struct slice body, struct buf *out)
{
    return body_dumped(body, JSON_ENSURE_ASCII, out);
}

static bool body_dumped_indented(struct slice body, struct buf *out)
{
    return body_dumped(body, JSON_INDENT(2), out);
}

static bool body_dumped_sorted(struct slice body, struct buf *out)
{
    return body_dumped(body, JSON_COMPACT | JSON_SORT_KEYS, out);
}

struct body_form {
    bool (*make)(struct slice body,
                 struct buf *out); /* false: this body has no such form, or it is the same */
    const char *sentence;
};

#define RAW_BYTES "; check the raw bytes as they came"

static const struct body_form BODY_FORMS[] = {
    {body_as_it_is, NULL},
    {body_without_newline, "the body has a newline at its end that was not signed" RAW_BYTES},
    {body_newline, "the body lacks a newline at its end that was signed" RAW_BYTES},
    {body_crlf, "the body lacks a line break (CR LF) at its end that was signed" RAW_BYTES},
    {body_trimmed, "the body has white space around it that was not signed" RAW_BYTES},
    {body_lf, "the body has CR LF line breaks where LF was signed" RAW_BYTES},
    {body_lines_crlf, "the body has LF line breaks where CR LF was signed" RAW_BYTES},
    {body_without_bom, "the body has a byte order mark that was not signed" RAW_BYTES},
    {body_compact, "the body was re-encoded: it was signed without white space between its parts" RAW_BYTES},
    {body_dumped_compact,
     "the body was re-encoded: it was signed without white space, and with fewer escapes" RAW_BYTES},
    {body_dumped_compact_ascii,
     "the body was re-encoded: it was signed without white space, non-ASCII as \\u escapes" RAW_BYTES},
    {body_dumped_spaced,
     "the body was re-encoded: it was signed on one line with spaces after , and :" RAW_BYTES},
    {body_dumped_spaced_ascii, "the body was re-encoded: it was signed on one line with spaces after , and "
                               ":, non-ASCII as \\u escapes" RAW_BYTES},
    {body_pretty,
     "the body was re-encoded: it was signed with an indentation of two, non-ASCII as \\u escapes" RAW_BYTES},
    {body_dumped_indented, "the body was re-encoded: it was signed with an indentation of two" RAW_BYTES},
    {body_dumped_sorted,
     "the body was re-encoded: it was signed without white space and with sorted names" RAW_BYTES},
    {body_empty,
     "the signature is one of an empty body: the sender signed before it had the body, or the body was lost"},
};
#define BODY_FORM_COUNT (sizeof BODY_FORMS / sizeof BODY_FORMS[0])

/* ---- what is searched through -----------------------------------------------------------------------------
 */

struct layout {
    const char *sentence;
    struct slice id; /* absent: left out, with its dot */
    struct slice timestamp;
};
#define LAYOUTS_MAX 6

struct candidate {
    size_t position;      /* of the secret, from 1 */
    const char *sentence; /* NULL: the scheme uses the secret so */
    struct buf bytes;
    struct keyring *ed25519; /* instead of bytes */
};
#define CANDIDATES_MAX (SIGNATURE_MAX_SECRETS * KEY_FORM_COUNT)

struct search {
    const struct signature_input *input;
    struct candidate candidates[CANDIDATES_MAX];
    size_t candidate_count;
    struct layout layouts[LAYOUTS_MAX];
    size_t layout_count;
    char seconds[24]; /* the timestamp as it should have been */
    struct buf body_id;
    unsigned char claims[SIGNATURE_MAX_ENTRIES][MAC_LEN]; /* what the header holds, in whatever form */
    size_t claim_count;
    bool has_v1a;
    struct buf *out;
    size_t out_start;
};

static void search_cleanup(struct search *search)
{
    for (size_t i = 0; i < search->candidate_count; i++) {
        struct candidate *candidate = &search->candidates[i];
        if (candidate->bytes.ptr)
            OPENSSL_cleanse(candidate->bytes.ptr, candidate->bytes.capacity);
        buf_cleanup(&candidate->bytes);
        keyring_free(candidate->ed25519);
    }
    buf_cleanup(&search->body_id);
}

static void free_search(struct search **search)
{
    if (*search)
        search_cleanup(*search);
    free(*search);
}

static void say(struct search *search, const char *sentence)
{
    buf_add_str(search->out, sentence);
    buf_add_char(search->out, '\n');
}

static bool said_something(const struct search *search)
{
    return search->out->len > search->out_start;
}

/* ---- candidates: keys -------------------------------------------------------------------------------------
 */

static bool is_asymmetric(struct slice secret)
{
    return slice_starts(secret, "whpk_") || slice_starts(secret, "whsk_");
}

static bool is_expected(enum scheme scheme, size_t form, struct slice secret)
{
    if (form == FORM_RAW)
        return scheme != SCHEME_STANDARD;
    return form == FORM_STANDARD &&
           (scheme == SCHEME_STANDARD || (scheme != SCHEME_COMPOSIO && slice_starts(secret, "whsec_")));
}

static void add_ed25519(struct search *search, const char *secret, size_t position)
{
    struct candidate *candidate = &search->candidates[search->candidate_count];
    *candidate = (struct candidate){.position = position, .bytes = BUF_INIT};
    if (keyring_new(SCHEME_STANDARD, &secret, 1, &candidate->ed25519, NULL) == RC_OK)
        search->candidate_count++;
}

static void add_hmac_forms(struct search *search, enum scheme scheme, struct slice secret, size_t position)
{
    for (size_t form = 0; form < KEY_FORM_COUNT; form++) {
        struct candidate *candidate = &search->candidates[search->candidate_count];
        *candidate = (struct candidate){.position = position, .bytes = BUF_INIT};
        candidate->sentence = is_expected(scheme, form, secret) ? NULL : KEY_FORMS[form].sentence;
        if (KEY_FORMS[form].make(secret, &candidate->bytes) && !buf_failed(&candidate->bytes))
            search->candidate_count++;
        else
            buf_cleanup(&candidate->bytes);
    }
}

/* Also says of each secret why it cannot be a key. */
static void add_secrets(struct search *search, enum scheme scheme, const char *const *secrets, size_t count)
{
    struct keyring *keyring;
    struct err err;
    if (keyring_new(scheme, secrets, count, &keyring, &err) == RC_OK)
        keyring_free(keyring);
    else
        say(search, err.message);
    for (size_t i = 0; i < count && i < SIGNATURE_MAX_SECRETS; i++) {
        struct slice secret = slice_str(secrets[i]);
        if (is_asymmetric(secret))
            add_ed25519(search, secrets[i], i + 1);
        else if (secret.len > 0)
            add_hmac_forms(search, scheme, secret, i + 1);
    }
}

/* ---- candidates: layouts ----------------------------------------------------------------------------------
 */

static void add_layout(struct search *search, const char *sentence, struct slice id, struct slice timestamp)
{
    search->layouts[search->layout_count++] = (struct layout){sentence, id, timestamp};
}

static void read_body_id(struct search *search)
{
    json_t *tree;
    if (json_parse(search->input->body, &tree, NULL) != RC_OK)
        return;
    buf_add_slice(&search->body_id, json_get_slice(tree, "id"));
    json_decref(tree);
}

static void add_layouts(struct search *search)
{
    const struct signature_input *input = search->input;
    add_layout(search, NULL, input->id, input->timestamp);
    if (search->seconds[0])
        add_layout(search, "the signed text has the time in Unix seconds; webhook-timestamp has another form",
                   input->id, slice_str(search->seconds));
    read_body_id(search);
    if (search->body_id.len > 0 && !slice_equal(buf_slice(&search->body_id), input->id))
        add_layout(search, "the signed text has the body's id in place of the header webhook-id",
                   buf_slice(&search->body_id), input->timestamp);
    add_layout(search,
               "the signed text leaves webhook-id out; it must be <webhook-id>.<webhook-timestamp>.<body>",
               SLICE_NONE, input->timestamp);
    add_layout(search, "only the body was signed; it must be <webhook-id>.<webhook-timestamp>.<body>",
               SLICE_NONE, SLICE_NONE);
}

static void build_text(const struct layout *layout, struct slice body, struct buf *text)
{
    buf_clear(text);
    if (layout->id.ptr) {
        buf_add_slice(text, layout->id);
        buf_add_char(text, '.');
    }
    if (layout->timestamp.ptr) {
        buf_add_slice(text, layout->timestamp);
        buf_add_char(text, '.');
    }
    buf_add_slice(text, body);
}

/* ---- the header -------------------------------------------------------------------------------------------
 */

enum claim_form { CLAIM_NONE, CLAIM_GOOD, CLAIM_HEX, CLAIM_LOOSE };

/* A MAC in any of the forms in which people write one. */
static enum claim_form read_mac(struct slice text, unsigned char ret_mac[MAC_LEN])
{
    CLEANUP(buf_cleanup) struct buf bytes = BUF_INIT;
    enum claim_form form = CLAIM_NONE;
    if (text.len == MAC_TEXT_LEN && base64_decode_exact(text, ret_mac, MAC_LEN))
        return CLAIM_GOOD;
    if (hex_decode(text, &bytes) && bytes.len == MAC_LEN)
        form = CLAIM_HEX;
    else if (buf_clear(&bytes), decode_loosely(text, &bytes) && bytes.len == MAC_LEN)
        form = CLAIM_LOOSE;
    if (form != CLAIM_NONE)
        memcpy(ret_mac, bytes.ptr, MAC_LEN);
    return form;
}

static struct slice without_name(struct slice part)
{
    static const char *const NAMES[] = {"v1=", "V1=", "v0=", "sha256=", "hmac-sha256=", "signature="};
    part = without_quotes(part);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (slice_starts(part, NAMES[i]))
            return slice_skip(part, strlen(NAMES[i]));
    return part;
}

struct header_forms {
    bool hex;
    bool loose;
    bool no_version;
    bool commas;
};

/* One entry: what stands between spaces. Pieces between commas are looked at each, for headers that use them
 * otherwise. */
static void read_entry(struct search *search, struct slice entry, struct header_forms *forms)
{
    bool versioned = slice_starts(entry, "v1,");
    search->has_v1a |= slice_starts(entry, "v1a,");
    size_t found = 0;
    for (struct slice rest = entry; rest.len > 0 && search->claim_count < SIGNATURE_MAX_ENTRIES;) {
        struct slice piece = slice_split(&rest, ',');
        enum claim_form form = read_mac(without_name(piece), search->claims[search->claim_count]);
        if (form == CLAIM_NONE)
            continue;
        search->claim_count++;
        forms->commas |= found++ > 0;
        forms->hex |= form == CLAIM_HEX;
        forms->loose |= form == CLAIM_LOOSE || (form == CLAIM_GOOD && without_quotes(piece).len < piece.len);
        forms->no_version |= !versioned;
    }
}

static void say_forms(struct search *search, const struct header_forms *forms)
{
    if (forms->hex)
        say(search, "an entry of webhook-signature is hexadecimal; it must be v1, and base64");
    if (forms->loose)
        say(search,
            "an entry of webhook-signature is base64 of the URL alphabet, without its padding, or in quotes; "
            "it must be v1, and standard base64");
    if (forms->no_version && !forms->hex)
        say(search, "an entry of webhook-signature does not start with v1, and is skipped");
    if (forms->commas)
        say(search, "entries of webhook-signature are separated by commas; they must be separated by spaces");
}

static void read_header(struct search *search)
{
    struct header_forms forms = {false, false, false, false};
    struct slice first = SLICE_NONE;
    for (struct slice rest = search->input->signature; rest.len > 0;) {
        struct slice entry = slice_split(&rest, ' ');
        if (!first.len)
            first = entry;
        read_entry(search, entry, &forms);
    }
    say_forms(search, &forms);
    if (search->claim_count > 0 || search->has_v1a || !first.len)
        return;
    if (slice_starts(first, "v1,"))
        buf_addf(search->out,
                 "the entry of webhook-signature has %zu characters after v1, where HMAC-SHA256 has %d: it "
                 "was cut, "
                 "or is something else\n",
                 first.len - 3, MAC_TEXT_LEN);
    else
        say(search, "webhook-signature has no entry of version v1 or v1a");
}

/* ---- what can be said without a key -----------------------------------------------------------------------
 */

static bool say_missing(struct search *search)
{
    const struct signature_input *input = search->input;
    const struct {
        struct slice value;
        const char *sentence;
    } headers[] = {
        {input->id, "the header webhook-id is missing or empty"},
        {input->timestamp, "the header webhook-timestamp is missing or empty"},
        {input->signature, "the header webhook-signature is missing or empty"},
    };
    bool missing = false;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (headers[i].value.len > 0)
            continue;
        say(search, headers[i].sentence);
        missing = true;
    }
    return missing;
}

static bool read_number(struct slice text, int64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0;
}

/* A timestamp in another unit or form than seconds: says so and keeps the seconds. */
static bool say_timestamp_form(struct search *search)
{
    static const struct {
        size_t digits; /* at least; of a time since 2001 */
        int64_t per_second;
        const char *sentence;
    } UNITS[] = {
        {19, 1000000000, "webhook-timestamp is in nanoseconds; it must be in Unix seconds"},
        {16, 1000000, "webhook-timestamp is in microseconds; it must be in Unix seconds"},
        {13, 1000, "webhook-timestamp is in milliseconds; it must be in Unix seconds"},
    };
    struct slice text = search->input->timestamp;
    int64_t number;
    usec at;
    if (clock_parse(text, &at)) {
        snprintf(search->seconds, sizeof search->seconds, "%lld", (long long)(at / USEC_PER_SEC));
        say(search, "webhook-timestamp is a date; it must be a number, Unix seconds");
        return true;
    }
    if (text.len > 19 || (text.len == 19 && text.ptr[0] > '8') || !read_number(text, &number))
        return false;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (text.len < UNITS[i].digits)
            continue;
        snprintf(search->seconds, sizeof search->seconds, "%lld", (long long)(number / UNITS[i].per_second));
        say(search, UNITS[i].sentence);
        return true;
    }
    return false;
}

/* A distance of whole hours, give or take a few minutes, is a time zone. */
static void say_time_zone(struct search *search, usec now)
{
    int64_t seconds;
    if (search->input->timestamp.len > 12 || !read_number(search->input->timestamp, &seconds))
        return;
    int64_t distance = llabs(now / USEC_PER_SEC - seconds);
    int64_t hours = (distance + 1800) / 3600;
    if (hours >= 1 && hours <= 14 && llabs(distance - hours * 3600) <= 120)
        buf_addf(search->out, "that is about %lld hours: one side takes its local time for UTC\n",
                 (long long)hours);
}

static void say_timestamp(struct search *search, usec now, usec tolerance)
{
    if (search->input->timestamp.len == 0 || say_timestamp_form(search))
        return;
    /* The check's own words: it judges the time before it uses a key, so any key will do. */
    const struct signature_input probe = {slice_str("-"), search->input->timestamp, slice_str("-"),
                                          slice_str("")};
    const char *const secret = "-";
    struct keyring *keyring;
    struct err err;
    if (keyring_new(SCHEME_COMPOSIO, &secret, 1, &keyring, &err) != RC_OK)
        return;
    if (signature_check(keyring, &probe, now, tolerance, &err) == RC_TIMESTAMP_OUT_OF_RANGE) {
        say(search, err.message);
        say_time_zone(search, now);
    }
    keyring_free(keyring);
}

/* true when it did. */
static bool say_kinds(struct search *search)
{
    bool has_public = false;
    bool has_hmac = false;
    for (size_t i = 0; i < search->candidate_count; i++) {
        has_public |= search->candidates[i].ed25519 != NULL;
        has_hmac |= search->candidates[i].ed25519 == NULL;
    }
    bool lacks_public = search->has_v1a && search->claim_count == 0 && !has_public && has_hmac;
    bool lacks_hmac = search->claim_count > 0 && !search->has_v1a && !has_hmac && has_public;
    if (lacks_public)
        say(search,
            "webhook-signature has only v1a entries (Ed25519): they need the sender's public key, whpk_");
    if (lacks_hmac)
        say(search, "webhook-signature has only v1 entries (HMAC), and the secret is an Ed25519 key, which "
                    "checks v1a");
    return lacks_public || lacks_hmac;
}

/* ---- the search -------------------------------------------------------------------------------------------
 */

static bool matches(const struct search *search, const struct candidate *candidate,
                    const struct layout *layout, struct slice body, struct slice text)
{
    if (candidate->ed25519) {
        const struct signature_input input = {layout->id, layout->timestamp, search->input->signature, body};
        return layout->id.ptr && signature_check(candidate->ed25519, &input, 0, 0, NULL) == RC_OK;
    }
    unsigned char mac[MAC_LEN];
    if (!HMAC(EVP_sha256(), candidate->bytes.ptr, (int)candidate->bytes.len, (const unsigned char *)text.ptr,
              text.len, mac, NULL))
        return false;
    for (size_t i = 0; i < search->claim_count; i++)
        if (CRYPTO_memcmp(mac, search->claims[i], MAC_LEN) == 0)
            return true;
    return false;
}

static void say_match(struct search *search, const struct candidate *candidate, const struct layout *layout,
                      const struct body_form *body)
{
    if (candidate->sentence)
        buf_addf(search->out, "secret %zu %s\n", candidate->position, candidate->sentence);
    if (layout->sentence)
        say(search, layout->sentence);
    if (body->sentence)
        say(search, body->sentence);
    if (!candidate->sentence && !layout->sentence && !body->sentence)
        buf_addf(search->out, "%sthe signature is right for secret %zu\n",
                 said_something(search) ? "apart from that, " : "", candidate->position);
}

/* All pairs of key and layout with this body that are wrong in `level` places; true at the first that
 * matches. */
static bool search_body(struct search *search, const struct body_form *form, struct slice body, int level)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    for (size_t l = 0; l < search->layout_count; l++) {
        const struct layout *layout = &search->layouts[l];
        int left = level - (form->sentence != NULL) - (layout->sentence != NULL);
        if (left != 0 && left != 1)
            continue;
        build_text(layout, body, &text);
        for (size_t i = 0; i < search->candidate_count && !buf_failed(&text); i++) {
            const struct candidate *candidate = &search->candidates[i];
            if ((candidate->sentence != NULL) != left ||
                !matches(search, candidate, layout, body, buf_slice(&text)))
                continue;
            say_match(search, candidate, layout, form);
            return true;
        }
    }
    return false;
}

static bool search_found(struct search *search)
{
    add_layouts(search);
    for (int level = 0; level < LEVELS; level++) {
        for (size_t b = 0; b < BODY_FORM_COUNT; b++) {
            CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
            if (BODY_FORMS[b].sentence && level == 0)
                continue;
            if (BODY_FORMS[b].make(search->input->body, &body) &&
                search_body(search, &BODY_FORMS[b], buf_slice(&body), level))
                return true;
        }
    }
    return false;
}

void signature_explain(enum scheme scheme, const char *const *secrets, size_t count,
                       const struct signature_input *input, usec now, usec tolerance, struct buf *out)
{
    CLEANUP(free_search) struct search *search = calloc(1, sizeof *search);
    if (!search)
        return;
    search->input = input;
    search->out = out;
    search->out_start = out->len;
    bool missing = say_missing(search);
    say_timestamp(search, now, tolerance);
    read_header(search);
    if (count == 0)
        say(search, "no secret is given, so there is nothing to check with");
    else
        add_secrets(search, scheme, secrets, count);
    bool searchable = !missing && search->candidate_count > 0 && (search->claim_count > 0 || search->has_v1a);
    if (say_kinds(search) || (searchable && search_found(search)))
        return;
    if (searchable || !said_something(search))
        buf_addf(out,
                 "%sno common mistake explains it: the secret is another one, or id, time or body are not "
                 "those that "
                 "were signed\n",
                 said_something(search) ? "apart from that, " : "");
}
