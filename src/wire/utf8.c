#include "wire/utf8.h"

/* What may follow a lead byte: how many bytes, and the narrower range of the first of them (Unicode table
 * 3-7). */
struct lead {
    unsigned char more;
    unsigned char min;
    unsigned char max;
};

static struct lead lead_of(unsigned char byte)
{
    if (byte >= 0xC2 && byte <= 0xDF)
        return (struct lead){1, 0x80, 0xBF};
    if (byte >= 0xE0 && byte <= 0xEF)
        return (struct lead){2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    if (byte >= 0xF0 && byte <= 0xF4)
        return (struct lead){3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
    return (struct lead){0, 0, 0};
}

size_t utf8_read(struct slice text, uint32_t *ret)
{
    unsigned char first = (unsigned char)text.ptr[0];
    *ret = first;
    if (first < 0x80)
        return 1;
    struct lead lead = lead_of(first);
    uint32_t point = first & (0x3Fu >> lead.more);
    *ret = UTF8_BAD;
    if (lead.more == 0)
        return 1;
    for (size_t i = 1; i <= lead.more; i++) {
        unsigned char byte = i < text.len ? (unsigned char)text.ptr[i] : 0;
        if (byte < lead.min || byte > lead.max)
            return i;
        point = point << 6 | (byte & 0x3F);
        lead.min = 0x80;
        lead.max = 0xBF;
    }
    *ret = point;
    return lead.more + 1u;
}

size_t utf8_write(uint32_t point, char to[4])
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t more = 1u + (point >= 0x800) + (point >= 0x10000);
    for (size_t i = more; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3F));
    to[0] = (char)(0xF80u >> more | point);
    return more + 1;
}
