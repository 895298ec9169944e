/* connections over socket pairs: limits, phases, who has to go first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

#include "http/connections.h"

enum { MANY = 4 };

struct pair {
    int ours;
    int theirs;
};

static struct pair pair_open(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void pair_close(struct pair pair)
{
    close(pair.ours);
    close(pair.theirs);
}

static bool is_shut(struct pair pair)
{
    struct pollfd poller = {.fd = pair.theirs, .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}

static struct sockaddr_in address(const char *text)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, &from.sin_addr), 1);
    return from;
}

static void test_a_phase_ends_by_its_beginning_not_its_last_byte(void **state)
{
    (void)state;
    struct connection_limits limits = {.phase_time = {[PHASE_FIRST] = 100, [PHASE_IDLE] = 1000},
                                       .max_connections = 10};
    struct connections *all = connections_new(&limits);
    struct sockaddr_in from = address("192.0.2.1");
    struct pair pair = pair_open();
    usec before = clock_monotonic();
    struct connection *connection = connections_add(all, pair.ours, (struct sockaddr *)&from);
    assert_string_equal(connection_address(connection), "192.0.2.1");
    assert_true(connections_expire(all, before + 99) > 0); /* however long adding it has taken */
    assert_false(is_shut(pair));
    connection_enter(all, connection, PHASE_WORK);
    assert_int_equal(connections_expire(all, before + USEC_HOUR), 0);
    assert_false(is_shut(pair));
    connection_enter(all, connection, PHASE_IDLE);
    assert_int_equal(connections_expire(all, clock_monotonic() + 1000), 0);
    assert_true(is_shut(pair));
    connections_remove(all, connection);
    assert_int_equal(connections_count(all), 0);
    connections_free(all);
    pair_close(pair);
}

static void test_the_longest_idle_makes_room(void **state)
{
    (void)state;
    struct connection_limits limits = {.max_connections = MANY};
    struct connections *all = connections_new(&limits);
    struct sockaddr_in from = address("192.0.2.1");
    struct pair pairs[MANY + 3];
    struct connection *added[MANY + 3];
    for (int i = 0; i < MANY + 3; i++)
        pairs[i] = pair_open();
    for (int i = 0; i < MANY; i++)
        added[i] = connections_add(all, pairs[i].ours, (struct sockaddr *)&from);
    connection_enter(all, added[0], PHASE_WORK);
    connection_enter(all, added[2], PHASE_IDLE);
    added[MANY] = connections_add(all, pairs[MANY].ours, (struct sockaddr *)&from);
    assert_true(is_shut(pairs[1]));
    added[MANY + 1] = connections_add(all, pairs[MANY + 1].ours, (struct sockaddr *)&from);
    assert_true(is_shut(pairs[3]));
    added[MANY + 2] = connections_add(all, pairs[MANY + 2].ours, (struct sockaddr *)&from);
    assert_true(is_shut(pairs[2]));
    assert_false(is_shut(pairs[0]));
    for (int i = 0; i < MANY + 3; i++) {
        connections_remove(all, added[i]);
        pair_close(pairs[i]);
    }
    connections_free(all);
}

