#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "support/temp_dir.h"
#include "track/search.h"
#include "track/text_index.h"

#define TABLE "account_text"

struct fixture {
    char directory[TEMP_DIR_SIZE];
    struct state state;
    struct text_index index;
    struct questions *questions;
    struct question question;
    struct search search;
    struct buf by; /* as search_narrow() says it */
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
    questions_close(f->questions);
    text_index_cleanup(&f->index);
    state_close(&f->state);
    buf_cleanup(&f->by);
    temp_dir_remove(f->directory);
    free(f);
    return 0;
}

static void add(struct fixture *f, int64_t id, const char *text)
{
    CLEANUP(buf_cleanup) struct buf texts = BUF_INIT;
    text_index_add_text(&texts, slice_str(text));
    text_index_set_account(&f->index, &f->state, id, SLICE_NONE, buf_slice(&texts));
}

static void add_many(struct fixture *f, const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s%06u", prefix, i);
        add(f, 1000 + i, text);
    }
}

static void begin(struct fixture *f, const char *q)
{
    struct err err;
    assert_int_equal(question_begin(f->questions, &f->question, &err), RC_OK);
    search_init(&f->search, &f->question, slice_str(q));
}

static enum rc end(struct fixture *f)
{
    struct err err = {""};
    search_cleanup(&f->search);
    return question_end(&f->question, NULL, &err);
}

/* From now on there are questions. */
static void commit(struct fixture *f)
{
    struct err err = {""};
    assert_int_equal(state_commit(&f->state, &err), RC_OK);
    assert_int_equal(questions_open(f->directory, NULL, &f->questions, &err), RC_OK);
}

static enum search_rows narrow(struct fixture *f, const char *q)
{
    begin(f, q);
    enum search_rows rows = search_narrow(&f->search, TABLE, &f->by);
    assert_true(f->search.cost + f->search.merged < QUESTION_BUDGET); /* something is left for rows */
    assert_int_equal(end(f), RC_OK);
    return rows;
}

static void expect(struct fixture *f, const char *q, enum search_rows want_rows, const char *want)
{
    enum search_rows rows = narrow(f, q);
    if (rows != want_rows || strcmp(buf_str(&f->by), want) != 0)
        fail_msg("%s: %d %s", q, rows, buf_str(&f->by));
}

static void expect_match(struct fixture *f, const char *q, const char *want)
{
    expect(f, q, SEARCH_SOME, want);
}

