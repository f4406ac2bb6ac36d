// Matrix products by register tiles.
//
// The order of the loops: some rows of A (STRIP), a chunk of the inner index, the panels of B, tiles of ROWS rows. A
// chunk of a panel stays in L1 for all tiles of the strip, the strip's part of A in L2 for all panels, and C's elements
// pass through memory between chunks, which changes nothing in their chains.
typedef float vector __attribute__((ext_vector_type(LANES)));

enum { CHUNK = 256, STRIP = 16 * ROWS };

// A stretch of the chunk that both operands walk by their steps: offsets from a row of A and from B's panel, and, where
// the panel's chunk is copied, where it lies now.
typedef struct { int64_t a, b, from, length; } stretch;
typedef struct { stretch of[CHUNK]; int64_t count; } chunk;
typedef struct { int64_t group, run, place; } cursor;

INLINE vector load(const float *from) { vector v; memcpy(&v, from, sizeof v); return v; }
INLINE void store(float *to, vector v) { memcpy(to, &v, sizeof v); }

// c[row][...] = or += the chunk's products, for a number of rows and of vectors that are constants where it is inlined.
INLINE void tile(const int rows, const int width, const chunk *chunk, const float *a, const int64_t *aRow, int64_t aStep,
                 const float *b, int64_t bStep, float *c, const int64_t *cRow, int fresh) {
  vector sum[ROWS][2];
  int64_t row[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    row[r] = aRow[r];
#pragma clang loop unroll(full)
    for (int v = 0; v < width; v++) sum[r][v] = fresh ? (vector)(0.0f) : load(c + cRow[r] + v * LANES);
  }
  for (const stretch *s = chunk->of; s < chunk->of + chunk->count; s++) {
    const float *x = a + s->a, *y = b + s->b;
    for (int64_t left = s->length; left > 0; left--) {
      vector weights[2];
#pragma clang loop unroll(full)
      for (int v = 0; v < width; v++) weights[v] = load(y + v * LANES);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        vector value = (vector)(x[row[r]]);
#pragma clang loop unroll(full)
        for (int v = 0; v < width; v++) sum[r][v] = __builtin_elementwise_fma(value, weights[v], sum[r][v]);
      }
      x += aStep;
      y += bStep;
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < width; v++) store(c + cRow[r] + v * LANES, sum[r][v]);
}

typedef void (*tile_function)(const chunk *, const float *, const int64_t *, int64_t, const float *, int64_t, float *,
                              const int64_t *, int);

#define TILE(rows, width)                                                                                               \
  static void tile_##rows##_##width(const chunk *chunk, const float *a, const int64_t *aRow, int64_t aStep,             \
                                    const float *b, int64_t bStep, float *c, const int64_t *cRow, int fresh) {          \
    tile(rows, width, chunk, a, aRow, aStep, b, bStep, c, cRow, fresh);                                                 \
  }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1) TILES(2) TILES(3) TILES(4)
#if ROWS > 4
TILES(5) TILES(6)
#endif
#if ROWS > 6
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif

static const tile_function tiles[2][ROWS] = {
  {tile_1_1, tile_2_1, tile_3_1, tile_4_1,
#if ROWS > 4
   tile_5_1, tile_6_1,
#endif
#if ROWS > 6
   tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1, tile_12_1,
#endif
  },
  {tile_1_2, tile_2_2, tile_3_2, tile_4_2,
#if ROWS > 4
   tile_5_2, tile_6_2,
#endif
#if ROWS > 6
   tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2, tile_12_2,
#endif
  },
};

// Rows of the next tile: the rest is split evenly, since a tile of few rows cannot keep the units busy.
static int64_t tile_rows(int64_t left) { return left >= 2 * ROWS || left <= ROWS ? smaller(left, ROWS) : (left + 1) / 2; }

// Makes the three inner dimensions as few and as long as they can be.
static void merge(vk_product *p) {
  if (p->length == 1) p->length = p->runs, p->aStep = p->aRun, p->bStep = p->bRun, p->runs = 1;
  if (p->runs == 1) p->runs = p->groups, p->aRun = p->aGroup, p->bRun = p->bGroup, p->groups = 1;
  if (p->length == 1) p->length = p->runs, p->aStep = p->aRun, p->bStep = p->bRun, p->runs = 1;
  if (p->aRun == p->length * p->aStep && p->bRun == p->length * p->bStep) p->length *= p->runs, p->runs = 1;
  if (p->runs == 1) p->runs = p->groups, p->aRun = p->aGroup, p->bRun = p->bGroup, p->groups = 1;
  if (p->aRun == p->length * p->aStep && p->bRun == p->length * p->bStep) p->length *= p->runs, p->runs = 1;
}

