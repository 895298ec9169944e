/*
 * metric - the program's own counters and histograms, one table.
 *
 * A value is an atomic that any thread may bump; rendering (wire/metrics_text.h) reads it. Names, kinds,
 * labels and help come from METRIC_TABLE, from which docs/metrics.md is made too. Gauges that are read off
 * something (journal size, …) are set just before rendering.
 */
#ifndef FAIRLEAD_BASE_METRIC_H
#define FAIRLEAD_BASE_METRIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* Counters and gauges. name, kind, exported name, label text ("" or key="value"), help (the first row of a
 * name gives it) */
#define METRIC_TABLE(X)                                                                                      \
    X(METRIC_WEBHOOKS_STORED, "counter", "fairlead_webhooks_total", "result=\"stored\"",                     \
      "Webhooks answered, by result.")                                                                       \
    X(METRIC_WEBHOOKS_DUPLICATE, "counter", "fairlead_webhooks_total", "result=\"duplicate\"", "")           \
    X(METRIC_WEBHOOKS_BAD_REQUEST, "counter", "fairlead_webhooks_total", "result=\"bad_request\"", "")       \
    X(METRIC_WEBHOOKS_INVALID_JSON, "counter", "fairlead_webhooks_total", "result=\"invalid_json\"", "")     \
    X(METRIC_WEBHOOKS_NOT_AN_OBJECT, "counter", "fairlead_webhooks_total", "result=\"not_an_object\"", "")   \
    X(METRIC_WEBHOOKS_SIGNATURE_MISSING, "counter", "fairlead_webhooks_total",                               \
      "result=\"signature_missing\"", "")                                                                    \
    X(METRIC_WEBHOOKS_SIGNATURE_INVALID, "counter", "fairlead_webhooks_total",                               \
      "result=\"signature_invalid\"", "")                                                                    \
    X(METRIC_WEBHOOKS_TIMESTAMP, "counter", "fairlead_webhooks_total", "result=\"timestamp_out_of_range\"",  \
      "")                                                                                                    \
    X(METRIC_WEBHOOKS_METHOD, "counter", "fairlead_webhooks_total", "result=\"method_not_allowed\"", "")     \
    X(METRIC_WEBHOOKS_TIMEOUT, "counter", "fairlead_webhooks_total", "result=\"timeout\"", "")               \
    X(METRIC_WEBHOOKS_TOO_LARGE, "counter", "fairlead_webhooks_total", "result=\"body_too_large\"", "")      \
    X(METRIC_WEBHOOKS_MEDIA_TYPE, "counter", "fairlead_webhooks_total", "result=\"unsupported_media_type\"", \
      "")                                                                                                    \
    X(METRIC_WEBHOOKS_HEADERS, "counter", "fairlead_webhooks_total", "result=\"headers_too_large\"", "")     \
    X(METRIC_WEBHOOKS_OVERLOADED, "counter", "fairlead_webhooks_total", "result=\"overloaded\"", "")         \
    X(METRIC_WEBHOOKS_STORAGE, "counter", "fairlead_webhooks_total", "result=\"storage_unavailable\"", "")   \
    X(METRIC_WEBHOOKS_OTHER, "counter", "fairlead_webhooks_total", "result=\"error\"", "")                   \
    X(METRIC_SHAPE_ADMIN, "counter", "fairlead_events_total", "shape=\"admin\"",                             \
      "Events that the read model has taken in since the start, by shape.")                                  \
    X(METRIC_SHAPE_V3, "counter", "fairlead_events_total", "shape=\"v3\"", "")                               \
    X(METRIC_SHAPE_V2, "counter", "fairlead_events_total", "shape=\"v2\"", "")                               \
    X(METRIC_SHAPE_V1, "counter", "fairlead_events_total", "shape=\"v1\"", "")                               \
    X(METRIC_SHAPE_OTHER, "counter", "fairlead_events_total", "shape=\"other\"", "")                         \
    X(METRIC_TRACKER_LAG, "gauge", "fairlead_tracker_lag_records", "",                                       \
      "Records in the journal that the read model does not show yet.")                                       \
    X(METRIC_PRINT_SKIPPED, "counter", "fairlead_print_skipped_total", "",                                   \
      "Events not printed because standard output was too slow.")                                            \
    X(METRIC_CONNECTIONS, "gauge", "fairlead_http_connections", "", "Open HTTP connections.")                \
    X(METRIC_CONNECTIONS_CLOSED, "counter", "fairlead_http_connections_closed_total", "",                    \
      "Connections closed by a limit or a timeout.")                                                         \
    X(METRIC_STREAM_CLIENTS, "gauge", "fairlead_stream_clients", "", "Open event streams.")                  \
    X(METRIC_QUEUE, "gauge", "fairlead_receive_queue_webhooks", "", "Webhooks waiting to be stored.")        \
    X(METRIC_JOURNAL_BYTES, "gauge", "fairlead_journal_bytes", "",                                           \
      "Bytes on disk that the journal occupies.")                                                            \
    X(METRIC_JOURNAL_SEQ, "gauge", "fairlead_journal_seq", "", "Sequence number of the newest record.")      \
    X(METRIC_DATA_FREE, "gauge", "fairlead_data_free_bytes", "",                                             \
      "Bytes free for us on the file system of the data directory.")                                         \
    X(METRIC_WINDOW_KEYS, "gauge", "fairlead_dedupe_window_keys", "", "Keys in the dedupe window.")          \
    X(METRIC_READY, "gauge", "fairlead_ready", "", "1 when webhooks can be stored now.")                     \
    X(METRIC_RECEIVE_BUSY, "gauge", "fairlead_receive_busy_seconds", "",                                     \
      "How long the batch under way has been taking; 0: less than a second. A number that grows is a hung "  \
      "commit.")                                                                                             \
    X(METRIC_COMMIT_FAILURES, "counter", "fairlead_commit_failures_total", "", "Commits that failed.")       \
    X(METRIC_TRIMMED, "counter", "fairlead_journal_trimmed_records_total", "",                               \
      "Records removed by retention.")                                                                       \
    X(METRIC_LAST_WEBHOOK, "gauge", "fairlead_last_webhook_timestamp_seconds", "",                           \
      "When the newest webhook was stored, Unix time; 0: none since the start.")

