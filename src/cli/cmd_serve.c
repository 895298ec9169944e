#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/endpoints.h"
#include "api/openapi.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/dashboard.h"
#include "cli/datadir.h"
#include "cli/printer.h"
#include "cli/serve_options.h"
#include "cli/service_manager.h"
#include "cli/terminal.h"
#include "cli/watchdog.h"
#include "http/server.h"

/* Descriptors that are no connections of ours: journal, read model, epoll, and what the library accepts
 * beyond. */
#define OTHER_DESCRIPTORS 128

/* Everything that lives as long as the server; each part is NULL until it is there. */
struct daemon {
    struct serve_options options;
    int argc;
    char **argv;
    struct buf token;
    struct buf tls_cert;
    struct buf tls_key;
    struct journal *journal;
    struct receive *receive;
    struct server *server;
    struct printer *printer;
    struct tracker *tracker;
    struct questions *questions;
    struct feed *feed;
    struct api_context api;
    struct buf openapi;
    struct watchdog watchdog;
};

static void configure_log(const struct serve_options *options)
{
    log_configure((enum log_level)options->log_level, (enum log_format)options->log_format);
}

/* As many descriptors as we may have; fewer connections when that is not enough. */
static size_t connection_limit(const struct serve_options *options)
{
    struct rlimit limit;
    size_t wanted = (size_t)options->max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    rlim_t need = wanted + OTHER_DESCRIPTORS;
    if (limit.rlim_cur < need) {
        limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= need)
        return wanted;
    /* Never more than there are: connections that cannot be accepted would hide those that could be closed.
     */
    size_t quarter = limit.rlim_cur / 4 > 0 ? limit.rlim_cur / 4 : 1;
    size_t possible =
        limit.rlim_cur > OTHER_DESCRIPTORS + quarter ? limit.rlim_cur - OTHER_DESCRIPTORS : quarter;
    if (possible >= wanted)
        return wanted;
    log_warn("the open-file limit allows fewer connections than max-connections", "connections",
             LOG_NUM(possible));
    return possible;
}

/* What the API says of them. */
static void show_signatures(struct daemon *daemon, const struct serve_options *options)
{
    struct api_settings *settings = &daemon->api.settings;
    settings->scheme = scheme_name((enum scheme)options->verify);
    settings->checks_signatures = serve_options_checks_signatures(options);
    settings->secret_count = options->secret.count;
}

/* Secrets that are gone from a file by mistake must not open the door; verify = none says that it is meant.
 */
static enum rc reload(struct daemon *daemon, struct serve_options *fresh, struct err *err)
{
    enum rc rc = serve_options_read(fresh, daemon->argc, daemon->argv, err);
    if (rc != RC_OK)
        return rc;
    if (daemon->api.settings.checks_signatures && fresh->secret.count == 0 && fresh->verify != SCHEME_NONE)
        return err_set(
            err, RC_USAGE,
            "there is no secret any more; set verify to none to accept unsigned webhooks from now on");
    rc = receive_set_secrets(daemon->receive, (enum scheme)fresh->verify,
                             (const char *const *)fresh->secret.items, fresh->secret.count, fresh->tolerance,
                             err);
    if (rc == RC_OK)
        show_signatures(daemon, fresh);
    return rc;
}

static void on_reload(void *arg)
{
    struct daemon *daemon = arg;
    struct serve_options fresh = {0};
    struct err err;
    service_manager_tell_reloading();
    if (reload(daemon, &fresh, &err) == RC_OK) {
        const char *checks = daemon->api.settings.checks_signatures ? "checked" : "not checked";
        configure_log(&fresh);
        log_info("reloaded secrets and log settings", "secrets", LOG_NUM(fresh.secret.count), "signatures",
                 checks);
    } else {
        log_error("not reloaded, the old settings stay", "reason", err.message);
    }
    option_values_cleanup(&serve_option_table, &fresh);
    service_manager_tell("READY=1");
}

