// Winograd's transforms in tiles of 4 x 4 outputs (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and
// S. Gray, 2015): y = A^T [ (G w) * (B^T d) ] in one dimension, the same from both sides in two. All three directions of a
// convolution use these matrices, since each is an adjoint of the same trilinear form.
//
// 2 taps: points 0, 1/2, -1, 2 and infinity, which have half the rounding error of 0, 1, -1, 2 and infinity.
// 3 taps: points 0, 3/4, -3/4, 3/2, -3/2 and infinity. Simulated in float with 512 channels, their largest error is 3.4e-6
// of the largest value (input gradient 3.1e-6, weight gradient 1.3e-6), that of the usual 0, 1, -1, 2, -2 and infinity
// 1.5e-5; of all fractions up to 4 none did better by more than that simulation's own spread and are exact in binary too.
// A^T and B^T are exact. G is column j of Lagrange's basis: p^j over the product of a point's differences to the others.
enum { SIDE = 6 };  // frequencies of a line, at most

static const float outputMatrix[2][4][SIDE] = {  // A^T, by taps - 2
  {{1, 1, 1, 1, 0}, {0, 0.5f, -1, 2, 0}, {0, 0.25f, 1, 4, 0}, {0, 0.125f, -1, 8, 1}},
  {{1, 1, 1, 1, 1, 0}, {0, 0.75f, -0.75f, 1.5f, -1.5f, 0}, {0, 0.5625f, 0.5625f, 2.25f, 2.25f, 0},
   {0, 0.421875f, -0.421875f, 3.375f, -3.375f, 1}},
};
static const float windowMatrix[2][SIDE][SIDE] = {  // B^T
  {{1, -1.5f, -1.5f, 1, 0}, {0, -2, -1, 1, 0}, {0, 1, -2.5f, 1, 0}, {0, -0.5f, 0.5f, 1, 0}, {0, 1, -1.5f, -1.5f, 1}},
  {{1.265625f, 0, -2.8125f, 0, 1, 0}, {0, -1.6875f, -2.25f, 0.75f, 1, 0}, {0, 1.6875f, -2.25f, -0.75f, 1, 0},
   {0, -0.84375f, -0.5625f, 1.5f, 1, 0}, {0, 0.84375f, -0.5625f, -1.5f, 1, 0}, {0, 1.265625f, 0, -2.8125f, 0, 1}},
};
static const float weightMatrix[2][SIDE][3] = {  // G
  {{1, 0}, {-8.0f / 9, -4.0f / 9}, {-2.0f / 9, 2.0f / 9}, {1.0f / 9, 2.0f / 9}, {0, 1}},
  {{64.0f / 81, 0, 0}, {-128.0f / 243, -32.0f / 81, -8.0f / 27}, {-128.0f / 243, 32.0f / 81, -8.0f / 27},
   {32.0f / 243, 16.0f / 81, 8.0f / 27}, {32.0f / 243, -16.0f / 81, 8.0f / 27}, {0, 0, 1}},
};

// Everything from here on takes its sizes as arguments that are constants where it is inlined, so that only arithmetic is
// left.

// The sum of the terms whose coefficient is not 0, in order: a multiplication, then fused multiply-adds.
INLINE vector combination(const int terms, const float *coefficient, const int step, const vector *x) {
  vector sum = 0.0f;
  int begun = 0;
#pragma clang loop unroll(full)
  for (int i = 0; i < terms; i++) {
    const float c = coefficient[i * step];
    if (c == 0) continue;
    sum = begun ? __builtin_elementwise_fma((vector)(c), x[i], sum) : (vector)(c) * x[i];
    begun = 1;
  }
  return sum;
}

// A square in memory: floats between rows and between columns.
typedef struct { int64_t row, column; } square;

