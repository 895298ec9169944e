#include "cli/player.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/outgoing.h"
#include "http/client_pool.h"

#define MAX_ANSWER      ((size_t)1024 * 1024)
#define MAX_RETRY_AFTER (30 * USEC_PER_SEC)
#define FIRST_BACKOFF   (100 * USEC_PER_MS)
#define MAX_BACKOFF     (5 * USEC_PER_SEC)
#define DRAW_INTERVAL   (100 * USEC_PER_MS)
#define DRAIN           (5 * USEC_PER_SEC) /* for answers under way when stopped */

/* One place of the pool and the webhook in it. */
struct berth {
    struct outgoing outgoing;
    enum { BERTH_FREE, BERTH_UNDER_WAY, BERTH_WAITS } state;
    usec due; /* when it is sent again */
    int attempt;
    int tries;
    bool platform;
};

struct player {
    const struct player_options *options;
    struct simulation *simulation;
    struct tally *tally;
    struct client_pool *pool;
    struct berth *berths;
    size_t busy; /* berths that are not free */
    usec started;
    struct simulated next;
    bool has_next;
    bool answered; /* the receiver has answered at least once */
    bool past;     /* what happened before live_from is being played */
    uint64_t past_sent;
    enum rc rc; /* why it cannot go on */
    struct err err;
    struct progress progress;
};

void tally_add_type(struct tally *tally, const char *type)
{
    size_t i = 0;
    while (i < tally->type_count && tally->types[i].type != type)
        i++;
    if (i == TALLY_TYPES)
        return;
    if (i == tally->type_count)
        tally->types[tally->type_count++].type = type;
    tally->types[i].count++;
}

/* Sending and answers. */

static void post(struct player *player, size_t place)
{
    const struct player_options *options = player->options;
    struct berth *berth = &player->berths[place];
    const struct outgoing_delivery delivery = {
        .secrets = options->secrets,
        .secret_count = options->secret_count,
        .scheme = options->scheme,
        .platform = berth->platform,
        .attempt = berth->attempt + berth->tries,
        .at = clock_wall(),
    };
    if (player->rc)
        return;
    player->rc = outgoing_add_headers(&berth->outgoing, &delivery, &player->err);
    if (player->rc == RC_OK)
        player->rc = client_pool_post(player->pool, place, berth->outgoing.header_list,
                                      buf_slice(&berth->outgoing.body), &player->err);
    if (player->rc == RC_OK)
        berth->state = BERTH_UNDER_WAY;
}

static void release(struct player *player, struct berth *berth)
{
    berth->state = BERTH_FREE;
    player->busy--;
}

static bool may_succeed_later(enum rc rc, int status)
{
    return rc == RC_UNREACHABLE || (rc == RC_OK && (status == 408 || status == 429 || status >= 500));
}

static usec wait_before(const struct berth *berth, const struct client_answer *answer)
{
    usec backoff = berth->tries < 6 ? FIRST_BACKOFF << berth->tries : MAX_BACKOFF;
    if (answer->retry_after)
        return answer->retry_after < MAX_RETRY_AFTER ? answer->retry_after : MAX_RETRY_AFTER;
    return backoff < MAX_BACKOFF ? backoff : MAX_BACKOFF;
}

static void count_answer(struct player *player, const struct client_answer *answer)
{
    struct tally *tally = player->tally;
    bool success = answer->status >= 200 && answer->status < 300;
    bool duplicate = success && strstr(buf_str(&answer->body), "\"duplicate\":true");
    tally->stored += success && !duplicate;
    tally->duplicates += duplicate;
    tally->refused += !success;
    if (!success)
        tally->last_status = answer->status;
}

/* No answer after all retries: nobody is there any more. */
static void count_silence(struct player *player, enum rc rc, const struct err *err)
{
    player->tally->unanswered++;
    if (player->rc || player->tally->stopped)
        return;
    player->rc = rc;
    player->err = *err;
}

static void on_done(void *arg, size_t place, enum rc rc, const struct client_answer *answer,
                    const struct err *err)
{
    struct player *player = arg;
    struct berth *berth = &player->berths[place];
    bool patient = player->answered || rc == RC_OK; /* who never answered is not waited for */
    player->answered = patient;
    if (may_succeed_later(rc, answer->status) && patient && berth->tries + 1 < player->options->attempts &&
        !player->rc && !player->tally->stopped) {
        berth->state = BERTH_WAITS;
        berth->due = clock_monotonic() + wait_before(berth, answer);
        berth->tries++;
        return;
    }
    if (rc == RC_OK)
        count_answer(player, answer);
    else
        count_silence(player, rc, err);
    release(player, berth);
}

/* Pacing. */

/* When the next webhook is to be sent, on the monotonic clock. */
static usec due_next(const struct player *player)
{
    const struct player_options *options = player->options;
    if (options->rate)
        return player->started + (usec)((double)player->tally->sent * 1e6 / (double)options->rate);
    if (options->speed == 0 || player->next.arrives <= options->live_from)
        return player->started;
    return player->started + (player->next.arrives - options->live_from) / options->speed;
}

static void take_next(struct player *player)
{
    player->has_next = simulation_next(player->simulation, &player->next);
}

