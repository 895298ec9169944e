/*
 * watchdog - tells the service manager, again and again, that the process is alive, as long as it is.
 *
 * A beat comes from the loop, so that a loop that hangs sends none. It says WATCHDOG=1 only when receive and
 * the tracker come to an end with what they do, each within a patience of its own: a disk that takes long for
 * one fsync must not get the server killed, and a commit that never returns must not be hidden. What takes
 * longer than RECEIVE_SLOW_COMMIT shows in the status, in /readyz and in the metrics long before.
 *
 * A server that is killed by its watchdog has acknowledged nothing that is not stored: senders try again.
 *
 * Thread: loop.   Owner: the serve command; embedded there.
 */
#ifndef FAIRLEAD_CLI_WATCHDOG_H
#define FAIRLEAD_CLI_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define WATCHDOG_RECEIVE_PATIENCE (2 * USEC_MINUTE)
#define WATCHDOG_TRACKER_PATIENCE (10 * USEC_MINUTE) /* it only shows; one turn may make the model anew */

struct watchdog {
    usec within; /* the manager wants to hear of us in this time; 0: it does not */
    bool hung;   /* told once */
};

/* Asks the environment. */
void watchdog_init(struct watchdog *watchdog);

/* How often watchdog_beat() is to be called; 0: never, there is no service manager. */
usec watchdog_interval(const struct watchdog *watchdog);

/* How we are. */
struct vitals {
    usec receive_busy; /* receive_busy() */
    usec tracker_busy; /* tracker_busy() */
    bool ready;
    const char *not_ready_reason;
    uint64_t behind; /* records that the read model does not show yet */
};

/* Says that we are alive, if we are, and in one line how we are. */
void watchdog_beat(struct watchdog *watchdog, const struct vitals *vitals);

#endif
