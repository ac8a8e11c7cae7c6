/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. Inputs are whole
   fours. `each` is 0 where all outputs have one multiplier and shift, 1 where each has its own. */
static void dense(const linear *of, const int8_t *input, int8_t *output, int32_t rows, int32_t each) {
  const int32_t inputs = of->inputs, zero = of->zero, low = of->low, high = of->high;
  for (; rows > 0; rows--, input += inputs) {
    const int32_t *one = (const int32_t *)(const void *)of->weights, *bias = of->bias, *multiplier = of->multiplier;
    const int8_t *shift = of->shift, *const end = output + of->channels;
    uint32_t offset = 0; /* unsigned, as it goes round where a sum of so many inputs does not */
    for (int32_t i = 0; i < inputs; i++) offset -= (uint32_t)(128 * input[i]);
    while (output != end) {
      const int32_t *other = end - output > 2 ? one + inputs / 2 : one;
      int32_t sums[4] = {0, (int32_t)offset, 0, (int32_t)offset};
      for (int32_t left = inputs, part; left > 0; left -= part, one += part / 2, other += part / 2) {
        part = left < DENSE_LANE ? left : DENSE_LANE;
        dot4(input + inputs - left, part, one, other, sums);
      }
      one = other;
      for (int32_t n = 0; n < 4 && output != end; n++) {
        *output++ = finish(sums[n] + *bias++, *multiplier, *shift, zero, low, high);
        multiplier += each;
        shift += each;
      }
    }
  }
}
