#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal.h"
#include "support/faulty_vfs.h"
#include "support/journal_conformance.h"
#include "support/temp_dir.h"

#define START (INT64_C(1750000000) * USEC_PER_SEC)

struct scene {
    char directory[TEMP_DIR_SIZE];
    char path[TEMP_DIR_SIZE + 32];
    struct journal_options options;
    struct journal *journal;
    struct err err;
};

static void place_make(struct journal_options *ret_options)
{
    char *directory = malloc(TEMP_DIR_SIZE);
    assert_non_null(directory);
    temp_dir_make(directory);
    *ret_options = (struct journal_options){.directory = directory};
}

static void place_remove(const struct journal_options *options)
{
    temp_dir_remove(options->directory);
    free((char *)(uintptr_t)options->directory);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    temp_dir_make(scene->directory);
    snprintf(scene->path, sizeof scene->path, "%s/journal.db", scene->directory);
    scene->options = (struct journal_options){
        .directory = scene->directory, .dedupe_window = USEC_HOUR, .vfs = FAULTY_VFS};
    faulty_vfs_register();
    faulty_vfs_heal();
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    faulty_vfs_heal();
    journal_close(scene->journal);
    temp_dir_remove(scene->directory);
    free(scene);
    return 0;
}

static void open_journal(struct scene *scene)
{
    if (journal_open(&scene->options, &scene->journal, &scene->err) != RC_OK)
        fail_msg("journal_open: %s", scene->err.message);
}

static void close_journal(struct scene *scene)
{
    journal_close(scene->journal);
    scene->journal = NULL;
}

static enum rc open_fails(struct scene *scene)
{
    scene->err.message[0] = '\0';
    enum rc rc = journal_open(&scene->options, &scene->journal, &scene->err);
    assert_true(rc != RC_OK);
    assert_null(scene->journal);
    assert_true(scene->err.message[0] != '\0');
    return rc;
}

/* A batch of `count` events with 260-byte bodies and 75-byte heads, as they are in practice. */
static enum rc append_batch(struct scene *scene, size_t from, size_t count)
{
    static struct record records[JOURNAL_MAX_BATCH];
    static struct append_outcome outcomes[JOURNAL_MAX_BATCH];
    static char keys[JOURNAL_MAX_BATCH][40];
    static char text[260];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(keys[i], sizeof keys[i], "msg_%027zu", from + i);
        records[i] = (struct record){
            .kind = RECORD_EVENT,
            .received_at = START,
            .key = slice_of(keys[i], (size_t)len),
            .fingerprint = (from + i + 1) * UINT64_C(0x9E3779B97F4A7C15),
            .head = slice_of(text, 75),
            .body = slice_of(text, 260),
        };
    }
    enum rc rc = journal_append(scene->journal, records, count, outcomes, &scene->err);
    journal_tidy(scene->journal);
    return rc;
}

/* One statement on the file behind the journal's back. */
static void execute(struct scene *scene, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The newest record in journal.db alone, without its log, as a process that died would leave it. */
static uint64_t last_in_file_alone(struct scene *scene)
{
    char directory[TEMP_DIR_SIZE];
    char command[3 * TEMP_DIR_SIZE];
    struct journal_options options = {.directory = directory, .read_only = true};
    struct journal *copy = NULL;
    temp_dir_make(directory);
    snprintf(command, sizeof command, "cp '%s' '%s/journal.db'", scene->path, directory);
    assert_int_equal(system(command), 0);
    if (journal_open(&options, &copy, &scene->err) != RC_OK)
        fail_msg("journal_open: %s", scene->err.message);
    uint64_t last = journal_last(copy);
    journal_close(copy);
    temp_dir_remove(directory);
    return last;
}

static mode_t mode_of(struct scene *scene, const char *name)
{
    char path[TEMP_DIR_SIZE + 32];
    struct stat file;
    snprintf(path, sizeof path, "%s/%s", scene->directory, name);
    assert_int_equal(stat(path, &file), 0);
    return file.st_mode & 0777;
}

static void test_files_are_private(void **state)
{
    struct scene *scene = *state;
    mode_t mask = umask(0);
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 1), RC_OK);
    assert_int_equal(journal_lock(scene->journal, "relay", &scene->err), RC_OK);
    umask(mask);
    static const char *const NAMES[] = {"journal.db", "journal.db-wal", "journal.db-shm", "lock",
                                        "lock-relay"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        assert_int_equal(mode_of(scene, NAMES[i]), 0600);
}

