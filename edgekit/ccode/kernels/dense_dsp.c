/* Two more sums from four inputs. */
static inline void dot2(uint32_t x, const int8_t *weights, int32_t sums[2]) {
  const uint32_t even = word(weights), odd = word(weights + 4);
  const int32_t y = even16(x), z = odd16(x);
  sums[0] = dot16(z, even16(odd), dot16(y, even16(even), sums[0]));
  sums[1] = dot16(z, odd16(odd), dot16(y, odd16(even), sums[1]));
}

/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
static void dense(const linear *of, const int8_t *input, int8_t *output, int32_t rows) {
  const int32_t whole = of->inputs & ~3;
  for (int32_t r = 0; r < rows; r++, input += of->inputs, output += of->channels) {
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < of->channels; c += 2) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      int32_t sums[2] = {of->bias[c], of->bias[next]};
      for (int32_t i = 0; i < whole; i += 4, weights += 8) dot2(word(input + i), weights, sums);
      if (whole < of->inputs) {
        int8_t last[4] = {0, 0, 0, 0};
        memcpy(last, input + whole, (size_t)(of->inputs - whole));
        dot2(word(last), weights, sums);
        weights += 8;
      }
      output[c] = finish(sums[0], of->multiplier[c], of->shift[c], of->zero, of->low, of->high);
      if (next != c) output[next] = finish(sums[1], of->multiplier[next], of->shift[next], of->zero, of->low, of->high);
    }
  }
}
