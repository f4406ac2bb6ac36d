// One loop over a block for each operation. A result may be in the place of an operand, element for element, which is
// what assume_safety says.
typedef void (*loop)(float *result, const float *a, const float *b, int64_t count);

#define LOOP(name, expression)                                                          \
  static void name(float *result, const float *a, const float *b, int64_t count) {      \
    (void)b;                                                                            \
    _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) { \
      float x = a[i];                                                                   \
      result[i] = expression;                                                           \
    }                                                                                   \
  }
#define LOOP2(name, expression)                                                         \
  static void name(float *result, const float *a, const float *b, int64_t count) {      \
    _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < count; i++) { \
      float x = a[i], y = b[i];                                                         \
      result[i] = expression;                                                           \
    }                                                                                   \
  }

LOOP(loop_negative, -x)
LOOP(loop_reciprocal, 1.0f / x)
LOOP(loop_exp, exp1(x))
LOOP(loop_log, log1(x))
LOOP(loop_tanh, tanh1(x))
LOOP(loop_softplus, softplus1(x))
LOOP(loop_logistic, logistic1(x))
LOOP(loop_square_root, __builtin_elementwise_sqrt(x))
LOOP(loop_absolute, __builtin_fabsf(x))
LOOP(loop_sign, x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x == 0.0f ? 0.0f : x)
LOOP(loop_step, x > 0.0f ? 1.0f : x <= 0.0f ? 0.0f : x)
LOOP2(loop_add, x + y)
LOOP2(loop_subtract, x - y)
LOOP2(loop_multiply, x * y)
LOOP2(loop_divide, x / y)
LOOP2(loop_maximum, x > y ? x : x == x ? y : x)
LOOP(loop_copy, x)

static const loop loops[] = {
  [VK_NEGATIVE] = loop_negative, [VK_RECIPROCAL] = loop_reciprocal, [VK_EXP] = loop_exp, [VK_LOG] = loop_log,
  [VK_TANH] = loop_tanh, [VK_SOFTPLUS] = loop_softplus, [VK_LOGISTIC] = loop_logistic,
  [VK_SQUARE_ROOT] = loop_square_root, [VK_ABSOLUTE] = loop_absolute, [VK_SIGN] = loop_sign, [VK_STEP] = loop_step,
  [VK_ADD] = loop_add, [VK_SUBTRACT] = loop_subtract, [VK_MULTIPLY] = loop_multiply, [VK_DIVIDE] = loop_divide,
  [VK_MAXIMUM] = loop_maximum, [VK_COPY] = loop_copy,
};
