// A few rows times a weight of any type. Not in gemv.h, as a level may take from there what quantised weights need
// alone.

static void gemv(
    ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride, float *scratch) {
  switch (type) {
    case ck_float32: return gemv_of_type(ck_float32, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
    case ck_bfloat16:
      put_rows_apart(ck_bfloat16, x, rows, x_stride, inputs, scratch);
      return gemv_of_type(ck_bfloat16, weight, outputs, inputs, scratch, rows, inputs, out, out_stride);
    case ck_float16: return gemv_of_type(ck_float16, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
    case ck_q8_0:
    case ck_q4_0:
      return gemv_of_blocks(type, weight, outputs, inputs, x, rows, x_stride, out, out_stride, scratch);
  }
}
