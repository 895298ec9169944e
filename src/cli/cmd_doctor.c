#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/datadir.h"
#include "cli/remote.h"
#include "cli/serve_options.h"
#include "cli/terminal.h"
#include "http/client.h"
#include "http/listener.h"
#include "journal/journal.h"
#include "track/state_check.h"
#include "wire/json.h"

#define DISK_FAIL         (UINT64_C(64) * 1024 * 1024)
#define DISK_WARN         (UINT64_C(1024) * 1024 * 1024)
#define YEAR_2025         (INT64_C(1735689600) * USEC_PER_SEC)
#define SERVER_TIMEOUT    (5 * USEC_PER_SEC)
#define OTHER_DESCRIPTORS 128 /* files that are not connections */

struct doctor_options {
    const char *url;
    const char *cacert;
    bool json;
};

#define AT(member) offsetof(struct doctor_options, member)
static const struct option ROWS[] = {
    {.name = "url",
     .kind = OPTION_TEXT,
     .offset = AT(url),
     .value = "URL",
     .help = "a server that must answer; default: the one that --listen means, if it runs"},
    {.name = "cacert",
     .kind = OPTION_TEXT,
     .offset = AT(cacert),
     .value = "FILE",
     .help = "authorities to trust for https, in PEM form; default: tls-cert, with --url the system's"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "the results as JSON"},
};
static const struct option_table TABLE = {.rows = ROWS, .count = sizeof ROWS / sizeof *ROWS};

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };
static const char *const VERDICTS[] = {"ok", "warn", "fail"};
static const enum colour COLOURS[] = {COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED};

/* What one check found, and what to do about it. */
struct finding {
    enum verdict verdict;
    char text[700];
    const char *advice; /* static; NULL: none */
};

struct doctor {
    struct doctor_options options;
    struct serve_options serve;
    struct err config_err; /* when the configuration could not be read */
    bool configured;
    struct journal *journal;
    enum rc journal_rc;
    struct err journal_err;
};

__attribute__((format(printf, 4, 5))) static void found(struct finding *finding, enum verdict verdict,
                                                        const char *advice, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
    finding->verdict = verdict;
    finding->advice = advice;
}

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

#define CORRECT_IT "correct it; fairlead help serve lists what is allowed"

static void check_configuration(struct doctor *doctor, struct finding *finding)
{
    const struct serve_options *serve = &doctor->serve;
    if (!doctor->configured) {
        found(finding, VERDICT_FAIL, CORRECT_IT, "%s", doctor->config_err.message);
        return;
    }
    CLEANUP(buf_cleanup) struct buf cert = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf key = BUF_INIT;
    struct err err;
    if (serve_options_check(serve, &cert, &key, &err)) {
        found(finding, VERDICT_FAIL, CORRECT_IT, "%s", err.message);
        return;
    }
    bool checks = serve_options_checks_signatures(serve);
    if (!checks && !is_loopback(serve->listen))
        found(finding, VERDICT_WARN, "set --secret",
              "everybody who reaches %s can post events: no signatures are checked", serve->listen);
    else
        found(finding, VERDICT_OK, NULL, "listens on %s, path %s, signatures are %s", serve->listen,
              serve->path, checks ? "checked" : "not checked");
}

static bool is_lock_in_the_way(const char *directory)
{
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    struct stat info;
    buf_addf(&path, "%s/lock", directory);
    return lstat(buf_str(&path), &info) == 0 && !S_ISREG(info.st_mode);
}

