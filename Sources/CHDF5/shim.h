#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H
#include <hdf5.h>

// HDF5's names for types, classes of property lists and flags are macros that first open the library.

static inline hid_t ch5_default(void) { return H5P_DEFAULT; }
static inline hid_t ch5_all(void) { return H5S_ALL; }
static inline unsigned ch5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned ch5_truncate(void) { return H5F_ACC_TRUNC; }
static inline hid_t ch5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t ch5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t ch5_dataset_create(void) { return H5P_DATASET_CREATE; }

static inline hid_t ch5_native_u8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t ch5_native_u16(void) { return H5T_NATIVE_UINT16; }
static inline hid_t ch5_native_i16(void) { return H5T_NATIVE_INT16; }
static inline hid_t ch5_native_i32(void) { return H5T_NATIVE_INT32; }
static inline hid_t ch5_native_i64(void) { return H5T_NATIVE_INT64; }
static inline hid_t ch5_native_f32(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t ch5_native_f64(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t ch5_stored_u8(void) { return H5T_STD_U8LE; }
static inline hid_t ch5_stored_u16(void) { return H5T_STD_U16LE; }
static inline hid_t ch5_stored_i16(void) { return H5T_STD_I16LE; }
static inline hid_t ch5_stored_i32(void) { return H5T_STD_I32LE; }
static inline hid_t ch5_stored_i64(void) { return H5T_STD_I64LE; }
static inline hid_t ch5_stored_f32(void) { return H5T_IEEE_F32LE; }
static inline hid_t ch5_stored_f64(void) { return H5T_IEEE_F64LE; }
static inline hid_t ch5_c_string(void) { return H5T_C_S1; }

// Every thread has an error stack of its own, which prints itself until told otherwise.
static inline herr_t ch5_print_no_errors(void) { return H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
static inline herr_t ch5_walk_errors(H5E_walk2_t visit, void *data) { return H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, visit, data); }
static inline herr_t ch5_clear_errors(void) { return H5Eclear2(H5E_DEFAULT); }

#endif
