/*
 * temp_dir - a directory for one test, gone with everything in it afterwards.
 *
 * Thread: main.   Owner: the test.
 */
#ifndef FAIRLEAD_TESTS_TEMP_DIR_H
#define FAIRLEAD_TESTS_TEMP_DIR_H

#define TEMP_DIR_SIZE 256

/* Makes one under MEMORY_TMPDIR, which no disk slows down, or TMPDIR, or /tmp; mode 0700. Fails the test when
 * it cannot. */
void temp_dir_make(char out[TEMP_DIR_SIZE]);
void temp_dir_remove(const char *path);

#endif
