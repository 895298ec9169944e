#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "support/state_dump.h"
#include "support/temp_dir.h"
#include "track/splitter.h"
#include "track/text_index.h"

#define SHARD_SIZE (UINT64_C(1) << TEXT_SHARD_BITS)

struct fixture {
    char directory[TEMP_DIR_SIZE];
    struct state state;
    struct text_index index;
    struct buf text;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err;
    temp_dir_make(f->directory);
    assert_int_equal(state_open(&f->state, f->directory, STATE_FILE, &err), RC_OK);
    text_index_init(&f->index);
    state_begin(&f->state);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    text_index_cleanup(&f->index);
    state_close(&f->state);
    buf_cleanup(&f->text);
    temp_dir_remove(f->directory);
    free(f);
    return 0;
}

static void commit(struct fixture *f)
{
    struct err err = {""};
    if (state_commit(&f->state, &err) != RC_OK)
        fail_msg("%s", err.message);
    state_begin(&f->state);
}

static void add_event(struct fixture *f, uint64_t seq, const char *text)
{
    CLEANUP(buf_cleanup) struct buf words = BUF_INIT;
    text_index_add_text(&words, slice_str(text));
    text_index_add_event(&f->index, &f->state, seq, buf_slice(&words));
}

static void set_account(struct fixture *f, int64_t account, const char *old_words, const char *words)
{
    text_index_set_account(&f->index, &f->state, account, slice_str(old_words), slice_str(words));
}

/* Rows of `table` that match, as "1 7 "; commits first. */
static void expect_found(struct fixture *f, const char *table, const char *match, const char *want)
{
    char sql[300];
    commit(f);
    sqlite3 *db = state_dump_open(f->directory);
    snprintf(sql, sizeof sql, "SELECT coalesce(group_concat(rowid, ' '), '') FROM %s('%s')", table, match);
    buf_clear(&f->text);
    state_dump_query(db, sql, &f->text);
    sqlite3_close(db);
    f->text.ptr[f->text.len - 1] = '\0';
    assert_string_equal(buf_str(&f->text), want);
}

static void expect_tables(struct fixture *f, const char *want)
{
    commit(f);
    sqlite3 *db = state_dump_open(f->directory);
    buf_clear(&f->text);
    state_dump_query(db,
                     "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'event_text_*' AND "
                     "name NOT GLOB 'event_text_*_*' ORDER BY length(name), name",
                     &f->text);
    sqlite3_close(db);
    assert_string_equal(buf_str(&f->text), want);
}

struct parts {
    struct buf text;
    size_t end;
};

static void add_part(void *arg, struct slice word, size_t end)
{
    struct parts *parts = arg;
    buf_add_slice(&parts->text, word);
    buf_add_char(&parts->text, '|');
    parts->end = end;
}

static void splits_texts_as_the_index_does(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        const char *want;
        size_t end;
    } CASES[] = {
        {"", "", 0},
        {"notion", "notion|", 6},
        {"notion_brave_teal", "notion|brave|teal|", 17},
        {"connected_account.add.", "connected|account|add|", 21},
        {"3B0CF1D2-6f0e", "3b0cf1d2|6f0e|", 13},
        {"did not complete", "did|not|complete|", 16},
        {"sha256:ab/c", "sha256|ab|c|", 11},
        {"Zo\xC3\xAB+x@example.com", "zoe|x|example|com|", 18},
        {"_ \"'*", "", 0},
    };
    struct splitter splitter;
    assert_int_equal(splitter_open(&splitter, f->state.db), SQLITE_OK);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct parts parts = {.text = BUF_INIT};
        assert_int_equal(splitter_run(&splitter, slice_str(CASES[i].text), add_part, &parts), SQLITE_OK);
        assert_string_equal(buf_str(&parts.text), CASES[i].want);
        assert_int_equal(parts.end, CASES[i].end);
        buf_cleanup(&parts.text);
    }
    splitter_close(&splitter);
}

static void texts_are_lines(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    text_index_add_text(&out, SLICE_NONE);
    text_index_add_text(&out, slice_str(""));
    assert_int_equal(out.len, 0);
    text_index_add_text(&out, slice_str("a b"));
    text_index_add_text(&out, slice_str("c"));
    assert_string_equal(buf_str(&out), "a b\nc\n");
}

static void names_tables_by_record_number(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf name = BUF_INIT;
    assert_int_equal(text_index_shard(1), 0);
    assert_int_equal(text_index_shard(SHARD_SIZE - 1), 0);
    assert_int_equal(text_index_shard(SHARD_SIZE), 1);
    text_index_table(12, &name);
    assert_string_equal(buf_str(&name), "event_text_12");
}

