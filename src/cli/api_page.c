#include "cli/api_page.h"

#include "api/endpoints.h"
#include "api/schema.h"

/* A heading's anchor: lower case. */
static void add_link(const char *schema, struct buf *out)
{
    buf_addf(out, "[%s](#", schema);
    for (const char *c = schema; *c; c++)
        buf_add_char(out, (char)(*c | 0x20));
    buf_add_char(out, ')');
}

/* ---- endpoints ---- */

static const char *place_text(const struct parameter *parameter)
{
    switch (parameter->place) {
    case IN_QUERY:
        return "query";
    case IN_PATH:
        return "path";
    case IN_BODY:
        return "body";
    }
    return "";
}

static void write_parameters(const struct parameter *rows, struct buf *out)
{
    if (!rows || !rows[0].name)
        return;
    buf_add_str(out, "\n| parameter | in | allowed | default | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; rows[i].name; i++) {
        const struct parameter *row = &rows[i];
        buf_addf(out, "| `%s` | %s | ", row->name, place_text(row));
        parameter_write_allowed(row, out);
        if (row->fallback)
            buf_addf(out, " | `%s`", row->fallback);
        else
            buf_add_str(out, row->required || row->place == IN_PATH ? " | must be given" : " | ");
        buf_addf(out, " | %s |\n", row->help);
    }
}

static void write_answer(const struct endpoint *row, struct buf *out)
{
    buf_add_str(out, "Answer: ");
    if (row->answer)
        add_link(row->answer, out);
    if (row->media)
        buf_addf(out, "%s`%s`", row->answer ? ", or " : "", row->media);
    buf_add_str(out, row->access == ACCESS_OPEN ? ". Needs no token.\n" : ".\n");
}

static void write_endpoint(const struct endpoint *row, struct buf *out)
{
    buf_addf(out, "\n### %s %s\n\n%c%s. ", row->method, row->path, row->help[0] & ~0x20, row->help + 1);
    write_answer(row, out);
    write_parameters(row->parameters, out);
}

/* ---- objects ---- */

static void write_type(const struct member *member, struct buf *out)
{
    static const char *const NAMES[] = {
        [MEMBER_TEXT] = "text",     [MEMBER_TIME] = "time",          [MEMBER_COUNT] = "whole number",
        [MEMBER_NUMBER] = "number", [MEMBER_FLAG] = "true or false", [MEMBER_CHOICE] = "",
        [MEMBER_CURSOR] = "text",   [MEMBER_ANY] = "object",         [MEMBER_TEXTS] = "object of texts",
        [MEMBER_OBJECT] = "",       [MEMBER_LIST] = "list of ",
    };
    buf_add_str(out, NAMES[member->kind]);
    for (size_t i = 0; member->choices && member->choices[i]; i++)
        buf_addf(out, "%s`%s`", i ? ", " : "", member->choices[i]);
    if (member->of)
        add_link(member->of, out);
    if (member->nullable)
        buf_add_str(out, ", null");
    if (member->optional)
        buf_add_str(out, "; may be missing");
}

static void write_schema(const struct schema *schema, struct buf *out)
{
    buf_addf(out, "\n### %s\n\n%c%s.\n", schema->name, schema->help[0] & ~0x20, schema->help + 1);
    if (!schema->members[0].name)
        return;
    buf_add_str(out, "\n| member | type | meaning |\n|---|---|---|\n");
    for (size_t i = 0; schema->members[i].name; i++) {
        const struct member *member = &schema->members[i];
        buf_addf(out, "| `%s` | ", member->name);
        write_type(member, out);
        buf_addf(out, " | %s |\n", member->help);
    }
}

void api_page_write(struct buf *out)
{
    buf_add_str(out, "<!-- What follows is made from the tables by `fairlead help --markdown api`. -->\n\n"
                     "## Endpoints\n");
    for (size_t i = 0; i < api_endpoints.count; i++)
        write_endpoint(&api_endpoints.rows[i], out);
    buf_add_str(out, "\n## Objects\n\nTimes are RFC 3339 in UTC with milliseconds. A member that may be null "
                     "says so.\n");
    for (size_t i = 0; i < api_schema_count; i++)
        write_schema(&api_schemas[i], out);
}
