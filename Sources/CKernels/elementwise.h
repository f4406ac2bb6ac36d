// Elementwise programs, a block of elements at a time. Slots that are plain memory are worked on where they lie; the
// others have a buffer of one block in scratch.
typedef struct {
  float *at;      // the block's elements
  float *buffer;  // in scratch; NULL where the slot is always plain memory
  float *lanes;   // a sum's virtual lanes
  int64_t mask;   // of offsets into a buffer that is shorter than the block, since it repeats itself; all bits where it is not
  int late;       // a stored slot goes to memory after the block, since it lies on a loaded one that is still read
} place;

// Are consecutive samples one long sample to this program?
static int joined(const vk_program *program) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    if (slot->kind == VK_TEMPORARY || slot->kind == VK_SCALAR) continue;
    if (slot->kind == VK_PERIODIC && slot->stride == 0 && program->count % slot->period == 0) continue;
    if (!is_plain(slot, program->count) || slot->stride != program->count) return 0;
  }
  return 1;
}

// The slot of the second operand; the first again where there is none.
static int32_t second(const vk_instruction *code) {
  return code->operation < VK_ADD || code->operation == VK_COPY ? code->a : code->b;
}

// Does an instruction read, after `slot` is first written, a loaded slot that begins where it does?
static int overlaid(const vk_program *program, int32_t slot) {
  int written = 0;
  for (int64_t i = 0; i < program->instructions; i++) {
    const vk_instruction *code = program->code + i;
    for (int side = 0; side < 2 && written; side++) {
      int32_t operand = side == 0 ? code->a : second(code);
      if (operand != VK_PREVIOUS && program->slots[operand].kind != VK_STORE && program->slots[operand].base == program->slots[slot].base) return 1;
    }
    written |= code->result == slot;
  }
  return 0;
}

static void lay(const vk_program *program, place *places, float *scratch, int64_t block) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    places[i] = (place){.mask = repetition(program, slot, block, TILE) - 1, .late = slot->kind == VK_STORE && overlaid(program, (int32_t)i)};
    if (slot->kind == VK_LOAD) continue;
    places[i].at = places[i].buffer = scratch;
    scratch += block;
    if (slot->kind != VK_SUM && slot->kind != VK_SUM_RUNS) continue;
    places[i].lanes = scratch;
    scratch += slot->kind == VK_SUM ? (vk_lanes(slot->period) + 15) / 16 * 16 : 16;
  }
}

// Short copies without a call.
static void copy(float *to, const float *from, int64_t count) { loop_copy(to, from, from, count); }

// buffer[i] = from[(phase + i) % period]
static void fill(float *buffer, const float *from, int64_t period, int64_t phase, int64_t count) {
  int64_t have = 0;
  while (have < smaller(period, count)) {
    int64_t place = (phase + have) % period, piece = smaller(period - place, smaller(period, count) - have);
    memcpy(buffer + have, from + place, (size_t)piece * sizeof(float));
    have += piece;
  }
  for (; have < count; have += smaller(have, count - have)) memcpy(buffer + have, buffer, (size_t)smaller(have, count - have) * sizeof(float));
}

// What holds for the whole call (samples < 0) or for a sample: replicated values, and periodic ones that look the same in
// every block.
static void fill_constant(const vk_program *program, place *places, int64_t sample, int64_t first, int64_t longest, int64_t block) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    int64_t length = places[i].mask < 0 ? longest : places[i].mask + 1;
    if (slot->kind == VK_SCALAR && sample < 0) {
      float value = (float)*(const double *)(const void *)slot->base;
      fill(places[i].buffer, &value, 1, 0, length);
    }
    if (slot->kind != VK_PERIODIC || is_plain(slot, program->count) || block % slot->period != 0) continue;
    if ((slot->stride == 0) == (sample < 0))
      fill(places[i].buffer, slot->base + (sample < 0 ? 0 : sample * slot->stride), slot->period, first % slot->period, length);
  }
}

static void begin_sums(const vk_program *program, place *places, int64_t sample) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    if (slot->kind == VK_SUM) memset(places[i].lanes, 0, (size_t)vk_lanes(slot->period) * sizeof(float));
    if (slot->kind == VK_SUM_RUNS) memset(places[i].lanes, 0, 16 * sizeof(float));
    if (slot->kind == VK_SUM_TABLE) memset(slot->base + sample * slot->stride, 0, (size_t)slot->period * sizeof(float));
  }
}

static int in_runs(const vk_slot *slot) { return slot->kind == VK_LOAD_RUNS || slot->kind == VK_STORE_RUNS; }