static void check_directory(struct doctor *doctor, struct finding *finding)
{
    const char *directory = doctor->serve.data;
    struct stat info;
    struct stat link;
    if (stat(directory, &info) != 0) {
        if (errno == ENOENT && lstat(directory, &link) == 0)
            found(finding, VERDICT_FAIL, "make what it leads to, or choose another with --data",
                  "%s is a link that leads nowhere", directory);
        else if (errno == ENOENT)
            found(finding, VERDICT_OK, NULL, "%s does not exist yet; serve makes it", directory);
        else
            found(finding, VERDICT_FAIL, "choose another with --data", "cannot look at %s: %s", directory,
                  strerror(errno));
    } else if (!S_ISDIR(info.st_mode)) {
        found(finding, VERDICT_FAIL, "choose another with --data", "%s is not a directory", directory);
    } else if (access(directory, R_OK | W_OK | X_OK) != 0) {
        found(finding, VERDICT_FAIL,
              errno == EROFS ? "mount it writable, or choose another with --data"
                             : "run as its owner, or change its owner",
              "%s cannot be used: %s", directory, strerror(errno));
    } else if (is_lock_in_the_way(directory)) {
        found(finding, VERDICT_FAIL, "remove it", "%s/lock is no file, so serve cannot lock the directory",
              directory);
    } else if (info.st_mode & 077) {
        found(finding, VERDICT_WARN, "chmod 700 on the directory", "%s is open to other users: mode %03o",
              directory, (unsigned)info.st_mode & 0777);
    } else {
        found(finding, VERDICT_OK, NULL, "%s is there and writable, mode %03o", directory,
              (unsigned)info.st_mode & 0777);
    }
}

static void check_token(struct doctor *doctor, struct finding *finding)
{
    CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    struct err err;
    struct stat info;
    if (doctor->serve.no_auth) {
        found(finding, is_loopback(doctor->serve.listen) ? VERDICT_OK : VERDICT_WARN, NULL,
              "--no-auth: metrics and API need no token");
        return;
    }
    if (doctor->serve.admin_token) {
        found(finding, VERDICT_OK, NULL, "the token is given by option");
        return;
    }
    buf_addf(&path, "%s/admin-token", doctor->serve.data);
    enum rc rc = datadir_token(doctor->serve.data, false, &token, NULL, &err);
    if (rc == RC_NOT_FOUND)
        found(finding, VERDICT_OK, NULL, "there is none yet; serve makes it");
    else if (rc)
        found(finding, VERDICT_FAIL, NULL, "%s", err.message);
    else if (stat(buf_str(&path), &info) == 0 && (info.st_mode & 077))
        found(finding, VERDICT_FAIL,
              "chmod 600 on the file; if others used this machine, remove it to get a new token",
              "%s can be read by other users: mode %03o", buf_str(&path), (unsigned)info.st_mode & 0777);
    else
        found(finding, VERDICT_OK, NULL, "%s is there, mode 600", buf_str(&path));
}

/* true: the journal is open; otherwise the finding says why not. */
static bool journal_is_open(struct doctor *doctor, struct finding *finding)
{
    if (doctor->journal)
        return true;
    CLEANUP(buf_cleanup) struct buf path = BUF_INIT;
    buf_addf(&path, "%s/journal.db", doctor->serve.data);
    if (doctor->journal_rc == RC_NOT_FOUND && access(buf_str(&path), F_OK) == 0)
        found(finding, VERDICT_WARN, "if events were stored, restore the data directory from a copy",
              "%s is there and empty; serve begins a new journal in it", buf_str(&path));
    else if (doctor->journal_rc == RC_NOT_FOUND)
        found(finding, VERDICT_OK, NULL, "there is no journal yet");
    else if (doctor->journal_rc == RC_TOO_NEW)
        found(finding, VERDICT_FAIL, "install a newer Fairlead, or choose another directory with --data",
              "%s", doctor->journal_err.message);
    else
        found(finding, VERDICT_FAIL, "restore the data directory from a copy if the file is damaged", "%s",
              doctor->journal_err.message);
    return false;
}

