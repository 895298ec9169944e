#include "base/option.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/suggest.h"

#define ENVIRONMENT_PREFIX "FAIRLEAD_"

enum { NAME_MAX_BYTES = 64, HELP_COLUMN = 26, HELP_WIDTH = 80 };

static const struct size_unit {
    const char *suffix;
    int64_t bytes;
} SIZE_UNITS[] = {
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"KB", 1000},
    {"B", 1},
    {"", 1},
};
enum { SIZE_UNIT_COUNT = sizeof SIZE_UNITS / sizeof *SIZE_UNITS };

/* A value as it may be shown in a message: short, one line, whole UTF-8 characters. */
struct shown {
    char text[84];
};

static struct shown show(const char *value)
{
    struct shown shown;
    size_t len = strlen(value);
    size_t limit = sizeof shown.text - 4;
    size_t keep = len < limit ? len : limit;
    while (keep < len && keep > 0 && ((unsigned char)value[keep] & 0xC0) == 0x80)
        keep--;
    for (size_t i = 0; i < keep; i++)
        shown.text[i] = (unsigned char)value[i] < 0x20 || value[i] == 0x7F ? '?' : value[i];
    snprintf(shown.text + keep, 4, "%s", keep < len ? "..." : "");
    return shown;
}

static void *place_of(const struct option *option, void *values)
{
    return (char *)values + option->offset;
}

static const void *value_of(const struct option *option, const void *values)
{
    return (const char *)values + option->offset;
}

static const struct option *find(const struct option_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return NULL;
}

static const struct option *find_near(const struct option_table *table, const char *name)
{
    const struct option *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < table->count; i++) {
        size_t distance = suggest_distance(table->rows[i].name, name);
        if (distance < best_distance && suggest_is_near(distance, strlen(name))) {
            best_distance = distance;
            best = &table->rows[i];
        }
    }
    return best;
}

static void environment_name(const char *name, struct buf *out)
{
    buf_add_str(out, ENVIRONMENT_PREFIX);
    for (; *name; name++)
        buf_add_char(out, *name == '-' ? '_' : (char)toupper((unsigned char)*name));
}

/* Sizes. */

bool option_parse_size(const char *text, int64_t *ret)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    long long count = strtoll(text, &end, 10);
    if (errno)
        return false;
    for (size_t i = 0; i < SIZE_UNIT_COUNT; i++) {
        if (strcasecmp(end, SIZE_UNITS[i].suffix) == 0) {
            if (count > INT64_MAX / SIZE_UNITS[i].bytes)
                return false;
            *ret = count * SIZE_UNITS[i].bytes;
            return true;
        }
    }
    return false;
}

void option_format_size(int64_t bytes, struct buf *out)
{
    char best[40];
    snprintf(best, sizeof best, "%" PRId64, bytes);
    for (size_t i = 0; i < SIZE_UNIT_COUNT && bytes > 0; i++) {
        char text[40];
        if (SIZE_UNITS[i].bytes == 1 || bytes % SIZE_UNITS[i].bytes != 0)
            continue;
        snprintf(text, sizeof text, "%" PRId64 "%s", bytes / SIZE_UNITS[i].bytes, SIZE_UNITS[i].suffix);
        bool plain = isdigit((unsigned char)best[strlen(best) - 1]);
        if (strlen(text) < strlen(best) + plain) /* a unit beats bare bytes of the same length */
            memcpy(best, text, sizeof text);
    }
    buf_add_str(out, best);
}

/* What is allowed. */

static void write_amount(const struct option *option, int64_t amount, struct buf *out)
{
    if (option->kind == OPTION_SIZE) {
        option_format_size(amount, out);
    } else if (option->kind == OPTION_DURATION) {
        char text[CLOCK_DURATION_SIZE];
        clock_format_duration(amount, text);
        buf_add_str(out, text);
    } else {
        buf_addf(out, "%" PRId64, amount);
    }
}

static void write_limits(const struct option *option, struct buf *out)
{
    write_amount(option, option->min, out);
    buf_add_str(out, " to ");
    write_amount(option, option->max, out);
}

