#include "narrow.c"

#ifdef NARROW
/* Sums for two output channels of four pixels, whose inputs stand side by side in `patch`: of two pixels at a time. */
static __attribute__((noinline)) void dot24(const int8_t *patch, const int8_t *weights, int32_t count, int32_t sums[8]) {
  for (const int8_t *const end = patch + 2; patch != end; patch++, sums += 2) {
    const int8_t *x = patch, *w = weights;
    int32_t a = sums[0], b = sums[1], c = sums[4], d = sums[5];
    for (int32_t left = count; left > 0; left--, x += 4, w += 2) {
      a += x[0] * w[0];
      b += x[0] * w[1];
      c += x[2] * w[0];
      d += x[2] * w[1];
    }
    sums[0] = a;
    sums[1] = b;
    sums[4] = c;
    sums[5] = d;
  }
}
#else
/* Sums for two output channels of four pixels, whose inputs stand side by side in `patch`. One product with a packed
   pair of weights is two: the lower lane of the sum has 23 bits, which LANE products cannot overflow. */
#define LANE 256
#define STEP(k)                                                              \
  do {                                                                       \
    const int32_t pair = weights[2 * (k)] + weights[2 * (k) + 1] * (1 << 23); \
    a += (int64_t)patch[4 * (k)] * pair;                                     \
    b += (int64_t)patch[4 * (k) + 1] * pair;                                 \
    c += (int64_t)patch[4 * (k) + 2] * pair;                                 \
    d += (int64_t)patch[4 * (k) + 3] * pair;                                 \
  } while (0)

static inline void unpack(int64_t lanes, int32_t sums[2]) {
  const int32_t low = (int32_t)((uint32_t)lanes << 9) >> 9;
  sums[0] += low;
  sums[1] += (int32_t)((lanes - low) >> 23);
}

static __attribute__((noinline)) void dot24(const int8_t *patch, const int8_t *weights, int32_t count, int32_t sums[8]) {
  while (count > 0) {
    const int32_t part = count < LANE ? count : LANE;
    const int8_t *const fours = weights + 2 * (part & ~3), *const end = weights + 2 * part;
    int64_t a = 0, b = 0, c = 0, d = 0;
    for (; weights != fours; weights += 8, patch += 16) {
      STEP(0);
      STEP(1);
      STEP(2);
      STEP(3);
    }
    for (; weights != end; weights += 2, patch += 4) STEP(0);
    unpack(a, sums);
    unpack(b, sums + 2);
    unpack(c, sums + 4);
    unpack(d, sums + 6);
    count -= part;
  }
}
#endif

/* Copies what a pixel's window covers to every fourth byte of `patch`; around the input lies its zero point. */
static void gather(const window *at, const int8_t *input, int32_t y, int32_t x, int8_t *patch) {
  const int32_t end = x + (at->kernel_x - 1) * at->dilation_x;
  const int32_t whole = x >= 0 && end < at->width && at->dilation_x == 1 && at->depth == at->channels;
  for (int32_t ky = 0; ky < at->kernel_y; ky++) {
    const int32_t iy = y + ky * at->dilation_y;
    const int32_t inside = iy >= 0 && iy < at->height;
    if (inside && whole) {
      const int8_t *from = input + (iy * at->width + x) * at->channels;
      for (int32_t i = at->kernel_x * at->channels; i > 0; i--, patch += 4) *patch = *from++;
      continue;
    }
    for (int32_t kx = 0; kx < at->kernel_x; kx++) {
      const int32_t ix = x + kx * at->dilation_x;
      const int32_t start = (iy * at->width + ix) * at->channels;
      if (inside && ix >= 0 && ix < at->width) {
        for (int32_t c = 0; c < at->depth; c++, patch += 4) *patch = input[start + c];
      } else {
        for (int32_t c = 0; c < at->depth; c++, patch += 4) *patch = (int8_t)at->zero;
      }
    }
  }
}

/* Inputs, of which the weights of two outputs are two bytes. */
#define CONV_STEPS(inputs) (inputs)
#define CONV_STEP 2

/* What one of four pixels sees. `scratch` holds 4 * inputs bytes. */
static inline void look(const window *at, const int8_t *input, int32_t y, int32_t x, int32_t inputs, int32_t steps,
                        int32_t lane, int8_t *scratch) {
  (void)inputs;
  (void)steps;
  gather(at, input, y, x, scratch + lane);
}
