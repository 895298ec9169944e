#include "cli/config_file.h"

#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text_file.h"

/* What is about this one start, or about the file itself, cannot stand in it. */
static const char *const COMMAND_LINE_ONLY[] = {"config", "check"};

struct parsing {
    const struct option_table *table;
    void *values;
    bool *given; /* one for each row */
    struct err err;
    bool failed;
};

static bool is_for_the_command_line(const char *name)
{
    for (size_t i = 0; i < sizeof COMMAND_LINE_ONLY / sizeof COMMAND_LINE_ONLY[0]; i++)
        if (strcmp(name, COMMAND_LINE_ONLY[i]) == 0)
            return true;
    return false;
}

/* Is this the second line of an option that has one value? */
static bool is_repeated(struct parsing *parsing, const char *name)
{
    for (size_t i = 0; i < parsing->table->count; i++) {
        const struct option *option = &parsing->table->rows[i];
        if (option->kind == OPTION_LIST || strcmp(option->name, name) != 0)
            continue;
        bool before = parsing->given[i];
        parsing->given[i] = true;
        return before;
    }
    return false;
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct parsing *parsing = arg;
    struct err *err = &parsing->err;
    enum rc rc;
    if (parsing->failed)
        return 1;
    if (section[0])
        rc = err_set(err, RC_USAGE, "'%s' is in a section [%s]; this file has no sections", name, section);
    else if (is_for_the_command_line(name))
        rc = err_set(err, RC_USAGE, "%s belongs on the command line, not in the file", name);
    else if (is_repeated(parsing, name))
        rc = err_set(err, RC_USAGE, "%s has a value already; give it once", name);
    else
        rc = option_set(parsing->table, parsing->values, name, value ? value : "", "", err);
    parsing->failed = rc != RC_OK;
    return rc == RC_OK;
}

/* "value ;comment", where libinih cuts the value. */
static bool has_comment_behind(struct slice line)
{
    for (size_t i = 1; i < line.len; i++)
        if (line.ptr[i] == ';' && isspace((unsigned char)line.ptr[i - 1]))
            return true;
    return false;
}

/*
 * libinih cuts long lines, takes an indented line for more of the value before it, and ends a value at " ;",
 * all without a word: a secret would silently be another one. NULL: the line means what it looks like.
 */
static const char *find_fault(struct slice line)
{
    if (line.len > CONFIG_LINE_MAX)
        return "a line may have at most 190 bytes";
    if (line.len > 0 && memchr(line.ptr, '\0', line.len))
        return "a zero byte is no text";
    struct slice text = line; /* what libinih takes for white space is more than a space and a tab */
    while (text.len > 0 && isspace((unsigned char)text.ptr[0]))
        text = slice_skip(text, 1);
    if (text.len == 0 || text.ptr[0] == ';' || text.ptr[0] == '#')
        return NULL;
    if (text.ptr != line.ptr)
        return "a line must not begin with white space";
    if (has_comment_behind(text))
        return "a comment needs a line of its own, and a value must not hold white space before a ';'";
    return NULL;
}

static enum rc check_lines(struct slice text, const char *file_name, struct err *err)
{
    for (int number = 1; text.len > 0; number++) {
        const char *fault = find_fault(slice_split(&text, '\n'));
        if (fault)
            return err_set(err, RC_USAGE, "%s:%d: %s", file_name, number, fault);
    }
    return RC_OK;
}

enum rc config_file_parse(const struct option_table *table, void *values, struct slice text,
                          const char *file_name, struct err *err)
{
    enum rc rc = check_lines(text, file_name, err);
    if (rc != RC_OK)
        return rc;
    CLEANUP(buf_cleanup) struct buf copy = BUF_INIT;
    CLEANUP(cleanup_free) bool *given = calloc(table->count, sizeof *given);
    buf_add_slice(&copy, text);
    if (buf_failed(&copy) || !given)
        return err_set(err, RC_NO_MEMORY, "no memory to read %s", file_name);
    struct parsing parsing = {.table = table, .values = values, .given = given};
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