/* Histograms. name, exported name, help, bucket table (upper bounds, ascending; seconds or plain numbers) */
#define HISTOGRAM_TABLE(X)                                                                                   \
    X(HISTOGRAM_ACK, "fairlead_ack_seconds", "From the last byte of a webhook to its answer.",               \
      LATENCY_BOUNDS)                                                                                        \
    X(HISTOGRAM_COMMIT, "fairlead_commit_seconds", "One journal commit with its fsync.", LATENCY_BOUNDS)     \
    X(HISTOGRAM_BATCH, "fairlead_commit_batch_records", "Records in one commit.", BATCH_BOUNDS)

/* What the read model counts, with the apps that there are as labels (track/question_metrics.c). name,
 * exported name, kind, labels, help */
#define FAMILY_TABLE(X)                                                                                      \
    X(FAMILY_ACCOUNTS, "fairlead_connected_accounts", "gauge", "app, status",                                \
      "Connected accounts, by app and status.")                                                              \
    X(FAMILY_STARTED, "fairlead_connections_started_total", "counter", "app",                                \
      "Attempts to connect, by app.")                                                                        \
    X(FAMILY_COMPLETED, "fairlead_connections_completed_total", "counter", "app",                            \
      "Attempts that were completed, by app.")                                                               \
    X(FAMILY_ABANDONED, "fairlead_connections_abandoned", "gauge", "app",                                    \
      "Attempts that count as abandoned, by app; a completion that still comes takes one away.")             \
    X(FAMILY_TIME_TO_CONNECT, "fairlead_time_to_connect_seconds", "histogram", "app",                        \
      "From the start of an attempt to its completion, by app; within 3.2 %.")

#define FAMILY_ENUM_ROW(name, exported, kind, labels, help) name,
enum family { FAMILY_TABLE(FAMILY_ENUM_ROW) FAMILY_COUNT };
#undef FAMILY_ENUM_ROW

#define METRIC_ENUM_ROW(name, kind, exported, label, help) name,
enum metric { METRIC_TABLE(METRIC_ENUM_ROW) METRIC_COUNT };
#undef METRIC_ENUM_ROW

#define HISTOGRAM_ENUM_ROW(name, exported, help, bounds) name,
enum histogram { HISTOGRAM_TABLE(HISTOGRAM_ENUM_ROW) HISTOGRAM_COUNT };
#undef HISTOGRAM_ENUM_ROW

#define HISTOGRAM_MAX_BOUNDS 24

struct metric_row {
    const char *kind;
    const char *name;
    const char *label;
    const char *help;
};

struct histogram_row {
    const char *name;
    const char *help;
    const double *bounds;
    size_t bound_count;
};

struct histogram_values {
    uint64_t counts[HISTOGRAM_MAX_BOUNDS + 1]; /* not cumulative; the last is above every bound */
    double sum;
    uint64_t count;
};

struct family_row {
    const char *name;
    const char *kind;
    const char *labels; /* their names */
    const char *help;
};

const struct family_row *family_row(enum family family);

void metric_add(enum metric metric, int64_t n);
void metric_set(enum metric metric, int64_t value);
int64_t metric_get(enum metric metric);
const struct metric_row *metric_row(enum metric metric);

/* One observation: a number as the table says (for seconds see the next). */
void histogram_observe(enum histogram histogram, double value);
void histogram_observe_usec(enum histogram histogram, usec duration);
void histogram_get(enum histogram histogram, struct histogram_values *ret);
const struct histogram_row *histogram_row(enum histogram histogram);

#endif
