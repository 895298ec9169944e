#include "http/endpoint.h"

#include <assert.h>
#include <string.h>

static bool has_parameter(const char *pattern)
{
    return strchr(pattern, '{') != NULL;
}

/* Does the path fit? *ret_segment is what stands at {name}. */
static bool matches(const char *pattern, const char *path, struct slice *ret_segment)
{
    const char *open = strchr(pattern, '{');
    *ret_segment = SLICE_NONE;
    if (!open)
        return strcmp(pattern, path) == 0;
    size_t prefix = (size_t)(open - pattern);
    if (strncmp(pattern, path, prefix) != 0)
        return false;
    size_t len = strcspn(path + prefix, "/");
    if (len == 0 || strcmp(strchr(open, '}') + 1, path + prefix + len) != 0)
        return false;
    *ret_segment = slice_of(path + prefix, len);
    return true;
}

static bool takes_method(const struct endpoint *row, const char *method)
{
    return strcmp(row->method, method) == 0 ||
           (strcmp(row->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* Looks at fixed paths or at those with a parameter. True when the path was there, whatever the method. */
static bool find(const struct endpoint_table *table, bool with_parameter, const char *method,
                 const char *path, const struct endpoint **found, struct slice *ret_segment,
                 struct buf *allow)
{
    bool here = false;
    for (size_t i = 0; i < table->count; i++) {
        const struct endpoint *row = &table->rows[i];
        struct slice segment;
        if (has_parameter(row->path) != with_parameter || !matches(row->path, path, &segment))
            continue;
        here = true;
        if (takes_method(row, method)) {
            *found = row;
            *ret_segment = segment;
        }
        buf_addf(allow, "%s%s%s", allow->len ? ", " : "", row->method,
                 strcmp(row->method, "GET") == 0 ? ", HEAD" : "");
    }
    return here;
}

enum rc endpoint_find(const struct endpoint_table *table, const char *method, const char *path,
                      const struct endpoint **ret, struct slice *ret_segment, struct buf *ret_allow)
{
    const struct endpoint *found = NULL;
    if (!find(table, false, method, path, &found, ret_segment, ret_allow) &&
        !find(table, true, method, path, &found, ret_segment, ret_allow))
        return RC_NOT_FOUND;
    if (!found)
        return RC_METHOD_NOT_ALLOWED;
    buf_clear(ret_allow);
    *ret = found;
    return RC_OK;
}

bool endpoint_takes_body(const struct endpoint *endpoint)
{
    const struct parameter *rows = endpoint->parameters;
    for (size_t i = 0; rows && rows[i].name; i++)
        if (rows[i].place == IN_BODY)
            return true;
    return strcmp(endpoint->method, "POST") == 0 || strcmp(endpoint->method, "PUT") == 0;
}

static void check_parameter(const struct endpoint *row, const struct parameter *parameter)
{
    struct parameter_value value;
    struct err err;
    bool sized = parameter->kind == PARAMETER_TEXT || parameter->kind == PARAMETER_NUMBER;
    assert(parameter->help && (!sized || (parameter->max != 0 && parameter->min <= parameter->max)));
    assert(parameter->kind != PARAMETER_CHOICE || parameter->choices);
    assert(!parameter->fallback ||
           (!parameter->required &&
            parameter_parse(parameter, slice_str(parameter->fallback), clock_wall(), &value, &err) == RC_OK));
    if (parameter->place != IN_PATH)
        return;
    const char *open = strchr(row->path, '{');
    size_t len = strlen(parameter->name);
    assert(open && strncmp(open + 1, parameter->name, len) == 0 && open[1 + len] == '}');
}

void endpoint_table_check(const struct endpoint_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct endpoint *row = &table->rows[i];
        size_t in_path = 0;
        size_t count = 0;
        for (; row->parameters && row->parameters[count].name; count++) {
            check_parameter(row, &row->parameters[count]);
            in_path += row->parameters[count].place == IN_PATH;
        }
        assert(row->path[0] == '/' && row->handle && row->help);
        assert((row->run == RUN_RECEIVE) == (row->make != NULL));
        assert(count <= REQUEST_PARAMETERS_MAX && in_path == has_parameter(row->path));
    }
}
