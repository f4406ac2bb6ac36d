// Elementwise programs as machine code: an instruction after the other on one vector, so that what stays in the block stays in registers,
// which is two to three times as fast as running them a tile at a time. Every instruction computes what steps.h does, to the bit.
#if defined(__x86_64__)
#include "kernels.h"
#include "x86.h"
#include <stdlib.h>
#include <sys/mman.h>

// Vector registers that instructions use on their way; the others hold constants, temporaries and scalars, as far as they go.
enum { OPERAND, RESULT, SPARE, MASK, FREE };
enum { ONE, MINUS_ONE, ZERO, SIGN, ALL_BUT_SIGN, CONSTANTS };
static const uint32_t constants[CONSTANTS] = {0x3f800000, 0xbf800000, 0, 0x80000000, 0x7fffffff};
enum { CODE_BEGINS = 64 };  // after the constants

typedef struct {
  assembly code;
  const vk_program *program;
  int *held;                 // by slot: its vector register; -1 where it is in memory
  int constant[CONSTANTS];   // their vector registers
  int next;                  // the next free one
  int previous;              // that has the result of the instruction before
  int64_t block, masked;     // a block's floats; the mask by which rcx was made of rdx, 0 for none
} compiler;

// Bytes that any such program's code fits in, whole pages.
static size_t room(const vk_program *program) {
  int64_t bytes = CODE_BEGINS + 64 + 32 * (CONSTANTS + program->slotCount) + 128 * program->instructions;
  return (size_t)((bytes + 4095) / 4096 * 4096);
}

static int is_compilable(const vk_program *program) {
  for (int64_t i = 0; i < program->instructions; i++) {
    int operation = program->code[i].operation;
    if (operation >= VK_EXP && operation <= VK_LOGISTIC) return 0;
  }
  return program->instructions > 0;
}

static int takes(const vk_program *program, vk_operation operation) {
  for (int64_t i = 0; i < program->instructions; i++)
    if (program->code[i].operation == (int32_t)operation) return 1;
  return 0;
}

static void hold_constants(compiler *c, const uint8_t *page) {
  int step = takes(c->program, VK_STEP), sign = takes(c->program, VK_SIGN);
  const int needed[CONSTANTS] = {[ONE] = step || sign || takes(c->program, VK_RECIPROCAL), [MINUS_ONE] = sign, [ZERO] = step || sign,
                                 [SIGN] = takes(c->program, VK_NEGATIVE), [ALL_BUT_SIGN] = takes(c->program, VK_ABSOLUTE)};
  for (int i = 0; i < CONSTANTS; i++) {
    if (!needed[i]) continue;
    set_rax(&c->code, page + 4 * i);
    encode(&c->code, BROADCAST, c->constant[i] = c->next++, 0, in_memory(NO_INDEX), 0);
  }
}

// Gives slots of a kind registers while there are any.
static void hold(compiler *c, vk_kind kind) {
  for (int64_t i = 0; i < c->program->slotCount; i++) {
    if (c->program->slots[i].kind != (int32_t)kind || c->next == 2 * c->code.lanes) continue;
    c->held[i] = c->next++;
    if (kind != VK_SCALAR) continue;
    load_rax(&c->code, i);
    encode(&c->code, BROADCAST, c->held[i], 0, in_memory(NO_INDEX), 0);
  }
}

// Where a slot is: its register, or its place in memory.
static operand place_of(compiler *c, int32_t slot) {
  if (slot == VK_PREVIOUS) return in_vector(c->previous);
  if (c->held[slot] >= 0) return in_vector(c->held[slot]);
  const vk_slot *about = c->program->slots + slot;
  load_rax(&c->code, slot);
  if (about->kind == VK_TEMPORARY || about->kind == VK_SCALAR) return in_memory(NO_INDEX);
  int64_t mask = repetition(c->program, about, c->block, 8 * c->code.lanes) - 1;
  if (mask < 0) return in_memory(RDX);
  if (c->masked != mask) mask_rdx(&c->code, c->masked = mask);
  return in_memory(RCX);
}

