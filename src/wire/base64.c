#include "wire/base64.h"

#include <openssl/evp.h>

/* OpenSSL counts in int: longer input goes through in pieces of whole groups. */
#define ENCODE_PIECE ((size_t)3 << 20)
#define DECODE_PIECE ((size_t)4 << 20)

void base64_encode(struct slice bytes, struct buf *out)
{
    while (bytes.len > 0) {
        size_t len = bytes.len < ENCODE_PIECE ? bytes.len : ENCODE_PIECE;
        char *to = buf_reserve(out, (len + 2) / 3 * 4);
        if (!to)
            return;
        out->len += (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)bytes.ptr, (int)len);
        bytes = slice_skip(bytes, len);
    }
}

static bool is_digit(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* OpenSSL's decoder lets white space and padding in odd places through, so the shape is judged here. */
static bool is_base64(struct slice text, size_t *ret_len)
{
    if (text.len % 4 != 0)
        return false;
    size_t padding = slice_ends(text, "==") ? 2 : slice_ends(text, "=") ? 1 : 0;
    for (size_t i = 0; i < text.len - padding; i++)
        if (!is_digit((unsigned char)text.ptr[i]))
            return false;
    *ret_len = text.len / 4 * 3 - padding;
    return true;
}

bool base64_decode(struct slice text, struct buf *out)
{
    size_t len;
    if (!is_base64(text, &len))
        return false;
    size_t before = out->len;
    /* The decoder writes whole groups, the padding's zero bytes too, so there is room for them. */
    char *to = buf_reserve(out, text.len / 4 * 3);
    if (!to)
        return false;
    for (size_t at = 0; at < text.len; at += DECODE_PIECE) {
        size_t piece = text.len - at < DECODE_PIECE ? text.len - at : DECODE_PIECE;
        if (EVP_DecodeBlock((unsigned char *)to + at / 4 * 3, (const unsigned char *)text.ptr + at,
                            (int)piece) < 0) {
            *to = '\0';
            return false;
        }
    }
    out->len = before + len;
    out->ptr[out->len] = '\0';
    return true;
}

bool base64_decode_exact(struct slice text, void *ret_bytes, size_t len)
{
    unsigned char bytes[BASE64_EXACT_MAX + 3];
    size_t have;
    if (len > BASE64_EXACT_MAX || text.len > (BASE64_EXACT_MAX + 2) / 3 * 4 || !is_base64(text, &have) ||
        have != len)
        return false;
    if (EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len) < 0)
        return false;
    memcpy(ret_bytes, bytes, len);
    return true;
}

void hex_encode(struct slice bytes, struct buf *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    char *to = buf_reserve(out, bytes.len * 2);
    if (!to)
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        *to++ = DIGITS[byte >> 4];
        *to++ = DIGITS[byte & 15];
    }
    *to = '\0';
    out->len += bytes.len * 2;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct slice text, struct buf *out)
{
    if (text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (hex_digit(text.ptr[i]) < 0)
            return false;
    char *to = buf_reserve(out, text.len / 2);
    if (!to)
        return false;
    for (size_t i = 0; i < text.len; i += 2)
        *to++ = (char)(hex_digit(text.ptr[i]) << 4 | hex_digit(text.ptr[i + 1]));
    *to = '\0';
    out->len += text.len / 2;
    return true;
}
