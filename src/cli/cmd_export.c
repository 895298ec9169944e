#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/export_line.h"
#include "cli/terminal.h"

enum { CHUNK_RECORDS = 1000, LINKS_MAX = 40 };

struct export_options {
    const char *data;
    const char *since;
    const char *until;
    int64_t after;
    int64_t seq;
    bool raw;
    const char *output;
};

#define AT(member) offsetof(struct export_options, member)
static const struct option ROWS[] = {
    {.name = "data",
     .kind = OPTION_TEXT,
     .offset = AT(data),
     .value = "DIR",
     .fallback = "./fairlead-data",
     .help = "data directory"},
    {.name = "since",
     .kind = OPTION_TEXT,
     .offset = AT(since),
     .value = "TIME",
     .help = "received at or after this time: 2026-05-04T10:00:00Z, or 24h for a day ago"},
    {.name = "until",
     .kind = OPTION_TEXT,
     .offset = AT(until),
     .value = "TIME",
     .help = "received before this time, written in the same way"},
    {.name = "after",
     .kind = OPTION_NUMBER,
     .offset = AT(after),
     .value = "SEQ",
     .fallback = "0",
     .max = INT64_MAX,
     .help = "records after this one"},
    {.name = "seq",
     .kind = OPTION_NUMBER,
     .offset = AT(seq),
     .value = "SEQ",
     .min = 1,
     .max = INT64_MAX,
     .help = "this record alone"},
    {.name = "raw",
     .kind = OPTION_FLAG,
     .offset = AT(raw),
     .help = "with --seq: the exact bytes of its body and nothing else"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = AT(output),
     .value = "FILE",
     .help = "write here, mode 0600, whole or not at all; devices and pipes are written to; default: "
             "standard output"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

struct exporting {
    struct export_options options;
    usec since;
    usec until;
    struct journal *journal;
    FILE *out;
    int output_error; /* errno of the first write that failed */
    uint64_t last;    /* newest record when it began: a running server must not make it endless */
    uint64_t written;
    bool left_out; /* a record was read that is not exported */
    struct buf line;
    struct progress progress;
};

/* RFC 3339, or how long ago. */
static enum rc read_time(const char *option, const char *text, usec *ret, struct err *err)
{
    usec ago;
    if (!text || clock_parse(slice_str(text), ret))
        return RC_OK;
    if (!clock_parse_duration(slice_str(text), &ago))
        return err_set(
            err, RC_USAGE,
            "--%s: \"%.60s\" is neither a time such as 2026-05-04T10:00:00Z nor a duration such as 24h",
            option, text);
    *ret = clock_wall() - ago;
    return RC_OK;
}

static enum rc check_options(struct exporting *export, struct err *err)
{
    const struct export_options *options = &export->options;
    export->since = INT64_MIN;
    export->until = INT64_MAX;
    if (options->raw && !options->seq)
        return err_set(err, RC_USAGE, "--raw writes one body; say which with --seq");
    enum rc rc = read_time("since", options->since, &export->since, err);
    return rc ? rc : read_time("until", options->until, &export->until, err);
}

static bool is_in_range(const struct exporting *export, usec at)
{
    return at >= export->since && (!export->options.until || at < export->until);
}

static bool on_record(void *arg, const struct record *record)
{
    struct exporting *export = arg;
    bool only_one = export->options.seq != 0;
    if (record->seq > export->last)
        return false;
    progress_step(&export->progress, record->seq - (uint64_t) export->options.after);
    if (!only_one && !is_in_range(export, record->received_at))
        return true;
    /* About the numbers that records have here: elsewhere they mean nothing. */
    if (record->kind == RECORD_DUPLICATES) {
        export->left_out = true;
        return true;
    }
    buf_clear(&export->line);
    if (export->options.raw)
        buf_add_slice(&export->line, record->body);
    else
        export_line_write(record, &export->line);
    if (buf_failed(&export->line)) {
        export->output_error = ENOMEM;
    } else if (fwrite(buf_str(&export->line), 1, export->line.len, export->out) != export->line.len) {
        export->output_error = errno;
    } else {
        export->written++;
    }
    return export->output_error == 0;
}

static enum rc write_failed(const struct exporting *export, int cause, struct err *err)
{
    const char *name = export->options.output ? export->options.output : "standard output";
    return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot write to %s: %s", name, strerror(cause));
}

static enum rc export_one(struct exporting *export, struct err *err)
{
    uint64_t first = 0;
    uint64_t seq = (uint64_t) export->options.seq;
    enum rc rc = journal_first(export->journal, &first, err);
    if (rc)
        return rc;
    if (seq < first || seq > export->last)
        return err_set(err, RC_NOT_FOUND,
                       "there is no record %" PRIu64 "; the journal holds %" PRIu64 " to %" PRIu64, seq,
                       first, export->last);
    rc = journal_pick(export->journal, &seq, 1, on_record, export, err);
    if (rc == RC_OK && export->left_out)
        rc = err_set(err, RC_NOT_FOUND,
                     "record %" PRIu64 " is no event: it says which events came again, and is not exported",
                     seq);
    else if (rc == RC_OK && !export->written && !export->output_error)
        rc = err_set(err, RC_NOT_FOUND,
                     "record %" PRIu64 " was removed just now: it was older than the retention", seq);
    return rc;
}

static enum rc export_all(struct exporting *export, struct err *err)
{
    uint64_t at = (uint64_t) export->options.after;
    enum rc rc = RC_OK;
    progress_start(&export->progress, "exporting", export->last > at ? export->last - at : 0);
    while (rc == RC_OK && at < export->last && !export->output_error) {
        uint64_t before = at;
        rc = journal_read(export->journal, before, CHUNK_RECORDS, on_record, export, &at, err);
        if (at == before)
            break;
    }
    progress_end(&export->progress);
    return rc;
}

static enum rc export_to(struct exporting *export, struct err *err)
{
    enum rc rc = (export->options.seq ? export_one : export_all)(export, err);
    if (rc == RC_OK && export->output_error == 0 && fflush(export->out) != 0)
        export->output_error = errno;
    if (rc == RC_OK && export->output_error)
        rc = write_failed(export, export->output_error, err);
    return rc;
}

/* Where `name` leads to when it is a link, also to nothing: what is renamed to a link's name replaces the
 * link. */
static enum rc follow_links(const char *name, char path[PATH_MAX], struct err *err)
{
    if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
        return err_set(err, RC_USAGE, "--output: the name is too long");
    for (int links = 0; links < LINKS_MAX; links++) {
        char target[PATH_MAX];
        ssize_t len = readlink(path, target, sizeof target);
        if (len < 0)
            return RC_OK;
        const char *slash = target[0] == '/' ? NULL : strrchr(path, '/');
        size_t keep = slash ? (size_t)(slash - path) + 1 : 0;
        if (keep + (size_t)len >= PATH_MAX)
            return err_set(err, RC_USAGE, "--output: the link %s leads to a name that is too long", name);
        memcpy(path + keep, target, (size_t)len);
        path[keep + (size_t)len] = '\0';
    }
    return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot write to %s: %s", name, strerror(ELOOP));
}

/* Takes over fd. */
static enum rc export_to_fd(struct exporting *export, int fd, bool to_disk, struct err *err)
{
    export->out = fdopen(fd, "w");
    if (!export->out) {
        int cause = errno;
        close(fd);
        return write_failed(export, cause, err);
    }
    enum rc rc = export_to(export, err);
    if (rc == RC_OK && to_disk && fsync(fd) != 0)
        rc = write_failed(export, errno, err);
    fclose(export->out);
    return rc;
}

/* Written beside and renamed, so that nobody ever sees half an export under the name. */
static enum rc export_to_file(struct exporting *export, struct err *err)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX];
    enum rc rc = follow_links(export->options.output, path, err);
    if (rc)
        return rc;
    int n = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return err_set(err, RC_USAGE, "--output: the name is too long");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, RC_STORAGE_UNAVAILABLE, "cannot make %s: %s", temporary, strerror(errno));
    rc = export_to_fd(export, fd, true, err);
    if (rc == RC_OK && rename(temporary, path) != 0)
        rc = write_failed(export, errno, err);
    if (rc)
        unlink(temporary);
    return rc;
}