static void check_journal(struct doctor *doctor, struct finding *finding)
{
    struct err err;
    uint64_t first = 0;
    if (!journal_is_open(doctor, finding))
        return;
    enum rc rc = journal_check(doctor->journal, &err);
    if (rc == RC_OK)
        rc = journal_first(doctor->journal, &first, &err);
    uint64_t last = journal_last(doctor->journal);
    if (rc)
        found(finding, VERDICT_FAIL,
              "stop the server, keep a copy of the data directory, then export what can be read", "%s",
              err.message);
    else if (last == 0)
        found(finding, VERDICT_OK, NULL, "sound, and empty");
    else
        found(finding, VERDICT_OK, NULL, "sound, records %" PRIu64 " to %" PRIu64, first, last);
}

/* How far a sound read model is, seen from the journal. */
static void judge_state(struct doctor *doctor, const struct state_report *report, struct finding *finding)
{
    struct err err;
    uint64_t first = 0;
    uint64_t last = journal_last(doctor->journal);
    const struct patience *patience = &report->patience;
    if (journal_first(doctor->journal, &first, &err))
        found(finding, VERDICT_FAIL, NULL, "%s", err.message);
    else if (report->position > last)
        found(finding, VERDICT_WARN, "nothing: serve makes it anew",
              "it is of another journal: true up to record %" PRIu64 ", and the journal ends with %" PRIu64,
              report->position, last);
    else if (report->position + 1 < first)
        found(finding, VERDICT_WARN, "nothing: serve makes it anew",
              "it ends with record %" PRIu64 ", before the journal begins with %" PRIu64, report->position,
              first);
    else if (patience->slow_after != doctor->serve.slow_after ||
             patience->abandoned_after != doctor->serve.abandoned_after)
        found(finding, VERDICT_WARN, "give doctor the options that serve has; otherwise serve makes it anew",
              "it was made with another slow-after or abandoned-after");
    else if (report->position < last)
        found(finding, VERDICT_OK, NULL,
              "sound, %" PRIu64 " records behind the journal; a running server catches up",
              last - report->position);
    else
        found(finding, VERDICT_OK, NULL, "sound, and as far as the journal");
}

static void check_state(struct doctor *doctor, struct finding *finding)
{
    struct err err;
    struct state_report report;
    if (!journal_is_open(doctor, finding))
        return;
    enum rc rc = state_check(doctor->serve.data, &report, &err);
    if (rc == RC_OK)
        judge_state(doctor, &report, finding);
    else if (rc == RC_NOT_FOUND)
        found(finding, VERDICT_OK, NULL, "there is none yet; serve makes it from the journal");
    else if (rc == RC_CORRUPT || rc == RC_TOO_NEW)
        found(finding, VERDICT_WARN, "stop the server and run fairlead rebuild; no event is lost", "%s",
              err.message);
    else
        found(finding, VERDICT_FAIL, NULL, "%s", err.message);
}

static void check_durability(struct doctor *doctor, struct finding *finding)
{
    struct err err;
    struct journal_health health = {0};
    if (!journal_is_open(doctor, finding))
        return;
    if (journal_health(doctor->journal, &health, &err))
        found(finding, VERDICT_FAIL, "a 2xx would promise too much: mend this before serving", "%s",
              err.message);
    else if (health.durable)
        found(finding, VERDICT_OK, NULL, "a stored event survives a crash: %s", health.detail);
    else /* read-only, the mode cannot be seen; serve refuses to start without it */
        found(finding, VERDICT_OK, NULL, "write and fsync work in %s (%s)", doctor->serve.data,
              health.detail);
}

/* Of the directory, or of the nearest one above it that exists. */
static bool filesystem_of(const char *directory, struct statvfs *ret)
{
    CLEANUP(cleanup_free) char *path = strdup(directory);
    while (path && statvfs(path, ret) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
            return false;
        if (slash && slash != path) {
            *slash = '\0';
        } else {
            path[0] = slash ? '/' : '.'; /* there is room: the caller's directory is not empty */
            path[1] = '\0';
        }
    }
    return path != NULL;
}