static void write_choices(const struct option *option, const char *separator, struct buf *out)
{
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        buf_add_str(out, i ? separator : "");
        buf_add_str(out, option->choices[i]);
    }
}

static bool has_limits(const struct option *option)
{
    bool amount =
        option->kind == OPTION_NUMBER || option->kind == OPTION_SIZE || option->kind == OPTION_DURATION;
    return amount && option->max != 0;
}

static void write_allowed(const struct option *option, struct buf *out)
{
    switch (option->kind) {
    case OPTION_FLAG:
        buf_add_str(out, "true or false");
        break;
    case OPTION_NUMBER:
        buf_add_str(out, "a whole number");
        break;
    case OPTION_SIZE:
        buf_add_str(out, "a size such as 4096, 64KiB or 1MiB");
        break;
    case OPTION_DURATION:
        buf_add_str(out, "a duration such as 500ms, 30s, 12m, 72h or 90d");
        break;
    case OPTION_CHOICE:
        buf_add_str(out, "one of ");
        write_choices(option, ", ", out);
        break;
    case OPTION_TEXT:
    case OPTION_LIST:
        buf_add_str(out, "text");
        break;
    }
    if (has_limits(option)) {
        buf_add_str(out, ", ");
        write_limits(option, out);
    }
}

/* "fairlead.ini:12: max-body"; a place that names the option itself stands alone. */
static void write_place(const struct option *option, const char *place, struct buf *out)
{
    buf_add_str(out, place);
    if (place[0] != '-' && strncmp(place, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) != 0)
        buf_addf(out, ": %s", option->name);
}

static enum rc refuse(const struct option *option, const char *text, const char *place, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf where = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf allowed = BUF_INIT;
    write_place(option, place, &where);
    write_allowed(option, &allowed);
    if (option->secret)
        return err_set(err, RC_USAGE, "%s: the value is not allowed; it must be %s", buf_str(&where),
                       buf_str(&allowed));
    return err_set(err, RC_USAGE, "%s: \"%s\" is not allowed; it must be %s", buf_str(&where),
                   show(text).text, buf_str(&allowed));
}

/* One value into the struct. */

