/*
 * What it costs to follow the journal: `track [--json] [--keep DIR] [RECORDS [ACCOUNTS]]` writes a journal of
 * admin events of 260 bytes and a few trigger messages, ten a second up to now, then makes the read model of
 * it as the tracker does when it is behind, and once more from the start. Prints records per second and the
 * most memory that was in use. --keep leaves both in DIR, which must be empty, for questions about them; the
 * read model is then made once.
 */
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "journal/journal.h"
#include "track/follower.h"
#include "track/state.h"

#define BODY_BYTES    260
#define EVERY_TRIGGER 20 /* one record in so many is a trigger message */

struct run {
    struct journal *journal;
    struct read_model *model;
    const char *directory;
    uint64_t records;
    uint64_t accounts;
    usec started_at; /* of the first record */
    usec until;      /* monotonic: the step under way takes no further record */
    bool json;
    bool keep;
};

static void die(const char *doing, const struct err *err)
{
    fprintf(stderr, "track: %s: %s\n", doing, err->message);
    exit(1);
}

/* Spreads numbers without a pattern that caches could like (splitmix64's last step). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static usec time_of(const struct run *run, uint64_t seq)
{
    return run->started_at + (usec)seq * 100 * USEC_PER_MS;
}

static void write_trigger(const struct run *run, uint64_t seq, const char *at, struct buf *out)
{
    uint64_t account = mix(seq) % run->accounts;
    buf_addf(out,
             "{\"id\":\"msg_%" PRIu64
             "\",\"timestamp\":\"%s\",\"type\":\"composio.trigger.message\",\"metadata\":{"
             "\"connected_account_id\":\"ca_%08" PRIu64 "\",\"user_id\":\"user-%" PRIu64 "\"},\"data\":{}}",
             seq, at, account, account / 3);
}

/* An account starts, and completes some records later; it may start again at another place of the journal. */
static void write_admin(const struct run *run, uint64_t seq, const char *at, struct buf *out)
{
    bool is_start = seq % 128 < 64; /* starts and completions lie 64 records apart */
    uint64_t account = mix(is_start ? seq : seq - 64) % run->accounts;
    buf_addf(
        out,
        "{\"type\":\"connected_account.add.%s\",\"timestamp\":\"%s\",\"data\":{\"app_name\":\"app_%" PRIu64
        "\",\"integration_name\":\"integration_%" PRIu64 "\",\"integration_id\":\"i-%08" PRIu64
        "\",\"connected_account_id\":\"ca_%08" PRIu64 "\",\"body\":\"",
        is_start ? "start" : "completed", at, account % 40, account % 120, account % 120, account);
    if (out->len + 3 < BODY_BYTES)
        buf_add_fill(out, 'x', BODY_BYTES - 3 - out->len);
    buf_add_str(out, "\"}}");
}

static void write_body(const struct run *run, uint64_t seq, struct buf *out)
{
    char at[CLOCK_RFC3339_SIZE];
    clock_format(time_of(run, seq), at);
    if (mix(seq * 3) % EVERY_TRIGGER == 0)
        write_trigger(run, seq, at, out);
    else
        write_admin(run, seq, at, out);
}

static void write_journal(struct run *run)
{
    static struct record records[JOURNAL_MAX_BATCH];
    static struct append_outcome outcomes[JOURNAL_MAX_BATCH];
    static struct buf bodies[JOURNAL_MAX_BATCH];
    static char keys[JOURNAL_MAX_BATCH][48];
    struct err err;
    for (uint64_t seq = 1; seq <= run->records;) {
        size_t count = 0;
        for (; count < JOURNAL_MAX_BATCH && seq <= run->records; count++, seq++) {
            buf_clear(&bodies[count]);
            write_body(run, seq, &bodies[count]);
            int len =
                snprintf(keys[count], sizeof keys[count], "msg_%016" PRIx64 "%016" PRIx64, mix(seq), seq);
            records[count] =
                (struct record){.kind = RECORD_EVENT,
                                .received_at = time_of(run, seq),
                                .key = slice_of(keys[count], (size_t)len),
                                .fingerprint = mix(seq),
                                .head = slice_str(":from: 127.0.0.1\ncontent-type: application/json\n"),
                                .body = buf_slice(&bodies[count])};
        }
        if (journal_append(run->journal, records, count, outcomes, &err) != RC_OK)
            die("writing the journal", &err);
        journal_tidy(run->journal);
    }
    for (size_t i = 0; i < JOURNAL_MAX_BATCH; i++)
        buf_cleanup(&bodies[i]);
}