static void check_disk(struct doctor *doctor, struct finding *finding)
{
    struct statvfs info;
    if (!doctor->serve.data[0] || !filesystem_of(doctor->serve.data, &info)) {
        found(finding, VERDICT_FAIL, NULL, "cannot tell the free space of %s: %s", doctor->serve.data,
              strerror(errno));
        return;
    }
    uint64_t available = (uint64_t)info.f_bavail * info.f_frsize;
    double gib = (double)available / (1024.0 * 1024 * 1024);
    if (info.f_favail == 0 && info.f_files != 0)
        found(finding, VERDICT_FAIL, "remove files or choose another disk",
              "no file can be made there: inodes are used up");
    else if (available < DISK_FAIL)
        found(finding, VERDICT_FAIL, "make room, or shorten --retention", "only %.3f GiB are free", gib);
    else if (available < DISK_WARN)
        found(finding, VERDICT_WARN, "make room, or shorten --retention", "only %.2f GiB are free", gib);
    else
        found(finding, VERDICT_OK, NULL, "%.1f GiB are free", gib);
}

static void check_clock(struct doctor *doctor, struct finding *finding)
{
    char text[CLOCK_RFC3339_SIZE];
    (void)doctor;
    usec wall = clock_wall();
    usec first = clock_monotonic();
    usec second = clock_monotonic();
    clock_format(wall, text);
    if (wall < YEAR_2025)
        found(finding, VERDICT_FAIL, "set it, and switch on time synchronisation", "the clock says %s", text);
    else if (second < first)
        found(finding, VERDICT_FAIL, "look into the machine or its hypervisor",
              "the monotonic clock runs backwards");
    else
        found(finding, VERDICT_OK, NULL, "%s", text);
}

static void check_open_files(struct doctor *doctor, struct finding *finding)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)(doctor->serve.max_connections + OTHER_DESCRIPTORS);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        found(finding, VERDICT_WARN, NULL, "cannot read the limit: %s", strerror(errno));
    else if (limit.rlim_max < need)
        found(finding, VERDICT_WARN, "raise it (ulimit -n, LimitNOFILE=), or lower --max-connections",
              "%llu files may be open, %llu are needed for --max-connections",
              (unsigned long long)limit.rlim_max, (unsigned long long)need);
    else
        found(finding, VERDICT_OK, NULL, "%llu files may be open, %llu are needed",
              (unsigned long long)limit.rlim_max, (unsigned long long)need);
}

static enum rc get(const struct doctor *doctor, const char *base, const char *path, struct client_answer *ret,
                   struct err *err)
{
    const char *own = doctor->options.url ? NULL : doctor->serve.tls_cert;
    CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
    remote_url(base, path, path, &url);
    const struct client_request request = {
        .method = "GET",
        .url = buf_str(&url),
        .cacert = doctor->options.cacert ? doctor->options.cacert : own,
        .timeout = SERVER_TIMEOUT,
        .max_answer = 64 * 1024,
    };
    return client_perform(&request, ret, err);
}

/* No server answers: then the port must be free. */
static void check_port(const char *listen, const char *why, struct finding *finding)
{
    CLEANUP(buf_cleanup) struct buf address = BUF_INIT;
    struct err err;
    int fd = -1;
    if (listener_open(listen, &fd, &address, &err)) {
        found(finding, VERDICT_FAIL, NULL, "no Fairlead answers (%s), and %s", why, err.message);
        return;
    }
    close(fd);
    found(finding, VERDICT_OK, NULL, "not running; %s is free", listen);
}

static void judge_server(const struct doctor *doctor, const char *base, const struct client_answer *alive,
                         struct finding *finding)
{
    struct client_answer ready;
    struct err err;
    if (alive->status != 200) {
        found(finding, VERDICT_FAIL, "stop the other program, or choose another port with --listen",
              "what answers at %s is not Fairlead: /healthz gave %d", base, alive->status);
        return;
    }
    if (get(doctor, base, "/readyz", &ready, &err)) {
        found(finding, VERDICT_FAIL, NULL, "%s", err.message);
        return;
    }
    if (ready.status == 200)
        found(finding, VERDICT_OK, NULL, "%s is running and can store events (%.1f ms)", base,
              (double)ready.elapsed / 1e3);
    else
        found(finding, VERDICT_FAIL, "its log says more", "%s is running but cannot store events: %d %.400s",
              base, ready.status, buf_str(&ready.body));
    buf_cleanup(&ready.body);
}

