#include "cli/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, BAR_WIDTH = 24 };
#define DRAW_INTERVAL (100 * USEC_PER_MS)

bool terminal_is(int fd)
{
    return isatty(fd) == 1;
}

bool terminal_has_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if ((no_colour && *no_colour) || (term && strcmp(term, "dumb") == 0))
        return false;
    return terminal_is(fd);
}

const char *terminal_sequence(enum colour colour)
{
    static const char *const SEQUENCES[] = {
        [COLOUR_NONE] = "\033[0m",    [COLOUR_RED] = "\033[31m",  [COLOUR_GREEN] = "\033[32m",
        [COLOUR_YELLOW] = "\033[33m", [COLOUR_BLUE] = "\033[34m", [COLOUR_DIM] = "\033[2m",
        [COLOUR_BOLD] = "\033[1m",
    };
    return SEQUENCES[colour];
}

const char *terminal_colour(int fd, enum colour colour)
{
    return terminal_has_colour(fd) ? terminal_sequence(colour) : "";
}

int terminal_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_WIDTH;
}

static void draw(const struct progress *progress, usec now)
{
    char line[200];
    int64_t seconds = (now - progress->started) / USEC_PER_SEC;
    double elapsed = (double)(now - progress->started) / (double)USEC_PER_SEC;
    double rate = elapsed > 0 ? (double)progress->done / elapsed : 0;
    if (progress->total == 0) {
        snprintf(line, sizeof line, "%s %" PRIu64 "  %.0f/s  %" PRId64 " s", progress->label, progress->done,
                 rate, seconds);
    } else {
        double part = (double)progress->done / (double)progress->total;
        part = part > 1 ? 1 : part;
        int filled = (int)(part * BAR_WIDTH);
        double left = rate > 0 && progress->done < progress->total
                          ? (double)(progress->total - progress->done) / rate
                          : 0;
        snprintf(line, sizeof line, "%s [%.*s%.*s] %3.0f%%  %" PRIu64 "/%" PRIu64 "  %.0f/s  %.0f s left",
                 progress->label, filled, "########################", BAR_WIDTH - filled,
                 "........................", part * 100, progress->done, progress->total, rate, left);
    }
    /* A line that wraps could not be removed again. */
    fprintf(stderr, "\r%.*s\033[K", terminal_width(STDERR_FILENO) - 1, line);
    fflush(stderr);
}

void progress_start(struct progress *progress, const char *label, uint64_t total)
{
    usec now = clock_monotonic();
    *progress = (struct progress){.label = label, .total = total, .started = now, .drawn = now};
    progress->active = terminal_is(STDERR_FILENO);
}

void progress_step(struct progress *progress, uint64_t done)
{
    progress->done = done;
    if (!progress->active)
        return;
    usec now = clock_monotonic();
    if (now - progress->drawn < DRAW_INTERVAL)
        return;
    progress->drawn = now;
    draw(progress, now);
}

void progress_end(struct progress *progress)
{
    if (progress->active)
        fputs("\r\033[K", stderr);
    progress->active = false;
}
