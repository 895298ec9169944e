/*
 * faulty_vfs - SQLite's file layer with failures at chosen calls; the files underneath are real.
 *
 * Counts the calls of the chosen sorts and lets the Nth of them fail, once or from there on. Used by name:
 * journal_options.vfs = FAULTY_VFS.
 *
 * Threads: any may do I/O; register, arm and heal: one at a time.   Owner: the test program (one plan at a
 * time).
 */
#ifndef FAIRLEAD_TESTS_FAULTY_VFS_H
#define FAIRLEAD_TESTS_FAULTY_VFS_H

#include <stdbool.h>

#define FAULTY_VFS "faulty"

/* Sorts of calls, to be combined. */
#define FAULT_OPEN     1u
#define FAULT_WRITE    2u
#define FAULT_SYNC     4u
#define FAULT_TRUNCATE 8u
#define FAULT_ALL      (FAULT_OPEN | FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE)

enum fault_error {
    FAULT_DISK_FULL,   /* SQLITE_FULL for writes; an open fails as it does on a full disk, a sync as with late
                          allocation */
    FAULT_IO_ERROR,    /* the I/O error of each call */
    FAULT_SHORT_WRITE, /* half of the bytes arrive, then FAULT_IO_ERROR */
    FAULT_STALL,       /* no failure: the call begins when the plan is healed */
    FAULT_LATE_ERROR,  /* the call does its work and then reports FAULT_IO_ERROR */
    FAULT_CRASH,       /* half of the bytes arrive, then the process ends at once with FAULT_CRASH_STATUS */
};

#define FAULT_CRASH_STATUS 86

struct fault_plan {
    unsigned calls;    /* FAULT_OPEN | ... */
    unsigned long nth; /* 1: the first call after arming; 0: none fails, calls are only counted */
    bool forever;
    enum fault_error error;
};

/* Makes FAULTY_VFS known to SQLite; a second call does nothing. */
void faulty_vfs_register(void);

/* Starts counting from 0 with this plan. */
void faulty_vfs_arm(const struct fault_plan *plan);
/* No failures any more; the counts stay. */
void faulty_vfs_heal(void);

/* Calls of the plan's sorts, and how many of them were made to fail, since arming. */
unsigned long faulty_vfs_calls(void);
unsigned long faulty_vfs_faults(void);

#endif
