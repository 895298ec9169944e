#include "track/search.h"

#include <string.h>

#include "base/cleanup.h"

/* Between two parts, and twice between two texts; no part has one. */
#define MARK '\x01'
/* So many words are looked for one by one. They are read as they are needed, however often they occur. */
#define LISTED_MAX  16
#define LISTED_RUN  64 /* entries read at a time */
#define LISTED_COST 40 /* of finding one in the index, in rows; so with any other */
/* So many entries of the index cost what one row costs. */
#define COUNTED_ENTRIES 4
#define MERGED_ENTRIES  2
/* When narrowing has cost so much, more beginnings are left to search_fits(). */
#define COST_MAX 10000
/* Greater than all that goes on after a beginning; less than it, and greater than the beginning itself. */
#define RANGE_END  "\xF4\x8F\xBF\xBF"
#define RANGE_NEXT "\x01"

static void check_memory(struct search *search, const struct buf *buf)
{
    if (buf_failed(buf))
        question_fail(search->question, RC_NO_MEMORY, "memory ran out");
}

/* ---- words ---- */

struct splitting {
    struct buf *out;
    size_t count;
    size_t end; /* of the last part, in the text */
};

static void add_part(void *arg, struct slice part, size_t end)
{
    struct splitting *splitting = arg;
    buf_add_slice(splitting->out, part);
    buf_add_char(splitting->out, MARK);
    splitting->count++;
    splitting->end = end;
}

static struct splitting split(struct search *search, struct slice text, struct buf *out)
{
    struct splitting splitting = {.out = out};
    buf_add_char(out, MARK);
    int code = question_failed(search->question)
                   ? SQLITE_OK
                   : splitter_run(&search->splitter, text, add_part, &splitting);
    if (code != SQLITE_OK)
        question_note(search->question, code);
    check_memory(search, out);
    return splitting;
}

static size_t count_characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return count;
}

static void add_word(struct search *search, struct slice text)
{
    bool goes_on = slice_ends(text, "*");
    size_t at = search->parts.len;
    if (goes_on)
        text.len--;
    struct splitting splitting = split(search, text, &search->parts);
    if (goes_on && (splitting.count == 0 || count_characters(text) < SEARCH_MIN_BEGINNING))
        question_fail(search->question, RC_BAD_PARAMETER, "q: at least 3 characters must stand before a *");
    if (splitting.count == 0) {
        buf_truncate(&search->parts, at);
        return;
    }
    if (search->count < SEARCH_MAX_WORDS)
        search->words[search->count] = (struct search_word){
            .at = at,
            .len = search->parts.len - at,
            .is_beginning = goes_on && splitting.end == text.len,
        };
    search->count++;
}

void search_init(struct search *search, struct question *question, struct slice q)
{
    *search = (struct search){.question = question};
    int code = question_failed(question) ? SQLITE_OK : splitter_open(&search->splitter, question->db);
    if (code != SQLITE_OK)
        question_note(question, code);
    while (q.len > 0 && !question_failed(question))
        add_word(search, slice_split(&q, ' '));
    if (search->count == 0 || search->count > SEARCH_MAX_WORDS) {
        search->count = 0;
        question_fail(question, RC_BAD_PARAMETER, "q: from 1 to 10 words are searched for");
    }
}

void search_cleanup(struct search *search)
{
    splitter_close(&search->splitter);
    buf_cleanup(&search->parts);
    buf_cleanup(&search->row);
    buf_cleanup(&search->range);
}

/* ---- the index ---- */

/* A word of the index, which has no quotes. */
static void add_term(struct buf *match, const char *between, struct slice term)
{
    buf_add_str(match, between);
    buf_add_char(match, '"');
    buf_add_slice(match, term);
    buf_add_char(match, '"');
}

/* SQLite shows the words of an index as a table; nothing of it is stored. */
static void make_terms(struct search *search, const char *table)
{
    struct buf sql = BUF_INIT;
    buf_addf(&sql, "CREATE VIRTUAL TABLE IF NOT EXISTS temp.%s_terms USING fts5vocab(main, %s, instance)",
             table, table);
    int code = sqlite3_exec(search->question->db, buf_str(&sql), NULL, NULL, NULL);
    if (code != SQLITE_OK)
        question_note(search->question, code);
    buf_cleanup(&sql);
}

/* A part of a word of the question, as the index knows it. */
struct part {
    struct slice text;
    bool is_beginning;
};

/* What the part stands for, from `from` on; a row for each entry of the index. */
static sqlite3_stmt *ask_terms(struct search *search, const char *what, const char *table, struct slice from,
                               const struct part *part, size_t limit)
{
    struct buf sql = BUF_INIT;
    buf_addf(&sql,
             "SELECT %s FROM (SELECT term, doc FROM temp.%s_terms WHERE term >= ?1 AND term <= ?2 LIMIT ?3)",
             what, table);
    buf_clear(&search->range);
    buf_add_slice(&search->range, part->text);
    buf_add_str(&search->range, part->is_beginning ? RANGE_END : "");
    sqlite3_stmt *rows =
        question_ask(search->question, buf_str(&sql), "ssi", from, buf_slice(&search->range), (int64_t)limit);
    buf_cleanup(&sql);
    return rows;
}

/* Those of the index for the part; not more than one too many. */
static size_t count_entries(struct search *search, const char *table, const struct part *part)
{
    sqlite3_stmt *row = ask_terms(search, "count(*)", table, part->text, part, SEARCH_MERGED_MAX + 1);
    size_t count = row && question_next(search->question, row) ? (size_t)column_number(row, 0) : 0;
    sqlite3_finalize(row);
    search->cost += count / COUNTED_ENTRIES;
    return count;
}

