#include "cli/config_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text_file.h"

struct parsing {
    const struct option_table *table;
    void *values;
    struct err err;
    bool failed;
};

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct parsing *parsing = arg;
    enum rc rc;
    if (parsing->failed)
        return 1;
    if (section[0])
        rc = err_set(&parsing->err, RC_USAGE, "'%s' is in a section [%s]; this file has no sections", name,
                     section);
    else
        rc = option_set(parsing->table, parsing->values, name, value ? value : "", "", &parsing->err);
    parsing->failed = rc != RC_OK;
    return rc == RC_OK;
}

/* libinih cuts long lines silently: say it instead. Returns the number of the first line that is too long or
 * has a zero byte, 0: none. */
static int find_bad_line(struct slice text)
{
    for (int number = 1; text.len > 0; number++) {
        struct slice line = slice_split(&text, '\n');
        if (line.len > CONFIG_LINE_MAX || memchr(line.ptr, '\0', line.len))
            return number;
    }
    return 0;
}

enum rc config_file_parse(const struct option_table *table, void *values, struct slice text,
                          const char *file_name, struct err *err)
{
    int bad = text.len ? find_bad_line(text) : 0;
    if (bad)
        return err_set(err, RC_USAGE, "%s:%d: the line is longer than %d characters or no text", file_name,
                       bad, CONFIG_LINE_MAX);
    CLEANUP(buf_cleanup) struct buf copy = BUF_INIT;
    buf_add_slice(&copy, text);
    if (buf_failed(&copy))
        return err_set(err, RC_NO_MEMORY, "no memory to read %s", file_name);
    struct parsing parsing = {.table = table, .values = values};
    int line = ini_parse_string(buf_str(&copy), on_key, &parsing);
    if (line == 0)
        return RC_OK;
    if (!parsing.failed)
        return err_set(err, RC_USAGE, "%s:%d: not understood; write lines like 'max-body = 2MiB'", file_name,
                       line);
    const char *message = parsing.err.message;
    return err_set(err, RC_USAGE, "%s:%d: %s", file_name, line,
                   strncmp(message, ": ", 2) == 0 ? message + 2 : message);
}

enum rc config_file_read(const struct option_table *table, void *values, const char *file_name,
                         struct err *err)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT_LIMIT(CONFIG_FILE_MAX);
    enum rc rc = text_file_read(file_name, &text, err);
    return rc == RC_OK ? config_file_parse(table, values, buf_slice(&text), file_name, err) : rc;
}
