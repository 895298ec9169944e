/*
 * player - sends a simulated history to a receiver: at which time, over how many connections, again when the
 * receiver says later or nothing, and keeps count.
 *
 * The history up to live_from is played at once; what comes after, `speed` times as fast as it happened.
 * Webhooks that wait to be sent again keep their connection's place, so that a receiver that cannot follow
 * slows the simulation down and costs no memory.
 *
 * Thread: main.   Owner: the caller of player_run().
 */
#ifndef FAIRLEAD_CLI_PLAYER_H
#define FAIRLEAD_CLI_PLAYER_H

#include "cli/simulation.h"
#include "cli/terminal.h"
#include "wire/signature.h"

struct player_options {
    const char *url;
    const char *const *secrets;
    size_t secret_count;
    enum scheme scheme;
    size_t connections;
    int64_t attempts; /* that one webhook gets at most, when the answer is 408, 429, 5xx or none */
    usec timeout;     /* for one answer */
    int64_t rate;     /* webhooks per second whatever the history says; 0: as it says */
    int64_t speed;    /* 0: as fast as possible */
    usec begin;       /* of the history */
    usec live_from;   /* time in the history; begin: there is no past */
    int stop_fd;      /* readable: stop */
};

enum { TALLY_TYPES = 16 };

struct tally {
    uint64_t sent; /* webhooks that were sent at least once, each counted once */
    uint64_t stored;
    uint64_t duplicates;
    uint64_t refused;    /* answered, but not with 2xx */
    uint64_t unanswered; /* given up on */
    uint64_t retried;    /* further attempts */
    int last_status;     /* of those refused */
    struct {
        const char *type;
        uint64_t count;
    } types[TALLY_TYPES];
    size_t type_count;
    usec elapsed;
    bool stopped; /* by stop_fd */
};

/* Counts one webhook of this type. */
void tally_add_type(struct tally *tally, const char *type);

/*
 * Plays all of it. RC_UNREACHABLE when the receiver never answered, or does not any more; RC_USAGE for a url
 * or secret that is none; RC_NO_MEMORY. ret is filled in any case.
 */
MUST_CHECK enum rc player_run(const struct player_options *options, struct simulation *simulation,
                              struct tally *ret, struct err *err);

#endif
