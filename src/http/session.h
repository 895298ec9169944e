/*
 * session - who may ask: the admin token as a bearer token, or the cookie that stands for it.
 *
 * A browser sends its cookie with whatever page makes it ask. So a request that changes something and does
 * not carry the token itself must show that a page of ours made it: Sec-Fetch-Site: same-origin, or an Origin
 * that is the Host. Where everything is open, it must at least not show the opposite.
 *
 * Thread: any (read-only).   Owner: struct server.
 */
#ifndef FAIRLEAD_HTTP_SESSION_H
#define FAIRLEAD_HTTP_SESSION_H

#include <stdbool.h>

#include "base/error.h"
#include "http/endpoint.h"
#include "http/reply.h"
#include "http/request.h"

#define SESSION_COOKIE "fairlead_token"

struct session {
    const char *token; /* NULL: everything is open */
    bool secure;       /* the server speaks TLS: the cookie is for TLS only */
};

/* Compared in constant time. True for everything when there is no token. */
bool session_token_is(const struct session *session, struct slice token);

/*
 * May this request be answered? `authorization` and `cookie` are the headers, NULL when absent; they are
 * looked at here and kept nowhere. A wrong bearer token is refused even beside a right cookie.
 * RC_UNAUTHORIZED, RC_FORBIDDEN.
 */
MUST_CHECK enum rc session_check(const struct session *session, enum access access,
                                 const struct request *request, const char *authorization, const char *cookie,
                                 struct err *err);

/* Set-Cookie with the token (nothing when there is none), or one that makes the browser forget it. */
void session_give(const struct session *session, struct reply *reply);
void session_forget(const struct session *session, struct reply *reply);

#endif
