#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/export_line.h"
#include "cli/outgoing.h"
#include "cli/player.h"
#include "cli/remote.h"
#include "wire/head.h"
#include "wire/json.h"

#define DEFAULT_INTERVAL (5 * USEC_PER_SEC)
#define DRY_RUN_BEGIN    INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define STOP_CHECK       1024                      /* lines between two looks at the signals */

struct simulate_options {
    const char *url;
    const char *path;
    struct option_list secret;
    int scheme;
    const char *seed;
    int64_t users;
    int64_t apps;
    usec interval;
    const char *start;
    usec history;
    int64_t speed;
    int64_t rate;
    int64_t connections;
    int64_t attempts;
    usec timeout;
    int64_t drop_outs;
    int64_t failures;
    int64_t retries;
    int64_t expiry;
    int64_t duplicates;
    int64_t reorder;
    int64_t clock_skew;
    int64_t envelopes;
    bool dry_run;
    const char *output;
    bool json;
};

static const char *const SCHEMES[] = {"composio", "standard", NULL};
static const enum scheme SCHEME_OF[] = {SCHEME_COMPOSIO, SCHEME_STANDARD};

#define AT(member) offsetof(struct simulate_options, member)
#define PERCENT(option, member, usual, text)                                                                 \
    {                                                                                                        \
        .name = (option), .kind = OPTION_NUMBER, .offset = AT(member), .value = "PERCENT",                   \
        .fallback = (usual), .max = 100, .help = (text)                                                      \
    }
