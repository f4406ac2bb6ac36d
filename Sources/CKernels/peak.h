// The most multiply-adds that a core can do: a yardstick, with which nothing is computed. Chains in registers, more of them
// than the units have stages, so that neither memory nor latency is waited for.
static int64_t peak(int64_t rounds, float *sink) {
  enum { CHAINS = 12 };
  vector chain[CHAINS], factor = (vector)(sink[0]), summand = (vector)(sink[1]);
  for (int i = 0; i < CHAINS; i++) chain[i] = (vector)((float)i);  // equal chains would be one
  for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < CHAINS; i++) chain[i] = __builtin_elementwise_fma(chain[i], factor, summand);
  }
  for (int i = 1; i < CHAINS; i++) chain[0] += chain[i];
  sink[0] = chain[0][0];
  return rounds * CHAINS * LANES;
}
