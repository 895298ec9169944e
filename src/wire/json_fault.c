#include "wire/json_fault.h"

static const char *expected_text(const struct json_walk *walk)
{
    switch (walk->expect) {
    case JSON_EXPECT_VALUE:
        return "a value";
    case JSON_EXPECT_VALUE_OR_CLOSE:
        return "a value or ']'";
    case JSON_EXPECT_NAME:
        return "a name in double quotes";
    case JSON_EXPECT_NAME_OR_CLOSE:
        return "a name in double quotes or '}'";
    case JSON_EXPECT_COLON:
        return "':'";
    case JSON_EXPECT_COMMA_OR_CLOSE:
        return walk->in_object[walk->depth] ? "',' or '}'" : "',' or ']'";
    case JSON_EXPECT_END:
        break;
    }
    return "the end of the text";
}

static const char *token_text(enum json_token_kind kind)
{
    static const char *const TEXTS[] = {
        [JSON_TOKEN_END] = "the end of the text",
        [JSON_TOKEN_OBJECT] = "'{'",
        [JSON_TOKEN_OBJECT_CLOSE] = "'}'",
        [JSON_TOKEN_ARRAY] = "'['",
        [JSON_TOKEN_ARRAY_CLOSE] = "']'",
        [JSON_TOKEN_COLON] = "':'",
        [JSON_TOKEN_COMMA] = "','",
        [JSON_TOKEN_STRING] = "a string",
        [JSON_TOKEN_NUMBER] = "a number",
        [JSON_TOKEN_WORD] = "true, false or null",
        [JSON_TOKEN_FAULT] = "something else",
    };
    return TEXTS[kind];
}

struct place {
    size_t line;
    size_t column;
};

static struct place place_of(struct slice text, const char *at)
{
    struct place place = {1, 1};
    for (const char *c = text.ptr; c < at; c++) {
        if (*c == '\n')
            place = (struct place){place.line + 1, 1};
        else if (((unsigned char)*c & 0xC0) != 0x80)
            place.column++;
    }
    return place;
}

void json_fault_say(const struct json_walk *walk, const struct json_token *token, struct err *err)
{
    struct place place = place_of(walk->text, token->text.ptr);
    if (token->kind == JSON_TOKEN_FAULT)
        err_set(err, RC_INVALID_JSON, "%s", token->fault);
    else if (walk->depth > walk->max_depth)
        err_set(err, RC_INVALID_JSON, "arrays and objects are nested more than %u deep", walk->max_depth);
    else
        err_set(err, RC_INVALID_JSON, "expected %s, found %s", expected_text(walk), token_text(token->kind));
    err_prefix(err, RC_INVALID_JSON, "line %zu, column %zu", place.line, place.column);
}

bool json_fault_find(struct slice text, unsigned max_depth, struct err *err)
{
    struct json_walk walk;
    struct json_token token;
    json_walk_init(&walk, text, max_depth);
    do {
        if (!json_walk_next(&walk, &token)) {
            json_fault_say(&walk, &token, err);
            return true;
        }
    } while (token.kind != JSON_TOKEN_END);
    return false;
}
