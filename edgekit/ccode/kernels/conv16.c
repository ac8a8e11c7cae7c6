/* What a pixel's window covers: where it lies, or a copy in `patch` with zeros around the input. */
static const int16_t *gather16(const window *at, const int16_t *input, int32_t y, int32_t x, int16_t *patch) {
  const int32_t end = x + (at->kernel_x - 1) * at->dilation_x, wide = at->kernel_x * at->depth;
  const int32_t whole = x >= 0 && end < at->width && (at->dilation_x == 1 || at->kernel_x == 1) &&
                        (at->depth == at->channels || at->kernel_x == 1);
  int16_t *to = patch;
  for (int32_t ky = 0; ky < at->kernel_y; ky++, to += wide) {
    const int32_t iy = y + ky * at->dilation_y;
    const int32_t inside = iy >= 0 && iy < at->height;
    if (inside && whole) {
      const int16_t *from = input + (iy * at->width + x) * at->channels;
      if (at->kernel_y == 1) return from;
      int32_t i = 0;
      for (; i + 2 <= wide; i += 2) memcpy(to + i, from + i, 4);
      if (i < wide) to[i] = from[i];
      continue;
    }
    for (int32_t kx = 0; kx < at->kernel_x; kx++) {
      const int32_t ix = x + kx * at->dilation_x;
      const size_t bytes = (size_t)at->depth * sizeof(*to);
      if (inside && ix >= 0 && ix < at->width) {
        memcpy(to + kx * at->depth, input + (iy * at->width + ix) * at->channels, bytes);
      } else {
        memset(to + kx * at->depth, 0, bytes);
      }
    }
  }
  return patch;
}

/* Convolution of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/conv.h. From pixel to pixel
   the output goes on by `stride` values. `scratch` holds what four pixels see, an even number of inputs each, and what
   one sees. */
static void conv16(const linear16 *of, const window *at, const int16_t *input, int16_t *output, int32_t stride,
                   int8_t *scratch) {
  const int32_t pixels = at->out_height * at->out_width, channels = of->channels, even = (of->inputs + 1) & ~1;
  int16_t *const patch = (int16_t *)(void *)scratch;
  int32_t ox = 0, y = -at->pad_y, x = -at->pad_x;
  for (int32_t pixel = 0; pixel < pixels; pixel += 4, output += 4 * stride) {
    const int32_t lanes = pixels - pixel < 4 ? pixels - pixel : 4;
    for (int32_t lane = 0; lane < lanes; lane++) {
      spread16(gather16(at, input, y, x, patch + 4 * even), patch + LANE16 * lane, of->inputs);
      x += at->stride_x;
      if (++ox == at->out_width) {
        ox = 0;
        x = -at->pad_x;
        y += at->stride_y;
      }
    }
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < channels; c += 2, weights += 2 * even) {
      const int32_t next = c + 1 < channels ? c + 1 : c;
      const sum16 one = of->bias[c], other = of->bias[next];
      sum16 sums[8] = {one, other, one, other, one, other, one, other};
      block16(of, patch, weights, sums);
      finish16_pair(of, c, sums, output + c, stride, lanes);
    }
  }
}
