/*
 * printer - stored events on standard output, on a path of its own.
 *
 * A thread of low priority reads the journal from where it stood at the start, as any other reader does.
 * Receiving never waits for it. What cannot be printed in time is given up and counted
 * (fairlead_print_skipped_total): when output is slow and the printer falls behind by PRINTER_MAX_LAG events,
 * all but the newest ones; when it takes nothing for PRINTER_PATIENCE, all that wait and all that come until
 * it takes something again, which the log says at once. The output is told how many as soon as it takes text.
 *
 * Limits: PRINTER_TEXT bytes wait for the output, and the event that passes them (json_show()).
 *
 * Thread: start and stop by main; the printer's own thread does the rest.
 */
#ifndef FAIRLEAD_CLI_PRINTER_H
#define FAIRLEAD_CLI_PRINTER_H

#include "base/error.h"
#include "cli/serve_options.h"
#include "journal/journal.h"

#define PRINTER_MAX_LAG  5000
#define PRINTER_PATIENCE (5 * USEC_PER_SEC)
#define PRINTER_TEXT     ((size_t)1024 * 1024)

struct printer;

/* style: PRINT_PRETTY or PRINT_LINE. The journal is borrowed until printer_stop(). */
MUST_CHECK enum rc printer_start(struct journal *journal, enum print_style style, int fd,
                                 struct printer **ret, struct err *err);
/* Prints what is left as long as the output takes it (at most a second), then ends the thread, says how many
 * events were not printed, and frees. NULL is fine. */
void printer_stop(struct printer *printer);

#endif
