// System headers, included before the instruction set is widened for the kernels that follow.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../levels.h"
