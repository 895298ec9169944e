#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/version.h"
#include "cli/command.h"

/* Standard output and error of one run, each in an unnamed file. */
struct captured {
    int status;
    struct buf out;
    struct buf err;
};

static void captured_cleanup(struct captured *captured)
{
    buf_cleanup(&captured->out);
    buf_cleanup(&captured->err);
}

static int divert(int fd, FILE *to)
{
    int saved = dup(fd);
    assert_true(saved >= 0 && dup2(fileno(to), fd) == fd);
    return saved;
}

static void restore(int fd, int saved)
{
    assert_int_equal(dup2(saved, fd), fd);
    close(saved);
}

static void read_back(FILE *file, struct buf *out)
{
    char chunk[4096];
    size_t n;
    rewind(file);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, chunk, n);
    fclose(file);
}

static struct captured run(const char *const *words)
{
    struct captured captured = {0};
    char *argv[16];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    argv[argc] = NULL;
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    assert_true(out && err);
    fflush(stdout);
    int saved_out = divert(STDOUT_FILENO, out);
    int saved_err = divert(STDERR_FILENO, err);
    captured.status = command_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    restore(STDOUT_FILENO, saved_out);
    restore(STDERR_FILENO, saved_err);
    read_back(out, &captured.out);
    read_back(err, &captured.err);
    return captured;
}
#define RUN(...) run((const char *const[]){"fairlead", __VA_ARGS__, NULL})

static void assert_has(const struct buf *text, const char *part)
{
    if (!strstr(buf_str(text), part))
        fail_msg("\"%s\" is not in: %s", part, buf_str(text));
}

static void test_every_row_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; command_all()[i]; i++) {
        const struct command *command = command_all()[i];
        assert_true(command->name && command->operands && command->summary && command->examples);
        assert_true(command->options && command->run);
        assert_ptr_equal(command_find(command->name), command);
    }
    assert_null(command_find("nothing"));
}

/* Two rows with one name would make one of them unreachable, and a bad default would stop every run. */
static void test_option_tables_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; command_all()[i]; i++) {
        const struct option_table *table = command_all()[i]->options;
        union {
            max_align_t align;
            char bytes[16384];
        } values = {.bytes = ""};
        memset(&values, 0, sizeof values);
        option_defaults(table, &values);
        option_values_cleanup(table, &values);
        for (size_t a = 0; a < table->count; a++) {
            assert_true(table->rows[a].help && table->rows[a].help[0]);
            for (size_t b = 0; b < a; b++) {
                assert_string_not_equal(table->rows[a].name, table->rows[b].name);
                assert_false(table->rows[a].letter && table->rows[a].letter == table->rows[b].letter);
            }
        }
    }
}

static void test_help_of_every_command(void **state)
{
    (void)state;
    for (size_t i = 0; command_all()[i]; i++) {
        const char *name = command_all()[i]->name;
        CLEANUP(captured_cleanup) struct captured by_option = RUN(name, "--help");
        CLEANUP(captured_cleanup) struct captured by_command = RUN("help", name);
        assert_int_equal(by_option.status, EXIT_OK);
        assert_int_equal(by_command.status, EXIT_OK);
        assert_string_equal(buf_str(&by_option.out), buf_str(&by_command.out));
        assert_has(&by_option.out, "Usage: fairlead ");
        assert_has(&by_option.out, "Examples:\n");
        assert_int_equal(by_option.err.len, 0);
    }
}

static void test_the_list(void **state)
{
    (void)state;
    CLEANUP(captured_cleanup) struct captured list = RUN("--help");
    CLEANUP(captured_cleanup) struct captured help = RUN("help");
    CLEANUP(captured_cleanup) struct captured nothing = RUN(NULL);
    assert_int_equal(list.status, EXIT_OK);
    assert_string_equal(buf_str(&list.out), buf_str(&help.out));
    assert_int_equal(nothing.status, EXIT_USAGE);
    assert_string_equal(buf_str(&nothing.err), buf_str(&list.out));
    assert_int_equal(nothing.out.len, 0);
    for (size_t i = 0; command_all()[i]; i++)
        assert_has(&list.out, command_all()[i]->summary);
}

