// Matrix products by register tiles.
//
// The order of the loops: a band of columns, a chunk of the inner index, a strip of rows, the band's panels of B, tiles of
// ROWS rows. A chunk of a panel stays in L1 for all tiles of the strip, the strip's part of A and the band's of B in L2,
// and C's elements pass through memory between chunks, which changes nothing in their chains.
//
// Operands that are not contiguous along the inner index, as in weight gradients, are copied a chunk at a time: their
// strides are often large powers of two, of which a cache holds few.
typedef float vector __attribute__((ext_vector_type(LANES)));

enum { CHUNK = PANEL > 16 ? 128 : 256, STRIP = 48, BAND = 128 };

// A stretch of the chunk that both operands walk by their steps: offsets from a row of A and from a panel of B.
typedef struct { int64_t a, b, length; } stretch;
typedef struct { stretch of[CHUNK]; int64_t count; } chunk;
typedef struct { int64_t group, run, place; } cursor;

// What a tile works on. `fresh`: its sums start at 0 and not at C's values.
typedef struct {
  const stretch *stretches; int64_t count;
  const float *a; const int64_t *aRow; int64_t aStep;
  const float *b; int64_t bStep;
  float *c; const int64_t *cRow;
  int fresh;
} work;

INLINE vector load(const float *from) { vector v; memcpy(&v, from, sizeof v); return v; }
INLINE void store(float *to, vector v) { memcpy(to, &v, sizeof v); }

// A number of rows and of vectors that are constants where this is inlined, as is whether the rows of A are one float apart.
INLINE void tile(const int rows, const int width, const int neighbors, const work *w) {
  vector sum[ROWS][2];
  int64_t row[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    row[r] = neighbors ? r : w->aRow[r];
#pragma clang loop unroll(full)
    for (int v = 0; v < width; v++) sum[r][v] = w->fresh ? (vector)(0.0f) : load(w->c + w->cRow[r] + v * LANES);
  }
  const int64_t aStep = w->aStep, bStep = w->bStep;
  for (const stretch *s = w->stretches, *end = s + w->count; s < end; s++) {
    const float *x = w->a + s->a, *y = w->b + s->b;
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
  float *to[ROWS];  // all before the first store, which might change cRow for all the compiler knows
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) to[r] = w->c + w->cRow[r];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < width; v++) store(to[r] + v * LANES, sum[r][v]);
}

typedef void (*tile_function)(const work *);

#define TILE(rows, width, neighbors) \
  static void tile_##rows##_##width##_##neighbors(const work *w) { tile(rows, width, neighbors, w); }
#define TILES(rows) TILE(rows, 1, 0) TILE(rows, 2, 0) TILE(rows, 1, 1) TILE(rows, 2, 1)
TILES(1) TILES(2) TILES(3) TILES(4)
#if ROWS > 4
TILES(5) TILES(6)
#endif
#if ROWS > 6
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif

