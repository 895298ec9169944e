#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_cleanup(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf)BUF_INIT_LIMIT(buf->limit);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->ptr)
        buf->ptr[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->failed)
        return NULL;
    if (len > SIZE_MAX / 4 - buf->len || (buf->limit && buf->len + len > buf->limit)) {
        buf->failed = true;
        return NULL;
    }
    size_t need = buf->len + len + 1;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 64;
        while (capacity < need)
            capacity *= 2;
        char *grown = realloc(buf->ptr, capacity);
        if (!grown) {
            buf->failed = true;
            return NULL;
        }
        buf->ptr = grown;
        buf->capacity = capacity;
    }
    buf->ptr[buf->len] = '\0'; /* nothing may be written after all */
    buf->ptr[need - 1] = '\0';
    return buf->ptr + buf->len;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
    char *to = buf_reserve(buf, len);
    if (!to)
        return;
    if (len)
        memcpy(to, data, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void buf_add_slice(struct buf *buf, struct slice s)
{
    buf_add(buf, s.ptr, s.len);
}

void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_add_fill(struct buf *buf, char c, size_t count)
{
    char *to = buf_reserve(buf, count);
    if (!to)
        return;
    memset(to, c, count);
    buf->len += count;
    buf->ptr[buf->len] = '\0';
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : buf_reserve(buf, (size_t)n);
    if (n < 0)
        buf->failed = true;
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}
