#include "cli/event_line.h"

#include <time.h>

#include "base/cleanup.h"
#include "cli/account_page.h"

enum {
    TIME_WIDTH = 14, /* "05-04 10:00:00" */
    GAPS = 10,       /* between six columns */
    MARK_WIDTH = 1,
};

/* Columns of type, app, account and user. */
struct layout {
    int type;
    int app;
    int account;
    int user;
};

static struct layout layout_of(const struct screen *screen)
{
    int room = screen->width - TIME_WIDTH - GAPS - MARK_WIDTH;
    struct layout layout = {.type = room * 3 / 10, .app = room * 2 / 10};
    int longest_type = (int)strlen("composio.connected_account.expired");
    if (!screen->bounded)
        return (struct layout){SCREEN_ANY, SCREEN_ANY, SCREEN_ANY, SCREEN_ANY};
    layout.type = layout.type > longest_type ? longest_type : layout.type;
    layout.app = layout.app > 16 ? 16 : layout.app;
    room -= layout.type + layout.app;
    layout.user = room * 4 / 10;
    layout.account = room - layout.user;
    return layout;
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

void event_line_write(const json_t *event, const struct screen *screen, struct buf *out)
{
    struct layout layout = layout_of(screen);
    screen_add_colour(screen, COLOUR_DIM, out);
    add_time(event, screen, out);
    screen_add_colour(screen, COLOUR_NONE, out);
    add_type(event, screen, layout.type, out);
    add_column(screen, json_get_slice(event, "app"), layout.app, out);
    add_column(screen, json_get_slice(event, "connected_account_id"), layout.account, out);
    add_column(screen, json_get_slice(event, "user_id"), layout.user, out);
    add_verified(event, screen, out);
    buf_add_char(out, '\n');
}
