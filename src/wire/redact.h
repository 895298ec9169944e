/*
 * redact - payloads and texts without the credentials that they carry.
 *
 * Credentials are
 *   members whose names say so (wire/secret_name.h has the rule), wherever they stand;
 *   what a connected account of version 3 holds of its user's secrets: data.state.val (and data.state itself
 *   when it is no object), data.data, data.params, also inside an envelope (event.body);
 *   inside a string that stays:
 *     values of parameters: what follows "access_token=" and the like, as in the query or fragment of an
 *     address or in a form, up to the next '&', ';', '#', quote, '<', '>' or white space;
 *     who speaks in an address: "user:password" in "https://user:password@host/";
 *     what follows "Authorization:", its scheme apart, and what follows "Bearer" or "Basic" when it looks
 *     like a token: eight characters or more, with a digit.
 * Not looked into: JSON inside strings, and addresses that are percent-encoded inside others.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_REDACT_H
#define FAIRLEAD_WIRE_REDACT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* What stands instead of a credential, without quotes. */
#define REDACTED "[redacted]"

/*
 * Writes `text`, which json_parse() has accepted, as json_compact() does, with the string REDACTED for the
 * whole value of each credential. null, true, false, {} and [] stay: they tell nothing.
 */
void json_redact(struct slice text, struct buf *out);

/* Is this the name of a credential ("access_token", "X-Api-Key-Old")? Of members (unescaped) and headers. */
bool redact_is_credential(struct slice name);

/* Appends a text without the credentials inside it. */
void redact_text(struct slice text, struct buf *out);
/* The same as json_quote() writes it. */
void redact_quote(struct slice text, struct buf *out);

#endif
