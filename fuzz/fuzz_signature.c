/*
 * Five parts, each up to a line feed but the last: secret, webhook-id, webhook-timestamp, webhook-signature,
 * body.
 *
 * No input may crash a check or its explanation. What was just signed must be accepted, also between other
 * entries; with one bit of the body changed it must be refused; and explaining never tells the secret or the
 * signature.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOLERANCE (300 * USEC_PER_SEC)

static void check_round_trip(struct keyring *keyring, enum scheme scheme, const char *secret,
                             const struct signature_input *input)
{
    CLEANUP(buf_cleanup) struct buf made = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf header = BUF_INIT;
    CLEANUP(buf_cleanup) struct buf body = BUF_INIT;
    struct err err;
    if (signature_make(scheme, secret, input->id, input->timestamp, input->body, &made, &err) != RC_OK)
        return; /* a public key */
    struct signature_input good = *input;
    buf_addf(&header, "v2,x %s v1,x", buf_str(&made));
    good.signature = buf_slice(&header);
    bool complete = good.id.len && good.timestamp.len;
    assert(signature_check(keyring, &good, 0, 0, &err) == (complete ? RC_OK : RC_SIGNATURE_MISSING));
    if (!complete)
        return;
    buf_add_slice(&body, good.body);
    if (body.len)
        body.ptr[body.len / 2] ^= 1;
    else
        buf_add_char(&body, 'x');
    good.body = buf_slice(&body);
    assert(signature_check(keyring, &good, 0, 0, &err) == RC_SIGNATURE_INVALID);
}

static void check_explanation(enum scheme scheme, const char *secret, const struct signature_input *input)
{
    CLEANUP(buf_cleanup) struct buf out = BUF_INIT;
    signature_explain(scheme, &secret, 1, input, INT64_C(1767225600) * USEC_PER_SEC, TOLERANCE, &out);
    assert(out.len > 0 && slice_ends(buf_slice(&out), "\n"));
    /* A short secret may well be a word of ours. */
    assert(strlen(secret) < 20 || !strstr(buf_str(&out), secret) || strchr(secret, ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct slice secret_text = slice_split(&rest, '\n');
    struct signature_input input = {.id = slice_split(&rest, '\n'),
                                    .timestamp = slice_split(&rest, '\n'),
                                    .signature = slice_split(&rest, '\n'),
                                    .body = rest};
    struct buf secret_buf = BUF_INIT;
    buf_add_slice(&secret_buf, secret_text);
    const char *secret = buf_str(&secret_buf);
    for (int scheme = 0; scheme < SCHEME_COUNT; scheme++) {
        struct keyring *keyring = NULL;
        struct err err = {""};
        enum rc rc = keyring_new((enum scheme)scheme, &secret, 1, &keyring, &err);
        assert(rc == RC_OK || rc == RC_USAGE);
        if (rc == RC_OK) {
            (void)!signature_check(keyring, &input, INT64_C(1767225600) * USEC_PER_SEC, TOLERANCE, &err);
            if (keyring_checks(keyring))
                check_round_trip(keyring, (enum scheme)scheme, secret, &input);
        }
        keyring_free(keyring);
        if (size < 4096) /* the search is for people, not for speed */
            check_explanation((enum scheme)scheme, secret, &input);
    }
    buf_cleanup(&secret_buf);
    return 0;
}
