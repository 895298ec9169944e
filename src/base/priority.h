/*
 * priority - threads whose work may wait for that of others.
 *
 * Thread: any; each lowers its own.
 */
#ifndef FAIRLEAD_BASE_PRIORITY_H
#define FAIRLEAD_BASE_PRIORITY_H

/* How nice (setpriority(2), which on Linux is about one thread): the greater, the longer it waits. */
#define PRIORITY_BACKGROUND 10 /* users see what it does soon: the read model, streams that catch up */
#define PRIORITY_PRINTER    15

/* Of the thread that calls. That it cannot be lowered harms nothing. */
void priority_lower(int nice);

#endif
