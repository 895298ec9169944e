/*
 * client_handle - one exchange on a handle of libcurl: what client.c and client_pool.c have in common.
 *
 * For these two files alone.
 */
#ifndef FAIRLEAD_HTTP_CLIENT_HANDLE_H
#define FAIRLEAD_HTTP_CLIENT_HANDLE_H

#include <curl/curl.h>

#include "http/client.h"

/* Where a request goes, for messages and for the choice of a proxy. */
struct client_target {
    char host[256];
    char port[8];
};

/* What an exchange needs until it is over; must not move meanwhile. Zeroed at first. */
struct client_answer_room {
    struct curl_slist *headers;
    struct buf body;
    usec started;
    char cause[CURL_ERROR_SIZE];
};

void client_answer_room_cleanup(struct client_answer_room *room);

/* libcurl's own preparation, once in a process. */
void client_handle_prepare(void);

/* RC_USAGE for what is no http:// or https:// URL. */
MUST_CHECK enum rc client_handle_target(const char *url, struct client_target *ret, struct err *err);

/* Readies the handle; room is used from now on until client_handle_finish(). RC_NO_MEMORY. */
MUST_CHECK enum rc client_handle_set_up(CURL *handle, const struct client_request *request,
                                        const struct client_target *target, struct client_answer_room *room,
                                        struct err *err);

/* Makes the answer, or the sentence, out of an exchange that ended with `code`. As client_perform(). */
MUST_CHECK enum rc client_handle_finish(CURL *handle, CURLcode code, const struct client_target *target,
                                        struct client_answer_room *room, struct client_answer *ret,
                                        struct err *err);

#endif
