#include "cli/event_line.h"

#include <time.h>

#include "base/cleanup.h"
#include "cli/account_page.h"

enum {
    TIME_WIDTH = 14, /* "05-04 10:00:00" */
    GAP = 2,
    MARK_WIDTH = 1,
    LONGEST_TYPE = 34, /* "composio.connected_account.expired" */
    LONGEST_APP = 16,
    LEAST_TYPE = 14, /* "…add.completed" */
    LEAST_APP = 6,
    LEAST_USER = 10,
};

/* Columns of type, app, account and user; user 0: there is no such column. */
struct layout {
    int type;
    int app;
    int account;
    int user;
    bool mark;
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* Every column has its part. */
static struct layout share_room(int width)
{
    int room = width - TIME_WIDTH - 5 * GAP - MARK_WIDTH;
    struct layout layout = {
        .type = least(room * 3 / 10, LONGEST_TYPE), .app = least(room * 2 / 10, LONGEST_APP), .mark = true};
    room -= layout.type + layout.app;
    layout.user = room * 4 / 10;
    layout.account = room - layout.user;
    return layout;
}

/* The account has what it needs, and the others what is left. */
static struct layout favour_account(int width, int account, bool mark)
{
    int room = most(0, width - TIME_WIDTH - 3 * GAP - account - (mark ? GAP + MARK_WIDTH : 0));
    struct layout layout = {.account = account, .mark = mark};
    if (room >= LEAST_TYPE + LONGEST_APP + GAP + LEAST_USER) {
        layout.user = LEAST_USER;
        room -= GAP + LEAST_USER;
    }
    layout.type = most(least(room * 6 / 10, LONGEST_TYPE), least(LEAST_TYPE, room - LEAST_APP));
    layout.app = least(room - layout.type, LONGEST_APP);
    if (layout.user)
        layout.user += room - layout.type - layout.app;
    return layout;
}

static struct layout layout_of(const json_t *event, const struct screen *screen, struct event_columns *seen)
{
    if (!screen->bounded)
        return (struct layout){SCREEN_ANY, SCREEN_ANY, SCREEN_ANY, SCREEN_ANY, true};
    int account = screen_columns(json_get_slice(event, "connected_account_id"));
    int fits = screen->width - TIME_WIDTH - 3 * GAP - LEAST_TYPE - LEAST_APP;
    if (account > seen->account && account <= fits)
        seen->account = account;
    account = most(account, seen->account);
    seen->verified = seen->verified || json_is_boolean(json_object_get(event, "verified"));
    struct layout layout = share_room(screen->width);
    return account <= layout.account ? layout : favour_account(screen->width, account, seen->verified);
}

static void add_time(const json_t *event, const struct screen *screen, struct buf *out)
{
    struct slice text = json_get_slice(event, "received_at");
    char local[32];
    struct tm parts;
    usec at;
    if (!screen->bounded || !clock_parse(text, &at)) {
        screen_add(screen, text.len ? text : slice_str("-"), SCREEN_ANY, ALIGN_LEFT, out);
        return;
    }
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    localtime_r(&seconds, &parts);
    strftime(local, sizeof local, "%m-%d %H:%M:%S", &parts);
    buf_add_str(out, local);
}

static void add_column(const struct screen *screen, struct slice text, int columns, struct buf *out)
{
    buf_add_str(out, "  ");
    screen_add(screen, text.len ? text : slice_str("-"), columns, ALIGN_LEFT, out);
}

/* The last words of a type are the ones that differ. */
static void add_type(const json_t *event, const struct screen *screen, int columns, struct buf *out)
{
    struct slice type = json_get_slice(event, "type");
    enum colour colour = account_colour(type);
    buf_add_str(out, "  ");
    screen_add_colour(screen, colour, out);
    screen_add_end(screen, type.len ? type : slice_str("-"), columns, out);
    if (colour != COLOUR_NONE)
        screen_add_colour(screen, COLOUR_NONE, out);
}

static void add_verified(const json_t *event, const struct screen *screen, struct buf *out)
{
    const json_t *verified = json_object_get(event, "verified");
    bool known = json_is_boolean(verified);
    bool yes = json_is_true(verified);
    const char *mark = screen->unicode ? (yes ? "✓" : "✗") : (yes ? "y" : "n");
    const char *word = yes ? "verified" : "unverified";
    buf_add_str(out, "  ");
    if (known)
        screen_add_colour(screen, yes ? COLOUR_GREEN : COLOUR_YELLOW, out);
    buf_add_str(out, !known ? "-" : screen->bounded ? mark : word);
    if (known)
        screen_add_colour(screen, COLOUR_NONE, out);
}

void event_line_write(const json_t *event, const struct screen *screen, struct event_columns *seen,
                      struct buf *out)
{
    struct layout layout = layout_of(event, screen, seen);
    screen_add_colour(screen, COLOUR_DIM, out);
    add_time(event, screen, out);
    screen_add_colour(screen, COLOUR_NONE, out);
    add_type(event, screen, layout.type, out);
    add_column(screen, json_get_slice(event, "app"), layout.app, out);
    add_column(screen, json_get_slice(event, "connected_account_id"), layout.account, out);
    if (layout.user)
        add_column(screen, json_get_slice(event, "user_id"), layout.user, out);
    if (layout.mark)
        add_verified(event, screen, out);
    screen_end_line(out);
}
