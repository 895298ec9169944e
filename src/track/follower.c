#include "track/follower.h"

#define JUDGE_BATCH   1024
#define TRIM_BATCH    4096
#define TRIM_INTERVAL USEC_MINUTE

static bool on_record(void *arg, const struct record *record)
{
    struct follower *follower = arg;
    read_model_apply(follower->model, record, follower->now);
    follower->cut = clock_monotonic() >= follower->until;
    return !follower->cut && (!follower->stopping || !atomic_load(follower->stopping));
}

enum rc follower_step(struct follower *follower, bool *ret_more, struct err *err)
{
    struct read_model *model = follower->model;
    uint64_t from = read_model_position(model);
    uint64_t first;
    uint64_t last = from;
    follower->now = clock_wall();
    follower->until = clock_monotonic() + follower->pace.time;
    follower->cut = false;
    read_model_begin(model);
    enum rc read =
        journal_read(follower->journal, from, follower->pace.records, on_record, follower, &last, err);
    size_t judged = read_model_judge(model, follower->now, JUDGE_BATCH);
    bool trimming = follower->now >= follower->next_trim &&
                    journal_first(follower->journal, &first, NULL) == RC_OK &&
                    read_model_trim(model, first, TRIM_BATCH);
    if (!trimming && follower->now >= follower->next_trim)
        follower->next_trim = follower->now + TRIM_INTERVAL;
    enum rc rc = read_model_commit(model, err);
    follower->damaged = rc == RC_CORRUPT;
    *ret_more = rc == RC_OK &&
                (last - from >= follower->pace.records || follower->cut || judged == JUDGE_BATCH || trimming);
    return rc != RC_OK ? rc : read;
}
