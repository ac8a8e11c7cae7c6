#include "dsp_word.c"
#include "dsp_max.c"

/* Each value of `to` becomes the larger of the two, four at once. */
static inline void larger(const int8_t *from, int8_t *to, int32_t count) {
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    const uint32_t most = max4(word(from), word(to));
    memcpy(to, &most, 4);
  }
  for (; count > 0; count--, from++, to++) *to = *from > *to ? *from : *to;
}
