// The few instructions of x86-64 that compiled programs need, written as bytes: on vectors of 8 floats (AVX2, VEX) or 16 (AVX-512, EVEX).
// Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2.
#include <stdint.h>
#include <string.h>

typedef struct {
  uint8_t *at, *end;  // the next byte, and where there is no more room
  int lanes;
} assembly;

static void put(assembly *code, const void *bytes, size_t count) {
  if (code->at + count <= code->end) memcpy(code->at, bytes, count);
  code->at += count;
}
static void byte(assembly *code, int value) { put(code, &(uint8_t){(uint8_t)value}, 1); }
static void four_bytes(assembly *code, int64_t value) { put(code, &(int32_t){(int32_t)value}, 4); }

// General registers by their numbers. Operands in memory are at rax, or at rax + 4 * index; arguments come in rdi and rsi.
enum { RAX, RCX, RDX, NO_INDEX };

// What an instruction takes last: a vector register, or memory.
typedef struct {
  int vector;  // -1: memory
  int index;
} operand;

static operand in_vector(int vector) { return (operand){vector, NO_INDEX}; }
static operand in_memory(int index) { return (operand){-1, index}; }

// Opcodes with the prefix and the map that they stand in.
typedef enum { NONE, X66 } prefix;
typedef enum { X0F = 1, X0F38, X0F3A } map;
typedef struct { prefix prefix; map map; int opcode; } opcode;

static const opcode LOAD = {NONE, X0F, 0x10}, STORE = {NONE, X0F, 0x11}, BROADCAST = {X66, X0F38, 0x18}, ADD = {NONE, X0F, 0x58},
                    SUBTRACT = {NONE, X0F, 0x5c}, MULTIPLY = {NONE, X0F, 0x59}, DIVIDE = {NONE, X0F, 0x5e}, LARGER = {NONE, X0F, 0x5f},
                    SQUARE_ROOT = {NONE, X0F, 0x51}, AND = {NONE, X0F, 0x54}, EXCLUSIVE_OR = {NONE, X0F, 0x57}, COMPARE = {NONE, X0F, 0xc2},
                    BLEND_BY_VECTOR = {X66, X0F3A, 0x4a}, BLEND_BY_MASK = {X66, X0F38, 0x65};

// to = operation(a, b), or operation(b) where there is one operand (a is 0 then). `mask` is a mask register, 0 for none.
static void encode(assembly *code, opcode operation, int to, int a, operand b, int mask) {
  int inMemory = b.vector < 0, high = inMemory ? 0 : b.vector;
  // the high bits of the registers' numbers are written inverted
  int registers = !(to & 8) << 7 | !(high & 16) << 6 | !(high & 8) << 5, second = (~a & 15) << 3 | operation.prefix;
  if (code->lanes == 16) {
    byte(code, 0x62);
    byte(code, registers | !(to & 16) << 4 | operation.map);
    byte(code, second | 1 << 2);
    byte(code, 2 << 5 | !(a & 16) << 3 | mask);
  } else {
    byte(code, 0xc4);
    byte(code, registers | operation.map);
    byte(code, second | 1 << 2);
  }
  byte(code, operation.opcode);
  if (!inMemory) byte(code, 3 << 6 | (to & 7) << 3 | (b.vector & 7));
  if (inMemory) byte(code, (to & 7) << 3 | (b.index == NO_INDEX ? RAX : 4));
  if (inMemory && b.index != NO_INDEX) byte(code, 2 << 6 | b.index << 3 | RAX);
}

typedef enum { EQUAL = 0x00, UNORDERED = 0x03, LESS = 0x11, GREATER = 0x1e } comparison;

// to = a compares with b ? yes : no, in each lane. Takes mask register 1, or the vector register `spare`.
static void choose(assembly *code, int to, int a, comparison how, int b, int yes, int no, int spare) {
  encode(code, COMPARE, code->lanes == 16 ? 1 : spare, a, in_vector(b), 0);
  byte(code, how);
  if (code->lanes == 16) {
    encode(code, BLEND_BY_MASK, to, no, in_vector(yes), 1);
  } else {
    encode(code, BLEND_BY_VECTOR, to, no, in_vector(yes), 0);
    byte(code, spare << 4);
  }
}

// rax = address
static void set_rax(assembly *code, const void *address) {
  put(code, (uint8_t[]){0x48, 0xb8}, 2);
  put(code, &address, 8);
}
// rax = rdi[place]
static void load_rax(assembly *code, int64_t place) {
  put(code, (uint8_t[]){0x48, 0x8b, 0x87}, 3);
  four_bytes(code, 8 * place);
}
// rcx = rdx & mask
static void mask_rdx(assembly *code, int64_t mask) {
  put(code, (uint8_t[]){0x89, 0xd1, 0x81, 0xe1}, 4);
  four_bytes(code, mask);
}
static void clear_rdx(assembly *code) { put(code, (uint8_t[]){0x31, 0xd2}, 2); }
// Adds to rdx, and goes back to `start` while it is less than rsi.
static void repeat(assembly *code, int step, const uint8_t *start) {
  put(code, (uint8_t[]){0x48, 0x81, 0xc2}, 3);
  four_bytes(code, step);
  put(code, (uint8_t[]){0x48, 0x39, 0xf2, 0x0f, 0x8c}, 5);
  four_bytes(code, start - (code->at + 4));
}
static void leave(assembly *code) { put(code, (uint8_t[]){0xc5, 0xf8, 0x77, 0xc3}, 4); }  // vzeroupper, ret
