#include "wire/redact.h"

#include "wire/json.h"
#include "wire/json_token.h"

#define NAME_MAX_LEN 32

/* Folded: lower case, without '-' and '_'. At most NAME_MAX_LEN bytes. */
static const char *const CREDENTIALS[] = {
    "accesskey",
    "accesskeyid",
    "accesstoken",
    "apikey",
    "apisecret",
    "apitoken",
    "appsecret",
    "authorization",
    "authtoken",
    "awssecretaccesskey",
    "basicencoded",
    "bearer",
    "bearertoken",
    "clientassertion",
    "clientsecret",
    "codeverifier",
    "consumersecret",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "encryptionkey",
    "idtoken",
    "jwt",
    "oauthtoken",
    "oauthtokensecret",
    "oauthverifier",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "proxyauthorization",
    "pwd",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretkey",
    "secrettoken",
    "sessiontoken",
    "setcookie",
    "signingkey",
    "signingsecret",
    "token",
    "tokensecret",
    "webhooksecret",
    "xapikey",
    "xauthtoken",
};

/* The objects on the way to an account's secrets. */
enum place {
    PLACE_NONE = JSON_MARK_NONE,
    PLACE_ROOT = JSON_MARK_ROOT,
    PLACE_EVENT,
    PLACE_BODY,
    PLACE_DATA,
    PLACE_STATE,
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

/* A name as it is and folded. Neither is kept when it cannot be one of ours: too long, not ASCII. */
struct name {
    char exact[NAME_MAX_LEN];
    char folded[NAME_MAX_LEN];
    size_t exact_len; /* may pass NAME_MAX_LEN; the bytes then do not matter */
    size_t folded_len;
};

static void name_add(struct name *name, char c)
{
    if (name->exact_len < NAME_MAX_LEN)
        name->exact[name->exact_len] = c;
    name->exact_len++;
    if (c == '-' || c == '_')
        return;
    if (name->folded_len < NAME_MAX_LEN)
        name->folded[name->folded_len] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    name->folded_len++;
}

/* One character of a string token; returns how many bytes it takes. What is no ASCII is as good as a zero: no
 * name has either. */
static size_t name_add_next(struct name *name, struct slice rest)
{
    if (rest.ptr[0] != '\\') {
        name_add(name, rest.ptr[0]);
        return 1;
    }
    if (rest.ptr[1] != 'u') {
        /* A letter behind the backslash stands for a control character. */
        name_add(name, strchr("\"\\/", rest.ptr[1]) ? rest.ptr[1] : '\0');
        return 2;
    }
    unsigned unit = json_token_unit(rest.ptr);
    name_add(name, unit < 0x80 ? (char)unit : '\0');
    return 6;
}

static struct name name_of_token(struct slice token)
{
    struct name name = {.exact_len = 0};
    struct slice rest = slice_of(token.ptr + 1, token.len - 2);
    while (rest.len > 0)
        rest = slice_skip(rest, name_add_next(&name, rest));
    return name;
}

static bool is_credential(const struct name *name)
{
    struct slice folded = slice_of(name->folded, name->folded_len);
    if (folded.len > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < sizeof CREDENTIALS / sizeof CREDENTIALS[0]; i++)
        if (slice_is(folded, CREDENTIALS[i]))
            return true;
    return false;
}

bool redact_is_credential(struct slice name)
{
    struct name copy = {.exact_len = 0};
    for (size_t i = 0; i < name.len; i++)
        name_add(&copy, name.ptr[i]);
    return is_credential(&copy);
}

static unsigned char mark_of(unsigned char mark, struct slice name_token)
{
    struct name name = name_of_token(name_token);
    if (is_credential(&name))
        return JSON_MARK_HIDDEN;
    if (mark == JSON_MARK_NONE || name.exact_len > NAME_MAX_LEN)
        return JSON_MARK_NONE;
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++)
        if (WAYS[i].from == (enum place)mark && slice_is(slice_of(name.exact, name.exact_len), WAYS[i].name))
            return (unsigned char)WAYS[i].to;
    return JSON_MARK_NONE;
}

void json_redact(struct slice text, struct buf *out)
{
    json_compact_hiding(text, mark_of, "\"" REDACTED "\"", out);
}
