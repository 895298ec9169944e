/*
 * client_stream - an answer that does not end, for the command line (libcurl): its bytes are handed on as
 * they come.
 *
 * What holds for a request of client.h holds here too: no redirects, certificates checked, proxies.
 *
 * Thread: one that may block.
 */
#ifndef FAIRLEAD_HTTP_CLIENT_STREAM_H
#define FAIRLEAD_HTTP_CLIENT_STREAM_H

#include "http/client.h"

struct client_stream {
    const char *url;
    const char *const *headers;
    usec silence; /* without a byte for so long the connection counts as lost */
    int stop_fd;  /* when it can be read, the end; -1: none */
    /* What came, of an answer with status 200. false: the end. */
    bool (*on_bytes)(void *arg, struct slice bytes);
    void *arg;
};

enum client_stream_end {
    CLIENT_STREAM_LOST,    /* the other side ended it, or is silent; the sentence says which */
    CLIENT_STREAM_REFUSED, /* another status than 200 */
    CLIENT_STREAM_STOPPED, /* stop_fd, or on_bytes */
};

struct client_stream_answer {
    enum client_stream_end end;
    int status;      /* 0: there was no answer at all */
    struct buf body; /* of another status than 200; buf_cleanup() by the caller */
};

/*
 * Follows the stream to its end. RC_UNREACHABLE when no answer came, RC_USAGE, RC_NO_MEMORY as
 * client_perform(), RC_INTERNAL; otherwise *ret says how it ended, and err why it was lost.
 */
MUST_CHECK enum rc client_stream_follow(const struct client_stream *stream, struct client_stream_answer *ret,
                                        struct err *err);

#endif
