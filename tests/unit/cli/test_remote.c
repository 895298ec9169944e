#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/remote.h"

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *base;
        const char *path;
        const char *url;
    } CASES[] = {
        {"http://h:1", NULL, "http://h:1/webhook"},
        {"http://h:1/", NULL, "http://h:1/webhook"},
        {"http://h:1/in?a=1", NULL, "http://h:1/in?a=1"},
        {"http://h:1/in", "/x", "http://h:1/x"},
        {"http://h:1/", "x", "http://h:1/x"},
        {"http://[::1]:1", "/x", "http://[::1]:1/x"},
        {"h:1", NULL, "h:1/webhook"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
        remote_url(CASES[i].base, CASES[i].path, "/webhook", &url);
        assert_string_equal(buf_str(&url), CASES[i].url);
    }
}

static void test_the_url_of_a_listener(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {{"127.0.0.1:5000", "http://127.0.0.1:5000"},
                                           {"0.0.0.0:80", "http://127.0.0.1:80"},
                                           {"*:80", "http://127.0.0.1:80"},
                                           {"[::]:80", "http://[::1]:80"},
                                           {"host:80", "http://host:80"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
        remote_url_of_listener(CASES[i][0], false, &url);
        assert_string_equal(buf_str(&url), CASES[i][1]);
    }
    CLEANUP(buf_cleanup) struct buf url = BUF_INIT;
    remote_url_of_listener("host:443", true, &url);
    assert_string_equal(buf_str(&url), "https://host:443");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_the_url_of_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
