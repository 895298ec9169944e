/*
 * json_raw - the exact bytes of parts of a JSON text, for whoever passes them on.
 *
 * For texts that json_parse() has accepted; of others the answers are slices of the text, but mean nothing.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_JSON_RAW_H
#define FAIRLEAD_WIRE_JSON_RAW_H

#include "base/slice.h"

/* The value of a member of an object; absent when it has none, or is no object. `name` stands in the text
 * without escapes. */
struct slice json_raw_member(struct slice object, const char *name);

/* *rest is an array at first: takes its next element off. false: there is none. */
bool json_raw_next(struct slice *rest, struct slice *ret_element);

#endif
