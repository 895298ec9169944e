/* watchdog and service_manager: what goes over the socket, and when WATCHDOG=1 is among it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/service_manager.h"
#include "cli/watchdog.h"

#define SECOND "1000000"

/* The manager's ear: an abstract name that the kernel chose. */
static int ear = -1;

static int setup(void **state)
{
    (void)state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char path[sizeof name.sun_path + 1];
    socklen_t len = sizeof(sa_family_t);
    ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(ear, (struct sockaddr *)&name, len), 0);
    len = sizeof name;
    assert_int_equal(getsockname(ear, (struct sockaddr *)&name, &len), 0);
    snprintf(path, sizeof path, "@%.*s", (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
             name.sun_path + 1);
    setenv("NOTIFY_SOCKET", path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(ear);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

/* What was said last; "" when nothing was. A datagram to the own process is there at once. */
static const char *heard(void)
{
    static char text[1024];
    ssize_t n = recv(ear, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_the_time_that_is_allowed(void **state)
{
    (void)state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    static const char *const BAD[] = {"", "0", "-1", "1x", " 1", "0x10", "18446744073709551615", "soon"};
    assert_int_equal(service_manager_watchdog(), 0);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        setenv("WATCHDOG_USEC", BAD[i], 1);
        assert_int_equal(service_manager_watchdog(), 0);
    }
    setenv("WATCHDOG_USEC", SECOND, 1);
    assert_int_equal(service_manager_watchdog(), USEC_PER_SEC);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(service_manager_watchdog(), USEC_PER_SEC);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(service_manager_watchdog(), 0);
    unsetenv("WATCHDOG_PID");
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(service_manager_watchdog(), 0);
}

static usec interval_for(const char *within)
{
    struct watchdog watchdog;
    setenv("WATCHDOG_USEC", within, 1);
    watchdog_init(&watchdog);
    return watchdog_interval(&watchdog);
}

static void test_half_the_time_and_never_none(void **state)
{
    (void)state;
    assert_int_equal(interval_for(SECOND), USEC_PER_SEC / 2);
    assert_int_equal(interval_for("1"), USEC_PER_MS);
    assert_int_equal(interval_for("3600000000"), 10 * USEC_PER_SEC);
    assert_int_equal(interval_for("none"), 10 * USEC_PER_SEC);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(interval_for(SECOND), 0);
}

static const char *beat(const char *within, struct vitals vitals)
{
    struct watchdog watchdog;
    if (within)
        setenv("WATCHDOG_USEC", within, 1);
    watchdog_init(&watchdog);
    watchdog_beat(&watchdog, &vitals);
    return heard();
}

static void test_alive_until_patience_ends(void **state)
{
    (void)state;
    const char *alive = "WATCHDOG=1\nSTATUS=receiving: ";
    struct vitals vitals = {.ready = true, .not_ready_reason = ""};
    assert_memory_equal(beat(NULL, vitals), "STATUS=receiving: ", 18);
    assert_memory_equal(beat(SECOND, vitals), alive, strlen(alive));
    vitals.receive_busy = WATCHDOG_RECEIVE_PATIENCE - 1;
    vitals.tracker_busy = WATCHDOG_TRACKER_PATIENCE - 1;
    assert_memory_equal(beat(SECOND, vitals), alive, strlen(alive));
    vitals.receive_busy++;
    assert_null(strstr(beat(SECOND, vitals), "WATCHDOG"));
    vitals.receive_busy = 0;
    assert_memory_equal(beat(SECOND, vitals), alive, strlen(alive));
    vitals.tracker_busy++;
    assert_null(strstr(beat(SECOND, vitals), "WATCHDOG"));
}

static void test_a_full_disk_is_alive_and_said(void **state)
{
    (void)state;
    struct vitals vitals = {.not_ready_reason = "no space left", .behind = 7};
    const char *text = beat(SECOND, vitals);
    assert_non_null(strstr(text, "WATCHDOG=1\nSTATUS=NOT READY, no space left: "));
    assert_non_null(strstr(text, "read model 7 behind"));
}

static void test_reloading_has_the_time(void **state)
{
    (void)state;
    long long at = 0;
    usec before = clock_monotonic();
    service_manager_tell_reloading();
    assert_int_equal(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lld", &at), 1);
    assert_in_range(at, before, clock_monotonic());
}

static void test_a_manager_that_does_not_read_holds_nothing_up(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++)
        service_manager_tell("STATUS=again");
    assert_string_equal(heard(), "STATUS=again");
}

static void test_addresses_that_are_none(void **state)
{
    (void)state;
    char too_long[200] = "/";
    memset(too_long + 1, 'x', sizeof too_long - 2);
    const char *bad[] = {"", "relative", "vsock:2:1", too_long};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        assert_false(service_manager_is_there());
        service_manager_tell("READY=1");
    }
    assert_string_equal(heard(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_time_that_is_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_the_time_and_never_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alive_until_patience_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk_is_alive_and_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reloading_has_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_manager_that_does_not_read_holds_nothing_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_addresses_that_are_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
