#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/server_access.h"
#include "cli/stats_page.h"

struct stats_options {
    struct server_access_options access;
    const char *since;
    const char *until;
    int by;
    int bucket;
    bool json;
};

static const char *const BY[] = {"app", "integration", NULL};
enum bucket { BUCKET_AUTO, BUCKET_MINUTE, BUCKET_HOUR, BUCKET_DAY };
static const char *const BUCKETS[] = {"auto", "minute", "hour", "day", NULL};
#define MINUTES_UP_TO (6 * USEC_HOUR)
#define HOURS_UP_TO   (31 * USEC_DAY)

#define AT(member) offsetof(struct stats_options, member)
static const struct option ROWS[] = {
    SERVER_ACCESS_ROWS(AT(access)),
    {.name = "since",
     .kind = OPTION_TEXT,
     .offset = AT(since),
     .value = "TIME",
     .fallback = "24h",
     .help = "attempts that started at or after this time: 2026-05-04T10:00:00Z, or 24h for a day ago"},
    {.name = "until",
     .kind = OPTION_TEXT,
     .offset = AT(until),
     .value = "TIME",
     .help = "attempts that started before this time; default: now"},
    {.name = "by",
     .kind = OPTION_CHOICE,
     .offset = AT(by),
     .value = "WHAT",
     .fallback = "app",
     .choices = BY,
     .help = "what the groups are"},
    {.name = "bucket",
     .kind = OPTION_CHOICE,
     .offset = AT(bucket),
     .value = "STEP",
     .fallback = "auto",
     .choices = BUCKETS,
     .help = "the step of the series, to which since and until are widened; auto is minute for up to 6 hours "
             "and day for more than 31 days"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the API's answer, one line of JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

/* As the server reads it, which also says what is wrong with it. */
static bool read_time(const char *text, usec now, usec *ret)
{
    usec ago;
    *ret = now;
    if (!text || clock_parse(slice_str(text), ret))
        return true;
    if (!clock_parse_duration(slice_str(text), &ago))
        return false;
    *ret = now - ago;
    return true;
}

/* Fine enough that widening to whole steps adds little. */
static const char *choose_bucket(const struct stats_options *options)
{
    usec now = clock_wall();
    usec since;
    usec until;
    if (options->bucket != BUCKET_AUTO)
        return BUCKETS[options->bucket];
    if (!read_time(options->since, now, &since) || !read_time(options->until, now, &until))
        return BUCKETS[BUCKET_HOUR];
    if (until - since <= MINUTES_UP_TO)
        return BUCKETS[BUCKET_MINUTE];
    return BUCKETS[until - since <= HOURS_UP_TO ? BUCKET_HOUR : BUCKET_DAY];
}

static enum rc ask(const struct stats_options *options, const char *bucket, struct buf *answer,
                   struct err *err)
{
    CLEANUP(server_access_close) struct server_access access = {.client = NULL};
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    buf_add_str(&path, "/api/v1/onboarding");
    server_path_add_query(&path, "since", options->since);
    server_path_add_query(&path, "until", options->until);
    server_path_add_query(&path, "by", BY[options->by]);
    server_path_add_query(&path, "bucket", bucket);
    enum rc rc = server_access_open(&access, &options->access, err);
    return rc ? rc : server_access_get(&access, buf_str(&path), answer, err);
}

static enum rc show(const struct stats_options *options, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf answer = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    const struct stats_page page = {.by = BY[options->by], .bucket = choose_bucket(options)};
    struct screen screen = screen_of(STDOUT_FILENO);
    json_t *tree;
    enum rc rc = ask(options, page.bucket, &answer, err);
    if (rc)
        return rc;
    if (options->json) {
        buf_add_char(&answer, '\n');
        return command_print(&answer, err);
    }
    rc = json_parse(buf_slice(&answer), &tree, err);
    if (rc)
        return rc;
    stats_page_write(tree, &page, &screen, &out);
    json_decref(tree);
    return command_print(&out, err);
}

static int run_stats(int argc, char **argv)
{
    struct stats_options options = {.json = false};
    struct err err;
    int status = command_read_options(&cmd_stats, &options, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    enum rc rc = show(&options, &err);
    status = command_end(&cmd_stats, rc, &err);
    option_values_cleanup(&TABLE, &options);
    return status;
}

const struct command cmd_stats = {
    .name = "stats",
    .operands = "",
    .summary = "show onboarding figures: funnel, time to connect, apps",
    .details = "Asks a running server. Each attempt to connect counts at the time of its start, with what "
               "became of\n"
               "it. Bars are drawn with block characters in a UTF-8 locale and with # otherwise.",
    .examples = "fairlead stats\n"
                "fairlead stats --since 7d --bucket day --by integration\n"
                "fairlead stats --json | jq .total.completion_rate",
    .options = &TABLE,
    .run = run_stats,
};
