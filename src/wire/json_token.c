#include "wire/json_token.h"

#include "wire/utf8.h"

static struct json_token fault(struct slice *rest, const char *at, const char *what)
{
    struct slice from = slice_of(at, (size_t)(rest->ptr + rest->len - at));
    *rest = slice_of(rest->ptr + rest->len, 0);
    return (struct json_token){JSON_TOKEN_FAULT, from, what};
}

static struct json_token take(struct slice *rest, enum json_token_kind kind, size_t len)
{
    struct json_token token = {kind, slice_of(rest->ptr, len), NULL};
    *rest = slice_skip(*rest, len);
    return token;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

unsigned json_token_unit(const char *escape)
{
    unsigned unit = 0;
    for (size_t i = 2; i < 6; i++)
        unit = unit << 4 | (unsigned)hex_value(escape[i]);
    return unit;
}

static uint32_t letter_value(char letter)
{
    static const char LETTERS[] = "bfnrt";
    static const char VALUES[] = "\b\f\n\r\t";
    const char *at = strchr(LETTERS, letter);
    return (unsigned char)(at ? VALUES[at - LETTERS] : letter);
}

static bool is_low_surrogate(struct slice text)
{
    return text.len >= 6 && text.ptr[0] == '\\' && text.ptr[1] == 'u' &&
           (json_token_unit(text.ptr) & 0xFC00) == 0xDC00;
}

size_t json_token_escape(struct slice text, uint32_t *ret)
{
    if (text.ptr[1] != 'u') {
        *ret = letter_value(text.ptr[1]);
        return 2;
    }
    unsigned unit = json_token_unit(text.ptr);
    *ret = unit;
    if ((unit & 0xF800) != 0xD800)
        return 6;
    *ret = UTF8_BAD;
    if ((unit & 0xFC00) == 0xDC00 || !is_low_surrogate(slice_skip(text, 6)))
        return 6;
    *ret = 0x10000 + ((unit & 0x3FF) << 10 | (json_token_unit(text.ptr + 6) & 0x3FF));
    return 12;
}

/* Length of the escape at the start of `text`; 0 when it is none. */
static size_t escape_len(struct slice text)
{
    if (text.len < 2)
        return 0;
    if (text.ptr[1] != 'u')
        return text.ptr[1] && strchr("\"\\/bfnrt", text.ptr[1]) ? 2 : 0;
    for (size_t i = 2; i < 6; i++)
        if (i >= text.len || hex_value(text.ptr[i]) < 0)
            return 0;
    return 6;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static const char *unescaped_control(char c)
{
    return c == '\n' || c == '\r' ? "a line break inside a string must be written as \\n"
                                  : "a control character inside a string must be escaped";
}

static struct json_token take_string(struct slice *rest)
{
    const char *end = rest->ptr + rest->len;
    const char *at = rest->ptr + 1;
    while (at < end && *at != '"') {
        struct slice tail = slice_of(at, (size_t)(end - at));
        uint32_t point;
        if (is_plain(*at)) {
            at++;
        } else if (*at == '\\') {
            size_t len = escape_len(tail);
            if (len == 0)
                return fault(rest, at,
                             "this is not one of JSON's escapes (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)");
            at += len;
        } else if ((unsigned char)*at < 0x20) {
            return fault(rest, at, unescaped_control(*at));
        } else {
            size_t len = utf8_read(tail, &point);
            if (point == UTF8_BAD)
                return fault(rest, at, "the bytes here are not UTF-8");
            at += len;
        }
    }
    if (at == end)
        return fault(rest, rest->ptr, "the string that starts here has no closing quote");
    return take(rest, JSON_TOKEN_STRING, (size_t)(at + 1 - rest->ptr));
}

static size_t skip_digits(struct slice text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at;
}

static bool is_one_of(struct slice text, size_t at, char a, char b)
{
    return at < text.len && (text.ptr[at] == a || text.ptr[at] == b);
}

/* number = [ minus ] int [ frac ] [ exp ] */
static struct json_token take_number(struct slice *rest)
{
    struct slice text = *rest;
    size_t start = text.ptr[0] == '-';
    size_t at = skip_digits(text, start);
    if (at == start)
        return fault(rest, text.ptr, "a minus sign must be followed by a digit");
    if (text.ptr[start] == '0' && at > start + 1)
        return fault(rest, text.ptr, "a number must not start with a superfluous zero");
    if (is_one_of(text, at, '.', '.')) {
        size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        if (at == fraction)
            return fault(rest, text.ptr, "a decimal point must be followed by a digit");
    }
    if (is_one_of(text, at, 'e', 'E')) {
        size_t exponent = at + 1;
        exponent += is_one_of(text, exponent, '+', '-');
        at = skip_digits(text, exponent);
        if (at == exponent)
            return fault(rest, text.ptr, "an exponent must have a digit");
    }
    return take(rest, JSON_TOKEN_NUMBER, at);
}

bool json_token_is_integer(struct slice number)
{
    return skip_digits(number, number.ptr[0] == '-') == number.len;
}

static bool is_letter(char c)
{
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z';
}

static struct json_token take_word(struct slice *rest)
{
    size_t len = 0;
    while (len < rest->len && is_letter(rest->ptr[len]))
        len++;
    struct slice word = slice_of(rest->ptr, len);
    if (slice_is(word, "true") || slice_is(word, "false") || slice_is(word, "null"))
        return take(rest, JSON_TOKEN_WORD, len);
    if (slice_is(word, "NaN") || slice_is(word, "Infinity"))
        return fault(rest, rest->ptr, "JSON has no NaN and no Infinity");
    return fault(rest, rest->ptr, "only true, false and null are written without quotes");
}

static struct json_token take_stray(struct slice *rest)
{
    const char *what = "no JSON value starts with this character";
    uint32_t point;
    utf8_read(*rest, &point);
    if (point == 0)
        what = "there is a zero byte";
    else if (point == '\'')
        what = "strings are written with double quotes";
    else if (point == '/' || point == '#')
        what = "JSON has no comments";
    else if (point == 0xFEFF)
        what = "a byte order mark is not allowed";
    else if (point == UTF8_BAD)
        what = "the bytes here are not UTF-8";
    return fault(rest, rest->ptr, what);
}

struct json_token json_token_next(struct slice *rest)
{
    size_t space = 0;
    while (space < rest->len && (rest->ptr[space] == ' ' || rest->ptr[space] == '\n' ||
                                 rest->ptr[space] == '\t' || rest->ptr[space] == '\r'))
        space++;
    *rest = slice_skip(*rest, space);
    if (rest->len == 0)
        return take(rest, JSON_TOKEN_END, 0);
    char c = rest->ptr[0];
    switch (c) {
    case '{':
        return take(rest, JSON_TOKEN_OBJECT, 1);
    case '}':
        return take(rest, JSON_TOKEN_OBJECT_CLOSE, 1);
    case '[':
        return take(rest, JSON_TOKEN_ARRAY, 1);
    case ']':
        return take(rest, JSON_TOKEN_ARRAY_CLOSE, 1);
    case ':':
        return take(rest, JSON_TOKEN_COLON, 1);
    case ',':
        return take(rest, JSON_TOKEN_COMMA, 1);
    case '"':
        return take_string(rest);
    default:
        break;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return take_number(rest);
    return is_letter(c) ? take_word(rest) : take_stray(rest);
}