static bool parse_flag(const char *text, bool *ret)
{
    static const char *const WORDS[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        for (int value = 0; value < 2; value++)
            if (strcasecmp(text, WORDS[i][value]) == 0) {
                *ret = value;
                return true;
            }
    return false;
}

static bool parse_number(const char *text, int64_t *ret)
{
    if (!isdigit((unsigned char)text[text[0] == '-']))
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *ret = number;
    return true;
}

static bool parse_choice(const struct option *option, const char *text, int *ret)
{
    for (int i = 0; option->choices[i]; i++)
        if (strcmp(text, option->choices[i]) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static bool parse_amount(const struct option *option, const char *text, int64_t *ret)
{
    int64_t amount = 0;
    bool parsed = option->kind == OPTION_NUMBER ? parse_number(text, &amount)
                  : option->kind == OPTION_SIZE ? option_parse_size(text, &amount)
                                                : clock_parse_duration(slice_str(text), &amount);
    if (!parsed || (option->max != 0 && (amount < option->min || amount > option->max)))
        return false;
    *ret = amount;
    return true;
}

static void list_clear(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
        free(list->places[i]);
    }
    list->count = 0;
    list->stale = false;
}

static enum rc list_add(const struct option *option, struct option_list *list, const char *text,
                        const char *place, struct err *err)
{
    if (list->stale)
        list_clear(list);
    if (list->count == OPTION_LIST_MAX) {
        CLEANUP(buf_cleanup) struct buf where = BUF_INIT;
        write_place(option, place, &where);
        return err_set(err, RC_USAGE, "%s: given more than %d times", buf_str(&where), OPTION_LIST_MAX);
    }
    char *copy = strdup(text);
    char *from = strdup(place);
    if (!copy || !from) {
        free(copy);
        free(from);
        return err_set(err, RC_NO_MEMORY, "out of memory while reading options");
    }
    list->items[list->count] = copy;
    list->places[list->count++] = from;
    return RC_OK;
}

static enum rc set_text(char **value, const char *text, struct err *err)
{
    char *copy = strdup(text);
    if (!copy)
        return err_set(err, RC_NO_MEMORY, "out of memory while reading options");
    free(*value);
    *value = copy;
    return RC_OK;
}

static enum rc set_value(const struct option *option, void *values, const char *text, const char *place,
                         struct err *err)
{
    void *value = place_of(option, values);
    bool good = false;
    switch (option->kind) {
    case OPTION_FLAG:
        good = parse_flag(text, value);
        break;
    case OPTION_TEXT:
        return set_text(value, text, err);
    case OPTION_LIST:
        return list_add(option, value, text, place, err);
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_DURATION:
        good = parse_amount(option, text, value);
        break;
    case OPTION_CHOICE:
        good = parse_choice(option, text, value);
        break;
    }
    return good ? RC_OK : refuse(option, text, place, err);
}

static char **origin_of(const struct option_table *table, const struct option *option, void *values)
{
    size_t row = (size_t)(option - table->rows);
    assert(row < OPTION_ROWS_MAX);
    return &((struct option_origins *)((char *)values + table->origins))->places[row];
}

static enum rc set_row(const struct option_table *table, const struct option *option, void *values,
                       const char *text, const char *place, struct err *err)
{
    enum rc rc = set_value(option, values, text, place, err);
    if (rc || !table->origins)
        return rc;
    return set_text(origin_of(table, option, values), place, err);
}

static enum rc refuse_unknown(const struct option_table *table, const char *name, const char *place,
                              struct err *err)
{
    const struct option *near = find_near(table, name);
    return err_set(err, RC_USAGE, "%s: unknown option \"%s\"%s%s%s", place, show(name).text,
                   near ? "; did you mean \"" : "", near ? near->name : "", near ? "\"?" : "");
}

enum rc option_set(const struct option_table *table, void *values, const char *name, const char *text,
                   const char *place, struct err *err)
{
    const struct option *option = find(table, name);
    return option ? set_row(table, option, values, text, place, err)
                  : refuse_unknown(table, name, place, err);
}

void option_defaults(const struct option_table *table, void *values)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        if (!option->fallback)
            continue;
        enum rc rc = set_value(option, values, option->fallback, "default", NULL);
        assert(rc != RC_USAGE);
        if (rc)
            abort(); /* memory for a default: nothing sensible can follow */
    }
}

void option_next_place(const struct option_table *table, void *values)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].kind == OPTION_LIST)
            ((struct option_list *)place_of(&table->rows[i], values))->stale = true;
}

void option_values_cleanup(const struct option_table *table, void *values)
{
    for (size_t i = 0; i < table->count; i++) {
        void *value = place_of(&table->rows[i], values);
        if (table->rows[i].kind == OPTION_LIST) {
            list_clear(value);
        } else if (table->rows[i].kind == OPTION_TEXT) {
            free(*(char **)value);
            *(char **)value = NULL;
        }
        if (table->origins) {
            char **origin = origin_of(table, &table->rows[i], values);
            free(*origin);
            *origin = NULL;
        }
    }
}

/* The environment. */

static enum rc set_from_variable(const struct option_table *table, const struct option *option, void *values,
                                 const char *text, const char *place, struct err *err)
{
    if (option->kind != OPTION_LIST)
        return set_row(table, option, values, text, place, err);
    struct slice rest = slice_str(text);
    bool empty = true;
    while (rest.len > 0) {
        struct slice item = slice_trim(slice_split(&rest, ','));
        if (item.len == 0)
            continue;
        empty = false;
        CLEANUP(cleanup_free) char *copy = strndup(item.ptr, item.len);
        if (!copy)
            return err_set(err, RC_NO_MEMORY, "out of memory while reading options");
        enum rc rc = set_row(table, option, values, copy, place, err);
        if (rc)
            return rc;
    }
    /* A secret that a script failed to fill in must not switch off what it is for. */
    return empty ? err_set(err, RC_USAGE, "%s is empty; unset it or give it a value", place) : RC_OK;
}

