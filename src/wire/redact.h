/*
 * redact - payloads without the credentials that they carry.
 *
 * Credentials are members of well-known names, wherever they stand, and what a connected account of version 3
 * holds of its user's secrets: data.state.val, data.data, data.params, also inside an envelope (event.body).
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

/* Is this the name of a credential ("access_token", "X-Api-Key")? Case, '-' and '_' do not count. Of members
 * (unescaped) and headers. */
bool redact_is_credential(struct slice name);

#endif
