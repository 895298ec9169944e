/*
 * sql - values into statements and out of rows.
 *
 * Thread: that of the statement's connection.
 */
#ifndef FAIRLEAD_TRACK_SQL_H
#define FAIRLEAD_TRACK_SQL_H

#include <sqlite3.h>
#include <stdarg.h>

#include "base/slice.h"
#include "track/account.h"

/*
 * Binds one value for each letter of `format`:  i int64_t;  t a time (usec; TIME_NONE is NULL);  s struct
 * slice as text (absent: NULL);  b struct slice as blob (empty: NULL);  0 NULL, without an argument. Slices
 * are borrowed until the statement is reset or bound anew. An SQLite code.
 */
int sql_bind(sqlite3_stmt *statement, const char *format, va_list args);

/* Columns: a number, 0 for NULL; a time; a text, absent for NULL, that lives until the next step. */
int64_t column_number(sqlite3_stmt *row, int column);
usec column_time(sqlite3_stmt *row, int column);
struct slice column_text(sqlite3_stmt *row, int column);

#endif
