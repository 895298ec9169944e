#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static _Atomic int minimum_level = LOG_INFO;
static _Atomic int line_format = LOG_TEXT;

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

#define LINE_MAX_BYTES  2048
#define VALUE_MAX_BYTES 512
#define CLOSING_BYTES   8 /* the ellipsis, a quote, a brace and the newline always fit */
#define ELLIPSIS        "\xE2\x80\xA6"

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store(&minimum_level, (int)level);
    atomic_store(&line_format, (int)format);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&minimum_level, memory_order_relaxed);
}

const char *log_number(char out[24], long long number)
{
    snprintf(out, 24, "%lld", number);
    return out;
}

static size_t room(const struct line *line)
{
    size_t end = sizeof line->text - CLOSING_BYTES;
    return line->len < end ? end - line->len : 0;
}

/* Only for what is known to fit, or may use the closing bytes. */
static void put(struct line *line, const char *text, size_t len)
{
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_str(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Bytes of the UTF-8 character (RFC 3629) that starts a zero-terminated text; 0 when none does. */
static size_t character_len(const unsigned char *text)
{
    unsigned char lead = text[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (lead == 0xE0 && text[1] < 0xA0) || (lead == 0xF0 && text[1] < 0x90);
    bool outside =
        (lead == 0xED && text[1] > 0x9F) || (lead == 0xF4 && text[1] > 0x8F); /* surrogates; past U+10FFFF */
    return overlong || outside ? 0 : len;
}

/*
 * The next character of *text as it is written, which must not be cut: itself, or an escape. Control
 * characters, those of U+0080 to U+009F too, would let a peer steer the terminal. Returns its length.
 */
static size_t next_unit(const char **text, char ret_unit[8])
{
    const unsigned char *at = (const unsigned char *)*text;
    size_t len = character_len(at);
    *text += len ? len : 1;
    if (len == 0)
        return (size_t)snprintf(ret_unit, 8, "\\ufffd");
    if (at[0] == '"' || at[0] == '\\')
        return (size_t)snprintf(ret_unit, 8, "\\%c", at[0]);
    if (at[0] == '\n')
        return (size_t)snprintf(ret_unit, 8, "\\n");
    if (at[0] < 0x20 || at[0] == 0x7F)
        return (size_t)snprintf(ret_unit, 8, "\\u%04x", at[0]);
    if (at[0] == 0xC2 && at[1] < 0xA0)
        return (size_t)snprintf(ret_unit, 8, "\\u%04x", at[1]);
    memcpy(ret_unit, at, len);
    return len;
}

/* The same escapes serve JSON and a quoted text value. What is cut ends with an ellipsis. */
static void put_escaped(struct line *line, const char *text)
{
    size_t left = room(line) < VALUE_MAX_BYTES ? room(line) : VALUE_MAX_BYTES;
    while (*text) {
        char unit[8];
        size_t len = next_unit(&text, unit);
        if (len > left) {
            put_str(line, ELLIPSIS);
            return;
        }
        put(line, unit, len);
        left -= len;
    }
}

static bool needs_quotes(const char *text)
{
    bool empty = !*text;
    while (*text) {
        char unit[8];
        next_unit(&text, unit);
        if (unit[0] == '\\' || unit[0] == ' ' || unit[0] == '=')
            return true;
    }
    return empty;
}

/* A field whose name does not fit any more is left out whole: `around` is what surrounds name and value. */
static bool field_fits(const struct line *line, const char *name, size_t around)
{
    size_t need = strlen(name) + around;
    return need <= room(line);
}

static void put_text_field(struct line *line, const char *name, const char *value)
{
    if (!field_fits(line, name, strlen(" =\"\"") + strlen(ELLIPSIS)))
        return;
    put_str(line, " ");
    put_str(line, name);
    put_str(line, "=");
    bool quoted = needs_quotes(value);
    put_str(line, quoted ? "\"" : "");
    put_escaped(line, value);
    put_str(line, quoted ? "\"" : "");
}

static void put_json_field(struct line *line, const char *name, const char *value)
{
    if (!field_fits(line, name, strlen(",\"\":\"\"") + strlen(ELLIPSIS)))
        return;
    put_str(line, ",\"");
    put_str(line, name);
    put_str(line, "\":\"");
    put_escaped(line, value);
    put_str(line, "\"");
}

void log_write(enum log_level level, const char *message, ...)
{
    if (!log_enabled(level))
        return;
    char now[CLOCK_RFC3339_SIZE];
    clock_format(clock_wall(), now);
    bool json = atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_JSON;
    struct line line = {.len = 0};
    if (json) {
        put_str(&line, "{\"time\":\"");
        put_str(&line, now);
        put_str(&line, "\"");
        put_json_field(&line, "level", LEVEL_NAMES[level]);
        put_json_field(&line, "message", message);
    } else {
        put_str(&line, now);
        put_str(&line, " ");
        put_str(&line, LEVEL_NAMES[level]);
        put_str(&line, strlen(LEVEL_NAMES[level]) < strlen("debug") ? "  " : " ");
        put_escaped(&line, message);
    }
    va_list args;
    va_start(args, message);
    for (const char *name; (name = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        (json ? put_json_field : put_text_field)(&line, name, value ? value : "");
    }
    va_end(args);
    memcpy(line.text + line.len, json ? "}\n" : "\n", 2);
    line.len += json ? 2 : 1;
    ssize_t ignored = write(STDERR_FILENO, line.text, line.len);
    (void)ignored;
}
