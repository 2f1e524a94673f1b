/* A process that dies at one of its writes: preloaded, it counts every call that changes a file below a directory, and
 * kills the process, as kill -9 does, at the n-th.
 *
 *   QFS_CRASH_BELOW=DIR      only calls on files whose path begins with it count
 *   QFS_CRASH_AT=N           the call at which the process dies: a write has written its first half, any other call
 *                            has not been made; 0: never
 *   QFS_CRASH_REPORT=FILE    gets the number of calls that a process made which was not killed
 *
 * Calls that do not go through the C library (a few renames and unlinks of small files) are not counted: dying before such a
 * call is dying after the one before it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *below, *report;
static long at;
static atomic_long seen;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t), (*real_sync_range)(int, off_t, off_t, unsigned);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *);

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
    real_sync_range = dlsym(RTLD_NEXT, "sync_file_range");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    const char *number = getenv("QFS_CRASH_AT");
    below = getenv("QFS_CRASH_BELOW");
    report = getenv("QFS_CRASH_REPORT");
    if (number == NULL || below == NULL || report == NULL) {
        fprintf(stderr, "crash-points: QFS_CRASH_AT, QFS_CRASH_BELOW or QFS_CRASH_REPORT is missing\n");
        abort();
    }
    at = atol(number);
}

__attribute__((destructor)) static void end(void) {
    char line[32];
    int length = snprintf(line, sizeof line, "%ld\n", atomic_load(&seen));
    int file = open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || real_write(file, line, (size_t)length) != length) abort();
    close(file);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Whether the process dies in this call. */
static int dies_on(const char *path) {
    if (below == NULL || strncmp(path, below, strlen(below)) != 0) return 0;
    return atomic_fetch_add(&seen, 1) + 1 == at;
}

static int dies(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return dies_on(path);
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (!dies(file)) return real_write(file, bytes, length);
    if (real_write(file, bytes, length / 2) >= 0) die();
    die();
    return -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t offset) {
    if (!dies(file)) return real_pwrite(file, bytes, length, offset);
    if (real_pwrite(file, bytes, length / 2, offset) >= 0) die();
    die();
    return -1;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
    return pwrite64(file, bytes, length, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    if (dies(file)) die();
    return real_writev(file, parts, count);
}

int fsync(int file) {
    if (dies(file)) die();
    return real_fsync(file);
}

int fdatasync(int file) {
    if (dies(file)) die();
    return real_fdatasync(file);
}

int ftruncate64(int file, off_t length) {
    if (dies(file)) die();
    return real_ftruncate(file, length);
}

int ftruncate(int file, off_t length) {
    return ftruncate64(file, length);
}

int fallocate64(int file, int mode, off_t offset, off_t length) {
    if (dies(file)) die();
    return real_fallocate(file, mode, offset, length);
}

int fallocate(int file, int mode, off_t offset, off_t length) {
    return fallocate64(file, mode, offset, length);
}

int sync_file_range(int file, off_t offset, off_t length, unsigned flags) {
    if (dies(file)) die();
    return real_sync_range(file, offset, length, flags);
}

int rename(const char *from, const char *to) {
    if (dies_on(to)) die();
    return real_rename(from, to);
}

int unlink(const char *path) {
    if (dies_on(path)) die();
    return real_unlink(path);
}
