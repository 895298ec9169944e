/* media_type - is what a Content-Type header names JSON? Thread: any. */
#ifndef FAIRLEAD_HTTP_MEDIA_TYPE_H
#define FAIRLEAD_HTTP_MEDIA_TYPE_H

#include <stdbool.h>

/* application/json and anything under application/ that ends in +json, parameters ignored (RFC 6839,
 * section 3.1). None at all (NULL) and an empty one are fine. */
bool media_type_is_json(const char *value);

#endif
