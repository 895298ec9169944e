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

const char *watchdog_hung(usec receive_busy, usec tracker_busy)
{
    if (receive_busy >= WATCHDOG_RECEIVE_PATIENCE)
        return "receive";
    return tracker_busy >= WATCHDOG_TRACKER_PATIENCE ? "tracker" : NULL;
}

static void note(struct watchdog *watchdog, const char *hung, usec receive_busy, usec tracker_busy)
{
    if (hung && !watchdog->hung)
        log_error("a thread hangs; the watchdog is not told that we are alive", "thread", hung,
                  "receive_busy_s", LOG_NUM(receive_busy / USEC_PER_SEC), "tracker_busy_s",
                  LOG_NUM(tracker_busy / USEC_PER_SEC));
    if (!hung && watchdog->hung)
        log_info("the thread that hung goes on");
    watchdog->hung = hung != NULL;
}

void watchdog_beat(struct watchdog *watchdog, struct receive *receive, const struct tracker *tracker,
                   struct journal *journal)
{
    char state[400];
    struct err why = {""};
    usec receive_took = receive_busy(receive);
    usec tracker_took = tracker_busy(tracker);
    const char *hung = watchdog_hung(receive_took, tracker_took);
    bool ready = receive_ready(receive, &why);
    uint64_t last = journal_last(journal);
    uint64_t shown = tracker_position(tracker);
    note(watchdog, hung, receive_took, tracker_took);
    snprintf(state, sizeof state,
             "%sSTATUS=%s%.200s: %lld stored since the start, %lld waiting, %lld connections, "
             "read model %llu behind",
             watchdog->within && !hung ? "WATCHDOG=1\n" : "", ready ? "receiving" : "NOT READY, ",
             why.message, (long long)metric_get(METRIC_WEBHOOKS_STORED), (long long)metric_get(METRIC_QUEUE),
             (long long)metric_get(METRIC_CONNECTIONS),
             (unsigned long long)(last > shown ? last - shown : 0));
    service_manager_tell(state);
}
