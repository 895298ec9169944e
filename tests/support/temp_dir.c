#include "support/temp_dir.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void temp_dir_make(char out[TEMP_DIR_SIZE])
{
    const char *memory = getenv("MEMORY_TMPDIR");
    const char *disk = getenv("TMPDIR");
    const char *parent = memory && *memory ? memory : disk && *disk ? disk : "/tmp";
    int n = snprintf(out, TEMP_DIR_SIZE, "%s/fairlead-test-XXXXXX", parent);
    assert_true(n > 0 && n < TEMP_DIR_SIZE);
    assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *where)
{
    (void)file;
    (void)type;
    (void)where;
    return remove(path);
}

void temp_dir_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
