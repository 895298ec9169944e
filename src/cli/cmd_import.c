#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/datadir.h"
#include "cli/export_line.h"
#include "cli/terminal.h"
#include "wire/dedupe_key.h"
#include "wire/json.h"

enum { BATCH_RECORDS = 256, MAX_REPORTED = 100 };
#define BATCH_BYTES ((size_t)8 * 1024 * 1024)
#define FOREVER     (100 * 366 * USEC_DAY)
#define EVERY_KEY   UINT64_C(1000000000)
#define AHEAD_MAX   USEC_DAY /* a record's time may be so far ahead of this machine's clock */

struct import_options {
    const char *data;
    bool json;
};

#define AT(member) offsetof(struct import_options, member)
static const struct option ROWS[] = {
    {.name = "data",
     .kind = OPTION_TEXT,
     .offset = AT(data),
     .value = "DIR",
     .fallback = "./fairlead-data",
     .help = "data directory, made when missing; no server may use it meanwhile"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the result as JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

/* A line that waits for its commit. */
struct waiting {
    uint64_t line;
    struct export_record record;
};

struct importing {
    struct import_options options;
    const char *name;
    FILE *in;
    struct journal *journal;
    struct waiting *batch; /* BATCH_RECORDS of them; they keep their memory from batch to batch */
    size_t batch_count;
    size_t batch_bytes;
    uint64_t line;
    uint64_t stored;
    uint64_t duplicates;
    uint64_t bad;
    uint64_t bytes;
    struct progress progress;
};

static void report_bad(struct importing *import, uint64_t line, const char *reason)
{
    import->bad++;
    if (import->bad > MAX_REPORTED)
        return;
    if (import->progress.active)
        fputs("\r\033[K", stderr);
    fprintf(stderr, "%s:%" PRIu64 ": %s\n", import->name, line, reason);
    if (import->bad == MAX_REPORTED)
        fputs("more bad lines are counted, not shown\n", stderr);
}

static void count_outcome(struct importing *import, const struct waiting *waiting, enum append_result result)
{
    if (result == APPEND_STORED)
        import->stored++;
    else if (result == APPEND_DUPLICATE)
        import->duplicates++;
    else
        report_bad(import, waiting->line, "the journal refused the record: it is too large");
}

static enum rc flush_batch(struct importing *import, struct err *err)
{
    struct record records[BATCH_RECORDS];
    struct append_outcome outcomes[BATCH_RECORDS];
    if (import->batch_count == 0)
        return RC_OK;
    for (size_t i = 0; i < import->batch_count; i++)
        records[i] = import->batch[i].record.record;
    enum rc rc = journal_append(import->journal, records, import->batch_count, outcomes, err);
    if (rc)
        return err_prefix(err, rc, "%s:%" PRIu64 ": stopped here; importing again goes on", import->name,
                          import->batch[0].line);
    for (size_t i = 0; i < import->batch_count; i++)
        count_outcome(import, &import->batch[i], outcomes[i].result);
    import->batch_count = 0;
    import->batch_bytes = 0;
    journal_tidy(import->journal);
    return RC_OK;
}

/* The receiver accepts JSON objects alone, and everything that reads the journal relies on it. */
static enum rc check_body(const struct record *record, struct err *err)
{
    json_t *tree = NULL;
    if (record->kind != RECORD_EVENT)
        return RC_OK;
    enum rc rc = json_parse(record->body, &tree, err);
    if (rc)
        return err_prefix(err, rc, "\"body\"");
    if (!json_is_object(tree))
        rc = err_set(err, RC_NOT_AN_OBJECT, "\"body\" is JSON but not an object");
    json_decref(tree);
    return rc;
}

/* Retention, exports and the dedupe window go by the time of receipt. */
static enum rc check_time(const struct record *record, struct err *err)
{
    if (record->received_at <= clock_wall() + AHEAD_MAX)
        return RC_OK;
    return err_set(err, RC_BAD_PARAMETER,
                   "\"received_at\" lies in the future: is this machine's clock right?");
}

static enum rc take_line(struct importing *import, struct slice line, struct err *err)
{
    struct err reason;
    struct waiting *waiting = &import->batch[import->batch_count];
    enum rc rc = export_line_read(line, &waiting->record, &reason);
    if (rc == RC_OK)
        rc = check_time(&waiting->record.record, &reason);
    if (rc == RC_OK)
        rc = check_body(&waiting->record.record, &reason);
    if (rc == RC_NO_MEMORY) {
        *err = reason;
        return rc;
    }
    if (rc) {
        report_bad(import, import->line, reason.message);
        return RC_OK;
    }
    /* They are about the numbers that records had where they come from. */
    if (waiting->record.record.kind == RECORD_DUPLICATES)
        return RC_OK;
    waiting->line = import->line;
    import->batch_bytes += waiting->record.head.len + waiting->record.body.len;
    if (++import->batch_count < BATCH_RECORDS && import->batch_bytes < BATCH_BYTES)
        return RC_OK;
    return flush_batch(import, err);
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" \t\r\n", line.ptr[i]) || line.ptr[i] == '\0')
            return false;
    return true;
}

