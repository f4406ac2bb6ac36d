#if defined(__x86_64__)
#include "kernels.h"
#define LANES 16
#define ROWS 12
#define TABLE vk_avx512
#define NAME "avx512"
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)
#define COMPILE vk_compile_avx512
#include "tables.h"
#pragma clang attribute pop
#endif