static void words_fit_where_their_parts_follow_each_other(void **state)
{
    struct fixture *f = *state;
    commit(f);
    static const struct {
        const char *q;
        const char *texts;
        bool fits;
    } CASES[] = {
        {"notion", "notion\n", true},
        {"NOTION", "Notion\n", true},
        {"noti", "notion\n", false},
        {"noti*", "notion\n", true},
        {"otion*", "notion\n", false},
        {"connected_account", "connected_account.add.start\n", true},
        {"account.add", "connected_account.add.start\n", true},
        {"account-add", "connected_account.add.start\n", true},
        {"connected_account.add.start", "connected_account.add.start\n", true},
        {"connected.add", "connected_account.add.start\n", false},
        {"add_account", "connected_account.add.start\n", false},
        {"account.a*", "connected_account.add.start\n", true},
        {"connected_account.*", "connected_account.add.start\n", true},
        {"connected_acc", "connected_account.add.start\n", false},
        {"connected_acc*", "connected_account.add.start\n", true},
        {"ca_1", "ca_12\n", false},
        {"ca_*", "ca_12\n", true},
        {"ca_*", "cat_12\n", false},
        {"ada@example.com", "x\nada@example.com\n", true},
        {"@example.com", "ada@example.com\n", true},
        {"zoe", "Zo\xC3\xAB@example.com\n", true},
        {"zo\xC3\xAB@exam*", "zoe@example.com\n", true},
        /* each of several words, wherever it stands, but never over the end of a text */
        {"start connected", "connected_account.add.start\n", true},
        {"start notion", "connected_account.add.start\nnotion\n", true},
        {"start_notion", "connected_account.add.start\nnotion\n", false},
        {"start nothing", "connected_account.add.start\nnotion\n", false},
        {"-brave & \"teal\"", "notion_brave_teal\n", true},
        {"notion", "", false},
        {"notion", "\n\n", false},
        {"x", "\xFF\xFE x\xC3\n", true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        begin(f, CASES[i].q);
        if (search_fits(&f->search, slice_str(CASES[i].texts)) != CASES[i].fits)
            fail_msg("%s in %s", CASES[i].q, CASES[i].texts);
        assert_int_equal(end(f), RC_OK);
    }
}

static void refuses_what_cannot_be_searched_for(void **state)
{
    struct fixture *f = *state;
    commit(f);
    static const char *const BAD[] = {
        "",
        " ",
        "%",
        "\xE2\x80\x9C\xE2\x80\x9D",
        "*",
        "ab*",
        "\xC3\xA4\xC3\xB6*",
        "brave *",
        "---*",
        "a b c d e f g h i j k",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        begin(f, BAD[i]);
        assert_int_equal(search_narrow(&f->search, TABLE, &f->by), SEARCH_NONE);
        assert_false(search_fits(&f->search, slice_str("a b c\n")));
        assert_int_equal(end(f), RC_BAD_PARAMETER);
    }
    begin(f, "a b c d e f g h i j");
    assert_int_equal(end(f), RC_OK);
}

/* By the first part that few rows have: they are listed, and the other parts are left to search_fits(). */
static void narrows_by_a_rare_part(void **state)
{
    struct fixture *f = *state;
    add(f, 1, "ca_17 notion_brave");
    add(f, 2, "ca_18 notion_bravo");
    for (int64_t i = 100; i < 100 + SEARCH_FEW_MAX; i++)
        add(f, i, i % 2 ? "ca_19 slack_exact_odd" : "ca_20 slack_exact_even");
    for (int64_t i = 1000; i <= 1000 + SEARCH_FEW_MAX; i++)
        add(f, i, "ca_21 gmail_toomany");
    commit(f);
    expect(f, "notion", SEARCH_FEW, "1,2");
    expect(f, "ca_17", SEARCH_FEW, "1");
    expect(f, "ca_21 brav*", SEARCH_FEW, "1,2");
    expect(f, "toomany brave", SEARCH_FEW, "1");
    expect(f, "bravo toomany", SEARCH_FEW, "2");
    expect(f, "toomany nothing", SEARCH_NONE, "");
    expect(f, "nothing notion", SEARCH_NONE, "");
    expect(f, "toomany notion bra*", SEARCH_FEW, "1,2");
    expect(f, "bru*", SEARCH_NONE, "");
    expect(f, "toomany bravos*", SEARCH_NONE, "");
    expect_match(f, "toomany", "\"toomany\"");
    /* Exactly as many as are listed, of one word, and of several that begin so. */
    assert_int_equal(narrow(f, "exact"), SEARCH_FEW);
    assert_true(slice_ends(buf_slice(&f->by), ",162,163"));
    assert_int_equal(narrow(f, "ca_21 gmail exac*"), SEARCH_FEW);
    assert_true(slice_ends(buf_slice(&f->by), ",162,163"));
}

static void narrows_by_all_parts_when_none_is_rare(void **state)
{
    struct fixture *f = *state;
    for (int64_t i = 0; i <= SEARCH_FEW_MAX; i++) {
        add(f, 2 * i + 1, "notion_brave_teal ab_or_near_x");
        add(f, 2 * i + 2, "notion_bravo");
    }
    commit(f);
    expect_match(f, "notion", "\"notion\"");
    expect_match(f, "Notion_brave teal", "\"notion\" AND \"brave\" AND \"teal\"");
    expect_match(f, "bra*", "(\"brave\" OR \"bravo\")");
    expect_match(f, "notion_b*", "\"notion\" AND (\"brave\" OR \"bravo\")");
    expect_match(f, "brave bra* tea*", "\"brave\" AND (\"brave\" OR \"bravo\") AND (\"teal\")");
    expect_match(f, "ab-or-near(\"x\")", "\"ab\" AND \"or\" AND \"near\" AND \"x\"");
}

/* However many words begin so, and however often they occur. */
static void beginnings_cost_no_more_than_a_bound(void **state)
{
    struct fixture *f = *state;
    add_many(f, "ca_", SEARCH_MERGED_MAX + 1000); /* 000000 to 010999 */
    commit(f);
    expect(f, "00001*", SEARCH_FEW, "1010,1011,1012,1013,1014,1015,1016,1017,1018,1019");
    expect_match(f, "ca_001*", "\"ca\" AND \"001\"*");
    expect_match(f, "ca_003* ca_004*", "\"ca\" AND \"003\"* AND \"ca\"");
    expect_match(f, "ca_00*", "\"ca\" AND \"00\"*");
    expect_match(f, "ca_0*", "\"ca\"");
    expect_match(f, "ca_*", "\"ca\"");
    assert_int_equal(narrow(f, "ca_0* ca_0* ca_0* ca_0* ca_0* ca_0* ca_0* ca_0* ca_0* ca_00*"), SEARCH_SOME);
    /* As many parts as a question can have, and beginnings last. */
    char many[256] = "";
    while (strlen(many) < 200)
        strcat(many, "ca_");
    strcat(many, "0* ca_00* 000*");
    assert_int_equal(narrow(f, many), SEARCH_SOME);
}

static void a_beginning_of_too_many_says_nothing(void **state)
{
    struct fixture *f = *state;
    add_many(f, "abc", SEARCH_MERGED_MAX + 1000);
    commit(f);
    assert_int_equal(narrow(f, "abc*"), SEARCH_ANY);
    assert_int_equal(narrow(f, "abc0*"), SEARCH_ANY);
    expect_match(f, "abc00*", "\"abc00\"*");
    expect(f, "abc000005", SEARCH_FEW, "1005");
}

/* One word may be in every row: it is read as it is needed. */
static void few_words_are_listed_however_often_they_occur(void **state)
{
    struct fixture *f = *state;
    for (int64_t i = 0; i < 2 * SEARCH_MERGED_MAX; i++)
        add(f, i + 1, i % 2 ? "connected" : "connection");
    commit(f);
    expect_match(f, "connect*", "(\"connected\" OR \"connection\")");
    begin(f, "connect*");
    assert_int_equal(search_narrow(&f->search, TABLE, &f->by), SEARCH_SOME);
    assert_true(f->search.cost < SEARCH_MERGED_MAX);
    assert_int_equal(f->search.merged, 0);
    assert_int_equal(end(f), RC_OK);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(words_fit_where_their_parts_follow_each_other),
        CASE(refuses_what_cannot_be_searched_for),
        CASE(narrows_by_a_rare_part),
        CASE(narrows_by_all_parts_when_none_is_rare),
        CASE(beginnings_cost_no_more_than_a_bound),
        CASE(a_beginning_of_too_many_says_nothing),
        CASE(few_words_are_listed_however_often_they_occur),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