static enum rc import_lines(struct importing *import, struct err *err)
{
    CLEANUP(cleanup_free) char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    enum rc rc = RC_OK;
    while (rc == RC_OK && (len = getline(&text, &capacity, import->in)) >= 0) {
        struct slice line = slice_of(text, (size_t)len);
        import->line++;
        import->bytes += (uint64_t)len;
        progress_step(&import->progress, import->bytes / 1024);
        if (line.ptr[line.len - 1] == '\n')
            line.len--;
        if (!is_blank(line))
            rc = take_line(import, line, err);
    }
    int cause = errno;
    if (rc == RC_OK && !feof(import->in))
        rc = err_set(err, RC_STORAGE_UNAVAILABLE, "cannot read %s after line %" PRIu64 ": %s", import->name,
                     import->line, strerror(cause));
    /* What was read well before a failure of the input is stored all the same. */
    struct err flush_err;
    enum rc flushed =
        import->batch_count && rc != RC_COMMIT_UNKNOWN ? flush_batch(import, &flush_err) : RC_OK;
    if (rc == RC_OK && flushed) {
        *err = flush_err;
        rc = flushed;
    }
    return rc;
}

static enum rc open_input(struct importing *import, const char *file, struct err *err)
{
    bool standard_input = !file || strcmp(file, "-") == 0;
    struct stat info;
    import->name = standard_input ? "standard input" : file;
    import->in = standard_input ? stdin : fopen(file, "re");
    if (!import->in)
        return err_set(err, RC_NOT_FOUND, "cannot open %s: %s", file, strerror(errno));
    bool known = fstat(fileno(import->in), &info) == 0 && S_ISREG(info.st_mode);
    progress_start(&import->progress, "importing (KiB)", known ? (uint64_t)info.st_size / 1024 : 0);
    return RC_OK;
}

static uint64_t fingerprint_of(bool hashed, struct slice bytes)
{
    struct dedupe_key key;
    return dedupe_key_of(hashed, bytes, &key, NULL) == RC_OK ? key.fingerprint : 0;
}

static enum rc open_journal(struct importing *import, struct err *err)
{
    const struct journal_options options = {
        .directory = import->options.data,
        .dedupe_window = FOREVER,
        .dedupe_max_keys = EVERY_KEY,
        .fingerprint_of = fingerprint_of,
    };
    enum rc rc = datadir_make(import->options.data, err);
    if (rc == RC_OK)
        rc = journal_open(&options, &import->journal, err);
    if (rc == RC_LOCKED)
        return err_prefix(err, rc, "stop the server before importing");
    return rc;
}

static void print_result(const struct importing *import)
{
    if (import->options.json)
        printf("{\"stored\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"bad_lines\":%" PRIu64 "}\n",
               import->stored, import->duplicates, import->bad);
    else
        printf("%" PRIu64 " stored, %" PRIu64 " duplicate%s, %" PRIu64 " bad line%s\n", import->stored,
               import->duplicates, import->duplicates == 1 ? "" : "s", import->bad,
               import->bad == 1 ? "" : "s");
}

static enum rc import(struct importing *import, const char *file, struct err *err)
{
    import->batch = calloc(BATCH_RECORDS, sizeof *import->batch);
    if (!import->batch)
        return err_set(err, RC_NO_MEMORY, "out of memory");
    enum rc rc = open_input(import, file, err);
    if (rc == RC_OK)
        rc = open_journal(import, err);
    if (rc == RC_OK) {
        rc = import_lines(import, err);
        progress_end(&import->progress);
        print_result(import);
    }
    progress_end(&import->progress);
    return rc;
}

static void cleanup(struct importing *import)
{
    if (import->journal)
        journal_close(import->journal);
    if (import->in && import->in != stdin)
        fclose(import->in);
    for (size_t i = 0; import->batch && i < BATCH_RECORDS; i++)
        export_record_cleanup(&import->batch[i].record);
    free(import->batch);
    option_values_cleanup(&TABLE, &import->options);
}

static int run_import(int argc, char **argv)
{
    struct importing importing = {.name = ""};
    const char *file = NULL;
    size_t count = 0;
    struct err err;
    int status = command_read_options(&cmd_import, &importing.options, argc, argv, &file, 1, &count);
    if (status)
        return status;
    if (import(&importing, file, &err))
        status = command_fail(&cmd_import, &err);
    else if (importing.bad)
        status = EXIT_FAILED;
    cleanup(&importing);
    return status;
}

const struct command cmd_import = {
    .name = "import",
    .operands = "[FILE]",
    .summary = "read JSON Lines that export wrote",
    .details =
        "Reads FILE, or standard input, and appends to the journal what is not in it yet: importing a "
        "file twice\n"
        "stores its events once. Time of receipt, id, headers and body stay; records get new numbers. "
        "Bad lines, "
        "and those\n"
        "with a time of receipt in the future, are reported with their number, the good ones are stored, "
        "and the exit\nstatus is then 1.",
    .examples = "fairlead import events.jsonl\n"
                "ssh other fairlead export --data /var/lib/fairlead | fairlead import --data ./copy",
    .options = &TABLE,
    .run = run_import,
};
