// The kernels of one instruction set.
#pragma clang fp contract(off)
#define INLINE static inline __attribute__((always_inline))
#define PANEL (2 * LANES)
#include "product.h"
#include "pack.h"
#include "functions.h"
#include "loops.h"
#include "steps.h"
#include "elementwise.h"
#include "winograd.h"
#include "winograd_product.h"
#include "peak.h"

static void add(float *to, const float *from, int64_t count) { loops[VK_ADD](to, to, from, count); }

const vk_table TABLE = {NAME, PANEL, ROWS, product, pack, elementwise, COMPILE, add,
                        window, window_adjoint, output, output_adjoint, multiply, multiply_adjoint, weights, peak};
