/*
 * export_line - one record as one line of JSON, and back: the form of `export`, `import`.
 *
 *   {"seq":1,"kind":"event","received_at":"2026-05-04T10:00:00.120Z",
 *    "received_at_us":1777888800120456,"id":"sha256:…",
 *    "head":"content-type: application/json\n…","body":"{\"type\":…}"}
 *
 * `body` holds the exact bytes as a JSON string; where they are not UTF-8, "body_base64" stands instead; so
 * with `head`. `id` is absent for records without a key. received_at is for people; received_at_us is what
 * import reads, and received_at where that is missing. Reading ignores seq and members that it does not know.
 * `head` may be missing, `id` for notes alone.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_CLI_EXPORT_LINE_H
#define FAIRLEAD_CLI_EXPORT_LINE_H

#include "base/buf.h"
#include "journal/journal.h"
#include "wire/dedupe_key.h"

/* With a newline at the end. */
void export_line_write(const struct record *record, struct buf *out);

/* A record and the memory that its slices point into. */
struct export_record {
    struct record record;
    struct dedupe_key key;
    struct buf head;
    struct buf body;
};

/*
 * RC_INVALID_JSON, RC_BAD_PARAMETER with the field, RC_NO_MEMORY. ret must be zeroed or used before, and must
 * not be copied or moved while its record is used; after a failure it holds nothing of use.
 * export_record_cleanup() frees.
 */
MUST_CHECK enum rc export_line_read(struct slice line, struct export_record *ret, struct err *err);
void export_record_cleanup(struct export_record *record);

#endif
