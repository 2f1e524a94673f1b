/* A disk that fails: preloaded into a process, it lets the n-th call of one kind on one kind of file fail.
 *
 *   QFS_FAULT=CALL:NAME:N:ERRNO   CALL is write, sync, truncate, rename or read; NAME is a part of the file's path
 *   QFS_FAULT_REPORT=FILE         gets a line for the call that failed, and for every later write or sync of such
 *                                 a file: "failed CALL PATH", "later CALL PATH"
 *
 * Only that one call fails: a disk that works again afterwards is the harder case, because whoever tries again
 * is told that all is well. A failed sync does not reach the disk. A failed write has written its first half.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char call[16], name[256];
static long nth;
static int error;
static int report = -1;
static atomic_long seen;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *);

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_rename = dlsym(RTLD_NEXT, "rename");
    const char *fault = getenv("QFS_FAULT"), *path = getenv("QFS_FAULT_REPORT");
    if (fault == NULL || path == NULL || sscanf(fault, "%15[^:]:%255[^:]:%ld:%d", call, name, &nth, &error) != 4) {
        fprintf(stderr, "failing-disk: QFS_FAULT or QFS_FAULT_REPORT is missing or malformed\n");
        abort();
    }
    report = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (report < 0) abort();
}

static void tell(const char *what, const char *kind, const char *path) {
    char line[4600];
    int length = snprintf(line, sizeof line, "%s %s %s\n", what, kind, path);
    if (real_write(report, line, (size_t)length) != length) abort();
}

/* Whether this call is the one that fails. */
static int fails_at(const char *kind, const char *path) {
    if (report < 0 || strstr(path, name) == NULL) return 0;
    if (strcmp(kind, call) == 0 && atomic_fetch_add(&seen, 1) + 1 == nth) {
        tell("failed", kind, path);
        return 1;
    }
    if (atomic_load(&seen) >= nth && strcmp(kind, "read") != 0) tell("later", kind, path);
    return 0;
}

static int fails(const char *kind, int file) {
    char link[64], path[4096];
    if (report < 0 || file == report) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails_at(kind, path);
}

ssize_t write(int file, const void *bytes, size_t length) {
    if (!fails("write", file)) return real_write(file, bytes, length);
    if (length > 1 && real_write(file, bytes, length / 2) < 0) return -1;
    errno = error;
    return -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t at) {
    if (!fails("write", file)) return real_pwrite(file, bytes, length, at);
    if (length > 1 && real_pwrite(file, bytes, length / 2, at) < 0) return -1;
    errno = error;
    return -1;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    return pwrite64(file, bytes, length, at);
}

ssize_t pread64(int file, void *bytes, size_t length, off_t at) {
    if (!fails("read", file)) return real_pread(file, bytes, length, at);
    errno = error;
    return -1;
}

ssize_t pread(int file, void *bytes, size_t length, off_t at) {
    return pread64(file, bytes, length, at);
}

int fsync(int file) {
    if (!fails("sync", file)) return real_fsync(file);
    errno = error;
    return -1;
}

int fdatasync(int file) {
    if (!fails("sync", file)) return real_fdatasync(file);
    errno = error;
    return -1;
}

int ftruncate64(int file, off_t length) {
    if (!fails("truncate", file)) return real_ftruncate(file, length);
    errno = error;
    return -1;
}

int ftruncate(int file, off_t length) {
    return ftruncate64(file, length);
}

int rename(const char *from, const char *to) {
    if (!fails_at("rename", to)) return real_rename(from, to);
    errno = error;
    return -1;
}
