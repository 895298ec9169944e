/*
 * handlers - what answers the rows of api/endpoints.c. `context` is the struct api_context.
 *
 * Thread: as the row says.
 */
#ifndef FAIRLEAD_API_HANDLERS_H
#define FAIRLEAD_API_HANDLERS_H

#include "http/endpoint.h"

void post_session(void *context, const struct request *request, struct reply *reply);
void delete_session(void *context, const struct request *request, struct reply *reply);
void get_refused(void *context, const struct request *request, struct reply *reply);

#endif
