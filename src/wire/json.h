/*
 * json - strict JSON (RFC 8259) in, and text made from it out.
 *
 * Jansson parses, for whoever needs the whole tree; a few fields of many texts are found without one by
 * json_index.h. Three things that RFC 8259 allows and Jansson cannot represent are stood in for while
 * parsing, so that no valid webhook is refused: numbers too large for 64 bits or a double (0), escapes of
 * lone surrogates and, in names, \u0000 (U+FFFD). The stand-ins are seen only by code that looks at the tree
 * (or the index); whatever is stored, printed or passed on is made from the original bytes.
 *
 * Limits: nesting JSON_MAX_DEPTH; sizes are the caller's to limit before parsing.
 * Thread: any.   Owner: the caller owns every tree (json_decref).
 */
#ifndef FAIRLEAD_WIRE_JSON_H
#define FAIRLEAD_WIRE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define JSON_MAX_DEPTH 512

/*
 * Parses one JSON value of any kind; white space around it is allowed, a byte order mark is not.
 * RC_INVALID_JSON says "line 3, column 7: …" (from 1, columns in characters) and never repeats the text;
 * RC_NO_MEMORY. Linear time in text.len, whatever the text.
 */
MUST_CHECK enum rc json_parse(struct slice text, json_t **ret_tree, struct err *err);

/*
 * Says what json_parse() would say of `text`, and RC_NOT_AN_OBJECT for JSON that is no object, without making
 * a tree: a fifth of the time, no memory. For whoever wants to know only whether it may be kept.
 */
MUST_CHECK enum rc json_check_object(struct slice text, struct err *err);

/*
 * Writes `text`, which json_parse() has accepted, as Python's json.dumps(value, indent=2) prints it:
 * two-space indentation, ", " never at line ends, non-ASCII as \uXXXX, floats in their shortest round-trip
 * form. Differences, on purpose: a float beyond a double's range stays as it was written, and a repeated name
 * is shown each time. No newline at the end. Linear time, but up to 2 * JSON_MAX_DEPTH bytes of indentation
 * for each value: give `out` a limit when the text is a stranger's.
 */
void json_pretty(struct slice text, struct buf *out);

/*
 * For people: json_pretty(), or json_compact() when that would be out of all proportion, as for a text that
 * is nested hundreds deep: longer than JSON_SHOW_LEAST and JSON_SHOW_TIMES times the text.
 */
void json_show(struct slice text, struct buf *out);
#define JSON_SHOW_TIMES 16
#define JSON_SHOW_LEAST ((size_t)64 * 1024)

/* Writes `text` (accepted by json_parse()) on one line: tokens verbatim, no white space between them. */
void json_compact(struct slice text, struct buf *out);

/*
 * As json_compact(), with `instead` (JSON) for the values that are marked as hidden; null, true, false and
 * what is empty stay. `mark_of` says the mark of a member from the mark of its object and the member's name,
 * a string token as it stands in the text. The outermost value has JSON_MARK_ROOT, an array's elements have
 * JSON_MARK_NONE; marks below JSON_MARK_UNLESS_NUMBER mean what mark_of wants. `write_string` writes each
 * string that is a value and stays, a token too. Linear time, bounded memory.
 */
enum {
    JSON_MARK_NONE = 0,
    JSON_MARK_ROOT = 1,
    JSON_MARK_UNLESS_NUMBER = 253,
    JSON_MARK_UNLESS_OBJECT = 254, /* also the mark of the object that stays */
    JSON_MARK_HIDDEN = 255,
};
struct json_hiding {
    unsigned char (*mark_of)(unsigned char mark, struct slice name_token);
    void (*write_string)(struct slice token, struct buf *out);
    const char *instead;
};
void json_compact_hiding(struct slice text, const struct json_hiding *hiding, struct buf *out);

/* Writes `text` (any bytes) as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void json_quote(struct slice text, struct buf *out);

/* The string member `name` of an object, a slice into the tree; absent when that is no object or no string.
 */
struct slice json_get_slice(const json_t *object, const char *name);

#endif
