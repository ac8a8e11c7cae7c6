#include "dsp_word.c"
#include "dsp_pairs.c"
#include "dsp_widen.c"
#include "finish_pair.c"

/* Copies what a pixel's window covers to `patch`; around the input lies its zero point. */
static void gather(const window *at, const int8_t *input, int32_t y, int32_t x, int8_t *patch) {
  const int32_t end = x + (at->kernel_x - 1) * at->dilation_x, wide = at->kernel_x * at->depth;
  const int32_t whole = x >= 0 && end < at->width && at->dilation_x == 1 && at->depth == at->channels;
  for (int32_t ky = 0; ky < at->kernel_y; ky++, patch += wide) {
    const int32_t iy = y + ky * at->dilation_y;
    const int32_t inside = iy >= 0 && iy < at->height;
    if (inside && whole) {
      const int8_t *from = input + (iy * at->width + x) * at->channels;
      int32_t i = 0;
      for (; i + 4 <= wide; i += 4) memcpy(patch + i, from + i, 4);
      for (; i < wide; i++) patch[i] = from[i];
      continue;
    }
    for (int32_t kx = 0; kx < at->kernel_x; kx++) {
      const int32_t ix = x + kx * at->dilation_x;
      if (inside && ix >= 0 && ix < at->width) {
        memcpy(patch + kx * at->depth, input + (iy * at->width + ix) * at->channels, (size_t)at->depth);
      } else {
        memset(patch + kx * at->depth, at->zero, (size_t)at->depth);
      }
    }
  }
}

/* Sums for two output channels of four pixels: of every four inputs the even ones of each pixel, then the odd ones. */
#define HALF(x, weight)                  \
  do {                                   \
    const uint32_t pair = word(weight);  \
    const int32_t v = even16(pair), w = odd16(pair); \
    a = dot16((x)[0], v, a);             \
    b = dot16((x)[0], w, b);             \
    c = dot16((x)[1], v, c);             \
    d = dot16((x)[1], w, d);             \
    e = dot16((x)[2], v, e);             \
    f = dot16((x)[2], w, f);             \
    g = dot16((x)[3], v, g);             \
    h = dot16((x)[3], w, h);             \
  } while (0)

static __attribute__((noinline)) void dot24(const int32_t *patch, const int8_t *weights, int32_t fours,
                                            int32_t sums[8]) {
  int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5], g = sums[6], h = sums[7];
  for (const int32_t *const end = patch + 8 * (fours & ~1); patch != end; patch += 16, weights += 16) {
    HALF(patch, weights);
    HALF(patch + 4, weights + 4);
    HALF(patch + 8, weights + 8);
    HALF(patch + 12, weights + 12);
  }
  if (fours & 1) {
    HALF(patch, weights);
    HALF(patch + 4, weights + 4);
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  sums[4] = e;
  sums[5] = f;
  sums[6] = g;
  sums[7] = h;
}

/* Convolution of one image: TFLM, tensorflow/lite/kernels/internal/reference/integer_ops/conv.h. From pixel to pixel
   the output goes on by `stride` bytes. `scratch` holds 9 * inputs bytes, rounded up to fours of inputs. */
static void conv(const linear *of, const window *at, const int8_t *input, int8_t *output, int32_t stride,
                 int8_t *scratch) {
  const int32_t pixels = at->out_height * at->out_width, channels = of->channels, fours = (of->inputs + 3) / 4;
  int32_t *const patches = (int32_t *)(void *)scratch;
  int8_t *const narrow = scratch + 32 * fours;
  int32_t ox = 0, y = -at->pad_y, x = -at->pad_x;
  memset(narrow + of->inputs, 0, (size_t)(4 * fours - of->inputs));
  for (int32_t pixel = 0; pixel < pixels; pixel += 4, output += 4 * stride) {
    const int32_t lanes = pixels - pixel < 4 ? pixels - pixel : 4;
    for (int32_t lane = 0; lane < lanes; lane++) {
      gather(at, input, y, x, narrow);
      widen(narrow, patches + lane, fours);
      x += at->stride_x;
      if (++ox == at->out_width) {
        ox = 0;
        x = -at->pad_x;
        y += at->stride_y;
      }
    }
    const int8_t *weights = of->weights;
    for (int32_t c = 0; c < channels; c += 2, weights += 8 * fours) {
      const int32_t next = c + 1 < channels ? c + 1 : c;
      const int32_t one = of->bias[c], other = of->bias[next];
      int32_t sums[8] = {one, other, one, other, one, other, one, other};
      dot24(patches, weights, fours, sums);
      finish_pair(of, c, sums, output + c, stride, lanes);
    }
  }
}
