// Every kernel, for vectors of WIDTH floats in REGISTERS registers, gathered in the table LEVEL. Included once by each
// instruction set.
#include "vector.h"

#include "exponential.h"
#include "judgement.h"

#include "cast.h"
#include "convolution.h"
#include "decay_gradient.h"
#include "elementwise.h"
#include "gemm.h"
#include "tile.h"
#include "gemv_quantized.h"
#include "gemv.h"
#include "gemv_types.h"
#include "linear_recurrence.h"
#include "product.h"
#include "quantize.h"
#include "norms.h"
#include "read.h"
#include "statistics.h"

#include "attention.h"
#include "attention_block.h"
#include "attention_gradient.h"
#include "delta_rule_chunked.h"
#include "recurrence_gradient.h"
#include "delta_rule_chunk.h"
#include "delta_rule_gradient.h"

#include "gradient_products.h"
#include "gradients.h"
#include "losses.h"
#include "optimizer.h"

#define GEMV gemv
#include "table.h"
