/*
 * secret_name - is this the name of a credential, judged by the parts of the name?
 *
 * A name is taken apart where capitals begin ("dbPassword", "APIKey"), at digits, and at all that is neither
 * ('-', '_', '.', …); case does not count. It names a credential when
 *   one to four parts in a row make a word that does (token, secret, password, api_key, auth_header, …), or a
 *   part ends in such a word ("mypassword"),
 *   unless the last part that is no number says that it only tells something about one (token_type, key_id,
 *   secret_name, password_changed_at, token_url), or it says where a list goes on (next_page_token).
 * So `tokens_used` and `max_tokens` are none, `client_secret_value`, `refresh_token_1` and `x-api-key-old`
 * are. `tokens` and `pass` alone are one unless the value is a number.
 *
 * Names come byte by byte: they may be of any length, in linear time and bounded memory.
 *
 * Thread: any.
 */
#ifndef FAIRLEAD_WIRE_SECRET_NAME_H
#define FAIRLEAD_WIRE_SECRET_NAME_H

#include <stdbool.h>

#include "base/slice.h"

#define SECRET_NAME_WORD  32 /* no word is longer */
#define SECRET_NAME_PARTS 4

struct secret_name {
    char folded[2 * SECRET_NAME_PARTS * SECRET_NAME_WORD]; /* lower case, without what separates; its end */
    size_t len;                                            /* in folded */
    bool cut;                                              /* folded is not all of it */
    size_t parts[SECRET_NAME_PARTS];                       /* their lengths, the newest first */
    size_t part;                                           /* of the one that has begun */
    unsigned char last[2];                                 /* what kind the last two characters were */
    bool found;
    bool described;
};

/* Begins with all zero. c: one of ASCII, or 0 for any other character. */
void secret_name_add(struct secret_name *name, char c);

enum secret_verdict { SECRET_NOT, SECRET_UNLESS_NUMBER, SECRET_ALWAYS };
/* At the end of the name. */
enum secret_verdict secret_name_judge(struct secret_name *name);

/* The same of a parameter in an address, where also "code", "key" and signatures let somebody in. */
bool secret_name_judge_parameter(struct secret_name *name);

#endif
