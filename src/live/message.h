/*
 * message - one server-sent event (HTML standard, section 9.2) of the live feed, and who wants it.
 *
 *   event: event | account
 *   id: SEQ                    of events only: what a client names to go on after it
 *   data: {...}                one line of JSON
 *
 * Payloads are redacted. A message is at most MESSAGE_MAX bytes: an event that is larger comes
 * with a payload of null (and, when that is not enough, with nothing but its number, id and times); an
 * account that is larger is not sent.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_LIVE_MESSAGE_H
#define FAIRLEAD_LIVE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/journal.h"
#include "track/account.h"
#include "wire/payload.h"

#define MESSAGE_MAX ((size_t)256 * 1024)
#define MESSAGE_KEY_MAX                                                                                      \
    ((size_t)1024) /* a longer key is left out of a message, and no filter may be longer */

enum message_kind { MESSAGE_EVENT, MESSAGE_ACCOUNT };

/* What messages can be chosen by. The most particular first. */
enum message_key { KEY_ACCOUNT, KEY_APP, KEY_TYPE, KEY_COUNT };

/* A key that is absent in a filter allows everything; one that is absent in a message is equal to none. */
struct message_keys {
    struct slice text[KEY_COUNT];
    uint32_t hash[KEY_COUNT]; /* see message_keys_hash() */
};

struct message {
    enum message_kind kind;
    uint64_t
        seq; /* of the record; of an account's: of the record that changed it, or the newest one before */
    struct message_keys keys;
    struct slice text;
};

/* Fills in the hashes. */
void message_keys_hash(struct message_keys *keys);

bool message_keys_match(const struct message_keys *filter, const struct message_keys *keys);

/* An event's keys, slices of the payload's. The app is absent when the payload names none that the read model
 * knows: then it is the account's, see message_set_app(). */
void message_read_keys(const struct payload *payload, struct message_keys *ret);
/* The app of an event that names none, as the read model has it; absent: none. */
void message_set_app(struct message_keys *keys, struct slice app);
struct slice message_type(const struct payload *payload);

/* Appends an event's message. */
void message_write_event(const struct record *record, const struct payload *payload, struct buf *out);

/* Appends the message of an account; nothing when it is too large. */
void message_write_account(const struct account *account, struct buf *out, struct message_keys *ret_keys);

/* The same of an account's JSON. */
void message_write_account_json(struct slice json, struct buf *out);

#endif
