/*
 * json_index - where the members of a JSON text are, found by name without a tree.
 *
 * One pass over the text makes a flat list of its objects' members. What arrays hold has no name and is left
 * out. For whoever wants a few fields of many texts: the memory is used again for each, so that nothing is
 * allocated once it is large enough.
 *
 * Names and texts are slices of the text, or of the index where escapes had to be taken out. What Jansson
 * cannot represent is stood in for as in json.h: what is found here is what a tree of json_parse() would say.
 *
 * Limits: nesting JSON_MAX_DEPTH. Linear time. Memory: 4 KiB, or for a text full of members less than 24
 * times its size; what is beyond JSON_INDEX_KEEP is given back by the next text. Thread: any; one holder at a
 * time.   Owner: the caller; a zeroed one is empty.
 */
#ifndef FAIRLEAD_WIRE_JSON_INDEX_H
#define FAIRLEAD_WIRE_JSON_INDEX_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "wire/json_token.h"

#define JSON_INDEX_KEEP ((size_t)256 * 1024) /* bytes of each buf */

/* A member of an object, or the outermost value. Links are distances in nodes, for the list moves as it
 * grows. */
struct json_node {
    enum json_token_kind kind; /* of the value's first token */
    uint32_t last;             /* of an object: how far behind it its last member is; 0: it has none */
    uint32_t before;           /* how far in front of it its object's member before it is; 0: there is none */
    struct slice name;         /* absent: the outermost value */
    struct slice text;         /* of a string: what it says; else the value's first token */
};

struct json_index {
    struct buf nodes; /* struct json_node each, in the order of the text */
    struct buf texts; /* names and strings that had escapes */
};

/*
 * Makes the index of `text`, in place of the one before. Nodes live until the next call, what they say as
 * long as the text too. RC_INVALID_JSON: json_parse() says the same, in the same sentence; RC_NO_MEMORY. The
 * index is then empty.
 */
MUST_CHECK enum rc json_index_read(struct json_index *index, struct slice text, struct err *err);
void json_index_cleanup(struct json_index *index);

/* The outermost value; NULL when the index is empty. */
const struct json_node *json_index_root(const struct json_index *index);

/* The member `name` of an object, the last one of several; NULL when there is none, or `object` is none (NULL
 * too). Time grows with the number of members. */
const struct json_node *json_index_get(const struct json_node *object, const char *name);

/* What the string member `name` says; absent when that is no object or no string. */
struct slice json_index_get_slice(const struct json_node *object, const char *name);

#endif