/*
 * Adds "(a OR b …)" of the words that begin so. Entries are read in short runs: many different words show
 * themselves in the first, and what is left of a frequent one is jumped over. false: there are too many, or
 * none any more.
 */
static bool add_listed(struct search *search, const char *table, const struct part *part, struct buf *match)
{
    CLEANUP(buf_cleanup) struct buf from = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf last = BUF_INIT;
    size_t words = 0;
    size_t run;
    buf_add_slice(&from, part->text);
    do {
        sqlite3_stmt *rows = ask_terms(search, "term", table, buf_slice(&from), part, LISTED_RUN);
        for (run = 0; rows && question_next(search->question, rows); run++) {
            struct slice term = column_text(rows, 0);
            if (words > 0 && slice_equal(term, buf_slice(&last)))
                continue;
            add_term(match, words++ ? " OR " : "(", term);
            buf_clear(&last);
            buf_add_slice(&last, term);
        }
        sqlite3_finalize(rows);
        buf_clear(&from);
        buf_addf(&from, "%s" RANGE_NEXT, buf_str(&last));
        search->cost += LISTED_COST + run;
    } while (run == LISTED_RUN && words <= LISTED_MAX);
    buf_add_char(match, ')');
    return words > 0 && words <= LISTED_MAX;
}

static void narrow_beginning(struct search *search, const char *table, const struct part *part,
                             struct buf *match)
{
    size_t at = match->len;
    const char *between = at > 0 ? " AND " : "";
    if (search->cost >= COST_MAX)
        return;
    buf_add_str(match, between);
    if (add_listed(search, table, part, match))
        return;
    buf_truncate(match, at);
    if (search->merged > 0) /* what one of them leaves is narrow enough */
        return;
    size_t count = count_entries(search, table, part);
    if (count > SEARCH_MERGED_MAX)
        return;
    search->merged = 1 + count / MERGED_ENTRIES;
    add_term(match, between, part->text);
    buf_add_char(match, '*');
}

/* The parts of all words, one after the other. */
struct part_reader {
    const struct search *search;
    size_t word;
    struct slice rest; /* of the word */
};

static bool next_part(struct part_reader *reader, struct part *ret)
{
    const struct search *search = reader->search;
    if (reader->rest.len == 0) {
        if (reader->word == search->count)
            return false;
        const struct search_word *word = &search->words[reader->word++];
        reader->rest = slice_of(search->parts.ptr + word->at + 1, word->len - 1);
    }
    ret->text = slice_split(&reader->rest, MARK);
    ret->is_beginning = reader->rest.len == 0 && search->words[reader->word - 1].is_beginning;
    return true;
}

/* The rows that have the part, as "1,2,…". false: there are more than SEARCH_FEW_MAX, and none is given. */
static bool list_rows(struct search *search, const char *table, const struct part *part, struct buf *ret)
{
    sqlite3_stmt *rows = ask_terms(search, "doc", table, part->text, part, SEARCH_FEW_MAX + 1);
    size_t count = 0;
    while (rows && question_next(search->question, rows))
        buf_addf(ret, "%s%lld", count++ ? "," : "", (long long)column_number(rows, 0));
    sqlite3_finalize(rows);
    search->cost += LISTED_COST + count;
    if (count > SEARCH_FEW_MAX)
        buf_clear(ret);
    return count <= SEARCH_FEW_MAX;
}

/* By the first part that few rows have, or none has: the other parts would only cost. */
static bool narrow_by_few(struct search *search, const char *table, struct buf *rows)
{
    struct part_reader reader = {.search = search};
    for (struct part part; search->cost < COST_MAX && next_part(&reader, &part);)
        if (list_rows(search, table, &part, rows))
            return true;
    return false;
}

static enum search_rows narrow_by_all(struct search *search, const char *table, struct buf *match)
{
    struct part_reader reader = {.search = search};
    for (struct part part; next_part(&reader, &part);) {
        if (part.is_beginning)
            narrow_beginning(search, table, &part, match);
        else
            add_term(match, match->len > 0 ? " AND " : "", part.text);
    }
    return match->len > 0 ? SEARCH_SOME : SEARCH_ANY;
}

enum search_rows search_narrow(struct search *search, const char *table, struct buf *ret)
{
    enum search_rows rows;
    buf_clear(ret);
    search->cost = 0;
    search->merged = 0;
    make_terms(search, table);
    if (narrow_by_few(search, table, ret))
        rows = ret->len > 0 ? SEARCH_FEW : SEARCH_NONE;
    else
        rows = narrow_by_all(search, table, ret);
    check_memory(search, ret);
    return question_failed(search->question) ? SEARCH_NONE : rows;
}

/* ---- rows ---- */

static bool has_word(const struct search *search, const struct search_word *word)
{
    size_t len = word->is_beginning ? word->len - 1 : word->len;
    struct slice row = buf_slice(&search->row);
    return memmem(row.ptr, row.len, search->parts.ptr + word->at, len) != NULL;
}

bool search_fits(struct search *search, struct slice texts)
{
    buf_clear(&search->row);
    while (texts.len > 0)
        split(search, slice_split(&texts, '\n'), &search->row);
    bool fits = !question_failed(search->question);
    for (size_t i = 0; fits && i < search->count; i++)
        fits = has_word(search, &search->words[i]);
    return fits;
}
