#include "wire/secret_name.h"

#include <string.h>

struct word {
    const char *text;
    size_t len;
};
#define WORD(text)                                                                                           \
    {                                                                                                        \
        (text), sizeof(text) - 1                                                                             \
    }
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* All lists have their shortest words first: of a name of very many parts most words then need no look. */

/* Folded, as parts in a row or the whole name. */
static const struct word CREDENTIALS[] = {
    WORD("jwt"),
    WORD("otp"),
    WORD("pwd"),
    WORD("bearer"),
    WORD("cookie"),
    WORD("sshkey"),
    WORD("apikeys"),
    WORD("authkey"),
    WORD("cookies"),
    WORD("secrets"),
    WORD("passcode"),
    WORD("secretid"),
    WORD("accesskey"),
    WORD("apitokens"),
    WORD("basicauth"),
    WORD("masterkey"),
    WORD("passwords"),
    WORD("setcookie"),
    WORD("sharedkey"),
    WORD("accountkey"),
    WORD("authheader"),
    WORD("authtokens"),
    WORD("credential"),
    WORD("sessionkey"),
    WORD("signingkey"),
    WORD("accesskeyid"),
    WORD("credentials"),
    WORD("privatekeys"),
    WORD("accesstokens"),
    WORD("basicencoded"),
    WORD("codeverifier"),
    WORD("authorization"),
    WORD("encryptionkey"),
    WORD("oauthverifier"),
    WORD("refreshtokens"),
    WORD("sessiontokens"),
    WORD("clientassertion"),
    WORD("connectionstring"),
    WORD("proxyauthorization"),
};

/* Also at the end of a part. */
static const struct word ENDINGS[] = {
    WORD("token"),     WORD("apikey"),    WORD("passwd"),     WORD("secret"),     WORD("password"),
    WORD("accesskey"), WORD("secretkey"), WORD("passphrase"), WORD("privatekey"),
};

/* Where a list goes on: ENDINGS that are none. */
static const struct word HARMLESS[] = {
    WORD("pagetoken"),
    WORD("synctoken"),
    WORD("continuationtoken"),
};

/* A last part that tells something about a credential. */
static const struct word DESCRIPTIONS[] = {
    WORD("at"),       WORD("id"),       WORD("in"),        WORD("ttl"),       WORD("uri"),
    WORD("url"),      WORD("kind"),     WORD("name"),      WORD("size"),      WORD("type"),
    WORD("used"),     WORD("count"),    WORD("limit"),     WORD("names"),     WORD("scope"),
    WORD("types"),    WORD("usage"),    WORD("budget"),    WORD("domain"),    WORD("expiry"),
    WORD("format"),   WORD("issuer"),   WORD("length"),    WORD("method"),    WORD("policy"),
    WORD("scheme"),   WORD("scopes"),   WORD("status"),    WORD("enabled"),   WORD("expired"),
    WORD("expires"),  WORD("manager"),  WORD("version"),   WORD("audience"),  WORD("endpoint"),
    WORD("provider"), WORD("required"), WORD("algorithm"), WORD("supported"), WORD("expiration"),
};

/* Of parameters, the whole name. */
static const struct word PARAMETERS[] = {
    WORD("key"), WORD("sig"), WORD("code"), WORD("signature"), WORD("xamzsignature"), WORD("xgoogsignature"),
};

enum kind { KIND_NONE, KIND_SEPARATOR, KIND_UPPER, KIND_LOWER, KIND_DIGIT };

static enum kind kind_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return KIND_UPPER;
    if (c >= '0' && c <= '9')
        return KIND_DIGIT;
    return c == '\0' || (c >= 'a' && c <= 'z') ? KIND_LOWER : KIND_SEPARATOR;
}

static bool is_one_of(const char *text, size_t len, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count && words[i].len <= len; i++)
        if (words[i].len == len && memcmp(words[i].text, text, len) == 0)
            return true;
    return false;
}