static void check_server(struct doctor *doctor, struct finding *finding)
{
    CLEANUP(buf_cleanup) struct buf base = BUF_INIT;
    struct client_answer alive;
    struct err err;
    const char *listen = doctor->serve.listen;
    if (doctor->options.url)
        buf_add_str(&base, doctor->options.url);
    else
        remote_url_of_listener(listen, doctor->serve.tls_cert != NULL, &base);
    if (!doctor->options.url && slice_ends(slice_str(listen), ":0")) {
        found(finding, VERDICT_OK, NULL, "not asked: port 0 means any port; --url names a running server");
        return;
    }
    enum rc rc = get(doctor, buf_str(&base), "/healthz", &alive, &err);
    if (rc == RC_OK) {
        judge_server(doctor, buf_str(&base), &alive, finding);
        buf_cleanup(&alive.body);
    } else if (doctor->options.url) {
        found(finding, VERDICT_FAIL, NULL, "%s", err.message);
    } else if (rc == RC_UNTRUSTED) {
        /* It may be ours: a certificate for another name than this machine's address is the usual reason. */
        found(finding, VERDICT_WARN, "ask it by the name in its certificate, with --url", "%s", err.message);
    } else {
        check_port(listen, err.message, finding);
    }
}

/* name, does it need a configuration that could be read */
static const struct check {
    const char *name;
    bool needs_configuration;
    void (*run)(struct doctor *doctor, struct finding *finding);
} CHECKS[] = {
    {"configuration", false, check_configuration},
    {"data directory", true, check_directory},
    {"admin token", true, check_token},
    {"journal", true, check_journal},
    {"read model", true, check_state},
    {"durability", true, check_durability},
    {"disk space", true, check_disk},
    {"clock", false, check_clock},
    {"open files", true, check_open_files},
    {"server", true, check_server},
};
enum { CHECK_COUNT = sizeof CHECKS / sizeof *CHECKS };

static void print_finding(const struct check *check, const struct finding *finding)
{
    const char *colour = terminal_colour(STDOUT_FILENO, COLOURS[finding->verdict]);
    printf("%s%-4s%s  %-14s  %s%s%s\n", colour, VERDICTS[finding->verdict],
           terminal_colour(STDOUT_FILENO, COLOUR_NONE), check->name, finding->text,
           finding->advice ? ". To do: " : "", finding->advice ? finding->advice : "");
    fflush(stdout);
}

static void add_json(const struct check *check, const struct finding *finding, struct buf *out)
{
    buf_addf(out, "%s{\"check\":\"%s\",\"result\":\"%s\",\"message\":", out->len ? "," : "", check->name,
             VERDICTS[finding->verdict]);
    json_quote(slice_str(finding->text), out);
    buf_add_str(out, ",\"advice\":");
    if (finding->advice)
        json_quote(slice_str(finding->advice), out);
    else
        buf_add_str(out, "null");
    buf_add_char(out, '}');
}

static int run_checks(struct doctor *doctor)
{
    CLEANUP(buf_cleanup) struct buf results = BUF_INIT;
    bool failed = false;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        struct finding finding;
        if (CHECKS[i].needs_configuration && !doctor->configured)
            continue;
        CHECKS[i].run(doctor, &finding);
        failed = failed || finding.verdict == VERDICT_FAIL;
        if (doctor->options.json)
            add_json(&CHECKS[i], &finding, &results);
        else
            print_finding(&CHECKS[i], &finding);
    }
    if (doctor->options.json)
        printf("{\"ok\":%s,\"checks\":[%s]}\n", failed ? "false" : "true", buf_str(&results));
    else if (!doctor->configured)
        puts("the other checks need a configuration that can be read");
    return failed ? EXIT_FAILED : EXIT_OK;
}