static void test_one_address_has_a_limit_and_loopback_has_none(void **state)
{
    (void)state;
    struct connection_limits limits = {.max_connections = 100, .max_per_address = 2};
    struct connections *all = connections_new(&limits);
    struct sockaddr_in far = address("192.0.2.1");
    struct sockaddr_in other = address("192.0.2.2");
    struct sockaddr_in near = address("127.0.0.9");
    struct connection *added[6];
    struct pair pairs[6];
    for (int i = 0; i < 6; i++)
        pairs[i] = pair_open();
    for (int i = 0; i < 2; i++) {
        assert_true(connections_admit(all, (struct sockaddr *)&far));
        added[i] = connections_add(all, pairs[i].ours, (struct sockaddr *)&far);
    }
    assert_false(connections_admit(all, (struct sockaddr *)&far));
    assert_true(connections_admit(all, (struct sockaddr *)&other));
    for (int i = 2; i < 6; i++) {
        assert_true(connections_admit(all, (struct sockaddr *)&near));
        added[i] = connections_add(all, pairs[i].ours, (struct sockaddr *)&near);
    }
    connections_remove(all, added[0]);
    assert_true(connections_admit(all, (struct sockaddr *)&far));
    for (int i = 1; i < 6; i++)
        connections_remove(all, added[i]);
    connections_free(all);
    for (int i = 0; i < 6; i++)
        pair_close(pairs[i]);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

static void test_streams_are_the_last_to_make_room(void **state)
{
    (void)state;
    struct connection_limits limits = {.phase_time = {[PHASE_BODY] = 1}, .max_connections = 2};
    struct connections *all = connections_new(&limits);
    struct sockaddr_in from = address("192.0.2.1");
    struct pair pairs[MANY];
    struct connection *added[MANY];
    int told = 0;
    for (int i = 0; i < MANY; i++)
        pairs[i] = pair_open();
    added[0] = connections_add(all, pairs[0].ours, (struct sockaddr *)&from);
    connection_enter(all, added[0], PHASE_STREAM);
    connection_set_on_end(added[0], count_call, &told);
    added[1] = connections_add(all, pairs[1].ours, (struct sockaddr *)&from);
    connection_enter(all, added[1], PHASE_BODY);
    added[2] = connections_add(all, pairs[2].ours, (struct sockaddr *)&from);
    assert_true(is_shut(pairs[1]) && !is_shut(pairs[0]));
    connection_enter(all, added[2], PHASE_WORK);
    added[3] = connections_add(all, pairs[3].ours, (struct sockaddr *)&from);
    assert_true(is_shut(pairs[0]) && !is_shut(pairs[2]));
    connection_shut(added[0]);
    assert_int_equal(told, 1);
    for (int i = 0; i < MANY; i++) {
        connections_remove(all, added[i]);
        pair_close(pairs[i]);
    }
    connections_free(all);
}

/* One connection and its peer. */
struct alone {
    struct connections *all;
    struct pair pair;
    struct connection *connection;
};

static struct alone alone_open(void)
{
    struct connection_limits limits = {.max_connections = 10};
    struct sockaddr_in from = address("192.0.2.1");
    struct alone alone = {.all = connections_new(&limits), .pair = pair_open()};
    alone.connection = connections_add(alone.all, alone.pair.ours, (struct sockaddr *)&from);
    return alone;
}

static void alone_close(struct alone *alone)
{
    connections_remove(alone->all, alone->connection);
    connections_free(alone->all);
    pair_close(alone->pair);
}

/* An end is told of once, at once or when somebody comes to be told. */
static void test_ends_of_peers_are_seen(void **state)
{
    (void)state;
    struct alone alone = alone_open();
    struct pollfd ends = {.fd = connections_ends(alone.all), .events = POLLIN};
    int told[2] = {0, 0};
    connection_enter(alone.all, alone.connection, PHASE_STREAM);
    connection_set_on_end(alone.connection, count_call, &told[0]);
    assert_int_equal(poll(&ends, 1, 0), 0);
    assert_int_equal(shutdown(alone.pair.theirs, SHUT_WR), 0);
    assert_int_equal(poll(&ends, 1, 0), 1);
    connections_see_ends(alone.all);
    assert_int_equal(poll(&ends, 1, 0), 0);
    assert_int_equal(told[0], 1);
    connection_set_on_end(alone.connection, count_call, &told[1]);
    assert_int_equal(told[1], 1);
    alone_close(&alone);
}

/* Not before everything was read and answered. */
static void test_who_has_ended_is_shut_when_nothing_is_left_to_do(void **state)
{
    (void)state;
    struct alone alone = alone_open();
    char byte = 'x';
    connection_enter(alone.all, alone.connection, PHASE_WORK);
    assert_int_equal(send(alone.pair.theirs, &byte, 1, 0), 1);
    assert_int_equal(shutdown(alone.pair.theirs, SHUT_WR), 0);
    connections_see_ends(alone.all);
    connections_expire(alone.all, clock_monotonic());
    assert_false(is_shut(alone.pair));
    connection_enter(alone.all, alone.connection, PHASE_IDLE);
    connections_expire(alone.all, clock_monotonic());
    assert_false(is_shut(alone.pair));
    assert_int_equal(recv(alone.pair.ours, &byte, 1, 0), 1);
    connections_expire(alone.all, clock_monotonic());
    assert_true(is_shut(alone.pair));
    alone_close(&alone);
}

/* It was between two requests already. */
static void test_who_ends_while_idle_is_shut(void **state)
{
    (void)state;
    struct alone alone = alone_open();
    connection_enter(alone.all, alone.connection, PHASE_IDLE);
    assert_int_equal(shutdown(alone.pair.theirs, SHUT_WR), 0);
    connections_see_ends(alone.all);
    connections_expire(alone.all, clock_monotonic());
    assert_true(is_shut(alone.pair));
    alone_close(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_phase_ends_by_its_beginning_not_its_last_byte),
        cmocka_unit_test(test_the_longest_idle_makes_room),
        cmocka_unit_test(test_one_address_has_a_limit_and_loopback_has_none),
        cmocka_unit_test(test_streams_are_the_last_to_make_room),
        cmocka_unit_test(test_ends_of_peers_are_seen),
        cmocka_unit_test(test_who_has_ended_is_shut_when_nothing_is_left_to_do),
        cmocka_unit_test(test_who_ends_while_idle_is_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
