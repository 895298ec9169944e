/*
 * reference - the pages of docs/ that are made from the program's own tables.
 *
 * A page is a row in reference.c and a function. tools/check-docs compares the files with what is written
 * here.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_REFERENCE_H
#define FAIRLEAD_CLI_REFERENCE_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends the page called `name` ("configuration", "metrics", …) as Markdown; false when there is none. */
bool reference_write(const char *name, struct buf *out) __attribute__((warn_unused_result));

#endif
