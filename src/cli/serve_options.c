#include "cli/serve_options.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/config_file.h"
#include "wire/signature.h"

#define AT(member) offsetof(struct serve_options, member)
#define FOREVER    SERVE_FOREVER

#define SCHEME_CHOICE_ROW(name, text, help) text,
static const char *const SCHEMES[] = {SIGNATURE_SCHEMES(SCHEME_CHOICE_ROW) NULL};
#undef SCHEME_CHOICE_ROW

static const char *const PRINT_STYLES[] = {"auto", "pretty", "line", "none", NULL};
static const char *const LOG_FORMATS[] = {"text", "json", NULL};
static const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", NULL};

static const struct option ROWS[] = {
    {.name = "listen",
     .kind = OPTION_TEXT,
     .offset = AT(listen),
     .value = "ADDR:PORT",
     .fallback = "127.0.0.1:5000",
     .help = "where to listen; port 0 picks one"},
    {.name = "path",
     .kind = OPTION_TEXT,
     .offset = AT(path),
     .value = "PATH",
     .fallback = "/webhook",
     .help = "where senders post"},
    {.name = "data",
     .kind = OPTION_TEXT,
     .offset = AT(data),
     .value = "DIR",
     .fallback = "./fairlead-data",
     .help = "data directory, created with mode 0700; one process at a time"},
    {.name = "secret",
     .kind = OPTION_LIST,
     .offset = AT(secret),
     .value = "SECRET",
     .secret = true,
     .help = "webhook secret, repeatable; any match passes. None: unsigned requests are accepted and marked "
             "unverified"},
    {.name = "verify",
     .kind = OPTION_CHOICE,
     .offset = AT(verify),
     .value = "SCHEME",
     .fallback = "auto",
     .choices = SCHEMES,
     .help = "signature scheme; auto checks when a secret is set"},
    {.name = "tolerance",
     .kind = OPTION_DURATION,
     .offset = AT(tolerance),
     .value = "DURATION",
     .fallback = "300s",
     .max = FOREVER,
     .help = "how far a signed timestamp may be off to either side; 0 switches the check off"},
    {.name = "print",
     .kind = OPTION_CHOICE,
     .offset = AT(print),
     .value = "STYLE",
     .fallback = "auto",
     .choices = PRINT_STYLES,
     .help = "what goes to standard output for each event; auto is pretty on a terminal and line otherwise"},
    {.name = "max-body",
     .kind = OPTION_SIZE,
     .offset = AT(max_body),
     .value = "SIZE",
     .fallback = "1MiB",
     .min = 1,
     .max = (int64_t)32 * 1024 * 1024,
     .help = "largest body; over it: 413"},
    {.name = "dedupe-window",
     .kind = OPTION_DURATION,
     .offset = AT(dedupe_window),
     .value = "DURATION",
     .fallback = "72h",
     .max = FOREVER,
     .help = "how long an event is remembered, so that a retry is not stored again"},
    {.name = "dedupe-max-keys",
     .kind = OPTION_NUMBER,
     .offset = AT(dedupe_max_keys),
     .value = "N",
     .fallback = "8000000",
     .min = 1000,
     .max = 200000000,
     .help = "most events remembered (32 bytes of memory each); the oldest are forgotten first"},
    {.name = "retention",
     .kind = OPTION_DURATION,
     .offset = AT(retention),
     .value = "DURATION",
     .fallback = "90d",
     .max = FOREVER,
     .help =
         "events older than this are removed, once an hour; accounts and figures stay; 0 keeps everything"},
    SLOW_AFTER_ROW(AT(slow_after)),
    ABANDONED_AFTER_ROW(AT(abandoned_after)),
    {.name = "admin-token",
     .kind = OPTION_TEXT,
     .offset = AT(admin_token),
     .value = "TOKEN",
     .secret = true,
     .help = "token for metrics and API; default: the file admin-token in the data directory, made on first "
             "start"},
    {.name = "no-auth",
     .kind = OPTION_FLAG,
     .offset = AT(no_auth),
     .help = "do not ask for the admin token: metrics and API are open to everybody who can connect"},
    {.name = "tls-cert",
     .kind = OPTION_TEXT,
     .offset = AT(tls_cert),
     .value = "FILE",
     .help = "certificate chain in PEM form; needs tls-key"},
    {.name = "tls-key",
     .kind = OPTION_TEXT,
     .offset = AT(tls_key),
     .value = "FILE",
     .help = "private key in PEM form; needs tls-cert"},
    {.name = "log-format",
     .kind = OPTION_CHOICE,
     .offset = AT(log_format),
     .value = "FORMAT",
     .fallback = "text",
     .choices = LOG_FORMATS,
     .help = "form of the log on standard error"},
    {.name = "log-level",
     .kind = OPTION_CHOICE,
     .offset = AT(log_level),
     .value = "LEVEL",
     .fallback = "info",
     .choices = LOG_LEVELS,
     .help = "lines below this level are not written"},
    {.name = "header-timeout",
     .kind = OPTION_DURATION,
     .offset = AT(header_timeout),
     .value = "DURATION",
     .fallback = "10s",
     .min = USEC_PER_MS,
     .max = USEC_DAY,
     .help = "time for a request's line and headers to arrive"},
    {.name = "body-timeout",
     .kind = OPTION_DURATION,
     .offset = AT(body_timeout),
     .value = "DURATION",
     .fallback = "30s",
     .min = USEC_PER_MS,
     .max = USEC_DAY,
     .help = "time for a body to arrive"},
    {.name = "idle-timeout",
     .kind = OPTION_DURATION,
     .offset = AT(idle_timeout),
     .value = "DURATION",
     .fallback = "75s",
     .min = USEC_PER_MS,
     .max = USEC_DAY,
     .help = "time between two requests of a connection"},
    {.name = "max-connections",
     .kind = OPTION_NUMBER,
     .offset = AT(max_connections),
     .value = "N",
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .help = "most open connections; beyond it the longest idle one is closed"},
    {.name = "max-connections-per-address",
     .kind = OPTION_NUMBER,
     .offset = AT(max_connections_per_address),
     .value = "N",
     .fallback = "1000",
     .max = 1000000,
     .help = "most connections from one address, loopback excepted; 0: no limit"},
    {.name = "queue-webhooks",
     .kind = OPTION_NUMBER,
     .offset = AT(queue_webhooks),
     .value = "N",
     .fallback = "20000",
     .min = 1,
     .max = 10000000,
     .help = "most webhooks waiting to be stored; beyond it: 503"},
    {.name = "queue-bytes",
     .kind = OPTION_SIZE,
     .offset = AT(queue_bytes),
     .value = "SIZE",
     .fallback = "64MiB",
     .min = 4096,
     .max = (int64_t)64 * 1024 * 1024 * 1024,
     .help = "most bytes of bodies waiting to be stored; beyond it: 503"},
    {.name = "config",
     .letter = 'c',
     .kind = OPTION_TEXT,
     .offset = AT(config),
     .value = "FILE",
     .help = "INI file with these options as keys; environment and command line come after it"},
    {.name = "check",
     .kind = OPTION_FLAG,
     .offset = AT(check),
     .help = "only check the configuration, then exit"},
};