// Takes the next CHUNK of the inner index, fewer at the end.
static void take(const vk_product *p, cursor *at, chunk *chunk, int copied) {
  int64_t inner = 0;
  for (chunk->count = 0; inner < CHUNK && at->group < p->groups; chunk->count++) {
    stretch *s = chunk->of + chunk->count;
    s->length = smaller(p->length - at->place, CHUNK - inner);
    s->a = at->group * p->aGroup + at->run * p->aRun + at->place * p->aStep;
    s->from = at->group * p->bGroup + at->run * p->bRun + at->place * p->bStep;
    s->b = copied ? inner * PANEL : s->from;
    inner += s->length;
    at->place += s->length;
    if (at->place == p->length) at->place = 0, at->run++;
    if (at->run == p->runs) at->run = 0, at->group++;
  }
}

// The chunk's rows of a panel side by side.
static void copy(float *to, const chunk *chunk, const float *panel, int64_t step) {
  for (int64_t i = 0; i < chunk->count; i++)
    for (int64_t t = 0; t < chunk->of[i].length; t++, to += PANEL)
      memcpy(to, panel + chunk->of[i].from + t * step, PANEL * sizeof(float));
}

// The last panel's tile, whose columns beyond the matrix must not be written.
static void edge(tile_function compute, int64_t rows, int64_t columns, const chunk *chunk, const float *a, const int64_t *aRow,
                 int64_t aStep, const float *b, int64_t bStep, float *c, const int64_t *cRow, int fresh) {
  float whole[ROWS * PANEL];
  int64_t row[ROWS];
  for (int64_t r = 0; r < rows; r++) {
    row[r] = r * PANEL;
    memset(whole + row[r], 0, PANEL * sizeof(float));
    if (!fresh) memcpy(whole + row[r], c + cRow[r], (size_t)columns * sizeof(float));
  }
  compute(chunk, a, aRow, aStep, b, bStep, whole, row, fresh);
  for (int64_t r = 0; r < rows; r++) memcpy(c + cRow[r], whole + row[r], (size_t)columns * sizeof(float));
}

// All tiles of a strip of rows in one panel.
static void strip(const vk_product *p, int64_t first, int64_t last, int64_t column, const chunk *chunk, const float *b,
                  int64_t bStep, int fresh) {
  int64_t columns = smaller(p->columns - column, PANEL), rows;
  for (int64_t r = first; r < last; r += rows) {
    rows = tile_rows(last - r);
    tile_function compute = tiles[columns > LANES][rows - 1];
    if (columns == PANEL) compute(chunk, p->a, p->aRow + r, p->aStep, b, bStep, p->c + column, p->cRow + r, fresh);
    else edge(compute, rows, columns, chunk, p->a, p->aRow + r, p->aStep, b, bStep, p->c + column, p->cRow + r, fresh);
  }
}

static void product(const vk_product *given) {
  vk_product p = *given;
  if (p.rows <= 0 || p.columns <= 0) return;
  merge(&p);
  if (p.runs <= 0 || p.length <= 0) p.groups = 0;  // an empty sum
  int copied = p.bStep != PANEL && p.rows > 2 * ROWS;
  float panel[CHUNK * PANEL] __attribute__((aligned(64)));
  chunk chunk;
  for (int64_t first = 0; first < p.rows; first += STRIP) {
    cursor at = {0, 0, 0};
    int fresh = !p.accumulate;
    do {
      take(&p, &at, &chunk, copied);
      for (int64_t column = 0; column < p.columns; column += PANEL) {
        const float *b = p.b + column / PANEL * p.bPanel;
        if (copied) copy(panel, &chunk, b, p.bStep);
        strip(&p, first, smaller(first + STRIP, p.rows), column, &chunk, copied ? panel : b, copied ? PANEL : p.bStep, fresh);
      }
      fresh = 0;
    } while (at.group < p.groups);
  }
}

static void pack(float *to, const float *from, int64_t inner, int64_t columns, int64_t rowStride, int64_t columnStride,
                 int64_t firstPanel, int64_t lastPanel) {
  enum { RUN = 16 };  // rows at a time, so that a column's cache lines are used up where the rows are contiguous
  for (int64_t j = firstPanel; j < lastPanel; j++) {
    int64_t real = smaller(columns - j * PANEL, PANEL);
    for (int64_t k0 = 0; k0 < inner; k0 += RUN) {
      int64_t k1 = smaller(k0 + RUN, inner);
      float *block = to + j * inner * PANEL;
      for (int64_t n = 0; n < PANEL; n++)
        for (int64_t k = k0; k < k1; k++)
          block[k * PANEL + n] = n < real ? from[k * rowStride + (j * PANEL + n) * columnStride] : 0.0f;
    }
  }
}
