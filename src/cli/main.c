#include <fcntl.h>

#include "cli/command.h"

/*
 * A descriptor that was closed when we started would be the next file that we open, and what is printed would
 * go into it. Opened against their direction, so that reading or writing still fails.
 */
static void keep_standard_streams(void)
{
    static const int MODES[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", MODES[fd]) < 0)
            return; /* the same as before: what needs it will say so */
}

int main(int argc, char **argv)
{
    keep_standard_streams();
    return command_main(argc, argv);
}
