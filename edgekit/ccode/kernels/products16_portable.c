#define LANE16 1 /* values from pixel to pixel in a patch */
/* Puts a pixel's inputs to every fourth place of `patch`. */
static void spread16(const int16_t *from, int16_t *patch, int32_t count) {
  for (; count > 1; count -= 2, from += 2, patch += 8) {
    patch[0] = from[0];
    patch[4] = from[1];
  }
  if (count > 0) {
    patch[0] = from[0];
    patch[4] = 0;
  }
}

#define STEP16(k)             \
  do {                        \
    v = weights[2 * (k)];     \
    w = weights[2 * (k) + 1]; \
    x = patch[4 * (k)];       \
    a += x * v;               \
    b += x * w;               \
    x = patch[4 * (k) + 1];   \
    c += x * v;               \
    d += x * w;               \
    x = patch[4 * (k) + 2];   \
    e += x * v;               \
    f += x * w;               \
    x = patch[4 * (k) + 3];   \
    g += x * v;               \
    h += x * w;               \
  } while (0)

/* Adds products to the sums of two output channels of four pixels; `count` is even. */
static __attribute__((noinline)) void products16(const int16_t *patch, const int8_t *weights, int32_t count,
                                                 int32_t sums[8]) {
  int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5], g = sums[6], h = sums[7];
  int32_t v, w, x;
  for (const int8_t *const end = weights + 2 * (count & ~3); weights != end; weights += 8, patch += 16) {
    STEP16(0);
    STEP16(1);
    STEP16(2);
    STEP16(3);
  }
  if (count & 2) {
    STEP16(0);
    STEP16(1);
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
