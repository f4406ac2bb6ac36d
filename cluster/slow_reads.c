// A file system on which every call takes its time, for `cluster/loader`: the calls by which HDF5 (and the check of a shard's length)
// open, ask about and read files whose names end in ".h5" are delayed by SLOW_READS milliseconds each. Writing is not.
//
//   cc -O2 -shared -fPIC -o slow_reads.so slow_reads.c -ldl
//   SLOW_READS=5 LD_PRELOAD=$PWD/slow_reads.so PROGRAM
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Which descriptors are slow; beyond the last, none is.
static _Atomic unsigned char slow[65536];

static int is_slow(int descriptor) { return descriptor >= 0 && descriptor < (int)sizeof slow && slow[descriptor]; }

static int has_slow_name(const char *path) {
    size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".h5") == 0;
}

static void delay(void) {
    const char *text = getenv("SLOW_READS");
    double milliseconds = text ? atof(text) : 0;
    struct timespec rest = {(time_t)(milliseconds / 1e3), 0};
    rest.tv_nsec = (long)((milliseconds - 1e3 * (double)rest.tv_sec) * 1e6);
    while (nanosleep(&rest, &rest) != 0) {}
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                         \
    int name(const char *path, int flags, ...) {           \
        va_list list;                                      \
        va_start(list, flags);                             \
        mode_t mode = va_arg(list, mode_t);                \
        va_end(list);                                      \
        int is = has_slow_name(path);                      \
        if (is) delay();                                   \
        int result = NEXT(name)(path, flags, mode);        \
        if (result >= 0 && result < (int)sizeof slow) slow[result] = is; \
        return result;                                     \
    }
OPEN(open)
OPEN(open64)

#define STAT(name, type)                         \
    int name(const char *path, struct type *of) { \
        if (has_slow_name(path)) delay();        \
        return NEXT(name)(path, of);             \
    }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)

#define CALL(type, name, parameters, ...) \
    type name parameters {                \
        if (is_slow(descriptor)) delay(); \
        return NEXT(name)(__VA_ARGS__);   \
    }
CALL(int, fstat, (int descriptor, struct stat *of), descriptor, of)
CALL(int, fstat64, (int descriptor, struct stat64 *of), descriptor, of)
CALL(int, flock, (int descriptor, int operation), descriptor, operation)
CALL(ssize_t, read, (int descriptor, void *bytes, size_t count), descriptor, bytes, count)
CALL(ssize_t, pread, (int descriptor, void *bytes, size_t count, off_t from), descriptor, bytes, count, from)
CALL(ssize_t, pread64, (int descriptor, void *bytes, size_t count, off64_t from), descriptor, bytes, count, from)

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < (int)sizeof slow) slow[descriptor] = 0;
    return NEXT(close)(descriptor);
}
