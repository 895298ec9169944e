#include <stdio.h>

#include "base/version.h"
#include "cli/command.h"

static const struct option_table TABLE = {.rows = NULL, .count = 0};

static int run_version(int argc, char **argv)
{
    int status = command_read_options(&cmd_version, NULL, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    printf("fairlead %s\n", version_text());
    return EXIT_OK;
}

const struct command cmd_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .examples = "fairlead version",
    .options = &TABLE,
    .run = run_version,
};
