#include "CKernels.h"
#include <stddef.h>
const vk_table *vk_table_named(const char *name) { (void)name; return NULL; }
const vk_table *vk_table_best(void) { return NULL; }
int64_t vk_scratch(const vk_program *program) { (void)program; return 0; }
