#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/datadir.h"

static char root[64];

static const char *in_root(const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s%s", root, name);
    return out;
}
#define IN_ROOT(name) in_root(name, (char[PATH_MAX]){0})

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/fairlead-datadir-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    static const char *const LEFT[] = {"/admin-token", "/file", "/a/b/c", "/a/b", "/a", ""};
    for (size_t i = 0; i < sizeof LEFT / sizeof *LEFT; i++)
        (void)remove(IN_ROOT(LEFT[i]));
    return access(root, F_OK) == 0 ? -1 : 0;
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void write_file(const char *path, const char *text)
{
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_makes_parents_closed_to_others(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(datadir_make(IN_ROOT("/a/b//c/"), &err), RC_OK);
    assert_int_equal(mode_of(IN_ROOT("/a")), 0700);
    assert_int_equal(mode_of(IN_ROOT("/a/b/c")), 0700);
    assert_int_equal(datadir_make(IN_ROOT("/a/b/c"), &err), RC_OK);
}

static void test_says_what_stands_in_the_way(void **state)
{
    (void)state;
    struct err err;
    write_file(IN_ROOT("/file"), "");
    assert_int_equal(datadir_make(IN_ROOT("/file"), &err), RC_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "/file"));
    assert_int_equal(datadir_make(IN_ROOT("/file/below"), &err), RC_STORAGE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "stands in the way"));
    assert_int_equal(datadir_make("", &err), RC_STORAGE_UNAVAILABLE);
}

static void test_a_token_is_made_once(void **state)
{
    (void)state;
    struct err err;
    bool created = false;
    CLEANUP(buf_cleanup) struct buf first = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf second = BUF_INIT;
    assert_int_equal(datadir_token(root, false, &first, &created, &err), RC_NOT_FOUND);
    assert_int_equal(datadir_token(root, true, &first, &created, &err), RC_OK);
    assert_true(created);
    assert_int_equal(first.len, 43);
    for (size_t i = 0; i < first.len; i++)
        assert_non_null(
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", first.ptr[i]));
    assert_int_equal(mode_of(IN_ROOT("/admin-token")), 0600);
    assert_int_equal(datadir_token(root, true, &second, &created, &err), RC_OK);
    assert_false(created);
    assert_string_equal(buf_str(&first), buf_str(&second));
}

static void test_tokens_differ(void **state)
{
    (void)state;
    struct err err;
    CLEANUP(buf_cleanup) struct buf first = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf second = BUF_INIT;
    assert_int_equal(datadir_token(root, true, &first, NULL, &err), RC_OK);
    assert_int_equal(unlink(IN_ROOT("/admin-token")), 0);
    assert_int_equal(datadir_token(root, true, &second, NULL, &err), RC_OK);
    assert_string_not_equal(buf_str(&first), buf_str(&second));
}

static void test_what_is_a_token(void **state)
{
    (void)state;
    char longest[300];
    struct err err;
    static const char *const BAD[] = {
        "",
        "\n",
        "fifteen-letters",
        "0123456789 123456",
        "0123456789\n0123456789",
        "0123456789\xC3\xA4xyz012",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
        write_file(IN_ROOT("/admin-token"), BAD[i]);
        assert_int_equal(datadir_token(root, true, &token, NULL, &err), RC_CORRUPT);
        assert_non_null(strstr(err.message, "/admin-token"));
        assert_int_equal(token.len, 0);
    }
    for (size_t len = 15; len <= 257; len += len == 16 ? 240 : 1) {
        CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
        memset(longest, 't', len);
        strcpy(longest + len, "\r\n");
        write_file(IN_ROOT("/admin-token"), longest);
        enum rc want = len == 16 || len == 256 ? RC_OK : RC_CORRUPT;
        assert_int_equal(datadir_token(root, false, &token, NULL, &err), want);
        assert_int_equal(token.len, want ? 0 : len);
    }
}

static void test_a_directory_that_cannot_be_written(void **state)
{
    (void)state;
    struct err err;
    CLEANUP(buf_cleanup) struct buf token = BUF_INIT;
    assert_int_equal(datadir_token("/proc/self", true, &token, NULL, &err), RC_STORAGE_UNAVAILABLE);
    assert_int_equal(datadir_make("/proc/self/data", &err), RC_STORAGE_UNAVAILABLE);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        TEST(test_makes_parents_closed_to_others),
        TEST(test_says_what_stands_in_the_way),
        TEST(test_a_token_is_made_once),
        TEST(test_tokens_differ),
        TEST(test_what_is_a_token),
        TEST(test_a_directory_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
