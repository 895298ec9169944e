/*
 * signature - is a webhook from somebody who has the secret?
 *
 * Signed bytes: <webhook-id> '.' <webhook-timestamp> '.' <raw body>. HMAC-SHA256 in standard base64 as
 * "v1,<base64>", or Ed25519 as "v1a,<base64>" (Standard Webhooks 1.0). The header may hold several entries
 * separated by spaces; entries of other versions are skipped and any match passes. All secrets are tried, in
 * constant time for each.
 *
 * Schemes are one table. A `keyring` holds prepared keys; it is made once and used by one thread at a time.
 */
#ifndef FAIRLEAD_WIRE_SIGNATURE_H
#define FAIRLEAD_WIRE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

/* name, option value, how the key is made from the secret */
#define SIGNATURE_SCHEMES(X)                                                                                 \
    X(SCHEME_AUTO, "auto", "either HMAC key; checked when a secret is set")                                  \
    X(SCHEME_COMPOSIO, "composio", "HMAC; the secret's bytes as they are, a whsec_ prefix included")         \
    X(SCHEME_STANDARD, "standard", "Standard Webhooks: base64 after whsec_, or an Ed25519 key whpk_/whsk_")  \
    X(SCHEME_NONE, "none", "signatures are not looked at")

#define SCHEME_ENUM_ROW(name, text, help) name,
enum scheme { SIGNATURE_SCHEMES(SCHEME_ENUM_ROW) SCHEME_COUNT };
#undef SCHEME_ENUM_ROW

const char *scheme_name(enum scheme scheme);

#define SIGNATURE_MAX_SECRETS 16
#define SIGNATURE_MAX_ENTRIES 16 /* entries of one header that are looked at */

struct keyring;

/*
 * Prepares the keys of `count` secrets (zero-terminated, 1 to 512 bytes each). In `auto` a secret that is
 * valid base64 after whsec_ gets both HMAC keys; a whpk_ secret an Ed25519 key. RC_USAGE says which secret
 * (by position if there are several, never its text) cannot be a key of the scheme, or that there are too
 * many. count 0, or SCHEME_NONE: a keyring that checks nothing.
 */
MUST_CHECK enum rc keyring_new(enum scheme scheme, const char *const *secrets, size_t count,
                               struct keyring **ret, struct err *err);
void keyring_free(struct keyring *keyring);
/* false: there is nothing to check with, and requests are accepted as unverified. */
bool keyring_checks(const struct keyring *keyring);

/* The three header values as they arrived; absent when missing. */
struct signature_input {
    struct slice id;
    struct slice timestamp;
    struct slice signature;
    struct slice body;
};

/*
 * RC_OK; RC_SIGNATURE_MISSING names the missing headers; RC_TIMESTAMP_OUT_OF_RANGE says by how much
 * (tolerance 0: not checked); RC_SIGNATURE_INVALID. The timestamp is judged against `now` (usec, wall clock)
 * after the headers' presence and before any key. The message never contains a secret or a valid signature.
 */
MUST_CHECK enum rc signature_check(struct keyring *keyring, const struct signature_input *input, usec now,
                                   usec tolerance, struct err *err);

/*
 * Makes the header value with the first key that can sign; input->signature is not looked at. RC_USAGE when
 * there is none: public keys only check.
 */
MUST_CHECK enum rc keyring_sign(struct keyring *keyring, const struct signature_input *input, struct buf *out,
                                struct err *err);

/*
 * Makes the header value ("v1,<base64>", or "v1a,<base64>" for a whsk_ private key) with one secret under one
 * scheme (auto: as composio). RC_USAGE when the secret is not a key of the scheme.
 */
MUST_CHECK enum rc signature_make(enum scheme scheme, const char *secret, struct slice id,
                                  struct slice timestamp, struct slice body, struct buf *out,
                                  struct err *err);

/*
 * Why does it not match? For `fairlead verify`: tries what goes wrong in practice (other scheme, body with a
 * newline added or lost, body re-encoded with or without white space, trimmed secret, secret for another
 * prefix, timestamp in milliseconds) and writes one sentence for each thing found into `out`, one on a line;
 * nothing found: "no common mistake explains it". Never writes a secret or a signature that would have been
 * right.
 */
void signature_explain(enum scheme scheme, const char *const *secrets, size_t count,
                       const struct signature_input *input, usec now, usec tolerance, struct buf *out);

#endif
