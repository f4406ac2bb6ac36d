// Winograd's products, one for each frequency. Transformed weights never exist as a whole, they are 6.25 or 4 times the
// weights: a piece of them, one row of frequencies at a time, is made in L2 and used at once for all tiles of the block; the
// sum over the inner index goes on in the result's memory from piece to piece.

// c[rows][columns] (+)= a b: element (r, k) of a at a[r*aRow + k*aStep], where `aStrip` is not 0 from 64 to 64 inner indices in
// strips that far apart; panel j of b at b + j*bPanel with rows bStep apart; element (r, n) of c in a strip of 64 columns,
// strips cStrip and rows cRow apart.
typedef struct {
  int64_t rows, columns, inner;
  const float *a; int64_t aRow, aStep, aStrip;
  const float *b; int64_t bPanel, bStep;
  float *c; int64_t cRow, cStrip;
  int fresh;
} matrices;

static void multiply_matrices(const matrices *m) {
  int64_t aRow[ROWS], cRow[ROWS];
  for (int64_t r = 0; r < ROWS; r++) aRow[r] = r * m->aRow, cRow[r] = r * m->cRow;
  stretch strips[INNER_PIECE / STRIP_CHANNELS] = {{0, 0, m->inner}};
  int64_t count = 1;
  for (int64_t k = 0; m->aStrip && k < m->inner; k += STRIP_CHANNELS, count = k / STRIP_CHANNELS)
    strips[k / STRIP_CHANNELS] = (stretch){k / STRIP_CHANNELS * m->aStrip, k * m->bStep, smaller(m->inner - k, STRIP_CHANNELS)};
  work w = {.stretches = strips, .count = count, .aRow = aRow, .aStep = m->aStep, .bStep = m->bStep, .cRow = cRow, .fresh = m->fresh};
  for (int64_t column = 0; column < m->columns; column += PANEL) {
    float *c = m->c + column / STRIP_CHANNELS * m->cStrip + column % STRIP_CHANNELS;
    int wide = m->columns - column > LANES;
    w.b = m->b + column / PANEL * m->bPanel;
    for (int64_t r = 0, rows; r < m->rows; r += rows) {
      rows = tile_rows(m->rows - r);
      w.a = m->a + r * m->aRow;
      w.c = c + r * m->cRow;
      tiles[rows - 1][m->aRow == 1][wide](&w);
    }
  }
}

// Patch channels k0 ..< k1 and columns n0 ..< n1 of the weights.
typedef struct { int64_t k0, k1, n0, n1; } piece;

// Element (k, column) of a piece in panels [inner][PANEL].
INLINE int64_t place_in_piece(int64_t k, int64_t column, int64_t inner) {
  return (column / PANEL * inner + k) * PANEL + column % PANEL;
}

// Where a patch channel has its weights for a tap from column n0 on.
INLINE const float *row_of(const vk_tiling *tiling, const float *weights, int64_t tap, int64_t k, int64_t n0) {
  static const float zeros[INNER_PIECE > COLUMN_PIECE ? INNER_PIECE : COLUMN_PIECE];
  int32_t place = tiling->tap[tap * tiling->inner + k];
  return place < 0 ? zeros : weights + place + n0;
}

// The first `count` floats from there on, and zeros.
INLINE vector load_part(const float *from, int64_t count) {
  if (count >= LANES) return load(from);
  vector v = 0.0f;
  if (count > 0) memcpy(&v, from, (size_t)count * sizeof(float));
  return v;
}

// Copies the weights of a piece, tap by tap.
static void gather_piece(const vk_tiling *tiling, const float *weights, piece p, float *to) {
  const int64_t inner = p.k1 - p.k0, columns = p.n1 - p.n0, real = tiling->realColumns - p.n0;
  for (int64_t tap = 0; tap < tiling->taps * tiling->taps; tap++, to += piece_stride(inner, columns))
    for (int64_t k = 0; k < inner; k++) {
      const float *row = row_of(tiling, weights, tap, p.k0 + k, p.n0);
      for (int64_t n = 0; n < columns; n += LANES) store(to + place_in_piece(k, n, inner), load_part(row + n, real - n));
    }
}

// The same transposed: the patch channels are the columns.
static void gather_adjoint_piece(const vk_tiling *tiling, const float *weights, piece p, float *to) {
  const int64_t inner = p.n1 - p.n0, columns = p.k1 - p.k0, real = tiling->realColumns - p.n0;
  for (int64_t tap = 0; tap < tiling->taps * tiling->taps; tap++, to += piece_stride(inner, columns))
    for (int64_t k = 0; k < columns; k += LANES) {
      const float *row[LANES];
      for (int i = 0; i < LANES; i++) row[i] = row_of(tiling, weights, tap, p.k0 + k + i, p.n0);
      for (int64_t n = 0; n < inner; n += LANES) {
        vector x[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) x[i] = load_part(row[i] + n, real - n);
        transpose(x);
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) store(to + place_in_piece(n + i, k, inner), x[i]);
      }
    }
}

// Frequencies (f, 0), (f, 1), ... of a gathered piece. The columns that fill up its last panel are made of what is there and
// not used.
INLINE void transform_piece(const int taps, int f, int64_t inner, int64_t columns, const float *from, float *to) {
  const int64_t plane = piece_stride(inner, columns), count = (columns + PANEL - 1) / PANEL * PANEL * inner;
  const float *g = weightMatrix[taps - 2][f];
  for (int64_t i = 0; i < count; i += LANES) {
    vector half[3];
#pragma clang loop unroll(full)
    for (int b = 0; b < taps; b++) {
      half[b] = g[0] * load(from + b * plane + i);
#pragma clang loop unroll(full)
      for (int a = 1; a < taps; a++)
        half[b] = __builtin_elementwise_fma((vector)(g[a]), load(from + (a * taps + b) * plane + i), half[b]);
    }
#pragma clang loop unroll(full)
    for (int b = 0; b < taps + 3; b++) store(to + b * plane + i, combination(taps, weightMatrix[taps - 2][b], 1, half));
  }
}

