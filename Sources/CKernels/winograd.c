#include "kernels.h"

static int64_t side_of(const vk_tiling *tiling) { return tiling->taps + 3; }

int64_t vk_plane_floats(const vk_tiling *tiling, int64_t channels, int64_t tiles) {
  return side_of(tiling) * side_of(tiling) * plane_stride(channels, tiles);
}

int64_t vk_multiply_scratch(const vk_tiling *tiling) {
  return (side_of(tiling) + tiling->taps * tiling->taps) * piece_stride(INNER_PIECE, COLUMN_PIECE);
}

int64_t vk_weights_scratch(const vk_tiling *tiling, int64_t inner, int64_t columns) {
  return side_of(tiling) * piece_stride(inner, columns);
}

void vk_scatter(const vk_tiling *tiling, const float *piece, int64_t k0, int64_t k1, int64_t n0, int64_t n1, float *dw) {
  int64_t real = smaller(n1, tiling->realColumns) - n0;
  if (real <= 0) return;
  for (int64_t tap = 0; tap < tiling->taps * tiling->taps; tap++)
    for (int64_t k = k0; k < k1; k++, piece += n1 - n0) {
      int32_t place = tiling->tap[tap * tiling->inner + k];
      if (place >= 0) memcpy(dw + place + n0, piece, (size_t)real * sizeof(float));
    }
}
