#include "support/faulty_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

struct faulty_file {
    sqlite3_file base;
    _Alignas(sqlite3_file) unsigned char real[]; /* the system's sqlite3_file; SQLite aligns to 8 bytes */
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t healed;
    struct fault_plan plan;
    unsigned long calls;
    unsigned long faults;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .healed = PTHREAD_COND_INITIALIZER};

static sqlite3_vfs *system_vfs;
static sqlite3_vfs faulty;

/* Counts the call; true: it is to fail, with *ret_error. */
static bool fails(unsigned call, enum fault_error *ret_error)
{
    pthread_mutex_lock(&state.mutex);
    bool hit = false;
    if (state.plan.calls & call) {
        state.calls++;
        hit = state.plan.nth != 0 &&
              (state.calls == state.plan.nth || (state.plan.forever && state.calls > state.plan.nth));
        state.faults += hit;
    }
    while (hit && state.plan.error == FAULT_STALL && state.plan.nth != 0)
        pthread_cond_wait(&state.healed, &state.mutex);
    hit = hit && state.plan.error != FAULT_STALL;
    *ret_error = state.plan.error;
    pthread_mutex_unlock(&state.mutex);
    return hit;
}

static int error_of(unsigned call, enum fault_error error)
{
    if (error == FAULT_CRASH)
        _exit(FAULT_CRASH_STATUS);
    bool full = error == FAULT_DISK_FULL;
    switch (call) {
    case FAULT_OPEN:
        return SQLITE_CANTOPEN;
    case FAULT_WRITE:
        return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    case FAULT_SYNC:
        return SQLITE_IOERR_FSYNC;
    default:
        return SQLITE_IOERR_TRUNCATE;
    }
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return (sqlite3_file *)((struct faulty_file *)file)->real;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *out, int count, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, count, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    enum fault_error error;
    if (!fails(FAULT_WRITE, &error))
        return real->pMethods->xWrite(real, bytes, count, at);
    int arrives = error == FAULT_LATE_ERROR                            ? count
                  : error == FAULT_SHORT_WRITE || error == FAULT_CRASH ? count / 2
                                                                       : 0;
    if (arrives > 0) {
        int code = real->pMethods->xWrite(real, bytes, arrives, at);
        if (code != SQLITE_OK)
            return code;
    }
    return error_of(FAULT_WRITE, error);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    enum fault_error error;
    bool fail = fails(FAULT_TRUNCATE, &error);
    if (fail && error != FAULT_LATE_ERROR)
        return error_of(FAULT_TRUNCATE, error);
    int code = real->pMethods->xTruncate(real, size);
    return fail ? error_of(FAULT_TRUNCATE, error) : code;
}

static int file_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = real_of(file);
    enum fault_error error;
    bool fail = fails(FAULT_SYNC, &error);
    if (fail && error != FAULT_LATE_ERROR)
        return error_of(FAULT_SYNC, error);
    int code = real->pMethods->xSync(real, flags);
    return fail ? error_of(FAULT_SYNC, error) : code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *held)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int file_control(sqlite3_file *file, int what, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, arg);
}

static int file_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

/* Version 2: with shared memory for the write-ahead log, without mapped reads. */
static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    file->pMethods = NULL;
    enum fault_error error;
    if (fails(FAULT_OPEN, &error))
        return error_of(FAULT_OPEN, error);
    sqlite3_file *real = real_of(file);
    real->pMethods = NULL;
    int code = system_vfs->xOpen(system_vfs, name, real, flags, ret_flags);
    if (code == SQLITE_OK)
        file->pMethods = &METHODS;
    else if (real->pMethods)
        real->pMethods->xClose(real);
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    return system_vfs->xDelete(system_vfs, name, sync_directory);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs;
    return system_vfs->xAccess(system_vfs, name, flags, ret);
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    return system_vfs->xFullPathname(system_vfs, name, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int count, char *out)
{
    (void)vfs;
    return system_vfs->xRandomness(system_vfs, count, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return system_vfs->xSleep(system_vfs, microseconds);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    (void)vfs;
    return system_vfs->xCurrentTime(system_vfs, ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    (void)size;
    (void)out;
    return 0; /* our failures have no errno, and an old one would mislead */
}

static int vfs_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    return system_vfs->xCurrentTimeInt64(system_vfs, ret);
}

void faulty_vfs_register(void)
{
    if (system_vfs)
        return;
    sqlite3_initialize();
    system_vfs = sqlite3_vfs_find(NULL);
    faulty = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct faulty_file) + system_vfs->szOsFile,
        .mxPathname = system_vfs->mxPathname,
        .zName = FAULTY_VFS,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_name,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time_int64,
    };
    sqlite3_vfs_register(&faulty, 0);
}

void faulty_vfs_arm(const struct fault_plan *plan)
{
    pthread_mutex_lock(&state.mutex);
    state.plan = *plan;
    state.calls = 0;
    state.faults = 0;
    pthread_mutex_unlock(&state.mutex);
}

void faulty_vfs_heal(void)
{
    pthread_mutex_lock(&state.mutex);
    state.plan.nth = 0;
    pthread_cond_broadcast(&state.healed);
    pthread_mutex_unlock(&state.mutex);
}

unsigned long faulty_vfs_calls(void)
{
    pthread_mutex_lock(&state.mutex);
    unsigned long calls = state.calls;
    pthread_mutex_unlock(&state.mutex);
    return calls;
}

unsigned long faulty_vfs_faults(void)
{
    pthread_mutex_lock(&state.mutex);
    unsigned long faults = state.faults;
    pthread_mutex_unlock(&state.mutex);
    return faults;
}
