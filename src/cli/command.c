
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/suggest.h"
#include "cli/terminal.h"

static const struct command *const COMMANDS[] = {
    &cmd_serve,   &cmd_send,   &cmd_simulate, &cmd_tail,   &cmd_accounts,
    &cmd_account, &cmd_stats,  &cmd_verify,   &cmd_export, &cmd_import,
    &cmd_rebuild, &cmd_doctor, &cmd_version,  &cmd_help,   NULL,
};

const struct command *const *command_all(void)
{
    return COMMANDS;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; COMMANDS[i]; i++)
        if (strcmp(COMMANDS[i]->name, name) == 0)
            return COMMANDS[i];
    return NULL;
}

static const struct command *find_near(const char *name)
{
    const struct command *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; COMMANDS[i]; i++) {
        size_t distance = suggest_distance(COMMANDS[i]->name, name);
        if (distance < best_distance && suggest_is_near(distance, strlen(name))) {
            best_distance = distance;
            best = COMMANDS[i];
        }
    }
    return best;
}

enum rc command_get(const char *name, const struct command **ret, struct err *err)
{
    const struct command *command = command_find(name);
    if (command) {
        *ret = command;
        return RC_OK;
    }
    const struct command *near = find_near(name);
    if (near)
        return err_set(err, RC_USAGE, "there is no command \"%.40s\"; did you mean \"%s\"?", name,
                       near->name);
    return err_set(err, RC_USAGE, "there is no command \"%.40s\"; fairlead help lists them", name);
}

bool command_knows_variable(const char *variable)
{
    for (size_t i = 0; COMMANDS[i]; i++)
        if (option_is_variable(COMMANDS[i]->options, variable))
            return true;
    return false;
}

/* Each line of text, indented. */
static void write_indented(const char *text, struct buf *out)
{
    struct slice rest = slice_str(text);
    while (rest.len > 0) {
        struct slice line = slice_split(&rest, '\n');
        buf_add_str(out, line.len ? "  " : "");
        buf_add_slice(out, line);
        buf_add_char(out, '\n');
    }
}

static void write_usage(const struct command *command, struct buf *out)
{
    buf_addf(out, "fairlead %s%s%s%s", command->name, command->options->count ? " [OPTIONS]" : "",
             command->operands[0] ? " " : "", command->operands);
}

void command_write_help(const struct command *command, struct buf *out)
{
    buf_add_str(out, "Usage: ");
    write_usage(command, out);
    buf_addf(out, "\n\n%s\n", command->summary);
    if (command->details)
        buf_addf(out, "\n%s\n", command->details);
    if (command->options->count) {
        buf_add_str(out, "\nOptions:\n");
        option_write_help(command->options, out);
        buf_add_str(out, "\nEach option is also an environment variable: --max-body is FAIRLEAD_MAX_BODY.\n");
    }
    if (command->examples) {
        buf_add_str(out, "\nExamples:\n");
        write_indented(command->examples, out);
    }
}

void command_write_list(struct buf *out)
{
    buf_add_str(out, "Fairlead receives webhooks about connected accounts and keeps every one.\n\n"
                     "Usage: fairlead COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; COMMANDS[i]; i++)
        buf_addf(out, "  %-10s%s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    buf_add_str(out, "\nfairlead help COMMAND explains one.\n");
}

static void write_markdown(const struct command *command, struct buf *out)
{
    buf_addf(out, "## fairlead %s\n\n    ", command->name);
    write_usage(command, out);
    buf_addf(out, "\n\n%s\n", command->summary);
    if (command->details)
        buf_addf(out, "\n%s\n", command->details);
    if (command->options->count) {
        buf_add_char(out, '\n');
        option_write_markdown(command->options, out);
    }
    if (command->examples)
        buf_addf(out, "\n```sh\n%s\n```\n", command->examples);
}

void command_write_markdown(const struct command *command, struct buf *out)
{
    if (command) {
        write_markdown(command, out);
        return;
    }
    buf_add_str(out, "# Commands\n\nMade from the option tables by `fairlead help --markdown`.\n"
                     "Exit status: 0 success, 1 failure, 2 wrong usage.\n");
    for (size_t i = 0; COMMANDS[i]; i++) {
        buf_add_char(out, '\n');
        write_markdown(COMMANDS[i], out);
    }
}

static void print_error(const struct command *command, const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "%sfairlead%s%s:%s %s\n", terminal_colour(STDERR_FILENO, COLOUR_RED), command ? " " : "",
            command ? command->name : "", terminal_colour(STDERR_FILENO, COLOUR_NONE), err->message);
}

int command_fail(const struct command *command, const struct err *err)
{
    print_error(command, err);
    return EXIT_FAILED;
}

int command_refuse(const struct command *command, const struct err *err)
{
    print_error(command, err);
    fprintf(stderr, "See: fairlead help%s%s\n", command ? " " : "", command ? command->name : "");
    return EXIT_USAGE;
}

int command_end(const struct command *command, enum rc rc, const struct err *err)
{
    if (rc == RC_OK)
        return EXIT_OK;
    return rc == RC_USAGE ? command_refuse(command, err) : command_fail(command, err);
}

enum rc command_print(struct buf *out, struct err *err)
{
    if (buf_failed(out))
        return err_set(err, RC_NO_MEMORY, "out of memory");
    bool written = fwrite(buf_str(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    int cause = errno;
    buf_clear(out);
    if (written)
        return RC_OK;
    return err_set(err, RC_STORAGE_UNAVAILABLE, "standard output cannot be written: %s", strerror(cause));
}

int command_read_options(const struct command *command, void *values, int argc, char **argv,
                         const char **ret_operands, size_t max_operands, size_t *ret_count)
{
    struct err err;
    option_defaults(command->options, values);
    enum rc rc = option_read_environment(command->options, values, environ, &err);
    if (rc == RC_OK)
        rc = option_read_arguments(command->options, values, argc, argv, ret_operands, max_operands,
                                   ret_count, &err);
    if (rc == RC_OK)
        return EXIT_OK;
    option_values_cleanup(command->options, values);
    return command_refuse(command, &err);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int print_help(const struct command *command)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (command)
        command_write_help(command, &text);
    else
        command_write_list(&text);
    fputs(buf_str(&text), stdout);
    return EXIT_OK;
}

/* What was printed and could not be written (a full disk behind a redirection) must not look like success. */
static int finish_output(int status)
{
    bool failed = ferror(stdout) != 0;
    int cause = failed ? EIO : 0; /* the reason of an earlier failure is gone */
    if (fflush(stdout) != 0)
        cause = errno;
    if (cause == 0 || status != EXIT_OK)
        return status; /* a command that failed has said why */
    struct err err;
    (void)!err_set(&err, RC_STORAGE_UNAVAILABLE, "standard output cannot be written: %s", strerror(cause));
    print_error(NULL, &err);
    return EXIT_FAILED;
}

static int dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
        command_write_list(&text);
        fputs(buf_str(&text), stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_help(NULL);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return cmd_version.run(0, NULL);
    const struct command *command = NULL;
    struct err err;
    if (command_get(name, &command, &err))
        return command_refuse(NULL, &err);
    if (asks_for_help(argc - 2, argv + 2))
        return print_help(command);
    return command->run(argc - 2, argv + 2);
}

int command_main(int argc, char **argv)
{
    return finish_output(dispatch(argc, argv));
}
