/*
 * call - one request that is no webhook: which endpoint or file, who may ask, its parameters, its answer.
 *
 * Order of checks: path and method, token, size and type of the body, parameters.
 *
 * Thread: loop.   Owner: the exchange.
 */
#ifndef FAIRLEAD_HTTP_CALL_H
#define FAIRLEAD_HTTP_CALL_H

#include "http/exchange.h"

struct call;

/* NULL when memory ran out. */
struct call *call_new(struct exchanges *all, struct MHD_Connection *http, struct connection *connection);
void call_free(struct call *call);

/* Headers are complete: may it be answered? `length` of the body, as far as it was announced. */
MUST_CHECK enum rc call_check(struct call *call, const char *url, const char *method, uint64_t length,
                              struct err *err);

/* What is allowed, after RC_METHOD_NOT_ALLOWED. */
const char *call_allow(const struct call *call);

/* A piece of the body; what is not wanted is dropped. RC_BODY_TOO_LARGE. */
MUST_CHECK enum rc call_add_body(struct call *call, const char *data, size_t len, struct err *err);

/* The request is complete: are its parameters? To be asked before it runs. */
MUST_CHECK enum rc call_finish(struct call *call, struct err *err);

/* RUN_RECEIVE: is this a call that makes a webhook, and makes it. call_answer_webhook() is for its return. */
bool call_makes_webhook(const struct call *call);
MUST_CHECK enum rc call_make_webhook(struct call *call, struct webhook *webhook, struct err *err);
void call_answer_webhook(struct call *call, const struct webhook *webhook);

/*
 * Either the reply is made at once (*ret_later false), or the handler works on the pool and `done` is called
 * on the loop when the reply is there.
 */
MUST_CHECK enum rc call_run(struct call *call, void (*done)(void *arg), void *arg, bool *ret_later,
                            struct err *err);

/* The reply, to be sent. */
struct reply *call_reply(struct call *call);

#endif
