#include "api/openapi.h"

#include <inttypes.h>
#include <string.h>

#include "api/schema.h"
#include "base/version.h"
#include "wire/json.h"

/* What a duration looks like, beside RFC 3339; see clock_parse_duration(). */
#define DURATION_PATTERN "^([0-9]+|([0-9]+(d|h|m|s|ms|us))+)$"

static void add_text(const char *name, const char *text, struct buf *out)
{
    buf_addf(out, "\"%s\":", name);
    json_quote(slice_str(text), out);
}

static void add_choices(const char *const *choices, bool nullable, struct buf *out)
{
    buf_add_str(out, ",\"enum\":[");
    for (size_t i = 0; choices[i]; i++)
        buf_addf(out, "%s\"%s\"", i ? "," : "", choices[i]);
    buf_add_str(out, nullable ? ",null]" : "]");
}

/* ---- answers ---- */

static void add_reference(const char *schema, struct buf *out)
{
    buf_addf(out, "\"$ref\":\"#/components/schemas/%s\"", schema);
}

static void add_type(const char *type, bool nullable, struct buf *out)
{
    buf_addf(out, nullable ? "\"type\":[\"%s\",\"null\"]" : "\"type\":\"%s\"", type);
}

static void add_member_type(const struct member *member, struct buf *out)
{
    switch (member->kind) {
    case MEMBER_TEXT:
    case MEMBER_CURSOR:
        add_type("string", member->nullable, out);
        break;
    case MEMBER_TIME:
        add_type("string", member->nullable, out);
        buf_add_str(out, ",\"format\":\"date-time\"");
        break;
    case MEMBER_COUNT:
        add_type("integer", member->nullable, out);
        buf_add_str(out, ",\"minimum\":0");
        break;
    case MEMBER_NUMBER:
        add_type("number", member->nullable, out);
        break;
    case MEMBER_FLAG:
        add_type("boolean", member->nullable, out);
        break;
    case MEMBER_CHOICE:
        add_type("string", member->nullable, out);
        add_choices(member->choices, member->nullable, out);
        break;
    case MEMBER_ANY:
        add_type("object", member->nullable, out);
        buf_add_str(out, ",\"additionalProperties\":true");
        break;
    case MEMBER_TEXTS:
        add_type("object", member->nullable, out);
        buf_add_str(out, ",\"additionalProperties\":{\"type\":\"string\"}");
        break;
    case MEMBER_OBJECT:
        add_reference(member->of, out);
        break;
    case MEMBER_LIST:
        buf_add_str(out, "\"type\":\"array\",\"items\":{");
        add_reference(member->of, out);
        buf_add_char(out, '}');
        break;
    }
}

static void add_required(const struct member *members, struct buf *out)
{
    const char *between = "";
    buf_add_str(out, ",\"required\":[");
    for (size_t i = 0; members[i].name; i++)
        if (!members[i].optional) {
            buf_addf(out, "%s\"%s\"", between, members[i].name);
            between = ",";
        }
    buf_add_char(out, ']');
}

static void add_schema(const struct schema *schema, struct buf *out)
{
    buf_addf(out, "\"%s\":{\"type\":\"object\",", schema->name);
    add_text("description", schema->help, out);
    if (schema->members[0].name) {
        buf_add_str(out, ",\"properties\":{");
        for (size_t i = 0; schema->members[i].name; i++) {
            buf_addf(out, "%s\"%s\":{", i ? "," : "", schema->members[i].name);
            add_member_type(&schema->members[i], out);
            buf_add_char(out, ',');
            add_text("description", schema->members[i].help, out);
            buf_add_char(out, '}');
        }
        buf_add_char(out, '}');
        add_required(schema->members, out);
    }
    buf_add_char(out, '}');
}

/* ---- parameters ---- */

static void add_default(const struct parameter *parameter, struct buf *out)
{
    if (!parameter->fallback)
        return;
    buf_add_str(out, ",\"default\":");
    if (parameter->kind == PARAMETER_NUMBER)
        buf_add_str(out, parameter->fallback);
    else
        json_quote(slice_str(parameter->fallback), out);
}

/* Lengths are counted in bytes; OpenAPI counts characters, of which there are never more. */
static void add_parameter_schema(const struct parameter *parameter, struct buf *out)
{
    buf_add_str(out, "\"schema\":{");
    switch (parameter->kind) {
    case PARAMETER_TEXT:
        buf_addf(out, "\"type\":\"string\",\"minLength\":%d,\"maxLength\":%" PRId64, parameter->min > 0,
                 parameter->max);
        break;
    case PARAMETER_NUMBER:
        buf_addf(out, "\"type\":\"integer\",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, parameter->min,
                 parameter->max);
        break;
    case PARAMETER_TIME:
        buf_add_str(out, "\"type\":\"string\",\"anyOf\":[{\"format\":\"date-time\"},{\"pattern\":"
                         "\"" DURATION_PATTERN "\"}]");
        break;
    case PARAMETER_CHOICE:
        buf_add_str(out, "\"type\":\"string\"");
        add_choices(parameter->choices, false, out);
        break;
    case PARAMETER_FLAG:
        buf_add_str(out, "\"type\":\"string\",\"enum\":[\"1\",\"true\",\"0\",\"false\"]");
        break;
    case PARAMETER_CURSOR:
        buf_add_str(out, "\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*$\"");
        break;
    }
    add_default(parameter, out);
    buf_add_char(out, '}');
}

