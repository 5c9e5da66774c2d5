// From float32 to blocks of small integers with a common scale.

static uint16_t scale_bits(float scale) {
  halves lanes = to_float16((floats)scale);
  return lanes[0];
}

/// `value / scale` rounded to nearest even, within `least ... greatest`; 0 for a scale of 0.
static int quantum(float value, float scale, int least, int greatest) {
  if (scale == 0) return 0;
  const float steps = rintf(value / scale);
  return steps < (float)least ? least : steps > (float)greatest ? greatest : (int)steps;
}

static void quantize(ck_type type, const float *source, size_t count, void *target, ck_quantization *error) {
  char *block = target;
  for (size_t first = 0; first < count; first += ck_block, block += ck_row_bytes(type, ck_block)) {
    const float *x = source + first;
    float extreme = 0;
    int finite = 1;
    for (int i = 0; i < ck_block; i++) {
      finite &= isfinite(x[i]);
      extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
    }
    // Eight bits reach from -127 to 127. Four reach from -8 to 7: the extreme gets the longer end.
    float wanted = type == ck_q8_0 ? fabsf(extreme) / 127 : extreme / -8;
    const uint16_t bits = finite ? scale_bits(wanted) : 0x7E00;
    memcpy(block, &bits, sizeof bits);
    // Values are rounded for the scale as it is stored.
    const float scale = float16_value(&bits);
    int8_t quanta[ck_block];
    for (int i = 0; i < ck_block; i++) {
      quanta[i] = (int8_t)(finite ? quantum(x[i], scale, type == ck_q8_0 ? -127 : -8, type == ck_q8_0 ? 127 : 7) : 0);
      const float difference = fabsf(scale * quanta[i] - x[i]);
      error->squared_error += (double)difference * difference;
      error->squares += (double)x[i] * x[i];
      if (!(difference <= error->largest_error)) error->largest_error = difference;
    }
    if (type == ck_q8_0) memcpy(block + 2, quanta, sizeof quanta);
    else
      for (int i = 0; i < ck_block / 2; i++)
        block[2 + i] = (char)((quanta[i] + 8) | (quanta[i + ck_block / 2] + 8) << 4);
  }
}