const struct option_table serve_option_table = {ROWS, sizeof ROWS / sizeof ROWS[0]};

static enum rc check_together(const struct serve_options *values, struct err *err)
{
    if (values->path[0] != '/' || strpbrk(values->path, "?# "))
        return err_set(err, RC_USAGE, "--path '%s' must start with / and have no ?, # or space",
                       values->path);
    if (values->max_body > values->queue_bytes)
        return err_set(err, RC_USAGE,
                       "--queue-bytes must not be less than --max-body: such a body never fits");
    if (values->slow_after > values->abandoned_after)
        return err_set(err, RC_USAGE, "--slow-after must not be longer than --abandoned-after");
    if (!values->tls_cert != !values->tls_key)
        return err_set(err, RC_USAGE, "--tls-cert and --tls-key need each other; give both");
    bool checks = values->verify == SCHEME_COMPOSIO || values->verify == SCHEME_STANDARD;
    if (checks && values->secret.count == 0)
        return err_set(err, RC_USAGE, "--verify %s needs a --secret to check with", SCHEMES[values->verify]);
    if (values->admin_token && strlen(values->admin_token) < 16)
        return err_set(err, RC_USAGE, "--admin-token is too short; use at least 16 characters");
    return RC_OK;
}

static enum rc read_places(struct serve_options *values, const char *config, int argc, char **argv,
                           struct err *err)
{
    const struct option_table *table = &serve_option_table;
    enum rc rc = RC_OK;
    size_t operands = 0;
    option_defaults(table, values);
    if (config) {
        option_next_place(table, values);
        rc = config_file_read(table, values, config, err);
    }
    if (rc == RC_OK) {
        option_next_place(table, values);
        rc = option_read_environment(table, values, environ, false, NULL, err);
    }
    if (rc == RC_OK) {
        option_next_place(table, values);
        rc = option_read_arguments(table, values, argc, argv, NULL, 0, &operands, err);
    }
    return rc;
}

enum rc serve_options_read(struct serve_options *values, int argc, char **argv, struct err *err)
{
    /* Once without a file, to learn which file; then everything in its order. */
    struct serve_options first = {0};
    enum rc rc = read_places(&first, NULL, argc, argv, err);
    if (rc == RC_OK)
        rc = read_places(values, first.config, argc, argv, err);
    option_values_cleanup(&serve_option_table, &first);
    return rc == RC_OK ? check_together(values, err) : rc;
}
