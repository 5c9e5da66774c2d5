#include "kernels/system.h"

#define WIDTH 4
#define REGISTERS 16
#define LEVEL ck_kernels_portable
#include "kernels/all.h"
