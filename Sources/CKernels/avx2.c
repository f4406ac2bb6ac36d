#if defined(__x86_64__)
#include "kernels.h"
#define LANES 8
#define ROWS 6
#define TABLE vk_avx2
#define NAME "avx2"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define COMPILE vk_compile_avx2
#include "tables.h"
#pragma clang attribute pop
#endif
