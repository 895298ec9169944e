#include "wire/json_walk.h"

#include <assert.h>

static bool wants_value(const struct json_walk *walk)
{
    return walk->expect == JSON_EXPECT_VALUE || walk->expect == JSON_EXPECT_VALUE_OR_CLOSE;
}

static bool after_value(struct json_walk *walk)
{
    walk->expect = walk->depth ? JSON_EXPECT_COMMA_OR_CLOSE : JSON_EXPECT_END;
    return true;
}

static bool step_open(struct json_walk *walk, bool object)
{
    if (!wants_value(walk))
        return false;
    walk->depth++;
    if (walk->depth <= walk->max_depth)
        walk->in_object[walk->depth] = object;
    walk->expect = object ? JSON_EXPECT_NAME_OR_CLOSE : JSON_EXPECT_VALUE_OR_CLOSE;
    return true;
}

static bool step_close(struct json_walk *walk, bool object)
{
    enum json_expect empty = object ? JSON_EXPECT_NAME_OR_CLOSE : JSON_EXPECT_VALUE_OR_CLOSE;
    if (walk->expect != empty &&
        (walk->expect != JSON_EXPECT_COMMA_OR_CLOSE || walk->in_object[walk->depth] != object))
        return false;
    walk->depth--;
    return after_value(walk);
}

static bool step_string(struct json_walk *walk)
{
    if (wants_value(walk))
        return after_value(walk);
    if (walk->expect != JSON_EXPECT_NAME && walk->expect != JSON_EXPECT_NAME_OR_CLOSE)
        return false;
    walk->expect = JSON_EXPECT_COLON;
    return true;
}

/* Goes on past one token; false when it is not allowed here. */
static bool step(struct json_walk *walk, enum json_token_kind kind)
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
        if (walk->expect != JSON_EXPECT_COLON)
            return false;
        walk->expect = JSON_EXPECT_VALUE;
        return true;
    case JSON_TOKEN_COMMA:
        if (walk->expect != JSON_EXPECT_COMMA_OR_CLOSE)
            return false;
        walk->expect = walk->in_object[walk->depth] ? JSON_EXPECT_NAME : JSON_EXPECT_VALUE;
        return true;
    case JSON_TOKEN_END:
    case JSON_TOKEN_FAULT:
        break;
    }
    return false;
}

void json_walk_init(struct json_walk *walk, struct slice text, unsigned max_depth)
{
    assert(max_depth <= JSON_MAX_DEPTH);
    if (!text.ptr)
        text = slice_of("", 0);
    *walk =
        (struct json_walk){.text = text, .rest = text, .expect = JSON_EXPECT_VALUE, .max_depth = max_depth};
}

bool json_walk_next(struct json_walk *walk, struct json_token *ret)
{
    *ret = json_token_next(&walk->rest);
    if (ret->kind == JSON_TOKEN_END)
        return walk->expect == JSON_EXPECT_END;
    return step(walk, ret->kind) && walk->depth <= walk->max_depth;
}