static const struct option ROWS[] = {
    {.name = "url",
     .kind = OPTION_TEXT,
     .offset = AT(url),
     .value = "URL",
     .fallback = "http://127.0.0.1:5000",
     .help = "the receiver; one with a path is taken as it is"},
    {.name = "path",
     .kind = OPTION_TEXT,
     .offset = AT(path),
     .value = "PATH",
     .help = "where the receiver takes webhooks; default: the path in url, or /webhook"},
    {.name = "secret",
     .kind = OPTION_LIST,
     .offset = AT(secret),
     .value = "SECRET",
     .secret = true,
     .help = "sign with it; several make several signatures"},
    {.name = "scheme",
     .kind = OPTION_CHOICE,
     .offset = AT(scheme),
     .choices = SCHEMES,
     .fallback = "composio",
     .help = "how to sign"},
    {.name = "seed",
     .kind = OPTION_TEXT,
     .offset = AT(seed),
     .value = "N",
     .help = "decides everything that is left to chance; default: one at random, which is said"},
    {.name = "users",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .offset = AT(users),
     .value = "N",
     .fallback = "50",
     .max = INT64_C(1000000000000),
     .help = "how many users come; 0: without end"},
    {.name = "apps",
     .kind = OPTION_NUMBER,
     .offset = AT(apps),
     .value = "N",
     .fallback = "8",
     .min = 1,
     .max = SIMULATION_APPS,
     .help = "how many apps they connect"},
    {.name = "interval",
     .kind = OPTION_DURATION,
     .offset = AT(interval),
     .value = "DURATION",
     .min = USEC_PER_MS,
     .max = 366 * USEC_DAY,
     .help = "simulated time between two users; default: 5s, or what spreads --users over --history"},
    {.name = "start",
     .kind = OPTION_TEXT,
     .offset = AT(start),
     .value = "TIME",
     .help = "when the simulated time begins, such as 2026-05-04T10:00:00Z; default: so that it ends or goes "
             "on now; in a dry run 2026-01-01T00:00:00Z"},
    {.name = "history",
     .kind = OPTION_DURATION,
     .offset = AT(history),
     .value = "DURATION",
     .max = SIMULATION_LONGEST,
     .help = "begin that long ago, play everything up to now at once, then go on at --speed"},
    {.name = "speed",
     .kind = OPTION_NUMBER,
     .offset = AT(speed),
     .value = "FACTOR",
     .fallback = "1",
     .max = 1000000,
     .help = "compresses time: 60 plays a minute in a second; 0: as fast as possible"},
    {.name = "rate",
     .kind = OPTION_NUMBER,
     .offset = AT(rate),
     .value = "N",
     .max = 1000000,
     .help = "webhooks a second, whatever speed says"},
    {.name = "connections",
     .letter = 'c',
     .kind = OPTION_NUMBER,
     .offset = AT(connections),
     .value = "N",
     .fallback = "16",
     .min = 1,
     .max = 1000,
     .help = "how many webhooks may be under way at once"},
    {.name = "attempts",
     .kind = OPTION_NUMBER,
     .offset = AT(attempts),
     .value = "N",
     .fallback = "9",
     .min = 1,
     .max = 1000,
     .help =
         "how often a webhook is sent at most after 408, 429, 5xx or no answer; waits as Retry-After says, "
         "up to 30 s"},
    {.name = "timeout",
     .kind = OPTION_DURATION,
     .offset = AT(timeout),
     .value = "DURATION",
     .fallback = "30s",
     .min = USEC_PER_MS,
     .max = USEC_DAY,
     .help = "time for one answer"},
    PERCENT("drop-outs", drop_outs, NULL,
            "connections that never complete; default: each app's own, 5 to 48"),
    PERCENT("failures", failures, "3", "connections that end in failure"),
    PERCENT("retries", retries, "40",
            "of those who dropped out, failed or waited for over a minute: start again"),
    PERCENT("expiry", expiry, "5", "completed connections whose tokens die later"),
    PERCENT("duplicates", duplicates, "3", "webhooks that come twice"),
    PERCENT("reorder", reorder, "4", "webhooks that come late, so that others pass them"),
    PERCENT("clock-skew", clock_skew, "2", "webhooks whose own timestamp is off, up to 5 s"),
    PERCENT("envelopes", envelopes, "5", "admin webhooks in the form of a request bin's capture"),
    {.name = "dry-run",
     .kind = OPTION_FLAG,
     .offset = AT(dry_run),
     .help = "send nothing; write the history to standard output, in the form of export"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = AT(output),
     .value = "FILE",
     .help = "a dry run into this file"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the summary as JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

struct simulating {
    struct simulate_options options;
    uint64_t seed;
    usec begin;
    usec live_from;
    struct simulation *simulation;
    struct tally tally;
    int stop_fd;
    FILE *out; /* of a dry run */
    struct buf url;
};

/* A dry run: one line for each webhook, as export would write it. */

static void write_head(const struct outgoing *outgoing, struct buf *head)
{
    for (size_t i = 0; i < outgoing->header_count; i++) {
        struct slice value = slice_str(outgoing->header_list[i]);
        struct slice name = slice_split(&value, ':');
        head_add(head, name, value);
    }
}

/* A receiver's key is made with the path. */
static struct slice path_of(const struct buf *url)
{
    const char *host = strstr(buf_str(url), "://");
    const char *path = strchr(host ? host + 3 : buf_str(url), '/');
    return path ? slice_of(path, strcspn(path, "?#")) : slice_str("/");
}

static enum rc write_line(struct simulating *run, const struct simulated *webhook, struct outgoing *outgoing,
                          struct err *err)
{
    CLEANUP(buf_cleanup) struct buf head = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf line = BUF_INIT;
    struct dedupe_key key;
    write_head(outgoing, &head);
    enum rc rc = dedupe_key_make(buf_slice(&outgoing->id), path_of(&run->url), webhook->body, &key, err);
    if (rc)
        return rc;
    const struct record record = {
        .seq = run->tally.sent,
        .kind = RECORD_EVENT,
        .received_at = webhook->arrives,
        .key_hashed = key.hashed,
        .key = slice_of(key.bytes, key.len),
        .head = buf_slice(&head),
        .body = webhook->body,
    };
    export_line_write(&record, &line);
    if (buf_failed(&head) || buf_failed(&line))
        return err_set(err, RC_NO_MEMORY, "out of memory");
    if (fwrite(buf_str(&line), 1, line.len, run->out) == line.len)
        return RC_OK;
    return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot write to %s: %s",
                   run->options.output ? run->options.output : "standard output", strerror(errno));
}

static enum rc write_webhook(struct simulating *run, const struct simulated *webhook, struct err *err)
{
    const struct simulate_options *options = &run->options;
    CLEANUP(outgoing_cleanup) struct outgoing outgoing = {.header_count = 0};
    const struct outgoing_delivery delivery = {
        .secrets = (const char *const *)options->secret.items,
        .secret_count = options->secret.count,
        .scheme = SCHEME_OF[options->scheme],
        .platform = webhook->platform,
        .attempt = webhook->attempt,
        .at = webhook->arrives,
    };
    buf_add_slice(&outgoing.body, webhook->body);
    if (webhook->platform || options->secret.count)
        buf_add_slice(&outgoing.id, webhook->id);
    enum rc rc = outgoing_add_headers(&outgoing, &delivery, err);
    return rc ? rc : write_line(run, webhook, &outgoing, err);
}

static bool should_stop(const struct simulating *run)
{
    struct pollfd stop = {.fd = run->stop_fd, .events = POLLIN};
    return run->tally.sent % STOP_CHECK == 0 && poll(&stop, 1, 0) > 0;
}

static enum rc write_all(struct simulating *run, struct err *err)
{
    struct simulated webhook;
    struct progress progress;
    enum rc rc = RC_OK;
    usec started = clock_monotonic();
    progress_start(&progress, "simulating", 0);
    progress.active = progress.active && run->options.output;
    while (rc == RC_OK && !should_stop(run) && simulation_next(run->simulation, &webhook)) {
        run->tally.sent++;
        run->tally.duplicates += webhook.duplicate;
        tally_add_type(&run->tally, webhook.type);
        rc = write_webhook(run, &webhook, err);
        progress_step(&progress, run->tally.sent);
    }
    progress_end(&progress);
    run->tally.stored = run->tally.sent - run->tally.duplicates;
    run->tally.elapsed = clock_monotonic() - started;
    if (rc == RC_OK && simulation_failed(run->simulation))
        rc = err_set(err, RC_NO_MEMORY, "out of memory");
    return rc;
}

static enum rc dry_run(struct simulating *run, struct err *err)
{
    const char *name = run->options.output;
    run->out = name ? fopen(name, "we") : stdout;
    if (!run->out)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot open %s: %s", name, strerror(errno));
    enum rc rc = write_all(run, err);
    if (name && fclose(run->out) != 0 && rc == RC_OK)
        rc = err_set(err, RC_STORAGE_UNAVAILABLE, "cannot write to %s: %s", name, strerror(errno));
    return rc;
}

/* Sending. */

static enum rc play(struct simulating *run, struct err *err)
{
    const struct simulate_options *options = &run->options;
    const struct player_options player = {
        .url = buf_str(&run->url),
        .secrets = (const char *const *)options->secret.items,
        .secret_count = options->secret.count,
        .scheme = SCHEME_OF[options->scheme],
        .connections = (size_t)options->connections,
        .attempts = options->attempts,
        .timeout = options->timeout,
        .rate = options->rate,
        .speed = options->speed,
        .begin = run->begin,
        .live_from = run->live_from,
        .stop_fd = run->stop_fd,
    };
    return player_run(&player, run->simulation, &run->tally, err);
}

/* The summary. */

static void write_types(const struct tally *tally, bool json, struct buf *out)
{
    for (size_t i = 0; i < tally->type_count; i++)
        if (json)
            buf_addf(out, "%s\"%s\":%" PRIu64, i ? "," : "", tally->types[i].type, tally->types[i].count);
        else
            buf_addf(out, "  %8" PRIu64 "  %s\n", tally->types[i].count, tally->types[i].type);
}

static void write_json(const struct simulating *run, struct buf *out)
{
    const struct tally *tally = &run->tally;
    char begin[CLOCK_RFC3339_SIZE];
    clock_format(run->begin, begin);
    buf_addf(out,
             "{\"seed\":%" PRIu64 ",\"start\":\"%s\",\"sent\":%" PRIu64 ",\"stored\":%" PRIu64
             ",\"duplicates\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"unanswered\":%" PRIu64
             ",\"sent_again\":%" PRIu64 ",\"elapsed_s\":%.3f,\"types\":{",
             run->seed, begin, tally->sent, tally->stored, tally->duplicates, tally->refused,
             tally->unanswered, tally->retried, (double)tally->elapsed / 1e6);
    write_types(tally, true, out);
    buf_add_str(out, "}}\n");
}

static void write_text(const struct simulating *run, struct buf *out)
{
    const struct tally *tally = &run->tally;
    buf_addf(out, "%" PRIu64 " webhook%s %s in %.1f s: %" PRIu64 " %s, %" PRIu64 " duplicate%s", tally->sent,
             tally->sent == 1 ? "" : "s", run->options.dry_run ? "written" : "sent",
             (double)tally->elapsed / 1e6, tally->stored, run->options.dry_run ? "events" : "stored",
             tally->duplicates, tally->duplicates == 1 ? "" : "s");
    if (!run->options.dry_run)
        buf_addf(out, ", %" PRIu64 " refused", tally->refused);
    if (tally->refused)
        buf_addf(out, " (last: %d)", tally->last_status);
    if (tally->unanswered)
        buf_addf(out, ", %" PRIu64 " without an answer", tally->unanswered);
    if (tally->retried)
        buf_addf(out, "; %" PRIu64 " sent again", tally->retried);
    buf_add_char(out, '\n');
    write_types(tally, false, out);
}

/* Where the history itself goes to standard output, the summary does not. */
static void print_summary(const struct simulating *run)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (run->options.json)
        write_json(run, &text);
    else
        write_text(run, &text);
    fputs(buf_str(&text), run->options.dry_run && !run->options.output ? stderr : stdout);
}

