/* The dashboard's login: a cookie for who knows the token. */
#include "api/handlers.h"
#include "http/session.h"

void post_session(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    if (!session_token_is(request->session, request_text(request, "token"))) {
        reply_error(reply, RC_UNAUTHORIZED, "this is not the admin token");
        return;
    }
    buf_add_str(&reply->body, "{\"success\":true}");
    session_give(request->session, reply);
}

void delete_session(void *context, const struct request *request, struct reply *reply)
{
    (void)context;
    buf_add_str(&reply->body, "{\"success\":true}");
    session_forget(request->session, reply);
}
