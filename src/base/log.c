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

struct line {
    char text[2048];
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

static void put(struct line *line, const char *text, size_t len)
{
    size_t room = sizeof line->text - 8 - line->len; /* 8: closing quote, brace, newline always fit */
    if (len > room)
        len = room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_str(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* The same escapes serve JSON and a quoted text value; bytes outside ASCII pass through. */
static void put_escaped(struct line *line, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];
        if (c == '"' || c == '\\') {
            put(line, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            put(line, "\\n", 2);
        } else if (c < 0x20 || c == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            put(line, escape, 6);
        } else {
            put(line, (const char *)&c, 1);
        }
    }
}

static bool needs_quotes(const char *text)
{
    if (!*text)
        return true;
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == '"' || *text == '\\' || *text == '=' || *text == 0x7F)
            return true;
    return false;
}

static void put_text_field(struct line *line, const char *name, const char *value)
{
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
        put_str(&line, strlen(LEVEL_NAMES[level]) < 5 ? "  " : " ");
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
