// Every kernel, for vectors of WIDTH floats in REGISTERS registers, gathered in the table LEVEL. Included once by each level_*.c.
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
    .rotate_back = rotate_back,
    .log_decay_gradient = log_decay_gradient,
    .log_sigmoid_gradient = log_sigmoid_gradient,
    .convolution = convolution,
    .convolution_gradient = convolution_gradient,
    .attend = attend,
    .combine = combine,
    .attend_block = attend_block,
    .attention_gradient = attention_gradient,
    .linear_recurrence = linear_recurrence,
    .delta_rule_chunked = delta_rule_chunked,
    .linear_recurrence_gradient = linear_recurrence_gradient,
    .delta_rule_gradient = delta_rule_gradient,
    .divergence = divergence,
    .log_sum_exp = log_sum_exp,
    .linear_input_gradient = linear_input_gradient,
    .linear_weight_gradient = linear_weight_gradient,
    .add_rows = add_rows,
    .scale_gradient = scale_gradient,
    .rms_norm_gradient = rms_norm_gradient,
    .l2_normalize_gradient = l2_normalize_gradient,
    .silu_gradient = silu_gradient,
    .sigmoid_gradient = sigmoid_gradient,
    .multiply_silu_gradient = multiply_silu_gradient,
    .multiply_sigmoid_gradient = multiply_sigmoid_gradient,
    .divergence_gradient = divergence_gradient,
    .sparse_divergence_gradient = sparse_divergence_gradient,
    .cross_entropy_gradient = cross_entropy_gradient,
    .distance_gradient = distance_gradient,
    .sum_of_squares = sum_of_squares_in_double,
    .adam_step = adam_step,
};
