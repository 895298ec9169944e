#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/config_file.h"
#include "cli/serve_options.h"

struct scene {
    struct serve_options values;
    struct err err;
};

static enum rc parse(struct scene *scene, const char *text)
{
    memset(scene, 0, sizeof *scene);
    option_defaults(&serve_option_table, &scene->values);
    return config_file_parse(&serve_option_table, &scene->values, slice_str(text), "f.ini", &scene->err);
}

static void cleanup(struct scene *scene)
{
    option_values_cleanup(&serve_option_table, &scene->values);
}

static void expect_refused(const char *text, const char *part)
{
    struct scene scene;
    enum rc rc = parse(&scene, text);
    if (rc != RC_USAGE || !strstr(scene.err.message, part))
        fail_msg("'%s': %s, \"%s\"", text, rc_code(rc), scene.err.message);
    cleanup(&scene);
}

static void test_keys_comments_and_lists(void **state)
{
    (void)state;
    struct scene scene;
    const char *text = "# comment\n; another\n  ; indented\n\n   \t\r\n"
                       "secret = one\r\nsecret: t;w#o=\nmax-body=2MiB\n";
    if (parse(&scene, text) != RC_OK)
        fail_msg("%s", scene.err.message);
    assert_int_equal(scene.values.secret.count, 2);
    assert_string_equal(scene.values.secret.items[0], "one");
    assert_string_equal(scene.values.secret.items[1], "t;w#o=");
    assert_int_equal(scene.values.max_body, 2 * 1024 * 1024);
    cleanup(&scene);
}

/* The parser takes an indented line for more of the value before: a second secret, or another admin token. */
static void test_indented_lines_are_refused(void **state)
{
    (void)state;
    expect_refused("secret = one\n  max-body = 2MiB\n", "f.ini:2: ");
    expect_refused("admin-token = 0123456789abcdef\n\tlisten = 127.0.0.1:0\n", "f.ini:2: ");
    expect_refused("\n secret = one\n", "f.ini:2: ");
}

/* The parser cuts a value there and says nothing. */
static void test_comments_behind_values_are_refused(void **state)
{
    (void)state;
    expect_refused("secret = abc ;def\n", "f.ini:1: ");
    expect_refused("print = none\nsecret = ;def\n", "f.ini:2: ");
    expect_refused("max-body = 2MiB\t; large\n", "f.ini:1: ");
}

static void test_the_line_of_a_mistake_is_named(void **state)
{
    (void)state;
    expect_refused("print = none\nmax-bdy = 1\n", "f.ini:2: unknown option \"max-bdy\"; did you mean");
    expect_refused("print = none\n\nmax-body = x\n", "f.ini:3: max-body: ");
    expect_refused("[serve]\nprint = none\n", "f.ini:2: ");
    expect_refused("print\n", "f.ini:1: ");
    expect_refused("# the first mistake is named\nprint\nmax-bdy = 1\n", "f.ini:2: not understood");
    expect_refused("max-bdy = 1\nprint\n", "f.ini:1: unknown option");
}

static void test_the_line_of_every_value_is_kept(void **state)
{
    (void)state;
    struct scene scene;
    if (parse(&scene, "# one\n\nsecret = one\r\n; two\nsecret = two\nlisten = nowhere") != RC_OK)
        fail_msg("%s", scene.err.message);
    static const struct {
        const char *name;
        size_t item;
        const char *place;
    } CASES[] = {
        {"secret", 0, "f.ini:3: secret: "},
        {"secret", 1, "f.ini:5: secret: "},
        {"listen", 0, "f.ini:6: listen: "},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        (void)err_set(&scene.err, RC_USAGE, "%s", "");
        assert_int_equal(
            option_blame(&serve_option_table, &scene.values, CASES[i].name, CASES[i].item, &scene.err),
            RC_USAGE);
        assert_string_equal(scene.err.message, CASES[i].place);
    }
    cleanup(&scene);
}

static void test_one_value_is_given_once(void **state)
{
    (void)state;
    expect_refused("listen = 127.0.0.1:1\nprint = none\nlisten = 127.0.0.1:2\n", "f.ini:3: listen");
}

static void test_what_belongs_on_the_command_line(void **state)
{
    (void)state;
    expect_refused("config = other.ini\n", "f.ini:1: config");
    expect_refused("print = none\ncheck = true\n", "f.ini:2: check");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_comments_and_lists),
        cmocka_unit_test(test_indented_lines_are_refused),
        cmocka_unit_test(test_comments_behind_values_are_refused),
        cmocka_unit_test(test_the_line_of_a_mistake_is_named),
        cmocka_unit_test(test_the_line_of_every_value_is_kept),
        cmocka_unit_test(test_one_value_is_given_once),
        cmocka_unit_test(test_what_belongs_on_the_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
