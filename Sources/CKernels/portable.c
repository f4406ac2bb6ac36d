// For any processor: right, and slow where fused multiply-add is a call into the C library.
#include "kernels.h"
#define LANES 4
#define ROWS 4
#define TABLE vk_portable
#define NAME "portable"
#define COMPILE NULL
#include "tables.h"
