// What the tables share. Each of avx2.c, avx512.c, neon.c and portable.c includes tables.h, which makes the kernels for its
// instruction set out of one source: LANES floats in a vector, ROWS rows in a product's tile, TABLE and NAME.
#ifndef KERNELS_H
#define KERNELS_H
#include "CKernels.h"
#include <string.h>

extern const vk_table vk_avx512, vk_avx2, vk_neon, vk_portable;

// Elements of a block: about as many as keep a program's slots in L1, and where the periods allow it a multiple of each,
// so that a periodic slot looks the same in every block.
int64_t vk_block(const vk_program *program);
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Is base[sample*stride + e] the slot's element?
static inline int is_plain(const vk_slot *slot, int64_t count) {
  return slot->kind == VK_LOAD || slot->kind == VK_STORE || (slot->kind == VK_PERIODIC && slot->period >= count && slot->stride == count);
}
// The floats after which what a slot has in a block looks the same, a power of two and at least a tile; 0 where it does not.
static inline int64_t repetition(const vk_program *program, const vk_slot *slot, int64_t block, int64_t tile) {
  if (slot->kind == VK_TEMPORARY || slot->kind == VK_SCALAR) return tile;
  int64_t period = slot->period;
  int repeats = slot->kind == VK_PERIODIC && !is_plain(slot, program->count) && block % period == 0 && (period & (period - 1)) == 0;
  return !repeats ? 0 : smaller(period, tile) == tile ? period : tile;
}
vk_machine vk_compile_avx2(const vk_program *program);
vk_machine vk_compile_avx512(const vk_program *program);
// Virtual lanes of a sum with this period.
int64_t vk_lanes(int64_t period);

// A Winograd plane in memory: its channels in strips of 64, in a strip a row for each tile, so that what a product reads is
// contiguous. Planes are 5 cache lines more than a multiple of 16 apart, so that those that a transform writes at once do
// not crowd into the same cache sets.
enum { STRIP_CHANNELS = 64 };
static inline int64_t row_stride(int64_t channels) { return smaller(channels, STRIP_CHANNELS); }
static inline int64_t strip_stride(int64_t channels, int64_t tiles) { return tiles * row_stride(channels); }
static inline int64_t plane_stride(int64_t channels, int64_t tiles) {
  int64_t strips = (channels + STRIP_CHANNELS - 1) / STRIP_CHANNELS;
  return ((strips * strip_stride(channels, tiles) + 255) / 256 * 16 + 5) * 16;
}
static inline int64_t place_in_plane(int64_t channels, int64_t tiles, int64_t tile, int64_t channel) {
  return channel / STRIP_CHANNELS * strip_stride(channels, tiles) + tile * row_stride(channels) + channel % STRIP_CHANNELS;
}

// Transformed weights are made a piece at a time, one row of frequencies of it: so many inner indices, whole strips, and
// columns stay in a cache of 512 KiB beside what they are multiplied with. Deep pieces go seldom over the result's memory.
enum { INNER_PIECE = 4 * STRIP_CHANNELS, COLUMN_PIECE = 32 };
static inline int64_t piece_stride(int64_t inner, int64_t columns) { return inner * ((columns + 31) / 32 * 32) + 5 * 16; }
#endif