// Where elements e ..< e + count lie if they lie in one run, else NULL.
static float *within_run(const vk_slot *slot, float *local, int64_t e, int64_t count) {
  int64_t run = e / slot->period;
  return slot->table[run] >= 0 && e + count <= (run + 1) * slot->period ? local + slot->table[run] + e - run * slot->period : NULL;
}

// Copies between a buffer and whole runs of so many floats, a constant where this is inlined: a pixel's few channels.
INLINE void copy_pixels(const int floats, const vk_slot *slot, const int32_t *table, int64_t runs, float *local, float *buffer) {
  for (int64_t i = 0; i < runs; i++, buffer += floats) {
    if (slot->kind == VK_STORE_RUNS) {
      if (table[i] >= 0) memcpy(local + table[i], buffer, floats * sizeof(float));
    } else if (table[i] >= 0) {
      memcpy(buffer, local + table[i], floats * sizeof(float));
    } else {
      memset(buffer, 0, floats * sizeof(float));
    }
  }
}

// Copies elements e ..< e + count between a block's buffer and their runs.
static void copy_runs(const vk_slot *slot, float *local, float *buffer, int64_t e, int64_t count) {
  int64_t run = e / slot->period, phase = e - run * slot->period;
  while (count > 0) {
    int64_t whole = phase == 0 ? count / slot->period : 0, piece = whole * slot->period;
    const int32_t *table = slot->table + run;
    if (whole > 0 && slot->period == 1) copy_pixels(1, slot, table, whole, local, buffer);
    else if (whole > 0 && slot->period == 2) copy_pixels(2, slot, table, whole, local, buffer);
    else if (whole > 0 && slot->period == 3) copy_pixels(3, slot, table, whole, local, buffer);
    else if (whole > 0 && slot->period == 4) copy_pixels(4, slot, table, whole, local, buffer);
    else {
      float *at = local + *table + phase;
      whole = 1;
      piece = smaller(slot->period - phase, count);
      if (*table >= 0) copy(slot->kind == VK_STORE_RUNS ? at : buffer, slot->kind == VK_STORE_RUNS ? buffer : at, piece);
      else if (slot->kind == VK_LOAD_RUNS) memset(buffer, 0, (size_t)piece * sizeof(float));
    }
    run += whole;
    phase = 0;
    buffer += piece;
    count -= piece;
  }
}

// Points the slots at elements e ..< e + count of a sample, which is the call's `turn`-th.
static void aim(const vk_program *program, place *places, int64_t sample, int64_t turn, int64_t e, int64_t count, int64_t block) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    if (in_runs(slot)) {
      float *local = program->local + turn * slot->stride, *direct = within_run(slot, local, e, count);
      places[i].at = direct ? direct : places[i].buffer;
      if (!direct && slot->kind == VK_LOAD_RUNS) copy_runs(slot, local, places[i].buffer, e, count);
      continue;
    }
    float *base = slot->base + (slot->kind == VK_TEMPORARY || slot->kind == VK_SCALAR ? 0 : sample * slot->stride);
    if (is_plain(slot, program->count) && !places[i].late) {
      places[i].at = base + e;
    } else if (slot->kind == VK_PERIODIC && block % slot->period != 0) {
      int64_t phase = e % slot->period;
      places[i].at = phase + count <= slot->period ? base + phase : places[i].buffer;
      if (phase + count > slot->period) fill(places[i].buffer, base, slot->period, phase, count);
    } else if (slot->kind == VK_GATHER) {
      const int32_t *table = slot->table + e;
      for (int64_t j = 0; j < count; j++) places[i].buffer[j] = base[table[j]];
    }
  }
}

typedef float sixteen __attribute__((ext_vector_type(16)));

// lanes[(phase + i) % width] += value[i], in the order of i
static void add_to_lanes(float *lanes, int64_t width, int64_t phase, const float *value, int64_t count) {
  while (count > 0) {
    int64_t piece = smaller(width - phase, count), turns = piece == width ? count / width : 0, lane = 0;
    for (; lane + 16 <= width && turns > 1; lane += 16) {
      sixteen sum, next;
      memcpy(&sum, lanes + lane, sizeof sum);
      for (int64_t t = 0; t < turns; t++) {
        memcpy(&next, value + t * width + lane, sizeof next);
        sum += next;
      }
      memcpy(lanes + lane, &sum, sizeof sum);
    }
    if (turns > 1) piece = turns * width;
    for (int64_t i = 0; i < piece; i += width) {
      int64_t end = smaller(width - phase, piece - i);
      if (lane < end) loop_add(lanes + phase + lane, lanes + phase + lane, value + i + lane, end - lane);
    }
    value += piece;
    count -= piece;
    phase = (phase + piece) % width;
  }
}