static void test_a_newer_file_is_left_alone(void **state)
{
    struct scene *scene = *state;
    open_journal(scene);
    close_journal(scene);
    execute(scene, "PRAGMA user_version=3");
    assert_int_equal(open_fails(scene), RC_TOO_NEW);
    scene->options.read_only = true;
    assert_int_equal(open_fails(scene), RC_TOO_NEW);
    scene->options.read_only = false;
    execute(scene, "PRAGMA user_version=1");
    assert_int_equal(open_fails(scene), RC_CORRUPT);
    execute(scene, "PRAGMA user_version=2");
    open_journal(scene);
}

static void test_another_program_s_file_is_left_alone(void **state)
{
    struct scene *scene = *state;
    execute(scene, "CREATE TABLE t(x); PRAGMA user_version=2");
    assert_int_equal(open_fails(scene), RC_CORRUPT);
    execute(scene, "PRAGMA application_id=77");
    assert_int_equal(open_fails(scene), RC_CORRUPT);
    write_file(scene->path,
               "This is a text that somebody has put here, longer than a header of SQLite would be, "
               "so that it is looked at.");
    assert_int_equal(open_fails(scene), RC_CORRUPT);
    scene->options.read_only = true;
    assert_int_equal(open_fails(scene), RC_CORRUPT);
}

static void test_an_empty_file_is_a_new_journal(void **state)
{
    struct scene *scene = *state;
    write_file(scene->path, "");
    scene->options.read_only = true;
    assert_int_equal(open_fails(scene), RC_NOT_FOUND);
    scene->options.read_only = false;
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 1), RC_OK);
}

static void test_a_missing_directory(void **state)
{
    struct scene *scene = *state;
    char missing[TEMP_DIR_SIZE + 32];
    snprintf(missing, sizeof missing, "%s/missing", scene->directory);
    scene->options.directory = missing;
    assert_int_equal(open_fails(scene), RC_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(scene->err.message, missing));
}

/* Small on disk: what the journal takes for 260-byte events, the log included, at most 1.6 times their
 * bodies. */
static void test_little_is_added_on_disk(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures;
    scene->options.vfs = NULL;
    open_journal(scene);
    for (size_t from = 0; from < 300 * 1024; from += JOURNAL_MAX_BATCH)
        assert_int_equal(append_batch(scene, from, JOURNAL_MAX_BATCH), RC_OK);
    journal_figures(scene->journal, &figures);
    assert_in_range(figures.bytes, 260 * figures.last_seq, 260 * figures.last_seq * 16 / 10);
}

static off_t wal_bytes(struct scene *scene)
{
    char path[TEMP_DIR_SIZE + 64];
    struct stat wal;
    snprintf(path, sizeof path, "%s-wal", scene->path);
    assert_int_equal(stat(path, &wal), 0);
    return wal.st_size;
}

struct slow_reader {
    struct scene *scene;
    size_t appended;
    off_t largest_wal;
};

static bool append_while_reading(void *arg, const struct record *record)
{
    struct slow_reader *slow = arg;
    (void)record;
    assert_int_equal(append_batch(slow->scene, slow->appended, 256), RC_OK);
    slow->appended += 256;
    off_t wal = wal_bytes(slow->scene);
    slow->largest_wal = wal > slow->largest_wal ? wal : slow->largest_wal;
    return slow->appended < 100 * 256;
}

/* A reader in the middle of its work does not keep the log from being used again. */
static void test_the_log_is_bounded_under_a_slow_reader(void **state)
{
    struct scene *scene = *state;
    scene->options.vfs = NULL;
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 256), RC_OK);
    struct slow_reader slow = {scene, 256, 0};
    uint64_t last = 0;
    assert_int_equal(journal_read(scene->journal, 0, 10000, append_while_reading, &slow, &last, &scene->err),
                     RC_OK);
    assert_int_equal(slow.appended, 100 * 256);
    assert_in_range(slow.largest_wal, 1, 3 * 1024 * 1024);
}

/* Another program reads for long: the log grows, is bounded again when it ends, and appends go on. */
static void test_a_foreign_reader_delays_nothing_for_long(void **state)
{
    struct scene *scene = *state;
    sqlite3 *db;
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 256), RC_OK);
    assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM record", NULL, NULL, NULL), SQLITE_OK);
    for (size_t from = 256; from < 100 * 256; from += 256)
        assert_int_equal(append_batch(scene, from, 256), RC_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    for (size_t from = 100 * 256; from < 120 * 256; from += 256)
        assert_int_equal(append_batch(scene, from, 256), RC_OK);
    assert_in_range(wal_bytes(scene), 1, 4 * 1024 * 1024);
}