/* Beginning. */

static enum rc choose_seed(struct simulating *run, struct err *err)
{
    const char *text = run->options.seed;
    char *end = NULL;
    if (!text) {
        uint32_t seed; /* short enough to be typed */
        if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
            return err_set(err, RC_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
        run->seed = seed;
        fprintf(stderr, "seed %" PRIu64 "\n", run->seed);
        return RC_OK;
    }
    errno = 0;
    run->seed = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno)
        return err_set(err, RC_USAGE, "--seed: \"%.40s\" is not a whole number from 0 to 2^64-1", text);
    return RC_OK;
}

static void choose_interval(struct simulate_options *options)
{
    if (options->interval)
        return;
    options->interval = DEFAULT_INTERVAL;
    if (options->history && options->users)
        options->interval = options->history / options->users;
    if (options->interval < USEC_PER_MS)
        options->interval = USEC_PER_MS;
}

/* How long ago compressed time begins: it ends about now, not in a future that no receiver would believe. */
static usec compressed(const struct simulate_options *options, usec now)
{
    if (options->users == 0 || options->rate != 0)
        return 0;
    usec first = simulation_begin(now - SIMULATION_TAIL, (uint64_t)options->users, options->interval);
    return options->speed ? (now - first) - (now - first) / options->speed : now - first;
}

