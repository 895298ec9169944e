/*
 * api_page - the tables of docs/api.md: endpoints with their parameters, and the objects in answers.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_API_PAGE_H
#define FAIRLEAD_CLI_API_PAGE_H

#include "base/buf.h"

/* Appends them as Markdown. */
void api_page_write(struct buf *out);

#endif
