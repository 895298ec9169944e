/* feed_catch_up(): what a subscriber missed, out of the journal. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "live/subscriber.h"

/* Records read in one piece, at most: a filter may let few of them through. */
#define PIECE_RECORDS 4096
#define READ_RECORDS  256

/* Accounts that a piece remembers to have shown; more are shown again. */
#define SHOWN_MAX 128

struct piece {
    struct feed_subscriber *subscriber;
    struct payload payload; /* of the record that is looked at */
    uint64_t until;
    unsigned records;
    uint64_t shown[SHOWN_MAX];
    unsigned shown_count;
};

static bool is_shown(struct piece *piece, struct slice id)
{
    uint64_t hash = hash_bytes(id.ptr, id.len);
    for (unsigned i = 0; i < piece->shown_count; i++)
        if (piece->shown[i] == hash)
            return true;
    if (piece->shown_count < SHOWN_MAX)
        piece->shown[piece->shown_count++] = hash;
    return false;
}

/* As it is now: the read model has everything up to piece->until already. */
static void add_account(struct piece *piece, const struct message_keys *keys, struct buf *out)
{
    const struct feed_options *options = &piece->subscriber->feed->options;
    CLEANUP(buf_cleanup) struct buf json = BUF_INIT_LIMIT(MESSAGE_MAX / 2);
    struct slice id = keys->text[KEY_ACCOUNT];
    if (!options->account_lookup || !id.ptr || is_shown(piece, id))
        return;
    options->account_lookup(options->arg, id, &json);
    if (json.len > 0 && !buf_failed(&json))
        message_write_account_json(buf_slice(&json), out);
}

/* The keys of an event that names no app lack it until the read model is asked, which is done only when the
 * answer decides. */
static bool is_wanted(struct piece *piece, uint64_t seq, struct message_keys *keys)
{
    struct feed_subscriber *subscriber = piece->subscriber;
    const struct feed_options *options = &subscriber->feed->options;
    struct message_keys others = subscriber->filter;
    CLEANUP(buf_cleanup) struct buf app = BUF_INIT;
    if (!subscriber->filter.text[KEY_APP].ptr || keys->text[KEY_APP].ptr)
        return message_keys_match(&subscriber->filter, keys);
    others.text[KEY_APP] = SLICE_NONE;
    if (!keys->text[KEY_ACCOUNT].ptr || !options->app_lookup || !message_keys_match(&others, keys))
        return false;
    bool known = options->app_lookup(options->arg, seq, &app) && !buf_failed(&app);
    subscriber->failed |= !known;
    return known && slice_equal(buf_slice(&app), subscriber->filter.text[KEY_APP]);
}

static void add_event(struct piece *piece, const struct record *record, struct buf *out)
{
    struct message_keys keys;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (payload_read(&piece->payload, record->body) == RC_NO_MEMORY)
        out->failed = true;
    message_read_keys(&piece->payload, &keys);
    if (is_wanted(piece, record->seq, &keys)) {
        message_write_event(record, &piece->payload, &text);
        add_account(piece, &keys, out);
        buf_add_slice(out, buf_slice(&text));
        if (buf_failed(&text))
            out->failed = true;
    }
}

static bool on_record(void *arg, const struct record *record)
{
    struct piece *piece = arg;
    struct feed_subscriber *subscriber = piece->subscriber;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    if (record->seq > piece->until)
        return false;
    if (record->kind == RECORD_EVENT)
        add_event(piece, record, &text);
    bool fits = subscriber->history.len == 0 || subscriber->history.len + text.len <= MESSAGE_MAX;
    if (!fits || buf_failed(&text)) {
        subscriber->failed |= buf_failed(&text);
        piece->records = PIECE_RECORDS;
        return false;
    }
    buf_add_slice(&subscriber->history, buf_slice(&text));
    subscriber->failed |= buf_failed(&subscriber->history);
    subscriber->after = record->seq;
    return ++piece->records < PIECE_RECORDS && subscriber->history.len < FEED_PIECE_BYTES;
}

void feed_catch_up(struct feed_subscriber *subscriber)
{
    struct feed *feed = subscriber->feed;
    struct piece piece = {.subscriber = subscriber};
    pthread_mutex_lock(&feed->mutex);
    piece.until = feed->published;
    pthread_mutex_unlock(&feed->mutex);
    while (subscriber->after < piece.until && !subscriber->failed && piece.records < PIECE_RECORDS &&
           subscriber->history.len < FEED_PIECE_BYTES) {
        uint64_t last = subscriber->after;
        uint64_t before = subscriber->after;
        if (journal_read(feed->options.journal, before, READ_RECORDS, on_record, &piece, &last, NULL) !=
            RC_OK)
            subscriber->failed = true;
        else if (subscriber->after == before && piece.records < PIECE_RECORDS)
            subscriber->after = piece.until; /* retention has removed them all */
    }
    payload_cleanup(&piece.payload);
}
