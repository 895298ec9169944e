/*
 * head - what is kept of a request beside its body: a block of lines "name: value\n".
 *
 * Names are lower case; headers come in the order of arrival. Facts that are no header start with ':':
 *   :from      address of the sender, as seen by the socket
 *   :verified  true; absent: not checked (a request that fails the check has no head)
 * Hop-by-hop headers (RFC 9110, section 7.6.1), content-length and credentials (authorization,
 * proxy-authorization, cookie) are not kept. Everything else is, up to HEAD_MAX bytes.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_HEAD_H
#define FAIRLEAD_WIRE_HEAD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

#define HEAD_MAX 32768

#define HEAD_FACTS_ROOM 512 /* kept free by headers, so that a flood of them cannot push out a fact */

/*
 * Adds one line, the name in lower case, the value without white space around it. Dropped silently: names not
 * to keep or that are no token (RFC 9110, section 5.6.2), values with a line break or zero byte, and lines
 * past the limit. Of names with ':' only :from passes, once: add it before the headers.
 */
void head_add(struct buf *head, struct slice name, struct slice value);

/* The first value of `name` (lower case), as a slice into head; absent when there is none. */
struct slice head_get(struct slice head, const char *name);

/* Takes the next line off *rest. false at the end. */
bool head_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value);

#endif
