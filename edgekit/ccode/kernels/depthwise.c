/* Depthwise convolution of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h.
   `weights` are (kernel_y * kernel_x, channels); each input channel makes `multiplier` outputs. `scratch` holds a value
   for each input channel: the zero point, for what lies around the image. */
static void TYPED(depthwise)(const TYPED(linear) *layer, const window *at, const VALUE *input, VALUE *output,
                             int32_t multiplier, int8_t *scratch) {
  const TYPED(linear) of = *layer; /* a copy, which no output that is stored can change */
  const int32_t taps = at->kernel_y * at->kernel_x, channels = of.channels, low = of.low, high = of.high;
  VALUE *const around = (VALUE *)(void *)scratch;
  for (int32_t c = 0; c < at->channels; c++) around[c] = (VALUE)at->zero;
  for (int32_t oy = 0; oy < at->out_height; oy++) {
    for (int32_t ox = 0; ox < at->out_width; ox++, output += channels) {
      const VALUE *from[MAX_TAPS];
      for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t iy = oy * at->stride_y - at->pad_y + tap / at->kernel_x * at->dilation_y;
        const int32_t ix = ox * at->stride_x - at->pad_x + tap % at->kernel_x * at->dilation_x;
        const int32_t inside = iy >= 0 && iy < at->height && ix >= 0 && ix < at->width;
        from[tap] = inside ? input + (iy * at->width + ix) * at->channels : around;
      }
      int32_t c = 0;
      if (multiplier == 1) {
        for (; c + 2 <= channels; c += 2) {
          const int8_t *weights = of.weights + c;
          SUM a = of.bias[c], b = of.bias[c + 1];
          for (int32_t tap = 0; tap < taps; tap++, weights += channels) {
            const VALUE *x = from[tap] + c;
            a += x[0] * weights[0];
            b += x[1] * weights[1];
          }
          output[c] = TYPED(ended)(&of, c, a, low, high);
          output[c + 1] = TYPED(ended)(&of, c + 1, b, low, high);
        }
        if (c == channels) continue;
      }
      for (c = multiplier == 1 ? channels - 1 : 0; c < channels; c++) {
        const int8_t *weights = of.weights + c;
        SUM sum = of.bias[c];
        for (int32_t tap = 0; tap < taps; tap++, weights += channels) sum += from[tap][c / multiplier] * weights[0];
        output[c] = TYPED(ended)(&of, c, sum, low, high);
      }
    }
  }
}
