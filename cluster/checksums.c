// Prints a checksum of every kernel's results in the tables named as arguments, for shapes that leave odd rests. The same lines
// from two tables, or two processors, mean the same bits.
#include "CKernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;
static float uniform(void) {  // SplitMix64, in -1 ... 1
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (float)((int64_t)((z ^ (z >> 31)) >> 40) - (1 << 23)) / (1 << 23);
}
static float *floats(int64_t count, int random) {
  float *result = aligned_alloc(64, (size_t)(count + 16) / 16 * 64);
  for (int64_t i = 0; i < count; i++) result[i] = random ? uniform() : -7777;
  return result;
}
static void report(const char *what, const int64_t *shape, int shapes, const float *values, int64_t count) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a over the bits; one for all NaNs
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits = 0x7fc00000;
    if (values[i] == values[i]) memcpy(&bits, values + i, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3u;
  }
  printf("%s", what);
  for (int i = 0; i < shapes; i++) printf(" %lld", (long long)shape[i]);
  printf(": %016llx\n", (unsigned long long)hash);
}

static void products(const vk_table *table) {
  static const int64_t shapes[][3] = {{1, 1, 1}, {3, 7, 5}, {8, 32, 16}, {9, 33, 130}, {23, 48, 300}, {64, 100, 64}};
  for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++)
    for (int transposed = 0; transposed < 2; transposed++) {
      int64_t rows = shapes[i][0], columns = shapes[i][1], inner = shapes[i][2], panels = (columns + table->panel - 1) / table->panel;
      float *a = floats(rows * inner, 1), *plain = floats(inner * columns, 1), *c = floats(rows * columns, 1);
      float *b = floats(panels * table->panel * inner, 0);
      int64_t *aRow = malloc((size_t)rows * sizeof *aRow), *cRow = malloc((size_t)rows * sizeof *cRow);
      for (int64_t r = 0; r < rows; r++) aRow[r] = transposed ? r : r * inner, cRow[r] = r * columns;
      table->pack(b, plain, inner, columns, columns, 1, 0, panels);
      vk_product product = {
        .rows = rows, .columns = columns, .a = a, .aRow = aRow, .aStep = transposed ? rows : 1, .b = b, .bPanel = inner * table->panel,
        .bStep = table->panel, .c = c, .cRow = cRow, .groups = 1, .runs = 1, .length = inner, .accumulate = transposed,
      };
      table->product(&product);
      report(transposed ? "product of columns" : "product", shapes[i], 3, c, rows * columns);
      free(a), free(plain), free(c), free(b), free(aRow), free(cRow);
    }
}

static void operations(const vk_table *table) {
  int64_t count = 5003;
  float *x = floats(count, 1), *y = floats(count, 1), *result = floats(count, 0);
  for (int64_t i = 0; i < count; i++) x[i] *= 30, y[i] *= (float)(i % 7);
  for (int64_t operation = VK_NEGATIVE; operation <= VK_COPY; operation++) {
    vk_instruction code = {(int32_t)operation, 0, 1, 2};
    vk_slot slots[] = {{VK_LOAD, x, count, 0, NULL}, {VK_LOAD, y, count, 0, NULL}, {VK_STORE, result, count, 0, NULL}};
    vk_program program = {&code, 1, slots, 3, count};
    float *scratch = floats(vk_scratch(&program), 0);
    table->elementwise(&program, 0, 1, 0, count, scratch);
    report("operation", &operation, 1, result, count);
    free(scratch);
  }
  table->add(x, y, count);
  report("add", &count, 1, x, count);
  free(x), free(y), free(result);
}

static void transforms(const vk_table *table, int64_t taps, int64_t inner, int64_t columns, int64_t real) {
  enum { IMAGES = 3, TILES = 2, ALL = IMAGES * TILES };
  const int64_t shape[] = {taps, inner, columns, real}, patchCount = (taps + 3) * (taps + 7) * inner, outputCount = 32 * columns;
  int32_t *tap = malloc((size_t)(taps * taps * inner) * sizeof *tap);
  for (int64_t i = 0; i < taps * taps * inner; i++) tap[i] = i % 11 == 5 ? -1 : (int32_t)(i * real);
  vk_tiling tiling = {taps, 1, TILES, inner, columns, tap, real};
  int64_t vCount = vk_plane_floats(&tiling, inner, ALL), mCount = vk_plane_floats(&tiling, columns, ALL), wCount = taps * taps * inner * real;
  float *patch = floats(IMAGES * patchCount, 1), *y = floats(IMAGES * outputCount, 1), *w = floats(wCount, 1), *dw = floats(wCount, 0);
  float *v = floats(vCount, 0), *q = floats(vCount, 0), *z = floats(mCount, 0), *m = floats(mCount, 0);
  float *piece = floats(taps * taps * inner * columns, 0);
  int64_t scratchCount = vk_multiply_scratch(&tiling) + vk_weights_scratch(&tiling, inner, columns);
  float *scratch = floats(scratchCount, 0);
  for (int64_t i = 0; i < IMAGES; i++) {
    table->window(&tiling, patch + i * patchCount, v, i * TILES, ALL);
    table->outputAdjoint(&tiling, y + i * outputCount, z, i * TILES, ALL);
  }
  table->multiply(&tiling, w, v, m, ALL, 0, tiling.columns, scratch);
  table->multiplyAdjoint(&tiling, w, z, q, ALL, 0, tiling.inner, scratch);
  for (int64_t i = 0; i < IMAGES; i++) {
    table->windowAdjoint(&tiling, q, i * TILES, ALL, patch + i * patchCount);
    table->output(&tiling, m, i * TILES, ALL, y + i * outputCount);
  }
  table->weights(&tiling, v, z, ALL, 1, ALL, 0, inner, 0, columns, piece, scratch);
  vk_scatter(&tiling, piece, 0, inner, 0, columns, dw);
  report("Winograd, forward", shape, 4, y, IMAGES * outputCount);
  report("Winograd, input gradient", shape, 4, patch, IMAGES * patchCount);
  report("Winograd, weight gradient", shape, 4, dw, wCount);
  free(tap), free(patch), free(y), free(w), free(dw), free(v), free(q), free(z), free(m), free(piece), free(scratch);
}

int main(int count, char **names) {
  for (int i = 1; i < count; i++) {
    const vk_table *table = vk_table_named(names[i]);
    if (table == NULL) {
      fprintf(stderr, "check: this processor has no table \"%s\" of kernels; name one that it runs\n", names[i]);
      return 64;
    }
    state = 1;
    products(table);
    operations(table);
    for (int64_t taps = 2; taps <= 3; taps++) {
      transforms(table, taps, 16, 16, 3);
      transforms(table, taps, 48, 80, 77);
      transforms(table, taps, 144, 64, 64);
    }
  }
  return 0;
}
