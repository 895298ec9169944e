/*
 * handlers - what answers the rows of api/endpoints.c. `context` is the struct api_context.
 *
 * Thread: as the row says.
 */
#ifndef FAIRLEAD_API_HANDLERS_H
#define FAIRLEAD_API_HANDLERS_H

#include "http/endpoint.h"

void post_session(void *context, const struct request *request, struct reply *reply);
void delete_session(void *context, const struct request *request, struct reply *reply);
void get_refused(void *context, const struct request *request, struct reply *reply);
void get_metrics(void *context, const struct request *request, struct reply *reply);
void get_status(void *context, const struct request *request, struct reply *reply);
void get_events(void *context, const struct request *request, struct reply *reply);
void get_event(void *context, const struct request *request, struct reply *reply);
void get_accounts(void *context, const struct request *request, struct reply *reply);
void get_account(void *context, const struct request *request, struct reply *reply);
enum rc make_test_event(void *context, const struct request *request, struct webhook *webhook,
                        struct err *err);
void post_test_event(void *context, const struct request *request, struct reply *reply);
void get_stream(void *context, const struct request *request, struct reply *reply);
void get_onboarding(void *context, const struct request *request, struct reply *reply);

/* The choices of parameters, NULL at the end; an index is the value of the enum that is named. */
extern const char *const account_status_choices[]; /* STATUS_INITIATED + index */
extern const char *const stalled_choices[];        /* STALLED_SLOW + index */
extern const char *const onboarding_by_choices[];  /* enum onboarding_by */
extern const char *const bucket_choices[];         /* into rollup_grains */
extern const char *const test_event_choices[];     /* types */
extern const char *const heartbeat_choices[];      /* of streams */

#endif
