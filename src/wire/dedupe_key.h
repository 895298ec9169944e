/*
 * dedupe_key - what makes two deliveries the same event.
 *
 * With a `webhook-id` header: that id (the same over all retries of one event). Without: SHA-256 over the
 * path, a zero byte, and the raw body. Shown to users as the event's id: the webhook-id itself, or
 * "sha256:<64 hex digits>". A webhook-id that would not print as itself (too long, not printable ASCII, or of
 * the form sha256:…) is hashed, alone.
 *
 * Thread: any (each thread keeps its own digest context).
 */
#ifndef FAIRLEAD_WIRE_DEDUPE_KEY_H
#define FAIRLEAD_WIRE_DEDUPE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define DEDUPE_KEY_MAX      256 /* longest webhook-id kept as it is; a longer one is hashed */
#define DEDUPE_KEY_HASH_LEN 32

struct dedupe_key {
    bool hashed; /* bytes is a SHA-256, not a webhook-id */
    uint16_t len;
    char bytes[DEDUPE_KEY_MAX];
    uint64_t fingerprint; /* first eight bytes of a SHA-256; equal keys have equal fingerprints */
};

/* Derives the key. webhook_id may be absent or empty (then the hash). RC_INTERNAL when the digest fails. */
MUST_CHECK enum rc dedupe_key_make(struct slice webhook_id, struct slice path, struct slice body,
                                   struct dedupe_key *ret, struct err *err);

/* A key from its stored parts, fingerprint computed. RC_BAD_PARAMETER when the length does not fit. */
MUST_CHECK enum rc dedupe_key_of(bool hashed, struct slice bytes, struct dedupe_key *ret, struct err *err);

/* The id as users see it, and back again. parse: RC_BAD_PARAMETER for text that no key prints as. */
void dedupe_key_format(bool hashed, struct slice bytes, struct buf *out);
MUST_CHECK enum rc dedupe_key_parse(struct slice text, struct dedupe_key *ret, struct err *err);

#endif
