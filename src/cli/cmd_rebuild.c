#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/human_time.h"
#include "cli/screen.h"
#include "cli/serve_options.h"
#include "track/rebuild.h"

/* All but json is read by the table of serve as well, so that a configuration file counts as it does there.
 */
struct own_options {
    const char *data;
    usec slow_after;
    usec abandoned_after;
    const char *config;
    bool json;
};

#define AT(member) offsetof(struct own_options, member)
static const struct option ROWS[] = {
    {.name = "data",
     .kind = OPTION_TEXT,
     .offset = AT(data),
     .value = "DIR",
     .fallback = "./fairlead-data",
     .help = "data directory"},
    SLOW_AFTER_ROW(AT(slow_after)),
    ABANDONED_AFTER_ROW(AT(abandoned_after)),
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = AT(config),
     .value = "FILE",
     .help = "INI file of serve, for the three above"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the summary as JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    progress_step(arg, done);
}

/* Once without the lock: a directory without a journal is not made. */
static enum rc open_journal(const char *directory, struct journal **ret, struct err *err)
{
    struct journal_options options = {.directory = directory, .read_only = true};
    enum rc rc = journal_open(&options, ret, err);
    if (rc)
        return rc;
    journal_close(*ret);
    options.read_only = false;
    rc = journal_open(&options, ret, err);
    return rc == RC_LOCKED ? err_prefix(err, rc, "stop the server before rebuilding") : rc;
}

static void print_result(const struct rebuild_result *result, usec elapsed, bool json)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    double seconds = (double)elapsed / (double)USEC_PER_SEC;
    if (json) {
        printf("{\"records\":%" PRIu64 ",\"first_seq\":%" PRIu64 ",\"last_seq\":%" PRIu64
               ",\"elapsed_s\":%.3f}\n",
               result->records, result->first_seq, result->last_seq, seconds);
        return;
    }
    buf_add_str(&text, "state.db made again from ");
    screen_add_count((int64_t)result->records, &text);
    buf_addf(&text, " record%s in ", result->records == 1 ? "" : "s");
    human_time_span(elapsed, &text);
    if (result->records > 0 && seconds > 0) {
        buf_add_str(&text, ", ");
        screen_add_count((int64_t)((double)result->records / seconds), &text);
        buf_add_str(&text, " a second");
    }
    puts(buf_str(&text));
}

static enum rc rebuild(const struct serve_options *serve, bool json, struct err *err)
{
    struct progress progress;
    struct rebuild_result result;
    struct rebuild_options options = {
        .directory = serve->data,
        .patience = {serve->slow_after, serve->abandoned_after},
        .on_progress = on_progress,
        .arg = &progress,
    };
    uint64_t first = 0;
    enum rc rc = open_journal(serve->data, &options.journal, err);
    if (rc)
        return rc;
    rc = journal_first(options.journal, &first, err);
    if (rc == RC_OK) {
        uint64_t last = journal_last(options.journal);
        usec started = clock_monotonic();
        progress_start(&progress, "rebuilding", first ? last + 1 - first : 0);
        rc = rebuild_run(&options, &result, err);
        progress_end(&progress);
        if (rc == RC_OK)
            print_result(&result, clock_monotonic() - started, json);
    }
    journal_close(options.journal);
    return rc;
}

/* The arguments that serve has too. */
static int without_json(int argc, char **argv, char **out)
{
    int count = 0;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "--json", 6) != 0 && strcmp(argv[i], "--no-json") != 0)
            out[count++] = argv[i];
    return count;
}

static int run_rebuild(int argc, char **argv)
{
    struct own_options own = {.json = false};
    struct serve_options serve = {.check = false};
    struct err err;
    int status = command_read_options(&cmd_rebuild, &own, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    CLEANUP(cleanup_free) char **shared = calloc((size_t)argc + 1, sizeof *shared);
    enum rc rc = shared ? serve_options_read(&serve, without_json(argc, argv, shared), shared, &err)
                        : err_set(&err, RC_NO_MEMORY, "out of memory");
    if (rc == RC_OK)
        rc = rebuild(&serve, own.json, &err);
    status = command_end(&cmd_rebuild, rc, &err);
    option_values_cleanup(&serve_option_table, &serve);
    option_values_cleanup(&TABLE, &own);
    return status;
}

const struct command cmd_rebuild = {
    .name = "rebuild",
    .operands = "",
    .summary = "make state.db again from the journal",
    .details = "While no server runs. state.db is what dashboard and API read; it follows from the journal, "
               "and serve\n"
               "makes it anew by itself when it is missing or damaged. Give slow-after and abandoned-after "
               "as serve\n"
               "has them. Broken off, it loses nothing: serve goes on from there.",
    .examples = "fairlead rebuild\n"
                "fairlead rebuild --config /etc/fairlead.ini --json",
    .options = &TABLE,
    .run = run_rebuild,
};
