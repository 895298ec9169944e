#include "wire/redact.h"

#include "base/cleanup.h"
#include "wire/json.h"
#include "wire/json_token.h"
#include "wire/secret_name.h"

/* No member on the way to secrets has a longer name. */
#define EXACT_MAX 8

/* A parameter's name that is longer is none of ours. */
#define PARAMETER_MAX 128

/* A token is at least so long. */
#define TOKEN_MIN 8

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

static void name_add(struct name *name, uint32_t unit)
{
    char c = unit < 0x80 ? (char)unit : '\0';
    if (name->exact_len < EXACT_MAX)
        name->exact[name->exact_len] = c;
    name->exact_len++;
    secret_name_add(&name->secret, c);
}

/* One character of a string token, or a byte of one that is not ASCII; returns how many bytes it takes. */
static size_t next_unit(struct slice rest, uint32_t *ret)
{
    if (rest.ptr[0] == '\\')
        return json_token_escape(rest, ret);
    *ret = (unsigned char)rest.ptr[0];
    return 1;
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
        uint32_t unit;
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

/* ---- inside strings ---- */

/* A text as it is, or as it stands inside a token. */
struct reading {
    struct slice rest;
    bool escaped;
};

static uint32_t take_unit(struct reading *reading)
{
    uint32_t unit = (unsigned char)reading->rest.ptr[0];
    reading->rest = slice_skip(reading->rest, reading->escaped ? next_unit(reading->rest, &unit) : 1);
    return unit;
}

static bool is_ascii_of(uint32_t unit, const char *set)
{
    return unit && unit < 0x80 && strchr(set, (int)unit);
}

static bool ends_value(uint32_t unit)
{
    return unit <= ' ' || is_ascii_of(unit, "&;#\"'<>");
}

static bool is_alphanumeric(uint32_t unit)
{
    return (unit >= '0' && unit <= '9') || ((unit | 0x20) >= 'a' && (unit | 0x20) <= 'z');
}

static bool is_of_name(uint32_t unit)
{
    return is_alphanumeric(unit) || is_ascii_of(unit, "-_.~%[]");
}

/* RFC 6750, section 2.1; RFC 7617 has a part of it. */
static bool is_of_token(uint32_t unit)
{
    return is_alphanumeric(unit) || is_ascii_of(unit, "-._~+/=");
}

/* The bytes from here on that are none of those that `ends` says. */
static size_t length_until(struct reading reading, bool (*ends)(uint32_t unit))
{
    const char *from = reading.rest.ptr;
    while (reading.rest.len > 0) {
        const char *at = reading.rest.ptr;
        if (ends(take_unit(&reading)))
            return (size_t)(at - from);
    }
    return (size_t)(reading.rest.ptr - from);
}

static bool is_space(uint32_t unit)
{
    return unit == ' ' || unit == '\t';
}

static bool is_other_than_space(uint32_t unit)
{
    return !is_space(unit);
}

static bool is_other_than_of_token(uint32_t unit)
{
    return !is_of_token(unit);
}

static bool is_other_than_of_name(uint32_t unit)
{
    return !is_of_name(unit);
}

static bool ends_authority(uint32_t unit)
{
    return unit == '/' || unit == '?' || unit == '\\' || ends_value(unit);
}

static struct reading skip(struct reading reading, size_t len)
{
    reading.rest = slice_skip(reading.rest, len);
    return reading;
}

/* `name`: up to before the '='; `before`: what stands before it. */
static bool is_secret_parameter(struct reading name, uint32_t before)
{
    struct secret_name secret = {.len = 0};
    if (name.rest.len == 0 || name.rest.len > PARAMETER_MAX)
        return false;
    while (name.rest.len > 0) {
        uint32_t unit = take_unit(&name);
        secret_name_add(&secret, unit < 0x80 ? (char)unit : '\0');
    }
    return is_ascii_of(before, "?&#") ? secret_name_judge_parameter(&secret)
                                      : secret_name_judge(&secret) != SECRET_NOT;
}

/* ASCII; capitals as small ones. */
static bool reads(struct reading reading, const char *small)
{
    for (; *small && reading.rest.len > 0; small++) {
        uint32_t unit = take_unit(&reading);
        if (unit != (unsigned char)*small &&
            (unit < 'A' || unit > 'Z' || (unit | 0x20) != (unsigned char)*small))
            return false;
    }
    return *small == '\0' && reading.rest.len == 0;
}

static struct reading cut(struct reading reading, size_t len)
{
    reading.rest.len = len;
    return reading;
}

static bool is_scheme(struct reading word)
{
    return reads(word, "bearer") || reads(word, "basic");
}

/* Where a credential stands: so many bytes further on, of so many bytes; none: nothing. */
struct place_of_secret {
    size_t at;
    size_t len;
};

/* What an Authorization header says, from behind its ':' or '=' on; the scheme stays. */
static struct place_of_secret find_authorization(struct reading rest)
{
    size_t at = length_until(rest, is_other_than_space);
    size_t word = length_until(skip(rest, at), is_other_than_of_name);
    if (is_scheme(cut(skip(rest, at), word)))
        at += word + length_until(skip(rest, at + word), is_other_than_space);
    return (struct place_of_secret){at, length_until(skip(rest, at), ends_value)};
}

/* Behind "Bearer": prose goes on in words ("bearer token"), of which none has a digit. */
static struct place_of_secret find_token(struct reading rest)
{
    size_t at = length_until(rest, is_other_than_space);
    size_t len = length_until(skip(rest, at), is_other_than_of_token);
    size_t characters = 0;
    bool has_digit = false;
    for (struct reading token = cut(skip(rest, at), len); token.rest.len > 0; characters++)
        has_digit |= is_ascii_of(take_unit(&token), "0123456789");
    return (struct place_of_secret){at, has_digit && characters >= TOKEN_MIN ? len : 0};
}

/* Behind "://": who speaks, up to the last '@' before the host. */
static struct place_of_secret find_user(struct reading rest)
{
    struct place_of_secret place = {0, 0};
    const char *from = rest.rest.ptr;
    for (struct reading authority = cut(rest, length_until(rest, ends_authority)); authority.rest.len > 0;) {
        const char *at = authority.rest.ptr;
        if (take_unit(&authority) == '@')
            place.len = (size_t)(at - from);
    }
    return place;
}

/* A word and what stands around it: `unit` comes behind it, then `rest`. */
struct around {
    struct reading word;
    uint32_t before;
    uint32_t unit;
    bool is_address; /* "/" came before "/" and ":" before that */
};

static struct place_of_secret find_secret(const struct around *around, struct reading rest)
{
    struct reading word = around->word;
    if (around->is_address)
        return find_user(rest);
    if ((around->unit == ':' || around->unit == '=') &&
        (reads(word, "authorization") || reads(word, "proxy-authorization")))
        return find_authorization(rest);
    if (around->unit == '=' && is_secret_parameter(around->word, around->before))
        return (struct place_of_secret){0, length_until(rest, ends_value)};
    if (is_space(around->unit) && is_scheme(word))
        return find_token(rest);
    return (struct place_of_secret){0, 0};
}

static bool may_have_secrets(struct slice text)
{
    return memchr(text.ptr, '=', text.len) || memchr(text.ptr, ':', text.len) ||
           memchr(text.ptr, ' ', text.len) || memchr(text.ptr, '\\', text.len);
}

/* `copied` is what has been written; a word has begun at `word`. */
static void write_text(struct reading reading, struct buf *out)
{
    const char *copied = reading.rest.ptr;
    struct around around = {.word = reading};
    uint32_t last[2] = {0, 0};
    const char *end = reading.rest.ptr + reading.rest.len;
    while (reading.rest.len > 0) {
        const char *at = reading.rest.ptr;
        around.unit = take_unit(&reading);
        if (is_of_name(around.unit))
            continue;
        around.word.rest.len = (size_t)(at - around.word.rest.ptr);
        around.is_address =
            around.word.rest.len == 0 && around.unit == '/' && last[0] == '/' && last[1] == ':';
        struct place_of_secret place = find_secret(&around, reading);
        if (place.len > 0) {
            buf_add(out, copied, (size_t)(reading.rest.ptr + place.at - copied));
            buf_add_str(out, REDACTED);
            reading = skip(reading, place.at + place.len);
            copied = reading.rest.ptr;
        }
        last[1] = around.word.rest.len == 0 ? last[0] : 0;
        last[0] = around.unit;
        around.before = around.unit;
        around.word.rest = reading.rest;
    }
    buf_add(out, copied, (size_t)(end - copied));
}

static void write_string(struct slice token, struct buf *out)
{
    if (!may_have_secrets(token)) {
        buf_add_slice(out, token);
        return;
    }
    buf_add_char(out, '"');
    write_text((struct reading){inside(token), true}, out);
    buf_add_char(out, '"');
}

void redact_text(struct slice text, struct buf *out)
{
    if (text.len > 0)
        write_text((struct reading){text, false}, out);
}

void redact_quote(struct slice text, struct buf *out)
{
    CLEANUP(buf_cleanup) struct buf redacted = BUF_INIT;
    redact_text(text, &redacted);
    if (buf_failed(&redacted))
        out->failed = true;
    else
        json_quote(buf_slice(&redacted), out);
}

void json_redact(struct slice text, struct buf *out)
{
    static const struct json_hiding HIDING = {mark_of, write_string, "\"" REDACTED "\""};
    json_compact_hiding(text, &HIDING, out);
}
