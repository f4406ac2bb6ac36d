// The arithmetic of plans. Every kernel is defined without reference to vector width, so that all tables give the same
// bits: an element of a product is one chain of fused multiply-adds in the order of the inner index; an elementwise
// result is IEEE arithmetic or one of our own polynomials on that element alone; a sum within a sample runs over virtual
// lanes and is folded in one order. Nothing is contracted, reassociated or approximated by an instruction set's leave.
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stdint.h>

// A matrix product whose operands are walked by strides, so that convolutions are products without a copy.
//
// c[r][n] (+)= sum over (g, s, t), t fastest, of a[r](g, s, t) * b(g, s, t)[n]
//   a[r](g,s,t) = a[aRow[r] + g*aGroup + s*aRun + t*aStep]
//   b(g,s,t)[n] = b[(n / panel)*bPanel + g*bGroup + s*bRun + t*bStep + n % panel]
//   c[r][n]     = c[cRow[r] + n]
// `panel` is vk_table.panel. B's rows must be readable to the end of the last panel (so pad to a multiple of `panel`);
// C is written in `columns` places only. Each c element is one chain of fmaf(a, b, sum) in order, starting at 0 or, where
// `accumulate` is not 0, at the value it has.
typedef struct {
  int64_t rows, columns;
  const float *a; const int64_t *aRow; int64_t aGroup, aRun, aStep;
  const float *b; int64_t bPanel, bGroup, bRun, bStep;
  float *c; const int64_t *cRow;
  int64_t groups, runs, length;
  int32_t accumulate;
} vk_product;

// An elementwise program: instructions over slots, each a block of floats in L1 while the program runs over it.
typedef enum {
  VK_NEGATIVE, VK_RECIPROCAL, VK_EXP, VK_LOG, VK_TANH, VK_SOFTPLUS, VK_LOGISTIC, VK_SQUARE_ROOT, VK_ABSOLUTE, VK_SIGN, VK_STEP,
  VK_ADD, VK_SUBTRACT, VK_MULTIPLY, VK_DIVIDE, VK_MAXIMUM, VK_COPY
} vk_operation;

// a, b, result: slots; b is ignored by unary ones. VK_PREVIOUS as an operand is the result of the instruction before, which
// has no slot, or a slot's as well.
enum { VK_PREVIOUS = -1 };
typedef struct { int32_t operation, a, b, result; } vk_instruction;

// How a slot meets memory. The program runs over samples and, within each, over `count` elements e.
typedef enum {
  VK_TEMPORARY,   // lives in the block only
  VK_LOAD,        // base[sample*stride + e]
  VK_PERIODIC,    // base[sample*stride + e % period]: a channel's value, a sample's own (period 1), one for all (stride 0)
  VK_SCALAR,      // (float)*(const double *)base: a replicated scalar
  VK_GATHER,      // base[sample*stride + table[e]]
  VK_STORE,       // base[sample*stride + e] = value; may lie on a VK_LOAD of the same e, whose old value stays readable
  VK_SUM,         // base[sample*stride + p] = sum over e % period == p
  VK_SUM_RUNS,    // base[sample*stride + e / period] = sum over each run of `period` consecutive e
  VK_SUM_TABLE,   // base[sample*stride + table[e]] += value in the order of e, from 0; `period` results
  VK_LOAD_RUNS,   // local[place*stride + table[e / period] + e % period], 0 where the table has -1; place counts the call's samples
  VK_STORE_RUNS   // the same place = value, nowhere where the table has -1
} vk_kind;

// Order of sums. VK_SUM: with W = period * max(1, ceil(16 / period)), virtual lane w adds its elements e % W == w in the
// order of e, from 0; then lane p takes p+period, p+2*period, ... in that order. VK_SUM_RUNS: each run by the same rule
// with period 1 (16 lanes counted from the run's start).
typedef struct {
  int32_t kind;
  float *base; int64_t stride, period; const int32_t *table;
} vk_slot;

// A program as machine code, on `elements` elements of a block, a multiple of the vector's length: at[slot] is where the block's begin.
typedef void (*vk_machine)(float *const *at, int64_t elements);

typedef struct {
  const vk_instruction *code; int64_t instructions;
  const vk_slot *slots; int64_t slotCount;
  int64_t count;   // elements of a sample
  float *local;    // memory of the caller's own that the kinds in runs meet: an operand or a result on its way through a kernel
  vk_machine machine;  // from `compile`; NULL: its instructions are followed one by one, to the same bits
} vk_program;

// Winograd's algorithm for a convolution of stride 1 without padding, in tiles of 4 x 4 outputs:
//   y[i][j][n] = sum over taps (a, b) and channels k of patch[i + a][j + b][k] * w(a, b, k)[n].
// A convolution of stride 2 is one on a patch that holds the image's 2 x 2 phases as channels, padding is written into the
// patch, and taps that are not there are zeros: 4x4 stride 2 has 2 x 2 taps, 5x5 stride 2 has 3 x 3.
//
// For an image, patch [4*tileRows + taps - 1][4*tileColumns + taps - 1][inner] and output [4*tileRows][4*tileColumns][columns].
// Planes hold the transforms of a block of images, image after image and tile after tile, one plane for each of
// F = (taps + 3)^2 frequencies; `tiles` is how many tiles the block has, which fixes where they lie. V and Q are planes of
// the patch's channels, Z and M of the output's; each needs vk_plane_floats. Buffers do well to be aligned to 64 bytes.
//
// Order of sums: in M, Q and S an element is one chain of fmaf over the inner index (patch channels; output channels; tiles),
// ascending, from 0. So no element depends on the other tiles of its block, nor on how a caller cuts blocks and pieces.
typedef struct {
  int64_t taps;                      // of a line: 2 or 3
  int64_t tileRows, tileColumns;     // of an image
  int64_t inner, columns;            // channels of the patch and of the output, multiples of 16
  // w(a, b, k) begins at weights[tap[(a*taps + b)*inner + k]] and has realColumns <= columns consecutive floats, the columns
  // beyond being zeros; -1 for zeros only.
  const int32_t *tap; int64_t realColumns;
} vk_tiling;