static void add_parameter_text(const struct parameter *parameter, struct buf *out)
{
    struct buf text = BUF_INIT;
    buf_addf(&text, "%s: ", parameter->help);
    parameter_write_allowed(parameter, &text);
    add_text("description", buf_str(&text), out);
    buf_cleanup(&text);
}

static void add_parameters(const struct parameter *rows, struct buf *out)
{
    const char *between = "";
    buf_add_str(out, ",\"parameters\":[");
    for (size_t i = 0; rows && rows[i].name; i++) {
        const struct parameter *row = &rows[i];
        if (row->place == IN_BODY)
            continue;
        buf_addf(out, "%s{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,", between, row->name,
                 row->place == IN_PATH ? "path" : "query",
                 row->place == IN_PATH || row->required ? "true" : "false");
        add_parameter_text(row, out);
        buf_add_char(out, ',');
        add_parameter_schema(row, out);
        buf_add_char(out, '}');
        between = ",";
    }
    buf_add_char(out, ']');
}

static void add_body(const struct parameter *rows, struct buf *out)
{
    struct buf required = BUF_INIT;
    const char *between = "";
    buf_add_str(out, ",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","
                     "\"additionalProperties\":false,\"properties\":{");
    for (size_t i = 0; rows && rows[i].name; i++) {
        if (rows[i].place != IN_BODY)
            continue;
        buf_addf(out, "%s\"%s\":{\"allOf\":[{", between, rows[i].name);
        /* The value of "schema" stands where a schema is wanted. */
        struct buf schema = BUF_INIT;
        add_parameter_schema(&rows[i], &schema);
        buf_add_slice(out, slice_skip(buf_slice(&schema), strlen("\"schema\":{")));
        buf_cleanup(&schema);
        buf_add_str(out, "],");
        add_parameter_text(&rows[i], out);
        buf_add_char(out, '}');
        between = ",";
        if (rows[i].required)
            buf_addf(&required, "%s\"%s\"", required.len ? "," : "", rows[i].name);
    }
    buf_addf(out, "},\"required\":[%s]}}}}", buf_str(&required));
    buf_cleanup(&required);
}

/* ---- paths ---- */

static const struct {
    int status;
    const char *help;
} ERRORS[] = {
    {400, "a parameter or the body is not allowed; the message names it and says what is"},
    {401, "the admin token is missing or wrong"},
    {403, "a request that changes something came with the cookie from a page of another site"},
    {404, "there is no such thing, or not any more"},
    {413, "the body is too large"},
    {415, "the content type is not JSON"},
    {503, "not now; the header Retry-After says when to ask again"},
};
enum { ERROR_COUNT = sizeof ERRORS / sizeof ERRORS[0] };

static bool may_answer(const struct endpoint *row, int status)
{
    switch (status) {
    case 401:
        return row->access == ACCESS_TOKEN;
    case 403:
        return strcmp(row->method, "GET") != 0;
    case 404:
        return strchr(row->path, '{') != NULL;
    case 413:
    case 415:
        return endpoint_takes_body(row);
    default:
        return true;
    }
}

static void add_content(const struct endpoint *row, struct buf *out)
{
    buf_add_str(out, "\"content\":{");
    if (row->answer) {
        buf_add_str(out, "\"application/json\":{\"schema\":{");
        add_reference(row->answer, out);
        buf_add_str(out, "}}");
    }
    if (row->media)
        buf_addf(out, "%s\"%s\":{\"schema\":{\"type\":\"string\"}}", row->answer ? "," : "", row->media);
    buf_add_char(out, '}');
}

static void add_error(int status, const char *help, struct buf *out)
{
    buf_addf(out, ",\"%d\":{", status);
    add_text("description", help, out);
    buf_add_str(out, ",\"content\":{\"application/json\":{\"schema\":{");
    add_reference("Error", out);
    buf_add_str(out, "}}}}");
}

/* get_events_by_seq */
static void add_operation_id(const struct endpoint *row, struct buf *out)
{
    const char *path = row->path;
    if (strncmp(path, "/api/v1", strlen("/api/v1")) == 0)
        path += strlen("/api/v1");
    buf_add_str(out, "\"operationId\":\"");
    for (const char *c = row->method; *c; c++)
        buf_add_char(out, (char)(*c | 0x20));
    for (; *path; path++) {
        if (*path == '{')
            buf_add_str(out, "by_");
        else if (*path == '/' || *path == '.')
            buf_add_char(out, '_');
        else if (*path != '}')
            buf_add_char(out, *path);
    }
    buf_add_char(out, '"');
}

