/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. `scratch` holds
   2 * inputs bytes, rounded up to fours of inputs. */
static void dense(const linear *of, const int8_t *input, int8_t *output, int32_t rows, int8_t *scratch) {
  int32_t *const row = (int32_t *)(void *)scratch;
  const int32_t fours = (of->inputs + 3) / 4;
  for (int32_t r = 0; r < rows; r++, input += of->inputs, output += of->channels) {
    const int8_t *weights = of->weights;
    widen(input, row, of->inputs, 1);
    for (int32_t c = 0; c < of->channels; c += 2) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      int32_t a = of->bias[c], b = of->bias[next];
      for (const int32_t *x = row; x != row + 2 * fours; x += 2, weights += 8) {
        const uint32_t even = word(weights), odd = word(weights + 4);
        a = dot16(x[0], even16(even), a);
        b = dot16(x[0], odd16(even), b);
        a = dot16(x[1], even16(odd), a);
        b = dot16(x[1], odd16(odd), b);
      }
      output[c] = finish(a, of->multiplier[c], of->shift[c], of->zero, of->low, of->high);
      if (next != c) output[next] = finish(b, of->multiplier[next], of->shift[next], of->zero, of->low, of->high);
    }
  }
}
