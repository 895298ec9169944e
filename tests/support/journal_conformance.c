#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/journal_conformance.h"

#define START  (INT64_C(1750000000) * USEC_PER_SEC)
#define WINDOW USEC_HOUR

/* One journal, open, and what it was opened with. */
struct scene {
    struct journal_options options;
    struct journal *journal;
};

static const struct conformance_place *place;

static void open_journal(struct scene *scene)
{
    struct err err = {""};
    enum rc rc = journal_open(&scene->options, &scene->journal, &err);
    if (rc != RC_OK)
        fail_msg("journal_open: %s", err.message);
}

static void reopen(struct scene *scene)
{
    journal_close(scene->journal);
    scene->journal = NULL;
    open_journal(scene);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    place->make(&scene->options);
    scene->options.dedupe_window = WINDOW;
    open_journal(scene);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    journal_close(scene->journal);
    place->remove(&scene->options);
    free(scene);
    return 0;
}

/* A fingerprint as good as any for tests: equal for equal keys, seldom equal otherwise. */
static uint64_t print_of(const char *key)
{
    uint64_t print = UINT64_C(0xCBF29CE484222325);
    for (; *key; key++)
        print = (print ^ (unsigned char)*key) * UINT64_C(0x100000001B3);
    return print;
}

static struct record event_at(const char *key, const char *body, usec at)
{
    return (struct record){
        .kind = RECORD_EVENT,
        .received_at = at,
        .key = slice_str(key),
        .fingerprint = key ? print_of(key) : 0,
        .head = slice_str("host: example.com\n"),
        .body = slice_str(body),
    };
}

static struct record event(const char *key)
{
    return event_at(key, "{}", START);
}

static void append(struct scene *scene, const struct record *records, size_t count,
                   struct append_outcome *outcomes)
{
    struct err err = {""};
    if (journal_append(scene->journal, records, count, outcomes, &err) != RC_OK)
        fail_msg("journal_append: %s", err.message);
    journal_tidy(scene->journal);
}

static struct append_outcome append_one(struct scene *scene, struct record record)
{
    struct append_outcome outcome = {APPEND_REFUSED, 99};
    append(scene, &record, 1, &outcome);
    return outcome;
}

static void expect_stored(struct scene *scene, struct record record, uint64_t seq)
{
    struct append_outcome outcome = append_one(scene, record);
    assert_int_equal(outcome.result, APPEND_STORED);
    assert_int_equal(outcome.seq, seq);
}

static void expect_duplicate(struct scene *scene, struct record record, uint64_t first_copy)
{
    struct append_outcome outcome = append_one(scene, record);
    assert_int_equal(outcome.result, APPEND_DUPLICATE);
    assert_int_equal(outcome.seq, first_copy);
}

/* `count` records with keys of their own. */
static void append_many(struct scene *scene, const char *prefix, size_t count, usec at)
{
    for (size_t i = 0; i < count; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s-%zu", prefix, i);
        assert_int_equal(append_one(scene, event_at(key, "{}", at)).result, APPEND_STORED);
    }
}

/* What a reader saw. */
struct seen {
    uint64_t first;
    uint64_t last;
    size_t count;
    size_t stop_after; /* 0: never */
    bool gap;
    struct record record; /* of the last one; its slices are gone */
};

static bool look(void *arg, const struct record *record)
{
    struct seen *seen = arg;
    if (seen->count == 0)
        seen->first = record->seq;
    else if (record->seq != seen->last + 1)
        seen->gap = true;
    seen->last = record->seq;
    seen->count++;
    seen->record = *record;
    return seen->count != seen->stop_after;
}

static struct seen read_stopping(struct journal *journal, uint64_t after, size_t max, size_t stop_after,
                                 uint64_t *ret_last)
{
    struct err err = {""};
    struct seen seen = {.stop_after = stop_after};
    if (journal_read(journal, after, max, look, &seen, ret_last, &err) != RC_OK)
        fail_msg("journal_read: %s", err.message);
    assert_false(seen.gap);
    return seen;
}

static struct seen read_from(struct journal *journal, uint64_t after, size_t max)
{
    uint64_t last = 0;
    struct seen seen = read_stopping(journal, after, max, 0, &last);
    assert_int_equal(last, seen.count ? seen.last : after);
    return seen;
}

static uint64_t first_of(struct journal *journal)
{
    struct err err = {""};
    uint64_t first = 99;
    assert_int_equal(journal_first(journal, &first, &err), RC_OK);
    return first;
}

