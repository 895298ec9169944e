/*
 * thread - what a thread is called, and whether its work may wait for that of others.
 *
 * Thread: any; each speaks of itself, first of all.
 */
#ifndef FAIRLEAD_BASE_THREAD_H
#define FAIRLEAD_BASE_THREAD_H

/* How nice (setpriority(2), which on Linux is about one thread): the greater, the longer it waits. */
#define THREAD_FIRST      0  /* as the process was started */
#define THREAD_BACKGROUND 10 /* users see what it does soon: the read model, streams that catch up */
#define THREAD_PRINTER    15

/* `name`: at most 15 bytes, as top(1) and debuggers show it. That either cannot be set harms nothing. */
void thread_begin(const char *name, int nice);

#endif