static float fold(const float *lanes, int64_t width, int64_t lane, int64_t period) {
  float sum = lanes[lane];
  for (int64_t w = lane + period; w < width; w += period) sum += lanes[w];
  return sum;
}

// Adds a block to the sums of runs; `total` elements are in the sample, so that the last run may be a short one.
static void sum_runs(float *base, float *lanes, int64_t period, const float *value, int64_t e, int64_t count, int64_t total) {
  while (count > 0) {
    int64_t phase = e % period, piece = smaller(period - phase, count);
    add_to_lanes(lanes, 16, phase % 16, value, piece);
    if (phase + piece == period || e + piece == total) {
      base[e / period] = fold(lanes, 16, 0, 1);
      memset(lanes, 0, 16 * sizeof(float));
    }
    value += piece;
    e += piece;
    count -= piece;
  }
}

// What the block leaves behind: late stores, stores in runs and sums.
static void finish(const vk_program *program, place *places, int64_t sample, int64_t turn, int64_t e, int64_t count) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    if (in_runs(slot)) {
      if (slot->kind == VK_STORE_RUNS && places[i].at == places[i].buffer)
        copy_runs(slot, program->local + turn * slot->stride, places[i].buffer, e, count);
      continue;
    }
    float *base = slot->base + (slot->kind >= VK_STORE ? sample * slot->stride : 0);
    const float *value = places[i].at;
    if (slot->kind == VK_STORE && places[i].late) memcpy(base + e, value, (size_t)count * sizeof(float));
    if (slot->kind == VK_SUM) add_to_lanes(places[i].lanes, vk_lanes(slot->period), e % vk_lanes(slot->period), value, count);
    if (slot->kind == VK_SUM_RUNS) sum_runs(base, places[i].lanes, slot->period, value, e, count, program->count);
    if (slot->kind == VK_SUM_TABLE)
      for (int64_t j = 0; j < count; j++) base[slot->table[e + j]] += value[j];
  }
}

static void end_sums(const vk_program *program, place *places, int64_t sample) {
  for (int64_t i = 0; i < program->slotCount; i++) {
    const vk_slot *slot = program->slots + i;
    if (slot->kind != VK_SUM) continue;
    int64_t width = vk_lanes(slot->period);
    float *base = slot->base + sample * slot->stride;
    for (int64_t p = 0; p < slot->period; p++) base[p] = fold(places[i].lanes, width, p, slot->period);
  }
}

// Points the instructions at a block.
static void prepare(const vk_program *program, const place *places, step *steps) {
  static const place registers = {0};
  for (int64_t i = 0; i < program->instructions; i++) {
    const vk_instruction *code = program->code + i;
    const int32_t slots[3] = {code->a, second(code), code->result};
    const place *at[3];
    for (int n = 0; n < 3; n++) at[n] = slots[n] == VK_PREVIOUS ? &registers : places + slots[n];
    steps[i] = (step){4 * code->operation + 2 * (at[0] == &registers) + (at[1] == &registers), at[0]->at, at[1]->at, at[2]->at,
                      at[0]->mask, at[1]->mask, at[2]->mask};
  }
}

// Runs the program over a block.
static void run_block(const vk_program *program, const place *places, step *steps, int64_t count) {
  int64_t whole = program->machine ? count / LANES * LANES : 0;
  if (whole > 0) {
    float *at[program->slotCount];
    for (int64_t i = 0; i < program->slotCount; i++) at[i] = places[i].at;
    program->machine(at, whole);
  }
  if (whole == count) return;
  prepare(program, places, steps);
  if (whole > 0) run_rest(steps, program->instructions, whole, count - whole);
  else run(steps, program->instructions, count);
}

static void elementwise(const vk_program *program, int64_t firstSample, int64_t lastSample, int64_t firstElement, int64_t lastElement,
                        float *scratch) {
  if (firstSample >= lastSample) return;
  int64_t block = vk_block(program);
  place places[program->slotCount];
  step steps[program->instructions];
  lay(program, places, scratch, block);
  if (firstElement == 0 && lastElement == program->count && joined(program)) {
    lastElement *= lastSample - firstSample;
    lastSample = firstSample + 1;
  }
  int64_t length = smaller(block, lastElement - firstElement);  // of the longest block
  fill_constant(program, places, -1, firstElement, length, block);
  for (int64_t sample = firstSample; sample < lastSample; sample++) {
    fill_constant(program, places, sample, firstElement, length, block);
    begin_sums(program, places, sample);
    for (int64_t e = firstElement; e < lastElement; e += block) {
      int64_t count = smaller(block, lastElement - e);
      aim(program, places, sample, sample - firstSample, e, count, block);
      run_block(program, places, steps, count);
      finish(program, places, sample, sample - firstSample, e, count);
    }
    end_sums(program, places, sample);
  }
}
