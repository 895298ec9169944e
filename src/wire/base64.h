/* base64 - RFC 4648, section 4 (standard alphabet, padded), over OpenSSL. Thread: any. */
#ifndef FAIRLEAD_WIRE_BASE64_H
#define FAIRLEAD_WIRE_BASE64_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

void base64_encode(struct slice bytes, struct buf *out);
/* Strict: right padding, no white space, no other character. Appends to out; false leaves out as it was. */
bool base64_decode(struct slice text, struct buf *out) __attribute__((warn_unused_result));

/* Lower-case hex of bytes; and back (either case, even length). */
void hex_encode(struct slice bytes, struct buf *out);
bool hex_decode(struct slice text, struct buf *out) __attribute__((warn_unused_result));

#endif