static bool ends_with(const char *end, size_t len, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count && words[i].len <= len; i++)
        if (memcmp(words[i].text, end - words[i].len, words[i].len) == 0)
            return true;
    return false;
}

/* `len` bytes of the name stand before `end`; the last part has name->parts[0]. */
static bool is_found(const struct secret_name *name, const char *end, size_t len)
{
    size_t sum = 0;
    if (ends_with(end, len, HARMLESS, COUNT(HARMLESS)))
        return false;
    if (ends_with(end, name->parts[0] < len ? name->parts[0] : len, ENDINGS, COUNT(ENDINGS)))
        return true;
    for (size_t i = 0; i < SECRET_NAME_PARTS && name->parts[i] > 0; i++) {
        sum += name->parts[i];
        if (sum > SECRET_NAME_WORD || sum > len)
            return false;
        if (is_one_of(end - sum, sum, CREDENTIALS, COUNT(CREDENTIALS)) ||
            (i > 0 && is_one_of(end - sum, sum, ENDINGS, COUNT(ENDINGS))))
            return true;
    }
    return false;
}

/* `excluded`: characters behind it that belong to the next part. */
static void end_part(struct secret_name *name, size_t excluded, bool is_number)
{
    size_t part = name->part - excluded;
    if (part == 0)
        return;
    const char *end = name->folded + name->len - excluded;
    memmove(name->parts + 1, name->parts, (SECRET_NAME_PARTS - 1) * sizeof name->parts[0]);
    name->parts[0] = part;
    name->part = excluded;
    if (is_found(name, end, name->len - excluded)) {
        name->found = true;
        name->described = false;
    } else if (!is_number) {
        name->described =
            part <= SECRET_NAME_WORD && is_one_of(end - part, part, DESCRIPTIONS, COUNT(DESCRIPTIONS));
    }
}

/* Does a part end before a character of this kind? */
static void divide(struct secret_name *name, enum kind kind)
{
    enum kind last = (enum kind)name->last[0];
    bool was_digit = last == KIND_DIGIT;
    if (kind == KIND_SEPARATOR || was_digit != (kind == KIND_DIGIT) ||
        (kind == KIND_UPPER && last == KIND_LOWER))
        end_part(name, 0, was_digit);
    else if (kind == KIND_LOWER && last == KIND_UPPER && name->last[1] == KIND_UPPER && name->part > 1)
        end_part(name, 1, false); /* the last of several capitals begins a part: "APIKey" */
}

void secret_name_add(struct secret_name *name, char c)
{
    enum kind kind = kind_of(c);
    divide(name, kind);
    name->last[1] = name->last[0];
    name->last[0] = (unsigned char)kind;
    if (kind == KIND_SEPARATOR)
        return;
    if (name->len == sizeof name->folded) {
        name->len /= 2;
        memmove(name->folded, name->folded + name->len, name->len);
        name->cut = true;
    }
    name->folded[name->len++] = kind == KIND_UPPER ? (char)(c + ('a' - 'A')) : c;
    name->part++;
}

static bool is_whole(const struct secret_name *name, const struct word *words, size_t count)
{
    return !name->cut && is_one_of(name->folded, name->len, words, count);
}

enum secret_verdict secret_name_judge(struct secret_name *name)
{
    static const struct word UNLESS_NUMBER[] = {WORD("pass"), WORD("tokens")};
    end_part(name, 0, name->last[0] == KIND_DIGIT);
    if ((name->found && !name->described) || is_whole(name, CREDENTIALS, COUNT(CREDENTIALS)) ||
        is_whole(name, ENDINGS, COUNT(ENDINGS)))
        return SECRET_ALWAYS;
    return is_whole(name, UNLESS_NUMBER, COUNT(UNLESS_NUMBER)) ? SECRET_UNLESS_NUMBER : SECRET_NOT;
}

bool secret_name_judge_parameter(struct secret_name *name)
{
    return secret_name_judge(name) != SECRET_NOT || is_whole(name, PARAMETERS, COUNT(PARAMETERS));
}
