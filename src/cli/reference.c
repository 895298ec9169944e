#include "cli/reference.h"

#include <string.h>

#include "base/error.h"
#include "base/metric.h"
#include "cli/api_page.h"
#include "cli/command.h"
#include "cli/serve_options.h"

static void write_configuration(struct buf *out)
{
    buf_add_str(out, "# Configuration\n\n"
                     "Made from the option table by `fairlead help --markdown configuration`.\n\n"
                     "Each option of `fairlead serve` is also an environment variable and a key of the file "
                     "given by `--config`.\n"
                     "The command line beats the environment, the environment beats the file. An unknown key "
                     "or a bad value is refused\n"
                     "with its place and what is allowed; `fairlead serve --check` only checks.\n\n"
                     "A variable that is no option but nearly one, such as `FAIRLEAD_SECRETS`, is warned of "
                     "when the server starts and\n"
                     "by `--check`. Others are left alone: who starts programs gives them names of its own, "
                     "such as `FAIRLEAD_SERVICE_HOST`.\n\n");
    option_write_markdown(&serve_option_table, out);
    buf_add_str(
        out, "\nDurations: `500ms`, `300s`, `12m`, `72h`, `90d`, `1h30m`; a bare number is seconds. "
             "Sizes: `4096`, `64KiB`, `1MiB`, `1MB`.\n\n"
             "A file has one key on a line, named like the option, and lines that begin with `#` or `;` as "
             "comments. Refused with their\nline: indented lines, a `;` after white space in a "
             "value, a second value for what has one, `config` and `check`.\n\n"
             "```ini\n"
             "listen = 0.0.0.0:5000\n"
             "data = /var/lib/fairlead\n"
             "secret = whsec_first\n"
             "secret = whsec_second\n"
             "max-body = 2MiB\n"
             "```\n");
}

static void write_metric_row(const char *name, const char *kind, const char *labels, const char *help,
                             struct buf *out)
{
    buf_addf(out, "| `%s` | %s | %s | %s |\n", name, kind, labels, help);
}

/* Adds `value` of a label text key="value" to the list in *cell, after the key for the first one. */
static void add_label(const char *label, struct buf *cell)
{
    const char *equals = strchr(label, '=');
    if (!equals)
        return;
    if (!cell->len)
        buf_addf(cell, "%.*s: ", (int)(equals - label), label);
    else
        buf_add_str(cell, ", ");
    buf_addf(cell, "`%.*s`", (int)strlen(equals + 2) - 1, equals + 2);
}

/* Rows of one name stand together in the table and differ in their label. */
static void write_values(struct buf *out)
{
    struct buf labels = BUF_INIT;
    for (int i = 0; i < METRIC_COUNT;) {
        const struct metric_row *first = metric_row((enum metric)i);
        buf_clear(&labels);
        for (; i < METRIC_COUNT && strcmp(metric_row((enum metric)i)->name, first->name) == 0; i++)
            add_label(metric_row((enum metric)i)->label, &labels);
        write_metric_row(first->name, first->kind, buf_str(&labels), first->help, out);
    }
    buf_cleanup(&labels);
}

static void write_metrics(struct buf *out)
{
    buf_add_str(
        out, "# Metrics\n\n"
             "Made from the metric table by `fairlead help --markdown metrics`.\n\n"
             "`GET /metrics` answers with them in the text format of Prometheus. It needs the admin token\n"
             "(`Authorization: Bearer …`) unless the server runs with `--no-auth`.\n\n"
             "| name | kind | labels | meaning |\n|---|---|---|---|\n");
    write_values(out);
    for (int i = 0; i < HISTOGRAM_COUNT; i++) {
        const struct histogram_row *row = histogram_row((enum histogram)i);
        write_metric_row(row->name, "histogram", "", row->help, out);
    }
    for (int i = 0; i < FAMILY_COUNT; i++) {
        const struct family_row *row = family_row((enum family)i);
        write_metric_row(row->name, row->kind, row->labels, row->help, out);
    }
    buf_add_str(
        out, "\nBeside these: `fairlead_build_info`, and `process_*` as every Prometheus client has them.\n");
}

static void write_errors(struct buf *out)
{
    buf_add_str(out, "# Errors\n\n"
                     "Made from the error table by `fairlead help --markdown errors`.\n\n"
                     "Every error answer has the form "
                     "`{\"success\":false,\"error\":{\"code\":\"…\",\"message\":\"…\"}}`. The code never\n"
                     "changes; the message says what was wrong in this case. Where a retry can help, the "
                     "answer has `Retry-After`.\n\n"
                     "| code | HTTP status | retry | meaning |\n|---|---|---|---|\n");
    for (int i = RC_OK + 1; i < RC_COUNT; i++) {
        enum rc rc = (enum rc)i;
        buf_addf(out, "| `%s` | %d | %s | %s |\n", rc_code(rc), rc_http_status(rc),
                 rc_retry(rc) == RETRY_LATER ? "later" : "never", rc_text(rc));
    }
}

static void write_commands(struct buf *out)
{
    command_write_markdown(NULL, out);
}

static const struct {
    const char *name;
    void (*write)(struct buf *out);
} PAGES[] = {
    {"configuration", write_configuration}, {"metrics", write_metrics}, {"errors", write_errors},
    {"commands", write_commands},           {"api", api_page_write},
};

bool reference_write(const char *name, struct buf *out)
{
    for (size_t i = 0; i < sizeof PAGES / sizeof *PAGES; i++) {
        if (strcmp(PAGES[i].name, name) == 0) {
            PAGES[i].write(out);
            return true;
        }
    }
    return false;
}
