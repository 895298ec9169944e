/* remote - where a command finds a running server. Thread: any. */
#ifndef FAIRLEAD_CLI_REMOTE_H
#define FAIRLEAD_CLI_REMOTE_H

#include "base/buf.h"

/*
 * Appends the URL of `path` at `base`. path NULL: the path that base has, or fallback when it has none, so
 * that a whole webhook URL can be given as base.
 */
void remote_url(const char *base, const char *path, const char *fallback, struct buf *out);

/* The URL under which this machine reaches a server that listens on "ADDR:PORT": a wildcard address becomes
 * loopback. */
void remote_url_of_listener(const char *listen, bool tls, struct buf *out);

#endif
