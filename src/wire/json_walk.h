/*
 * json_walk - a JSON text token by token, each of them checked to be allowed where it stands (RFC 8259,
 * section 2).
 *
 * The only place that knows the grammar. Whoever has walked to the end has seen a text that json_parse()
 * accepts.
 *
 * Linear time, no memory but the walk itself, no recursion.
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_JSON_WALK_H
#define FAIRLEAD_WIRE_JSON_WALK_H

#include <stdbool.h>

#include "base/slice.h"
#include "wire/json.h"
#include "wire/json_token.h"

/* What the grammar allows at one place. */
enum json_expect {
    JSON_EXPECT_VALUE,
    JSON_EXPECT_VALUE_OR_CLOSE, /* after '[' */
    JSON_EXPECT_NAME,           /* after ',' in an object */
    JSON_EXPECT_NAME_OR_CLOSE,  /* after '{' */
    JSON_EXPECT_COLON,          /* after a name */
    JSON_EXPECT_COMMA_OR_CLOSE,
    JSON_EXPECT_END,
};

struct json_walk {
    struct slice text;
    struct slice rest; /* of the text, not yet taken */
    enum json_expect expect;
    unsigned depth; /* of the arrays and objects that are open */
    unsigned max_depth;
    bool in_object[JSON_MAX_DEPTH + 1]; /* by depth; [0] is outside of everything */
};

/* Borrows the text. `max_depth`: at most JSON_MAX_DEPTH. */
void json_walk_init(struct json_walk *walk, struct slice text, unsigned max_depth);

/*
 * Goes on past one token. false: it is not allowed here, is none, or opens more than max_depth; the walk is
 * then over. true and JSON_TOKEN_END: the text is whole, and over too.
 */
bool json_walk_next(struct json_walk *walk, struct json_token *ret);

#endif
