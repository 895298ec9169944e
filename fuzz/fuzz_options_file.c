/*
 * Any bytes as a configuration file of `serve`: it is refused with a sentence that names the file, or every
 * value is one that the table allows, and reading it again gives the same.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/config_file.h"
#include "cli/serve_options.h"

#define MAX_INPUT 65536
#define FILE_NAME "fairlead.ini"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cleanup(struct serve_options *values)
{
    option_values_cleanup(&serve_option_table, values);
}

static int64_t amount_of(const struct option *option, const void *values)
{
    int64_t amount;
    memcpy(&amount, (const char *)values + option->offset, sizeof amount);
    return amount;
}

static int choice_of(const struct option *option, const void *values)
{
    int choice;
    memcpy(&choice, (const char *)values + option->offset, sizeof choice);
    return choice;
}

static void check_row(const struct option *option, const struct serve_options *values,
                      const struct serve_options *again)
{
    if (option->kind == OPTION_NUMBER || option->kind == OPTION_SIZE || option->kind == OPTION_DURATION) {
        int64_t amount = amount_of(option, values);
        assert(option->max == 0 || (amount >= option->min && amount <= option->max));
        assert(amount == amount_of(option, again));
    } else if (option->kind == OPTION_CHOICE) {
        int count = 0;
        while (option->choices[count])
            count++;
        int choice = choice_of(option, values);
        assert(choice >= 0 && choice < count);
        assert(choice == choice_of(option, again));
    }
}

static void check_lists(const struct option_list *list, const struct option_list *again)
{
    assert(list->count <= OPTION_LIST_MAX && list->count == again->count);
    for (size_t i = 0; i < list->count; i++)
        assert(strcmp(list->items[i], again->items[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(cleanup) struct serve_options values = {0};
    CLEANUP(cleanup) struct serve_options again = {0};
    struct slice text = slice_of(data, size);
    struct err err = {""};
    if (size > MAX_INPUT)
        return 0;
    option_defaults(&serve_option_table, &values);
    option_defaults(&serve_option_table, &again);
    option_next_place(&serve_option_table, &values);
    option_next_place(&serve_option_table, &again);
    if (config_file_parse(&serve_option_table, &values, text, FILE_NAME, &err) != RC_OK) {
        assert(slice_starts(slice_str(err.message), FILE_NAME ":"));
        assert(!strchr(err.message, '\n'));
        return 0;
    }
    enum rc rc = config_file_parse(&serve_option_table, &again, text, FILE_NAME, &err);
    assert(rc == RC_OK);
    for (size_t i = 0; i < serve_option_table.count; i++)
        check_row(&serve_option_table.rows[i], &values, &again);
    check_lists(&values.secret, &again.secret);
    return 0;
}
