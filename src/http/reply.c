#include "http/reply.h"

#include <assert.h>
#include <strings.h>

#include "wire/json.h"

static bool is_field_value(const char *value)
{
    for (; *value; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7F)
            return false;
    return true;
}

void reply_header(struct reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < REPLY_HEADERS_MAX);
    if (!is_field_value(value)) {
        reply->header_text.failed = true;
        return;
    }
    reply->headers[reply->header_count++] =
        (struct reply_header){.name = name, .value_at = reply->header_text.len};
    buf_add(&reply->header_text, value, strlen(value) + 1);
}

const char *reply_get_header(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (strcasecmp(reply->headers[i].name, name) == 0)
            return buf_str(&reply->header_text) + reply->headers[i].value_at;
    return NULL;
}

void reply_error(struct reply *reply, enum rc rc, const char *message)
{
    assert(!reply->stream);
    reply->status = rc_http_status(rc);
    reply->content_type = CONTENT_TYPE_JSON;
    reply->fixed = SLICE_NONE;
    reply->header_count = 0;
    buf_clear(&reply->header_text);
    buf_clear(&reply->body);
    buf_add_str(&reply->body, "{\"success\":false,\"error\":{\"code\":\"");
    buf_add_str(&reply->body, rc_code(rc));
    buf_add_str(&reply->body, "\",\"message\":");
    json_quote(slice_str(message && *message ? message : rc_text(rc)), &reply->body);
    buf_add_str(&reply->body, "}}");
}

void reply_cleanup(struct reply *reply)
{
    buf_cleanup(&reply->body);
    buf_cleanup(&reply->header_text);
    *reply = (struct reply){0};
}
