#include "cli/export_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/utf8.h"

static const enum record_kind KINDS[] = {
#define KIND_ROW(name, number, text, help) name,
    RECORD_KINDS(KIND_ROW)
#undef KIND_ROW
};

/* Can a JSON string bring exactly these bytes back? */
static bool is_text(struct slice bytes)
{
    while (bytes.len > 0) {
        uint32_t character;
        size_t n = utf8_read(bytes, &character);
        if (character == UTF8_BAD || character == 0)
            return false;
        bytes = slice_skip(bytes, n);
    }
    return true;
}

static void write_bytes(const char *name, struct slice bytes, struct buf *out)
{
    if (is_text(bytes)) {
        buf_addf(out, ",\"%s\":", name);
        json_quote(bytes.ptr ? bytes : slice_of("", 0), out);
        return;
    }
    buf_addf(out, ",\"%s_base64\":\"", name);
    base64_encode(bytes, out);
    buf_add_char(out, '"');
}

void export_line_write(const struct record *record, struct buf *out)
{
    char at[CLOCK_RFC3339_SIZE];
    const char *kind = record_kind_name(record->kind);
    clock_format(record->received_at, at);
    buf_addf(out, "{\"seq\":%" PRIu64 ",\"kind\":\"%s\",\"received_at\":\"%s\",\"received_at_us\":%" PRId64,
             record->seq, kind ? kind : "other", at, record->received_at);
    if (record->key.ptr) {
        CLEANUP(buf_cleanup) struct buf id = BUF_INIT;
        dedupe_key_format(record->key_hashed, record->key, &id);
        buf_add_str(out, ",\"id\":");
        json_quote(buf_slice(&id), out);
    }
    write_bytes("head", record->head, out);
    write_bytes("body", record->body, out);
    buf_add_str(out, "}\n");
}

/* Reading. */

static bool is_surrogate_at(struct slice text, size_t at, char low, char high)
{
    if (at + 6 > text.len || text.ptr[at] != '\\' || text.ptr[at + 1] != 'u' ||
        (text.ptr[at + 2] | 0x20) != 'd')
        return false;
    char digit = (char)(text.ptr[at + 3] | 0x20); /* digits keep their value: they have this bit already */
    return digit >= low && digit <= high;
}

/*
 * json_parse() stands U+FFFD in for escapes of lone surrogates; here that would change bytes without a word.
 * The text is valid JSON.
 */
static bool has_lone_surrogate(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\\')
            continue;
        bool first = is_surrogate_at(text, i, '8', 'b');
        if (first && is_surrogate_at(text, i + 6, 'c', 'f'))
            i += 11;
        else if (first || is_surrogate_at(text, i, '8', 'f'))
            return true;
        else
            i++;
    }
    return false;
}

/* The member `name`, or `name`_base64 decoded, appended to out. */
static enum rc read_bytes(const json_t *tree, const char *name, bool required, struct buf *out,
                          struct err *err)
{
    char encoded_name[32];
    snprintf(encoded_name, sizeof encoded_name, "%s_base64", name);
    const json_t *plain = json_object_get(tree, name);
    const json_t *encoded = json_object_get(tree, encoded_name);
    if (!plain && !encoded)
        return required ? err_set(err, RC_BAD_PARAMETER, "\"%s\" is missing", name) : RC_OK;
    if (plain && encoded)
        return err_set(err, RC_BAD_PARAMETER, "\"%s\" and \"%s\" exclude each other", name, encoded_name);
    if (!json_is_string(plain ? plain : encoded))
        return err_set(err, RC_BAD_PARAMETER, "\"%s\" must be a string", plain ? name : encoded_name);
    if (plain)
        buf_add_slice(out, json_get_slice(tree, name));
    else if (!base64_decode(json_get_slice(tree, encoded_name), out) && !buf_failed(out))
        return err_set(err, RC_BAD_PARAMETER, "\"%s\" is not base64 (RFC 4648, padded)", encoded_name);
    return buf_failed(out) ? err_set(err, RC_NO_MEMORY, "out of memory") : RC_OK;
}

