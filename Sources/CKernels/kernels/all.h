// Every kernel, for vectors of WIDTH floats in REGISTERS registers, gathered in the table LEVEL. Included once by each level_*.c.
#include "vector.h"

#include "exponential.h"
#include "judgement.h"

#include "cast.h"
#include "convolution.h"
#include "elementwise.h"
#include "gemm.h"
#include "gemv.h"
#include "linear_recurrence.h"
#include "product.h"
#include "quantize.h"
#include "norms.h"
#include "read.h"
#include "statistics.h"

#include "attention.h"
#include "attention_block.h"
#include "delta_rule_chunked.h"

const ck_kernels LEVEL = {
    .widen = widen,
    .narrow = narrow,
    .quantize = quantize,
    .read = read_values,
    .statistics = statistics,
    .difference = difference,
    .gemv = gemv,
    .linear = linear,
    .sgemm = sgemm,
    .exponential = exponential,
    .add = add,
    .multiply = multiply,
    .silu = silu,
    .multiply_silu = multiply_silu,
    .sigmoid = sigmoid,
    .multiply_sigmoid = multiply_sigmoid,
    .rms_norm = rms_norm,
    .l2_normalize = l2_normalize,
    .log_decay = log_decay,
    .log_sigmoid = log_sigmoid,
    .rotate = rotate,
    .convolution = convolution,
    .attend = attend,
    .combine = combine,
    .attend_block = attend_block,
    .linear_recurrence = linear_recurrence,
    .delta_rule_chunked = delta_rule_chunked,
    .divergence = divergence,
    .log_sum_exp = log_sum_exp,
};