static void on_interval(void *arg)
{
    struct daemon *daemon = arg;
    struct err why = {""};
    uint64_t shown = tracker_position(daemon->tracker);
    uint64_t last = journal_last(daemon->journal);
    struct vitals vitals = {
        .receive_busy = receive_busy(daemon->receive),
        .tracker_busy = tracker_busy(daemon->tracker),
        .ready = receive_ready(daemon->receive, &why),
        .not_ready_reason = why.message,
        .behind = last > shown ? last - shown : 0,
    };
    watchdog_beat(&daemon->watchdog, &vitals);
}

static enum rc read_token(struct daemon *daemon, struct err *err)
{
    bool created = false;
    if (daemon->options.no_auth)
        return RC_OK;
    if (daemon->options.admin_token) {
        buf_add_str(&daemon->token, daemon->options.admin_token);
        return RC_OK;
    }
    enum rc rc = datadir_token(daemon->options.data, true, &daemon->token, &created, err);
    if (rc == RC_OK && created)
        log_info("made an admin token for metrics and API", "file", "admin-token", "directory",
                 daemon->options.data);
    return rc;
}

static enum rc open_journal(struct daemon *daemon, struct err *err)
{
    enum rc rc = datadir_make(daemon->options.data, err);
    if (rc != RC_OK)
        return rc;
    struct journal_options options = {
        .directory = daemon->options.data,
        .dedupe_window = daemon->options.dedupe_window,
        .dedupe_max_keys = (uint64_t)daemon->options.dedupe_max_keys,
    };
    return journal_open(&options, &daemon->journal, err);
}

static usec fan_out(void *feed, usec now)
{
    return feed_fan_out(feed, now);
}

static usec fan_out_took(void *feed, usec duration, size_t waiting)
{
    return feed_round_took(feed, duration, waiting);
}

static void on_published(void *arg)
{
    const struct daemon *daemon = arg;
    server_wake(daemon->server);
}

static void look_up_account(void *arg, struct slice id, struct buf *out)
{
    const struct daemon *daemon = arg;
    struct err err;
    if (question_account_alone(daemon->questions, id, out, &err) != RC_OK)
        buf_clear(out);
}

static bool look_up_app(void *arg, uint64_t seq, struct buf *out)
{
    const struct daemon *daemon = arg;
    struct err err;
    return question_event_app(daemon->questions, seq, out, &err) == RC_OK;
}

static enum rc open_feed(struct daemon *daemon, struct err *err)
{
    struct feed_options options = {
        .journal = daemon->journal,
        .on_published = on_published,
        .account_lookup = look_up_account,
        .app_lookup = look_up_app,
        .arg = daemon,
    };
    return feed_new(&options, &daemon->feed, err);
}

static enum rc open_server(struct daemon *daemon, struct err *err)
{
    const struct serve_options *options = &daemon->options;
    struct server_options server = {
        .listen = options->listen,
        .path = options->path,
        .max_body = options->max_body,
        .header_timeout = options->header_timeout,
        .body_timeout = options->body_timeout,
        .idle_timeout = options->idle_timeout,
        .max_connections = connection_limit(options),
        .max_per_address = (size_t)options->max_connections_per_address,
        .tls_cert = options->tls_cert ? buf_str(&daemon->tls_cert) : NULL,
        .tls_key = options->tls_cert ? buf_str(&daemon->tls_key) : NULL,
        .token = options->no_auth ? NULL : buf_str(&daemon->token),
        .endpoints = &api_endpoints,
        .assets = dashboard_assets(),
        .context = &daemon->api,
        .work = {fan_out, fan_out_took, daemon->feed},
        .on_reload = on_reload,
        .interval = watchdog_interval(&daemon->watchdog),
        .on_interval = on_interval,
        .arg = daemon,
    };
    return server_open(&server, &daemon->server, err);
}

static enum rc start_tracker(struct daemon *daemon, struct err *err)
{
    struct tracker_options options = {
        .journal = daemon->journal,
        .directory = daemon->options.data,
        .slow_after = daemon->options.slow_after,
        .abandoned_after = daemon->options.abandoned_after,
        .listener = feed_listener(daemon->feed),
    };
    enum rc rc = questions_open(daemon->options.data, daemon->journal, &daemon->questions, err);
    if (rc == RC_OK)
        rc = tracker_start(&options, &daemon->tracker, err);
    if (rc == RC_OK)
        questions_watch(daemon->questions, tracker_doubt, daemon->tracker);
    if (rc == RC_OK)
        feed_set_position(daemon->feed, tracker_position(daemon->tracker));
    return rc;
}