static bool on_record(void *arg, const struct record *record)
{
    struct run *run = arg;
    read_model_apply(run->model, record, record->received_at);
    return clock_monotonic() < run->until;
}

/* As follower_step() does, by the records' clock. */
static void follow(struct run *run, struct follower_pace pace)
{
    struct err err;
    while (read_model_position(run->model) < run->records) {
        uint64_t from = read_model_position(run->model);
        uint64_t last = from;
        run->until = clock_monotonic() + pace.time;
        read_model_begin(run->model);
        if (journal_read(run->journal, from, pace.records, on_record, run, &last, &err) != RC_OK)
            die("reading the journal", &err);
        read_model_judge(run->model, time_of(run, last), 1024);
        if (read_model_commit(run->model, &err) != RC_OK)
            die("committing", &err);
    }
}

static long long file_mib(const struct run *run, const char *name)
{
    struct stat file;
    char path[500];
    snprintf(path, sizeof path, "%s/%s", run->directory, name);
    return stat(path, &file) == 0 ? (long long)file.st_size >> 20 : -1;
}

static void report(const char *what, const struct run *run, usec began)
{
    struct rusage usage;
    double seconds = (double)(clock_monotonic() - began) / (double)USEC_PER_SEC;
    double rate = (double)run->records / seconds;
    getrusage(RUSAGE_SELF, &usage);
    if (run->json)
        printf(
            "{\"what\":\"%s\",\"seconds\":%.2f,\"records_per_s\":%.0f,\"peak_mib\":%ld,\"state_mib\":%lld}\n",
            what, seconds, rate, usage.ru_maxrss / 1024, file_mib(run, STATE_FILE));
    else
        printf("%-28s %8.1f s  %8.0f records/s  peak memory %ld MiB  %s %lld MiB\n", what, seconds, rate,
               usage.ru_maxrss / 1024, STATE_FILE, file_mib(run, STATE_FILE));
    fflush(stdout);
}

static void measure(struct run *run)
{
    struct err err;
    struct err why;
    struct read_model_options options = {
        .directory = run->directory,
        .patience = {.slow_after = USEC_MINUTE, .abandoned_after = 12 * USEC_MINUTE},
    };
    usec began = clock_monotonic();
    if (read_model_open(&options, 1, run->records, &run->model, &why, &err) != RC_OK)
        die("opening the read model", &err);
    follow(run, FOLLOWER_LIVE);
    report("catching up", run, began);
    if (run->keep) {
        read_model_close(run->model);
        return;
    }
    began = clock_monotonic();
    if (read_model_reset(run->model, 1, time_of(run, run->records), &err) != RC_OK)
        die("starting anew", &err);
    follow(run, FOLLOWER_REBUILD);
    report("forgetting and catching up", run, began);
    read_model_close(run->model);
}

static void open_journal(struct run *run)
{
    struct err err;
    struct journal_options options = {.directory = run->directory, .dedupe_window = USEC_HOUR};
    if (journal_open(&options, &run->journal, &err) != RC_OK)
        die("opening the journal", &err);
}

static void remove_directory(const char *path)
{
    char name[400 + sizeof((struct dirent *)0)->d_name];
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"json", 0, NULL, 'j'}, {"keep", 1, NULL, 'k'}, {NULL, 0, NULL, 0}};
    const char *parent = getenv("TMPDIR");
    char directory[400];
    struct run run = {.records = 1000000, .accounts = 200000, .directory = directory};
    snprintf(directory, sizeof directory, "%s/fairlead-track-XXXXXX", parent && *parent ? parent : "/tmp");
    for (int c; (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (c == 'j')
            run.json = true;
        else if (c == 'k' && (run.keep = true))
            snprintf(directory, sizeof directory, "%s", optarg);
        else
            return 2;
    }
    if (optind < argc)
        run.records = strtoull(argv[optind], NULL, 10);
    if (optind + 1 < argc)
        run.accounts = strtoull(argv[optind + 1], NULL, 10);
    if (run.records == 0 || run.accounts == 0 || (!run.keep && !mkdtemp(directory))) {
        fprintf(stderr, "usage: track [--json] [--keep DIR] [RECORDS [ACCOUNTS]]\n");
        return 2;
    }
    run.started_at = clock_wall() - (usec)run.records * 100 * USEC_PER_MS;
    open_journal(&run);
    write_journal(&run);
    measure(&run);
    journal_close(run.journal);
    if (!run.keep)
        remove_directory(directory);
    return 0;
}