static void check(struct scene *scene)
{
    struct err err = {""};
    if (journal_check(scene->journal, &err) != RC_OK)
        fail_msg("journal_check: %s", err.message);
}

static void test_new_journal_is_empty(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(journal_last(scene->journal), 0);
    assert_int_equal(first_of(scene->journal), 0);
    assert_int_equal(read_from(scene->journal, 0, 10).count, 0);
    assert_int_equal(read_from(scene->journal, 7, 10).count, 0);
    check(scene);
}

static void test_numbers_have_no_gaps(void **state)
{
    struct scene *scene = *state;
    struct record three[] = {event("a"), event("b"), event("c")};
    struct append_outcome outcomes[3];
    append(scene, three, 3, outcomes);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].result, APPEND_STORED);
        assert_int_equal(outcomes[i].seq, i + 1);
    }
    expect_stored(scene, event("d"), 4);
    reopen(scene);
    assert_int_equal(journal_last(scene->journal), 4);
    assert_int_equal(first_of(scene->journal), 1);
    expect_stored(scene, event("e"), 5);
    assert_int_equal(read_from(scene->journal, 0, 100).count, 5);
    check(scene);
}

static void test_largest_batch(void **state)
{
    struct scene *scene = *state;
    static struct record records[JOURNAL_MAX_BATCH];
    static struct append_outcome outcomes[JOURNAL_MAX_BATCH];
    static char keys[JOURNAL_MAX_BATCH][16];
    for (size_t i = 0; i < JOURNAL_MAX_BATCH; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        records[i] = event(keys[i]);
    }
    append(scene, records, JOURNAL_MAX_BATCH, outcomes);
    assert_int_equal(outcomes[JOURNAL_MAX_BATCH - 1].seq, JOURNAL_MAX_BATCH);
    append(scene, records, JOURNAL_MAX_BATCH, outcomes);
    for (size_t i = 0; i < JOURNAL_MAX_BATCH; i++) {
        assert_int_equal(outcomes[i].result, APPEND_DUPLICATE);
        assert_int_equal(outcomes[i].seq, i + 1);
    }
    assert_int_equal(read_from(scene->journal, 0, SIZE_MAX).count, JOURNAL_MAX_BATCH);
}

static bool same_record(void *arg, const struct record *record)
{
    const struct record *want = arg;
    assert_int_equal(record->kind, want->kind);
    assert_int_equal(record->received_at, want->received_at);
    assert_int_equal(record->key_hashed, want->key_hashed);
    assert_int_equal(record->fingerprint, 0);
    assert_true(slice_equal(record->key, want->key) && !record->key.ptr == !want->key.ptr);
    assert_true(slice_equal(record->head, want->head) && !record->head.ptr == !want->head.ptr);
    assert_true(slice_equal(record->body, want->body) && !record->body.ptr == !want->body.ptr);
    return true;
}

static void expect_roundtrip(struct scene *scene, struct record record)
{
    struct err err = {""};
    uint64_t seq = append_one(scene, record).seq;
    uint64_t last = 0;
    assert_int_equal(journal_read(scene->journal, seq - 1, 1, same_record, &record, &last, &err), RC_OK);
    assert_int_equal(last, seq);
}

static void test_records_come_back_as_they_went(void **state)
{
    struct scene *scene = *state;
    static const char hash[32] = "\0\1\2\377 any byte";
    static char large[3000000];
    memset(large, 'x', sizeof large);
    large[0] = '\0';
    struct record record = event("plain");
    expect_roundtrip(scene, record);
    record.key = slice_of(hash, sizeof hash);
    record.key_hashed = true;
    record.fingerprint = 12;
    expect_roundtrip(scene, record);
    record = event("\xC3\xA9 \xFF not UTF-8");
    record.body = slice_of(large, sizeof large);
    expect_roundtrip(scene, record);
    record = event("empty");
    record.head = slice_of("", 0);
    record.body = slice_of("", 0);
    expect_roundtrip(scene, record);
    record = (struct record){.kind = RECORD_NOTE, .received_at = -5};
    expect_roundtrip(scene, record);
    record = (struct record){.kind = RECORD_NOTE, .received_at = 0, .body = slice_str("note")};
    expect_roundtrip(scene, record);
    assert_int_equal(read_from(scene->journal, 0, 100).count, 6);
}

/* Heads of which some come once, some often, in any order, over a restart and a trim: each record has its
 * own. */
