// System headers, included before the instruction set is widened for the kernels that follow.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../levels.h"

#if defined(__aarch64__)
#define HAS_FMA 1
#define HAS_HALF 1
#endif
