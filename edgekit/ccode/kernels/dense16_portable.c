#define ROW16(k)                   \
  do {                             \
    const int32_t x = row[k];      \
    a += x * weights[2 * (k)];     \
    b += x * weights[2 * (k) + 1]; \
  } while (0)

/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
static void dense16(const linear16 *of, const int16_t *input, int16_t *output, int32_t rows) {
  const int32_t inputs = of->inputs;
  for (int32_t r = 0; r < rows; r++, input += inputs, output += of->channels) {
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < of->channels; c += 2) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      const int16_t *row = input;
      sum16 a = of->bias[c], b = of->bias[next];
      for (const int16_t *const end = input + (inputs & ~3); row != end; row += 4, weights += 8) {
        ROW16(0);
        ROW16(1);
        ROW16(2);
        ROW16(3);
      }
      for (const int16_t *const end = input + inputs; row != end; row++, weights += 2) ROW16(0);
      weights += 2 * (inputs & 1);
      output[c] = ended16(of, c, a, of->low, of->high);
      if (next != c) output[next] = ended16(of, next, b, of->low, of->high);
    }
  }
}
