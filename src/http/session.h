/*
 * session - who may ask: the admin token as a bearer token, or the cookie that stands for it.
 *
 * Thread: any (read-only).   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_SESSION_H
#define FAIRLEAD_HTTP_SESSION_H

#include <stdbool.h>

#include "base/error.h"
#include "http/reply.h"
#include "http/request.h"

#define SESSION_COOKIE "fairlead_token"

struct session {
    const char *token; /* NULL: everything is open */
    bool secure;       /* the server speaks TLS: the cookie is for TLS only */
};

/* Compared in constant time. True for everything when there is no token. */
bool session_token_is(const struct session *session, struct slice token);

/* Set-Cookie with the token (nothing when there is none), or one that makes the browser forget it. */
void session_give(const struct session *session, struct reply *reply);
void session_forget(const struct session *session, struct reply *reply);

#endif
