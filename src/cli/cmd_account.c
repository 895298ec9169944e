#include <unistd.h>

#include "base/cleanup.h"
#include "cli/account_page.h"
#include "cli/command.h"
#include "cli/server_access.h"

struct account_options {
    struct server_access_options access;
    bool payloads;
    bool reveal;
    bool json;
};

#define AT(member) offsetof(struct account_options, member)
static const struct option ROWS[] = {
    SERVER_ACCESS_ROWS(AT(access)),
    {.name = "payloads", .kind = OPTION_FLAG, .offset = AT(payloads), .help = "each event's whole payload"},
    {.name = "reveal",
     .kind = OPTION_FLAG,
     .offset = AT(reveal),
     .help = "payloads with the credentials that are hidden otherwise"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the API's answer, one line of JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

static enum rc ask(const struct account_options *options, const char *id, struct buf *answer, struct err *err)
{
    CLEANUP(server_access_close) struct server_access access = {.client = NULL};
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    buf_add_str(&path, "/api/v1/connected_account"); /* in a path "." and ".." would be folders */
    server_path_add_query(&path, "id", id);
    server_path_add_query(&path, "reveal", options->reveal ? "1" : NULL);
    enum rc rc = server_access_open(&access, &options->access, err);
    return rc ? rc : server_access_get(&access, buf_str(&path), answer, err);
}

static enum rc show(const struct account_options *options, const char *id, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf answer = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    struct screen screen = screen_of(STDOUT_FILENO);
    enum rc rc = ask(options, id, &answer, err);
    if (rc)
        return rc;
    if (options->json) {
        buf_add_char(&answer, '\n');
        return command_print(&answer, err);
    }
    rc = account_page_write(buf_slice(&answer), options->payloads || options->reveal, &screen, &out, err);
    return rc ? rc : command_print(&out, err);
}

static int run_account(int argc, char **argv)
{
    struct account_options options = {.json = false};
    const char *id = NULL;
    struct err err;
    size_t count = 0;
    int status = command_read_options(&cmd_account, &options, argc, argv, &id, 1, &count);
    if (status)
        return status;
    enum rc rc = count == 1 && id[0] ? show(&options, id, &err)
                                     : err_set(&err, RC_USAGE, "say which account: fairlead account ID");
    status = command_end(&cmd_account, rc, &err);
    option_values_cleanup(&TABLE, &options);
    return status;
}

const struct command cmd_account = {
    .name = "account",
    .operands = "ID",
    .summary = "show one connected account: its attempts and its timeline",
    .details = "Asks a running server. The timeline is in the order of the events' own times, with the time "
               "since the\n"
               "step before; #N is the event's number in the journal (fairlead export --seq N).",
    .examples = "fairlead account 9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90\n"
                "fairlead account ca_8hYx --payloads\n"
                "fairlead account ca_8hYx --json | jq .account.status",
    .options = &TABLE,
    .run = run_account,
};
