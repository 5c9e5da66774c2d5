#include "kernels/system.h"

// Everything used here is in the base of the architecture; conversions of float16 are, arithmetic in it is not.
#if defined(__aarch64__)
#define WIDTH 4
#define REGISTERS 32
#define HAS_FMA 1
#define HAS_HALF 1
#define LEVEL ck_kernels_neon
#include "kernels/all.h"
#endif
