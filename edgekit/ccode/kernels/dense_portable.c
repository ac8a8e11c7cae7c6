/* Sums for two output channels of one row. */
static void dot2(const int8_t *row, const int8_t *weights, int32_t count, int32_t sums[2]) {
  int32_t a = sums[0], b = sums[1];
  for (; count >= 4; count -= 4, row += 4, weights += 8) {
    int32_t x = row[0];
    a += x * weights[0];
    b += x * weights[1];
    x = row[1];
    a += x * weights[2];
    b += x * weights[3];
    x = row[2];
    a += x * weights[4];
    b += x * weights[5];
    x = row[3];
    a += x * weights[6];
    b += x * weights[7];
  }
  for (; count > 0; count--, row++, weights += 2) {
    a += row[0] * weights[0];
    b += row[0] * weights[1];
  }
  sums[0] = a;
  sums[1] = b;
}

/* Fully connected: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
static void dense(const linear *of, const int8_t *input, int8_t *output, int32_t rows) {
  for (int32_t row = 0; row < rows; row++, input += of->inputs, output += of->channels) {
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < of->channels; c += 2, weights += 2 * of->inputs) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      int32_t sums[2] = {of->bias[c], of->bias[next]};
      dot2(input, weights, of->inputs, sums);
      output[c] = finish(sums[0], of->multiplier[c], of->shift[c], of->zero, of->low, of->high);
      if (next != c) output[next] = finish(sums[1], of->multiplier[next], of->shift[next], of->zero, of->low, of->high);
    }
  }
}