static void finds_parts_and_their_beginnings(void **state)
{
    struct fixture *f = *state;
    add_event(f, 1, "notion_brave_teal");
    add_event(f, 2, "Connected_Account.Add");
    add_event(f, 3, "Zo\xC3\xAB@example.com");
    add_event(f, 4, "notion brave");
    static const struct {
        const char *match;
        const char *want;
    } CASES[] = {
        {"notion", "1 4"},
        {"NOTION", "1 4"},
        {"noti", ""},
        {"noti*", "1 4"},
        {"brave notion", "1 4"},
        {"brave teal", "1"},
        {"account", "2"},
        {"connected account", "2"},
        {"zoe", "3"},
        {"\"zo\xC3\xAB\"", "3"},
        {"exam*", "3"},
        {"planted", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        expect_found(f, "event_text_0", CASES[i].match, CASES[i].want);
}

static void strange_words_are_no_trouble(void **state)
{
    struct fixture *f = *state;
    add_event(f, 1, "\"' * ( ) \\ -- ; OR");
    text_index_add_event(&f->index, &f->state, 2, slice_of("a\0b c", 5));
    text_index_add_event(&f->index, &f->state, 3, slice_of("\xFF\xFE\xC3", 3));
    text_index_add_event(&f->index, &f->state, 4, slice_of("", 0));
    expect_found(f, "event_text_0", "\"or\"", "1");
    assert_false(state_failed(&f->state));
}

static void events_are_spread_over_tables(void **state)
{
    struct fixture *f = *state;
    for (uint64_t shard = 0; shard < 12; shard++) {
        add_event(f, (shard + 1) * SHARD_SIZE - 1, "last");
        add_event(f, (shard + 1) * SHARD_SIZE, "first");
    }
    add_event(f, 5, "late"); /* back in a table that is there */
    expect_found(f, "event_text_0", "late", "5");
    expect_found(f, "event_text_0", "last", "4194303");
    expect_found(f, "event_text_1", "first", "4194304");
    text_index_trim(&f->index, &f->state, 10 * SHARD_SIZE);
    expect_tables(f, "event_text_10\nevent_text_11\nevent_text_12\n");
    text_index_trim(&f->index, &f->state, 11 * SHARD_SIZE - 1);
    expect_tables(f, "event_text_10\nevent_text_11\nevent_text_12\n");
    text_index_trim(&f->index, &f->state, 11 * SHARD_SIZE);
    add_event(f, 11 * SHARD_SIZE + 7, "again");
    expect_tables(f, "event_text_11\nevent_text_12\n");
    expect_found(f, "event_text_11", "again OR first", "46137344 46137351");
}

static void trimming_to_nothing_drops_however_many_tables(void **state)
{
    struct fixture *f = *state;
    for (uint64_t shard = 0; shard < 70; shard++)
        add_event(f, shard * SHARD_SIZE + 1, "x");
    set_account(f, 1, "", "alpha");
    commit(f);
    text_index_trim(&f->index, &f->state, 0);
    expect_tables(f, "");
    expect_found(f, "account_text", "alpha", "");
    add_event(f, 1, "y");
    expect_found(f, "event_text_0", "x OR y", "1");
}

static void a_rollback_takes_a_table_back(void **state)
{
    struct fixture *f = *state;
    add_event(f, 1, "x");
    set_account(f, 1, "", "alpha");
    state_rollback(&f->state);
    text_index_forget(&f->index);
    state_begin(&f->state);
    expect_tables(f, "");
    add_event(f, 1, "y");
    set_account(f, 1, "", "beta");
    expect_found(f, "event_text_0", "x OR y", "1");
    expect_found(f, "event_text_0", "x", "");
    expect_found(f, "account_text", "alpha OR beta", "1");
    expect_found(f, "account_text", "alpha", "");
}

static void an_accounts_words_are_replaced(void **state)
{
    struct fixture *f = *state;
    set_account(f, 1, "", "ca_1 alpha");
    set_account(f, 2, "", "ca_2 alpha");
    expect_found(f, "account_text", "alpha", "1 2");
    set_account(f, 1, "ca_1 alpha", "ca_1 beta");
    expect_found(f, "account_text", "alpha", "2");
    expect_found(f, "account_text", "beta", "1");
    expect_found(f, "account_text", "ca 1", "1");
}

static void a_failure_is_remembered(void **state)
{
    struct fixture *f = *state;
    struct err err = {""};
    state_execute(&f->state, "CREATE TABLE event_text_0(a)");
    add_event(f, 1, "x");
    assert_true(state_failed(&f->state));
    add_event(f, 2, "y");
    text_index_trim(&f->index, &f->state, 0);
    assert_int_not_equal(state_commit(&f->state, &err), RC_OK);
    assert_true(strlen(err.message) > 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(splits_texts_as_the_index_does),
        cmocka_unit_test(texts_are_lines),
        cmocka_unit_test(names_tables_by_record_number),
        CASE(finds_parts_and_their_beginnings),
        CASE(strange_words_are_no_trouble),
        CASE(events_are_spread_over_tables),
        CASE(trimming_to_nothing_drops_however_many_tables),
        CASE(a_rollback_takes_a_table_back),
        CASE(an_accounts_words_are_replaced),
        CASE(a_failure_is_remembered),
    };
    return cmocka_run_group_tests_name("text_index", tests, NULL, NULL);
}
