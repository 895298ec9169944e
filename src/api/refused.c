#include "api/endpoints.h"
#include "api/handlers.h"
#include "wire/json.h"

static void write_item(const struct refusal *refusal, struct buf *out)
{
    char at[CLOCK_RFC3339_SIZE];
    clock_format(refusal->at, at);
    buf_addf(out, "{\"at\":\"%s\",\"code\":\"%s\",\"message\":", at, rc_code(refusal->rc));
    json_quote(slice_str(refusal->err.message), out);
    buf_add_str(out, ",\"from\":");
    json_quote(slice_str(refusal->from), out);
    buf_addf(out, ",\"bytes\":%llu,\"connected_account_id\":", (unsigned long long)refusal->bytes);
    if (refusal->connected_account_id[0])
        json_quote(slice_str(refusal->connected_account_id), out);
    else
        buf_add_str(out, "null");
    buf_add_char(out, '}');
}

void get_refused(void *context, const struct request *request, struct reply *reply)
{
    const struct api_context *api = context;
    int64_t limit = request_number(request, "limit");
    uint64_t before = request_cursor(request, "cursor");
    const struct refusal *refusal = before == 1 ? NULL : refusals_before(api->refusals, before);
    buf_add_str(&reply->body, "{\"items\":[");
    for (int64_t n = 0; refusal && n < limit; n++) {
        buf_add_str(&reply->body, n ? "," : "");
        write_item(refusal, &reply->body);
        before = refusal->number;
        refusal = before > 1 ? refusals_before(api->refusals, before) : NULL;
    }
    buf_add_str(&reply->body, "],\"next\":");
    if (refusal)
        buf_addf(&reply->body, "\"%llu\"}", (unsigned long long)before);
    else
        buf_add_str(&reply->body, "null}");
}