/* "MAX_BODY" to "max-body"; false for what no option can be called. */
static bool option_name_of(const char *variable, size_t len, char out[NAME_MAX_BYTES])
{
    if (len == 0 || len >= NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)variable[i];
        if (!isupper(c) && !isdigit(c) && c != '_')
            return false;
        out[i] = c == '_' ? '-' : (char)tolower(c);
    }
    out[len] = '\0';
    return true;
}

/* The row that this variable ("FAIRLEAD_LISTEN=…") is about; NULL. */
static const struct option *find_variable(const struct option_table *table, const char *variable)
{
    size_t prefix = strlen(ENVIRONMENT_PREFIX);
    const char *equals = strchr(variable, '=');
    char name[NAME_MAX_BYTES];
    if (strncmp(variable, ENVIRONMENT_PREFIX, prefix) != 0 || !equals)
        return NULL;
    variable += prefix;
    return option_name_of(variable, (size_t)(equals - variable), name) ? find(table, name) : NULL;
}

enum rc option_read_environment(const struct option_table *table, void *values, char *const *environment,
                                struct err *err)
{
    option_next_place(table, values);
    for (; environment && *environment; environment++) {
        const struct option *option = find_variable(table, *environment);
        if (!option)
            continue;
        size_t len = strcspn(*environment, "=");
        const char *text = *environment + len + 1;
        if (*text == '\0' && option->kind != OPTION_LIST)
            continue;
        CLEANUP(cleanup_free) char *place = strndup(*environment, len);
        if (!place)
            return err_set(err, RC_NO_MEMORY, "out of memory while reading options");
        enum rc rc = set_from_variable(table, option, values, text, place, err);
        if (rc)
            return rc;
    }
    return RC_OK;
}

bool option_is_variable(const struct option_table *table, const char *variable)
{
    return find_variable(table, variable) != NULL;
}

bool option_is_misspelt(const struct option_table *table, const char *variable, struct buf *ret_meant)
{
    size_t prefix = strlen(ENVIRONMENT_PREFIX);
    size_t len = strcspn(variable, "=");
    char name[NAME_MAX_BYTES];
    if (strncmp(variable, ENVIRONMENT_PREFIX, prefix) != 0 || len == prefix || len - prefix >= sizeof name ||
        find_variable(table, variable))
        return false;
    /* Also what is written in small letters, or with the dashes of the command line. */
    for (size_t i = 0; i < len - prefix; i++) {
        unsigned char c = (unsigned char)variable[prefix + i];
        name[i] = c == '_' ? '-' : (char)tolower(c);
    }
    name[len - prefix] = '\0';
    const struct option *near = find_near(table, name);
    if (near)
        environment_name(near->name, ret_meant);
    return near != NULL;
}

/* The command line. */

struct arguments {
    const struct option_table *table;
    void *values;
    int argc;
    char **argv;
    int next;
};

static bool names_an_option(const struct option_table *table, const char *argument)
{
    return argument[0] == '-' && argument[1] == '-' && argument[2] != '\0' && find(table, argument + 2);
}

/* The value that must follow; another option's name is a forgotten value, --name=--value writes such a one.
 */
static enum rc take_value(struct arguments *arguments, const struct option *option, const char *place,
                          const char **ret, struct err *err)
{
    const char *value = arguments->next < arguments->argc ? arguments->argv[arguments->next] : NULL;
    if (!value || names_an_option(arguments->table, value))
        return err_set(err, RC_USAGE, "%s: a value is missing; write %s %s", place, place,
                       option->value ? option->value : "VALUE");
    arguments->next++;
    *ret = value;
    return RC_OK;
}

static enum rc refuse_argument(const struct option_table *table, const char *name, struct err *err)
{
    const struct option *near = find_near(table, name);
    return err_set(err, RC_USAGE, "unknown option --%s%s%s%s", show(name).text,
                   near ? "; did you mean --" : "", near ? near->name : "", near ? "?" : "");
}

