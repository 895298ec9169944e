/*
 * buf - bytes that grow, owned by their holder.
 *
 * Appends never fail on the spot: a buf remembers that memory ran out or that its limit was passed, ignores
 * what comes after, and is asked once at the end with buf_failed(). A zero byte always follows the contents,
 * so that buf.ptr can be read as a string (an untouched buf has ptr NULL; use buf_str()).
 *
 * Thread: any; one holder at a time.
 */
#ifndef FAIRLEAD_BASE_BUF_H
#define FAIRLEAD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t limit; /* largest len allowed; 0: none */
    bool failed;
};

#define BUF_INIT                                                                                             \
    {                                                                                                        \
        NULL, 0, 0, 0, false                                                                                 \
    }
#define BUF_INIT_LIMIT(max)                                                                                  \
    {                                                                                                        \
        NULL, 0, 0, (max), false                                                                             \
    }

/* Frees the memory and makes the buf new again, its limit kept. */
void buf_cleanup(struct buf *buf);
/* Empties it and forgets a failure; keeps the memory. */
void buf_clear(struct buf *buf);

/* Forgets what stands after the first `len` bytes, which there must be. */
static inline void buf_truncate(struct buf *buf, size_t len)
{
    buf->len = len;
    if (buf->ptr)
        buf->ptr[len] = '\0';
}

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_slice(struct buf *buf, struct slice s);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_fill(struct buf *buf, char c, size_t count);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Room for `len` more bytes at the end, to be written by the caller before the next call; NULL after a
 * failure. The caller then adds what it wrote to buf->len (at most len); a zero byte stands after all of the
 * room, so who writes less puts one behind it.
 */
char *buf_reserve(struct buf *buf, size_t len);

static inline bool buf_failed(const struct buf *buf)
{
    return buf->failed;
}

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->ptr ? buf->ptr : "", buf->len);
}

static inline const char *buf_str(const struct buf *buf)
{
    return buf->ptr ? buf->ptr : "";
}

#endif