static void test_repeated_heads_come_back_too(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    enum { RECORDS = 60 };
    char keys[RECORDS][16];
    char heads[RECORDS][64];
    struct record records[RECORDS];
    for (size_t i = 0; i < RECORDS; i++) {
        size_t which = i % 7 == 3 ? 100 + i : i % 3;
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        snprintf(heads[i], sizeof heads[i], "user-agent: client %zu\nhost: example.com\n", which);
        records[i] = event(keys[i]);
        records[i].head = slice_str(heads[i]);
    }
    for (size_t i = 0; i < RECORDS; i++) {
        if (i == RECORDS / 2)
            reopen(scene);
        expect_roundtrip(scene, records[i]);
    }
    size_t removed;
    assert_int_equal(journal_trim(scene->journal, START + 1, UINT64_MAX, 20, &removed, &err), RC_OK);
    assert_int_equal(removed, 20);
    for (size_t i = 20; i < RECORDS; i++) {
        uint64_t last = 0;
        assert_int_equal(journal_read(scene->journal, i, 1, same_record, &records[i], &last, &err), RC_OK);
        assert_int_equal(last, i + 1);
    }
    check(scene);
}

struct picking {
    uint64_t seen[8];
    size_t count;
    size_t stop_at;
};

static bool on_picked(void *arg, const struct record *record)
{
    struct picking *picking = arg;
    char key[16];
    snprintf(key, sizeof key, "k%llu", (unsigned long long)record->seq);
    assert_true(slice_is(record->key, key));
    picking->seen[picking->count++] = record->seq;
    return picking->count < picking->stop_at;
}

static void expect_picked(struct scene *scene, struct picking picking, const uint64_t *seqs, size_t count,
                          const uint64_t *want, size_t want_count)
{
    struct err err = {""};
    assert_int_equal(journal_pick(scene->journal, seqs, count, on_picked, &picking, &err), RC_OK);
    assert_int_equal(picking.count, want_count);
    assert_memory_equal(picking.seen, want, want_count * sizeof *want);
}

/* Those that are there, in the order asked for, however large; after a trim and a restart too. */
static void test_records_are_picked(void **state)
{
    enum { RECORDS = 2000 };
    static char keys[RECORDS][16];
    static struct record records[RECORDS];
    static struct append_outcome outcomes[RECORDS];
    static char large[300000];
    struct scene *scene = *state;
    struct err err = {""};
    size_t removed;
    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < RECORDS; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i + 1);
        records[i] = event(keys[i]);
        records[i].body = slice_of(large, i % 500 < 3 ? sizeof large : i % 50);
    }
    append(scene, records, RECORDS / 2, outcomes);
    append(scene, records + RECORDS / 2, RECORDS / 2, outcomes);
    static const uint64_t SEQS[] = {1999, 3, 2, 1, 1000, 1000, 0, 5000, UINT64_MAX, 7};
    static const uint64_t FOUND[] = {1999, 3, 2, 1, 1000, 1000, 7};
    struct picking all = {.stop_at = SIZE_MAX};
    expect_picked(scene, all, SEQS, 10, FOUND, 7);
    expect_picked(scene, (struct picking){.stop_at = 2}, SEQS, 10, FOUND, 2);
    expect_picked(scene, all, SEQS, 0, NULL, 0);
    assert_int_equal(journal_trim(scene->journal, START + 1, UINT64_MAX, 2, &removed, &err), RC_OK);
    static const uint64_t LEFT[] = {1999, 3, 1000, 1000, 7};
    expect_picked(scene, all, SEQS, 10, LEFT, 5);
    reopen(scene);
    expect_picked(scene, all, SEQS, 10, LEFT, 5);
}

static void test_duplicates(void **state)
{
    struct scene *scene = *state;
    struct record batch[] = {event("a"), event("b"), event("a"), event("c")};
    struct append_outcome outcomes[4];
    append(scene, batch, 4, outcomes);
    assert_int_equal(outcomes[1].seq, 2);
    assert_int_equal(outcomes[2].result, APPEND_DUPLICATE);
    assert_int_equal(outcomes[2].seq, 1);
    assert_int_equal(outcomes[3].result, APPEND_STORED);
    assert_int_equal(outcomes[3].seq, 3);
    expect_duplicate(scene, event("b"), 2);
    reopen(scene);
    expect_duplicate(scene, event("a"), 1);
    expect_duplicate(scene, event("c"), 3);
    expect_stored(scene, event("d"), 4);
    /* The first copy is what is kept. */
    expect_duplicate(scene, event_at("a", "another body", START + 5), 1);
    assert_int_equal(read_from(scene->journal, 0, 1).record.body.len, 2);
    check(scene);
}