static enum rc read_long(struct arguments *arguments, const char *argument, struct err *err)
{
    const char *equals = strchr(argument, '=');
    size_t len = equals ? (size_t)(equals - argument) : strlen(argument);
    CLEANUP(cleanup_free) char *place = strndup(argument, len);
    if (!place)
        return err_set(err, RC_NO_MEMORY, "out of memory while reading options");
    const char *name = place + 2;
    const struct option *option = find(arguments->table, name);
    if (!option && !equals && strncmp(name, "no-", 3) == 0) {
        option = find(arguments->table, name + 3);
        if (option && option->kind == OPTION_FLAG)
            return set_row(arguments->table, option, arguments->values, "false", place, err);
        option = NULL;
    }
    if (!option)
        return refuse_argument(arguments->table, name, err);
    const char *value = equals ? equals + 1 : "true";
    enum rc rc = RC_OK;
    if (!equals && option->kind != OPTION_FLAG)
        rc = take_value(arguments, option, place, &value, err);
    return rc ? rc : set_row(arguments->table, option, arguments->values, value, place, err);
}

static const struct option *find_letter(const struct option_table *table, char letter)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    return NULL;
}

/* "-q", "-qv" for flags; "-nVALUE", "-n VALUE". */
static enum rc read_letters(struct arguments *arguments, const char *argument, struct err *err)
{
    for (const char *at = argument + 1; *at; at++) {
        const char place[3] = {'-', *at, '\0'};
        const struct option *option = find_letter(arguments->table, *at);
        if (!option)
            return err_set(err, RC_USAGE, "unknown option \"%s\"", show(argument).text);
        if (option->kind != OPTION_FLAG) {
            const char *value = at + 1;
            enum rc rc = *value ? RC_OK : take_value(arguments, option, place, &value, err);
            return rc ? rc : set_row(arguments->table, option, arguments->values, value, place, err);
        }
        enum rc rc = set_row(arguments->table, option, arguments->values, "true", place, err);
        if (rc)
            return rc;
    }
    return RC_OK;
}

enum rc option_read_arguments(const struct option_table *table, void *values, int argc, char **argv,
                              const char **ret_operands, size_t max_operands, size_t *ret_count,
                              struct err *err)
{
    struct arguments arguments = {table, values, argc, argv, 0};
    size_t count = 0;
    bool only_operands = false;
    option_next_place(table, values);
    while (arguments.next < argc) {
        const char *argument = argv[arguments.next++];
        enum rc rc = RC_OK;
        if (!only_operands && strcmp(argument, "--") == 0)
            only_operands = true;
        else if (!only_operands && argument[0] == '-' && argument[1] == '-')
            rc = read_long(&arguments, argument, err);
        else if (!only_operands && argument[0] == '-' && argument[1] != '\0')
            rc = read_letters(&arguments, argument, err);
        else if (count < max_operands)
            ret_operands[count++] = argument;
        else
            rc = err_set(err, RC_USAGE, "\"%s\" is one argument too many", show(argument).text);
        if (rc)
            return rc;
    }
    if (ret_count)
        *ret_count = count;
    return RC_OK;
}

/* Where values came from. */

static const char *origin_get(const struct option_table *table, const struct option *option,
                              const void *values, size_t item)
{
    const struct option_list *list = value_of(option, values);
    const struct option_origins *origins = (const void *)((const char *)values + table->origins);
    if (option->kind == OPTION_LIST && item < list->count)
        return list->places[item];
    return origins->places[option - table->rows];
}

enum rc option_blame(const struct option_table *table, const void *values, const char *name, size_t item,
                     struct err *err)
{
    const struct option *option = find(table, name);
    assert(option && table->origins);
    const char *place = origin_get(table, option, values, item);
    CLEANUP(buf_cleanup) struct buf where = BUF_INIT;
    if (place)
        write_place(option, place, &where);
    else
        buf_addf(&where, "the default of %s", name);
    return err_prefix(err, RC_USAGE, "%s", buf_str(&where));
}

