#include "cli/config_file.h"

#include <assert.h>
#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What is about this one start, or about the file itself, cannot stand in it. */
static const char *const COMMAND_LINE_ONLY[] = {"config", "check"};

struct parsing {
    const struct option_table *table;
    void *values;
    bool *given; /* one for each row */
    const char *file_name;
    struct slice rest; /* lines that libinih has not asked for */
    int line;          /* the one that it has */
    int failed_line;   /* 0: none */
    enum rc rc;
    struct err err;
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

static enum rc take_key(struct parsing *parsing, const char *section, const char *name, const char *value)
{
    struct err *err = &parsing->err;
    CLEANUP(buf_cleanup) struct buf place = BUF_INIT;
    buf_addf(&place, "%s:%d", parsing->file_name, parsing->line);
    if (buf_failed(&place))
        return err_set(err, RC_NO_MEMORY, "no memory to read %s", parsing->file_name);
    const char *at = buf_str(&place);
    if (section[0])
        return err_set(err, RC_USAGE, "%s: '%s' is in a section [%s]; this file has no sections", at, name,
                       section);
    if (is_for_the_command_line(name))
        return err_set(err, RC_USAGE, "%s: %s belongs on the command line, not in the file", at, name);
    if (is_repeated(parsing, name))
        return err_set(err, RC_USAGE, "%s: %s has a value already; give it once", at, name);
    return option_set(parsing->table, parsing->values, name, value ? value : "", at, err);
}

/* libinih goes on after a mistake: the first one is kept. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct parsing *parsing = arg;
    if (parsing->failed_line)
        return 1;
    parsing->rc = take_key(parsing, section, name, value);
    if (parsing->rc)
        parsing->failed_line = parsing->line;
    return parsing->rc == RC_OK;
}

/* fgets() from memory, which counts lines: libinih does not tell on_key() where it is. */
static char *next_line(char *to, int size, void *arg)
{
    struct parsing *parsing = arg;
    if (parsing->rest.len == 0)
        return NULL;
    const char *newline = memchr(parsing->rest.ptr, '\n', parsing->rest.len);
    size_t len = newline ? (size_t)(newline - parsing->rest.ptr) + 1 : parsing->rest.len;
    assert(len < (size_t)size); /* check_lines() has seen to it */
    memcpy(to, parsing->rest.ptr, len);
    to[len] = '\0';
    parsing->rest = slice_skip(parsing->rest, len);
    parsing->line++;
    return to;
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
    CLEANUP(cleanup_free) bool *given = calloc(table->count, sizeof *given);
    if (!given)
        return err_set(err, RC_NO_MEMORY, "no memory to read %s", file_name);
    struct parsing parsing = {
        .table = table, .values = values, .given = given, .file_name = file_name, .rest = text};
    int line = ini_parse_stream(next_line, &parsing, on_key, &parsing);
    if (line == 0)
        return RC_OK;
    if (line < 0)
        return err_set(err, RC_NO_MEMORY, "no memory to read %s", file_name);
    if (line != parsing.failed_line)
        return err_set(err, RC_USAGE, "%s:%d: not understood; write lines like 'max-body = 2MiB'", file_name,
                       line);
    return err_set(err, parsing.rc, "%s", parsing.err.message);
}
