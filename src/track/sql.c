#include "track/sql.h"

#include <assert.h>

int sql_bind(sqlite3_stmt *statement, const char *format, va_list args)
{
    int code = SQLITE_OK;
    for (int column = 1; format[column - 1] && code == SQLITE_OK; column++) {
        char letter = format[column - 1];
        int64_t number;
        struct slice text;
        switch (letter) {
        case 'i':
        case 't':
            number = va_arg(args, int64_t);
            code = letter == 't' && number == TIME_NONE ? sqlite3_bind_null(statement, column)
                                                        : sqlite3_bind_int64(statement, column, number);
            break;
        case 's':
            text = va_arg(args, struct slice);
            code = sqlite3_bind_text(statement, column, text.ptr, (int)text.len, SQLITE_STATIC);
            break;
        case 'b':
            text = va_arg(args, struct slice);
            code = sqlite3_bind_blob(statement, column, text.len ? text.ptr : NULL, (int)text.len,
                                     SQLITE_STATIC);
            break;
        default:
            assert(letter == '0');
            code = sqlite3_bind_null(statement, column);
        }
    }
    return code;
}

int64_t column_number(sqlite3_stmt *row, int column)
{
    return sqlite3_column_int64(row, column);
}

usec column_time(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? TIME_NONE : sqlite3_column_int64(row, column);
}

struct slice column_text(sqlite3_stmt *row, int column)
{
    const void *text = sqlite3_column_blob(row, column);
    int len = sqlite3_column_bytes(row, column);
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return SLICE_NONE;
    return slice_of(text ? text : "", (size_t)len);
}