static void test_a_locked_file_is_said_to_be_locked(void **state)
{
    struct scene *scene = *state;
    sqlite3 *db;
    open_journal(scene);
    assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(append_batch(scene, 0, 1), RC_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(scene->err.message, "locked"));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(append_batch(scene, 0, 1), RC_OK);
    assert_int_equal(journal_last(scene->journal), 1);
}

/* Writes to a file that was moved away would be acknowledged and never found again. */
static void test_a_file_that_was_moved_away_takes_nothing(void **state)
{
    struct scene *scene = *state;
    struct journal_health health;
    char away[TEMP_DIR_SIZE + 64];
    snprintf(away, sizeof away, "%s/away.db", scene->directory);
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 1), RC_OK);
    assert_int_equal(rename(scene->path, away), 0);
    assert_int_equal(append_batch(scene, 1, 1), RC_STORAGE_UNAVAILABLE);
    assert_int_equal(journal_health(scene->journal, &health, &scene->err), RC_STORAGE_UNAVAILABLE);
    assert_false(health.durable);
    write_file(scene->path, "");
    assert_int_equal(append_batch(scene, 1, 1), RC_STORAGE_UNAVAILABLE);
    assert_int_equal(rename(away, scene->path), 0);
    assert_int_equal(append_batch(scene, 1, 1), RC_OK);
    assert_int_equal(journal_last(scene->journal), 2);
    assert_int_equal(journal_check(scene->journal, &scene->err), RC_OK);
}

/* Acknowledged events stand in the log until it is moved into the file: that it is gone must not lose them.
 */
static void test_a_log_that_was_removed_loses_nothing(void **state)
{
    struct scene *scene = *state;
    struct journal_health health;
    char wal[TEMP_DIR_SIZE + 64];
    snprintf(wal, sizeof wal, "%s-wal", scene->path);
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 3), RC_OK);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(journal_health(scene->journal, &health, &scene->err), RC_STORAGE_UNAVAILABLE);
    assert_false(health.durable);
    assert_int_equal(append_batch(scene, 3, 1), RC_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(scene->err.message, wal));
    /* Another log under its name is none of ours. */
    write_file(wal, "");
    assert_int_equal(append_batch(scene, 3, 1), RC_STORAGE_UNAVAILABLE);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(last_in_file_alone(scene), 3);
    close_journal(scene);
    open_journal(scene);
    assert_int_equal(journal_last(scene->journal), 3);
    assert_int_equal(append_batch(scene, 3, 1), RC_OK);
    assert_int_equal(journal_check(scene->journal, &scene->err), RC_OK);
}

/* What a dead process left in the log counts as stored once it is read: it must be on the disk first. */
static void test_a_log_that_a_reader_holds_is_synced_at_opening(void **state)
{
    struct scene *scene = *state;
    sqlite3 *reader;
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 1), RC_OK);
    assert_int_equal(sqlite3_open(scene->path, &reader), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM record; SELECT * FROM head", NULL, NULL, NULL),
        SQLITE_OK);
    execute(scene, "PRAGMA wal_checkpoint(PASSIVE)"); /* as far as the reader lets it */
    assert_int_equal(append_batch(scene, 1, 1), RC_OK);
    close_journal(scene);
    faulty_vfs_arm(
        &(struct fault_plan){.calls = FAULT_SYNC, .nth = 1, .forever = true, .error = FAULT_IO_ERROR});
    assert_int_equal(open_fails(scene), RC_STORAGE_UNAVAILABLE);
    faulty_vfs_arm(&(struct fault_plan){.calls = FAULT_SYNC});
    open_journal(scene);
    assert_true(faulty_vfs_calls() > 0);
    assert_int_equal(journal_last(scene->journal), 2);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
}

static void test_damage_is_found(void **state)
{
    struct scene *scene = *state;
    open_journal(scene);
    for (size_t from = 0; from < 10 * 256; from += 256)
        assert_int_equal(append_batch(scene, from, 256), RC_OK);
    close_journal(scene);
    execute(scene, "DELETE FROM record WHERE seq = 700");
    open_journal(scene);
    assert_int_equal(journal_check(scene->journal, &scene->err), RC_CORRUPT);
    close_journal(scene);
    int fd = open(scene->path, O_WRONLY);
    assert_true(fd >= 0);
    static char junk[16384 * 3];
    memset(junk, 0xA5, sizeof junk);
    assert_int_equal(pwrite(fd, junk, sizeof junk, 16384 * 8), sizeof junk);
    assert_int_equal(close(fd), 0);
    scene->options.read_only = true;
    open_journal(scene);
    assert_int_equal(journal_check(scene->journal, &scene->err), RC_CORRUPT);
}