static void test_records_without_key_are_never_duplicates(void **state)
{
    struct scene *scene = *state;
    expect_stored(scene, event(NULL), 1);
    expect_stored(scene, event(NULL), 2);
    reopen(scene);
    expect_stored(scene, event(NULL), 3);
}

/* One fingerprint for everything: only the stored keys tell events apart. */
static void test_equal_fingerprints_are_not_equal_keys(void **state)
{
    struct scene *scene = *state;
    static const uint64_t PRINTS[] = {0, 1, 77, UINT64_MAX};
    uint64_t seq = 0;
    for (size_t p = 0; p < sizeof PRINTS / sizeof PRINTS[0]; p++) {
        char key[16];
        for (int i = 0; i < 6; i++) {
            snprintf(key, sizeof key, "%zu-%d", p, i);
            struct record record = event(key);
            record.fingerprint = PRINTS[p];
            expect_stored(scene, record, ++seq);
        }
    }
    reopen(scene);
    seq = 0;
    for (size_t p = 0; p < sizeof PRINTS / sizeof PRINTS[0]; p++) {
        char key[16];
        for (int i = 0; i < 6; i++) {
            snprintf(key, sizeof key, "%zu-%d", p, i);
            struct record record = event(key);
            record.fingerprint = PRINTS[p];
            expect_duplicate(scene, record, ++seq);
        }
    }
}

static void test_an_id_is_not_a_hash(void **state)
{
    struct scene *scene = *state;
    struct record id = event("0123456789abcdef0123456789abcdef");
    struct record hash = id;
    hash.key_hashed = true;
    expect_stored(scene, id, 1);
    expect_stored(scene, hash, 2);
    expect_duplicate(scene, id, 1);
    expect_duplicate(scene, hash, 2);
}

static void test_keys_are_forgotten_after_the_window(void **state)
{
    struct scene *scene = *state;
    expect_stored(scene, event_at("a", "{}", START), 1);
    expect_duplicate(scene, event_at("a", "{}", START + WINDOW), 1);
    expect_stored(scene, event_at("a", "{}", START + WINDOW + 1), 2);
    expect_duplicate(scene, event_at("a", "{}", START + WINDOW + 2), 2);
    reopen(scene);
    expect_duplicate(scene, event_at("a", "{}", START + WINDOW + 2), 2);
    expect_stored(scene, event_at("a", "{}", START + 3 * WINDOW), 3);
    check(scene);
}

static void test_the_window_does_not_grow_for_ever(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures;
    for (int hour = 0; hour < 6; hour++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "h%d", hour);
        append_many(scene, prefix, 100, START + hour * WINDOW * 2);
        journal_figures(scene->journal, &figures);
        assert_in_range(figures.window_keys, 100, 101);
    }
    reopen(scene);
    journal_figures(scene->journal, &figures);
    assert_in_range(figures.window_keys, 100, 101);
    assert_int_equal(figures.last_seq, 600);
}

static void test_the_oldest_keys_go_when_there_are_too_many(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures;
    scene->options.dedupe_max_keys = 50;
    reopen(scene);
    append_many(scene, "k", 200, START);
    journal_figures(scene->journal, &figures);
    assert_in_range(figures.window_keys, 40, 50);
    expect_duplicate(scene, event("k-199"), 200);
    expect_stored(scene, event("k-0"), 201);
    reopen(scene);
    journal_figures(scene->journal, &figures);
    assert_in_range(figures.window_keys, 40, 50);
    expect_duplicate(scene, event("k-199"), 200);
    expect_duplicate(scene, event("k-0"), 201);
    expect_stored(scene, event("k-1"), 202);
    check(scene);
}

/* A start leaves expired keys out of memory while they still stand in the file. */
static void test_expired_keys_take_no_younger_ones_with_them(void **state)
{
    struct scene *scene = *state;
    usec later = START + WINDOW + USEC_MINUTE;
    append_many(scene, "old", 300, START); /* more than one commit forgets */
    expect_stored(scene, event_at("young", "{}", later), 301);
    reopen(scene);
    expect_stored(scene, event_at("next", "{}", later + 1), 302);
    expect_duplicate(scene, event_at("young", "{}", later + 2), 301);
    reopen(scene);
    expect_duplicate(scene, event_at("young", "{}", later + 3), 301);
    expect_stored(scene, event_at("old-0", "{}", later + 4), 303);
}

