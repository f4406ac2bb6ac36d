#include "kernels.h"

#if defined(__x86_64__)
static int runs(const vk_table *table) {
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (table == &vk_avx2) return avx2;
  if (table == &vk_avx512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return 1;
}
static const vk_table *const tables[] = {&vk_avx512, &vk_avx2, &vk_portable};  // best first
#else
static int runs(const vk_table *table) { return table != NULL; }
#if defined(__aarch64__)
static const vk_table *const tables[] = {&vk_neon, &vk_portable};  // every processor of this architecture has NEON
#else
static const vk_table *const tables[] = {&vk_portable};
#endif
#endif

enum { TABLES = sizeof tables / sizeof *tables };

const vk_table *vk_table_named(const char *name) {
  for (int i = 0; i < TABLES; i++)
    if (strcmp(tables[i]->name, name) == 0) return runs(tables[i]) ? tables[i] : NULL;
  return NULL;
}

const vk_table *vk_table_best(void) {
  int i = 0;
  while (!runs(tables[i])) i++;  // the portable table ends this
  return tables[i];
}

int64_t vk_lanes(int64_t period) { return period >= 16 ? period : period * ((16 + period - 1) / period); }

static int64_t common_divisor(int64_t a, int64_t b) { return b == 0 ? a : common_divisor(b, a % b); }

int64_t vk_block(const vk_program *program) {
  enum { LONG = 1024, SHORT = 512, MANY = 12 };
  int64_t unit = 16, buffers = 0;
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    buffers += slot->kind != VK_LOAD && slot->kind != VK_STORE;
    int64_t period = slot->kind == VK_PERIODIC ? slot->period : slot->kind == VK_SUM ? vk_lanes(slot->period) : 1;
    if (period > LONG) continue;
    int64_t multiple = unit / common_divisor(unit, period) * period;
    if (multiple <= 2 * LONG) unit = multiple;
  }
  int64_t length = buffers > MANY ? SHORT : LONG;
  return unit >= length ? unit : length / unit * unit;
}

int64_t vk_scratch(const vk_program *program) {
  int64_t block = vk_block(program), floats = 0;
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    if (slot->kind == VK_LOAD) continue;
    floats += block;
    if (slot->kind == VK_SUM) floats += (vk_lanes(slot->period) + 15) / 16 * 16;
    if (slot->kind == VK_SUM_RUNS) floats += 16;
  }
  return floats;
}
