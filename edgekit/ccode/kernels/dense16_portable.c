/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
static void dense16(const linear16 *of, const int16_t *input, int16_t *output, int32_t rows) {
  const int32_t inputs = of->inputs;
  for (int32_t row = 0; row < rows; row++, input += inputs, output += of->channels) {
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < of->channels; c += 2) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      sum16 a = of->bias[c], b = of->bias[next];
      int32_t i = 0;
      for (; i + 2 <= inputs; i += 2, weights += 4) {
        int32_t x = input[i];
        a += x * weights[0];
        b += x * weights[1];
        x = input[i + 1];
        a += x * weights[2];
        b += x * weights[3];
      }
      if (i < inputs) {
        a += input[i] * weights[0];
        b += input[i] * weights[1];
        weights += 4;
      }
      output[c] = finish16(of, c, a, of->low, of->high);
      if (next != c) output[next] = finish16(of, next, b, of->low, of->high);
    }
  }
}
