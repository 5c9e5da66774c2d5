// Every kernel, for the vector width WIDTH, gathered in the table LEVEL. Included once by each level_*.c.
#include "vector.h"

#include "exponential.h"
#include "judgement.h"

#include "attention.h"
#include "cast.h"
#include "convolution.h"
#include "delta_rule.h"
#include "elementwise.h"
#include "gemm.h"
#include "gemv.h"
#include "norms.h"
#include "read.h"
#include "statistics.h"

#include "delta_rule_chunked.h"

const ck_kernels LEVEL = {
    .widen = widen,
    .narrow = narrow,
    .read = read_values,
    .statistics = statistics,
    .difference = difference,
    .gemv = gemv,
    .sgemm = sgemm,
    .exponential = exponential,
    .add = add,
    .multiply = multiply,
    .silu = silu,
    .multiply_silu = multiply_silu,
    .sigmoid = sigmoid,
    .rms_norm = rms_norm,
    .l2_normalize = l2_normalize,
    .log_decay = log_decay,
    .rotate = rotate,
    .convolution = convolution,
    .attend = attend,
    .combine = combine,
    .softmax_block = softmax_block,
    .delta_rule = delta_rule,
    .delta_rule_chunked = delta_rule_chunked,
    .divergence = divergence,
    .log_sum_exp = log_sum_exp,
};
