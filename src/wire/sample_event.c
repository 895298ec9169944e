#include "wire/sample_event.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "wire/json.h"

#define PLATFORM_PREFIX "composio.connected_account."
#define ADMIN_PREFIX    "connected_account."
#define TRIGGER_MESSAGE "composio.trigger.message"

static const char *const APPS[] = {"notion",         "github", "gmail",   "slack",
                                   "googlecalendar", "linear", "hubspot", "jira"};
static const char *const ADJECTIVES[] = {"brave",  "quiet", "amber",  "swift",
                                         "gentle", "lucid", "mellow", "rapid"};
static const char *const NOUNS[] = {"teal", "lake", "harbor", "meadow", "ember", "willow", "comet", "ridge"};
enum { WORD_COUNT = 8 };

static enum rc random_bytes(unsigned char *bytes, size_t count, struct err *err)
{
    if (getrandom(bytes, count, 0) == (ssize_t)count)
        return RC_OK;
    return err_set(err, RC_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
}

void sample_event_uuid_of(const char *prefix, const unsigned char bytes[SAMPLE_UUID_BYTES], struct buf *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    buf_add_str(out, prefix);
    for (size_t i = 0; i < SAMPLE_UUID_BYTES; i++) {
        unsigned byte = i == 6 ? (bytes[i] & 0x0Fu) | 0x40u : i == 8 ? (bytes[i] & 0x3Fu) | 0x80u : bytes[i];
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_add_char(out, '-');
        buf_add_char(out, DIGITS[byte >> 4]);
        buf_add_char(out, DIGITS[byte & 0x0F]);
    }
}

enum rc sample_event_uuid(const char *prefix, struct buf *out, struct err *err)
{
    unsigned char bytes[SAMPLE_UUID_BYTES];
    enum rc rc = random_bytes(bytes, sizeof bytes, err);
    if (rc == RC_OK)
        sample_event_uuid_of(prefix, bytes, out);
    return rc;
}

void sample_event_short_id_of(const char *prefix, const unsigned char bytes[SAMPLE_SHORT_BYTES],
                              struct buf *out)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    buf_add_str(out, prefix);
    for (size_t i = 0; i < SAMPLE_SHORT_BYTES; i++)
        buf_add_char(out, ALPHABET[bytes[i] % (sizeof ALPHABET - 1)]);
}

static enum rc short_id(const char *prefix, struct buf *out, struct err *err)
{
    unsigned char bytes[SAMPLE_SHORT_BYTES];
    enum rc rc = random_bytes(bytes, sizeof bytes, err);
    if (rc == RC_OK)
        sample_event_short_id_of(prefix, bytes, out);
    return rc;
}

static void add_member(const char *name, const char *text, struct buf *out)
{
    buf_addf(out, "\"%s\":", name);
    json_quote(slice_str(text), out);
}

static void add_next_member(const char *name, const char *text, struct buf *out)
{
    buf_add_char(out, ',');
    add_member(name, text, out);
}

static void add_time(const char *name, usec at, struct buf *out)
{
    char text[CLOCK_RFC3339_SIZE];
    clock_format(at, text);
    buf_addf(out, ",\"%s\":\"%s\"", name, text);
}

static void write_admin(const struct sample_event *event, struct buf *out)
{
    buf_add_char(out, '{');
    add_member("type", event->type, out);
    add_time("timestamp", event->at, out);
    buf_add_str(out, ",\"data\":{");
    add_member("app_name", event->app, out);
    add_next_member("integration_name", event->integration_name, out);
    add_next_member("integration_id", event->integration_id, out);
    buf_add_str(out, ",\"body\":{}");
    add_next_member("connected_account_id", event->account, out);
    buf_add_str(out, "}}");
}

static void write_account(const struct sample_event *event, struct buf *out)
{
    bool expired = slice_ends(slice_str(event->type), ".expired");
    buf_add_str(out, ",\"metadata\":{\"project_id\":\"pr_sample\",\"org_id\":\"ok_sample\"},\"data\":{");
    add_member("id", event->account, out);
    buf_add_str(out, ",\"toolkit\":{");
    add_member("slug", event->app, out);
    buf_add_str(out, "},\"auth_config\":{");
    add_member("id", event->integration_id, out);
    buf_add_str(out, ",\"auth_scheme\":\"OAUTH2\",\"is_composio_managed\":true,\"is_disabled\":false}");
    add_next_member("word_id", event->integration_name, out);
    buf_add_str(out, ",\"alias\":null");
    add_next_member("user_id", event->user, out);
    add_next_member("status", expired ? "EXPIRED" : "ACTIVE", out);
    add_time("created_at", event->created_at ? event->created_at : event->at, out);
    add_time("updated_at", event->at, out);
    buf_add_str(out, ",\"state\":{\"authScheme\":\"OAUTH2\",\"val\":{}},\"data\":{},\"params\":{}");
    if (event->status_reason)
        add_next_member("status_reason", event->status_reason, out);
    else
        buf_add_str(out, ",\"status_reason\":null");
    buf_add_str(out, ",\"is_disabled\":false}");
}

static void write_trigger_message(const struct sample_event *event, struct buf *out)
{
    buf_add_str(out, ",\"metadata\":{\"log_id\":\"log_sample\",\"trigger_slug\":\"SAMPLE_NEW_MESSAGE\","
                     "\"trigger_id\":\"ti_sample\"");
    add_next_member("connected_account_id", event->account, out);
    add_next_member("auth_config_id", event->integration_id, out);
    add_next_member("user_id", event->user, out);
    buf_add_str(out, "},\"data\":{");
    add_member("app", event->app, out);
    buf_add_str(out, ",\"message\":\"hello\"}");
}