/* A clock that was wrong for a moment, or an import: everybody else's keys stay, and go when their time
 * comes. */
static void test_a_time_in_the_future_forgets_no_keys(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures;
    usec now = clock_wall();
    append_many(scene, "old", 100, now - 4 * WINDOW);
    expect_stored(scene, event_at("young", "{}", now - 2), 101);
    expect_stored(scene, event_at("future", "{}", now + 365 * USEC_DAY), 102);
    expect_duplicate(scene, event_at("young", "{}", now - 1), 101);
    expect_stored(scene, event_at("next", "{}", now), 103);
    journal_figures(scene->journal, &figures);
    assert_int_equal(figures.window_keys, 3);
    reopen(scene);
    expect_duplicate(scene, event_at("young", "{}", now), 101);
    expect_duplicate(scene, event_at("future", "{}", now), 102);
    expect_duplicate(scene, event_at("next", "{}", now), 103);
}

static uint64_t print_of_stored(bool hashed, struct slice key)
{
    char text[64];
    assert_false(hashed);
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(key));
    return print_of(text);
}

/* Imports ask this: is it stored, however long ago? */
static void test_a_window_made_from_the_records_has_every_key(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures;
    append_many(scene, "old", 300, START);
    expect_stored(scene, event_at(NULL, "{}", START), 301);
    expect_stored(scene, event_at("young", "{}", START + 3 * WINDOW), 302);
    expect_stored(scene, event_at("younger", "{}", START + 6 * WINDOW), 303);
    scene->options.dedupe_window = 365 * USEC_DAY;
    scene->options.fingerprint_of = print_of_stored;
    reopen(scene);
    journal_figures(scene->journal, &figures);
    assert_int_equal(figures.window_keys, 302);
    expect_duplicate(scene, event_at("old-0", "{}", START), 1);
    expect_duplicate(scene, event_at("old-299", "{}", START), 300);
    expect_duplicate(scene, event_at("young", "{}", START), 302);
    expect_stored(scene, event_at("another", "{}", START), 304);
    expect_duplicate(scene, event_at("old-1", "{}", START), 2);
}

static void test_no_window_no_duplicates(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures;
    scene->options.dedupe_window = 0;
    reopen(scene);
    expect_stored(scene, event("a"), 1);
    expect_stored(scene, event("a"), 2);
    journal_figures(scene->journal, &figures);
    assert_int_equal(figures.window_keys, 0);
}

static void test_what_can_never_be_stored_is_refused(void **state)
{
    struct scene *scene = *state;
    struct record batch[] = {event("a"), event("too large"), event("no kind"), event("large head"),
                             event("b")};
    batch[1].body.len = JOURNAL_MAX_RECORD + 1;
    batch[2].kind = (enum record_kind)77;
    batch[3].head.len = SIZE_MAX;
    struct append_outcome outcomes[5];
    append(scene, batch, 5, outcomes);
    assert_int_equal(outcomes[0].result, APPEND_STORED);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(outcomes[i].result, APPEND_REFUSED);
        assert_int_equal(outcomes[i].seq, 0);
    }
    assert_int_equal(outcomes[4].seq, 2);
    assert_int_equal(append_one(scene, batch[1]).result, APPEND_REFUSED);
    /* It left no key behind. */
    expect_stored(scene, event("too large"), 3);
    check(scene);
}

static void test_reading_in_parts(void **state)
{
    struct scene *scene = *state;
    uint64_t last = 0;
    append_many(scene, "k", 1000, START);
    struct seen seen = read_from(scene->journal, 0, 7);
    assert_int_equal(seen.first, 1);
    assert_int_equal(seen.count, 7);
    seen = read_from(scene->journal, 990, 100);
    assert_int_equal(seen.first, 991);
    assert_int_equal(seen.count, 10);
    assert_int_equal(read_from(scene->journal, 0, SIZE_MAX).count, 1000);
    assert_int_equal(read_from(scene->journal, 1000, 5).count, 0);
    assert_int_equal(read_from(scene->journal, UINT64_MAX, 5).count, 0);
    assert_int_equal(read_from(scene->journal, 3, 0).count, 0);
    seen = read_stopping(scene->journal, 10, 500, 300, &last);
    assert_int_equal(seen.count, 300);
    assert_int_equal(last, 310);
}