static int in_register(compiler *c, int32_t slot) {
  operand place = place_of(c, slot);
  if (place.vector >= 0) return place.vector;
  encode(&c->code, LOAD, OPERAND, 0, place, 0);
  return OPERAND;
}

static void compile_instruction(compiler *c, const vk_instruction *instruction) {
  assembly *code = &c->code;
  int isUnary = instruction->operation < VK_ADD || instruction->operation == VK_COPY;
  int x = in_register(c, instruction->a), one = c->constant[ONE], zero = c->constant[ZERO];
  operand y = isUnary ? in_vector(x) : place_of(c, instruction->b);
  int isStored = instruction->result != VK_PREVIOUS && c->held[instruction->result] < 0;
  int result = instruction->result == VK_PREVIOUS || isStored ? RESULT : c->held[instruction->result];
  switch (instruction->operation) {
    case VK_NEGATIVE: encode(code, EXCLUSIVE_OR, result, x, in_vector(c->constant[SIGN]), 0); break;
    case VK_ABSOLUTE: encode(code, AND, result, x, in_vector(c->constant[ALL_BUT_SIGN]), 0); break;
    case VK_RECIPROCAL: encode(code, DIVIDE, result, one, y, 0); break;
    case VK_SQUARE_ROOT: encode(code, SQUARE_ROOT, result, 0, y, 0); break;
    case VK_COPY: encode(code, LOAD, result, 0, y, 0); break;
    case VK_ADD: encode(code, ADD, result, x, y, 0); break;
    case VK_SUBTRACT: encode(code, SUBTRACT, result, x, y, 0); break;
    case VK_MULTIPLY: encode(code, MULTIPLY, result, x, y, 0); break;
    case VK_DIVIDE: encode(code, DIVIDE, result, x, y, 0); break;
    case VK_MAXIMUM:  // the processor's gives y where either is no number
      encode(code, LARGER, SPARE, x, y, 0);
      choose(code, result, x, UNORDERED, x, x, SPARE, MASK);
      break;
    case VK_STEP:
      choose(code, SPARE, x, GREATER, zero, one, zero, MASK);
      choose(code, result, x, UNORDERED, x, x, SPARE, MASK);
      break;
    case VK_SIGN:
      choose(code, SPARE, x, GREATER, zero, one, x, MASK);
      choose(code, SPARE, x, LESS, zero, c->constant[MINUS_ONE], SPARE, MASK);
      choose(code, result, x, EQUAL, zero, zero, SPARE, MASK);
      break;
    default: break;
  }
  if (isStored) encode(code, STORE, result, 0, place_of(c, instruction->result), 0);
  c->previous = result;
}

static vk_machine compile(const vk_program *program, int lanes) {
  if (!is_compilable(program)) return NULL;
  size_t bytes = room(program);
  uint8_t *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  memcpy(page, constants, sizeof constants);
  int held[program->slotCount];
  for (int64_t i = 0; i < program->slotCount; i++) held[i] = -1;
  compiler c = {.code = {page + CODE_BEGINS, page + bytes, lanes}, .program = program, .held = held, .next = FREE, .block = vk_block(program)};
  hold_constants(&c, page);
  hold(&c, VK_TEMPORARY);
  hold(&c, VK_SCALAR);
  clear_rdx(&c.code);
  const uint8_t *start = c.code.at;
  for (int64_t i = 0; i < program->instructions; i++) compile_instruction(&c, program->code + i);
  repeat(&c.code, lanes, start);
  leave(&c.code);
  // a system that lets no program write its own code has the steps
  if (c.code.at > c.code.end || mprotect(page, bytes, PROT_READ | PROT_EXEC) != 0) {
    munmap(page, bytes);
    return NULL;
  }
  return (vk_machine)(void *)(page + CODE_BEGINS);
}

vk_machine vk_compile_avx2(const vk_program *program) { return compile(program, 8); }
vk_machine vk_compile_avx512(const vk_program *program) { return compile(program, 16); }

void vk_release(const vk_program *program) {
  if (program->machine) munmap((uint8_t *)(void *)program->machine - CODE_BEGINS, room(program));
}
#else
#include "kernels.h"
void vk_release(const vk_program *program) { (void)program; }
#endif
