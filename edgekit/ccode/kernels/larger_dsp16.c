#include "word16.c"
#include "dsp_max16.c"

/* Each value of `to` becomes the larger of the two, two at once. */
static inline void larger16(const int16_t *from, int16_t *to, int32_t count) {
  for (; count > 1; count -= 2, from += 2, to += 2) {
    const int32_t most = max2(word16(from), word16(to));
    memcpy(to, &most, 4);
  }
  if (count > 0) *to = *from > *to ? *from : *to;
}
