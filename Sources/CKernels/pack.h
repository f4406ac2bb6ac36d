// Matrices laid out in panels, as products read them.

// Transposes LANES vectors: blocks of LANES/2 elements change places, then of LANES/4, to single ones.
#define LOW(e, s) ((e) / (s) % 2 == 0 ? (e) : LANES + (e) - (s))
#define HIGH(e, s) ((e) / (s) % 2 == 0 ? (e) + (s) : LANES + (e))
#define FOUR(which, e, s) which(e, s), which(e + 1, s), which(e + 2, s), which(e + 3, s)
#if LANES == 4
#define EACH(which, s) FOUR(which, 0, s)
#elif LANES == 8
#define EACH(which, s) FOUR(which, 0, s), FOUR(which, 4, s)
#else
#define EACH(which, s) FOUR(which, 0, s), FOUR(which, 4, s), FOUR(which, 8, s), FOUR(which, 12, s)
#endif
#define EXCHANGE(x, s)                                                         \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LANES; i++)           \
    if (i / (s) % 2 == 0) {                                                    \
      vector low = __builtin_shufflevector(x[i], x[i + (s)], EACH(LOW, s));    \
      vector high = __builtin_shufflevector(x[i], x[i + (s)], EACH(HIGH, s));  \
      x[i] = low, x[i + (s)] = high;                                           \
    }
INLINE void transpose(vector *x) {
#if LANES == 16
  EXCHANGE(x, 8)
#endif
#if LANES >= 8
  EXCHANGE(x, 4)
#endif
  EXCHANGE(x, 2)
  EXCHANGE(x, 1)
}

// Rows first ..< last of a panel, of which `real` columns exist.
static void pack_elements(float *block, const float *from, int64_t first, int64_t last, int64_t real, int64_t rowStride, int64_t columnStride) {
  for (int64_t k = first; k < last; k++)
    for (int64_t n = 0; n < PANEL; n++) block[k * PANEL + n] = n < real ? from[k * rowStride + n * columnStride] : 0.0f;
}

// A whole panel of a matrix whose columns are contiguous.
static void pack_columns(float *block, const float *from, int64_t inner, int64_t columnStride) {
  int64_t k = 0;
  for (; k + LANES <= inner; k += LANES)
    for (int64_t n = 0; n < PANEL; n += LANES) {
      vector x[LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < LANES; i++) x[i] = load(from + (n + i) * columnStride + k);
      transpose(x);
#pragma clang loop unroll(full)
      for (int i = 0; i < LANES; i++) store(block + (k + i) * PANEL + n, x[i]);
    }
  pack_elements(block, from, k, inner, PANEL, 1, columnStride);
}

static void pack(float *to, const float *from, int64_t inner, int64_t columns, int64_t rowStride, int64_t columnStride,
                 int64_t firstPanel, int64_t lastPanel) {
  for (int64_t j = firstPanel; j < lastPanel; j++) {
    const float *panel = from + j * PANEL * columnStride;
    float *block = to + j * inner * PANEL;
    int64_t real = smaller(columns - j * PANEL, PANEL);
    if (real < PANEL || (columnStride != 1 && rowStride != 1)) pack_elements(block, panel, 0, inner, real, rowStride, columnStride);
    else if (rowStride == 1) pack_columns(block, panel, inner, columnStride);
    else for (int64_t k = 0; k < inner; k++) memcpy(block + k * PANEL, panel + k * rowStride, PANEL * sizeof(float));
  }
}
