// What the tables share. Each of avx2.c, avx512.c and portable.c includes tables.h, which makes the kernels for its
// instruction set out of one source: LANES floats in a vector, ROWS rows in a product's tile, TABLE and NAME.
#ifndef KERNELS_H
#define KERNELS_H
#include "CKernels.h"
#include <string.h>

extern const vk_table vk_avx512, vk_avx2, vk_portable;

// Elements of a block: about as many as keep a program's slots in L1, and where the periods allow it a multiple of each,
// so that a periodic slot looks the same in every block.
int64_t vk_block(const vk_program *program);
// Virtual lanes of a sum with this period.
int64_t vk_lanes(int64_t period);

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
#endif