// to = m from m^T with m[i][j] = matrix[i*next + j*step]: columns first, then rows. The first `overlap` rows are added to
// what is there where `above`, the first columns where `left`.
INLINE void transform(const int results, const int terms, const float *matrix, const int next, const int step, float *to,
                      const square at, const float *from, const square in, const int overlap, int above, int left) {
  vector half[SIDE][SIDE];
#pragma clang loop unroll(full)
  for (int j = 0; j < terms; j++) {
    vector x[SIDE];
#pragma clang loop unroll(full)
    for (int i = 0; i < terms; i++) x[i] = load(from + i * in.row + j * in.column);
#pragma clang loop unroll(full)
    for (int i = 0; i < results; i++) half[i][j] = combination(terms, matrix + i * next, step, x);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < results; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < results; j++) {
      vector result = combination(terms, matrix + j * next, step, half[i]);
      float *place = to + i * at.row + j * at.column;
      if ((i < overlap && above) || (j < overlap && left)) result = load(place) + result;
      store(place, result);
    }
}

typedef enum { FROM_WINDOW, TO_WINDOW, FROM_OUTPUT, TO_OUTPUT } direction;

// All tiles and channels of an image, whose tiles begin at `first` of a block's `tiles`. Of the two, `to` alone is written.
INLINE void transform_image(const int taps, const direction direction, const vk_tiling *tiling, float *image, float *planes,
                            int64_t first, int64_t tiles) {
  const int side = taps + 3, window = direction == FROM_WINDOW || direction == TO_WINDOW;
  const int64_t channels = window ? tiling->inner : tiling->columns;
  const int64_t plane = plane_stride(channels, tiles);
  const square pixels = {(4 * tiling->tileColumns + (window ? taps - 1 : 0)) * channels, channels};
  const square frequencies = {side * plane, plane};
  const float *windows = windowMatrix[taps - 2][0], *outputs = outputMatrix[taps - 2][0];
  for (int64_t i = 0; i < tiling->tileRows; i++)
    for (int64_t j = 0; j < tiling->tileColumns; j++)
      for (int64_t c = 0; c < channels; c += LANES) {
        float *there = image + 4 * i * pixels.row + 4 * j * pixels.column + c;
        float *here = planes + place_in_plane(channels, tiles, first + i * tiling->tileColumns + j, c);
        if (direction == FROM_WINDOW) transform(side, side, windows, SIDE, 1, here, frequencies, there, pixels, 0, 0, 0);
        if (direction == TO_WINDOW)
          transform(side, side, windows, 1, SIDE, there, pixels, here, frequencies, taps - 1, i > 0, j > 0);
        if (direction == FROM_OUTPUT) transform(side, 4, outputs, 1, SIDE, here, frequencies, there, pixels, 0, 0, 0);
        if (direction == TO_OUTPUT) transform(4, side, outputs, SIDE, 1, there, pixels, here, frequencies, 0, 0, 0);
      }
}

#define TRANSFORM(direction, image, planes)                                             \
  do {                                                                                  \
    if (tiling->taps == 2) transform_image(2, direction, tiling, image, planes, first, tiles); \
    else transform_image(3, direction, tiling, image, planes, first, tiles);            \
  } while (0)

static void window(const vk_tiling *tiling, const float *patch, float *v, int64_t first, int64_t tiles) {
  TRANSFORM(FROM_WINDOW, (float *)(uintptr_t)patch, v);
}
static void window_adjoint(const vk_tiling *tiling, const float *q, int64_t first, int64_t tiles, float *patch) {
  TRANSFORM(TO_WINDOW, patch, (float *)(uintptr_t)q);
}
static void output(const vk_tiling *tiling, const float *m, int64_t first, int64_t tiles, float *y) {
  TRANSFORM(TO_OUTPUT, y, (float *)(uintptr_t)m);
}
static void output_adjoint(const vk_tiling *tiling, const float *y, float *z, int64_t first, int64_t tiles) {
  TRANSFORM(FROM_OUTPUT, (float *)(uintptr_t)y, z);
}
