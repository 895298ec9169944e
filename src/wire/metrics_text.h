/*
 * metrics_text - the metric table in Prometheus' text format 0.0.4, with process_* and fairlead_build_info.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_METRICS_TEXT_H
#define FAIRLEAD_WIRE_METRICS_TEXT_H

#include "base/buf.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* HELP and TYPE once for each name, then its samples. */
void metrics_text_write(struct buf *out);

#endif
