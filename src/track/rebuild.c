#include "track/rebuild.h"

#include "track/follower.h"
#include "track/state.h"

static enum rc follow(const struct rebuild_options *options, struct follower *follower, uint64_t first,
                      struct err *err)
{
    uint64_t last = journal_last(options->journal);
    bool more = true;
    while (more) {
        enum rc rc = follower_step(follower, &more, err);
        if (rc)
            return rc;
        if (options->on_progress)
            options->on_progress(options->arg, read_model_position(follower->model) + 1 - first,
                                 last + 1 - first);
    }
    return RC_OK;
}

/* *ret_damaged: state.db is. */
static enum rc make(const struct rebuild_options *options, uint64_t first, bool *ret_damaged, struct err *err)
{
    const struct read_model_options model = {.directory = options->directory, .patience = options->patience};
    struct follower follower = {.journal = options->journal, .pace = FOLLOWER_REBUILD};
    struct err why;
    *ret_damaged = false;
    enum rc rc = read_model_open(&model, first, journal_last(options->journal), &follower.model, &why, err);
    if (rc)
        return rc;
    rc = read_model_reset(follower.model, first, clock_wall(), err);
    *ret_damaged = rc == RC_CORRUPT;
    if (rc == RC_OK) {
        rc = follow(options, &follower, first ? first : 1, err);
        *ret_damaged = follower.damaged;
    }
    read_model_close(follower.model);
    return rc;
}

enum rc rebuild_run(const struct rebuild_options *options, struct rebuild_result *ret, struct err *err)
{
    uint64_t first = 0;
    bool damaged = false;
    enum rc rc = journal_first(options->journal, &first, err);
    if (rc == RC_OK)
        rc = make(options, first, &damaged, err);
    if (damaged)
        rc = state_set_aside(options->directory, STATE_FILE, err);
    if (damaged && rc == RC_OK)
        rc = make(options, first, &damaged, err);
    if (rc)
        return rc;
    uint64_t last = journal_last(options->journal);
    *ret = (struct rebuild_result){first, last, first ? last + 1 - first : 0};
    return RC_OK;
}
