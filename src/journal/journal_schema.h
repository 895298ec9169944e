/*
 * journal_schema - the tables of journal.db, for whoever opens it in the SQLite engine.
 */
#ifndef FAIRLEAD_JOURNAL_JOURNAL_SCHEMA_H
#define FAIRLEAD_JOURNAL_JOURNAL_SCHEMA_H

#include "journal/sqlite_conn.h"

#define JOURNAL_FILE "journal.db"

extern const struct sqlite_schema JOURNAL_SCHEMA;

#endif
