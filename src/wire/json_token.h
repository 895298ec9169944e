/*
 * json_token - the tokens of a JSON text, in order, with their exact bytes (RFC 8259, sections 2 to 7).
 *
 * Tokens are slices of the text. Each is checked by itself; whether they follow each other correctly is seen
 * by json_walk.h.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_JSON_TOKEN_H
#define FAIRLEAD_WIRE_JSON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum json_token_kind {
    JSON_TOKEN_END,
    JSON_TOKEN_OBJECT,       /* { */
    JSON_TOKEN_OBJECT_CLOSE, /* } */
    JSON_TOKEN_ARRAY,        /* [ */
    JSON_TOKEN_ARRAY_CLOSE,  /* ] */
    JSON_TOKEN_COLON,
    JSON_TOKEN_COMMA,
    JSON_TOKEN_STRING, /* with its quotes */
    JSON_TOKEN_NUMBER,
    JSON_TOKEN_WORD, /* true, false, null */
    JSON_TOKEN_FAULT,
};

struct json_token {
    enum json_token_kind kind;
    struct slice text; /* of a fault: from where the fault is */
    const char *fault; /* what is wrong, for a user; static storage */
};

/* Takes white space and one token off *rest. After END and FAULT there is nothing more to take. */
struct json_token json_token_next(struct slice *rest);

/* A number written without fraction and exponent. */
bool json_token_is_integer(struct slice number);

/*
 * The character that the escape at the start of `text` (the rest of a token, with or without its closing
 * quote) stands for; returns how many bytes it takes, 12 for a pair of surrogates. UTF8_BAD: a lone
 * surrogate.
 */
size_t json_token_escape(struct slice text, uint32_t *ret);

/* The value of the four hexadecimal digits of a \uXXXX that a token has shown to be whole. */
unsigned json_token_unit(const char *escape);

#endif
