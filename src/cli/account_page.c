#include "cli/account_page.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "cli/human_time.h"
#include "wire/json_raw.h"

enum { TITLE_WIDTH = 18, TIME_WIDTH = 24, STEP_WIDTH = 9 };

enum colour account_colour(struct slice word)
{
    static const struct {
        const char *end;
        enum colour colour;
    } ROWS[] = {
        {"start", COLOUR_BLUE},      {"initiated", COLOUR_BLUE}, {"pending", COLOUR_BLUE},
        {"completed", COLOUR_GREEN}, {"active", COLOUR_GREEN},   {"activated", COLOUR_GREEN},
        {"failed", COLOUR_RED},      {"expired", COLOUR_RED},    {"disabled", COLOUR_RED},
        {"abandoned", COLOUR_RED},   {"slow", COLOUR_YELLOW},    {"delete", COLOUR_YELLOW},
        {"deleted", COLOUR_YELLOW},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        size_t len = strlen(ROWS[i].end);
        if (word.len >= len && strncasecmp(word.ptr + word.len - len, ROWS[i].end, len) == 0)
            return ROWS[i].colour;
    }
    return COLOUR_NONE;
}

static bool read_time(const json_t *object, const char *name, usec *ret)
{
    struct slice text = json_get_slice(object, name);
    return text.ptr && clock_parse(text, ret);
}

static bool read_seconds(const json_t *object, const char *name, usec *ret)
{
    const json_t *value = json_object_get(object, name);
    double seconds = json_number_value(value);
    if (!json_is_number(value) || seconds > 1e11 || seconds < -1e11)
        return false;
    *ret = (usec)(seconds * (double)USEC_PER_SEC + (seconds < 0 ? -0.5 : 0.5));
    return true;
}

static void add_span(const json_t *object, const char *name, struct buf *out)
{
    usec span;
    if (read_seconds(object, name, &span))
        human_time_span(span, out);
}

static void add_ago(const json_t *object, const char *name, usec now, struct buf *out)
{
    usec at;
    if (read_time(object, name, &at))
        human_time_ago(at, now, out);
}

/* ---- the list ---- */

/* An id is there to be copied: one of 36 bytes stays whole. */
static const struct table_column COLUMNS[] = {
    {"ID", ALIGN_LEFT, 36},      {"APP", ALIGN_LEFT, 6},      {"USER", ALIGN_LEFT, 6},
    {"STATUS", ALIGN_LEFT, 0},   {"STALLED", ALIGN_LEFT, 0},  {"TRIES", ALIGN_RIGHT, 0},
    {"STARTED", ALIGN_RIGHT, 0}, {"CONNECT", ALIGN_RIGHT, 0},
};

void account_table_init(struct table *table)
{
    table_init(table, COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
}

void account_table_add(struct table *table, const json_t *account, const struct screen *screen)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    struct slice status = json_get_slice(account, "status");
    struct slice stalled = json_get_slice(account, "stalled");
    table_add(table, json_get_slice(account, "id"), COLOUR_NONE);
    table_add(table, json_get_slice(account, "app"), COLOUR_NONE);
    table_add(table, json_get_slice(account, "user_id"), COLOUR_NONE);
    table_add(table, status, account_colour(status));
    table_add(table, stalled, account_colour(stalled));
    buf_addf(&text, "%" PRId64, (int64_t)json_integer_value(json_object_get(account, "attempts")));
    table_add(table, buf_slice(&text), COLOUR_NONE);
    buf_clear(&text);
    add_ago(account, "started_at", screen->now, &text);
    table_add(table, buf_slice(&text), COLOUR_NONE);
    buf_clear(&text);
    add_span(account, "time_to_connect_s", &text);
    table_add(table, buf_slice(&text), COLOUR_NONE);
}

/* ---- one account ---- */

static void add_fact(const struct screen *screen, const char *title, struct slice value, enum colour colour,
                     struct buf *out)
{
    if (value.len == 0)
        return;
    screen_add_colour(screen, COLOUR_DIM, out);
    screen_add(screen, slice_str(title), TITLE_WIDTH, ALIGN_LEFT, out);
    screen_add_colour(screen, COLOUR_NONE, out);
    screen_add_colour(screen, colour, out);
    screen_add(screen, value, SCREEN_ANY, ALIGN_LEFT, out);
    if (colour != COLOUR_NONE)
        screen_add_colour(screen, COLOUR_NONE, out);
    buf_add_char(out, '\n');
}

static void add_time_fact(const struct screen *screen, const char *title, const json_t *account,
                          const char *name, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    struct slice at = json_get_slice(account, name);
    if (!at.len)
        return;
    buf_add_slice(&text, at);
    buf_add_str(&text, "  (");
    add_ago(account, name, screen->now, &text);
    buf_add_char(&text, ')');
    add_fact(screen, title, buf_slice(&text), COLOUR_NONE, out);
}

static void add_status(const struct screen *screen, const json_t *account, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    struct slice status = json_get_slice(account, "status");
    struct slice stalled = json_get_slice(account, "stalled");
    buf_add_slice(&text, status.len ? status : slice_str("not known"));
    if (stalled.len)
        buf_addf(&text, ", %.*s", SLICE_ARG(stalled));
    add_fact(screen, "status", buf_slice(&text), account_colour(stalled.len ? stalled : status), out);
    add_fact(screen, "reason", json_get_slice(account, "status_reason"), COLOUR_NONE, out);
}

