/*
 * utf8 - one character at a time, out of bytes that may be anything and back (RFC 3629).
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_UTF8_H
#define FAIRLEAD_WIRE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define UTF8_BAD UINT32_MAX

/*
 * The first character of `text`, which is not empty, into *ret; returns how many bytes it takes. Overlong
 * forms, surrogates and what lies beyond U+10FFFF are not UTF-8: *ret is then UTF8_BAD and the bytes are the
 * ones that one U+FFFD stands for (Unicode 15, section 3.9: the maximal subpart, at least one byte).
 */
size_t utf8_read(struct slice text, uint32_t *ret);

/* Writes a character, which is none of UTF8_BAD and the surrogates; returns how many bytes it takes. */
size_t utf8_write(uint32_t point, char to[4]);

#endif
