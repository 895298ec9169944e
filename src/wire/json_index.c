#include "wire/json_index.h"

#include "wire/json_fault.h"
#include "wire/json_walk.h"
#include "wire/utf8.h"

/* Room that nearly every text is content with. */
#define NODES_FIRST 64

/* Links are 32 bits wide. */
#define NODES_LIMIT ((size_t)UINT32_MAX)

#define STAND_IN 0xFFFD

struct building {
    struct json_index *index;
    struct json_walk walk;
    struct slice name;                  /* of the value that comes next; absent: it is the outermost */
    unsigned array;                     /* depth of the outermost array that is open; 0: none is */
    size_t objects[JSON_MAX_DEPTH + 1]; /* by depth: the numbers of the objects that are open */
};

static struct json_node *node_at(struct json_index *index, size_t number)
{
    return (struct json_node *)(void *)index->nodes.ptr + number;
}

static size_t count_nodes(const struct json_index *index)
{
    return index->nodes.len / sizeof(struct json_node);
}

/* Escapes are longer than what they stand for: with room for the whole text, what is there never moves. */
static struct slice unescape(struct building *building, struct slice from, bool is_name)
{
    struct buf *texts = &building->index->texts;
    char *begin = buf_reserve(texts, building->walk.text.len - texts->len);
    char *to = begin;
    if (!begin)
        return SLICE_NONE;
    while (from.len > 0) {
        const char *escape = memchr(from.ptr, '\\', from.len);
        size_t plain = escape ? (size_t)(escape - from.ptr) : from.len;
        memcpy(to, from.ptr, plain);
        to += plain;
        from = slice_skip(from, plain);
        if (escape) {
            uint32_t point;
            from = slice_skip(from, json_token_escape(from, &point));
            to += utf8_write(point == UTF8_BAD || (is_name && point == 0) ? STAND_IN : point, to);
        }
    }
    texts->len += (size_t)(to - begin);
    return slice_of(begin, (size_t)(to - begin));
}

static struct slice string_of(struct building *building, struct slice token, bool is_name)
{
    struct slice inside = slice_of(token.ptr + 1, token.len - 2);
    return memchr(inside.ptr, '\\', inside.len) ? unescape(building, inside, is_name) : inside;
}

/* `depth`: of the object that the value is a member of; 0: of none. */
static void add_node(struct building *building, enum json_token_kind kind, struct slice text, unsigned depth)
{
    struct json_index *index = building->index;
    size_t number = count_nodes(index);
    const struct json_node node = {.kind = kind, .name = building->name, .text = text};
    buf_add(&index->nodes, &node, sizeof node);
    if (depth == 0 || buf_failed(&index->nodes))
        return;
    size_t distance = number - building->objects[depth];
    struct json_node *object = node_at(index, building->objects[depth]);
    node_at(index, number)->before = object->last ? (uint32_t)distance - object->last : 0;
    object->last = (uint32_t)distance;
}

static void on_token(struct building *building, const struct json_token *token)
{
    unsigned depth = building->walk.depth;
    if (building->array) {
        if (depth < building->array)
            building->array = 0;
        return;
    }
    switch (token->kind) {
    case JSON_TOKEN_STRING:
        if (building->walk.expect == JSON_EXPECT_COLON)
            building->name = string_of(building, token->text, true);
        else
            add_node(building, token->kind, string_of(building, token->text, false), depth);
        break;
    case JSON_TOKEN_NUMBER:
    case JSON_TOKEN_WORD:
        add_node(building, token->kind, token->text, depth);
        break;
    case JSON_TOKEN_OBJECT:
        building->objects[depth] = count_nodes(building->index);
        add_node(building, token->kind, token->text, depth - 1);
        break;
    case JSON_TOKEN_ARRAY:
        building->array = depth;
        add_node(building, token->kind, token->text, depth - 1);
        break;
    case JSON_TOKEN_OBJECT_CLOSE:
    case JSON_TOKEN_ARRAY_CLOSE:
    case JSON_TOKEN_COLON:
    case JSON_TOKEN_COMMA:
    case JSON_TOKEN_END:
    case JSON_TOKEN_FAULT:
        break;
    }
}

static bool has_failed(const struct json_index *index)
{
    return buf_failed(&index->nodes) || buf_failed(&index->texts);
}

static void start_anew(struct buf *buf)
{
    if (buf->capacity > JSON_INDEX_KEEP)
        buf_cleanup(buf);
    buf_clear(buf);
}

static void forget(struct json_index *index)
{
    start_anew(&index->nodes);
    start_anew(&index->texts);
    index->nodes.limit = NODES_LIMIT;
}

enum rc json_index_read(struct json_index *index, struct slice text, struct err *err)
{
    struct building building;
    struct json_token token;
    building.index = index;
    building.name = SLICE_NONE;
    building.array = 0;
    forget(index);
    buf_reserve(&index->nodes, NODES_FIRST * sizeof(struct json_node));
    json_walk_init(&building.walk, text, JSON_MAX_DEPTH);
    do {
        if (!json_walk_next(&building.walk, &token)) {
            json_fault_say(&building.walk, &token, err);
            forget(index);
            return RC_INVALID_JSON;
        }
        on_token(&building, &token);
    } while (token.kind != JSON_TOKEN_END && !has_failed(index));
    if (!has_failed(index))
        return RC_OK;
    forget(index);
    return err_set(err, RC_NO_MEMORY, "memory ran out while reading %zu bytes of JSON", text.len);
}

void json_index_cleanup(struct json_index *index)
{
    buf_cleanup(&index->nodes);
    buf_cleanup(&index->texts);
}

const struct json_node *json_index_root(const struct json_index *index)
{
    return index->nodes.len ? (const struct json_node *)(const void *)index->nodes.ptr : NULL;
}

const struct json_node *json_index_get(const struct json_node *object, const char *name)
{
    struct slice wanted = slice_str(name);
    if (!object || object->last == 0)
        return NULL;
    const struct json_node *at = object + object->last;
    while (!slice_equal(at->name, wanted)) {
        if (at->before == 0)
            return NULL;
        at -= at->before;
    }
    return at;
}

struct slice json_index_get_slice(const struct json_node *object, const char *name)
{
    const struct json_node *member = json_index_get(object, name);
    return member && member->kind == JSON_TOKEN_STRING ? member->text : SLICE_NONE;
}
