#include "http/endpoint.h"

#include "wire/json.h"

void reply_error(struct reply *reply, enum rc rc, const char *message)
{
    reply->status = rc_http_status(rc);
    reply->content_type = CONTENT_TYPE_JSON;
    buf_clear(&reply->body);
    buf_add_str(&reply->body, "{\"success\":false,\"error\":{\"code\":\"");
    buf_add_str(&reply->body, rc_code(rc));
    buf_add_str(&reply->body, "\",\"message\":");
    json_quote(slice_str(message && *message ? message : rc_text(rc)), &reply->body);
    buf_add_str(&reply->body, "}}");
}
