#include "dsp_word.c"
#include "dsp_pairs.c"
#include "dsp_widen.c"

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

static __attribute__((noinline)) void dot24(const int8_t *scratch, const int8_t *weights, int32_t fours,
                                            int32_t sums[8]) {
  const int32_t *patch = (const int32_t *)(const void *)scratch;
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

/* Fours of inputs, of which the weights of two outputs are eight bytes. */
#define CONV_STEPS(inputs) (((inputs) + 3) / 4)
#define CONV_STEP 8

/* What one of four pixels sees. `scratch` holds 9 * inputs bytes, rounded up to fours of inputs. */
static inline void look(const window *at, const int8_t *input, int32_t y, int32_t x, int32_t inputs, int32_t steps,
                        int32_t lane, int8_t *scratch) {
  int8_t *const narrow = scratch + 32 * steps;
  if (inputs % 4) memset(narrow + inputs, 0, (size_t)(4 * steps - inputs));
  gather(at, input, y, x, narrow);
  widen(narrow, (int32_t *)(void *)scratch + lane, steps);
}
