#include "base/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void thread_begin(const char *name, int nice)
{
    pthread_setname_np(pthread_self(), name);
    if (nice != THREAD_FIRST)
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}