static void write_platform(const struct sample_event *event, struct buf *out)
{
    buf_add_char(out, '{');
    add_member("id", event->id, out);
    add_time("timestamp", event->at, out);
    add_next_member("type", event->type, out);
    if (strcmp(event->type, TRIGGER_MESSAGE) == 0)
        write_trigger_message(event, out);
    else
        write_account(event, out);
    buf_add_char(out, '}');
}

bool sample_event_has_id(const char *type)
{
    return slice_starts(slice_str(type), PLATFORM_PREFIX) || strcmp(type, TRIGGER_MESSAGE) == 0;
}

void sample_event_write(const struct sample_event *event, struct buf *out)
{
    if (sample_event_has_id(event->type))
        write_platform(event, out);
    else
        write_admin(event, out);
}

void sample_event_envelop(struct slice body, struct buf *out)
{
    buf_add_str(out,
                "{\"event\":{\"method\":\"POST\",\"path\":\"/\",\"query\":{},\"client_ip\":\"198.51.100.7\","
                "\"url\":\"https://bin.example/h\",\"headers\":{\"host\":\"bin.example\","
                "\"content-type\":\"application/json\",\"user-agent\":\"Composio-Webhook/1.0\"},\"body\":");
    buf_add_slice(out, body);
    buf_add_str(out, "}}");
}

/* Memory for what was not said and is chosen. */
struct chosen {
    struct buf account;
    struct buf integration_name;
    struct buf integration_id;
    struct buf user;
};

static void chosen_cleanup(struct chosen *chosen)
{
    buf_cleanup(&chosen->account);
    buf_cleanup(&chosen->integration_name);
    buf_cleanup(&chosen->integration_id);
    buf_cleanup(&chosen->user);
}

static enum rc choose_names(struct sample_event *event, struct chosen *chosen, struct err *err)
{
    unsigned char dice[4];
    enum rc rc = random_bytes(dice, sizeof dice, err);
    if (rc)
        return rc;
    if (!event->app)
        event->app = APPS[dice[0] % WORD_COUNT];
    buf_addf(&chosen->integration_name, "%s_%s_%s", event->app, ADJECTIVES[dice[1] % WORD_COUNT],
             NOUNS[dice[2] % WORD_COUNT]);
    buf_addf(&chosen->user, "user-%u", dice[3] + 1u);
    if (!event->integration_name)
        event->integration_name = buf_str(&chosen->integration_name);
    if (!event->user)
        event->user = buf_str(&chosen->user);
    return RC_OK;
}

static enum rc choose_ids(struct sample_event *event, struct chosen *chosen, struct err *err)
{
    bool platform = sample_event_has_id(event->type);
    enum rc rc =
        platform ? short_id("ca_", &chosen->account, err) : sample_event_uuid("", &chosen->account, err);
    if (rc == RC_OK)
        rc = platform ? short_id("ac_", &chosen->integration_id, err)
                      : sample_event_uuid("", &chosen->integration_id, err);
    if (!event->account)
        event->account = buf_str(&chosen->account);
    if (!event->integration_id)
        event->integration_id = buf_str(&chosen->integration_id);
    return rc;
}

static bool is_type(const char *type)
{
    for (const char *c = type; *c; c++)
        if (*c <= 0x20 || *c >= 0x7F)
            return false;
    return (slice_starts(slice_str(type), ADMIN_PREFIX) && type[strlen(ADMIN_PREFIX)]) ||
           (slice_starts(slice_str(type), PLATFORM_PREFIX) && type[strlen(PLATFORM_PREFIX)]);
}

static enum rc choose_event_id(struct sample_event *event, struct buf *ret_id, struct err *err)
{
    if (!sample_event_has_id(event->type))
        return RC_OK;
    enum rc rc = RC_OK;
    if (event->id)
        buf_add_str(ret_id, event->id);
    else
        rc = sample_event_uuid("msg_", ret_id, err);
    event->id = buf_str(ret_id);
    return rc;
}

enum rc sample_event_make(const struct sample_event *said, struct buf *ret_body, struct buf *ret_id,
                          struct err *err)
{
    struct sample_event event = *said;
    CLEANUP(chosen_cleanup) struct chosen chosen = {.account = BUF_INIT};
    if (!is_type(event.type))
        return err_set(err, RC_USAGE,
                       "cannot make an event of type \"%.60s\"; use connected_account.add.start, "
                       "connected_account.add.completed, another connected_account.*, "
                       "composio.connected_account.expired, or send a body of your own with --file",
                       event.type);
    enum rc rc = choose_names(&event, &chosen, err);
    if (rc == RC_OK)
        rc = choose_ids(&event, &chosen, err);
    if (rc == RC_OK)
        rc = choose_event_id(&event, ret_id, err);
    if (rc)
        return rc;
    if (!event.status_reason && slice_ends(slice_str(event.type), ".expired"))
        event.status_reason = SAMPLE_FLOW_TIMEOUT;
    sample_event_write(&event, ret_body);
    return buf_failed(ret_body) || buf_failed(ret_id) ? err_set(err, RC_NO_MEMORY, "out of memory") : RC_OK;
}
