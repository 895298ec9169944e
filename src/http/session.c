#include "http/session.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

bool session_token_is(const struct session *session, struct slice token)
{
    if (!session->token)
        return true;
    return session->token[0] && slice_equal_secret(slice_str(session->token), token);
}

/* Other schemes are for whoever stands in front of this server: browsers send those beside our cookie. */
static bool has_bearer(const char *authorization)
{
    return authorization && strncasecmp(authorization, "Bearer", 6) == 0 &&
           (authorization[6] == ' ' || authorization[6] == '\0');
}

static bool is_bearer(const struct session *session, const char *authorization)
{
    return has_bearer(authorization) &&
           session_token_is(session, slice_trim(slice_str(authorization + strlen("Bearer"))));
}

/* A wrong token is wrong, whatever the cookie. */
static enum rc check_token(const struct session *session, const char *authorization, bool right_cookie,
                           struct err *err)
{
    if (!session->token || is_bearer(session, authorization))
        return RC_OK;
    if (has_bearer(authorization))
        return err_set(err, RC_UNAUTHORIZED,
                       "the token in the Authorization header is not the admin token; that is in the file "
                       "admin-token of the data directory");
    if (right_cookie)
        return RC_OK;
    return err_set(err, RC_UNAUTHORIZED,
                   "send the admin token as 'Authorization: Bearer TOKEN'; it is in the file admin-token "
                   "of the data directory");
}

/* Is our cookie there (RFC 6265, section 5.4), and is one of that name right? */
static void read_cookies(const struct session *session, const char *cookie, bool *ret_there, bool *ret_right)
{
    struct slice rest = slice_str(cookie);
    *ret_there = *ret_right = false;
    while (rest.len > 0) {
        struct slice value = slice_trim(slice_split(&rest, ';'));
        struct slice name = slice_split(&value, '=');
        if (!slice_is(name, SESSION_COOKIE))
            continue;
        CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
        *ret_there = true;
        if (request_decode(value, &token) && session_token_is(session, buf_slice(&token)))
            *ret_right = true;
    }
}

static bool changes_something(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

static bool origin_is_host(const char *origin, const char *host)
{
    const char *after = origin ? strstr(origin, "://") : NULL;
    return after && host && *host && strcasecmp(after + 3, host) == 0;
}

enum origin { ORIGIN_UNKNOWN, ORIGIN_OURS, ORIGIN_OTHER };

static enum origin origin_of(const struct request *request)
{
    const char *site = request_header(request, REQUEST_SEC_FETCH_SITE);
    const char *origin = request_header(request, REQUEST_ORIGIN);
    if ((site && strcmp(site, "same-origin") == 0) ||
        origin_is_host(origin, request_header(request, REQUEST_HOST)))
        return ORIGIN_OURS;
    if (origin || (site && strcmp(site, "none") != 0))
        return ORIGIN_OTHER;
    return ORIGIN_UNKNOWN;
}

enum rc session_check(const struct session *session, enum access access, const struct request *request,
                      const char *authorization, const char *cookie, struct err *err)
{
    bool has_cookie;
    bool right_cookie;
    bool bearer = is_bearer(session, authorization);
    read_cookies(session, cookie, &has_cookie, &right_cookie);
    if (access == ACCESS_TOKEN) {
        enum rc rc = check_token(session, authorization, right_cookie, err);
        if (rc != RC_OK)
            return rc;
    }
    if (!changes_something(request->method) || (session->token && bearer))
        return RC_OK;
    enum origin origin = origin_of(request);
    if (origin == ORIGIN_OURS || (origin == ORIGIN_UNKNOWN && !has_cookie))
        return RC_OK;
    /* Browsers leave Sec-Fetch-Site out on plain http: then a proxy that writes its own Host is the likeliest
     * reason. */
    bool host_differs = origin == ORIGIN_OTHER && !request_header(request, REQUEST_SEC_FETCH_SITE);
    return err_set(err, RC_FORBIDDEN,
                   "what changes something needs the token in the Authorization header, or must come from "
                   "a page of this server%s",
                   host_differs ? "; the Origin of this request is not its Host: a reverse proxy in front "
                                  "of Fairlead must pass on the Host that the browser sent"
                                : "");
}

/* What is no cookie-octet (RFC 6265, section 4.1.1), and '%' itself, is escaped. */
static void write_cookie_value(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("!#$&'()*+-./:<=>?@[]^_`{|}~", *text))
            buf_add_char(out, *text);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static void set_cookie(const struct session *session, const char *token, const char *attributes,
                       struct reply *reply)
{
    CLEANUP(buf_cleanup) struct buf cookie = BUF_INIT;
    buf_add_str(&cookie, SESSION_COOKIE "=");
    write_cookie_value(token, &cookie);
    buf_addf(&cookie, "; HttpOnly; SameSite=Strict; Path=/%s%s", attributes,
             session->secure ? "; Secure" : "");
    if (buf_failed(&cookie))
        reply->body.failed = true;
    else
        reply_header(reply, "Set-Cookie", buf_str(&cookie));
}

void session_give(const struct session *session, struct reply *reply)
{
    if (session->token)
        set_cookie(session, session->token, "", reply);
}

void session_forget(const struct session *session, struct reply *reply)
{
    set_cookie(session, "", "; Max-Age=0", reply);
}