static enum rc read_kind(const json_t *tree, enum record_kind *ret, struct err *err)
{
    struct slice text = json_get_slice(tree, "kind");
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (text.ptr && slice_is(text, record_kind_name(KINDS[i]))) {
            *ret = KINDS[i];
            return RC_OK;
        }
    return err_set(err, RC_BAD_PARAMETER, "\"kind\" must be \"event\", \"note\" or \"duplicates\"");
}

/* received_at_us; a line made by hand may have received_at alone. */
static enum rc read_time(const json_t *tree, usec *ret, struct err *err)
{
    const json_t *exact = json_object_get(tree, "received_at_us");
    if (exact) {
        if (!json_is_integer(exact) || json_integer_value(exact) <= 0 ||
            json_integer_value(exact) > CLOCK_WALL_MAX)
            return err_set(err, RC_BAD_PARAMETER,
                           "\"received_at_us\" must be a whole number of microseconds since 1970, before the "
                           "year 10000");
        *ret = json_integer_value(exact);
        return RC_OK;
    }
    if (!clock_parse(json_get_slice(tree, "received_at"), ret))
        return err_set(err, RC_BAD_PARAMETER,
                       "\"received_at_us\" is missing, and \"received_at\" is not a time such as "
                       "2026-05-04T10:00:00.120Z");
    return RC_OK;
}

static enum rc read_key(const json_t *tree, enum record_kind kind, struct export_record *ret, struct err *err)
{
    const json_t *id = json_object_get(tree, "id");
    if (!id && kind == RECORD_EVENT)
        return err_set(err, RC_BAD_PARAMETER, "\"id\" is missing");
    if (!id)
        return RC_OK;
    if (!json_is_string(id))
        return err_set(err, RC_BAD_PARAMETER, "\"id\" must be a string");
    enum rc rc = dedupe_key_parse(json_get_slice(tree, "id"), &ret->key, err);
    if (rc)
        return err_prefix(err, rc, "\"id\"");
    ret->record.key_hashed = ret->key.hashed;
    ret->record.key = slice_of(ret->key.bytes, ret->key.len);
    ret->record.fingerprint = ret->key.fingerprint;
    return RC_OK;
}

static enum rc read_tree(const json_t *tree, struct export_record *ret, struct err *err)
{
    struct record *record = &ret->record;
    if (!json_is_object(tree))
        return err_set(err, RC_BAD_PARAMETER, "the line is JSON but not an object");
    enum rc rc = read_kind(tree, &record->kind, err);
    if (rc == RC_OK)
        rc = read_time(tree, &record->received_at, err);
    if (rc == RC_OK)
        rc = read_key(tree, record->kind, ret, err);
    if (rc == RC_OK)
        rc = read_bytes(tree, "head", false, &ret->head, err);
    if (rc == RC_OK)
        rc = read_bytes(tree, "body", true, &ret->body, err);
    if (rc == RC_OK && ret->head.len + ret->body.len > JOURNAL_MAX_RECORD)
        rc = err_set(err, RC_BAD_PARAMETER, "head and body have more than %zu bytes", JOURNAL_MAX_RECORD);
    record->head = buf_slice(&ret->head);
    record->body = buf_slice(&ret->body);
    return rc;
}

enum rc export_line_read(struct slice line, struct export_record *ret, struct err *err)
{
    json_t *tree = NULL;
    enum rc rc = json_parse(line, &tree, err);
    if (rc)
        return rc;
    ret->record = (struct record){0};
    buf_clear(&ret->head);
    buf_clear(&ret->body);
    if (has_lone_surrogate(line))
        rc = err_set(err, RC_BAD_PARAMETER,
                     "a \\u escape of half a surrogate pair stands for no bytes; use \"body_base64\"");
    else
        rc = read_tree(tree, ret, err);
    json_decref(tree);
    return rc;
}

void export_record_cleanup(struct export_record *record)
{
    buf_cleanup(&record->head);
    buf_cleanup(&record->body);
    record->record = (struct record){0};
}