static void load(struct player *player, struct berth *berth)
{
    const struct simulated *next = &player->next;
    outgoing_clear(&berth->outgoing);
    buf_add_slice(&berth->outgoing.body, next->body);
    if (next->platform || player->options->secret_count)
        buf_add_slice(&berth->outgoing.id, next->id);
    if (buf_failed(&berth->outgoing.body) || buf_failed(&berth->outgoing.id))
        player->rc = err_set(&player->err, RC_NO_MEMORY, "out of memory");
    berth->platform = next->platform;
    berth->attempt = next->attempt;
    berth->tries = 0;
    berth->state = BERTH_WAITS;
    berth->due = 0;
    player->busy++;
    player->tally->sent++;
    tally_add_type(player->tally, next->type);
}

/* Sends what is due; returns when the next thing will be. */
static usec send_due(struct player *player, usec now)
{
    usec soonest = INT64_MAX;
    for (size_t i = 0; i < player->options->connections && player->rc == RC_OK; i++) {
        struct berth *berth = &player->berths[i];
        if (berth->state == BERTH_WAITS && berth->due <= now) {
            player->tally->retried++;
            post(player, i);
        } else if (berth->state == BERTH_WAITS) {
            soonest = berth->due < soonest ? berth->due : soonest;
        } else if (berth->state == BERTH_FREE && player->has_next) {
            usec due = due_next(player);
            if (due > now) {
                soonest = due < soonest ? due : soonest;
                continue;
            }
            load(player, berth);
            post(player, i);
            take_next(player);
        }
    }
    return soonest;
}

static bool should_stop(const struct player *player)
{
    struct pollfd stop = {.fd = player->options->stop_fd, .events = POLLIN};
    return stop.fd >= 0 && poll(&stop, 1, 0) > 0;
}

/* The past is measured in simulated time, because nobody knows how many webhooks it has. */
static void start_progress(struct player *player)
{
    const struct player_options *options = player->options;
    if (player->past)
        progress_start(&player->progress, "playing the past, minutes",
                       (uint64_t)((options->live_from - options->begin) / USEC_MINUTE) + 1);
    else
        progress_start(&player->progress, "simulating", 0);
}

static void end_past(struct player *player)
{
    player->past = false;
    player->past_sent = player->tally->sent;
    progress_end(&player->progress);
    fprintf(stderr, "the past is played: %" PRIu64 " webhooks in %.1f s; it goes on as it happens\n",
            player->tally->sent, (double)(clock_monotonic() - player->started) / 1e6);
    start_progress(player);
}

static void draw(struct player *player)
{
    usec played = player->next.arrives - player->options->begin;
    if (player->past && player->has_next && player->next.arrives > player->options->live_from)
        end_past(player);
    progress_step(&player->progress,
                  player->past ? (uint64_t)(played / USEC_MINUTE) : player->tally->sent - player->past_sent);
}

static enum rc play(struct player *player, struct err *err)
{
    while ((player->has_next || player->busy) && player->rc == RC_OK) {
        usec now = clock_monotonic();
        usec wait = send_due(player, now) - now;
        if (player->rc)
            break;
        if (player->progress.active && wait > DRAW_INTERVAL)
            wait = DRAW_INTERVAL;
        enum rc rc = client_pool_wait(player->pool, player->options->stop_fd, wait, err);
        if (rc)
            return rc;
        draw(player);
        player->tally->stopped = should_stop(player);
        if (player->tally->stopped)
            break;
    }
    *err = player->err;
    return player->rc;
}

/* What is on its way is waited for; what waits to be sent again is given up. */
static void drain(struct player *player)
{
    struct err err;
    usec deadline = clock_monotonic() + DRAIN;
    for (size_t i = 0; i < player->options->connections; i++)
        if (player->berths[i].state == BERTH_WAITS) {
            player->tally->unanswered++;
            release(player, &player->berths[i]);
        }
    for (usec now = clock_monotonic(); player->busy && now < deadline; now = clock_monotonic())
        if (client_pool_wait(player->pool, -1, deadline - now, &err))
            break;
    player->tally->unanswered += player->busy;
}

static enum rc open_player(struct player *player, struct err *err)
{
    const struct client_pool_options options = {
        .url = player->options->url,
        .places = player->options->connections,
        .timeout = player->options->timeout,
        .max_answer = MAX_ANSWER,
        .on_done = on_done,
        .arg = player,
    };
    player->berths = calloc(options.places, sizeof *player->berths);
    if (!player->berths)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    return client_pool_open(&options, &player->pool, err);
}

static void close_player(struct player *player)
{
    client_pool_close(player->pool);
    for (size_t i = 0; player->berths && i < player->options->connections; i++)
        outgoing_cleanup(&player->berths[i].outgoing);
    free(player->berths);
}

enum rc player_run(const struct player_options *options, struct simulation *simulation, struct tally *ret,
                   struct err *err)
{
    struct player player = {.options = options, .simulation = simulation, .tally = ret};
    *ret = (struct tally){0};
    enum rc rc = open_player(&player, err);
    if (rc == RC_OK) {
        player.started = clock_monotonic();
        player.past = options->live_from > options->begin;
        start_progress(&player);
        take_next(&player);
        rc = play(&player, err);
        drain(&player);
        progress_end(&player.progress);
        ret->elapsed = clock_monotonic() - player.started;
        if (rc == RC_OK && simulation_failed(simulation))
            rc = err_set(err, RC_NO_MEMORY, "out of memory");
    }
    close_player(&player);
    return rc;
}
