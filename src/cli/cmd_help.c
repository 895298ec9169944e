#include <stdio.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/reference.h"

struct help_options {
    bool markdown;
};

static const struct option ROWS[] = {
    {.name = "markdown",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct help_options, markdown),
     .help = "write a reference page: of a command, or configuration, metrics, errors, commands, api"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

static int run_help(int argc, char **argv)
{
    struct help_options options = {0};
    const char *name = NULL;
    size_t count = 0;
    int status = command_read_options(&cmd_help, &options, argc, argv, &name, 1, &count);
    if (status)
        return status;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (options.markdown && count == 1 && reference_write(name, &text)) {
        fputs(buf_str(&text), stdout);
        return EXIT_OK;
    }
    const struct command *command = NULL;
    if (count == 1) {
        struct err err;
        if (command_get(name, &command, &err))
            return command_refuse(&cmd_help, &err);
    }
    if (options.markdown)
        command_write_markdown(command, &text);
    else if (command)
        command_write_help(command, &text);
    else
        command_write_list(&text);
    fputs(buf_str(&text), stdout);
    return EXIT_OK;
}

const struct command cmd_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "explain a command",
    .examples = "fairlead help send\nfairlead help --markdown > docs/commands.md",
    .options = &TABLE,
    .run = run_help,
};