// M = V U or Q = Z U^T for a piece of U.
INLINE void multiply_piece(const int taps, int adjoint, const vk_tiling *tiling, const float *weights, piece p, const float *from,
                           float *to, int64_t tiles, float *scratch) {
  const int side = taps + 3;
  const int64_t fromChannels = adjoint ? tiling->columns : tiling->inner, toChannels = adjoint ? tiling->inner : tiling->columns;
  const int64_t inner = adjoint ? p.n1 - p.n0 : p.k1 - p.k0, columns = adjoint ? p.k1 - p.k0 : p.n1 - p.n0;
  const int64_t firstInner = adjoint ? p.n0 : p.k0, firstColumn = adjoint ? p.k0 : p.n0;
  matrices m = {
    .rows = tiles, .columns = columns, .inner = inner, .aRow = row_stride(fromChannels), .aStep = 1,
    .aStrip = strip_stride(fromChannels, tiles), .bPanel = inner * PANEL,
    .bStep = PANEL, .cRow = row_stride(toChannels), .cStrip = strip_stride(toChannels, tiles), .fresh = firstInner == 0,
  };
  float *gathered = scratch + side * piece_stride(inner, columns);
  if (adjoint) gather_adjoint_piece(tiling, weights, p, gathered);
  else gather_piece(tiling, weights, p, gathered);
  for (int a = 0; a < side; a++) {
    transform_piece(taps, a, inner, columns, gathered, scratch);
    for (int b = 0; b < side; b++) {
      int64_t f = a * side + b;
      m.a = from + f * plane_stride(fromChannels, tiles) + place_in_plane(fromChannels, tiles, 0, firstInner);
      m.b = scratch + b * piece_stride(inner, columns);
      m.c = to + f * plane_stride(toChannels, tiles) + place_in_plane(toChannels, tiles, 0, firstColumn);
      multiply_matrices(&m);
    }
  }
}

static void multiply(const vk_tiling *tiling, const float *weights, const float *v, float *m, int64_t tiles, int64_t first, int64_t last,
                     float *scratch) {
  for (int64_t n = first; n < last; n += COLUMN_PIECE)
    for (int64_t k = 0; k < tiling->inner; k += INNER_PIECE) {
      piece p = {k, smaller(k + INNER_PIECE, tiling->inner), n, smaller(n + COLUMN_PIECE, last)};
      if (tiling->taps == 2) multiply_piece(2, 0, tiling, weights, p, v, m, tiles, scratch);
      else multiply_piece(3, 0, tiling, weights, p, v, m, tiles, scratch);
    }
}

static void multiply_adjoint(const vk_tiling *tiling, const float *weights, const float *z, float *q, int64_t tiles, int64_t first,
                             int64_t last, float *scratch) {
  for (int64_t k = first; k < last; k += COLUMN_PIECE)
    for (int64_t n = 0; n < tiling->columns; n += INNER_PIECE) {
      piece p = {k, smaller(k + COLUMN_PIECE, last), n, smaller(n + INNER_PIECE, tiling->columns)};
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

// The part of a plane's S that lies in one strip of V and one of Z.
static void sum_strips(const vk_tiling *tiling, const float *v, const float *z, int64_t tiles, int64_t first, int64_t last, piece p,
                       float *s, int64_t sRow) {
  matrices m = {
    .rows = p.k1 - p.k0, .columns = p.n1 - p.n0, .inner = last - first,
    .a = v + place_in_plane(tiling->inner, tiles, first, p.k0), .aRow = 1, .aStep = row_stride(tiling->inner),
    .b = z + place_in_plane(tiling->columns, tiles, first, p.n0), .bPanel = PANEL, .bStep = row_stride(tiling->columns),
    .c = s, .cRow = sRow, .fresh = 1,  // columns of one strip
  };
  multiply_matrices(&m);
}

static int64_t strip_end(int64_t channel, int64_t end) { return smaller((channel / STRIP_CHANNELS + 1) * STRIP_CHANNELS, end); }

static void weights(const vk_tiling *tiling, const float *v, const float *z, int64_t tiles, int64_t first, int64_t last, int64_t k0,
                    int64_t k1, int64_t n0, int64_t n1, float *to, float *scratch) {
  const int side = (int)tiling->taps + 3;
  const int64_t vPlane = plane_stride(tiling->inner, tiles), zPlane = plane_stride(tiling->columns, tiles);
  const int64_t plane = piece_stride(k1 - k0, n1 - n0);
  for (int a = 0; a < side; a++) {
    for (int b = 0; b < side; b++)
      for (int64_t k = k0; k < k1; k = strip_end(k, k1))
        for (int64_t n = n0; n < n1; n = strip_end(n, n1)) {
          float *s = scratch + b * plane + (k - k0) * (n1 - n0) + n - n0;
          sum_strips(tiling, v + (a * side + b) * vPlane, z + (a * side + b) * zPlane, tiles, first, last,
                     (piece){k, strip_end(k, k1), n, strip_end(n, n1)}, s, n1 - n0);
        }
    if (tiling->taps == 2) add_frequencies(2, a, scratch, (piece){k0, k1, n0, n1}, to);
    else add_frequencies(3, a, scratch, (piece){k0, k1, n0, n1}, to);
  }
}