static void test_version(void **state)
{
    (void)state;
    CLEANUP(captured_cleanup) struct captured by_option = RUN("--version");
    CLEANUP(captured_cleanup) struct captured by_command = RUN("version");
    assert_has(&by_option.out, version_text());
    assert_string_equal(buf_str(&by_option.out), buf_str(&by_command.out));
}

static void test_unknown_commands_and_options(void **state)
{
    (void)state;
    CLEANUP(captured_cleanup) struct captured near = RUN("exprot");
    CLEANUP(captured_cleanup) struct captured far = RUN("something");
    CLEANUP(captured_cleanup) struct captured help = RUN("help", "exprot");
    CLEANUP(captured_cleanup) struct captured option = RUN("send", "--ulr", "x");
    assert_int_equal(near.status, EXIT_USAGE);
    assert_has(&near.err, "there is no command \"exprot\"; did you mean \"export\"?");
    assert_int_equal(far.status, EXIT_USAGE);
    assert_has(&far.err, "fairlead help lists them");
    assert_int_equal(help.status, EXIT_USAGE);
    assert_int_equal(option.status, EXIT_USAGE);
    assert_has(&option.err, "fairlead send: unknown option --ulr; did you mean --url?");
    assert_has(&option.err, "fairlead help send");
    assert_int_equal(option.out.len, 0);
}

static void test_the_environment_is_read_and_the_command_line_beats_it(void **state)
{
    (void)state;
    setenv("FAIRLEAD_TOLERANCE", "soon", 1);
    CLEANUP(captured_cleanup) struct captured bad = RUN("verify", "--secret", "s");
    setenv("FAIRLEAD_TOLERANCE", "1s", 1);
    setenv("FAIRLEAD_VERIFY", "composio", 1);
    CLEANUP(captured_cleanup) struct captured beaten = RUN("verify", "--secret", "s", "--verify", "none");
    unsetenv("FAIRLEAD_TOLERANCE");
    unsetenv("FAIRLEAD_VERIFY");
    assert_int_equal(bad.status, EXIT_USAGE);
    assert_has(&bad.err, "FAIRLEAD_TOLERANCE: \"soon\"");
    assert_int_equal(beaten.status, EXIT_USAGE);
    assert_has(&beaten.err, "the scheme none checks nothing");
}

static void test_verify_tells_valid_from_not(void **state)
{
    (void)state;
    const char *id = "msg_00000000-0000-4000-8000-000000000001";
    const char *good = "v1,jrAMr1j/LyDm0e+4Z3Zv1ipIeDfSeCXa8nJsXJmQhRM=";
    char path[] = "/tmp/fairlead-command-XXXXXX";
    CLEANUP(cleanup_fd) int fd = mkstemp(path);
    assert_int_equal(write(fd, "{\"hello\":\"w\xC3\xB6rld\"}", 18), 18);
    CLEANUP(captured_cleanup)
    struct captured valid =
        RUN("verify", "--secret", "test-secret-local-0001", "--id", id, "--timestamp", "1767225600",
            "--signature", good, "--body", path, "--at", "2026-01-01T00:04:59Z");
    CLEANUP(captured_cleanup)
    struct captured late =
        RUN("verify", "--secret", "test-secret-local-0001", "--id", id, "--timestamp", "1767225600",
            "--signature", good, "--body", path, "--at", "2026-01-01T00:05:01Z");
    CLEANUP(captured_cleanup)
    struct captured wrong =
        RUN("verify", "--secret", "another-secret", "--id", id, "--timestamp", "1767225600", "--signature",
            good, "--body", path, "--tolerance", "0", "--json");
    unlink(path);
    assert_int_equal(valid.status, EXIT_OK);
    assert_string_equal(buf_str(&valid.out), "valid\n");
    assert_int_equal(late.status, EXIT_FAILED);
    assert_has(&late.out, "timestamp_out_of_range");
    assert_int_equal(wrong.status, EXIT_FAILED);
    assert_has(&wrong.out, "{\"valid\":false,\"code\":\"signature_invalid\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_complete),
        cmocka_unit_test(test_option_tables_are_sound),
        cmocka_unit_test(test_help_of_every_command),
        cmocka_unit_test(test_the_list),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_unknown_commands_and_options),
        cmocka_unit_test(test_the_environment_is_read_and_the_command_line_beats_it),
        cmocka_unit_test(test_verify_tells_valid_from_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
