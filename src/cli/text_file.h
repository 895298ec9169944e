/* text_file - a whole file, or standard input, into memory. Thread: main. */
#ifndef FAIRLEAD_CLI_TEXT_FILE_H
#define FAIRLEAD_CLI_TEXT_FILE_H

#include "base/buf.h"
#include "base/error.h"

/* Appends what is in the file ("-": standard input) to out, whose limit holds. RC_NOT_FOUND, RC_USAGE (too
 * large, a directory, …) name the file. */
MUST_CHECK enum rc text_file_read(const char *name, struct buf *out, struct err *err);

#endif
