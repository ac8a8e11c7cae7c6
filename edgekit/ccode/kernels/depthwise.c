/* Depthwise convolution of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h.
   `weights` are (kernel_y * kernel_x, channels); each input channel makes `multiplier` outputs. `scratch` holds
   channels bytes, where the zero point stands for what lies around the image. */
static void depthwise(const linear *of, const window *at, const int8_t *input, int8_t *output, int32_t multiplier,
                      int8_t *scratch) {
  const int32_t taps = at->kernel_y * at->kernel_x, channels = of->channels;
  const int32_t *const bias = of->bias, *const multiplier_of = of->multiplier;
  const int8_t *const shift = of->shift;
  const int32_t zero = of->zero, low = of->low, high = of->high;
  for (int32_t c = 0; c < at->channels; c++) scratch[c] = (int8_t)at->zero;
  for (int32_t oy = 0; oy < at->out_height; oy++) {
    for (int32_t ox = 0; ox < at->out_width; ox++, output += channels) {
      const int8_t *from[MAX_TAPS];
      for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t iy = oy * at->stride_y - at->pad_y + tap / at->kernel_x * at->dilation_y;
        const int32_t ix = ox * at->stride_x - at->pad_x + tap % at->kernel_x * at->dilation_x;
        const int32_t inside = iy >= 0 && iy < at->height && ix >= 0 && ix < at->width;
        from[tap] = inside ? input + (iy * at->width + ix) * at->channels : scratch;
      }
      if (multiplier == 1) {
        int32_t c = 0;
        for (; c + 2 <= channels; c += 2) {
          const int8_t *weights = of->weights + c;
          int32_t a = bias[c], b = bias[c + 1];
          for (int32_t tap = 0; tap < taps; tap++, weights += channels) {
            const int8_t *x = from[tap] + c;
            a += x[0] * weights[0];
            b += x[1] * weights[1];
          }
          output[c] = finish(a, multiplier_of[c], shift[c], zero, low, high);
          output[c + 1] = finish(b, multiplier_of[c + 1], shift[c + 1], zero, low, high);
        }
        if (c == channels) continue;
      }
      for (int32_t c = multiplier == 1 ? channels - 1 : 0; c < channels; c++) {
        const int8_t *weights = of->weights + c;
        int32_t sum = bias[c];
        for (int32_t tap = 0; tap < taps; tap++, weights += channels) sum += from[tap][c / multiplier] * weights[0];
        output[c] = finish(sum, multiplier_of[c], shift[c], zero, low, high);
      }
    }
  }
}
