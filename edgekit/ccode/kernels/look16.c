/* Inputs, an even number, of which the weights of two outputs are two bytes. */
#define CONV_STEPS16(inputs) (((inputs) + 1) & ~1)
#define CONV_STEP16 2

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

/* What one of four pixels sees. `scratch` holds what four see, an even number of inputs each, and what one sees. */
static inline void look16(const window *at, const int16_t *input, int32_t y, int32_t x, int32_t inputs, int32_t steps,
                          int32_t lane, int8_t *scratch) {
  int16_t *const patch = (int16_t *)(void *)scratch;
  spread16(gather16(at, input, y, x, patch + 4 * steps), patch + LANE16 * lane, inputs);
}
