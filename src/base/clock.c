#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static usec read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (usec)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

usec clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/*
 * Days since 1970-01-01 of a date of the proleptic Gregorian calendar. Years are counted from March, so that
 * the leap day is the last of its year and month lengths follow one linear formula; and from 400 years
 * (146097 days) earlier, so that the divisions never see a negative number.
 */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = (month <= 2 ? year - 1 : year) + 400;
    int64_t march_month = (month + 9) % 12;
    int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468 - 146097;
}

/* A number with leading zeros, and the character after it. */
struct field {
    int digits;
    int value;
    char after;
};

static char *put_field(char *out, const struct field *field)
{
    int value = field->value;
    for (int i = field->digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    out[field->digits] = field->after;
    return out + field->digits + 1;
}

void clock_format(usec at, char out[CLOCK_RFC3339_SIZE])
{
    const usec first = days_from_date(0, 1, 1) * USEC_DAY;
    at = at < first ? first : at > CLOCK_WALL_MAX ? CLOCK_WALL_MAX : at;
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    int64_t micros = at % USEC_PER_SEC;
    if (micros < 0) {
        micros += USEC_PER_SEC;
        seconds--;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    const struct field fields[] = {
        {4, tm.tm_year + 1900, '-'},    {2, tm.tm_mon + 1, '-'}, {2, tm.tm_mday, 'T'},
        {2, tm.tm_hour, ':'},           {2, tm.tm_min, ':'},     {2, tm.tm_sec, '.'},
        {3, (int)(micros / 1000), 'Z'},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        out = put_field(out, &fields[i]);
    *out = '\0';
}

/* Exactly `count` digits off the front of *rest. */
static bool take_digits(struct slice *rest, size_t count, int64_t *ret)
{
    if (rest->len < count)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9')
            return false;
        value = value * 10 + (rest->ptr[i] - '0');
    }
    *rest = slice_skip(*rest, count);
    *ret = value;
    return true;
}

static bool take_char(struct slice *rest, const char *allowed)
{
    if (rest->len == 0 || rest->ptr[0] == '\0' || !strchr(allowed, rest->ptr[0]))
        return false;
    *rest = slice_skip(*rest, 1);
    return true;
}

static bool take_fraction(struct slice *rest, int64_t *ret_micros)
{
    *ret_micros = 0;
    if (!take_char(rest, "."))
        return true;
    int64_t unit = 100000;
    size_t digits = 0;
    for (int64_t digit; take_digits(rest, 1, &digit); digits++) {
        *ret_micros += digit * unit;
        unit /= 10;
    }
    return digits > 0;
}

static bool take_offset(struct slice *rest, int64_t *ret_minutes)
{
    *ret_minutes = 0;
    if (take_char(rest, "Zz"))
        return true;
    if (rest->len == 0)
        return false;
    int64_t sign = rest->ptr[0] == '-' ? -1 : 1;
    int64_t hours;
    int64_t minutes;
    if (!take_char(rest, "+-") || !take_digits(rest, 2, &hours) || !take_char(rest, ":") ||
        !take_digits(rest, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool date_is_real(int64_t year, int64_t month, int64_t day)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= DAYS[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool clock_parse(struct slice text, usec *ret)
{
    int64_t year, month, day, hour, minute, second, micros, offset;
    if (!take_digits(&text, 4, &year) || !take_char(&text, "-") || !take_digits(&text, 2, &month) ||
        !take_char(&text, "-") || !take_digits(&text, 2, &day) || !take_char(&text, "Tt ") ||
        !take_digits(&text, 2, &hour) || !take_char(&text, ":") || !take_digits(&text, 2, &minute) ||
        !take_char(&text, ":") || !take_digits(&text, 2, &second) || !take_fraction(&text, &micros) ||
        !take_offset(&text, &offset) || text.len != 0)
        return false;
    if (!date_is_real(year, month, day) || hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t days = days_from_date(year, month, day);
    *ret = ((days * 24 + hour) * 60 + minute - offset) * USEC_MINUTE + second * USEC_PER_SEC + micros;
    return true;
}

struct unit {
    const char *suffix;
    usec length;
};

/* Longest unit first, as clock_format_duration() writes them. */
static const struct unit UNITS[] = {
    {"d", USEC_DAY},     {"h", USEC_HOUR},    {"m", USEC_MINUTE},
    {"s", USEC_PER_SEC}, {"ms", USEC_PER_MS}, {"us", 1},
};
#define UNIT_COUNT (sizeof UNITS / sizeof UNITS[0])

static usec unit_length(struct slice suffix)
{
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (slice_is(suffix, UNITS[i].suffix))
            return UNITS[i].length;
    return 0;
}

bool clock_parse_duration(struct slice text, usec *ret)
{
    const usec longest = 100 * 366 * USEC_DAY;
    usec total = 0;
    bool bare = true;
    if (text.len == 0)
        return false;
    while (text.len > 0) {
        int64_t value = 0;
        int64_t digit;
        size_t digits = 0;
        for (; digits < 16 && take_digits(&text, 1, &digit); digits++)
            value = value * 10 + digit;
        size_t letters = 0;
        while (letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z')
            letters++;
        usec length = letters ? unit_length(slice_of(text.ptr, letters)) : USEC_PER_SEC;
        if (digits == 0 || length == 0 || (letters == 0 && (!bare || text.len > 0)) ||
            value > longest / length)
            return false;
        text = slice_skip(text, letters);
        total += value * length;
        bare = false;
        if (total > longest)
            return false;
    }
    *ret = total;
    return true;
}

void clock_format_duration(usec duration, char out[CLOCK_DURATION_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < UNIT_COUNT && duration > 0; i++) {
        usec count = duration / UNITS[i].length;
        if (count == 0)
            continue;
        int n = snprintf(out + used, CLOCK_DURATION_SIZE - used, "%lld%s", (long long)count, UNITS[i].suffix);
        if (n < 0 || (size_t)n >= CLOCK_DURATION_SIZE - used)
            return;
        used += (size_t)n;
        duration %= UNITS[i].length;
    }
    if (used == 0)
        snprintf(out, CLOCK_DURATION_SIZE, "0s");
}
