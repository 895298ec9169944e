/*
 * respond - a struct reply becomes a response of libmicrohttpd, with the headers that every reply has.
 *
 * Thread: loop.
 */
#ifndef FAIRLEAD_HTTP_RESPOND_H
#define FAIRLEAD_HTTP_RESPOND_H

#include <microhttpd.h>

#include "http/connections.h"
#include "http/exchange.h"
#include "http/reply.h"

/* Queues the reply and cleans it up, whatever happens. A reply that ran out of memory is sent as an error. */
enum MHD_Result respond(struct exchanges *all, struct MHD_Connection *http, struct connection *connection,
                        struct reply *reply, bool close_after);

#endif
