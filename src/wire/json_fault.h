/*
 * json_fault - what is wrong with a text that is not JSON, and where.
 *
 * Used after parsing has failed: it walks through the text again (json_walk.h), with no memory of its own, to
 * the first fault. The sentence names kinds of tokens and never repeats what the text holds.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_JSON_FAULT_H
#define FAIRLEAD_WIRE_JSON_FAULT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/json_walk.h"

/*
 * true, and the sentence "line 3, column 7: …" in err (which may be NULL), when text is not JSON or is nested
 * more than `max_depth` (at most JSON_MAX_DEPTH) deep. Lines end with '\n'; columns count characters from 1.
 */
bool json_fault_find(struct slice text, unsigned max_depth, struct err *err);

/* That sentence, for whoever walked: json_walk_next() was false of `token`. */
void json_fault_say(const struct json_walk *walk, const struct json_token *token, struct err *err);

#endif
