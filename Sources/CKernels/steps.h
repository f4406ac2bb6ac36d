// The instructions of an elementwise program, a tile of a few vectors at a time: what the next instruction reads
// (VK_PREVIOUS) is still in registers, and temporaries are a tile long.
enum { WIDE = 8, TILE = WIDE * LANES };

typedef int32_t integers __attribute__((ext_vector_type(LANES)));

INLINE vector chosen(integers condition, vector yes, vector no) {
  return (vector)((condition & (integers)yes) | (~condition & (integers)no));
}

// An instruction aimed at a block. Its code: 4 * operation, + 2 where `a` and + 1 where `b` is in registers.
typedef struct {
  int32_t code;
  const float *a, *b; float *result;    // result: NULL where it stays in registers
  int64_t aMask, bMask, resultMask;     // of a tile's offset in the block
} step;

// The last elements of a block, fewer than a tile.
static void run_rest(const step *steps, int64_t count, int64_t t, int64_t rest) {
  float room[TILE];
  const float *previous = room;
  for (int64_t i = 0; i < count; i++) {
    const step *s = steps + i;
    float *result = s->result ? s->result + (t & s->resultMask) : room;
    const float *a = s->code & 2 ? previous : s->a + (t & s->aMask), *b = s->code & 1 ? previous : s->b + (t & s->bMask);
    loops[s->code / 4](result, a, b, rest);
    previous = result;
  }
}

#define TOGETHER _Pragma("clang loop unroll(full)") for (int i = 0; i < WIDE; i++)
#define A load(a + i * LANES)
#define B load(b + i * LANES)
#define UNARY(operation, expression)                                       \
  case 4 * operation: TOGETHER { vector x = A; last[i] = expression; } break;      \
  case 4 * operation + 3: TOGETHER { vector x = last[i]; last[i] = expression; } break;
#define BINARY(operation, expression)                                                 \
  case 4 * operation: TOGETHER { vector x = A, y = B; last[i] = expression; } break;          \
  case 4 * operation + 1: TOGETHER { vector x = A, y = last[i]; last[i] = expression; } break;   \
  case 4 * operation + 2: TOGETHER { vector x = last[i], y = B; last[i] = expression; } break;  \
  case 4 * operation + 3: TOGETHER { vector x = last[i], y = last[i]; last[i] = expression; } break;

static void run(const step *steps, int64_t count, int64_t elements) {
  float room[TILE] __attribute__((aligned(64)));
  int64_t t = 0;
  for (; t + TILE <= elements; t += TILE) {
    vector last[WIDE];
    TOGETHER last[i] = 0.0f;
    for (const step *s = steps; s < steps + count; s++) {
      const float *a = s->a + (t & s->aMask), *b = s->b + (t & s->bMask);
      switch (s->code) {
        UNARY(VK_NEGATIVE, -x)
        UNARY(VK_RECIPROCAL, 1.0f / x)
        UNARY(VK_SQUARE_ROOT, __builtin_elementwise_sqrt(x))
        UNARY(VK_ABSOLUTE, __builtin_elementwise_abs(x))
        UNARY(VK_STEP, chosen(x > 0.0f, 1.0f, chosen(x <= 0.0f, 0.0f, x)))
        BINARY(VK_ADD, x + y)
        BINARY(VK_SUBTRACT, x - y)
        BINARY(VK_MULTIPLY, x * y)
        BINARY(VK_DIVIDE, x / y)
        BINARY(VK_MAXIMUM, chosen(x > y, x, chosen(x == x, y, x)))
        UNARY(VK_COPY, x)
        default:
          if (s->code & 2) TOGETHER store(room + i * LANES, last[i]);
          loops[s->code / 4](room, s->code & 2 ? room : a, NULL, TILE);
          TOGETHER last[i] = load(room + i * LANES);
      }
      if (s->result) {
        float *result = s->result + (t & s->resultMask);
        TOGETHER store(result + i * LANES, last[i]);
      }
    }
  }
  if (t < elements) run_rest(steps, count, t, elements - t);
}
#undef A
#undef B
