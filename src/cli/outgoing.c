#include "cli/outgoing.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

static void add_header(struct outgoing *outgoing, const char *name, struct slice value)
{
    assert(outgoing->header_count < OUTGOING_HEADERS);
    struct buf *header = &outgoing->headers[outgoing->header_count];
    buf_clear(header);
    buf_addf(header, "%s: %.*s", name, SLICE_ARG(value));
    outgoing->header_list[outgoing->header_count++] = buf_str(header);
    outgoing->header_list[outgoing->header_count] = NULL;
}

static enum rc sign(struct outgoing *outgoing, const struct outgoing_delivery *delivery,
                    struct slice timestamp, struct err *err)
{
    CLEANUP(buf_cleanup) struct buf signatures = BUF_INIT;
    for (size_t i = 0; i < delivery->secret_count; i++) {
        buf_add_str(&signatures, i ? " " : "");
        enum rc rc = signature_make(delivery->scheme, delivery->secrets[i], buf_slice(&outgoing->id),
                                    timestamp, buf_slice(&outgoing->body), &signatures, err);
        if (rc)
            return rc;
    }
    add_header(outgoing, "webhook-signature", buf_slice(&signatures));
    return RC_OK;
}

enum rc outgoing_add_headers(struct outgoing *outgoing, const struct outgoing_delivery *delivery,
                             struct err *err)
{
    char timestamp[24];
    char attempt[12];
    enum rc rc = RC_OK;
    outgoing->header_count = 0;
    snprintf(timestamp, sizeof timestamp, "%" PRId64, delivery->at / USEC_PER_SEC);
    snprintf(attempt, sizeof attempt, "%d", delivery->attempt);
    add_header(outgoing, "content-type", slice_str("application/json"));
    if (outgoing->id.len)
        add_header(outgoing, "webhook-id", buf_slice(&outgoing->id));
    if (delivery->platform || delivery->secret_count)
        add_header(outgoing, "webhook-timestamp", slice_str(timestamp));
    if (delivery->platform) {
        add_header(outgoing, "x-composio-webhook-version", slice_str("V3"));
        add_header(outgoing, "x-composio-delivery-attempt", slice_str(attempt));
    }
    if (delivery->secret_count)
        rc = sign(outgoing, delivery, slice_str(timestamp), err);
    for (size_t i = 0; rc == RC_OK && i < outgoing->header_count; i++)
        if (buf_failed(&outgoing->headers[i]))
            rc = err_set(err, RC_NO_MEMORY, "out of memory");
    return rc;
}

void outgoing_clear(struct outgoing *outgoing)
{
    buf_clear(&outgoing->body);
    buf_clear(&outgoing->id);
    outgoing->header_count = 0;
    outgoing->header_list[0] = NULL;
}

void outgoing_cleanup(struct outgoing *outgoing)
{
    buf_cleanup(&outgoing->body);
    buf_cleanup(&outgoing->id);
    for (size_t i = 0; i < OUTGOING_HEADERS; i++)
        buf_cleanup(&outgoing->headers[i]);
}
