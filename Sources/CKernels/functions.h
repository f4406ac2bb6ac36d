// Elementary functions on one element, without branches so that loops over them become vectors. Polynomials are our own,
// fitted for the least largest relative error by iterated weighted least squares; errors stay below 3 units in the last place.
INLINE uint32_t bits_of(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
INLINE float float_of(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
INLINE float fma1(float a, float b, float c) { return __builtin_elementwise_fma(a, b, c); }

static const float LN2 = 0x1.62e43p-1f, LN2_REST = -0x1.05c61p-29f;  // the sum is ln 2 to 48 bits

// e^x = 2^n e^r with |r| <= ln 2 / 2. The power of two comes in two factors, so that results beyond the normal range round once.
INLINE float exp1(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  const float shift = 0x1.8p23f;  // added, it leaves the nearest integer in the last bits
  float shifted = fma1(x, 0x1.715476p0f, shift), n = shifted - shift;
  float r = fma1(n, -LN2_REST, fma1(n, -LN2, x));
  float q = fma1(r, 0x1.6a2444p-10f, 0x1.1239d4p-7f);
  q = fma1(r, q, 0x1.5558f2p-5f);
  q = fma1(r, q, 0x1.555492p-3f);
  q = fma1(r, q, 0x1.fffffcp-2f);
  float p = fma1(r * r, q, r) + 1.0f;
  int32_t k = (int32_t)(bits_of(shifted) - bits_of(shift)), half = k >> 1;
  return p * float_of((uint32_t)(half + 127) << 23) * float_of((uint32_t)(k - half + 127) << 23);
}

// ln x = e ln 2 + ln(1 + f) with sqrt(1/2) <= 1 + f < sqrt(2).
INLINE float log1(float x) {
  float normal = x < 0x1p-126f ? x * 0x1p23f : x, shift = x < 0x1p-126f ? 23.0f : 0.0f;
  uint32_t above = (bits_of(normal) - 0x3f3504f3u) & 0xff800000u;  // the exponent counted from sqrt(1/2)
  float e = (float)((int32_t)above >> 23) - shift, f = float_of(bits_of(normal) - above) - 1.0f;
  float q = fma1(f, 0x1.1456b8p-4f, -0x1.de3bd6p-4f);
  q = fma1(f, q, 0x1.e6f0b6p-4f);
  q = fma1(f, q, -0x1.fc2216p-4f);
  q = fma1(f, q, 0x1.233764p-3f);
  q = fma1(f, q, -0x1.555c4cp-3f);
  q = fma1(f, q, 0x1.99a4b6p-3f);
  q = fma1(f, q, -0x1.000006p-2f);
  q = fma1(f, q, 0x1.555548p-2f);
  float y = f * f, rest = fma1(e, LN2_REST, f * y * q);
  float result = fma1(e, LN2, f + fma1(-0.5f, y, rest));
  float limit = x == 0.0f ? -__builtin_inff() : x > 0.0f ? x : __builtin_nanf("");
  return x > 0.0f && x < __builtin_inff() ? result : limit;
}

// ln(1 + u) = 2 artanh(u / (2 + u)) for 0 <= u <= 1.
INLINE float log_one_plus(float u) {
  float s = u / (2.0f + u), t = s * s;
  float q = fma1(t, 0x1.f1aeeep-4f, 0x1.b6d6a0p-4f);
  q = fma1(t, q, 0x1.250972p-3f);
  q = fma1(t, q, 0x1.9996a8p-3f);
  q = fma1(t, q, 0x1.555558p-2f);
  return 2.0f * fma1(s * t, q, s);
}

INLINE float tanh1(float x) {
  float size = __builtin_fabsf(x), t = x * x;
  float q = fma1(t, -0x1.76abc6p-8f, 0x1.5256c4p-6f);
  q = fma1(t, q, -0x1.b84446p-5f);
  q = fma1(t, q, 0x1.110768p-3f);
  q = fma1(t, q, -0x1.555534p-2f);
  float far = 1.0f - 2.0f / (exp1(2.0f * size) + 1.0f);
  return size < 0.625f ? fma1(x * t, q, x) : __builtin_copysignf(far, x);
}

INLINE float logistic1(float x) { return 1.0f / (1.0f + exp1(-x)); }

INLINE float softplus1(float x) { return (x > 0.0f ? x : 0.0f) + log_one_plus(exp1(-__builtin_fabsf(x))); }