/* Retention waits for the read model. */
static uint64_t may_trim(void *tracker)
{
    return tracker_position(tracker);
}

static enum rc start_receive(struct daemon *daemon, struct err *err)
{
    const struct serve_options *options = &daemon->options;
    struct receive_options receive = {
        .journal = daemon->journal,
        .secrets = (const char *const *)options->secret.items,
        .secret_count = options->secret.count,
        .scheme = (enum scheme)options->verify,
        .tolerance = options->tolerance,
        .retention = options->retention,
        .queue_max_webhooks = (size_t)options->queue_webhooks,
        .queue_max_bytes = (size_t)options->queue_bytes,
        .may_trim = may_trim,
        .may_trim_arg = daemon->tracker,
        .on_done = server_on_done,
        .on_fatal = server_on_fatal,
        .arg = daemon->server,
    };
    return receive_start(&receive, &daemon->receive, err);
}

static void fill_api(struct daemon *daemon)
{
    const struct serve_options *options = &daemon->options;
    openapi_write(&api_endpoints, options->path, &daemon->openapi);
    daemon->api = (struct api_context){
        .journal = daemon->journal,
        .receive = daemon->receive,
        .tracker = daemon->tracker,
        .questions = daemon->questions,
        .feed = daemon->feed,
        .refusals = server_refusals(daemon->server),
        .openapi = buf_slice(&daemon->openapi),
        .settings =
            {
                .url = server_url(daemon->server),
                .webhook_path = options->path,
                .data = options->data,
                .retention = options->retention,
                .dedupe_window = options->dedupe_window,
                .slow_after = options->slow_after,
                .abandoned_after = options->abandoned_after,
                .started_at = clock_wall(),
            },
    };
    show_signatures(daemon, options);
}

static enum rc start_printer(struct daemon *daemon, struct err *err)
{
    enum print_style style = (enum print_style)daemon->options.print;
    if (style == PRINT_AUTO)
        style = terminal_is(STDOUT_FILENO) ? PRINT_PRETTY : PRINT_LINE;
    if (style == PRINT_NONE)
        return RC_OK;
    return printer_start(daemon->journal, style, STDOUT_FILENO, &daemon->printer, err);
}

/*
 * Only the loop hears signals, and only while it runs: every other thread is started while they are held, and
 * a second Ctrl-C must not cut off what is left to be closed.
 */
static void hold_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(how, &set, NULL);
}

/* The link with the token is for a person at a terminal: it must not get into a log. */
static void say_dashboard(const struct daemon *daemon)
{
    const char *url = server_url(daemon->server);
    if (!terminal_is(STDERR_FILENO) || !dashboard_assets())
        return;
    if (daemon->options.no_auth)
        fprintf(stderr, "\n  Dashboard: %s/\n\n", url);
    else
        fprintf(stderr, "\n  Dashboard: %s/?token=%s\n\n", url, buf_str(&daemon->token));
}

static void on_ready(void *arg)
{
    struct daemon *daemon = arg;
    char message[160];
    const char *checks = serve_options_checks_signatures(&daemon->options) ? "checked" : "not checked";
    snprintf(message, sizeof message, "ready url=%s", server_url(daemon->server));
    log_info(message, "path", daemon->options.path, "data", daemon->options.data, "signatures", checks,
             "version", version_text());
    say_dashboard(daemon);
    service_manager_tell("READY=1");
    hold_signals(SIG_UNBLOCK);
}

/* A misspelt FAIRLEAD_SECRETS must not leave the door open without a word. Only a warning: who starts
 * programs gives them names of its own. */
static void doubt_environment(void)
{
    for (char **variable = environ; *variable; variable++) {
        CLEANUP(buf_cleanup) struct buf meant = BUF_INIT;
        if (!command_knows_variable(*variable) &&
            option_is_misspelt(&serve_option_table, *variable, &meant)) {
            CLEANUP(cleanup_free) char *name = strndup(*variable, strcspn(*variable, "="));
            log_warn("this environment variable is no option", "variable", name ? name : "", "perhaps_meant",
                     buf_str(&meant));
        }
    }
}

