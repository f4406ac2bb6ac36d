#if defined(__aarch64__)
#include "kernels.h"
#define LANES 4
#define ROWS 12
#define TABLE vk_neon
#define NAME "neon"
#define COMPILE NULL
#include "tables.h"
#endif