/* Does the argument name a row of TABLE? *ret_takes_next: its value is the next argument. */
static bool is_own(const char *argument, bool *ret_takes_next)
{
    *ret_takes_next = false;
    if (strncmp(argument, "--", 2) != 0)
        return false;
    struct slice name = slice_of(argument + 2, strcspn(argument + 2, "="));
    for (size_t i = 0; i < TABLE.count; i++) {
        const struct option *row = &TABLE.rows[i];
        bool flag = row->kind == OPTION_FLAG;
        if (flag && slice_starts(name, "no-") && slice_is(slice_skip(name, 3), row->name))
            return true;
        if (slice_is(name, row->name)) {
            *ret_takes_next = !flag && !strchr(argument, '=');
            return true;
        }
    }
    return false;
}

/* The command's own options are read by its table, every other one by that of serve. Both arrays have room
 * for argc. */
static void split_arguments(int argc, char **argv, char **own, int *own_count, char **serve, int *serve_count)
{
    for (int i = 0; i < argc; i++) {
        bool takes_next;
        if (!is_own(argv[i], &takes_next)) {
            serve[(*serve_count)++] = argv[i];
            continue;
        }
        own[(*own_count)++] = argv[i];
        if (takes_next && i + 1 < argc)
            own[(*own_count)++] = argv[++i];
    }
}

/* The command line alone: what is wrong in a file is what a doctor is for, a wrong argument is not. */
static enum rc check_arguments(int argc, char **argv, struct err *err)
{
    struct serve_options scratch = {0};
    size_t operands = 0;
    enum rc rc = option_read_arguments(&serve_option_table, &scratch, argc, argv, NULL, 0, &operands, err);
    option_values_cleanup(&serve_option_table, &scratch);
    return rc;
}

static int examine(struct doctor *doctor, int argc, char **argv)
{
    doctor->configured = serve_options_read(&doctor->serve, argc, argv, &doctor->config_err) == RC_OK;
    if (doctor->configured) {
        const struct journal_options journal = {.directory = doctor->serve.data, .read_only = true};
        doctor->journal_rc = journal_open(&journal, &doctor->journal, &doctor->journal_err);
    }
    int status = run_checks(doctor);
    if (doctor->journal)
        journal_close(doctor->journal);
    option_values_cleanup(&serve_option_table, &doctor->serve);
    return status;
}

static int run_doctor(int argc, char **argv)
{
    struct doctor doctor = {.configured = false};
    int own_count = 0;
    int serve_count = 0;
    CLEANUP(cleanup_free) char **own = calloc((size_t)argc + 1, sizeof *own);
    CLEANUP(cleanup_free) char **serve = calloc((size_t)argc + 1, sizeof *serve);
    if (!own || !serve)
        return EXIT_FAILED;
    split_arguments(argc, argv, own, &own_count, serve, &serve_count);
    int status = command_read_options(&cmd_doctor, &doctor.options, own_count, own, NULL, 0, NULL);
    if (status)
        return status;
    struct err err;
    if (check_arguments(serve_count, serve, &err))
        status = command_refuse(&cmd_doctor, &err);
    else
        status = examine(&doctor, serve_count, serve);
    option_values_cleanup(&TABLE, &doctor.options);
    return status;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "check configuration, data directory, journal and server",
    .details = "Takes every option of serve too, --config included, and checks what serve would use: one "
               "line for each\n"
               "check. Changes nothing, and works beside a running server. Exit status 1 when a check fails.",
    .examples = "fairlead doctor\n"
                "fairlead doctor --config /etc/fairlead.ini --json\n"
                "fairlead doctor --url https://hooks.example.com",
    .options = &TABLE,
    .run = run_doctor,
};