#define TILES_HERE(rows) {{tile_##rows##_1_0, tile_##rows##_2_0}, {tile_##rows##_1_1, tile_##rows##_2_1}}
static const tile_function tiles[ROWS][2][2] = {  // by rows - 1, neighbors, width - 1
  TILES_HERE(1), TILES_HERE(2), TILES_HERE(3), TILES_HERE(4),
#if ROWS > 4
  TILES_HERE(5), TILES_HERE(6),
#endif
#if ROWS > 6
  TILES_HERE(7), TILES_HERE(8), TILES_HERE(9), TILES_HERE(10), TILES_HERE(11), TILES_HERE(12),
#endif
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

// Takes the next CHUNK of the inner index, fewer at the end, and returns how many.
static int64_t take(const vk_product *p, cursor *at, chunk *chunk) {
  int64_t inner = 0;
  for (chunk->count = 0; inner < CHUNK && at->group < p->groups; chunk->count++) {
    stretch *s = chunk->of + chunk->count;
    s->length = smaller(p->length - at->place, CHUNK - inner);
    s->a = at->group * p->aGroup + at->run * p->aRun + at->place * p->aStep;
    s->b = at->group * p->bGroup + at->run * p->bRun + at->place * p->bStep;
    inner += s->length;
    at->place += s->length;
    if (at->place == p->length) at->place = 0, at->run++;
    if (at->run == p->runs) at->run = 0, at->group++;
  }
  return inner;
}

// The chunk of a panel as [inner][PANEL].
static void copy_panel(float *to, const chunk *chunk, const float *panel, int64_t step) {
  for (int64_t i = 0; i < chunk->count; i++)
    for (int64_t t = 0; t < chunk->of[i].length; t++, to += PANEL)
      memcpy(to, panel + chunk->of[i].b + t * step, PANEL * sizeof(float));
}

// The chunk of a tile's rows as [inner][rows].
static void copy_rows(float *to, const chunk *chunk, const float *a, const int64_t *row, int64_t rows, int64_t step) {
  int neighbors = rows == ROWS;
  for (int64_t r = 1; r < rows; r++) neighbors &= row[r] == row[0] + r;
  for (int64_t i = 0; i < chunk->count; i++) {
    const float *x = a + chunk->of[i].a;
    for (int64_t t = 0; t < chunk->of[i].length; t++, x += step, to += rows) {
      if (neighbors) memcpy(to, x + row[0], ROWS * sizeof(float));
      else for (int64_t r = 0; r < rows; r++) to[r] = x[row[r]];
    }
  }
}

// A tile of the last panel, whose columns beyond the matrix must not be written.
static void edge(tile_function compute, const work *w, int64_t rows, int64_t columns) {
  float whole[ROWS * PANEL];
  int64_t row[ROWS];
  for (int64_t r = 0; r < rows; r++) {
    row[r] = r * PANEL;
    memset(whole + row[r], 0, PANEL * sizeof(float));
    if (!w->fresh) memcpy(whole + row[r], w->c + w->cRow[r], (size_t)columns * sizeof(float));
  }
  work apart = *w;
  apart.c = whole;
  apart.cRow = row;
  compute(&apart);
  for (int64_t r = 0; r < rows; r++) memcpy(w->c + w->cRow[r], whole + row[r], (size_t)columns * sizeof(float));
}

// A strip's part of A, tile by tile, and a band's of B, panel by panel.
typedef struct { float a[STRIP * CHUNK], b[BAND * CHUNK]; } copies;

// A strip's rows first ..< last in a band's columns left ..< right. `copies` are of the chunk, with B's already made; NULL
// where the operands are read where they lie.
static void strip(const vk_product *p, int64_t first, int64_t last, int64_t left, int64_t right, const chunk *chunk, int64_t inner,
                  int fresh, copies *copies) {
  const stretch whole = {0, 0, inner};
  work w = {.stretches = chunk->of, .count = chunk->count, .a = p->a, .aStep = p->aStep, .bStep = p->bStep, .fresh = fresh};
  if (copies) w.stretches = &whole, w.count = 1, w.bStep = PANEL;
  for (int64_t column = left; column < right; column += PANEL) {
    int64_t columns = smaller(right - column, PANEL), rows;
    w.b = copies ? copies->b + (column - left) * CHUNK : p->b + column / PANEL * p->bPanel;
    for (int64_t r = first; r < last; r += rows) {
      rows = tile_rows(last - r);
      if (copies) {
        float *a = copies->a + (r - first) * CHUNK;
        if (column == left) copy_rows(a, chunk, p->a, p->aRow + r, rows, p->aStep);
        w.a = a, w.aStep = rows;
      } else {
        w.aRow = p->aRow + r;
      }
      w.c = p->c + column, w.cRow = p->cRow + r;
      tile_function compute = tiles[rows - 1][copies != NULL][columns > LANES];
      if (columns == PANEL) compute(&w);
      else edge(compute, &w, rows, columns);
    }
  }
}

static void product(const vk_product *given) {
  vk_product p = *given;
  if (p.rows <= 0 || p.columns <= 0) return;
  merge(&p);
  if (p.runs <= 0 || p.length <= 0) p.groups = 0;  // an empty sum
  copies room __attribute__((aligned(64))), *copies = NULL;
  if ((p.aStep != 1 || p.bStep != PANEL) && p.rows > 2 * ROWS) copies = &room;
  chunk chunk;
  for (int64_t left = 0; left < p.columns; left += BAND) {
    int64_t right = smaller(left + BAND, p.columns);
    cursor at = {0, 0, 0};
    int fresh = !p.accumulate;
    do {
      int64_t inner = take(&p, &at, &chunk);
      for (int64_t column = left; copies && column < right; column += PANEL)
        copy_panel(copies->b + (column - left) * CHUNK, &chunk, p.b + column / PANEL * p.bPanel, p.bStep);
      for (int64_t first = 0; first < p.rows; first += STRIP)
        strip(&p, first, smaller(first + STRIP, p.rows), left, right, &chunk, inner, fresh, copies);
      fresh = 0;
    } while (at.group < p.groups);
  }
}
