#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdbool.h>

/// How often the calling thread has asked for heap memory since the program began. Whoever links this target has glibc's
/// allocation functions replaced by ones that count and pass on.
long allocations_of_this_thread(void);

/// Not where a sanitizer has put its own functions in their place.
bool allocations_are_counted(void);

#endif