void option_write_setting(const struct option_table *table, const void *values, const char *name,
                          struct buf *out)
{
    const struct option *option = find(table, name);
    assert(option && table->origins);
    const char *place = origin_get(table, option, values, 0);
    buf_add_str(out, name);
    if (has_limits(option)) {
        buf_add_char(out, ' ');
        write_amount(option, *(const int64_t *)value_of(option, values), out);
    }
    buf_addf(out, " (%s)", place ? place : "default");
}

/* Help. */

static void write_left_column(const struct option *option, struct buf *out)
{
    if (option->letter)
        buf_addf(out, "  -%c, --%s", option->letter, option->name);
    else
        buf_addf(out, "  --%s", option->name);
    if (option->kind == OPTION_FLAG)
        return;
    buf_add_char(out, ' ');
    if (option->kind == OPTION_CHOICE && !option->value)
        write_choices(option, "|", out);
    else
        buf_add_str(out, option->value ? option->value : "VALUE");
}

static void write_description(const struct option *option, struct buf *out)
{
    buf_add_str(out, option->help ? option->help : "");
    if (option->kind == OPTION_CHOICE && option->value) {
        buf_add_str(out, ": ");
        write_choices(option, ", ", out);
    }
    if (option->kind == OPTION_LIST)
        buf_add_str(out, " (repeatable)");
    if (option->fallback && option->fallback[0] && !option->secret && option->kind != OPTION_FLAG)
        buf_addf(out, " [%s]", option->fallback);
}

/* Words from column HELP_COLUMN on, broken before HELP_WIDTH. */
static void write_wrapped(struct slice text, size_t column, struct buf *out)
{
    bool first = true;
    while (text.len > 0) {
        struct slice word = slice_split(&text, ' ');
        if (!first && column + 1 + word.len > HELP_WIDTH) {
            buf_add_char(out, '\n');
            buf_add_fill(out, ' ', HELP_COLUMN);
            column = HELP_COLUMN;
        } else if (!first) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add_slice(out, word);
        column += word.len;
        first = false;
    }
    buf_add_char(out, '\n');
}

void option_write_help(const struct option_table *table, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        CLEANUP(buf_cleanup) struct buf left = BUF_INIT;
        CLEANUP(buf_cleanup) struct buf right = BUF_INIT;
        write_left_column(&table->rows[i], &left);
        write_description(&table->rows[i], &right);
        buf_add_slice(out, buf_slice(&left));
        if (left.len + 2 > HELP_COLUMN) {
            buf_add_char(out, '\n');
            left.len = 0;
        }
        buf_add_fill(out, ' ', HELP_COLUMN - left.len);
        write_wrapped(buf_slice(&right), HELP_COLUMN, out);
    }
}

static void write_cell(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            buf_add_char(out, '\\');
        buf_add_char(out, text.ptr[i]);
    }
}

static void write_markdown_row(const struct option *option, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf cell = BUF_INIT;
    buf_addf(out, "| `--%s", option->name);
    if (option->kind == OPTION_CHOICE && !option->value)
        write_choices(option, "|", &cell);
    else if (option->kind != OPTION_FLAG)
        buf_add_str(&cell, option->value ? option->value : "VALUE");
    buf_add_str(out, cell.len ? " " : "");
    write_cell(buf_slice(&cell), out);
    buf_add_str(out, "` | `");
    environment_name(option->name, out);
    buf_add_str(out, "` | ");
    if (option->fallback && option->fallback[0] && !option->secret)
        buf_addf(out, "`%s`", option->fallback);
    buf_add_str(out, " | ");
    if (has_limits(option))
        write_limits(option, out);
    buf_add_str(out, " | ");
    write_cell(slice_str(option->help ? option->help : ""), out);
    if (option->kind == OPTION_CHOICE && option->value) {
        buf_add_str(out, ": ");
        write_choices(option, ", ", out);
    }
    buf_add_str(out, option->kind == OPTION_LIST ? " (repeatable) |\n" : " |\n");
}

void option_write_markdown(const struct option_table *table, struct buf *out)
{
    buf_add_str(out, "| option | environment | default | limits | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++)
        write_markdown_row(&table->rows[i], out);
}
