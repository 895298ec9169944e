#include "cli/serve_options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/endpoints.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/config_file.h"
#include "cli/dashboard.h"
#include "cli/text_file.h"
#include "http/listener.h"
#include "http/server.h"
#include "wire/signature.h"

#define AT(member) offsetof(struct serve_options, member)
#define FOREVER    SERVE_FOREVER

#define TLS_FILE_MAX ((size_t)1024 * 1024)

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

const struct option_table serve_option_table = {
    .rows = ROWS, .count = sizeof ROWS / sizeof ROWS[0], .origins = AT(origins)};

/* What is said of the value of one option. */
__attribute__((format(printf, 4, 5))) static enum rc
refuse(const struct serve_options *values, const char *name, struct err *err, const char *format, ...)
{
    va_list args;
    char sentence[sizeof err->message];
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    (void)err_set(err, RC_USAGE, "%s", sentence);
    return option_blame(&serve_option_table, values, name, 0, err);
}

/* "slow-after 60s (default) must not be longer than abandoned-after 5s (fairlead.ini:3)" */
static enum rc refuse_pair(const struct serve_options *values, const char *one, const char *demand,
                           const char *other, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    option_write_setting(&serve_option_table, values, one, &text);
    buf_addf(&text, " must not be %s than ", demand);
    option_write_setting(&serve_option_table, values, other, &text);
    return err_set(err, RC_USAGE, "%s", buf_str(&text));
}

/* The webhook path goes before all others: it must not hide what is answered elsewhere. */
static enum rc check_path(const struct serve_options *values, struct err *err)
{
    const char *path = values->path;
    const struct endpoint *endpoint;
    const struct asset *asset;
    struct slice segment;
    CLEANUP(buf_cleanup) struct buf allow = BUF_INIT;
    if (path[0] != '/' || strpbrk(path, "?# "))
        return refuse(values, "path", err, "'%s' must start with / and have no ?, # or space", path);
    if (endpoint_find(&api_endpoints, "POST", path, &endpoint, &segment, &allow) != RC_NOT_FOUND ||
        asset_find(dashboard_assets(), path, &asset))
        return refuse(values, "path", err, "%s would hide what Fairlead itself answers there; choose another",
                      path);
    return RC_OK;
}

/* Keys are made and thrown away: one by one, so that the bad one is named, and all, because there may be too
 * many. */
static enum rc check_secrets(const struct serve_options *values, struct err *err)
{
    const char *const *secrets = (const char *const *)values->secret.items;
    enum scheme scheme = (enum scheme)values->verify;
    size_t count = values->secret.count;
    for (size_t i = 0; i <= count; i++) {
        bool all = i == count;
        struct keyring *keyring = NULL;
        enum rc rc = keyring_new(scheme, all ? secrets : secrets + i, all ? count : 1, &keyring, err);
        keyring_free(keyring);
        if (rc)
            return option_blame(&serve_option_table, values, "secret", all ? count - 1 : i, err);
    }
    bool needs_one = scheme == SCHEME_COMPOSIO || scheme == SCHEME_STANDARD;
    if (needs_one && count == 0)
        return refuse(values, "verify", err, "%s needs a --secret to check with", SCHEMES[scheme]);
    return RC_OK;
}

static enum rc check_values(const struct serve_options *values, struct err *err)
{
    enum rc rc = check_path(values, err);
    if (rc == RC_OK)
        rc = check_secrets(values, err);
    if (rc)
        return rc;
    if (!values->data[0])
        return refuse(values, "data", err, "the name of the data directory is empty");
    if (values->max_body > values->queue_bytes)
        return refuse_pair(values, "max-body", "larger", "queue-bytes", err);
    if (values->slow_after > values->abandoned_after)
        return refuse_pair(values, "slow-after", "longer", "abandoned-after", err);
    if (!values->tls_cert != !values->tls_key)
        return refuse(values, values->tls_cert ? "tls-cert" : "tls-key", err, "needs --%s; give both",
                      values->tls_cert ? "tls-key" : "tls-cert");
    if (values->admin_token && strlen(values->admin_token) < 16)
        return refuse(values, "admin-token", err, "it is too short; use at least 16 characters");
    return RC_OK;
}

static enum rc read_tls_file(const struct serve_options *values, const char *option, const char *name,
                             struct buf *out, struct err *err)
{
    out->limit = TLS_FILE_MAX;
    enum rc rc = text_file_read(name, out, err);
    return rc == RC_OK ? RC_OK : option_blame(&serve_option_table, values, option, 0, err);
}

enum rc serve_options_check(const struct serve_options *values, struct buf *ret_cert, struct buf *ret_key,
                            struct err *err)
{
    if (listener_check(values->listen, err) != RC_OK)
        return option_blame(&serve_option_table, values, "listen", 0, err);
    if (!values->tls_cert)
        return RC_OK;
    enum rc rc = read_tls_file(values, "tls-cert", values->tls_cert, ret_cert, err);
    if (rc == RC_OK)
        rc = read_tls_file(values, "tls-key", values->tls_key, ret_key, err);
    if (rc == RC_OK && server_check_tls(buf_str(ret_cert), buf_str(ret_key), err) != RC_OK)
        rc = option_blame(&serve_option_table, values, "tls-cert", 0, err);
    return rc;
}

bool serve_options_checks_signatures(const struct serve_options *values)
{
    return values->secret.count > 0 && values->verify != SCHEME_NONE;
}

/* text: of the file `config`; NULL: none. */
static enum rc read_places(struct serve_options *values, const char *config, const struct buf *text, int argc,
                           char **argv, struct err *err)
{
    const struct option_table *table = &serve_option_table;
    enum rc rc = RC_OK;
    size_t operands = 0;
    option_defaults(table, values);
    if (text) {
        option_next_place(table, values);
        rc = config_file_parse(table, values, buf_slice(text), config, err);
    }
    if (rc == RC_OK)
        rc = option_read_environment(table, values, environ, err);
    if (rc == RC_OK)
        rc = option_read_arguments(table, values, argc, argv, NULL, 0, &operands, err);
    return rc;
}

enum rc serve_options_read(struct serve_options *values, int argc, char **argv, struct err *err)
{
    /* Once without a file, to learn which file; then everything in its order. */
    struct serve_options first = {0};
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT_LIMIT(CONFIG_FILE_MAX);
    enum rc rc = read_places(&first, NULL, NULL, argc, argv, err);
    if (rc == RC_OK && first.config && text_file_read(first.config, &text, err) != RC_OK)
        rc = option_blame(&serve_option_table, &first, "config", 0, err);
    if (rc == RC_OK)
        rc = read_places(values, first.config, first.config ? &text : NULL, argc, argv, err);
    option_values_cleanup(&serve_option_table, &first);
    return rc == RC_OK ? check_values(values, err) : rc;
}
