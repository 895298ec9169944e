#include "http/media_type.h"

#include "base/slice.h"

bool media_type_is_json(const char *value)
{
    if (!value)
        return true;
    struct slice rest = slice_str(value);
    struct slice type = slice_trim(slice_split(&rest, ';'));
    if (slice_trim(slice_str(value)).len == 0)
        return true;
    if (slice_is_nocase(type, "application/json"))
        return true;
    return type.len > 17 && strncasecmp(type.ptr, "application/", 12) == 0 &&
           strncasecmp(type.ptr + type.len - 5, "+json", 5) == 0;
}
