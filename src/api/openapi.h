/*
 * openapi - the API as an OpenAPI 3.1 document, made from the tables of endpoints, parameters and schemas.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_API_OPENAPI_H
#define FAIRLEAD_API_OPENAPI_H

#include "base/buf.h"
#include "http/endpoint.h"

/* Appends the document. The webhook path is described too, and an endpoint that it hides is not. */
void openapi_write(const struct endpoint_table *table, const char *webhook_path, struct buf *out);

#endif
