/* Sums for two output channels of two pixels, whose inputs stand side by side in `patch`. */
static void dot22(const int8_t *patch, const int8_t *weights, int32_t count, int32_t sums[4]) {
  int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
  for (; count >= 2; count -= 2, patch += 4, weights += 4) {
    int32_t x = patch[0], y = patch[1], w = weights[0], v = weights[1];
    a += x * w;
    b += x * v;
    c += y * w;
    d += y * v;
    x = patch[2];
    y = patch[3];
    w = weights[2];
    v = weights[3];
    a += x * w;
    b += x * v;
    c += y * w;
    d += y * v;
  }
  if (count > 0) {
    a += patch[0] * weights[0];
    b += patch[0] * weights[1];
    c += patch[1] * weights[0];
    d += patch[1] * weights[1];
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}

/* Copies what a pixel's window covers to every second byte of `patch`; around the input lies its zero point. */
static void gather(const window *at, const int8_t *input, int32_t y, int32_t x, int8_t *patch) {
  for (int32_t ky = 0; ky < at->kernel_y; ky++) {
    const int32_t iy = y + ky * at->dilation_y;
    for (int32_t kx = 0; kx < at->kernel_x; kx++) {
      const int32_t ix = x + kx * at->dilation_x;
      if (iy < 0 || iy >= at->height || ix < 0 || ix >= at->width) {
        for (int32_t c = 0; c < at->depth; c++, patch += 2) *patch = (int8_t)at->zero;
      } else {
        const int8_t *from = input + (iy * at->width + ix) * at->channels;
        for (int32_t c = 0; c < at->depth; c++, patch += 2) *patch = from[c];
      }
    }
  }
}

/* Convolution of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/conv.h.
   `scratch` holds 2 * inputs bytes. */
static void conv(const linear *of, const window *at, const int8_t *input, int8_t *output, int32_t stride, int8_t *scratch) {
  const int32_t pixels = at->out_height * at->out_width;
  int32_t ox = 0, y = -at->pad_y, x = -at->pad_x;
  for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
    const int32_t last = pixel + 1 < pixels ? 1 : 0;
    for (int32_t lane = 0; lane <= last; lane++) {
      gather(at, input, y, x, scratch + lane);
      x += at->stride_x;
      if (++ox == at->out_width) {
        ox = 0;
        x = -at->pad_x;
        y += at->stride_y;
      }
    }
    int8_t *one = output + pixel * stride, *other = one + last * stride;
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < of->channels; c += 2, weights += 2 * of->inputs) {
      const int32_t next = c + 1 < of->channels ? c + 1 : c;
      int32_t sums[4] = {of->bias[c], of->bias[next], of->bias[c], of->bias[next]};
      dot22(scratch, weights, of->inputs, sums);
      if (last) {
        if (next != c) other[next] = finish(of, next, sums[3]);
        other[c] = finish(of, c, sums[2]);
      }
      if (next != c) one[next] = finish(of, next, sums[1]);
      one[c] = finish(of, c, sums[0]);
    }
  }
}
