#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "cli/text_file.h"
#include "wire/json.h"
#include "wire/signature.h"

#define MAX_BODY    ((size_t)64 * 1024 * 1024)
#define MAX_HEADERS ((size_t)1024 * 1024)
#define FOREVER     (100 * 366 * USEC_DAY)

struct verify_options {
    struct option_list secret;
    int verify;
    const char *id;
    const char *timestamp;
    const char *signature;
    const char *body;
    const char *headers;
    usec tolerance;
    const char *at;
    bool json;
};

#define SCHEME_CHOICE_ROW(name, text, help) text,
static const char *const SCHEMES[] = {SIGNATURE_SCHEMES(SCHEME_CHOICE_ROW) NULL};
#undef SCHEME_CHOICE_ROW

#define AT(member) offsetof(struct verify_options, member)
static const struct option ROWS[] = {
    {.name = "secret",
     .kind = OPTION_LIST,
     .offset = AT(secret),
     .value = "SECRET",
     .secret = true,
     .help = "webhook secret; any match passes"},
    {.name = "verify",
     .kind = OPTION_CHOICE,
     .offset = AT(verify),
     .value = "SCHEME",
     .choices = SCHEMES,
     .fallback = "auto",
     .help = "signature scheme"},
    {.name = "scheme",
     .kind = OPTION_CHOICE,
     .offset = AT(verify),
     .value = "SCHEME",
     .choices = SCHEMES,
     .fallback = "auto",
     .help = "the same as --verify"},
    {.name = "headers",
     .kind = OPTION_TEXT,
     .offset = AT(headers),
     .value = "FILE",
     .help = "raw header lines; id, timestamp and signature are taken from them"},
    {.name = "id", .kind = OPTION_TEXT, .offset = AT(id), .value = "ID", .help = "value of webhook-id"},
    {.name = "timestamp",
     .kind = OPTION_TEXT,
     .offset = AT(timestamp),
     .value = "SECONDS",
     .help = "value of webhook-timestamp"},
    {.name = "signature",
     .kind = OPTION_TEXT,
     .offset = AT(signature),
     .value = "TEXT",
     .help = "value of webhook-signature"},
    {.name = "body",
     .kind = OPTION_TEXT,
     .offset = AT(body),
     .value = "FILE",
     .fallback = "-",
     .help = "the exact bytes of the body; - is standard input"},
    {.name = "tolerance",
     .kind = OPTION_DURATION,
     .offset = AT(tolerance),
     .value = "DURATION",
     .fallback = "300s",
     .max = FOREVER,
     .help = "how far the timestamp may be off to either side; 0 switches the check off"},
    {.name = "at",
     .kind = OPTION_TEXT,
     .offset = AT(at),
     .value = "TIME",
     .help = "judge the timestamp at this time (RFC 3339) and not now"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the result as JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

struct verification {
    struct verify_options options;
    struct buf headers;
    struct buf body;
    struct signature_input input;
    usec now;
};

static void take_header(struct slice line, const char *name, struct slice *value)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    if (!colon || value->ptr)
        return;
    size_t len = (size_t)(colon - line.ptr);
    if (slice_is_nocase(slice_trim(slice_of(line.ptr, len)), name))
        *value = slice_trim(slice_skip(line, len + 1));
}

/* Header lines up to the first empty one; other lines (a request line) are passed over. Values given by
 * option come first. */
static void read_headers(struct slice text, struct signature_input *input)
{
    while (text.len > 0) {
        struct slice line = slice_split(&text, '\n');
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0)
            return;
        take_header(line, "webhook-id", &input->id);
        take_header(line, "webhook-timestamp", &input->timestamp);
        take_header(line, "webhook-signature", &input->signature);
    }
}

static enum rc check_options(struct verification *check, struct err *err)
{
    const struct verify_options *options = &check->options;
    if (options->secret.count == 0)
        return err_set(err, RC_USAGE, "there is nothing to check with; give --secret or set FAIRLEAD_SECRET");
    if (options->verify == SCHEME_NONE)
        return err_set(err, RC_USAGE, "the scheme none checks nothing; use auto, composio or standard");
    if (options->headers && strcmp(options->headers, "-") == 0 && strcmp(options->body, "-") == 0)
        return err_set(err, RC_USAGE, "--headers and --body cannot both come from standard input");
    check->now = clock_wall();
    if (options->at && !clock_parse(slice_str(options->at), &check->now))
        return err_set(err, RC_USAGE, "--at: \"%.60s\" is not a time such as 2026-05-04T10:00:00Z",
                       options->at);
    return RC_OK;
}