/* Reads the rest from inside the first record's callback. */
static bool read_inside(void *arg, const struct record *record)
{
    struct scene *scene = arg;
    assert_int_equal(record->seq, 1);
    assert_int_equal(read_from(scene->journal, 1, 10).count, 2);
    expect_stored(scene, event("while reading"), 4);
    return false;
}

static void test_reading_and_appending_inside_a_reading(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    uint64_t last = 0;
    append_many(scene, "k", 3, START);
    assert_int_equal(journal_read(scene->journal, 0, 10, read_inside, scene, &last, &err), RC_OK);
    assert_int_equal(last, 1);
}

static void test_trim(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    size_t removed = 99;
    append_many(scene, "old", 10, START);
    append_many(scene, "new", 5, START + USEC_MINUTE);
    assert_int_equal(journal_trim(scene->journal, START, UINT64_MAX, 100, &removed, &err), RC_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(journal_trim(scene->journal, START + 1, UINT64_MAX, 4, &removed, &err), RC_OK);
    assert_int_equal(removed, 4);
    assert_int_equal(first_of(scene->journal), 5);
    assert_int_equal(journal_trim(scene->journal, START + 1, 4, 100, &removed, &err), RC_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(journal_trim(scene->journal, START + 1, 6, 100, &removed, &err), RC_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(first_of(scene->journal), 7);
    assert_int_equal(read_from(scene->journal, 0, 100).first, 7);
    assert_int_equal(journal_trim(scene->journal, START + 1, UINT64_MAX, 100, &removed, &err), RC_OK);
    assert_int_equal(removed, 4);
    assert_int_equal(first_of(scene->journal), 11);
    expect_duplicate(scene, event("new-0"), 11);
    /* What is gone is not a duplicate's first copy. */
    expect_stored(scene, event("old-0"), 16);
    check(scene);
}

static void test_trim_keeps_the_newest(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    size_t removed = 99;
    assert_int_equal(journal_trim(scene->journal, INT64_MAX, UINT64_MAX, 10, &removed, &err), RC_OK);
    assert_int_equal(removed, 0);
    append_many(scene, "k", 10, START);
    assert_int_equal(journal_trim(scene->journal, INT64_MAX, UINT64_MAX, 100, &removed, &err), RC_OK);
    assert_int_equal(removed, 9);
    assert_int_equal(first_of(scene->journal), 10);
    reopen(scene);
    assert_int_equal(journal_last(scene->journal), 10);
    expect_duplicate(scene, event("k-9"), 10);
    expect_stored(scene, event("next"), 11);
    check(scene);
}

static size_t trim(struct scene *scene, usec before, size_t max_records)
{
    struct err err = {""};
    size_t removed = 99;
    if (journal_trim(scene->journal, before, UINT64_MAX, max_records, &removed, &err) != RC_OK)
        fail_msg("journal_trim: %s", err.message);
    return removed;
}

/* What stands before an old record is at least as old, whatever it says of itself. */
static void test_trim_is_not_held_up_by_the_future(void **state)
{
    struct scene *scene = *state;
    usec future = clock_wall() + 365 * USEC_DAY;
    append_many(scene, "old", 5, START);
    append_many(scene, "future", 21, future);
    append_many(scene, "new", 40, START + USEC_MINUTE);
    append_many(scene, "later", 2, future);
    assert_int_equal(trim(scene, START + 1, 4), 4);
    assert_int_equal(trim(scene, START + 1, 4), 1); /* what follows is not old */
    assert_int_equal(trim(scene, START + 1, 4), 0);
    assert_int_equal(trim(scene, START + USEC_MINUTE + 1, 10), 10);
    assert_int_equal(trim(scene, START + USEC_MINUTE + 1, 10), 10);
    assert_int_equal(first_of(scene->journal), 26);
    assert_int_equal(trim(scene, START + USEC_MINUTE + 1, 100), 41);
    assert_int_equal(first_of(scene->journal), 67);
    assert_int_equal(trim(scene, START + USEC_MINUTE + 1, 100), 0);
    check(scene);
}

static void test_one_writer(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    struct journal *second = NULL;
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(journal_open(&scene->options, &second, &err), RC_LOCKED);
    assert_null(second);
    assert_non_null(strstr(err.message, pid));
    /* The one that was refused has not disturbed the one that holds it. */
    expect_stored(scene, event("a"), 1);
    reopen(scene);
    expect_stored(scene, event("b"), 2);
}

static void test_readers_beside_the_writer(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    struct journal *reader;
    struct journal_options options = scene->options;
    options.read_only = true;
    append_many(scene, "k", 3, START);
    assert_int_equal(journal_open(&options, &reader, &err), RC_OK);
    assert_int_equal(journal_last(reader), 3);
    append_many(scene, "l", 2, START);
    assert_int_equal(journal_last(reader), 5);
    assert_int_equal(read_from(reader, 0, 100).count, 5);
    journal_wait(reader, 4, USEC_MINUTE);
    journal_close(scene->journal);
    scene->journal = NULL;
    assert_int_equal(read_from(reader, 0, 100).count, 5);
    assert_int_equal(journal_check(reader, &err), RC_OK);
    journal_close(reader);
    /* And when nobody writes. */
    assert_int_equal(journal_open(&options, &reader, &err), RC_OK);
    assert_int_equal(read_from(reader, 0, 100).count, 5);
    assert_int_equal(first_of(reader), 1);
    journal_close(reader);
    open_journal(scene);
    expect_duplicate(scene, event("k-1"), 2);
}

/* Without close, as when the process is killed. */
static void append_and_die(struct scene *scene)
{
    struct err err;
    struct append_outcome outcome;
    struct record record = event("from the child");
    if (journal_open(&scene->options, &scene->journal, &err) != RC_OK)
        _exit(1);
    _exit(journal_append(scene->journal, &record, 1, &outcome, &err) == RC_OK ? 0 : 2);
}

static void test_what_a_dead_process_stored_is_there(void **state)
{
    struct scene *scene = *state;
    journal_close(scene->journal);
    scene->journal = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        append_and_die(scene);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    open_journal(scene);
    expect_duplicate(scene, event("from the child"), 1);
    expect_stored(scene, event("mine"), 2);
    check(scene);
}

static void test_locks_by_name(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    struct journal *other;
    struct journal_options options = scene->options;
    options.read_only = true;
    assert_int_equal(journal_open(&options, &other, &err), RC_OK);
    assert_int_equal(journal_lock(scene->journal, "relay/s1", &err), RC_OK);
    assert_int_equal(journal_lock(scene->journal, "relay/s1", &err), RC_OK); /* it is ours */
    assert_int_equal(journal_lock(other, "relay/s1", &err), RC_LOCKED);
    assert_int_equal(journal_lock(other, "relay/s2", &err), RC_OK);
    assert_int_equal(journal_lock(other, "relay_s1", &err), RC_OK);
    assert_int_equal(journal_lock(scene->journal, "relay/s2", &err), RC_LOCKED);
    journal_unlock(scene->journal, "relay/s1");
    journal_unlock(scene->journal, "never taken");
    assert_int_equal(journal_lock(other, "relay/s1", &err), RC_OK);
    assert_int_equal(journal_lock(other, "", &err), RC_BAD_PARAMETER);
    journal_close(other);
    assert_int_equal(journal_lock(scene->journal, "relay/s1", &err), RC_OK);
    assert_int_equal(journal_lock(scene->journal, "relay/s2", &err), RC_OK);
}

struct waiter {
    struct journal *journal;
    uint64_t after;
};

static void *wait_for_long(void *arg)
{
    struct waiter *waiter = arg;
    usec started = clock_monotonic();
    journal_wait(waiter->journal, waiter->after, USEC_HOUR);
    return clock_monotonic() - started < USEC_MINUTE ? waiter : NULL;
}

static void test_waiting(void **state)
{
    struct scene *scene = *state;
    struct waiter waiter = {scene->journal, 1};
    pthread_t thread;
    void *in_time = NULL;
    append_many(scene, "k", 1, START);
    journal_wait(scene->journal, 0, USEC_HOUR); /* something newer is there: at once */
    assert_int_equal(pthread_create(&thread, NULL, wait_for_long, &waiter), 0);
    append_many(scene, "l", 1, START);
    assert_int_equal(pthread_join(thread, &in_time), 0);
    assert_non_null(in_time);
    usec started = clock_monotonic();
    journal_wait(scene->journal, 2, 2 * USEC_PER_MS);
    assert_true(clock_monotonic() - started >= 2 * USEC_PER_MS);
    journal_wait(scene->journal, 2, 0);
}

static void test_waking(void **state)
{
    struct scene *scene = *state;
    struct waiter waiter = {scene->journal, 0};
    pthread_t thread;
    void *in_time = NULL;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_long, &waiter), 0);
    journal_wake(scene->journal);
    assert_int_equal(pthread_join(thread, &in_time), 0);
    assert_non_null(in_time);
    /* Between two waits of a thread: not lost, and used up by the next. */
    journal_wait(scene->journal, 0, 0);
    journal_wake(scene->journal);
    journal_wait(scene->journal, 0, USEC_HOUR);
    usec started = clock_monotonic();
    journal_wait(scene->journal, 0, 2 * USEC_PER_MS);
    assert_true(clock_monotonic() - started >= 2 * USEC_PER_MS);
}

struct follower {
    struct journal *journal;
    uint64_t until;
    struct seen seen;
    bool failed;
};

static void *follow(void *arg)
{
    struct follower *follower = arg;
    struct err err;
    struct journal_health figures;
    uint64_t last = 0;
    while (last < follower->until && !follower->failed) {
        journal_wait(follower->journal, last, USEC_MINUTE);
        if (journal_read(follower->journal, last, 37, look, &follower->seen, &last, &err) != RC_OK)
            follower->failed = true;
        journal_figures(follower->journal, &figures);
    }
    return NULL;
}

static void test_readers_follow_while_appends_run(void **state)
{
    struct scene *scene = *state;
    struct follower followers[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        followers[i] = (struct follower){.journal = scene->journal, .until = 500};
        assert_int_equal(pthread_create(&threads[i], NULL, follow, &followers[i]), 0);
    }
    append_many(scene, "k", 500, START);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(followers[i].failed);
        assert_false(followers[i].seen.gap);
        assert_int_equal(followers[i].seen.count, 500);
    }
}