static enum rc choose_begin(struct simulating *run, struct err *err)
{
    const struct simulate_options *options = &run->options;
    usec now = clock_wall();
    bool writes = options->dry_run && !options->history;
    run->begin =
        writes ? DRY_RUN_BEGIN : now - (options->history ? options->history : compressed(options, now));
    if (options->start && options->history)
        return err_set(err, RC_USAGE, "--start and --history exclude each other");
    if (options->start && !clock_parse(slice_str(options->start), &run->begin))
        return err_set(err, RC_USAGE, "--start: \"%.60s\" is not a time such as 2026-05-04T10:00:00Z",
                       options->start);
    run->live_from = options->history ? now : run->begin;
    return RC_OK;
}

/* Signals become something to read, so that waiting ends at once and nothing is cut off. */
static enum rc catch_signals(struct simulating *run, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    signal(SIGINT, SIG_DFL); /* shells start background jobs with it ignored, and then it never comes */
    sigprocmask(SIG_BLOCK, &set, NULL);
    run->stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return run->stop_fd >= 0 ? RC_OK : err_set(err, RC_INTERNAL, "signalfd: %s", strerror(errno));
}

static enum rc prepare(struct simulating *run, struct err *err)
{
    struct simulate_options *options = &run->options;
    options->dry_run = options->dry_run || options->output;
    choose_interval(options);
    enum rc rc = choose_begin(run, err);
    if (rc == RC_OK)
        rc = choose_seed(run, err);
    if (rc)
        return rc;
    const struct simulation_options simulation = {
        .seed = run->seed,
        .users = (uint64_t)options->users,
        .apps = options->apps,
        .begin = run->begin,
        .interval = options->interval,
        .drop_outs = options->drop_outs,
        .failures = options->failures,
        .retries = options->retries,
        .expiry = options->expiry,
        .duplicates = options->duplicates,
        .reorder = options->reorder,
        .clock_skew = options->clock_skew,
        .envelopes = options->envelopes,
    };
    remote_url(options->url, options->path, "/webhook", &run->url);
    run->simulation = simulation_new(&simulation);
    return run->simulation ? catch_signals(run, err) : err_set(err, RC_NO_MEMORY, "out of memory");
}

static int run_simulate(int argc, char **argv)
{
    struct simulating run = {.options = {.drop_outs = -1}, .stop_fd = -1};
    struct err err;
    size_t count = 0;
    int status = command_read_options(&cmd_simulate, &run.options, argc, argv, NULL, 0, &count);
    if (status)
        return status;
    enum rc rc = prepare(&run, &err);
    if (rc == RC_OK) {
        rc = run.options.dry_run ? dry_run(&run, &err) : play(&run, &err);
        if (rc == RC_OK || run.tally.stored + run.tally.duplicates + run.tally.refused)
            print_summary(&run);
    }
    if (rc != RC_OK)
        status = rc == RC_USAGE ? command_refuse(&cmd_simulate, &err) : command_fail(&cmd_simulate, &err);
    else if (run.tally.refused)
        status = EXIT_FAILED;
    simulation_free(run.simulation);
    cleanup_fd(&run.stop_fd);
    buf_cleanup(&run.url);
    option_values_cleanup(&TABLE, &run.options);
    return status;
}

const struct command cmd_simulate = {
    .name = "simulate",
    .operands = "",
    .summary = "play many users who connect their accounts",
    .details =
        "Makes up users who start, complete, drop out, fail, try again and lose their tokens, and sends the\n"
        "webhooks about it as a platform would: some twice, some late, some in another order. A seed "
        "repeats\n"
        "a history: ids depend on it alone, timestamps on --start too. Sent a second time with the same\n"
        "--seed and --start, every webhook is a duplicate. Ctrl-C stops and prints the summary.",
    .examples = "fairlead simulate --history 24h --users 0\n"
                "fairlead simulate --users 10000 --speed 0 --seed 7 --start 2026-05-04T10:00:00Z\n"
                "fairlead simulate --users 100000 --dry-run | fairlead import --data ./copy",
    .options = &TABLE,
    .run = run_simulate,
};