static enum rc gather(struct verification *check, struct err *err)
{
    const struct verify_options *options = &check->options;
    enum rc rc = check_options(check, err);
    check->input.id = slice_str(options->id);
    check->input.timestamp = slice_str(options->timestamp);
    check->input.signature = slice_str(options->signature);
    check->headers.limit = MAX_HEADERS;
    check->body.limit = MAX_BODY;
    if (rc == RC_OK && options->headers) {
        rc = text_file_read(options->headers, &check->headers, err);
        read_headers(buf_slice(&check->headers), &check->input);
    }
    if (rc == RC_OK && strcmp(options->body, "-") == 0 && terminal_is(STDIN_FILENO))
        fputs("reading the body from standard input; --body FILE reads it from a file\n", stderr);
    if (rc == RC_OK)
        rc = text_file_read(options->body, &check->body, err);
    check->input.body = buf_slice(&check->body);
    return rc;
}

static void print_human(enum rc rc, const struct err *err, struct slice reasons)
{
    if (rc == RC_OK) {
        printf("%svalid%s\n", terminal_colour(STDOUT_FILENO, COLOUR_GREEN),
               terminal_colour(STDOUT_FILENO, COLOUR_NONE));
        return;
    }
    printf("%snot valid%s (%s): %s\n", terminal_colour(STDOUT_FILENO, COLOUR_RED),
           terminal_colour(STDOUT_FILENO, COLOUR_NONE), rc_code(rc), err->message);
    while (reasons.len > 0) {
        struct slice reason = slice_split(&reasons, '\n');
        if (reason.len)
            printf("  %.*s\n", SLICE_ARG(reason));
    }
}

static void print_json(enum rc rc, const struct err *err, struct slice reasons)
{
    CLEANUP(buf_cleanup) struct buf line = BUF_INIT;
    buf_addf(&line, "{\"valid\":%s,\"code\":\"%s\",\"message\":", rc == RC_OK ? "true" : "false",
             rc_code(rc));
    json_quote(slice_str(rc == RC_OK ? "" : err->message), &line);
    buf_add_str(&line, ",\"reasons\":[");
    for (bool first = true; reasons.len > 0; first = false) {
        buf_add_str(&line, first ? "" : ",");
        json_quote(slice_split(&reasons, '\n'), &line);
    }
    buf_add_str(&line, "]}\n");
    fputs(buf_str(&line), stdout);
}

/* RC_USAGE when the secrets are no keys; otherwise the result is printed and *ret_valid tells it. */
static enum rc verify(struct verification *check, bool *ret_valid, struct err *err)
{
    const struct verify_options *options = &check->options;
    const char *const *secrets = (const char *const *)options->secret.items;
    struct keyring *keyring = NULL;
    enum rc rc = keyring_new((enum scheme)options->verify, secrets, options->secret.count, &keyring, err);
    if (rc)
        return rc;
    CLEANUP(buf_cleanup) struct buf reasons = BUF_INIT;
    rc = signature_check(keyring, &check->input, check->now, options->tolerance, err);
    keyring_free(keyring);
    if (rc != RC_OK && rc != RC_SIGNATURE_MISSING)
        signature_explain((enum scheme)options->verify, secrets, options->secret.count, &check->input,
                          check->now, options->tolerance, &reasons);
    (options->json ? print_json : print_human)(rc, err, buf_slice(&reasons));
    *ret_valid = rc == RC_OK;
    return RC_OK;
}

static int run_verify(int argc, char **argv)
{
    struct verification check = {.body = BUF_INIT};
    struct err err;
    bool valid = false;
    int status = command_read_options(&cmd_verify, &check.options, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    enum rc rc = gather(&check, &err);
    if (rc == RC_OK)
        rc = verify(&check, &valid, &err);
    if (rc == RC_OK)
        status = valid ? EXIT_OK : EXIT_FAILED;
    else
        status = rc == RC_USAGE ? command_refuse(&cmd_verify, &err) : command_fail(&cmd_verify, &err);
    buf_cleanup(&check.headers);
    buf_cleanup(&check.body);
    option_values_cleanup(&TABLE, &check.options);
    return status;
}

const struct command cmd_verify = {
    .name = "verify",
    .operands = "",
    .summary = "check a signature and say what is wrong with it",
    .details = "Takes the three headers and the exact bytes of the body. When the signature does not match "
               "it tries the\n"
               "usual mistakes: another scheme, a body that was encoded again, a newline too much, a trimmed "
               "secret.\n"
               "Exit status 0 when it is valid, 1 when it is not.",
    .examples = "fairlead verify --secret \"$WEBHOOK_SECRET\" --headers headers.txt --body body.json\n"
                "fairlead verify --secret \"$WEBHOOK_SECRET\" --id msg_1 --timestamp 1767225600 \\\n"
                "    --signature 'v1,jrAMr1j/LyDm0e+4Z3Zv1ipIeDfSeCXa8nJsXJmQhRM=' --tolerance 0 < body.json",
    .options = &TABLE,
    .run = run_verify,
};
