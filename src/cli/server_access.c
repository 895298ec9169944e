#include "cli/server_access.h"

#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/datadir.h"
#include "cli/remote.h"
#include "wire/json.h"

#define MAX_ANSWER ((size_t)512 * 1024 * 1024) /* a page of 500 large events */

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c))
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

void server_path_add_query(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_addf(path, "%c%s=", strchr(buf_str(path), '?') ? '&' : '?', name);
    add_escaped(path, value);
}

static enum rc find_token(struct server_access *access, struct err *err)
{
    const char *token = access->options.token;
    if (!token) {
        enum rc rc = datadir_token(access->options.data, false, &access->authorization, NULL, err);
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (strpbrk(token, "\r\n"))
        return err_set(err, RC_USAGE, "--token must be one line");
    buf_add_str(&access->authorization, token);
    return RC_OK;
}

enum rc server_access_open(struct server_access *access, const struct server_access_options *options,
                           struct err *err)
{
    static const char NAME[] = "authorization: Bearer ";
    *access = (struct server_access){.options = *options, .authorization = BUF_INIT};
    buf_add_str(&access->authorization, NAME);
    enum rc rc = find_token(access, err);
    if (rc)
        return rc;
    access->client = client_open();
    if (!access->client || buf_failed(&access->authorization))
        return err_set(err, RC_NO_MEMORY, "out of memory");
    if (access->authorization.len > sizeof NAME - 1)
        access->headers[0] = buf_str(&access->authorization);
    return RC_OK;
}

void server_access_close(struct server_access *access)
{
    client_close(access->client);
    buf_cleanup(&access->authorization);
    access->client = NULL;
}

enum rc server_access_explain_failure(enum rc rc, struct err *err)
{
    struct err cause = *err;
    if (rc != RC_UNREACHABLE)
        return rc;
    return err_set(err, rc, "%s (fairlead serve starts one; --url or FAIRLEAD_URL says where it is)",
                   cause.message);
}

static enum rc refused(const struct server_access *access, struct err *err)
{
    const char *url = access->options.url;
    const char *data = access->options.data;
    if (access->options.token)
        return err_set(
            err, RC_UNAUTHORIZED,
            "%.100s refuses the token that --token or FAIRLEAD_TOKEN gives; the right one is in the "
            "file admin-token of the server's data directory",
            url);
    if (access->headers[0])
        return err_set(err, RC_UNAUTHORIZED,
                       "%.100s refuses the token in %.100s/admin-token; --data names the server's data "
                       "directory, or --token gives its token",
                       url, data);
    return err_set(err, RC_UNAUTHORIZED,
                   "%.100s wants a token, and there is no file %.100s/admin-token; --data names the server's "
                   "data directory, or --token gives its token",
                   url, data);
}

static enum rc rc_of_status(int status)
{
    return status == 400   ? RC_USAGE
           : status == 404 ? RC_NOT_FOUND
           : status == 503 ? RC_STORAGE_UNAVAILABLE
                           : RC_INTERNAL;
}

enum rc server_access_explain_answer(const struct server_access *access, int status, struct slice body,
                                     struct err *err)
{
    json_t *tree = NULL;
    if (status == 200)
        return RC_OK;
    if (status == 401)
        return refused(access, err);
    enum rc rc = rc_of_status(status);
    bool parsed = json_parse(body, &tree, NULL) == RC_OK;
    struct slice message = parsed ? json_get_slice(json_object_get(tree, "error"), "message") : SLICE_NONE;
    if (message.ptr)
        (void)!err_set(err, rc, "%.*s", SLICE_ARG(message));
    else
        rc = err_set(err, RC_INTERNAL, "what answers at %.200s is not Fairlead: status %d",
                     access->options.url, status);
    json_decref(tree);
    return rc;
}

enum rc server_access_get(struct server_access *access, const char *path, struct buf *out, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
    struct client_answer answer;
    remote_url(access->options.url, path, path, &url);
    const struct client_request request = {
        .client = access->client,
        .method = "GET",
        .url = buf_str(&url),
        .headers = access->headers,
        .max_answer = MAX_ANSWER,
    };
    if (buf_failed(&url))
        return err_set(err, RC_NO_MEMORY, "out of memory");
    enum rc rc = client_perform(&request, &answer, err);
    if (rc)
        return server_access_explain_failure(rc, err);
    rc = server_access_explain_answer(access, answer.status, buf_slice(&answer.body), err);
    if (rc == RC_OK)
        buf_add_slice(out, buf_slice(&answer.body));
    buf_cleanup(&answer.body);
    return rc == RC_OK && buf_failed(out) ? err_set(err, RC_NO_MEMORY, "out of memory") : rc;
}