static void add_method(const char *method, struct buf *out)
{
    buf_add_char(out, '"');
    for (const char *c = method; *c; c++)
        buf_add_char(out, (char)(*c | 0x20));
    buf_add_str(out, "\":{");
}

static void add_operation(const struct endpoint *row, struct buf *out)
{
    add_method(row->method, out);
    add_operation_id(row, out);
    buf_add_char(out, ',');
    add_text("summary", row->help, out);
    if (row->access == ACCESS_OPEN)
        buf_add_str(out, ",\"security\":[]");
    add_parameters(row->parameters, out);
    if (endpoint_takes_body(row))
        add_body(row->parameters, out);
    buf_add_str(out, ",\"responses\":{\"200\":{\"description\":\"success\",");
    add_content(row, out);
    buf_add_char(out, '}');
    for (size_t i = 0; i < ERROR_COUNT; i++)
        if (may_answer(row, ERRORS[i].status))
            add_error(ERRORS[i].status, ERRORS[i].help, out);
    buf_add_str(out, ",\"default\":{\"description\":\"another error\",\"content\":{\"application/json\":{"
                     "\"schema\":{");
    add_reference("Error", out);
    buf_add_str(out, "}}}}}}");
}

static void add_webhook_header(const char *name, const char *help, struct buf *out)
{
    buf_addf(out, "{\"name\":\"%s\",\"in\":\"header\",\"schema\":{\"type\":\"string\"},", name);
    add_text("description", help, out);
    buf_add_char(out, '}');
}

static void add_webhook(const char *path, struct buf *out)
{
    static const struct {
        int status;
        const char *help;
    } ANSWERS[] = {
        {400, "the body is no JSON object"},
        {401, "a secret is set and the signature is missing, wrong, or too old"},
        {413, "larger than option `max-body`"},
        {415, "the content type is not JSON"},
        {431, "the headers are too large"},
        {503, "it cannot be stored now: send it again; the header Retry-After says when"},
    };
    json_quote(slice_str(path), out);
    buf_add_str(out, ":{\"post\":{\"operationId\":\"receive_webhook\",\"security\":[],"
                     "\"summary\":\"receive a webhook\",\"parameters\":[");
    add_webhook_header("webhook-id", "the event's id, the same over retries", out);
    buf_add_char(out, ',');
    add_webhook_header("webhook-timestamp", "when it was signed, in seconds since 1970", out);
    buf_add_char(out, ',');
    add_webhook_header("webhook-signature", "v1,… of id, timestamp and body", out);
    buf_add_str(out, "],\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{"
                     "\"type\":\"object\"}}}},\"responses\":{\"200\":{\"description\":\"it is on disk\","
                     "\"content\":{\"application/json\":{\"schema\":{");
    add_reference("WebhookAnswer", out);
    buf_add_str(out, "}}}}");
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++)
        add_error(ANSWERS[i].status, ANSWERS[i].help, out);
    buf_add_str(out, "}}}");
}

static bool is_first_of_path(const struct endpoint_table *table, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(table->rows[i].path, table->rows[at].path) == 0)
            return false;
    return true;
}

static void add_path(const struct endpoint_table *table, size_t first, struct buf *out)
{
    const char *between = "";
    json_quote(slice_str(table->rows[first].path), out);
    buf_add_str(out, ":{");
    for (size_t i = first; i < table->count; i++) {
        if (strcmp(table->rows[i].path, table->rows[first].path) != 0)
            continue;
        buf_add_str(out, between);
        add_operation(&table->rows[i], out);
        between = ",";
    }
    buf_add_char(out, '}');
}

void openapi_write(const struct endpoint_table *table, const char *webhook_path, struct buf *out)
{
    buf_add_str(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Fairlead\",");
    add_text("version", version_text(), out);
    buf_add_char(out, ',');
    add_text("description",
             "Receives webhooks about connected accounts, keeps every one, and answers questions about them. "
             "Times are RFC 3339 in UTC, durations seconds. What takes GET also takes HEAD.",
             out);
    buf_add_str(out, "},\"security\":[{\"token\":[]},{\"cookie\":[]}],\"paths\":{");
    add_webhook(webhook_path, out);
    for (size_t i = 0; i < table->count; i++) {
        if (!is_first_of_path(table, i) || strcmp(table->rows[i].path, webhook_path) == 0)
            continue;
        buf_add_char(out, ',');
        add_path(table, i, out);
    }
    buf_add_str(out, "},\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":"
                     "\"bearer\",\"description\":\"the admin token\"},\"cookie\":{\"type\":\"apiKey\",\"in\":"
                     "\"cookie\",\"name\":\"fairlead_token\",\"description\":\"a browser's login\"}},"
                     "\"schemas\":{");
    for (size_t i = 0; i < api_schema_count; i++) {
        buf_add_str(out, i ? "," : "");
        add_schema(&api_schemas[i], out);
    }
    buf_add_str(out, "}}}");
}
