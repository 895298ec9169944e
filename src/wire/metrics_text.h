/*
 * metrics_text - the metric table in Prometheus' text format 0.0.4, with process_* and fairlead_build_info.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_METRICS_TEXT_H
#define FAIRLEAD_WIRE_METRICS_TEXT_H

#include "base/buf.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* HELP and TYPE once for each name, then its samples: the process and the tables of base/metric.h, but for
 * FAMILY_TABLE. */
void metrics_text_write(struct buf *out);

/* For the families: the heading, and a label's value (any bytes) as it stands between its quotes. */
void metrics_text_heading(const char *name, const char *kind, const char *help, struct buf *out);
void metrics_text_label(struct slice value, struct buf *out);

#endif
