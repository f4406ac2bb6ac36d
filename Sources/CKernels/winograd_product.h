// Winograd's products, one for each frequency. Transformed weights never exist as a whole, they are 6.25 or 4 times the
// weights: a piece of them, one row of frequencies at a time, is made in L2 and used at once for all tiles of the block; the
// sum over the inner index goes on in the result's memory from piece to piece.

// c[rows][columns] (+)= a b, element (r, k) of a at a[r*aRow + k*aStep], panel j of b at b + j*bPanel with rows bStep apart.
typedef struct {
  int64_t rows, columns, inner;
  const float *a; int64_t aRow, aStep;
  const float *b; int64_t bPanel, bStep;
  float *c; int64_t cRow;
  int fresh;
} matrices;

static void multiply_matrices(const matrices *m) {
  int64_t aRow[ROWS], cRow[ROWS];
  for (int64_t r = 0; r < ROWS; r++) aRow[r] = r * m->aRow, cRow[r] = r * m->cRow;
  const stretch whole = {0, 0, m->inner};
  work w = {.stretches = &whole, .count = 1, .aRow = aRow, .aStep = m->aStep, .bStep = m->bStep, .cRow = cRow, .fresh = m->fresh};
  for (int64_t column = 0; column < m->columns; column += PANEL) {
    const tile_function *compute = tiles[m->columns - column > LANES];
    w.b = m->b + column / PANEL * m->bPanel;
    for (int64_t r = 0, rows; r < m->rows; r += rows) {
      rows = tile_rows(m->rows - r);
      w.a = m->a + r * m->aRow;
      w.c = m->c + r * m->cRow + column;
      compute[rows - 1](&w);
    }
  }
}

// A vector of weights; zeros where there are none.
INLINE vector weights_at(const vk_tiling *tiling, const float *weights, int32_t place, int64_t column) {
  vector v = 0.0f;
  if (place < 0 || column >= tiling->realColumns) return v;
  if (column + LANES <= tiling->realColumns) return load(weights + place + column);
  memcpy(&v, weights + place + column, (size_t)(tiling->realColumns - column) * sizeof(float));
  return v;
}

// Row `f` of G applied to column b of patch channel k's taps.
INLINE vector weights_column(const int taps, const vk_tiling *tiling, const float *weights, int f, int b, int64_t k, int64_t column) {
  const float *g = weightMatrix[taps - 2][f];
  vector sum = 0.0f;
#pragma clang loop unroll(full)
  for (int a = 0; a < taps; a++) {
    vector w = weights_at(tiling, weights, tiling->tap[(a * taps + b) * tiling->inner + k], column);
    sum = a == 0 ? g[0] * w : __builtin_elementwise_fma((vector)(g[a]), w, sum);
  }
  return sum;
}

// A piece of U or of U^T, frequencies (f, 0), (f, 1), ...: planes `plane` floats apart, each in panels of [inner][PANEL].
typedef struct { int64_t k0, k1, n0, n1; } piece;

INLINE void store_frequencies(const int taps, const vector *half, float *to, int64_t plane) {
#pragma clang loop unroll(full)
  for (int b = 0; b < taps + 3; b++) store(to + b * plane, combination(taps, weightMatrix[taps - 2][b], 1, half));
}

INLINE void make_piece(const int taps, const vk_tiling *tiling, const float *weights, int f, piece p, float *to) {
  const int64_t inner = p.k1 - p.k0, plane = piece_stride(inner, p.n1 - p.n0);
  for (int64_t k = 0; k < inner; k++)
    for (int64_t n = 0; n < p.n1 - p.n0; n += LANES) {
      vector half[3];
#pragma clang loop unroll(full)
      for (int b = 0; b < taps; b++) half[b] = weights_column(taps, tiling, weights, f, b, p.k0 + k, p.n0 + n);
      store_frequencies(taps, half, to + (n / PANEL * inner + k) * PANEL + n % PANEL, plane);
    }
}

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

// Here the piece's columns are patch channels.
INLINE void make_adjoint_piece(const int taps, const vk_tiling *tiling, const float *weights, int f, piece p, float *to) {
  const int64_t inner = p.n1 - p.n0, plane = piece_stride(inner, p.k1 - p.k0);
  for (int64_t k = 0; k < p.k1 - p.k0; k += LANES)
    for (int64_t n = 0; n < inner; n += LANES) {
      vector columns[3][LANES];
#pragma clang loop unroll(full)
      for (int b = 0; b < taps; b++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) columns[b][i] = weights_column(taps, tiling, weights, f, b, p.k0 + k + i, p.n0 + n);
        transpose(columns[b]);
      }
      float *place = to + (k / PANEL * inner + n) * PANEL + k % PANEL;
#pragma clang loop unroll(full)
      for (int i = 0; i < LANES; i++) {
        vector half[3];
#pragma clang loop unroll(full)
        for (int b = 0; b < taps; b++) half[b] = columns[b][i];
        store_frequencies(taps, half, place + i * PANEL, plane);
      }
    }
}

