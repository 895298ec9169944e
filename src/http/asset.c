#include "http/asset.h"

#include <stdio.h>
#include <string.h>

static const char NO_DASHBOARD[] =
    "Fairlead receives webhooks here. This program was built without the dashboard;\n"
    "the API and `fairlead help` are complete.\n";

bool asset_find(const struct asset_table *table, const char *path, const struct asset **ret)
{
    bool root = strcmp(path, "/") == 0;
    const char *wanted = root ? ASSET_INDEX : path;
    for (size_t i = 0; table && i < table->count; i++)
        if (strcmp(table->rows[i].path, wanted) == 0) {
            *ret = &table->rows[i];
            return true;
        }
    *ret = NULL;
    return root;
}

/* "q=0", "q=0.0", … among the parameters of one coding. */
static bool is_refused(struct slice parameters)
{
    while (parameters.len > 0) {
        struct slice parameter = slice_trim(slice_split(&parameters, ';'));
        if (parameter.len >= 3 && (parameter.ptr[0] | 0x20) == 'q' && parameter.ptr[1] == '=') {
            struct slice weight = slice_skip(parameter, 2);
            while (weight.len > 0 && (weight.ptr[0] == '0' || weight.ptr[0] == '.'))
                weight = slice_skip(weight, 1);
            return weight.len == 0;
        }
    }
    return false;
}

bool asset_takes_gzip(const char *accept_encoding)
{
    bool any = false;
    struct slice rest = slice_str(accept_encoding);
    while (rest.len > 0) {
        struct slice parameters = slice_split(&rest, ',');
        struct slice coding = slice_trim(slice_split(&parameters, ';'));
        if (slice_is_nocase(coding, "gzip"))
            return !is_refused(parameters);
        if (slice_is(coding, "*"))
            any = !is_refused(parameters);
    }
    return any;
}

static void answer_without_dashboard(struct reply *reply)
{
    reply->content_type = CONTENT_TYPE_TEXT;
    reply->fixed = slice_of(NO_DASHBOARD, sizeof NO_DASHBOARD - 1);
}

/* The tag is a weak one because both forms share it. */
static void add_headers(const struct asset *asset, struct reply *reply)
{
    char etag[80];
    snprintf(etag, sizeof etag, "W/\"%.64s\"", asset->etag);
    reply_header(reply, "ETag", etag);
    reply_header(reply, "Cache-Control",
                 asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (asset->gzip.ptr)
        reply_header(reply, "Vary", "Accept-Encoding");
}

void asset_answer(const struct asset *asset, const struct request *request, struct reply *reply)
{
    if (!asset) {
        answer_without_dashboard(reply);
        return;
    }
    reply->content_type = asset->content_type;
    add_headers(asset, reply);
    if (request_has_etag(request, asset->etag)) {
        reply->status = 304;
        return;
    }
    bool gzip = asset->gzip.ptr && asset_takes_gzip(request_header(request, REQUEST_ACCEPT_ENCODING));
    if (gzip)
        reply_header(reply, "Content-Encoding", "gzip");
    reply->fixed = gzip ? asset->gzip : asset->plain;
}
