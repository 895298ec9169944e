/*
 * error - every way in which Fairlead can fail, in one table, and the sentence that goes with one failure.
 *
 * Functions that can fail return `enum rc` and take a `struct err *err` last. On failure they leave their
 * outputs untouched and put one sentence into err: what was wrong, where, and what to do. Lower layers
 * return, the top layer logs once.
 *
 * Thread: any; a struct err belongs to its caller.
 */
#ifndef FAIRLEAD_BASE_ERROR_H
#define FAIRLEAD_BASE_ERROR_H

#include <stdarg.h>

/* May the same request succeed later without being changed? */
enum retry {
    RETRY_NEVER,
    RETRY_LATER,
};

/*
 * name, code for users (HTTP error bodies, documentation, logs), HTTP status, retry class, what it means.
 * docs/errors.md is made from this table.
 */
#define RC_TABLE(X)                                                                                          \
    X(RC_OK, "ok", 200, RETRY_NEVER, "Success.")                                                             \
    X(RC_INVALID_JSON, "invalid_json", 400, RETRY_NEVER, "The body is not JSON (RFC 8259).")                 \
    X(RC_NOT_AN_OBJECT, "not_an_object", 400, RETRY_NEVER, "The body is JSON but not an object.")            \
    X(RC_BAD_REQUEST, "bad_request", 400, RETRY_NEVER, "The HTTP request is malformed or ambiguous.")        \
    X(RC_BAD_PARAMETER, "bad_parameter", 400, RETRY_NEVER, "A parameter has a value that is not allowed.")   \
    X(RC_UNAUTHORIZED, "unauthorized", 401, RETRY_NEVER, "The admin token is missing or wrong.")             \
    X(RC_FORBIDDEN, "forbidden", 403, RETRY_NEVER,                                                           \
      "A request that changes something came from a page of another site.")                                  \
    X(RC_SIGNATURE_MISSING, "signature_missing", 401, RETRY_NEVER,                                           \
      "A secret is set and the request has no complete set of signature headers.")                           \
    X(RC_SIGNATURE_INVALID, "signature_invalid", 401, RETRY_NEVER, "No signature matches any secret.")       \
    X(RC_TIMESTAMP_OUT_OF_RANGE, "timestamp_out_of_range", 401, RETRY_NEVER,                                 \
      "The signed timestamp is too old, too new, or not a number.")                                          \
    X(RC_NOT_FOUND, "not_found", 404, RETRY_NEVER, "Nothing is here.")                                       \
    X(RC_METHOD_NOT_ALLOWED, "method_not_allowed", 405, RETRY_NEVER, "The path does not take this method.")  \
    X(RC_TIMEOUT, "timeout", 408, RETRY_LATER,                                                               \
      "The body took too long to arrive; the connection is closed without an answer.")                       \
    X(RC_BODY_TOO_LARGE, "body_too_large", 413, RETRY_NEVER, "The body is larger than is allowed.")          \
    X(RC_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, RETRY_NEVER,                                 \
      "The content type is not JSON.")                                                                       \
    X(RC_HEADERS_TOO_LARGE, "headers_too_large", 431, RETRY_NEVER, "The request's headers are too large.")   \
    X(RC_INTERNAL, "internal", 500, RETRY_LATER, "Fairlead made a mistake; the log says more.")              \
    X(RC_OVERLOADED, "overloaded", 503, RETRY_LATER, "More is waiting than may wait.")                       \
    X(RC_STORAGE_UNAVAILABLE, "storage_unavailable", 503, RETRY_LATER,                                       \
      "Nothing can be stored now: disk full, failing or read-only.")                                         \
    X(RC_COMMIT_UNKNOWN, "storage_unavailable", 503, RETRY_LATER,                                            \
      "A commit failed and may or may not be on disk; it is not acknowledged.")                              \
    X(RC_STOPPING, "stopping", 503, RETRY_LATER, "The server is shutting down.")                             \
    X(RC_NO_MEMORY, "no_memory", 503, RETRY_LATER, "Memory ran out.")                                        \
    X(RC_LOCKED, "locked", 503, RETRY_LATER, "Another process holds the data directory.")                    \
    X(RC_TOO_NEW, "too_new", 500, RETRY_NEVER, "The file was written by a newer version of Fairlead.")       \
    X(RC_CORRUPT, "corrupt", 500, RETRY_NEVER, "A stored file is damaged or is not Fairlead's.")             \
    X(RC_UNREACHABLE, "unreachable", 502, RETRY_LATER, "The other side could not be reached.")               \
    X(RC_UNTRUSTED, "untrusted", 502, RETRY_NEVER, "The other side's TLS certificate could not be checked.") \
    X(RC_USAGE, "usage", 400, RETRY_NEVER, "A command, option or configuration value is wrong.")

#define RC_ENUM_ROW(name, code, status, retry, text) name,
enum rc { RC_TABLE(RC_ENUM_ROW) RC_COUNT };
#undef RC_ENUM_ROW

struct err {
    char message[480]; /* one sentence, zero-terminated, UTF-8, never a body or a secret */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The row of rc. Static storage; never NULL. An rc outside the table is answered with RC_INTERNAL's row. */
const char *rc_code(enum rc rc);
int rc_http_status(enum rc rc);
enum retry rc_retry(enum rc rc);
const char *rc_text(enum rc rc);

/*
 * Writes the sentence and returns rc, so that a function ends with `return err_set(err, RC_X, "…", …)`.
 * Too long a sentence is cut at a whole UTF-8 character. err may be NULL.
 */
enum rc err_set(struct err *err, enum rc rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the sentence that is there. err may be NULL. Returns rc. */
enum rc err_prefix(struct err *err, enum rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