INLINE void multiply_piece(const int taps, int adjoint, const vk_tiling *tiling, const float *weights, piece p, const float *from,
                           float *to, int64_t tiles, float *scratch) {
  const int side = taps + 3;
  const int64_t fromChannels = adjoint ? tiling->columns : tiling->inner, toChannels = adjoint ? tiling->inner : tiling->columns;
  const int64_t inner = adjoint ? p.n1 - p.n0 : p.k1 - p.k0, columns = adjoint ? p.k1 - p.k0 : p.n1 - p.n0;
  const int64_t firstInner = adjoint ? p.n0 : p.k0, firstColumn = adjoint ? p.k0 : p.n0;
  matrices m = {
    .rows = tiles, .columns = columns, .inner = inner, .aRow = row_stride(fromChannels), .aStep = 1,
    .bPanel = inner * PANEL, .bStep = PANEL, .cRow = row_stride(toChannels), .fresh = firstInner == 0,
  };
  for (int a = 0; a < side; a++) {
    if (adjoint) make_adjoint_piece(taps, tiling, weights, a, p, scratch);
    else make_piece(taps, tiling, weights, a, p, scratch);
    for (int b = 0; b < side; b++) {
      int64_t f = a * side + b;
      m.a = from + f * plane_stride(fromChannels, tiles) + firstInner;
      m.b = scratch + b * piece_stride(inner, columns);
      m.c = to + f * plane_stride(toChannels, tiles) + firstColumn;
      multiply_matrices(&m);
    }
  }
}

static void multiply(const vk_tiling *tiling, const float *weights, const float *v, float *m, int64_t tiles, float *scratch) {
  for (int64_t n = 0; n < tiling->columns; n += COLUMN_PIECE)
    for (int64_t k = 0; k < tiling->inner; k += INNER_PIECE) {
      piece p = {k, smaller(k + INNER_PIECE, tiling->inner), n, smaller(n + COLUMN_PIECE, tiling->columns)};
      if (tiling->taps == 2) multiply_piece(2, 0, tiling, weights, p, v, m, tiles, scratch);
      else multiply_piece(3, 0, tiling, weights, p, v, m, tiles, scratch);
    }
}

static void multiply_adjoint(const vk_tiling *tiling, const float *weights, const float *z, float *q, int64_t tiles, float *scratch) {
  for (int64_t k = 0; k < tiling->inner; k += COLUMN_PIECE)
    for (int64_t n = 0; n < tiling->columns; n += INNER_PIECE) {
      piece p = {k, smaller(k + COLUMN_PIECE, tiling->inner), n, smaller(n + INNER_PIECE, tiling->columns)};
      if (tiling->taps == 2) multiply_piece(2, 1, tiling, weights, p, z, q, tiles, scratch);
      else multiply_piece(3, 1, tiling, weights, p, z, q, tiles, scratch);
    }
}

// Adds a row of frequencies of S to G^T S G, in the order of rows from the first.
INLINE void add_frequencies(const int taps, int f, const float *s, piece p, float *to) {
  const int64_t inner = p.k1 - p.k0, columns = p.n1 - p.n0, plane = piece_stride(inner, columns);
  const float *g = weightMatrix[taps - 2][f];
  for (int64_t k = 0; k < inner; k++)
    for (int64_t n = 0; n < columns; n += LANES) {
      vector x[SIDE];
#pragma clang loop unroll(full)
      for (int b = 0; b < taps + 3; b++) x[b] = load(s + b * plane + k * columns + n);
#pragma clang loop unroll(full)
      for (int b = 0; b < taps; b++) {
        vector sum = combination(taps + 3, weightMatrix[taps - 2][0] + b, 3, x);
#pragma clang loop unroll(full)
        for (int a = 0; a < taps; a++) {
          float *place = to + ((a * taps + b) * inner + k) * columns + n;
          store(place, f == 0 ? g[a] * sum : __builtin_elementwise_fma((vector)(g[a]), sum, load(place)));
        }
      }
    }
}

static void weights(const vk_tiling *tiling, const float *v, const float *z, int64_t tiles, int64_t first, int64_t last, int64_t k0,
                    int64_t k1, int64_t n0, int64_t n1, float *to, float *scratch) {
  const int side = (int)tiling->taps + 3;
  const int64_t vRow = row_stride(tiling->inner), zRow = row_stride(tiling->columns), plane = piece_stride(k1 - k0, n1 - n0);
  matrices m = {
    .rows = k1 - k0, .columns = n1 - n0, .inner = last - first, .aRow = 1, .aStep = vRow, .bPanel = PANEL, .bStep = zRow,
    .cRow = n1 - n0, .fresh = 1,
  };
  for (int a = 0; a < side; a++) {
    for (int b = 0; b < side; b++) {
      int64_t f = a * side + b;
      m.a = v + f * plane_stride(tiling->inner, tiles) + first * vRow + k0;
      m.b = z + f * plane_stride(tiling->columns, tiles) + first * zRow + n0;
      m.c = scratch + b * plane;
      multiply_matrices(&m);
    }
    if (tiling->taps == 2) add_frequencies(2, a, scratch, (piece){k0, k1, n0, n1}, to);
    else add_frequencies(3, a, scratch, (piece){k0, k1, n0, n1}, to);
  }
}