static void test_health_goes_through_the_file_layer(void **state)
{
    struct scene *scene = *state;
    struct journal_health health;
    open_journal(scene);
    static const unsigned CALLS[] = {FAULT_OPEN, FAULT_WRITE, FAULT_SYNC};
    for (size_t i = 0; i < sizeof CALLS / sizeof CALLS[0]; i++) {
        faulty_vfs_arm(&(struct fault_plan){.calls = CALLS[i], .nth = 1, .error = FAULT_DISK_FULL});
        assert_int_equal(journal_health(scene->journal, &health, &scene->err), RC_STORAGE_UNAVAILABLE);
        assert_int_equal(faulty_vfs_faults(), 1);
        assert_false(health.writable);
        assert_true(health.durable);
        assert_non_null(strstr(scene->err.message, scene->directory));
    }
    assert_int_equal(journal_health(scene->journal, &health, &scene->err), RC_OK);
    assert_int_equal(access(scene->directory, F_OK), 0);
}

static void test_full_and_failing_disks_are_told_apart(void **state)
{
    struct scene *scene = *state;
    open_journal(scene);
    assert_int_equal(append_batch(scene, 0, 3), RC_OK);
    faulty_vfs_arm(
        &(struct fault_plan){.calls = FAULT_WRITE, .nth = 1, .forever = true, .error = FAULT_DISK_FULL});
    assert_int_equal(append_batch(scene, 3, 3), RC_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(scene->err.message, "full"));
    faulty_vfs_arm(&(struct fault_plan){.calls = FAULT_SYNC, .nth = 1, .error = FAULT_IO_ERROR});
    assert_int_equal(append_batch(scene, 3, 3), RC_COMMIT_UNKNOWN);
    /* Duplicates need no disk. */
    faulty_vfs_arm(
        &(struct fault_plan){.calls = FAULT_ALL, .nth = 1, .forever = true, .error = FAULT_DISK_FULL});
    assert_int_equal(append_batch(scene, 0, 3), RC_OK);
    faulty_vfs_heal();
    assert_int_equal(append_batch(scene, 3, 3), RC_OK);
    assert_int_equal(journal_last(scene->journal), 6);
}

/* A commit stands although the log cannot be moved into the file afterwards. */
static void test_a_failed_checkpoint_does_not_fail_the_commit(void **state)
{
    struct scene *scene = *state;
    struct journal_health figures = {0};
    open_journal(scene);
    bool noted = false;
    for (size_t from = 0; from < 100 * 256; from += 256) {
        /* A commit takes one fsync, or two when the log starts over; a checkpoint takes two more. */
        faulty_vfs_arm(
            &(struct fault_plan){.calls = FAULT_SYNC, .nth = 3, .forever = true, .error = FAULT_IO_ERROR});
        assert_int_equal(append_batch(scene, from, 256), RC_OK);
        journal_figures(scene->journal, &figures);
        noted = noted || (faulty_vfs_faults() > 0 && strstr(figures.detail, "log"));
    }
    assert_true(noted);
    faulty_vfs_heal();
    close_journal(scene);
    open_journal(scene);
    assert_int_equal(journal_last(scene->journal), 100 * 256);
    assert_int_equal(journal_check(scene->journal, &scene->err), RC_OK);
}

#define SCENE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct conformance_place PLACE = {"journal conformance: sqlite", place_make, place_remove};
    const struct CMUnitTest tests[] = {
        SCENE(test_files_are_private),
        SCENE(test_a_newer_file_is_left_alone),
        SCENE(test_another_program_s_file_is_left_alone),
        SCENE(test_an_empty_file_is_a_new_journal),
        SCENE(test_a_missing_directory),
        SCENE(test_little_is_added_on_disk),
        SCENE(test_the_log_is_bounded_under_a_slow_reader),
        SCENE(test_a_foreign_reader_delays_nothing_for_long),
        SCENE(test_a_locked_file_is_said_to_be_locked),
        SCENE(test_a_file_that_was_moved_away_takes_nothing),
        SCENE(test_a_log_that_was_removed_loses_nothing),
        SCENE(test_a_log_that_a_reader_holds_is_synced_at_opening),
        SCENE(test_damage_is_found),
        SCENE(test_health_goes_through_the_file_layer),
        SCENE(test_full_and_failing_disks_are_told_apart),
        SCENE(test_a_failed_checkpoint_does_not_fail_the_commit),
    };
    int failed = journal_conformance_run(&PLACE);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
