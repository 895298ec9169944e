/*
 * cleanup - resources that go with their scope:  CLEANUP(buf_cleanup) struct buf text = BUF_INIT;
 *
 * The named function gets the address of the variable when its scope ends, however it ends.
 */
#ifndef FAIRLEAD_BASE_CLEANUP_H
#define FAIRLEAD_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* For a `char *` (or any pointer) from malloc. */
static inline void cleanup_free(void *pointer_address)
{
    free(*(void **)pointer_address);
}

/* For an int that holds a descriptor, or -1. */
static inline void cleanup_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#endif
