/*
 * log - one line for each thing worth telling, on standard error.
 *
 * Text form:  2026-05-04T10:00:00.120Z info  stored 1 of 2 dir="my data"
 * JSON form:  {"time":"…","level":"info","message":"stored 1 of 2","dir":"my data"}
 * Fields are given as pairs of name and text after the message and end with NULL. Values are escaped, so that
 * a line stays one line whatever a peer sent; bytes that are not UTF-8 become U+FFFD. A value is cut at about
 * 512 bytes, and a line at 2 KiB: fields that do not fit any more are left out. Never pass a body or a
 * secret.
 *
 * Thread: any; a line is one write(2). Level and form may change while other threads log.
 */
#ifndef FAIRLEAD_BASE_LOG_H
#define FAIRLEAD_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

void log_configure(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

/* Field values: const char *name, const char *value, …, NULL. Use LOG_NUM() for a number. */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__, (const char *)NULL)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__, (const char *)NULL)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__, (const char *)NULL)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__, (const char *)NULL)

/* Decimal text of a number, for one field value; lives to the end of the enclosing block. */
#define LOG_NUM(n) log_number((char[24]){0}, (long long)(n))
const char *log_number(char out[24], long long number);

#endif
