#include "cli/sample_event.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "wire/json.h"

#define PLATFORM_PREFIX "composio.connected_account."
#define ADMIN_PREFIX    "connected_account."

static const char *const APPS[] = {"notion",         "github", "gmail",   "slack",
                                   "googlecalendar", "linear", "hubspot", "jira"};
static const char *const ADJECTIVES[] = {"brave",  "quiet", "amber",  "swift",
                                         "gentle", "lucid", "mellow", "rapid"};
static const char *const NOUNS[] = {"teal", "lake", "harbor", "meadow", "ember", "willow", "comet", "ridge"};
enum { WORD_COUNT = 8, RANDOM_BYTES = 16 };

static enum rc random_bytes(unsigned char *bytes, size_t count, struct err *err)
{
    if (getrandom(bytes, count, 0) == (ssize_t)count)
        return RC_OK;
    return err_set(err, RC_INTERNAL, "the system gave no random bytes: %s", strerror(errno));
}

enum rc sample_event_uuid(const char *prefix, struct buf *out, struct err *err)
{
    unsigned char bytes[RANDOM_BYTES];
    enum rc rc = random_bytes(bytes, sizeof bytes, err);
    if (rc)
        return rc;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    buf_add_str(out, prefix);
    for (size_t i = 0; i < sizeof bytes; i++)
        buf_addf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
    return RC_OK;
}

/* "ca_" and twelve letters or digits, as the platform's short ids look. */
static enum rc short_id(const char *prefix, struct buf *out, struct err *err)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[12];
    enum rc rc = random_bytes(bytes, sizeof bytes, err);
    if (rc)
        return rc;
    buf_add_str(out, prefix);
    for (size_t i = 0; i < sizeof bytes; i++)
        buf_add_char(out, ALPHABET[bytes[i] % 62]);
    return RC_OK;
}

static void add_member(const char *name, const char *text, struct buf *out)
{
    buf_addf(out, "\"%s\":", name);
    json_quote(slice_str(text), out);
}

/* The parts that both shapes have, chosen once. */
struct parts {
    const char *app;
    const char *adjective;
    const char *noun;
    char at[CLOCK_RFC3339_SIZE];
    struct buf account;
    struct buf integration;
    struct buf user;
};

static void parts_cleanup(struct parts *parts)
{
    buf_cleanup(&parts->account);
    buf_cleanup(&parts->integration);
    buf_cleanup(&parts->user);
}

static enum rc choose(const struct sample_event *event, bool platform, struct parts *parts, struct err *err)
{
    unsigned char dice[4];
    enum rc rc = random_bytes(dice, sizeof dice, err);
    if (rc)
        return rc;
    parts->app = event->app ? event->app : APPS[dice[0] % WORD_COUNT];
    parts->adjective = ADJECTIVES[dice[1] % WORD_COUNT];
    parts->noun = NOUNS[dice[2] % WORD_COUNT];
    buf_addf(&parts->user, "user-%u", dice[3] + 1u);
    clock_format(event->at, parts->at);
    if (event->account)
        buf_add_str(&parts->account, event->account);
    else
        rc = platform ? short_id("ca_", &parts->account, err) : sample_event_uuid("", &parts->account, err);
    if (rc)
        return rc;
    return platform ? short_id("ac_", &parts->integration, err)
                    : sample_event_uuid("", &parts->integration, err);
}

static void write_admin(const char *type, const struct parts *parts, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf integration_name = BUF_INIT;
    buf_addf(&integration_name, "%s_%s_%s", parts->app, parts->adjective, parts->noun);
    buf_add_char(out, '{');
    add_member("type", type, out);
    buf_addf(out, ",\"timestamp\":\"%s\",\"data\":{", parts->at);
    add_member("app_name", parts->app, out);
    buf_add_char(out, ',');
    add_member("integration_name", buf_str(&integration_name), out);
    buf_add_char(out, ',');
    add_member("integration_id", buf_str(&parts->integration), out);
    buf_add_str(out, ",\"body\":{},");
    add_member("connected_account_id", buf_str(&parts->account), out);
    buf_add_str(out, "}}");
}

static void write_platform_account(bool expired, const struct parts *parts, struct buf *out)
{
    buf_add_char(out, '{');
    add_member("id", buf_str(&parts->account), out);
    buf_add_str(out, ",\"toolkit\":{");
    add_member("slug", parts->app, out);
    buf_add_str(out, "},\"auth_config\":{");
    add_member("id", buf_str(&parts->integration), out);
    buf_add_str(out, ",\"auth_scheme\":\"OAUTH2\",\"is_composio_managed\":true,\"is_disabled\":false},");
    buf_addf(out, "\"word_id\":\"%s-%s\",\"alias\":null,", parts->adjective, parts->noun);
    add_member("user_id", buf_str(&parts->user), out);
    buf_addf(out, ",\"status\":\"%s\",\"created_at\":\"%s\",\"updated_at\":\"%s\",",
             expired ? "EXPIRED" : "ACTIVE", parts->at, parts->at);
    buf_add_str(
        out, "\"state\":{\"authScheme\":\"OAUTH2\",\"val\":{}},\"data\":{},\"params\":{},\"status_reason\":");
    buf_add_str(out, expired ? "\"Connection initiation did not complete within 10 minutes\"" : "null");
    buf_add_str(out, ",\"is_disabled\":false}");
}

static void write_platform(const char *type, const char *id, const struct parts *parts, struct buf *out)
{
    buf_add_char(out, '{');
    add_member("id", id, out);
    buf_addf(out, ",\"timestamp\":\"%s\",", parts->at);
    add_member("type", type, out);
    buf_add_str(out, ",\"metadata\":{\"project_id\":\"pr_sample\",\"org_id\":\"ok_sample\"},\"data\":");
    write_platform_account(slice_ends(slice_str(type), ".expired"), parts, out);
    buf_add_char(out, '}');
}

bool sample_event_has_id(const char *type)
{
    return slice_starts(slice_str(type), PLATFORM_PREFIX);
}

static bool is_type(const char *type)
{
    for (const char *c = type; *c; c++)
        if (*c <= 0x20 || *c >= 0x7F)
            return false;
    return (slice_starts(slice_str(type), ADMIN_PREFIX) && type[strlen(ADMIN_PREFIX)]) ||
           (slice_starts(slice_str(type), PLATFORM_PREFIX) && type[strlen(PLATFORM_PREFIX)]);
}

enum rc sample_event_make(const struct sample_event *event, struct buf *ret_body, struct buf *ret_id,
                          struct err *err)
{
    if (!is_type(event->type))
        return err_set(err, RC_USAGE,
                       "cannot make an event of type \"%.60s\"; use connected_account.add.start, "
                       "connected_account.add.completed, another connected_account.*, "
                       "composio.connected_account.expired, or send a body of your own with --file",
                       event->type);
    bool platform = sample_event_has_id(event->type);
    CLEANUP(parts_cleanup)
    struct parts parts = {.account = BUF_INIT, .integration = BUF_INIT, .user = BUF_INIT};
    enum rc rc = choose(event, platform, &parts, err);
    if (rc == RC_OK && platform && !event->id)
        rc = sample_event_uuid("msg_", ret_id, err);
    if (rc)
        return rc;
    if (platform) {
        buf_add_str(ret_id, event->id ? event->id : "");
        write_platform(event->type, buf_str(ret_id), &parts, ret_body);
    } else {
        write_admin(event->type, &parts, ret_body);
    }
    return buf_failed(ret_body) || buf_failed(ret_id) ? err_set(err, RC_NO_MEMORY, "out of memory") : RC_OK;
}
