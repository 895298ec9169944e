/*
 * option - options as a table: name, kind, default, limits, help in one row; parser, environment, file keys,
 * --help and the reference page are made from it.
 *
 * A command has a struct with its values and a table of rows that say where in the struct each value lives.
 * Values come from four places, later ones replacing earlier ones: the row's default, a configuration file,
 * the environment (FAIRLEAD_<NAME>, dashes as underscores), the command line. A list given at one place
 * replaces the list of the place before.
 *
 * Errors name the place ("fairlead.ini:12", "FAIRLEAD_MAX_BODY", "--max-body"), the value, and what is
 * allowed. A value that is secret is never repeated in a message. Where a value came from is kept, so that
 * what is found wrong with it later can name the place as well: option_blame().
 *
 * Thread: start-up, one thread.   Owner: option_values_cleanup() frees what the parser allocated.
 */
#ifndef FAIRLEAD_BASE_OPTION_H
#define FAIRLEAD_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* kind, type in the struct, what a user writes */
enum option_kind {
    OPTION_FLAG, /* bool: --name, --no-name; in file and environment true/false/yes/no/on/off/1/0 */
    OPTION_TEXT, /* const char * (allocated; NULL when never set) */
    OPTION_LIST, /* struct option_list: repeatable; in the environment and in files one value per key or line,
                    separated by commas in the environment */
    OPTION_NUMBER, /* int64_t, within min..max */
    OPTION_SIZE, /* int64_t bytes: 4096, 64KiB, 1MiB, 2GiB, also KB/MB/GB (powers of ten), within min..max */
    OPTION_DURATION, /* usec, see clock_parse_duration(), within min..max */
    OPTION_CHOICE,   /* int: index into choices */
};

#define OPTION_LIST_MAX 64
#define OPTION_ROWS_MAX 64 /* rows of a table that keeps origins */

/* Where the values came from, one for each row. */
struct option_origins {
    char *places[OPTION_ROWS_MAX]; /* NULL: the row's default */
};

struct option_list {
    char *items[OPTION_LIST_MAX];
    char *places[OPTION_LIST_MAX]; /* where each item came from */
    size_t count;
    bool stale; /* the items come from an earlier place: the next item replaces them all */
};

struct option {
    const char *name; /* "max-body" */
    char letter;      /* 'h' for -h; 0: none */
    enum option_kind kind;
    size_t offset;        /* offsetof() in the values struct */
    const char *value;    /* how help calls the value: "SIZE"; NULL for flags */
    const char *fallback; /* the default as a user would write it; NULL: none */
    int64_t min;
    int64_t max;                /* numbers, sizes, durations; max 0: no limits */
    const char *const *choices; /* NULL-terminated */
    bool secret;                /* never shown */
    const char *help;           /* one sentence */
};

struct option_table {
    const struct option *rows;
    size_t count;
    size_t origins; /* offsetof() a struct option_origins in the values struct; 0: they are not kept */
};

/* Sets every default. values must be zeroed. Asserts that the table's own defaults are valid. */
void option_defaults(const struct option_table *table, void *values);

/* One value for the option called `name`, from `place` (for messages). RC_USAGE: unknown name (a near one is
 * suggested) or bad value. */
MUST_CHECK enum rc option_set(const struct option_table *table, void *values, const char *name,
                              const char *text, const char *place, struct err *err);

/*
 * Every FAIRLEAD_* variable of `environment` (like environ) that names a row; an empty one counts as not set,
 * but an empty list is RC_USAGE. Other variables are left alone. A place of its own: calls
 * option_next_place().
 */
MUST_CHECK enum rc option_read_environment(const struct option_table *table, void *values,
                                           char *const *environment, struct err *err);

/* Does this variable ("FAIRLEAD_LISTEN=…", as in environ) name a row? */
bool option_is_variable(const struct option_table *table, const char *variable);

/*
 * Is this FAIRLEAD_* variable ("FAIRLEAD_SECRETS=…", as in environ) misspelt: the name of no row, but nearly
 * one? Appends the name that was perhaps meant ("FAIRLEAD_SECRET") to ret_meant. Names that are like none,
 * which others may have put there, are not misspelt.
 */
bool option_is_misspelt(const struct option_table *table, const char *variable, struct buf *ret_meant);

/*
 * The command line after the command's name: --name VALUE, --name=VALUE, --flag, --no-flag, -x; "--" ends
 * options. What is no option is an operand: up to max_operands go to ret_operands (pointers into argv), more
 * are RC_USAGE. A place of its own: calls option_next_place().
 */
MUST_CHECK enum rc option_read_arguments(const struct option_table *table, void *values, int argc,
                                         char **argv, const char **ret_operands, size_t max_operands,
                                         size_t *ret_count, struct err *err);

/*
 * What is found wrong with a value after it was read: puts in front of err's sentence where the value of
 * `name` came from, "fairlead.ini:12: listen: ", "FAIRLEAD_LISTEN: ", "--listen: ". `item`: of a list,
 * otherwise 0. Returns RC_USAGE. Only for tables that keep origins.
 */
enum rc option_blame(const struct option_table *table, const void *values, const char *name, size_t item,
                     struct err *err);
/* For what two values demand of each other: "slow-after 60s (default)", "tls-cert (fairlead.ini:12)"; amounts
 * are shown, texts are not. */
void option_write_setting(const struct option_table *table, const void *values, const char *name,
                          struct buf *out);

/* Frees texts, lists and origins. */
void option_values_cleanup(const struct option_table *table, void *values);

/* Resets what one place will set, so that its list items replace earlier ones: call before reading the next
 * place. */
void option_next_place(const struct option_table *table, void *values);

/* The rows as aligned help text; the rows as a Markdown table with environment names and limits. */
void option_write_help(const struct option_table *table, struct buf *out);
void option_write_markdown(const struct option_table *table, struct buf *out);

/* Sizes as text: "1MiB"; exact, shortest. And back; false when it is none. */
void option_format_size(int64_t bytes, struct buf *out);
bool option_parse_size(const char *text, int64_t *ret) __attribute__((warn_unused_result));

#endif