typedef struct {
  const char *name;        // "avx512", "avx2", "neon", "portable"
  int64_t panel;           // columns in a panel of B
  int64_t rowBlock;        // rows that a product handles at once: tasks do well to hold multiples
  void (*product)(const vk_product *);
  // Copies a matrix [inner][columns], element (k, n) at from[k*rowStride + n*columnStride], into panels:
  // to[(n / panel)*inner*panel + k*panel + n % panel], zero beyond `columns`; panels firstPanel ..< lastPanel of it.
  void (*pack)(float *to, const float *from, int64_t inner, int64_t columns, int64_t rowStride, int64_t columnStride,
               int64_t firstPanel, int64_t lastPanel);
  // Runs a program over samples firstSample ..< lastSample and, where it has no sums, elements firstElement ..< lastElement
  // of each (else all of them). `scratch` holds vk_scratch(program) floats, aligned to 64 bytes, of the calling thread.
  void (*elementwise)(const vk_program *, int64_t firstSample, int64_t lastSample, int64_t firstElement, int64_t lastElement, float *scratch);
  // The program as machine code, for vk_release; NULL where it takes an operation that is a call, where the system forbids it, and for
  // processors that we have no code for. What slots' memory is may change afterwards, nothing else.
  vk_machine (*compile)(const vk_program *);
  // to[i] += from[i]
  void (*add)(float *to, const float *from, int64_t count);

  // The transforms of one image, whose tiles are first ..< first + tileRows*tileColumns of the block's.
  void (*window)(const vk_tiling *, const float *patch, float *v, int64_t first, int64_t tiles);              // V = B^T d B
  void (*windowAdjoint)(const vk_tiling *, const float *q, int64_t first, int64_t tiles, float *patch);       // sums of B Q B^T, written
  void (*output)(const vk_tiling *, const float *m, int64_t first, int64_t tiles, float *y);                  // y = A^T M A
  void (*outputAdjoint)(const vk_tiling *, const float *y, float *z, int64_t first, int64_t tiles);           // Z = A y A^T
  // The products of a block, each frequency by itself, with U = G w G^T made in pieces in scratch of vk_multiply_scratch floats:
  // channels first ..< last of the result, multiples of 16 that begin at one of 64 or have none between them.
  void (*multiply)(const vk_tiling *, const float *weights, const float *v, float *m, int64_t tiles, int64_t first, int64_t last,
                   float *scratch);  // M = V U
  void (*multiplyAdjoint)(const vk_tiling *, const float *weights, const float *z, float *q, int64_t tiles, int64_t first, int64_t last,
                          float *scratch);  // Q = Z U^T
  // A piece of the weight gradient over tiles first ..< last of the block: G^T S G with S = V^T Z, for patch channels
  // k0 ..< k1 and columns n0 ..< n1 (multiples of 16), written to piece[taps*taps][k1 - k0][n1 - n0]. Pieces of 64 x 64 and
  // scratch of vk_weights_scratch(tiling, k1 - k0, n1 - n0) floats stay in L2.
  void (*weights)(const vk_tiling *, const float *v, const float *z, int64_t tiles, int64_t first, int64_t last,
                  int64_t k0, int64_t k1, int64_t n0, int64_t n1, float *piece, float *scratch);

  // Runs rounds of independent multiply-adds in registers, with factor sink[0] and summand sink[1], and returns how many
  // multiply-adds they were; overwrites sink[0].
  int64_t (*peak)(int64_t rounds, float *sink);
} vk_table;

// Floats of scratch that a program needs.
int64_t vk_scratch(const vk_program *program);
// Frees what `compile` made.
void vk_release(const vk_program *program);
// Floats of V or Q (channels: inner) or of Z or M (channels: columns) for a block of so many tiles.
int64_t vk_plane_floats(const vk_tiling *, int64_t channels, int64_t tiles);
// Floats of scratch for multiply and multiplyAdjoint, and for weights with pieces of up to so many patch channels and columns.
int64_t vk_multiply_scratch(const vk_tiling *);
int64_t vk_weights_scratch(const vk_tiling *, int64_t inner, int64_t columns);
// Writes a piece of the weight gradient to where its weights' places are in dw; the rest of dw stays as it is.
void vk_scatter(const vk_tiling *, const float *piece, int64_t k0, int64_t k1, int64_t n0, int64_t n1, float *dw);
// The table of a name, or NULL where it is unknown or this processor cannot run it.
const vk_table *vk_table_named(const char *name);
// The best table of this processor.
const vk_table *vk_table_best(void);
#endif
