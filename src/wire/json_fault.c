#include "wire/json_fault.h"

#include <assert.h>

#include "wire/json.h"
#include "wire/json_token.h"

/* What the grammar allows at one place. */
enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_CLOSE, /* after '[' */
    EXPECT_NAME,           /* after ',' in an object */
    EXPECT_NAME_OR_CLOSE,  /* after '{' */
    EXPECT_COLON,
    EXPECT_COMMA_OR_CLOSE,
    EXPECT_END,
};

struct walk {
    enum expect expect;
    unsigned depth;
    unsigned max_depth;
    bool in_object[JSON_MAX_DEPTH + 1]; /* by depth; [0] is outside of everything */
};

static const char *expected_text(const struct walk *walk)
{
    switch (walk->expect) {
    case EXPECT_VALUE:
        return "a value";
    case EXPECT_VALUE_OR_CLOSE:
        return "a value or ']'";
    case EXPECT_NAME:
        return "a name in double quotes";
    case EXPECT_NAME_OR_CLOSE:
        return "a name in double quotes or '}'";
    case EXPECT_COLON:
        return "':'";
    case EXPECT_COMMA_OR_CLOSE:
        return walk->in_object[walk->depth] ? "',' or '}'" : "',' or ']'";
    case EXPECT_END:
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

static bool wants_value(const struct walk *walk)
{
    return walk->expect == EXPECT_VALUE || walk->expect == EXPECT_VALUE_OR_CLOSE;
}

static bool after_value(struct walk *walk)
{
    walk->expect = walk->depth ? EXPECT_COMMA_OR_CLOSE : EXPECT_END;
    return true;
}

static bool step_open(struct walk *walk, bool object)
{
    if (!wants_value(walk))
        return false;
    walk->depth++;
    if (walk->depth <= walk->max_depth)
        walk->in_object[walk->depth] = object;
    walk->expect = object ? EXPECT_NAME_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
    return true;
}

static bool step_close(struct walk *walk, bool object)
{
    enum expect empty = object ? EXPECT_NAME_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
    if (walk->expect != empty &&
        (walk->expect != EXPECT_COMMA_OR_CLOSE || walk->in_object[walk->depth] != object))
        return false;
    walk->depth--;
    return after_value(walk);
}

static bool step_string(struct walk *walk)
{
    if (wants_value(walk))
        return after_value(walk);
    if (walk->expect != EXPECT_NAME && walk->expect != EXPECT_NAME_OR_CLOSE)
        return false;
    walk->expect = EXPECT_COLON;
    return true;
}

/* Goes on past one token; false when it is not allowed here. */
static bool step(struct walk *walk, enum json_token_kind kind)
{
    switch (kind) {
    case JSON_TOKEN_OBJECT:
    case JSON_TOKEN_ARRAY:
        return step_open(walk, kind == JSON_TOKEN_OBJECT);
    case JSON_TOKEN_OBJECT_CLOSE:
    case JSON_TOKEN_ARRAY_CLOSE:
        return step_close(walk, kind == JSON_TOKEN_OBJECT_CLOSE);
    case JSON_TOKEN_STRING:
        return step_string(walk);
    case JSON_TOKEN_NUMBER:
    case JSON_TOKEN_WORD:
        return wants_value(walk) && after_value(walk);
    case JSON_TOKEN_COLON:
        if (walk->expect != EXPECT_COLON)
            return false;
        walk->expect = EXPECT_VALUE;
        return true;
    case JSON_TOKEN_COMMA:
        if (walk->expect != EXPECT_COMMA_OR_CLOSE)
            return false;
        walk->expect = walk->in_object[walk->depth] ? EXPECT_NAME : EXPECT_VALUE;
        return true;
    case JSON_TOKEN_END:
    case JSON_TOKEN_FAULT:
        break;
    }
    return false;
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

static void say(struct slice text, const struct walk *walk, const struct json_token *token, struct err *err)
{
    struct place place = place_of(text, token->text.ptr);
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
    assert(max_depth <= JSON_MAX_DEPTH);
    struct walk walk = {.expect = EXPECT_VALUE, .max_depth = max_depth};
    struct slice rest = text;
    for (;;) {
        struct json_token token = json_token_next(&rest);
        if (token.kind == JSON_TOKEN_END && walk.expect == EXPECT_END)
            return false;
        if (!step(&walk, token.kind) || walk.depth > walk.max_depth) {
            say(text, &walk, &token, err);
            return true;
        }
    }
}
