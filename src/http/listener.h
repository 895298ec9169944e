/*
 * listener - the listening socket: "ADDR:PORT", "[v6]:PORT", "name:PORT".
 *
 * Thread: any.   Owner: the caller closes the descriptor.
 */
#ifndef FAIRLEAD_HTTP_LISTENER_H
#define FAIRLEAD_HTTP_LISTENER_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Opens a non-blocking TCP listener; port 0 picks one. Appends the real address as a URL shows it
 * ("127.0.0.1:5000", "[::1]:5000") to ret_address. RC_USAGE for text that is no address, RC_UNREACHABLE when
 * it cannot be bound: the sentence says why and what to do.
 */
MUST_CHECK enum rc listener_open(const char *address, int *ret_fd, struct buf *ret_address, struct err *err);

/* Is this an address to listen on? Binds nothing. RC_USAGE. */
MUST_CHECK enum rc listener_check(const char *address, struct err *err);

#endif