/* A device, a pipe: they are written to, never replaced. */
static enum rc export_into(struct exporting *export, struct err *err)
{
    int fd = open(export->options.output, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? write_failed(export, errno, err) : export_to_fd(export, fd, false, err);
}

static enum rc export_to_name(struct exporting *export, struct err *err)
{
    struct stat there;
    bool special = stat(export->options.output, &there) == 0 && !S_ISREG(there.st_mode);
    return (special ? export_into : export_to_file)(export, err);
}

static enum rc export_journal(struct exporting *export, struct err *err)
{
    const char *output = export->options.output;
    bool to_name = output && strcmp(output, "-") != 0;
    const struct journal_options journal = {.directory = export->options.data, .read_only = true};
    enum rc rc = check_options(export, err);
    if (rc == RC_OK)
        rc = journal_open(&journal, &export->journal, err);
    if (rc)
        return rc;
    export->last = journal_last(export->journal);
    export->out = stdout;
    rc = (to_name ? export_to_name : export_to)(export, err);
    if (rc == RC_OK && to_name)
        fprintf(stderr, "exported %" PRIu64 " record%s to %s\n", export->written,
                export->written == 1 ? "" : "s", output);
    return rc;
}

static int run_export(int argc, char **argv)
{
    struct exporting exporting = {.line = BUF_INIT};
    struct err err;
    int status = command_read_options(&cmd_export, &exporting.options, argc, argv, NULL, 0, NULL);
    if (status)
        return status;
    enum rc rc = export_journal(&exporting, &err);
    if (rc)
        status = rc == RC_USAGE ? command_refuse(&cmd_export, &err) : command_fail(&cmd_export, &err);
    if (exporting.journal)
        journal_close(exporting.journal);
    buf_cleanup(&exporting.line);
    option_values_cleanup(&TABLE, &exporting.options);
    return status;
}

const struct command cmd_export = {
    .name = "export",
    .operands = "",
    .summary = "write the journal as JSON Lines",
    .details = "One record a line, in journal order; import reads them back. Left out are the records that "
               "say which\n"
               "events came again: they are about numbers of this journal, so there can be gaps between the "
               "numbers.\n"
               "Works beside a running server. The lines hold the bodies as they arrived, credentials "
               "included: keep\n"
               "them as you keep the data directory.",
    .examples = "fairlead export --output events.jsonl\n"
                "fairlead export --since 24h | jq -r .id\n"
                "fairlead export --seq 17 --raw > body.json",
    .options = &TABLE,
    .run = run_export,
};
