#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/metric.h"
#include "cli/reference.h"
#include "cli/serve_options.h"

static void unknown_page(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    assert_false(reference_write("nothing", &text));
    assert_int_equal(text.len, 0);
}

static void every_option_is_shown(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    assert_true(reference_write("configuration", &text));
    for (size_t i = 0; i < serve_option_table.count; i++) {
        CLEANUP(buf_cleanup) struct buf name = BUF_INIT;
        buf_addf(&name, "\n| `--%s", serve_option_table.rows[i].name);
        assert_non_null(strstr(buf_str(&text), buf_str(&name)));
    }
}

static void every_error_is_shown(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    assert_true(reference_write("errors", &text));
    for (int i = RC_OK + 1; i < RC_COUNT; i++) {
        CLEANUP(buf_cleanup) struct buf row = BUF_INIT;
        buf_addf(&row, "| `%s` | %d |", rc_code((enum rc)i), rc_http_status((enum rc)i));
        assert_non_null(strstr(buf_str(&text), buf_str(&row)));
    }
}

static void a_metric_is_one_row_with_all_labels(void **state)
{
    (void)state;
    CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
    assert_true(reference_write("metrics", &text));
    const char *row =
        strstr(buf_str(&text), "\n| `fairlead_webhooks_total` | counter | result: `stored`, `duplicate`, ");
    assert_non_null(row);
    assert_null(strstr(row + 1, "\n| `fairlead_webhooks_total`"));
    for (int i = 0; i < HISTOGRAM_COUNT; i++)
        assert_non_null(strstr(buf_str(&text), histogram_row((enum histogram)i)->name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_page),
        cmocka_unit_test(every_option_is_shown),
        cmocka_unit_test(every_error_is_shown),
        cmocka_unit_test(a_metric_is_one_row_with_all_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
