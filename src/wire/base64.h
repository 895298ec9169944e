/* base64 - RFC 4648, section 4 (standard alphabet, padded), over OpenSSL. Thread: any. */
#ifndef FAIRLEAD_WIRE_BASE64_H
#define FAIRLEAD_WIRE_BASE64_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

void base64_encode(struct slice bytes, struct buf *out);
/*
 * Strict: right padding, no white space, no other character (unused bits of the last digit may be set, as
 * most decoders allow). Appends to out; false leaves out's contents as they were.
 */
bool base64_decode(struct slice text, struct buf *out) __attribute__((warn_unused_result));

#define BASE64_EXACT_MAX 96
/* The same without allocation, for text that must be exactly `len` bytes (at most BASE64_EXACT_MAX). */
bool base64_decode_exact(struct slice text, void *ret_bytes, size_t len) __attribute__((warn_unused_result));

/* Lower-case hex of bytes; and back (either case, even length). */
void hex_encode(struct slice bytes, struct buf *out);
bool hex_decode(struct slice text, struct buf *out) __attribute__((warn_unused_result));

#endif