/* Everything that can be said without touching the data directory. */
static enum rc check_settings(struct daemon *daemon, struct err *err)
{
    doubt_environment();
    return serve_options_check(&daemon->options, &daemon->tls_cert, &daemon->tls_key, err);
}

static enum rc start_parts(struct daemon *daemon, struct err *err)
{
    enum rc rc = check_settings(daemon, err);
    if (rc == RC_OK)
        rc = open_journal(daemon, err);
    if (rc == RC_OK)
        rc = read_token(daemon, err);
    if (rc == RC_OK)
        rc = open_feed(daemon, err);
    if (rc == RC_OK)
        rc = open_server(daemon, err);
    if (rc == RC_OK)
        rc = start_tracker(daemon, err);
    if (rc == RC_OK)
        rc = start_receive(daemon, err);
    if (rc == RC_OK)
        fill_api(daemon);
    if (rc == RC_OK)
        rc = start_printer(daemon, err);
    return rc;
}

static enum rc serve(struct daemon *daemon, struct err *err)
{
    hold_signals(SIG_BLOCK);
    watchdog_init(&daemon->watchdog);
    enum rc rc = start_parts(daemon, err);
    bool ran = rc == RC_OK;
    if (ran) {
        rc = server_run(daemon->server, daemon->receive, on_ready, daemon, err);
        service_manager_tell("STOPPING=1");
    } else if (daemon->receive) {
        receive_stop(daemon->receive);
    }
    hold_signals(SIG_BLOCK);
    printer_stop(daemon->printer);
    questions_close(daemon->questions);
    /* The last at state.db, so that its log goes into the file; it wakes the server, which goes after it. */
    tracker_stop(daemon->tracker);
    server_close(daemon->server);
    receive_free(daemon->receive);
    feed_free(daemon->feed);
    if (daemon->journal)
        journal_close(daemon->journal);
    if (ran && rc == RC_OK)
        log_info("stopped");
    return rc;
}

static enum rc check_only(struct daemon *daemon, struct err *err)
{
    enum rc rc = check_settings(daemon, err);
    if (rc == RC_OK)
        printf("the configuration is fine\n");
    return rc;
}

static int run(int argc, char **argv)
{
    struct daemon daemon = {.argc = argc, .argv = argv};
    struct err err = {""};
    signal(SIGPIPE, SIG_IGN);
    int status = EXIT_OK;
    enum rc rc = serve_options_read(&daemon.options, argc, argv, &err);
    if (rc != RC_OK) {
        fprintf(stderr, "fairlead serve: %s\nTry 'fairlead help serve'.\n", err.message);
        status = EXIT_USAGE;
    } else {
        configure_log(&daemon.options);
        rc = daemon.options.check ? check_only(&daemon, &err) : serve(&daemon, &err);
        if (rc != RC_OK)
            status = rc == RC_USAGE ? (fprintf(stderr, "fairlead serve: %s\n", err.message), EXIT_USAGE)
                                    : command_fail(&cmd_serve, &err);
    }
    option_values_cleanup(&serve_option_table, &daemon.options);
    buf_cleanup(&daemon.token);
    buf_cleanup(&daemon.tls_cert);
    buf_cleanup(&daemon.tls_key);
    buf_cleanup(&daemon.openapi);
    return status;
}

const struct command cmd_serve = {
    .name = "serve",
    .operands = "",
    .summary = "receive webhooks and keep every one of them",
    .details = "Listens for webhooks, stores each durably before it answers 200, and prints it. Every option "
               "is also the\n"
               "environment variable FAIRLEAD_<NAME> and a key of the file given by --config; the command "
               "line beats the\n"
               "environment, the environment beats the file. SIGHUP re-reads secrets and log settings; "
               "SIGTERM and SIGINT\n"
               "finish what was received and stop.",
    .examples = "fairlead serve\n"
                "fairlead serve --listen 0.0.0.0:5000 --data /var/lib/fairlead --secret whsec_…\n"
                "fairlead serve --config /etc/fairlead.ini --check",
    .options = &serve_option_table,
    .run = run,
};
