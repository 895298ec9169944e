#include "wire/redact.h"

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/json_token.h"
#include "wire/secret_name.h"

/* No member on the way to secrets has a longer name. */
#define EXACT_MAX 8

/* A parameter's name that is longer is none of ours. */
#define PARAMETER_MAX 128

/* The objects on the way to an account's secrets. */
enum place {
    PLACE_NONE = JSON_MARK_NONE,
    PLACE_ROOT = JSON_MARK_ROOT,
    PLACE_EVENT,
    PLACE_BODY,
    PLACE_DATA,
    PLACE_STATE = JSON_MARK_UNLESS_OBJECT,
    PLACE_SECRET = JSON_MARK_HIDDEN,
};

static const struct way {
    enum place from;
    const char *name;
    enum place to;
} WAYS[] = {
    {PLACE_ROOT, "event", PLACE_EVENT}, {PLACE_EVENT, "body", PLACE_BODY},
    {PLACE_ROOT, "data", PLACE_DATA},   {PLACE_BODY, "data", PLACE_DATA},
    {PLACE_DATA, "state", PLACE_STATE}, {PLACE_STATE, "val", PLACE_SECRET},
    {PLACE_DATA, "data", PLACE_SECRET}, {PLACE_DATA, "params", PLACE_SECRET},
};

/* A name as it is and as secret_name.h takes it. */
struct name {
    char exact[EXACT_MAX];
    size_t exact_len; /* may pass EXACT_MAX; the bytes then do not matter */
    struct secret_name secret;
};

static void name_add(struct name *name, unsigned unit)
{
    char c = unit < 0x80 ? (char)unit : '\0';
    if (name->exact_len < EXACT_MAX)
        name->exact[name->exact_len] = c;
    name->exact_len++;
    secret_name_add(&name->secret, c);
}

/*
 * One character of a string token, or a byte of one that is not ASCII; returns how many bytes it takes. A
 * letter behind a backslash stands for a control character; which one does not matter: each is a line feed
 * here.
 */
static size_t next_unit(struct slice rest, unsigned *ret)
{
    if (rest.ptr[0] != '\\') {
        *ret = (unsigned char)rest.ptr[0];
        return 1;
    }
    if (rest.ptr[1] != 'u') {
        *ret = strchr("\"\\/", rest.ptr[1]) ? (unsigned char)rest.ptr[1] : '\n';
        return 2;
    }
    *ret = json_token_unit(rest.ptr);
    return 6;
}

static struct slice inside(struct slice token)
{
    return slice_of(token.ptr + 1, token.len - 2);
}

static struct name name_of_token(struct slice token)
{
    struct name name = {.exact_len = 0};
    struct slice rest = inside(token);
    while (rest.len > 0) {
        unsigned unit;
        rest = slice_skip(rest, next_unit(rest, &unit));
        name_add(&name, unit);
    }
    return name;
}

bool redact_is_credential(struct slice name)
{
    struct secret_name secret = {.len = 0};
    for (size_t i = 0; i < name.len; i++)
        secret_name_add(&secret, (unsigned char)name.ptr[i] < 0x80 ? name.ptr[i] : '\0');
    return secret_name_judge(&secret) != SECRET_NOT;
}

static unsigned char mark_of(unsigned char mark, struct slice name_token)
{
    static const unsigned char MARKS[] = {
        [SECRET_NOT] = JSON_MARK_NONE,
        [SECRET_UNLESS_NUMBER] = JSON_MARK_UNLESS_NUMBER,
        [SECRET_ALWAYS] = JSON_MARK_HIDDEN,
    };
    struct name name = name_of_token(name_token);
    enum secret_verdict verdict = secret_name_judge(&name.secret);
    if (verdict != SECRET_NOT || mark == JSON_MARK_NONE || name.exact_len > EXACT_MAX)
        return MARKS[verdict];
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++)
        if (WAYS[i].from == (enum place)mark && slice_is(slice_of(name.exact, name.exact_len), WAYS[i].name))
            return (unsigned char)WAYS[i].to;
    return JSON_MARK_NONE;
}

/* --- parameters inside strings -------------------------------------------------------------------------- */

static bool ends_value(unsigned unit)
{
    return unit <= ' ' || (unit < 0x80 && strchr("&;#\"'<>", (int)unit));
}

static bool is_of_name(unsigned unit)
{
    return (unit >= '0' && unit <= '9') || ((unit | 0x20) >= 'a' && (unit | 0x20) <= 'z') ||
           (unit < 0x80 && unit && strchr("-_.~%[]", (int)unit));
}

static size_t value_length(struct slice rest)
{
    size_t len = 0;
    while (len < rest.len) {
        unsigned unit;
        size_t n = next_unit(slice_skip(rest, len), &unit);
        if (ends_value(unit))
            break;
        len += n;
    }
    return len;
}

/* `name`: a part of a token, up to before the '='; `before`: what stands before it. */
static bool is_secret_parameter(struct slice name, unsigned before)
{
    struct secret_name secret = {.len = 0};
    if (name.len == 0 || name.len > PARAMETER_MAX)
        return false;
    while (name.len > 0) {
        unsigned unit;
        name = slice_skip(name, next_unit(name, &unit));
        secret_name_add(&secret, unit < 0x80 ? (char)unit : '\0');
    }
    bool in_address = before && before < 0x80 && strchr("?&#", (int)before);
    return in_address ? secret_name_judge_parameter(&secret) : secret_name_judge(&secret) != SECRET_NOT;
}

static bool may_have_parameters(struct slice token)
{
    return memchr(token.ptr, '=', token.len) || memmem(token.ptr, token.len, "\\u003", 5);
}

/* `copied` is what has been written; the name of a parameter that may have begun is from `name` on. */
static void write_string(struct slice token, struct buf *out)
{
    struct slice rest = inside(token);
    const char *copied = token.ptr;
    const char *name = rest.ptr;
    unsigned before = 0;
    bool may = may_have_parameters(token);
    while (may && rest.len > 0) {
        unsigned unit;
        size_t len = 0;
        const char *at = rest.ptr;
        rest = slice_skip(rest, next_unit(rest, &unit));
        if (unit == '=' && is_secret_parameter(slice_of(name, (size_t)(at - name)), before))
            len = value_length(rest);
        if (len > 0) {
            buf_add(out, copied, (size_t)(rest.ptr - copied));
            buf_add_str(out, REDACTED);
            rest = slice_skip(rest, len);
            copied = rest.ptr;
        }
        if (!is_of_name(unit)) {
            name = rest.ptr;
            before = unit;
        }
    }
    buf_add(out, copied, (size_t)(token.ptr + token.len - copied));
}

void redact_quote(struct slice text, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf quoted = BUF_INIT;
    json_quote(text, &quoted);
    if (buf_failed(&quoted))
        out->failed = true;
    else
        write_string(buf_slice(&quoted), out);
}

void json_redact(struct slice text, struct buf *out)
{
    static const struct json_hiding HIDING = {mark_of, write_string, "\"" REDACTED "\""};
    json_compact_hiding(text, &HIDING, out);
}