static void add_facts(const struct screen *screen, const json_t *account, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf span = BUF_INIT;
    add_fact(screen, "account", json_get_slice(account, "id"), COLOUR_BOLD, out);
    add_status(screen, account, out);
    add_fact(screen, "app", json_get_slice(account, "app"), COLOUR_NONE, out);
    add_fact(screen, "user", json_get_slice(account, "user_id"), COLOUR_NONE, out);
    add_fact(screen, "integration", json_get_slice(account, "integration_name"), COLOUR_NONE, out);
    add_fact(screen, "integration id", json_get_slice(account, "integration_id"), COLOUR_NONE, out);
    add_time_fact(screen, "first seen", account, "first_seen_at", out);
    add_time_fact(screen, "started", account, "started_at", out);
    add_time_fact(screen, "completed", account, "completed_at", out);
    add_span(account, "time_to_connect_s", &span);
    add_fact(screen, "time to connect", buf_slice(&span), COLOUR_NONE, out);
    add_time_fact(screen, "last event", account, "last_event_at", out);
}

static void add_heading(const struct screen *screen, const char *text, size_t count, struct buf *out)
{
    screen_add_colour(screen, COLOUR_BOLD, out);
    buf_addf(out, "\n%s (%zu)", text, count);
    screen_add_colour(screen, COLOUR_NONE, out);
    buf_add_char(out, '\n');
}

static void add_attempts(const struct screen *screen, const json_t *attempts, struct buf *out)
{
    static const struct table_column ATTEMPT[] = {{"STARTED", ALIGN_LEFT, 0},
                                                  {"OUTCOME", ALIGN_LEFT, 0},
                                                  {"ENDED", ALIGN_LEFT, 0},
                                                  {"CONNECT", ALIGN_RIGHT, 0}};
    CLEANUP(table_cleanup) struct table table = {.count = 0};
    const json_t *attempt;
    size_t i;
    if (json_array_size(attempts) == 0)
        return;
    add_heading(screen, "Attempts", json_array_size(attempts), out);
    table_init(&table, ATTEMPT, sizeof ATTEMPT / sizeof ATTEMPT[0]);
    json_array_foreach(attempts, i, attempt)
    {
        CLEANUP(buf_cleanup) struct buf span = BUF_INIT;
        struct slice outcome = json_get_slice(attempt, "outcome");
        add_span(attempt, "time_to_connect_s", &span);
        table_add(&table, json_get_slice(attempt, "started_at"), COLOUR_NONE);
        table_add(&table, outcome, account_colour(outcome));
        table_add(&table, json_get_slice(attempt, "ended_at"), COLOUR_NONE);
        table_add(&table, buf_slice(&span), COLOUR_NONE);
    }
    table_write(&table, screen, out);
}

static void add_payload(struct slice event, const struct screen *screen, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf pretty = BUF_INIT;
    json_show(json_raw_member(event, "payload"), &pretty);
    struct slice rest = buf_slice(&pretty);
    while (rest.len > 0) {
        buf_add_str(out, "    ");
        screen_add(screen, slice_split(&rest, '\n'), SCREEN_ANY, ALIGN_LEFT, out);
        buf_add_char(out, '\n');
    }
}

/* When, how long after the step before, what. */
static void add_step(const json_t *event, struct slice raw, usec *before, bool payloads,
                     const struct screen *screen, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf span = BUF_INIT;
    struct slice type = json_get_slice(event, "type");
    usec at = *before;
    if (read_time(event, "occurred_at", &at) && *before != INT64_MIN) {
        buf_add_str(&span, at >= *before ? "+" : "");
        human_time_span(at - *before, &span);
    }
    *before = at;
    screen_add(screen, json_get_slice(event, "occurred_at"), TIME_WIDTH, ALIGN_LEFT, out);
    screen_add_colour(screen, COLOUR_DIM, out);
    screen_add(screen, buf_slice(&span), STEP_WIDTH, ALIGN_RIGHT, out);
    screen_add_colour(screen, COLOUR_NONE, out);
    buf_add_str(out, "  ");
    screen_add_colour(screen, account_colour(type), out);
    screen_add(screen, type.len ? type : slice_str("-"), SCREEN_ANY, ALIGN_LEFT, out);
    if (account_colour(type) != COLOUR_NONE)
        screen_add_colour(screen, COLOUR_NONE, out);
    buf_addf(out, "  #%" PRId64 "%s\n", (int64_t)json_integer_value(json_object_get(event, "seq")),
             json_is_false(json_object_get(event, "verified")) ? "  unverified" : "");
    if (payloads)
        add_payload(raw, screen, out);
}

/* `raw` is the text that the timeline was made from: numbers in payloads are shown as they came. */
static void add_timeline(const json_t *answer, struct slice raw, bool payloads, const struct screen *screen,
                         struct buf *out)
{
    const json_t *timeline = json_object_get(answer, "timeline");
    usec before = INT64_MIN;
    struct slice text;
    add_heading(screen, "Timeline", json_array_size(timeline), out);
    if (json_is_string(json_object_get(answer, "timeline_next")))
        buf_add_str(out, "The newest ones; there are older events.\n");
    for (size_t i = 0; json_raw_next(&raw, &text); i++)
        add_step(json_array_get(timeline, i), text, &before, payloads, screen, out);
}

enum rc account_page_write(struct slice answer, bool payloads, const struct screen *screen, struct buf *out,
                           struct err *err)
{
    json_t *tree;
    enum rc rc = json_parse(answer, &tree, err);
    if (rc)
        return rc;
    add_facts(screen, json_object_get(tree, "account"), out);
    add_attempts(screen, json_object_get(tree, "attempts"), out);
    add_timeline(tree, json_raw_member(answer, "timeline"), payloads, screen, out);
    json_decref(tree);
    return RC_OK;
}
