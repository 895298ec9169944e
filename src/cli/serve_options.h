/*
 * serve_options - the options of `serve`: one table for command line, environment, file, help and reference
 * page.
 *
 * Thread: main (start-up and reload).
 */
#ifndef FAIRLEAD_CLI_SERVE_OPTIONS_H
#define FAIRLEAD_CLI_SERVE_OPTIONS_H

#include "base/clock.h"
#include "base/option.h"

enum print_style { PRINT_AUTO, PRINT_PRETTY, PRINT_LINE, PRINT_NONE };

struct serve_options {
    const char *listen;
    const char *path;
    const char *data;
    struct option_list secret;
    int verify; /* enum scheme */
    usec tolerance;
    int print; /* enum print_style */
    int64_t max_body;
    usec dedupe_window;
    int64_t dedupe_max_keys;
    usec retention;
    usec slow_after;
    usec abandoned_after;
    const char *admin_token;
    bool no_auth;
    const char *tls_cert;
    const char *tls_key;
    int log_format; /* enum log_format */
    int log_level;  /* enum log_level */
    usec header_timeout;
    usec body_timeout;
    usec idle_timeout;
    int64_t max_connections;
    int64_t max_connections_per_address;
    int64_t queue_webhooks;
    int64_t queue_bytes;
    const char *config;
    bool check;
    struct option_origins origins;
};

extern const struct option_table serve_option_table;

#define SERVE_FOREVER (INT64_C(36600) * USEC_DAY)

/* Rows that other commands have too; `at`: the offset of a usec in their values. */
#define SLOW_AFTER_ROW(at)                                                                                   \
    {                                                                                                        \
        .name = "slow-after", .kind = OPTION_DURATION, .offset = (at), .value = "DURATION",                  \
        .fallback = "60s", .min = USEC_PER_SEC, .max = SERVE_FOREVER,                                        \
        .help = "a connection that was started this long ago and has not ended is slow"                      \
    }
#define ABANDONED_AFTER_ROW(at)                                                                              \
    {                                                                                                        \
        .name = "abandoned-after", .kind = OPTION_DURATION, .offset = (at), .value = "DURATION",             \
        .fallback = "12m", .min = USEC_PER_SEC, .max = SERVE_FOREVER,                                        \
        .help = "and after this long it is abandoned; a completion that still comes resolves it"             \
    }

/*
 * Fills values (zeroed) from defaults, the file given by --config or FAIRLEAD_CONFIG, the environment, the
 * command line, and checks what can be said of them and of what they demand of each other. RC_USAGE; the
 * sentence names where the value came from. option_values_cleanup() frees.
 */
MUST_CHECK enum rc serve_options_read(struct serve_options *values, int argc, char **argv, struct err *err);

/*
 * The rest, which takes a look outside: is `listen` an address, and do the TLS files, whose texts are
 * appended to ret_cert and ret_key, hold a pair? RC_USAGE in the same manner. May look up a name: not on a
 * loop.
 */
MUST_CHECK enum rc serve_options_check(const struct serve_options *values, struct buf *ret_cert,
                                       struct buf *ret_key, struct err *err);

/* Does it check signatures? */
bool serve_options_checks_signatures(const struct serve_options *values);

#endif
