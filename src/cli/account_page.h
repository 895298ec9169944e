/*
 * account_page - connected accounts as a person reads them: the list as a table, one account with its
 * attempts and its timeline. Made from the API's JSON, read liberally: what is missing is shown as "-".
 *
 * Thread: main.
 */
#ifndef FAIRLEAD_CLI_ACCOUNT_PAGE_H
#define FAIRLEAD_CLI_ACCOUNT_PAGE_H

#include "cli/screen.h"
#include "cli/table.h"
#include "wire/json.h"

/* A table for accounts, to be filled with account_table_add() and written with table_write(). */
void account_table_init(struct table *table);
void account_table_add(struct table *table, const json_t *account, const struct screen *screen);

/* The answer of GET /api/v1/connected_account. payloads: each event's payload below its line.
 * RC_INVALID_JSON, RC_NO_MEMORY. */
MUST_CHECK enum rc account_page_write(struct slice answer, bool payloads, const struct screen *screen,
                                      struct buf *out, struct err *err);

/* The colour of a status, of an outcome, or of what an event's type says, by its last word. */
enum colour account_colour(struct slice word);

#endif
