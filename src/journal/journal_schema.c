#include "journal/journal_schema.h"

const struct sqlite_schema JOURNAL_SCHEMA = {
    .what = "journal",
    .application_id = 0x466C6A31, /* "Flj1" */
    .version = 2,
    .advice = ": export it with that one and import it here",
    /* record.head: the text, or the id of a row of head (see journal/heads.h). */
    .sql =
        "CREATE TABLE record(seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, key, head, "
        "body BLOB);"
        "CREATE TABLE head(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
        "CREATE TABLE seen(first_seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, prints BLOB NOT NULL);",
};
