#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/account_page.h"
#include "cli/command.h"
#include "cli/server_access.h"
#include "wire/json_raw.h"

#define PAGE_ITEMS 500

struct accounts_options {
    struct server_access_options access;
    int status;
    const char *app;
    int stalled;
    const char *q;
    int64_t limit;
    bool json;
};

/* The first choice stands for no condition. */
static const char *const STATUSES[] = {"any", "INITIATED", "ACTIVE", "FAILED", "EXPIRED", "DELETED", NULL};
static const char *const STALLED[] = {"any", "slow", "abandoned", NULL};

#define AT(member) offsetof(struct accounts_options, member)
static const struct option ROWS[] = {
    SERVER_ACCESS_ROWS(AT(access)),
    {.name = "status",
     .kind = OPTION_CHOICE,
     .offset = AT(status),
     .value = "STATUS",
     .fallback = "any",
     .choices = STATUSES,
     .help = "only accounts with this status"},
    {.name = "app",
     .kind = OPTION_TEXT,
     .offset = AT(app),
     .value = "NAME",
     .help = "only accounts of this app"},
    {.name = "stalled",
     .kind = OPTION_CHOICE,
     .offset = AT(stalled),
     .value = "MARK",
     .fallback = "any",
     .choices = STALLED,
     .help = "only accounts whose connection takes long"},
    {.name = "q",
     .letter = 'q',
     .kind = OPTION_TEXT,
     .offset = AT(q),
     .value = "WORDS",
     .help = "words that must all occur in ids, names or app; one that ends in * stands for what begins so"},
    {.name = "limit",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .offset = AT(limit),
     .value = "N",
     .fallback = "50",
     .min = 1,
     .max = 10000000,
     .help = "at most so many, the newest"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one line of JSON for each account"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

/* One run of the command. */
struct listing {
    struct accounts_options options;
    struct server_access access;
    struct screen screen;
    struct table table;
    struct buf answer;
    struct buf out;
    char cursor[64];
    uint64_t listed;
    bool more; /* there are more than were asked for */
};

static enum rc ask(struct listing *listing, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    const struct accounts_options *options = &listing->options;
    uint64_t left = (uint64_t)options->limit - listing->listed;
    buf_addf(&path, "/api/v1/connected_accounts?limit=%" PRIu64, left < PAGE_ITEMS ? left : PAGE_ITEMS);
    server_path_add_query(&path, "cursor", listing->cursor[0] ? listing->cursor : NULL);
    server_path_add_query(&path, "status", options->status ? STATUSES[options->status] : NULL);
    server_path_add_query(&path, "stalled", options->stalled ? STALLED[options->stalled] : NULL);
    server_path_add_query(&path, "app", options->app);
    server_path_add_query(&path, "q", options->q);
    buf_clear(&listing->answer);
    return server_access_get(&listing->access, buf_str(&path), &listing->answer, err);
}

static enum rc take_item(struct listing *listing, struct slice item, struct err *err)
{
    json_t *account;
    listing->listed++;
    if (listing->options.json) {
        buf_add_slice(&listing->out, item);
        buf_add_char(&listing->out, '\n');
        return RC_OK;
    }
    enum rc rc = json_parse(item, &account, err);
    if (rc)
        return rc;
    account_table_add(&listing->table, account, &listing->screen);
    json_decref(account);
    return RC_OK;
}

/* false: there is no further page. */
static bool next_cursor(struct listing *listing)
{
    struct slice next = json_raw_member(buf_slice(&listing->answer), "next");
    if (next.len && next.ptr[0] == '"')
        next = slice_of(next.ptr + 1, next.len - 2);
    if (!next.len || slice_is(next, "null") || next.len >= sizeof listing->cursor)
        return false;
    snprintf(listing->cursor, sizeof listing->cursor, "%.*s", SLICE_ARG(next));
    return true;
}

static enum rc list(struct listing *listing, struct err *err)
{
    bool more = true;
    while (more && listing->listed < (uint64_t)listing->options.limit) {
        enum rc rc = ask(listing, err);
        struct slice item;
        struct slice items = rc ? SLICE_NONE : json_raw_member(buf_slice(&listing->answer), "items");
        while (rc == RC_OK && json_raw_next(&items, &item))
            rc = take_item(listing, item, err);
        more = rc == RC_OK && next_cursor(listing);
        if (rc == RC_OK && listing->options.json)
            rc = command_print(&listing->out, err);
        if (rc)
            return rc;
    }
    listing->more = more;
    return RC_OK;
}

static enum rc print(struct listing *listing, struct err *err)
{
    if (listing->options.json)
        return RC_OK;
    table_write(&listing->table, &listing->screen, &listing->out);
    enum rc rc = command_print(&listing->out, err);
    if (listing->listed == 0)
        fputs("no account matches\n", stderr);
    else if (listing->more && listing->screen.bounded)
        fputs("there are more: see --limit\n", stderr);
    return rc;
}

static int run_accounts(int argc, char **argv)
{
    struct listing listing = {.screen = screen_of(STDOUT_FILENO)};
    struct err err;
    int status = command_read_options(&cmd_accounts, &listing.options, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    account_table_init(&listing.table);
    enum rc rc = server_access_open(&listing.access, &listing.options.access, &err);
    if (rc == RC_OK)
        rc = list(&listing, &err);
    if (rc == RC_OK)
        rc = print(&listing, &err);
    status = command_end(&cmd_accounts, rc, &err);
    server_access_close(&listing.access);
    table_cleanup(&listing.table);
    buf_cleanup(&listing.answer);
    buf_cleanup(&listing.out);
    option_values_cleanup(&TABLE, &listing.options);
    return status;
}

const struct command cmd_accounts = {
    .name = "accounts",
    .operands = "",
    .summary = "list connected accounts, newest first",
    .details = "Asks a running server. TRIES counts attempts to connect, STARTED is the newest one's start, "
               "CONNECT the\n"
               "time from start to completion. With --json, each line is an account as the API gives it.",
    .examples = "fairlead accounts\n"
                "fairlead accounts --stalled abandoned --app github\n"
                "fairlead accounts --status EXPIRED --limit 1000 --json | jq -r .user_id",
    .options = &TABLE,
    .run = run_accounts,
};
