#ifndef COPENMPI_SHIM_H
#define COPENMPI_SHIM_H
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <stdint.h>

/* Handles are pointers in Open MPI and integers in MPICH. Swift sees neither kind: a handle that a call returns comes in one of
   these structures, whose field has the same spelling for both. */
typedef struct { MPI_Comm handle; } shim_comm;
typedef struct { MPI_Request handle; } shim_request;
typedef struct { MPI_Win handle; } shim_window;

/* Constants that are casts, which Swift does not import. */
static inline MPI_Comm shim_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Datatype shim_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype shim_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype shim_int32(void) { return MPI_INT32_T; }
static inline MPI_Datatype shim_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype shim_uint64(void) { return MPI_UINT64_T; }
static inline MPI_Datatype shim_uint8(void) { return MPI_UINT8_T; }
static inline MPI_Op shim_sum(void) { return MPI_SUM; }
static inline MPI_Op shim_minimum(void) { return MPI_MIN; }
static inline MPI_Op shim_maximum(void) { return MPI_MAX; }
static inline MPI_Op shim_and(void) { return MPI_BAND; }
static inline MPI_Op shim_or(void) { return MPI_BOR; }
static inline void *shim_in_place(void) { return MPI_IN_PLACE; }
static inline MPI_Status *shim_status_ignore(void) { return MPI_STATUS_IGNORE; }

/* Calls that return handles, or take them by address. */
static inline int shim_comm_errors_return(MPI_Comm c) { return MPI_Comm_set_errhandler(c, MPI_ERRORS_RETURN); }
static inline int shim_comm_duplicate(MPI_Comm c, shim_comm *made) { return MPI_Comm_dup(c, &made->handle); }
static inline int shim_comm_split(MPI_Comm c, int color, int key, shim_comm *made) { return MPI_Comm_split(c, color, key, &made->handle); }
static inline int shim_comm_split_shared(MPI_Comm c, int key, shim_comm *made) {
    return MPI_Comm_split_type(c, MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &made->handle);
}
static inline int shim_comm_is_null(shim_comm c) { return c.handle == MPI_COMM_NULL; }
static inline int shim_comm_free(shim_comm c) { return MPI_Comm_free(&c.handle); }

static inline int shim_send(const void *data, int count, MPI_Datatype type, int to, int tag, MPI_Comm c, shim_request *made) {
    return MPI_Isend(data, count, type, to, tag, c, &made->handle);
}
static inline int shim_receive(void *data, int count, MPI_Datatype type, int from, int tag, MPI_Comm c, shim_request *made) {
    return MPI_Irecv(data, count, type, from, tag, c, &made->handle);
}
static inline int shim_all_reduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm c, shim_request *made) {
    return MPI_Iallreduce(from, to, count, type, op, c, &made->handle);
}
static inline int shim_probe(int tag, MPI_Comm c, int *found, int *from) {
    MPI_Status status;
    int code = MPI_Iprobe(MPI_ANY_SOURCE, tag, c, found, &status);
    if (code == MPI_SUCCESS && *found) *from = status.MPI_SOURCE;
    return code;
}
static inline int shim_wait(shim_request *request) { return MPI_Wait(&request->handle, MPI_STATUS_IGNORE); }
static inline int shim_test(shim_request *request, int *done) { return MPI_Test(&request->handle, done, MPI_STATUS_IGNORE); }

static inline int shim_window_allocate(MPI_Aint bytes, MPI_Comm c, void **base, shim_window *made) {
    int code = MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, c, base, &made->handle);
    return code == MPI_SUCCESS ? MPI_Win_set_errhandler(made->handle, MPI_ERRORS_RETURN) : code;
}
static inline int shim_window_query(MPI_Win window, int rank, MPI_Aint *bytes, void **base) {
    int unit;
    return MPI_Win_shared_query(window, rank, bytes, &unit, base);
}
/* Words in shared memory by which ranks tell each other that what they wrote before is there. */
static inline void shim_raise(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static inline uint64_t shim_read(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
/* Open for loads and stores of all ranks until it is freed. */
static inline int shim_window_open(MPI_Win window) { return MPI_Win_lock_all(MPI_MODE_NOCHECK, window); }
static inline int shim_window_free(shim_window window) {
    int code = MPI_Win_unlock_all(window.handle);
    return code == MPI_SUCCESS ? MPI_Win_free(&window.handle) : code;
}
#endif
