#include "cli/watchdog.h"

#include <stdio.h>

#include "base/log.h"
#include "base/metric.h"
#include "cli/service_manager.h"

#define STATUS_INTERVAL (10 * USEC_PER_SEC)

void watchdog_init(struct watchdog *watchdog)
{
    *watchdog = (struct watchdog){.within = service_manager_watchdog()};
}

/* Half the time, as sd_watchdog_enabled(3) advises: one beat may come late. */
usec watchdog_interval(const struct watchdog *watchdog)
{
    if (!service_manager_is_there())
        return 0;
    usec half = watchdog->within / 2;
    if (watchdog->within == 0 || half > STATUS_INTERVAL)
        return STATUS_INTERVAL;
    return half < USEC_PER_MS ? USEC_PER_MS : half;
}

/* The thread that does not come to an end; NULL: none. */
static const char *find_hung(const struct vitals *vitals)
{
    if (vitals->receive_busy >= WATCHDOG_RECEIVE_PATIENCE)
        return "receive";
    return vitals->tracker_busy >= WATCHDOG_TRACKER_PATIENCE ? "tracker" : NULL;
}

static void note(struct watchdog *watchdog, const char *hung, const struct vitals *vitals)
{
    if (hung && !watchdog->hung)
        log_error("a thread hangs; the watchdog is not told that we are alive", "thread", hung,
                  "receive_busy_s", LOG_NUM(vitals->receive_busy / USEC_PER_SEC), "tracker_busy_s",
                  LOG_NUM(vitals->tracker_busy / USEC_PER_SEC));
    if (!hung && watchdog->hung)
        log_info("the thread that hung goes on");
    watchdog->hung = hung != NULL;
}

void watchdog_beat(struct watchdog *watchdog, const struct vitals *vitals)
{
    char state[400];
    const char *hung = find_hung(vitals);
    note(watchdog, hung, vitals);
    snprintf(state, sizeof state,
             "%sSTATUS=%s%.200s: %lld stored since the start, %lld waiting, %lld connections, read model "
             "%llu behind",
             watchdog->within && !hung ? "WATCHDOG=1\n" : "", vitals->ready ? "receiving" : "NOT READY, ",
             vitals->ready ? "" : vitals->not_ready_reason, (long long)metric_get(METRIC_WEBHOOKS_STORED),
             (long long)metric_get(METRIC_QUEUE), (long long)metric_get(METRIC_CONNECTIONS),
             (unsigned long long)vitals->behind);
    service_manager_tell(state);
}
