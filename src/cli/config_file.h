/*
 * config_file - an INI file whose keys are a table's options:  max-body = 2MiB
 *
 * No sections. ';' and '#' begin comments, which have lines of their own. A list has one line for each item,
 * everything else one line. Unknown keys, bad values, indented lines and a ';' after white space are RC_USAGE
 * with the file's name and the line. Lines have at most CONFIG_LINE_MAX bytes, files CONFIG_FILE_MAX.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_CONFIG_FILE_H
#define FAIRLEAD_CLI_CONFIG_FILE_H

#include "base/option.h"
#include "base/slice.h"

#define CONFIG_LINE_MAX 190
#define CONFIG_FILE_MAX ((size_t)1024 * 1024)

/* file_name is for messages. */
MUST_CHECK enum rc config_file_parse(const struct option_table *table, void *values, struct slice text,
                                     const char *file_name, struct err *err);

#endif
