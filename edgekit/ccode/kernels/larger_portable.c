/* Each value of `to` becomes the larger of the two. */
static inline void larger(const int8_t *from, int8_t *to, int32_t count) {
  for (int32_t c = 0; c < count; c++) {
    const int8_t other = from[c];
    if (other > to[c]) to[c] = other;
  }
}
