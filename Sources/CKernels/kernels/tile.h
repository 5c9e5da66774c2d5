// Sums of a tile, each in the lanes of a vector.

/// Leaves the sums of `count` vectors, each `sum_step` from the one before, at `out`, `step` apart.
INLINE void store_sums(const floats *sum, size_t sum_step, int count, float *out, size_t step) {
  int s = 0;
#pragma clang loop unroll(full)
  for (; s + 4 <= count; s += 4) {
    floats4 sums = sums_of(sum[s * sum_step], sum[(s + 1) * sum_step], sum[(s + 2) * sum_step], sum[(s + 3) * sum_step]);
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) out[(size_t)(s + i) * step] = sums[i];
  }
#pragma clang loop unroll(full)
  for (; s < count; s++) out[(size_t)s * step] = sum_of(sum[s * sum_step]);
}

/// Leaves the sums of a tile: along its longer side, as four together cost less than one at a time.
INLINE void store_tile(floats sum[8][8], int outputs, int rows, float *out, size_t step, size_t out_stride) {
  if (rows > outputs) {
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) store_sums(sum[o], 1, rows, out + (size_t)o * step, out_stride);
  } else {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) store_sums(&sum[0][r], 8, outputs, out + (size_t)r * out_stride, step);
  }
}