static void test_health(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    struct journal_health health;
    append_many(scene, "k", 3, START);
    assert_int_equal(journal_health(scene->journal, &health, &err), RC_OK);
    assert_true(health.durable);
    assert_true(health.writable);
    assert_int_equal(health.last_seq, 3);
    assert_int_equal(health.window_keys, 3);
    assert_true(health.bytes > 0);
    assert_true(health.detail[0] != '\0');
}

static void test_reading_what_is_not_there(void **state)
{
    (void)state;
    struct err err = {""};
    struct journal *journal = NULL;
    struct journal_options options = {0};
    place->make(&options);
    options.read_only = true;
    assert_int_equal(journal_open(&options, &journal, &err), RC_NOT_FOUND);
    assert_null(journal);
    assert_true(err.message[0] != '\0');
    place->remove(&options);
}

static void test_kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(record_kind_name(RECORD_EVENT), "event");
    assert_string_equal(record_kind_name(RECORD_NOTE), "note");
    assert_null(record_kind_name((enum record_kind)0));
    assert_null(record_kind_name((enum record_kind)77));
}

#define SCENE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int journal_conformance_run(const struct conformance_place *where)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_kinds_have_names),
        cmocka_unit_test(test_reading_what_is_not_there),
        SCENE(test_new_journal_is_empty),
        SCENE(test_numbers_have_no_gaps),
        SCENE(test_largest_batch),
        SCENE(test_records_come_back_as_they_went),
        SCENE(test_repeated_heads_come_back_too),
        SCENE(test_records_are_picked),
        SCENE(test_duplicates),
        SCENE(test_records_without_key_are_never_duplicates),
        SCENE(test_equal_fingerprints_are_not_equal_keys),
        SCENE(test_an_id_is_not_a_hash),
        SCENE(test_keys_are_forgotten_after_the_window),
        SCENE(test_the_window_does_not_grow_for_ever),
        SCENE(test_the_oldest_keys_go_when_there_are_too_many),
        SCENE(test_expired_keys_take_no_younger_ones_with_them),
        SCENE(test_a_time_in_the_future_forgets_no_keys),
        SCENE(test_a_window_made_from_the_records_has_every_key),
        SCENE(test_no_window_no_duplicates),
        SCENE(test_what_can_never_be_stored_is_refused),
        SCENE(test_reading_in_parts),
        SCENE(test_reading_and_appending_inside_a_reading),
        SCENE(test_trim),
        SCENE(test_trim_keeps_the_newest),
        SCENE(test_trim_is_not_held_up_by_the_future),
        SCENE(test_one_writer),
        SCENE(test_readers_beside_the_writer),
        SCENE(test_what_a_dead_process_stored_is_there),
        SCENE(test_locks_by_name),
        SCENE(test_waiting),
        SCENE(test_waking),
        SCENE(test_readers_follow_while_appends_run),
        SCENE(test_health),
    };
    place = where;
    return _cmocka_run_group_tests(where->name, TESTS, sizeof TESTS / sizeof TESTS[0], NULL, NULL);
}
