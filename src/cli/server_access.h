/*
 * server_access - how a command reaches the API of a running server: address, token, answers.
 *
 * Thread: main.   Owner: the command (server_access_close()).
 */
#ifndef FAIRLEAD_CLI_SERVER_ACCESS_H
#define FAIRLEAD_CLI_SERVER_ACCESS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/option.h"
#include "http/client.h"

/* Embedded in the values of a command whose table has SERVER_ACCESS_ROWS. */
struct server_access_options {
    const char *url;
    const char *token;
    const char *data;
};

/* Rows for an option table; `at`: the offset of the struct in the command's values. */
#define SERVER_ACCESS_ROWS(at)                                                                               \
    {.name = "url",                                                                                          \
     .kind = OPTION_TEXT,                                                                                    \
     .offset = (at) + offsetof(struct server_access_options, url),                                           \
     .value = "URL",                                                                                         \
     .fallback = "http://127.0.0.1:5000",                                                                    \
     .help = "the running server"},                                                                          \
        {.name = "token",                                                                                    \
         .kind = OPTION_TEXT,                                                                                \
         .offset = (at) + offsetof(struct server_access_options, token),                                     \
         .value = "TOKEN",                                                                                   \
         .secret = true,                                                                                     \
         .help = "its admin token; default: the file admin-token in the data directory"},                    \
    {                                                                                                        \
        .name = "data", .kind = OPTION_TEXT, .offset = (at) + offsetof(struct server_access_options, data),  \
        .value = "DIR", .fallback = "./fairlead-data", .help = "the server's data directory, for the token"  \
    }

struct server_access {
    struct server_access_options options; /* borrowed texts */
    struct client *client;
    struct buf authorization;
    const char *headers[2]; /* "name: value", NULL at the end */
};

/* Finds the token; without a token file none is sent (the server may need none). RC_USAGE, RC_CORRUPT, … */
MUST_CHECK enum rc server_access_open(struct server_access *access,
                                      const struct server_access_options *options, struct err *err);
void server_access_close(struct server_access *access);

/*
 * Appends the answer to GET `path` (with its query) to out. On failure a sentence that says what to do:
 * RC_UNREACHABLE nobody answers, RC_UNAUTHORIZED the token does not fit, RC_USAGE (400) and RC_NOT_FOUND with
 * the server's own words, RC_STORAGE_UNAVAILABLE, RC_INTERNAL for the rest.
 */
MUST_CHECK enum rc server_access_get(struct server_access *access, const char *path, struct buf *out,
                                     struct err *err);

/* The same sentences for an exchange that somebody else had: a failure of the client, or an answer. RC_OK for
 * 200. */
enum rc server_access_explain_failure(enum rc rc, struct err *err);
enum rc server_access_explain_answer(const struct server_access *access, int status, struct slice body,
                                     struct err *err);

/* Appends "?name=value" or "&name=value" to a path, escaped (RFC 3986, section 2.1); nothing for NULL. */
void server_path_add_query(struct buf *path, const char *name, const char *value);

#endif
