#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/outgoing.h"
#include "cli/remote.h"
#include "cli/terminal.h"
#include "cli/text_file.h"
#include "http/client.h"
#include "wire/json.h"
#include "wire/sample_event.h"

#define DEFAULT_TYPE "connected_account.add.start"
#define MAX_BODY     ((size_t)64 * 1024 * 1024)
#define MAX_REPORTED 10 /* refused events that are shown one by one when many are sent */

struct send_options {
    const char *url;
    const char *path;
    struct option_list secret;
    int scheme;
    const char *app;
    const char *account;
    int64_t count;
    const char *id;
    const char *file;
    const char *cacert;
    usec timeout;
    bool json;
};

static const char *const SCHEMES[] = {"composio", "standard", NULL};
static const enum scheme SCHEME_OF[] = {SCHEME_COMPOSIO, SCHEME_STANDARD};

#define AT(member) offsetof(struct send_options, member)
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
    {.name = "app",
     .kind = OPTION_TEXT,
     .offset = AT(app),
     .value = "NAME",
     .help = "app of the account; default: one at random"},
    {.name = "account",
     .kind = OPTION_TEXT,
     .offset = AT(account),
     .value = "ID",
     .help = "connected account; default: a new one for each event"},
    {.name = "count",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .offset = AT(count),
     .value = "N",
     .fallback = "1",
     .min = 1,
     .max = 100000000,
     .help = "how many events"},
    {.name = "id",
     .kind = OPTION_TEXT,
     .offset = AT(id),
     .value = "ID",
     .help = "webhook-id; the same id twice is a duplicate"},
    {.name = "file",
     .letter = 'f',
     .kind = OPTION_TEXT,
     .offset = AT(file),
     .value = "FILE",
     .help = "send this body; - is standard input"},
    {.name = "cacert",
     .kind = OPTION_TEXT,
     .offset = AT(cacert),
     .value = "FILE",
     .help = "authorities to trust for https, in PEM form, instead of the system's"},
    {.name = "timeout",
     .kind = OPTION_DURATION,
     .offset = AT(timeout),
     .value = "DURATION",
     .fallback = "30s",
     .min = USEC_PER_MS,
     .max = USEC_DAY,
     .help = "time for one answer"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one line of JSON for each answer"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

/* One run of the command. */
struct sending {
    struct send_options options;
    const char *type;
    struct client *client;
    struct buf url;
    struct buf file;
    uint64_t accepted;
    uint64_t refused;
};

static enum rc make_body(const struct sending *sending, struct outgoing *message, struct err *err)
{
    const struct send_options *options = &sending->options;
    enum rc rc = RC_OK;
    if (options->file) {
        buf_add_slice(&message->body, buf_slice(&sending->file));
    } else {
        const struct sample_event event = {.type = sending->type,
                                           .app = options->app,
                                           .account = options->account,
                                           .id = options->id,
                                           .at = clock_wall()};
        rc = sample_event_make(&event, &message->body, &message->id, err);
    }
    if (rc == RC_OK && message->id.len == 0 && options->id)
        buf_add_str(&message->id, options->id);
    if (rc == RC_OK && message->id.len == 0 && options->secret.count)
        rc = sample_event_uuid("msg_", &message->id, err);
    return rc;
}

static enum rc make_message(const struct sending *sending, struct outgoing *message, struct err *err)
{
    const struct send_options *options = &sending->options;
    const struct outgoing_delivery delivery = {
        .secrets = (const char *const *)options->secret.items,
        .secret_count = options->secret.count,
        .scheme = SCHEME_OF[options->scheme],
        .platform = !options->file && sample_event_has_id(sending->type),
        .attempt = 1,
        .at = clock_wall(),
    };
    enum rc rc = make_body(sending, message, err);
    return rc ? rc : outgoing_add_headers(message, &delivery, err);
}

static bool is_success(const struct client_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

static void print_json(const struct outgoing *message, const struct client_answer *answer)
{
    CLEANUP(buf_cleanup) struct buf line = BUF_INIT;
    json_t *tree = NULL;
    buf_addf(&line, "{\"status\":%d,\"elapsed_s\":%.6f,\"id\":", answer->status,
             (double)answer->elapsed / 1e6);
    if (message->id.len)
        json_quote(buf_slice(&message->id), &line);
    else
        buf_add_str(&line, "null");
    buf_add_str(&line, ",\"answer\":");
    if (json_parse(buf_slice(&answer->body), &tree, NULL) == RC_OK)
        json_compact(buf_slice(&answer->body), &line);
    else
        json_quote(buf_slice(&answer->body), &line);
    json_decref(tree);
    buf_add_str(&line, "}\n");
    fwrite(buf_str(&line), 1, line.len, stdout);
}

/* A server's text goes to a terminal: control characters must not. */
static void print_plain(struct slice text, FILE *to)
{
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        fputc((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? '?' : c, to);
    }
    fputc('\n', to);
}

static void print_answer(const struct sending *sending, const struct client_answer *answer)
{
    if (!terminal_is(STDOUT_FILENO)) {
        printf("%d ", answer->status);
    } else {
        printf("%s%d%s in %.1f ms  %s  ",
               terminal_colour(STDOUT_FILENO, is_success(answer) ? COLOUR_GREEN : COLOUR_RED), answer->status,
               terminal_colour(STDOUT_FILENO, COLOUR_NONE), (double)answer->elapsed / 1e3,
               sending->options.file ? sending->options.file : sending->type);
    }
    print_plain(buf_slice(&answer->body), stdout);
}

static void report(struct sending *sending, const struct outgoing *message,
                   const struct client_answer *answer)
{
    bool success = is_success(answer);
    sending->accepted += success;
    sending->refused += !success;
    if (sending->options.json)
        print_json(message, answer);
    else if (sending->options.count == 1 || (!success && sending->refused <= MAX_REPORTED))
        print_answer(sending, answer);
}

static enum rc send_one(struct sending *sending, struct err *err)
{
    CLEANUP(outgoing_cleanup) struct outgoing message = {0};
    enum rc rc = make_message(sending, &message, err);
    if (rc)
        return rc;
    const struct client_request request = {
        .client = sending->client,
        .method = "POST",
        .url = buf_str(&sending->url),
        .headers = message.header_list,
        .body = buf_slice(&message.body),
        .cacert = sending->options.cacert,
        .timeout = sending->options.timeout,
    };
    struct client_answer answer;
    rc = client_perform(&request, &answer, err);
    if (rc)
        return rc;
    report(sending, &message, &answer);
    buf_cleanup(&answer.body);
    return RC_OK;
}

static enum rc send_all(struct sending *sending, struct err *err)
{
    struct progress progress;
    enum rc rc = RC_OK;
    usec started = clock_monotonic();
    uint64_t count = (uint64_t)sending->options.count;
    progress_start(&progress, "sending", count);
    for (uint64_t i = 0; i < count && rc == RC_OK; i++) {
        rc = send_one(sending, err);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    double elapsed = (double)(clock_monotonic() - started) / 1e6;
    if (count > 1 && !sending->options.json)
        printf("%" PRIu64 " sent in %.2f s: %" PRIu64 " accepted, %" PRIu64 " refused\n",
               sending->accepted + sending->refused, elapsed, sending->accepted, sending->refused);
    return rc;
}

static enum rc prepare(struct sending *sending, struct err *err)
{
    remote_url(sending->options.url, sending->options.path, "/webhook", &sending->url);
    sending->file.limit = MAX_BODY;
    sending->client = client_open();
    if (!sending->client)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    if (sending->options.id && strpbrk(sending->options.id, "\r\n"))
        return err_set(err, RC_USAGE, "--id must be one line");
    return sending->options.file ? text_file_read(sending->options.file, &sending->file, err) : RC_OK;
}

static int run_send(int argc, char **argv)
{
    struct sending sending = {.type = DEFAULT_TYPE};
    struct err err;
    size_t count = 0;
    int status = command_read_options(&cmd_send, &sending.options, argc, argv, &sending.type, 1, &count);
    if (status)
        return status;
    enum rc rc = prepare(&sending, &err);
    if (rc == RC_OK)
        rc = send_all(&sending, &err);
    if (rc != RC_OK)
        status = rc == RC_USAGE ? command_refuse(&cmd_send, &err) : command_fail(&cmd_send, &err);
    else if (sending.refused)
        status = EXIT_FAILED;
    client_close(sending.client);
    buf_cleanup(&sending.url);
    buf_cleanup(&sending.file);
    option_values_cleanup(&TABLE, &sending.options);
    return status;
}

const struct command cmd_send = {
    .name = "send",
    .operands = "[TYPE]",
    .summary = "send one event to a receiver",
    .details =
        "TYPE is connected_account.add.start (the default), connected_account.add.completed, any other\n"
        "connected_account.*, or composio.connected_account.expired. Times are now and ids random.\n"
        "Prints the answer; exit status 1 unless every answer is 2xx.",
    .examples =
        "fairlead send\n"
        "fairlead send connected_account.add.completed --account 9f1d7a30-52c4-4e0b-8a55-6a7d2f3b1c90\n"
        "fairlead send --secret \"$WEBHOOK_SECRET\" --count 100\n"
        "fairlead send --file body.json --id msg_1 --url https://hooks.example.com/webhook",
    .options = &TABLE,
    .run = run_send,
};
