/*
 * command - the commands of the program, one table.
 *
 * A command is a row in command.c, a file cmd_<name>.c with one function, and a test. run() gets the
 * arguments after the command's name and returns the exit status: 0 success, 1 failure, 2 wrong usage. --help
 * is answered before run() is called, from the row and its option table.
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_COMMAND_H
#define FAIRLEAD_CLI_COMMAND_H

#include "base/error.h"
#include "base/option.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;
    const char *operands; /* "[TYPE]", or "" */
    const char *summary;  /* one line, for the list */
    const char *details;  /* paragraphs for its help; may be NULL */
    const char *examples; /* lines, each a whole command */
    const struct option_table *options;
    int (*run)(int argc, char **argv);
};

extern const struct command cmd_serve, cmd_send, cmd_verify, cmd_export, cmd_import, cmd_simulate, cmd_tail,
    cmd_accounts, cmd_account, cmd_stats, cmd_rebuild, cmd_doctor, cmd_version, cmd_help;

/* Finds it by name; NULL. */
const struct command *command_find(const char *name);
/* Every command, NULL at the end; for help and the reference page. */
const struct command *const *command_all(void);

/* The same, or RC_USAGE with a sentence that suggests a near name. */
MUST_CHECK enum rc command_get(const char *name, const struct command **ret, struct err *err);

/* Is this environment variable ("FAIRLEAD_URL=…", as in environ) an option of any command? */
bool command_knows_variable(const char *variable);

/* Help: of one command; the list of all; the reference page of one command, of all when command is NULL. */
void command_write_help(const struct command *command, struct buf *out);
void command_write_list(struct buf *out);
void command_write_markdown(const struct command *command, struct buf *out);

/* main() in all but name: picks the command, answers --help, runs. */
int command_main(int argc, char **argv);

/*
 * What most commands do with their arguments: defaults, environment, command line. On failure prints the
 * sentence with a hint to help to standard error, frees what values hold, and returns EXIT_USAGE; otherwise
 * EXIT_OK. values must be zeroed; NULL for an empty table.
 */
MUST_CHECK int command_read_options(const struct command *command, void *values, int argc, char **argv,
                                    const char **ret_operands, size_t max_operands, size_t *ret_count);

/* Prints "fairlead <command>: <sentence>" to standard error and returns EXIT_FAILED. */
MUST_CHECK int command_fail(const struct command *command, const struct err *err);
/* The same with a hint to the command's help; returns EXIT_USAGE. */
MUST_CHECK int command_refuse(const struct command *command, const struct err *err);
/* EXIT_OK for RC_OK, command_refuse() for RC_USAGE, command_fail() for the rest. */
MUST_CHECK int command_end(const struct command *command, enum rc rc, const struct err *err);
/* Writes out to standard output and empties it. RC_NO_MEMORY when it has failed; RC_STORAGE_UNAVAILABLE when
 * it could not be written. */
MUST_CHECK enum rc command_print(struct buf *out, struct err *err);

#endif
